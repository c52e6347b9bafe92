"""One owner at a time: a lock on a side file, which the system frees with its holder.

The lock file stays when it is let go of: removing it could take it from under
a process that is just about to lock it. It also remembers what the journal was, so
that nothing else is taken for it: a copy, or what is left when a part of it is lost.
"""

import contextlib
import os
import socket
from datetime import datetime
from pathlib import Path

from attrs import evolve, frozen

from autocalls_async import system
from autocalls_async.journal.errors import JournalError, JournalLockedError

_MOST_BYTES = 1024

_SPARE_BYTES = 16_384
"""Kept from a disk while a journal is open: what marks it closed needs some room."""


@frozen(kw_only=True)
class Memory:
    """What a lock file remembers of its journal.

    Attributes:
        inode: Of the journal's main file.
        commit_number: Of the last commit without which something would be sent
            twice: one that noted an intent.
        is_open: Nobody has closed it cleanly since.
    """

    inode: int
    commit_number: int
    is_open: bool

    def to_line(self) -> bytes:
        """Return it as it is written: always as long."""
        state = "open" if self.is_open else "shut"
        return f"{self.inode:020d} {self.commit_number:020d} {state}\n".encode()


def _read_memory(line: str) -> Memory | None:
    match line.split():
        case [inode, number, ("open" | "shut") as state] if (
            inode.isdecimal() and number.isdecimal()
        ):
            return Memory(
                inode=int(inode), commit_number=int(number), is_open=state == "open"
            )
    return None


class OwnerLock:
    """The right to use one journal.

    A child made by `os.fork()` shares it, and keeps it as long as it lives.

    Args:
        journal: The journal's file; the lock is beside it.

    Attributes:
        memory: What is remembered of the journal; `None` where nothing is.
    """

    def __init__(self, journal: Path) -> None:
        self._journal = journal
        # Two names of one journal have one lock.
        self._path = Path(f"{journal.resolve()}.lock")
        self._file: int | None = None
        self._who = ""
        self.memory: Memory | None = None

    def take(self, *, at: datetime) -> None:
        """Become the owner, and write down who we are.

        Raises:
            JournalLockedError: Another process is.
            JournalError: The lock file cannot be used.
        """
        try:
            file = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            raise self._unusable(error) from error
        self._hold(file)
        self._who = f"{os.getpid()} {at.isoformat()} {socket.gethostname()}\n"
        with contextlib.suppress(OSError):  # a full disk takes the name, not the lock
            self._write()

    def share(self) -> None:
        """Keep it from becoming anybody's, if there is a lock file; write nothing.

        Raises:
            JournalLockedError: Another process is the owner.
            JournalError: The lock file cannot be used.
        """
        try:
            file = os.open(self._path, os.O_RDONLY)
        except FileNotFoundError:
            return  # nobody has opened it since it was copied here
        except OSError as error:
            raise self._unusable(error) from error
        self._hold(file, is_shared=True)

    def remember(self, memory: Memory) -> None:
        """Remember this of the journal, also after a power cut.

        Raises:
            JournalError: It cannot be written.
        """
        try:
            self._put(memory)
            os.fsync(self._opened())
            system.sync_folder(self._path.parent)
        except OSError as error:
            raise self._unusable(error) from error

    def note(self, commit_number: int) -> None:
        """Remember the last commit without which something would be sent twice.

        A power cut may take the note, and leaves the commit.

        Raises:
            JournalError: It cannot be written.
        """
        assert self.memory is not None  # noqa: S101  # it was opened before
        try:
            self._put(evolve(self.memory, commit_number=commit_number))
        except OSError as error:
            raise self._unusable(error) from error

    def give_room(self) -> None:
        """Let go of the room that was kept from a disk, which is full now."""
        self._write(spare=b"")

    def release(self) -> None:
        """Let others have it."""
        if self._file is None:
            return
        if self._who:
            self._who = ""
            with contextlib.suppress(OSError):
                self._write(spare=b"")
        os.close(self._file)
        self._file = None

    def _put(self, memory: Memory) -> None:
        is_first = self.memory is None
        self.memory = memory
        if is_first:  # who we are moves behind it
            self._write()
        else:
            system.write_at(self._opened(), memory.to_line(), 0)

    def _write(self, *, spare: bytes = bytes(_SPARE_BYTES)) -> None:
        line = b"" if self.memory is None else self.memory.to_line()
        content = line + self._who.encode()
        system.write_at(self._opened(), content, 0)
        os.ftruncate(self._opened(), len(content))
        with contextlib.suppress(OSError):  # there is no room even now
            system.write_at(self._opened(), spare, len(content))

    def _opened(self) -> int:
        assert self._file is not None  # noqa: S101  # it was taken before
        return self._file

    def _hold(self, file: int, *, is_shared: bool = False) -> None:
        try:
            self._lock(file, is_shared=is_shared)
        except BaseException:
            os.close(file)
            raise
        self._file = file
        first, _, _ = system.read_start(file, _MOST_BYTES).partition(b"\n")
        self.memory = _read_memory(first.decode(errors="replace"))

    def _lock(self, file: int, *, is_shared: bool) -> None:
        try:
            system.lock(file, is_shared=is_shared)
        except BlockingIOError:
            raise self._held(system.read_start(file, _MOST_BYTES)) from None
        except OSError as error:
            raise self._unusable(error) from error

    def _held(self, content: bytes) -> JournalLockedError:
        try:
            lines = content.decode().splitlines()
            who = next(line for line in lines if _read_memory(line) is None)
            pid, since, host = who.split(maxsplit=2)
            return JournalLockedError(
                path=self._journal,
                detail=f"in use by process {int(pid)} on host {host.strip()} "
                f"since {datetime.fromisoformat(since):%Y-%m-%d %H:%M:%S %Z}; "
                "wait until it ends, or stop it",
                pid=int(pid),
                host=host.strip(),
                since=datetime.fromisoformat(since),
            )
        except (ValueError, StopIteration):  # it has not yet said who it is
            return JournalLockedError(
                path=self._journal,
                detail="in use by another process; wait until it ends",
            )

    def _unusable(self, error: OSError) -> JournalError:
        return JournalError(
            path=self._journal,
            detail=f"its lock file cannot be used ({error.strerror})",
        )


def make_private(path: Path) -> None:
    """Make a file that its owner alone can read, unless it is there.

    Raises:
        OSError: It cannot be opened for writing.
    """
    os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
