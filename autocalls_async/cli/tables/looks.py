"""How a sheet looks beside its values: hidden rows, and numbers shown otherwise.

Pure: no clock, no asyncio; bytes come from a stream that was lent.

A value alone does not say that a filter hides its row, nor that 1067 is shown as 01067.
Workbooks of XML say both (`.xlsx`, `.xlsm`); of others nothing is told.
"""

import re
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import IO, Any, TypeAlias
from xml.parsers.expat import ExpatError, ParserCreate
from zipfile import BadZipFile, ZipFile

from attrs import define, field, frozen

_PLAIN = re.compile(r'general|@|[0#]*0(?:"[^"]*"|[_\\].)*|', re.IGNORECASE)
_ZEROS = re.compile(r"0{2,15}")
_PLUS = re.compile(r'(?:"\+"|\\?\+)[0#][-0# ()"\\]*')  # of phone numbers
_PLACE = re.compile(r"([A-Z]{1,3})[0-9]+")
# Formats that every workbook has; those of dates are read as dates.
_KNOWN = dict.fromkeys(range(2, 14), "0.00") | {1: "0", 49: "@"}
_SECTIONS = {"numFmts", "cellStyleXfs", "cellXfs", "cellStyles", "dxfs"}

_Begin: TypeAlias = Callable[[str, dict[str, str]], object]


class ShownOtherwise(float):
    """A number that the sheet shows in another way, as a price or a percentage."""


@define
class Looks:
    """What the values of a sheet do not say.

    Attributes:
        hidden: Rows that nobody sees, from 1.
        codes: Of numbers that are shown otherwise, by row from 1 and column from 0.
    """

    hidden: set[int] = field(factory=set)
    codes: dict[tuple[int, int], str] = field(factory=dict)

    def show(self, row: int, cells: list[Any], *, first: int) -> list[Any]:
        """Return a row with its numbers as they are shown, where that is sure.

        Args:
            row: Its number.
            cells: Its values.
            first: The column of the first of them.
        """
        return [
            self._show(cell, self.codes.get((row, column)))
            if isinstance(cell, float)
            else cell
            for column, cell in enumerate(cells, start=first)
        ]

    def _show(self, number: float, code: str | None) -> float | str:
        if code is None:
            return number
        if number.is_integer() and 0 <= number < 1e15:
            if _ZEROS.fullmatch(code):
                return f"{int(number):0{len(code)}d}"  # 1067 as 01067
            if _PLUS.fullmatch(code):
                return f"+{int(number)}"
        return ShownOtherwise(number)


def read_looks(file: IO[bytes], sheet: str) -> Looks:
    """Return how a sheet looks; nothing where the workbook is of another kind.

    Args:
        file: The workbook.
        sheet: The sheet's name.
    """
    looks = Looks()
    # Whoever reads the values says what is wrong with it.
    with suppress(BadZipFile, KeyError, ValueError, ExpatError), ZipFile(file) as book:
        path = _path_of(book, sheet)
        reader = _SheetReader(looks, list(_codes(book)))
        _read_part(book, path, reader.begin)
    return looks


def _path_of(book: ZipFile, sheet: str) -> str:
    """Return where a sheet stands in a workbook.

    Raises:
        KeyError: It is not there.
    """
    sheets = {
        given["name"]: next(i for name, i in given.items() if name.endswith("}id"))
        for kind, given in _elements(book, "xl/workbook.xml")
        if kind == "sheet"
    }
    targets = {
        given["Id"]: given["Target"]
        for kind, given in _elements(book, "xl/_rels/workbook.xml.rels")
        if kind == "Relationship"
    }
    target = targets[sheets[sheet]]
    return target[1:] if target.startswith("/") else f"xl/{target}"


def _codes(book: ZipFile) -> Iterator[str | None]:
    """Yield the format of each style of a cell; `None` for one that changes nothing."""
    own, section = dict(_KNOWN), ""
    for kind, given in _elements(book, "xl/styles.xml"):
        if kind in _SECTIONS:
            section = kind
        elif (section, kind) == ("numFmts", "numFmt"):
            own[int(given["numFmtId"])] = given["formatCode"]
        elif (section, kind) == ("cellXfs", "xf"):
            code = own.get(int(given.get("numFmtId", "0")), "General")
            first = code.partition(";")[0]
            is_plain = _PLAIN.fullmatch(first) and not _ZEROS.fullmatch(first)
            yield None if is_plain else first


def _elements(book: ZipFile, path: str) -> list[tuple[str, dict[str, str]]]:
    """Return each element of a small part, by its bare name, in turn."""
    found: list[tuple[str, dict[str, str]]] = []
    _read_part(book, path, lambda kind, given: found.append((kind, given)))
    return found


def _read_part(book: ZipFile, path: str, begin: _Begin) -> None:
    """Tell of each element of a part, as it begins."""
    parser = ParserCreate(namespace_separator="}")
    parser.StartElementHandler = lambda name, given: begin(
        name.rpartition("}")[2], given
    )
    with book.open(path) as stream:
        parser.ParseFile(stream)


@frozen
class _SheetReader:
    """Goes through a sheet once, and keeps what its values do not say."""

    looks: Looks
    codes: list[str | None]
    at: list[int] = field(factory=lambda: [0, -1])

    def begin(self, kind: str, given: dict[str, str]) -> None:
        """Note a row or a cell; it may leave out where it is."""
        if kind == "row":
            self.at[:] = int(given.get("r", self.at[0] + 1)), -1
            if given.get("hidden") in {"1", "true"}:
                self.looks.hidden.add(self.at[0])
        elif kind == "c":
            place = _PLACE.fullmatch(given.get("r", ""))
            self.at[1] = _index_of(place[1]) if place else self.at[1] + 1
            style = int(given.get("s", "0"))
            code = self.codes[style] if style < len(self.codes) else None
            if code is not None and given.get("t", "n") == "n":
                self.looks.codes[self.at[0], self.at[1]] = code


def _index_of(letters: str) -> int:
    """Return a column's index by its letters: 0 for A, 26 for AA."""
    index = 0
    for letter in letters:
        index = index * 26 + ord(letter) - 64
    return index - 1
