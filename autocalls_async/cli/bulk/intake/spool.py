"""Rows that were checked, kept aside until they are sent.

They are in a private file without a name, which is gone with the process: what
happens to the file of the rows meanwhile changes nothing, and no more than one
row is in memory.
"""

import json
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from typing import IO, Self

from attrs import evolve, field, frozen

from autocalls_async.cli.bulk.intake.register import Register
from autocalls_async.cli.rows.reader import Row
from autocalls_async.cli.tables.lines import FileError
from autocalls_async.cli.terminal.failures import os_reason
from autocalls_async.journal import Draft
from autocalls_async.journal.keys import (
    from_content,
    identity_of,
    show_key,
    to_content,
)
from autocalls_async.model.checks import choose_sender
from autocalls_async.model.messages import Message
from autocalls_async.model.outcomes import Outcome
from autocalls_async.model.persons import person_of


@frozen
class Spooled:
    """What is kept of a row: where it was, and what it made."""

    line_number: int
    key: str = field(repr=show_key)
    content: str = field(repr=False)
    time_zone: str | None = None

    def message(self) -> Message:
        """Return the row's message."""
        message = from_content(self.content)
        return evolve(message, key=self.key, time_zone=self.time_zone)

    def draft(self) -> Draft:
        """Return what the journal keeps of it."""
        return Draft(
            key=self.key,
            content=self.content,
            recipient_phone=self.message().recipient_phone,
        )


class Spool:
    """Rows kept aside, in the order of their lines; to be read as often as wanted.

    Attributes:
        register: What is known of each of them.

    Raises:
        FileError: There is no place for it; adding and reading raise it, too.
    """

    def __init__(self) -> None:
        self._file = _make_file()
        self._count = 0
        self.register: Register = Register()

    def __enter__(self) -> Self:
        """Return it, open."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close it, and with that throw it away."""
        _throw_away(self._file)
        self.register.close()

    def __len__(self) -> int:
        return self._count

    def add(self, row: Row) -> None:
        """Keep a row that can be sent."""
        content = to_content(row.message, choose_sender(row.message.sender_id, None))
        identity = identity_of(content)
        key = row.message.key or identity
        zone = row.message.time_zone
        _write(self._file, Spooled(row.line_number, key, content, zone))
        person = person_of(row.message.recipient_phone)
        self.register.add(row.line_number, key, identity, person)
        self._count += 1

    def flush(self) -> None:
        """Make sure that there was room for all of it."""
        _flush(self._file)

    def __iter__(self) -> Iterator[Spooled]:
        """Read it from its beginning."""
        try:
            self._file.seek(0)
            for line in self._file:
                yield Spooled(*json.loads(line))
        except OSError as error:
            msg = f"the rows that were kept aside cannot be read: {os_reason(error)}"
            raise FileError(msg) from error

    def sift(self) -> None:
        """Keep only the rows that are to be sent, with the keys that they have now."""
        kept, count = _make_file(), 0
        try:
            wanted = self.register.wanted()
            line_number, key = next(wanted, _NONE)
            for row in self:
                if row.line_number == line_number:
                    _write(kept, evolve(row, key=key))
                    count += 1
                    line_number, key = next(wanted, _NONE)
            _flush(kept)
        except BaseException:
            _throw_away(kept)
            raise
        _throw_away(self._file)
        self._file, self._count = kept, count


class SpooledRows:
    """The messages that are kept aside, and the lines that they came from."""

    def __init__(self, spool: Spool) -> None:
        self._spool = spool
        self._lines = LineNumbers()

    def __enter__(self) -> Self:
        """Return it."""
        return self

    def __exit__(self, *_: object) -> None:
        """Forget the lines."""
        self._lines.close()

    def __len__(self) -> int:
        return len(self._spool)

    def __iter__(self) -> Iterator[Message]:
        """Read them from the beginning.

        Raises:
            FileError: They cannot be read any more.
        """
        for index, row in enumerate(self._spool):
            self._lines.note(index, row.line_number)
            yield row.message()

    def line_number(self, outcome: Outcome) -> int:
        """Return the line of a message that has its outcome."""
        assert outcome.index is not None  # noqa: S101  # it is a run's
        return self._lines.find(outcome.index)


class LineNumbers:
    """Which line of the file each message is from; in a file, not in memory.

    A message may wait for days for its hours, with a million others.
    """

    def __init__(self) -> None:
        self._file = _make_file()

    def note(self, index: int, line_number: int) -> None:
        """Note where the message with this place is from."""
        try:
            self._file.seek(index * _LINE_BYTES)
            self._file.write(line_number.to_bytes(_LINE_BYTES))
        except OSError as error:
            raise _full(error) from error

    def find(self, index: int) -> int:
        """Return where it is from."""
        self._file.seek(index * _LINE_BYTES)
        return int.from_bytes(self._file.read(_LINE_BYTES))

    def close(self) -> None:
        """Throw it away."""
        _throw_away(self._file)


_LINE_BYTES = 8


_NONE = (0, "")  # lines begin at 1


def _make_file() -> IO[bytes]:
    try:
        return tempfile.TemporaryFile()
    except OSError as error:
        raise _full(error) from error


def _write(file: IO[bytes], row: Spooled) -> None:
    line = json.dumps([row.line_number, row.key, row.content, row.time_zone])
    try:
        file.write(line.encode() + b"\n")
    except OSError as error:
        raise _full(error) from error


def _flush(file: IO[bytes]) -> None:
    try:
        file.flush()
    except OSError as error:
        raise _full(error) from error


def _throw_away(file: IO[bytes]) -> None:
    with suppress(OSError):  # what a full disk has not taken is not wanted any more
        file.close()


def _full(error: OSError) -> FileError:
    return FileError(f"the rows cannot be kept aside: {os_reason(error)}; see TMPDIR")
