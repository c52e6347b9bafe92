"""Lines of text files, decoded.

A file's own mark at its beginning says that it is UTF-8, UTF-16 or UTF-32; without one
it is UTF-8, or what the user says. No encoding is guessed: a wrong guess wrecks names.
"""

import codecs
import io
import re
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import IO

MAX_LINE_LENGTH = 1_048_576
"""A longer line is no row: the longest message has 4096 characters."""

# The longer marks first: that of UTF-32 begins with that of UTF-16.
_MARKS = {
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF8: "utf-8-sig",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}

_OTHER_KINDS = {
    b"PK\x03\x04": "a workbook, whose name must end in .xlsx or .ods",
    b"\xd0\xcf\x11\xe0": "a workbook of the old kind, whose name must end in .xls",
    b"\x1f\x8b": "compressed; unpack it first",
    b"%PDF": "a PDF, of which no table can be read",
}
"""How files that are no text begin."""

_UNDECODED = re.compile("[\udc80-\udcff]")
_MARK = "\ufeff"


class FileError(ValueError):
    """The file as a whole cannot be used; the text says why."""


def check_encoding(name: str, *, option: str = "--encoding") -> str:
    """Return the name of an encoding of text.

    Raises:
        ValueError: There is none of this name.
    """
    try:
        "".encode(name)
    except (LookupError, ValueError):
        msg = f"{option} must be an encoding, such as cp1252 or latin-1; got {name!r}"
        raise ValueError(msg) from None
    return name


def read_lines(file: IO[bytes], *, encoding: str | None = None) -> Iterator[str]:
    """Return a file's lines with their ends: CR LF, LF or CR.

    Args:
        file: It is read from where it stands, and stays open.
        encoding: Of a file without a mark; `None` means UTF-8.

    Raises:
        FileError: What it holds is no text in its encoding, or a line has no end.
    """
    with _decoding(file, encoding) as (text, name):
        number = 0
        while line := _next_line(text, number + 1, name):
            number += 1
            _check_line(line, number, name)
            # A file that was written twice with a mark has one more.
            yield line.lstrip(_MARK) if number == 1 else line


@contextmanager
def _decoding(
    file: IO[bytes], encoding: str | None
) -> Iterator[tuple[io.TextIOWrapper, str]]:
    raw = io.BufferedReader(file)  # type: ignore[type-var]  # any binary stream will do
    head = raw.peek(4)
    for beginning, kind in _OTHER_KINDS.items():
        if head.startswith(beginning):
            msg = f"it is {kind}"
            raise FileError(msg)
    marked = (name for mark, name in _MARKS.items() if head.startswith(mark))
    name = next(marked, encoding or "utf-8")
    # The undecodable is let through, to be told with its line.
    text = io.TextIOWrapper(raw, name, errors="surrogateescape", newline="")
    try:
        yield text, name
    finally:
        text.detach()
        raw.detach()  # whoever lent the file closes it


def _next_line(text: io.TextIOWrapper, number: int, encoding: str) -> str:
    try:
        return text.readline(MAX_LINE_LENGTH + 1)
    except UnicodeError as error:
        raise FileError(_undecodable(f"line {number} or a later one", encoding)) from (
            error
        )


def _check_line(line: str, number: int, encoding: str) -> None:
    if len(line) > MAX_LINE_LENGTH:
        msg = f"line {number} has more than {MAX_LINE_LENGTH:,} characters"
        raise FileError(msg)
    if not line.isascii() and _UNDECODED.search(line):
        raise FileError(_undecodable(f"line {number}", encoding))
    if not line.isascii() and _was_utf8(line, encoding):
        msg = f"line {number} is UTF-8, and read as {encoding.upper()} it would reach"
        msg += " people garbled; leave --encoding out"
        raise FileError(msg)
    if number == 1 and "\0" in line:
        which = "be" if line.startswith("\0") else "le"
        msg = "it holds zero bytes; if it is UTF-16 without its mark, give --encoding "
        raise FileError(
            msg + f"utf-16-{which}; a spreadsheet's own file must end in .xlsx, .xls "
            "or .ods"
        )


def _was_utf8(line: str, encoding: str) -> bool:
    """Whether a line that is more than ASCII fits UTF-8, where each byte is a letter.

    Bytes of other encodings fit by chance: two of GBK are one letter.
    """
    try:
        return _is_of_single_bytes(encoding) and bool(line.encode(encoding).decode())
    except UnicodeError:
        return False


@lru_cache
def _is_of_single_bytes(encoding: str) -> bool:
    alone = (bytes([code]).decode(encoding, "ignore") for code in range(128, 256))
    return sum(map(len, alone)) > 80  # Shift-JIS has up to 68 beside its pairs


def _undecodable(where: str, encoding: str) -> str:
    if not encoding.lower().startswith("utf-8"):
        return f"{where} is not {encoding.upper()}; --encoding names another encoding"
    return (
        f"{where} is not UTF-8; save the file as UTF-8 (in spreadsheets: CSV UTF-8), "
        "or name its encoding, such as --encoding cp1252"
    )
