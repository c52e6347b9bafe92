"""Workbooks of spreadsheets, read through calamine; this is its only door.

A sheet is in memory as a whole while it is read: calamine cannot do otherwise.
"""

from collections.abc import Collection, Iterator
from collections.abc import Set as AbstractSet
from io import BytesIO
from typing import IO, Any

from python_calamine import (
    CalamineError,
    CalamineSheet,
    CalamineWorkbook,
    PasswordError,
    SheetVisibleEnum,
)

from autocalls_async.cli.tables.headings import fold
from autocalls_async.cli.tables.lines import FileError
from autocalls_async.cli.tables.looks import Looks, read_looks


def read_sheet(
    file: IO[bytes], *, name: str | None, known: Collection[str]
) -> tuple[Iterator[tuple[int, list[Any]]], AbstractSet[int]]:
    """Return a sheet's rows, each with its number; empty ones are left out.

    A cell is text, a number, a date, a time or a bool; an empty one, and one whose
    formula failed, is `""`.

    Args:
        file: The workbook; `.xlsx`, `.xlsm`, `.xlsb`, `.xls` or `.ods`.
        name: The sheet's name, or its number from 1. `None` takes the only one with
            anything in it, or the only one with known headings.
        known: Headings that are looked for.

    Returns:
        The rows, and the numbers of those that are hidden.

    Raises:
        FileError: It is no workbook, or nobody knows which sheet is meant.
    """
    content = BytesIO(file.read())
    book = _open(content)
    with book:
        sheet = _choose(book, known) if name is None else _by_name(book, name)
        looks = read_looks(content, sheet.name)
        return _as_shown(sheet, looks), looks.hidden


def _as_shown(sheet: CalamineSheet, looks: Looks) -> Iterator[tuple[int, list[Any]]]:
    """Yield the rows, with numbers as the sheet shows them where that is sure."""
    first = sheet.start[1] if sheet.start else 0
    for number, cells in _rows(sheet):
        yield number, looks.show(number, cells, first=first) if looks.codes else cells


def _open(content: BytesIO) -> CalamineWorkbook:
    try:
        return CalamineWorkbook.from_filelike(content)
    except PasswordError as error:
        msg = "it is protected by a password: save it without one"
        raise FileError(msg) from error
    except CalamineError as error:
        msg = f"it is no workbook that can be read ({error}); save it as .xlsx anew"
        raise FileError(msg) from error


def _by_name(book: CalamineWorkbook, name: str) -> CalamineSheet:
    for index, there in enumerate(book.sheet_names):
        if fold(there) == fold(name):
            return book.get_sheet_by_index(index)
    if name.isdecimal() and 0 < int(name) <= len(book.sheet_names):
        return book.get_sheet_by_index(int(name) - 1)
    msg = f"there is no sheet {name!r}; there is {_list(book.sheet_names)}"
    raise FileError(msg)


def _choose(book: CalamineWorkbook, known: Collection[str]) -> CalamineSheet:
    """Return the one sheet that can be meant; nobody sees those that are hidden."""
    shown = [
        meta.name
        for meta in book.sheets_metadata
        if meta.visible == SheetVisibleEnum.Visible
    ]
    if len(shown) == 1:
        return book.get_sheet_by_name(shown[0])
    wanted = set(map(fold, known))
    found: dict[str, int] = {}
    for name in shown:
        if first := next(_rows(book.get_sheet_by_name(name)), None):
            found[name] = len(wanted & {fold(str(cell)) for cell in first[1]})
    fitting = [name for name, number in found.items() if number] or list(found)
    if len(fitting) > 1:
        msg = f"it has several sheets, {_list(fitting)}: name one with --sheet"
        raise FileError(msg)
    if not fitting:
        msg = "it is empty; its first row must name the columns"
        raise FileError(msg)
    return book.get_sheet_by_name(fitting[0])


def _rows(sheet: CalamineSheet) -> Iterator[tuple[int, list[Any]]]:
    for number, cells in enumerate(sheet.iter_rows(), start=1):
        if any(not isinstance(cell, str) or cell.strip() for cell in cells):
            yield number, cells


def _list(names: list[str]) -> str:
    return ", ".join(map(repr, names))
