"""Numbers of recipients in a table, as its owner says that they are meant.

Whoever wants the numbers alone, such as those that get nothing, reads a
`read_phones()`; a row of a campaign is read by `PhoneReader`.
"""

from collections.abc import Iterator
from typing import IO, Any, get_args

import phonenumbers
from attrs import frozen

from autocalls_async.cli.choices import FileFormat
from autocalls_async.cli.tables.headings import fold, show_headings
from autocalls_async.cli.tables.jsonl import read_objects
from autocalls_async.cli.tables.lines import FileError
from autocalls_async.cli.tables.table import TableSource, read_table
from autocalls_async.phones import AmbiguousPhoneError, Numbers, parse_phone

PHONE_COLUMN = "recipient_phone"

_MEANINGS: tuple[Numbers, ...] = get_args(Numbers)


def check_region(region: str) -> str:
    """Return the region in capitals.

    Raises:
        ValueError: There is none of this name.
    """
    if region.upper() in phonenumbers.SUPPORTED_REGIONS:
        return region.upper()
    msg = f"--region must be the two letters of a country, such as US; got {region!r}"
    raise ValueError(msg)


@frozen(kw_only=True)
class PhoneReader:
    """Reads numbers as people and spreadsheets keep them.

    Args:
        region: Where numbers without a country's code belong, such as `US`; `None`
            takes only those that have it, with a plus or 00 before it.
        numbers: How digits without a plus are meant, all of them.
        name: What to call a number in an error: its column's heading.
    """

    region: str | None = None
    numbers: Numbers | None = None
    name: str = PHONE_COLUMN

    def read(self, cell: object) -> str:
        """Return a cell's number in E.164.

        Raises:
            ValueError: It is none, or could be read in two ways.
        """
        return self._read(cell, self.numbers)

    def settled_by(self, cell: object) -> frozenset[Numbers]:
        """Return which ways of meaning a number would let it be read."""
        return frozenset(self._meanings(cell))

    def possible(self, cell: object) -> frozenset[str]:
        """Return every number that a cell could be: two where nobody can tell.

        Raises:
            ValueError: It is no number.
        """
        try:
            return frozenset({self.read(cell)})
        except AmbiguousPhoneError as error:
            return frozenset(error.readings)
        except ValueError:
            if found := frozenset(self._meanings(cell).values()):
                return found
            raise

    def _meanings(self, cell: object) -> dict[Numbers, str]:
        found: dict[Numbers, str] = {}
        if self.region is None:
            return found
        for numbers in _MEANINGS:
            try:
                found[numbers] = self._read(cell, numbers)
            except ValueError:
                continue
        return found

    def _read(self, cell: object, numbers: Numbers | None) -> str:
        text = text_of(cell)
        try:
            return parse_phone(
                text, region=self.region, numbers=numbers, name=self.name
            )
        except ValueError as error:
            if self.region is None and isinstance(text, str) and "E.164" in str(error):
                msg = f"{error}; see --region"
                raise ValueError(msg) from None
            raise


def text_of(cell: object) -> object:
    """Return a number's digits where a spreadsheet holds it as one."""
    if isinstance(cell, bool):
        return cell
    if isinstance(cell, float) and cell.is_integer() and abs(cell) < 1e15:
        cell = int(cell)
    return str(cell) if isinstance(cell, int | float) else cell


def read_phones(
    file: IO[bytes], source: TableSource, *, phones: PhoneReader
) -> Iterator[tuple[int, frozenset[str] | ValueError]]:
    """Return the numbers of a table, or of a list with one number a line.

    Args:
        file: Read from where it stands; it stays open.
        source: How it is written.
        phones: Its `name` is the heading of the column. A table without such a
            heading is a list where its first cell is a number.

    Returns:
        Each line, and every number that is, or could be, meant there; or what is
        wrong with it.

    Raises:
        FileError: The file, or the rest of it, cannot be read.
    """
    for line_number, cell in _cells(file, source, phones):
        try:
            yield line_number, phones.possible(cell)
        except ValueError as error:
            yield line_number, error


def _cells(
    file: IO[bytes], source: TableSource, phones: PhoneReader
) -> Iterator[tuple[int, Any]]:
    if source.file_format is FileFormat.JSONL:
        for line_number, found in read_objects(file, encoding=source.encoding):
            cell = found if isinstance(found, str) else found.get(phones.name)
            yield line_number, cell
        return
    table = read_table(file, source, known={phones.name})
    folded = [fold(heading) for heading in table.headings]
    if fold(phones.name) in folded:
        index = folded.index(fold(phones.name))
    elif len(folded) == 1 and not any(c.isdigit() for c in folded[0]):
        index = 0  # a heading of its own, over the only column
    else:
        index = 0
        yield table.header_line, _first_number(table.headings, phones)
    for line_number, cells in table.rows():
        yield line_number, cells if isinstance(cells, str) else cells[index]


def _first_number(headings: tuple[str, ...], phones: PhoneReader) -> str:
    """Return the first cell of a list that has no headings."""
    try:
        phones.possible(headings[0])
    except ValueError:
        msg = f"there is no column {phones.name!r}; there is {show_headings(headings)}"
        raise FileError(msg) from None
    return headings[0]
