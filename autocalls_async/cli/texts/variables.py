"""What a template's variables may hold.

Pure: no I/O, no clock, no asyncio. Meta refuses a message whose variable breaks
these rules; the API's own reference says nothing of them.
"""

import re
from collections.abc import Mapping

from autocalls_async.campaign.planning.templates import show_slot, slots_of
from autocalls_async.model.listings import Template

MAX_VARIABLE_LENGTH = 1024
"""Characters in one variable: as many as a template's whole body may have."""

_LINE_ENDS = re.compile(r"[\n\v\f\r\x1c-\x1e\x85\u2028\u2029]")
_CONTROL = re.compile(r"[\x00-\x08\x0e-\x1b\x1f]")
_BLANKS = re.compile(r"[\n\v\f\r\x1c-\x1e\x85\u2028\u2029\t]+| {5,}")


def fault_of(text: str) -> str | None:
    """Return which rule a variable's text breaks, if it does."""
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


def check_names(template: Template, variables: Mapping[str, object]) -> None:
    """Raise `ValueError` unless each variable of a template has its text."""
    slots = slots_of(template) or ()
    lacking = [slot for slot in slots if not any(map(variables.get, slot))]
    if lacking:
        what = ", ".join(map(show_slot, lacking))
        msg = f"template {template.name or template.id} lacks a text for {what}"
        msg += ": give --var for each"
        raise ValueError(msg)


def surplus_of(template: Template, variables: Mapping[str, object]) -> list[str]:
    """Return which variables a template does not have, as far as that is known."""
    slots = slots_of(template)
    if slots is None:
        return []
    return sorted(variables.keys() - frozenset[str]().union(*slots))
