"""What differs between systems: the one module that asks which of them it is on.

Linux is tried at every change. On Windows nobody has tried yet how two processes are
kept apart, so a journal is refused there, by an error that says so; all else is plain
Python and aiohttp. What Linux alone tells is asked for by tests.
"""

import os
import socket
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

_NO_LOCK = "two processes are kept apart by flock(), which this system lacks"

if sys.platform == "win32":

    def lock(_file: int, /, *, is_shared: bool) -> None:  # noqa: ARG001
        """Refuse: a lock that nobody has tried holds no promise."""
        raise OSError(None, _NO_LOCK)

    def write_at(_file: int, _content: bytes, _offset: int, /) -> None:
        """Refuse: nothing is written without the lock."""
        raise OSError(None, _NO_LOCK)

    def read_start(_file: int, _most: int, /) -> bytes:
        """Refuse: nothing is read without the lock."""
        raise OSError(None, _NO_LOCK)

    def sync_folder(_folder: Path, /) -> None:
        """Do nothing: a folder cannot be opened there."""

    def is_gone(_pid: int, /) -> bool:
        """Whether no process has this number: a look at one would end it there."""
        return False

    def is_root() -> bool:
        """Whether we are the user who may do anything."""
        return False

    lease_clock: Callable[[], float] = time.monotonic
    """Seconds that go on while the host is suspended."""

else:
    import fcntl

    def lock(file: int, /, *, is_shared: bool) -> None:
        """Lock a file until it is closed, or its process ends.

        Raises:
            BlockingIOError: Another process has the lock.
            OSError: It cannot be locked.
        """
        kind = fcntl.LOCK_SH if is_shared else fcntl.LOCK_EX
        fcntl.flock(file, kind | fcntl.LOCK_NB)

    def write_at(file: int, content: bytes, offset: int, /) -> None:
        """Write so far behind the file's beginning.

        Raises:
            OSError: It cannot be written.
        """
        os.pwrite(file, content, offset)

    def read_start(file: int, most: int, /) -> bytes:
        """Return the file's first bytes.

        Raises:
            OSError: It cannot be read.
        """
        return os.pread(file, most, 0)

    def sync_folder(folder: Path, /) -> None:
        """Make sure that a power cut takes no new file out of its folder.

        Raises:
            OSError: It cannot be opened.
        """
        opened = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(opened)
        except OSError:
            pass  # not every file system syncs a folder
        finally:
            os.close(opened)

    def is_gone(pid: int, /) -> bool:
        """Whether no process has this number."""
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return True
        except OSError:
            return False  # it is somebody else's
        return False

    def is_root() -> bool:
        """Whether we are the user who may do anything."""
        return os.geteuid() == 0

    # Linux's monotonic clock stands while the host is suspended; macOS's goes on.
    lease_clock: Callable[[], float] = partial(
        time.clock_gettime, getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)
    )
    """Seconds that go on while the host is suspended."""


if sys.platform != "linux":
    TELLS_OF_SOCKETS = False
    """Whether the kernel can be asked what is under way between two sockets."""

    def tcp_state(_sock: socket.socket, /) -> int:
        """Return no state: it is not told."""
        return 0

    def acknowledge(_sock: socket.socket, /) -> None:
        """Do nothing."""

    def unacknowledged_bytes(_fd: int, /) -> int:
        """Count nothing: it is not told."""
        return 0

else:
    import termios

    TELLS_OF_SOCKETS = True
    """Whether the kernel can be asked what is under way between two sockets."""

    _NOTHING = bytes(4)

    def tcp_state(sock: socket.socket, /) -> int:
        """Return the state of a connection, by the kernel's number."""
        return sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1)[0]

    def acknowledge(sock: socket.socket, /) -> None:
        """Send the acknowledgement that the kernel would put off by up to 40 ms."""
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)

    def unacknowledged_bytes(fd: int, /) -> int:
        """Count what was written to a socket and has not arrived."""
        answer = fcntl.ioctl(fd, termios.TIOCOUTQ, _NOTHING)
        return int.from_bytes(answer, sys.byteorder)
