"""`--out FILE`: each outcome on disk as soon as it is known."""

import csv
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from functools import partial
from itertools import combinations
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self, TypeAlias

from autocalls_async.cli.choices import FileFormat
from autocalls_async.cli.rows.private import (
    guard_cells,
    open_private,
    open_private_bytes,
)
from autocalls_async.cli.tables.table import format_of
from autocalls_async.cli.terminal.failures import CommandError, Status, os_reason
from autocalls_async.cli.terminal.outcomes import OUTCOME_COLUMNS
from autocalls_async.cli.terminal.words import to_json

WriteRecord: TypeAlias = Callable[[dict[str, Any]], object]


class OutcomesFile:
    """A new file of outcomes, one line each.

    Args:
        path: Ends in `.csv`, `.jsonl` or `.xlsx`, which is whole once closed.
        overwrite: Take the place of a file that is there.
        columns: Of a CSV file or a workbook.

    Raises:
        CommandError: The file is there already, or cannot be made.
        ValueError: The name has another ending.
    """

    def __init__(
        self,
        path: Path,
        *,
        overwrite: bool,
        columns: Sequence[str] = OUTCOME_COLUMNS,
    ) -> None:
        self._path = path
        self._is_whole = True
        self._closers: tuple[Callable[[], None], ...] = ()
        file_format = out_format_of(path)
        mode = "w" if overwrite else "x"
        try:
            if file_format is FileFormat.XLSX:
                self._open_book(mode, columns)
            else:
                self._open_text(mode, file_format, columns)
        except FileExistsError:
            msg = f"{path} exists already: name another file, or give --overwrite"
            raise CommandError(msg) from None
        except OSError as error:
            msg = f"cannot write {path}: {os_reason(error)}"
            raise CommandError(msg) from error

    def _open_text(
        self, mode: str, file_format: FileFormat, columns: Sequence[str]
    ) -> None:
        # Line by line to the system: what was written stays if we are killed.
        file = open_private(self._path, mode, buffering=1)
        is_csv = file_format is FileFormat.CSV
        make = partial(_csv_writer, columns=columns) if is_csv else _jsonl_writer
        self._closers = (file.close,)
        self._write = make(file)

    def _open_book(self, mode: str, columns: Sequence[str]) -> None:
        # Few commands make one, and it is an extra's.
        try:
            from autocalls_async.cli.tables.workbook import (  # noqa: PLC0415
                OutcomeBook,
            )
        except ImportError as error:
            msg = "spreadsheets need an extra: pip install 'autocalls-async[sheets]'"
            raise CommandError(msg) from error
        file = open_private_bytes(self._path, mode)
        book = OutcomeBook(file, columns=columns)
        self._closers = (book.close, file.close)
        self._write = book.write

    def __enter__(self) -> Self:
        """Return the file, which is open."""
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Close it.

        Raises:
            CommandError: It may not be whole, and nobody was told yet.
        """
        try:
            for close in self._closers:
                close()
        except OSError as error:
            if self._is_whole:
                msg = f"cannot write {self._path}: {os_reason(error)}"
                raise CommandError(msg, status=Status.FAILED) from error

    def write(self, record: dict[str, Any]) -> None:
        """Write one outcome, so that it survives the end of this process.

        Raises:
            OSError: It could not be written.
        """
        was_whole, self._is_whole = self._is_whole, False
        self._write(record)
        self._is_whole = was_whole


def out_format_of(path: Path) -> FileFormat:
    """Return the format of a file to write.

    Raises:
        ValueError: Its ending says none that is written.
    """
    for ending in (".csv", ".jsonl", ".xlsx"):
        if path.name.lower().endswith(ending):
            return format_of(path.name)
    msg = f"cannot tell the format of {path.name!r}: its name must end in .csv, "
    raise ValueError(msg + ".jsonl or .xlsx")


def check_place(path: Path, *, source: Path | None, overwrite: bool) -> None:
    """Find out, before any work, what would keep the outcomes from being written.

    Raises:
        CommandError: The file is there already, or is the one that is read.
        ValueError: The name has an ending that says no format.
    """
    out_format_of(path)
    if not path.exists():
        return
    if source is not None and source.exists() and path.samefile(source):
        msg = f"{path} is the file that is read: name another one for --out"
        raise CommandError(msg)
    if not overwrite:
        msg = f"{path} exists already: name another file, or give --overwrite"
        raise CommandError(msg)


def check_apart(places: Mapping[str, Path | None]) -> None:
    """Find out, before any work, whether one file would be written over another.

    Args:
        places: Files by the option that names them.

    Raises:
        CommandError: Two of them are the same file.
    """
    given = {option: path for option, path in places.items() if path is not None}
    for (one, path), (other, its_path) in combinations(given.items(), 2):
        if path.resolve() == its_path.resolve():
            msg = f"{one} and {other} name the same file, {path}: give each its own"
            raise CommandError(msg)


def check_page(path: Path, *, overwrite: bool) -> None:
    """Find out, before any work, what would keep a page from being written.

    Raises:
        CommandError: Something is there already.
    """
    if path.is_dir():
        msg = f"cannot write {path}: it is a folder"
        raise CommandError(msg)
    if path.exists() and not overwrite:
        msg = f"{path} exists already: name another file, or give --overwrite"
        raise CommandError(msg)


def _csv_writer(file: IO[str], *, columns: Sequence[str]) -> WriteRecord:
    writer = csv.DictWriter(file, columns)
    try:
        writer.writeheader()
    except OSError:
        with suppress(OSError):
            file.close()
        raise
    return lambda record: writer.writerow(guard_cells(record))


def _jsonl_writer(file: IO[str]) -> WriteRecord:
    return lambda record: file.write(to_json(record) + "\n")
