"""A table in a file, whatever wrote it: headings, and rows by heading."""

from collections.abc import Collection, Iterator
from collections.abc import Set as AbstractSet
from typing import IO, Any

from attrs import frozen

from autocalls_async.cli.choices import FileFormat
from autocalls_async.cli.tables.delimited import read_delimited
from autocalls_async.cli.tables.headings import fold
from autocalls_async.cli.tables.lines import FileError, read_lines
from autocalls_async.cli.terminal.words import count

_ENDINGS = {
    ".csv": FileFormat.CSV,
    ".tsv": FileFormat.CSV,
    ".tab": FileFormat.CSV,
    ".txt": FileFormat.CSV,  # Excel's "Unicode text"
    ".jsonl": FileFormat.JSONL,
    ".ndjson": FileFormat.JSONL,
    ".xlsx": FileFormat.XLSX,
    ".xlsm": FileFormat.XLSX,
    ".xlsb": FileFormat.XLSX,
    ".xls": FileFormat.XLSX,
    ".ods": FileFormat.XLSX,
}


def format_of(name: str) -> FileFormat:
    """Return a file's format from the ending of its name.

    Raises:
        ValueError: The ending says nothing.
    """
    for ending, file_format in _ENDINGS.items():
        if name.lower().endswith(ending):
            return file_format
    msg = f"cannot tell the format of {name!r}: its name must end in .csv, .tsv, "
    raise ValueError(msg + ".txt, .jsonl, .xlsx, .xls or .ods")


@frozen(kw_only=True)
class TableSource:
    """How a table is written.

    Attributes:
        file_format: `JSONL` is no table, and read elsewhere.
        encoding: Of a text file without a mark; `None` means UTF-8.
        sheet: Of a workbook, by name or number; `None` takes the only one.
    """

    file_format: FileFormat
    encoding: str | None = None
    sheet: str | None = None


@frozen(kw_only=True)
class Table:
    """Headings and rows of a file.

    Attributes:
        headings: As they are written, without outer blanks; some may be blank.
        header_line: Where they stand.
        separator: Between two columns of a text file.
        hidden: Lines of a sheet that nobody sees, for a filter perhaps.
    """

    headings: tuple[str, ...]
    header_line: int
    separator: str | None
    hidden: AbstractSet[int] = frozenset()
    _records: Iterator[tuple[int, list[Any]]]

    def rows(self) -> Iterator[tuple[int, list[Any] | str]]:
        """Read the rows, once.

        Columns without a name may be anywhere while they are empty; the first may
        number the rows. Cells that miss at the end are `""`.

        Returns:
            Each row's line, and its cells, as many as there are headings; or what
            is wrong with it.

        Raises:
            FileError: The rest of the file cannot be read.
        """
        wanted = len(self.headings)
        nameless = [i for i, name in enumerate(self.headings) if i and not name]
        for line_number, values in self._records:
            surplus = [value for value in values[wanted:] if not _is_blank(value)]
            stray = [i + 1 for i in nameless if not _is_blank(_at(values, i))]
            if surplus:
                found = count(len(values), "value")
                yield line_number, f"it has {found}, and the header {wanted} columns"
            elif stray:
                yield line_number, f"it has a value in column {stray[0]}, without name"
            else:
                missing = [""] * (wanted - len(values))
                yield line_number, [*values[:wanted], *missing]

    def cells(self, values: list[Any]) -> dict[str, Any]:
        """Return a row's cells by their folded heading; the first of equal ones."""
        pairs = zip(map(fold, self.headings), values, strict=True)
        found: dict[str, Any] = {}
        for name, value in pairs:
            found.setdefault(name, value)
        return found


def read_table(
    file: IO[bytes], source: TableSource, *, known: Collection[str]
) -> Table:
    """Open a table: a CSV or another text file, or a sheet of a workbook.

    Args:
        file: Read from where it stands, as the rows are; it stays open.
        source: How it is written.
        known: Headings that are looked for. They tell what separates the columns,
            and which sheet is meant.

    Raises:
        FileError: It cannot be read as a table.
    """
    records: Iterator[tuple[int, list[Any]]]
    hidden: AbstractSet[int] = frozenset()
    separator = None
    if source.file_format is FileFormat.XLSX:
        records, hidden = _read_sheet(file, source.sheet, known)
    else:
        lines = read_lines(file, encoding=source.encoding)
        delimited = read_delimited(lines, known=known)
        records, separator = delimited.records, delimited.separator
    header_line, header = next(records, (1, []))
    if not header:
        msg = "it is empty; its first line must name the columns"
        raise FileError(msg)
    return Table(
        headings=tuple(_heading(cell) for cell in header),
        header_line=header_line,
        separator=separator,
        hidden=hidden,
        records=records,
    )


def _read_sheet(
    file: IO[bytes], sheet: str | None, known: Collection[str]
) -> tuple[Iterator[tuple[int, list[Any]]], AbstractSet[int]]:
    try:
        from autocalls_async.cli.tables.sheets import (  # noqa: PLC0415  # an extra's
            read_sheet,
        )
    except ImportError as error:
        msg = "spreadsheets need an extra: pip install 'autocalls-async[sheets]'"
        raise FileError(msg) from error
    return read_sheet(file, name=sheet, known=known)


def _heading(cell: object) -> str:
    if isinstance(cell, float) and cell.is_integer():
        cell = int(cell)  # a template's variables may be the columns 1, 2, …
    return str(cell).strip().strip("\ufeff")


def _at(values: list[Any], index: int) -> object:
    return values[index] if index < len(values) else ""


def _is_blank(value: object) -> bool:
    return isinstance(value, str) and not value.strip()
