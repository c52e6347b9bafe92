"""Headings of columns, matched as people see them.

Pure: no I/O, no clock, no asyncio.
"""

import unicodedata
from collections.abc import Iterable, Sequence
from functools import lru_cache

from autocalls_async.journal.keys import show_key

_MOST_NAMES = 20


@lru_cache(maxsize=4096)  # each row of a JSONL file names its columns anew
def fold(heading: str) -> str:
    """Return what is the same for each spelling of a heading.

    Case (that of Turkish too), blanks around it, runs of blanks or line ends in it,
    marks of no width and full-width letters make no other heading.
    """
    seen = unicodedata.normalize("NFKC", heading)
    seen = "".join(c for c in seen if unicodedata.category(c) != "Cf")
    folded = " ".join(seen.split()).casefold()
    return folded.replace("i\u0307", "i").replace("\u0131", "i")


def find_twice(headings: Sequence[str], wanted: Iterable[str]) -> str | None:
    """Return a heading that is wanted and is there twice, if there is one.

    The others may be there as often as they like: nobody asks for them.
    """
    folded = [fold(heading) for heading in headings]
    asked = set(map(fold, wanted))
    for heading, key in zip(headings, folded, strict=True):
        if key in asked and folded.count(key) > 1:
            return heading
    return None


def missing_of(wanted: Iterable[str], *, known: Iterable[str]) -> list[str]:
    """Return the wanted columns that are not among those known."""
    there = set(map(fold, known))
    return [name for name in dict.fromkeys(wanted) if fold(name) not in there]


def check_columns(wanted: Iterable[str], *, known: Iterable[str]) -> None:
    """Raise `ValueError` unless every wanted column is among those known."""
    names = list(known)
    if missing := missing_of(wanted, known=names):
        msg = f"there is no column {' or '.join(map(repr, missing))}; "
        raise ValueError(msg + f"there is {show_headings(names)}")


def show_headings(names: Iterable[str]) -> str:
    """Return headings for people, the first of them."""
    # A file without a header shows its first person here.
    named = [name for name in names if name.strip()]
    shown = ", ".join(show_key(name[:40]) for name in named[:_MOST_NAMES])
    more = len(named) - _MOST_NAMES
    return f"{shown} and {more} more" if more > 0 else shown or "none"
