"""Long texts in parts that one message can hold.

Pure: no I/O, no clock, no asyncio.
"""

import re
import unicodedata

from autocalls_async.model.checks import MAX_MESSAGE_LENGTH, check_count, check_text
from autocalls_async.model.values.naming import show_in

_CUTS = (
    re.compile(r"\n[^\S\n]*\n\s*"),  # a paragraph's end
    re.compile(r"\n\s*"),  # a line's
    re.compile(r"(?<=[.!?…。！？])[\"'”’»)\]]*\s+|(?<=[。！？])"),  # noqa: RUF001  # a sentence's
    re.compile(r"\s+"),  # a word's
)
"""Where a text may be cut, best first."""

_JOINER = "\u200d"
_MODIFIERS = range(0x1F3FB, 0x1F400)  # the skin tones of emoji
_LETTERS = range(0x1F1E6, 0x1F200)  # two of them are a flag
_TAGS = range(0xE0020, 0xE0080)  # they spell the flags of regions
_MOST_LOOKED_BACK = 64  # marks in a row that still belong to a letter


def split_text(text: str, *, limit: int = MAX_MESSAGE_LENGTH) -> tuple[str, ...]:
    """Return a text in parts, each of which fits into one message.

    It is cut at the end of a paragraph, else of a line, a sentence or a word; never
    within a letter with its marks, or an emoji. White space at a cut is left out.

    Args:
        text: Of any length, but not blank.
        limit: Characters (code points) in a part, at most.

    Raises:
        ValueError: The text is blank or no text, or the limit is no count.
    """
    rest = check_text("text", text).strip()
    check_count("limit", limit)
    if not rest:
        msg = "text must not be blank"
        raise ValueError(msg)
    parts = []
    while len(rest) > limit:
        end, begin = _find_cut(rest, limit)
        parts.append(rest[:end].rstrip())
        rest = rest[begin:].lstrip()
    return (*parts, rest)


def _find_cut(text: str, limit: int) -> tuple[int, int]:
    """Return where the first part ends, and where the next begins."""
    # White space behind the limit is left out: it tells what ends there.
    head = text[: len(text) - len(text[limit:].lstrip())]
    for pattern in _CUTS:
        # A part should not be half empty for the sake of a better place.
        found = [m for m in pattern.finditer(head) if 2 * m.end() > limit]
        if found:
            cut = found[-1]
            return cut.start() + len(cut[0].rstrip()), cut.end()
    cut_at = _whole_letter(text, limit)
    return cut_at, cut_at


def _whole_letter(text: str, limit: int) -> int:
    """Return the last place up to the limit that is within no letter."""
    for place in range(limit, max(limit - _MOST_LOOKED_BACK, 0), -1):
        if not _belongs_together(text, place):
            return place
    return limit


def _belongs_together(text: str, place: int) -> bool:
    before, after = text[place - 1], text[place]
    code = ord(after)
    if unicodedata.category(after).startswith("M") or _JOINER in (before, after):
        return True
    if code in _MODIFIERS or code in _TAGS:
        return True
    return code in _LETTERS and _is_second_of_flag(text, place)


def _is_second_of_flag(text: str, place: int) -> bool:
    count = 0
    while count < place and ord(text[place - 1 - count]) in _LETTERS:
        count += 1
    return count % 2 == 1


show_in("autocalls_async", "split_text", of=globals())
