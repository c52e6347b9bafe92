"""A workbook of outcomes, written through XlsxWriter; this is its only door.

Every text is a text to the spreadsheet, so that a number keeps its plus and nothing
in a cell runs; what is saved there can be read as rows again.
"""

import errno
from collections.abc import Mapping, Sequence
from typing import IO, Any

from xlsxwriter import Workbook
from xlsxwriter.exceptions import XlsxFileError

_WIDTH = 22
_WIDEST = 60
_EVERYWHERE = "A1:XFD1048576"


class OutcomeBook:
    """A sheet that is filled row by row, and is a file once it is closed.

    Rows wait in a private temporary file: memory stays constant.

    Args:
        file: Where the workbook goes when it is closed.
        columns: Headings.
    """

    def __init__(self, file: IO[bytes], *, columns: Sequence[str]) -> None:
        self._columns = columns
        self._book = Workbook(file, {"constant_memory": True})
        self._text = self._book.add_format({"num_format": "@"})
        self._sheet = self._book.add_worksheet("outcomes")
        self._sheet.ignore_errors({"number_stored_as_text": _EVERYWHERE})
        self._sheet.freeze_panes(1, 0)
        for index, name in enumerate(columns):
            width = _WIDEST if name == "detail" else _WIDTH
            self._sheet.set_column(index, index, width, self._text)
            self._sheet.write_string(0, index, name, self._text)
        self._row = 0

    def write(self, record: Mapping[str, Any]) -> None:
        """Add a row.

        Raises:
            OSError: The sheet is full.
        """
        self._row += 1
        for index, name in enumerate(self._columns):
            cell = record.get(name)
            if cell is None:
                continue
            if name == "line":
                refused = self._sheet.write_number(self._row, index, cell)
            else:
                refused = self._sheet.write_string(
                    self._row, index, str(cell), self._text
                )
            if refused == -1:
                raise OSError(errno.EFBIG, "a sheet has no more rows")

    def close(self) -> None:
        """Make the file.

        Raises:
            OSError: It could not be written.
        """
        try:
            self._book.close()
        except XlsxFileError as error:
            raise OSError(errno.EIO, str(error)) from error
