"""One owner at a time: a lock on a side file, which the system frees with its holder.

The lock file stays when it is let go of: removing it could take it from under
a process that is just about to lock it.
"""

import contextlib
import os
import socket
import sys
from datetime import datetime
from pathlib import Path

from autocalls_async.journal.errors import JournalError, JournalLockedError

if sys.platform != "win32":
    import fcntl


class OwnerLock:
    """The right to use one journal.

    A child made by `os.fork()` shares it, and keeps it as long as it lives.

    Args:
        journal: The journal's file; the lock is beside it.
    """

    def __init__(self, journal: Path) -> None:
        self._journal = journal
        # Two names of one journal have one lock.
        self._path = Path(f"{journal.resolve()}.lock")
        self._file: int | None = None

    def take(self, *, at: datetime) -> None:
        """Become the owner, and write down who we are.

        Raises:
            JournalLockedError: Another process is.
            JournalError: The lock file cannot be used.
        """
        try:
            file = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise self._unusable(error) from error
        try:
            self._lock(file)
        except BaseException:
            os.close(file)
            raise
        self._file = file
        with contextlib.suppress(OSError):  # a full disk takes the name, not the lock
            os.ftruncate(file, 0)
            who = f"{os.getpid()} {at.isoformat()} {socket.gethostname()}\n"
            os.pwrite(file, who.encode(), 0)

    def share(self) -> None:
        """Keep it from becoming anybody's, if there is a lock file; write nothing.

        Raises:
            JournalLockedError: Another process is the owner.
            JournalError: The lock file cannot be used.
        """
        try:
            file = os.open(self._path, os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            return  # nobody has opened it since it was copied here
        except OSError as error:
            raise self._unusable(error) from error
        try:
            self._lock(file, is_shared=True)
        except BaseException:
            os.close(file)
            raise
        self._file = file

    def release(self) -> None:
        """Let others have it."""
        if self._file is not None:
            with contextlib.suppress(OSError):  # one that is shared is not written
                os.ftruncate(self._file, 0)
            os.close(self._file)
            self._file = None

    def _lock(self, file: int, *, is_shared: bool = False) -> None:
        if sys.platform == "win32":
            raise JournalError(
                path=self._journal,
                detail="this system has no flock() to keep two processes apart",
            )
        try:
            kind = fcntl.LOCK_SH if is_shared else fcntl.LOCK_EX
            fcntl.flock(file, kind | fcntl.LOCK_NB)
        except BlockingIOError:
            raise self._held(os.pread(file, 1024, 0)) from None
        except OSError as error:
            raise self._unusable(error) from error

    def _held(self, who: bytes) -> JournalLockedError:
        try:
            pid, since, host = who.decode().split(maxsplit=2)
            return JournalLockedError(
                path=self._journal,
                detail=f"in use by process {int(pid)} on host {host.strip()} "
                f"since {datetime.fromisoformat(since):%Y-%m-%d %H:%M:%S %Z}; "
                "wait until it ends, or stop it",
                pid=int(pid),
                host=host.strip(),
                since=datetime.fromisoformat(since),
            )
        except ValueError:  # it has not yet said who it is
            return JournalLockedError(
                path=self._journal,
                detail="in use by another process; wait until it ends",
            )

    def _unusable(self, error: OSError) -> JournalError:
        return JournalError(
            path=self._journal,
            detail=f"its lock file cannot be used ({error.strerror})",
        )
