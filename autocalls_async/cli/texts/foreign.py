"""Places as other tools write them, such as `[name]` and `%name%`.

Pure: no I/O, no clock, no asyncio.

They are nothing to us, and would reach people as they stand. Most are surely meant so
only where they name a column of the file: `[sic]` and `<3` are texts.
"""

import re
import unicodedata
from collections.abc import Collection
from functools import lru_cache

from autocalls_async.cli.tables.headings import fold

_NEVER_TEXTS = (
    r"\*\|([^|*\n]+)\|\*",
    r"<%=?([^<>%\n]+)%>",
    r"%\(([^()\n]+)\)s",
    r"##(\w+)##",
    r"@@(\w+)@@",
)
"""Found whatever they name."""

_STYLES = (
    r"<<([^<>\n]+)>>",
    r"\[\[([^\[\]\n]+)\]\]",
    r"%([^%\n]+)%",
    r"%(\w+)",
    r"\u00ab([^\u00ab\u00bb\n]+)\u00bb",
    r"\u2039([^\u2039\u203a\n]+)\u203a",
    r"\u3010([^\u3010\u3011\n]+)\u3011",
    r"\uff5b([^\uff5b\uff5d\n]+)\uff5d",
    r"__(\w+?)__",
    r"\[([^\[\]\n]+)\]",
    r"<([^<>\n]+?)/?>",
    r"\$([^\W\d]\w*)",
    r"\$\(([^()\n]+)\)",
    r"#([^\W\d]\w*)#",
    r"\|([^\W\d][\w ]*)\|",
    r"~~([^\W\d]\w*)~~",
    r"==([^\W\d]\w*)==",
    r"\^([^\W\d]\w*)\^",
    r"&([^\W\d]\w*);",
)
# One may begin where another ends: `100% for %name%`.
_SURE = re.compile(f"(?=({'|'.join(_NEVER_TEXTS)}))")
_PLACE = re.compile(f"(?=({'|'.join(_STYLES)}))")
_PARTS = re.compile(r"[\W_]+")


def find_foreign(text: str, headings: Collection[str]) -> tuple[str, str] | None:
    """Return the first place of another tool, and its name, if there is one.

    Args:
        text: What people will get.
        headings: The columns', folded.
    """
    places, names = _places(text), None
    for token, name, is_sure in places:
        names = names or {_squeeze(heading) for heading in headings}
        if is_sure or (_squeeze(fold(name)) in names and _squeeze(name)):
            return token, name.strip()
    return None


def check_foreign(text: str, headings: Collection[str]) -> None:
    """Raise `ValueError` where a place of another tool stands.

    Args:
        text: What people will get.
        headings: The columns', folded.
    """
    if found := find_foreign(text, headings):
        token, name = found
        msg = f"{token!r} would reach people as it is; a column's place is written "
        raise ValueError(msg + f"{{{name}}}")


def _squeeze(name: str) -> str:
    """Return what is the same for `first name`, `first_name` and `FirstName`."""
    return _PARTS.sub("", name).casefold()


@lru_cache  # that of a campaign is asked for with each row of a JSONL file
def _places(text: str) -> tuple[tuple[str, str, bool], ...]:
    """Return each place, its name, and whether it is surely one."""
    narrow = unicodedata.normalize("NFKC", text)
    found = [
        (token, next(filter(None, names)), pattern is _SURE)
        for pattern in (_SURE, _PLACE)
        for form in dict.fromkeys((text, narrow))
        for token, *names in (place.groups() for place in pattern.finditer(form))
    ]
    return tuple(found)
