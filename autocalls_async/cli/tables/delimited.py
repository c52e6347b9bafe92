"""CSV and its kin: columns between commas, semicolons, tabs or bars.

Pure: no I/O, no clock, no asyncio.

Which of them separates is told by which makes known headings appear; a first line
`sep=;`, as some write for Excel, is heard first.
"""

import csv
import re
from collections.abc import Collection, Iterable, Iterator
from collections.abc import Set as AbstractSet
from itertools import chain, islice

from attrs import frozen

from autocalls_async.cli.tables.headings import fold
from autocalls_async.cli.tables.lines import FileError

_SEPARATORS = (",", ";", "\t", "|")

# Excel's own line; a spreadsheet that saved it again has put separators behind it.
_TOLD = re.compile(r'"?sep=([^\w\s"\']|\t)"?[,;\t|]*\s*', re.IGNORECASE)

_NOTHING = re.compile(r"[\s\0\x1a]*")  # also what old systems end or fill a file with

_HEADER_LINES = 16
"""A heading may have line ends in it; more of them are none."""


@frozen
class Delimited:
    """Records of a file, the header first.

    Attributes:
        separator: What stands between two columns.
        records: Each with the line on which it begins; empty ones are left out.
    """

    separator: str
    records: Iterator[tuple[int, list[str]]]


def read_delimited(lines: Iterator[str], *, known: Collection[str]) -> Delimited:
    """Find out what separates the columns, and read the records.

    Args:
        lines: With their ends.
        known: Headings that are looked for.
    """
    before, told, head = 0, "", list[str]()
    for line in lines:
        if found := None if told else _TOLD.fullmatch(line):
            told = found[1]
        elif line.strip():
            head = [line, *islice(lines, _HEADER_LINES - 1)]
            break
        before += 1
    separator = _choose(head, told, set(map(fold, known)))
    is_spaced = _is_spaced(head, separator)
    records = _records(chain(head, lines), separator, before, is_spaced=is_spaced)
    return Delimited(separator, records)


def _is_spaced(head: Iterable[str], separator: str) -> bool:
    """Whether quoted cells stand behind a blank, as in `a, "b"`."""
    parted = re.escape(separator)
    quoted = re.compile(rf'{parted} +"(?:[^"]|"")*" *(?:{parted}|$)', re.MULTILINE)
    return any(map(quoted.search, head))


def _choose(head: list[str], told: str, known: AbstractSet[str]) -> str:
    """Return the separator that makes most of the known headings appear.

    Where none does, it is the one that was told, or the one that makes most columns.
    """

    def score(separator: str) -> tuple[int, bool, int]:
        headings = _header(head, separator)
        found = len(known & set(map(fold, headings)))
        return found, separator == told, 0 if found else len(headings)

    return max((told, *_SEPARATORS) if told else _SEPARATORS, key=score)


def _header(head: Iterable[str], separator: str) -> list[str]:
    try:
        spaced = _is_spaced(head, separator)
        reader = csv.reader(
            head, delimiter=separator, skipinitialspace=spaced, strict=True
        )
        return next(reader, [])
    except csv.Error:  # by another separator it may be one
        return []


def _records(
    lines: Iterable[str], separator: str, before: int, *, is_spaced: bool
) -> Iterator[tuple[int, list[str]]]:
    # Strict: an open quotation mark would swallow the rest as one message.
    reader = csv.reader(
        lines, delimiter=separator, skipinitialspace=is_spaced, strict=True
    )
    while True:
        line_number = before + reader.line_num + 1
        try:
            values = next(reader, None)
        except csv.Error as error:
            msg = f"line {line_number} is not CSV: {error}; look for a stray quote"
            raise FileError(msg) from error
        if values is None:
            return
        if not all(map(_NOTHING.fullmatch, values)):
            yield line_number, values
