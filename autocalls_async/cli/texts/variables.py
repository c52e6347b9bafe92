"""What a template's variables may hold.

Pure: no I/O, no clock, no asyncio. Meta refuses a message whose variable breaks
these rules; the API's own reference says nothing of them.
"""

import re

MAX_VARIABLE_LENGTH = 1024
"""Characters in one variable: as many as a template's whole body may have."""

_LINE_ENDS = re.compile(r"[\n\v\f\r\x1c-\x1e\x85\u2028\u2029]")
_CONTROL = re.compile(r"[\x00-\x08\x0e-\x1b\x1f]")
_BLANKS = re.compile(r"[\n\v\f\r\x1c-\x1e\x85\u2028\u2029\t]+| {5,}")


def fault_of(text: str) -> str | None:
    """Say which rule a variable's text breaks, if it does."""
    if _LINE_ENDS.search(text):
        return "holds a line break"
    if "\t" in text:
        return "holds a tab"
    if "     " in text:
        return "holds more than four spaces in a row"
    if _CONTROL.search(text):
        return "holds a control character"
    if len(text) > MAX_VARIABLE_LENGTH:
        return f"has {len(text):,} characters, more than {MAX_VARIABLE_LENGTH:,}"
    return None


def flatten(text: str) -> str:
    """Put one space in place of line breaks, tabs and too many spaces."""
    return re.sub(" {5,}", " ", _BLANKS.sub(" ", text)).strip()


def check_variable(name: str, text: str, *, how_to_mend: str = "") -> None:
    """Raise `ValueError` where a variable's text breaks a rule.

    Args:
        name: The variable's.
        text: Its text.
        how_to_mend: Said of blanks, which can be mended.
    """
    if fault := fault_of(text):
        mend = how_to_mend if fault_of(flatten(text)) is None else ""
        msg = f"variable {name!r} {fault}, which WhatsApp does not take{mend}"
        raise ValueError(msg)
