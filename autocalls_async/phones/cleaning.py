"""What somebody wrote for a number, without what nobody sees or means.

Pure: no I/O, no clock, no asyncio. Whether it is a number is not asked here.
"""

import re
import unicodedata

# By which people keep a spreadsheet from mangling a number, and what links begin with.
_GUARD = re.compile(
    r"""^(?:=\s*)?["'`\u2018-\u201f]?(?:(?:tel|whatsapp):)?|["'\u2018-\u201f]$""",
    re.IGNORECASE,
)
_DASHES = re.compile(r"[\u2010-\u2015\u2212\u2500\u30fc]")
_CODE_IN_BRACKETS = re.compile(r"^\(\s*(\+\s*[0-9]{1,3})\s*\)")
# As WhatsApp writes them: with their country's code, and no plus.
_LINK = re.compile(
    r"(?:https?://)?(?:wa\.me/|api\.whatsapp\.com/send/?\?phone=)\+?([0-9]{7,15})"
    r"(?:[/?&].*)?|([0-9]{7,15})@(?:c\.us|s\.whatsapp\.net)",
    re.IGNORECASE,
)
_FLOAT_TAIL = re.compile(r"(\+?[0-9]{7,15})[.,]0")
_PLUS_BEHIND = re.compile(r"([1-9][0-9 ().\-/]*)\+")  # written from the right


def clean_phone(text: object) -> str | None:
    """Return what was written without what nobody sees or means, if it is text.

    A raised or circled digit is a note's and no part of a number, and a line end in a
    cell parts two things: neither is dropped or joined.
    """
    if not isinstance(text, str) or any(map(_is_a_note, text)):
        return None
    seen = "".join(
        _plain(c)
        for c in unicodedata.normalize("NFKC", text.strip())
        if unicodedata.category(c) != "Cf"
    )
    seen = _DASHES.sub("-", seen).strip()
    seen = _GUARD.sub("", seen).strip()
    if link := _LINK.fullmatch(seen):
        return f"+{link[1] or link[2]}"
    if tail := _FLOAT_TAIL.fullmatch(seen):
        return tail[1]
    if behind := _PLUS_BEHIND.fullmatch(seen):
        return f"+{behind[1]}"
    return _CODE_IN_BRACKETS.sub(r"\1 ", seen)


def _plain(character: str) -> str:
    """Return any script's digit as that of ASCII, and any blank as a space."""
    match unicodedata.category(character):
        case "Zs":
            return " "
        case "Nd":
            return str(unicodedata.decimal(character))
    return character


def _is_a_note(character: str) -> bool:
    return unicodedata.category(character) == "No"
