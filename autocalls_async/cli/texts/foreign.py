"""Places as other tools write them, such as `[name]` and `%name%`.

Pure: no I/O, no clock, no asyncio.

They are nothing to us, and would reach people as they stand. Only one that names a
column of the file is surely meant so: `[sic]` and `<3` are texts.
"""

import re
from collections.abc import Collection
from functools import lru_cache

from autocalls_async.cli.tables.headings import fold

_STYLES = (
    r"\*\|([^|*\n]+)\|\*",
    r"<<([^<>\n]+)>>",
    r"\[\[([^\[\]\n]+)\]\]",
    r"%\(([^()\n]+)\)s",
    r"%([^%\n]+)%",
    r"\u00ab([^\u00ab\u00bb\n]+)\u00bb",
    r"\uff5b([^\uff5b\uff5d\n]+)\uff5d",
    r"__(\w+?)__",
    r"\[([^\[\]\n]+)\]",
    r"<([^<>\n]+)>",
    r"\$([^\W\d]\w*)",
)
# One may begin where another ends: `100% for %name%`.
_PLACE = re.compile(f"(?=({'|'.join(_STYLES)}))")


def find_foreign(text: str, headings: Collection[str]) -> tuple[str, str] | None:
    """Return the first place that names a column, and the column, if there is one.

    Args:
        text: What people will get.
        headings: The columns', folded.
    """
    for token, name in _places(text):
        if fold(name) in headings:
            return token, name.strip()
    return None


def check_foreign(text: str, headings: Collection[str]) -> None:
    """Raise `ValueError` where a place of another tool names a column.

    Args:
        text: What people will get.
        headings: The columns', folded.
    """
    if found := find_foreign(text, headings):
        token, name = found
        msg = f"{token!r} would reach people as it is; a column's place is written "
        raise ValueError(msg + f"{{{name}}}")


@lru_cache  # that of a campaign is asked for with each row of a JSONL file
def _places(text: str) -> tuple[tuple[str, str], ...]:
    found = _PLACE.finditer(text)
    return tuple(
        (token, next(filter(None, names)))
        for token, *names in (place.groups() for place in found)
    )
