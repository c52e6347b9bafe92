"""Files of numbers that get nothing, read anew when they change."""

import asyncio
import os
from collections.abc import Callable, Sequence
from pathlib import Path

from attrs import frozen

from autocalls_async.cli.rows.phones import PhoneReader, read_phones
from autocalls_async.cli.tables.lines import FileError
from autocalls_async.cli.tables.table import TableSource, format_of
from autocalls_async.cli.terminal.failures import os_reason
from autocalls_async.journal.errors import JournalError
from autocalls_async.journal.exclusions import ExclusionList, is_list
from autocalls_async.model.persons import person_of

_Stamp = tuple[int, ...]


@frozen
class _Reading:
    """What came of reading a file."""

    stamp: _Stamp | None
    people: frozenset[int] = frozenset()
    trouble: str | None = None


class ExclusionFiles:
    """Whom to leave out, by all files together; while a run lasts they only grow.

    Args:
        paths: The files.
        phones: Reads their numbers; one with two readings excludes both.
        tell: Told in a line when one cannot be read, and when it can again.

    Raises:
        ValueError: One cannot be read now.
    """

    def __init__(
        self,
        paths: Sequence[Path],
        *,
        phones: PhoneReader,
        tell: Callable[[str], None],
    ) -> None:
        self._files = [_ExclusionFile(path, phones, tell) for path in paths]

    def __contains__(self, phone: object) -> bool:
        person = int(person_of(str(phone)))
        return any(person in file.people for file in self._files)

    def __len__(self) -> int:
        return len(set[int]().union(*(file.people for file in self._files)))

    @property
    def doubt(self) -> str | None:
        """Why nobody can tell just now who is in them."""
        doubts = [file.look() for file in self._files]
        return next((doubt for doubt in doubts if doubt is not None), None)


class _ExclusionFile:
    """One file, and the people in it."""

    def __init__(
        self, path: Path, phones: PhoneReader, tell: Callable[[str], None]
    ) -> None:
        self._path = path
        self._phones = phones
        self._source = (
            None if is_list(path) else TableSource(file_format=format_of(path.name))
        )
        self._tell = tell
        self._reading: asyncio.Future[_Reading] | None = None
        first = self._read()
        if first.trouble is not None:
            raise ValueError(first.trouble)
        self._last = first
        self.people: set[int] = set(first.people)

    def look(self) -> str | None:
        """Return why it cannot be relied on now; one that has changed is read anew."""
        if self._reading is not None:
            return self._last.trouble or f"{self._path} is read anew"
        if _stamp(self._path) == self._last.stamp and self._last.stamp is not None:
            return self._last.trouble
        loop = asyncio.get_running_loop()
        self._reading = loop.run_in_executor(None, self._read)
        self._reading.add_done_callback(self._take_over)
        return self._last.trouble or f"{self._path} is read anew"

    def _take_over(self, reading: "asyncio.Future[_Reading]") -> None:
        self._reading = None
        before, self._last = self._last, reading.result()
        self.people |= self._last.people
        if self._last.trouble is not None:
            if self._last.trouble != before.trouble:
                self._tell(f"paused: {self._last.trouble}; mend it, and it goes on")
        elif before.trouble is not None or self._last.people - before.people:
            numbers = f"{len(self.people):,} are left out"
            self._tell(f"{self._path} was read anew: {numbers}")

    def _read_list(self) -> _Reading:
        """Read what `autocalls exclude` keeps."""
        stamp = _stamp(self._path)
        try:
            with ExclusionList(self._path) as exclusions:
                people = frozenset(int(person_of(one.phone)) for one in exclusions)
        except JournalError as error:
            return _Reading(stamp, trouble=f"cannot read {self._path}: {error.detail}")
        return _Reading(stamp, people)

    def _read(self) -> _Reading:
        """Read all of it; this may take a while, and is done in a thread."""
        if self._source is None:
            return self._read_list()
        stamp = _stamp(self._path)  # before: what is written meanwhile is read again
        people: set[int] = set()
        try:
            with self._path.open("rb") as file:
                for line, found in read_phones(file, self._source, phones=self._phones):
                    if isinstance(found, ValueError):
                        trouble = f"{self._path}, line {line}: {found}"
                        return _Reading(stamp, frozenset(people), trouble)
                    people.update(int(person_of(phone)) for phone in found)
        except OSError as error:
            return _Reading(
                stamp, trouble=f"cannot read {self._path}: {os_reason(error)}"
            )
        except FileError as error:
            trouble = f"{self._path}: {error}"
            return _Reading(stamp, frozenset(people), trouble)
        return _Reading(stamp, frozenset(people))


def _stamp(path: Path) -> _Stamp | None:
    """Return what changes when a file does; `None` where there is none."""
    try:
        found = os.stat(path)  # noqa: PTH116  # some 2 µs, and asked for each message
    except OSError:
        return None
    return found.st_mtime_ns, found.st_ctime_ns, found.st_size, found.st_ino
