"""Where a client belongs: one event loop, one process, and only while it is open."""

import asyncio
import os


class Home:
    """The event loop and process that first used a client."""

    def __init__(self) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None
        self._pid = 0
        self._is_closed = False

    def check(self) -> None:
        """Make sure that the client is used where it belongs.

        Raises:
            RuntimeError: It is closed, or this is another event loop or process.
        """
        loop, pid = asyncio.get_running_loop(), os.getpid()
        if self._loop is None:
            self._loop, self._pid = loop, pid
        if self._is_closed:
            msg = "the client is closed; make a new one"
            raise RuntimeError(msg)
        self._check_place()

    def close(self) -> None:
        """Make every use from now on an error.

        Raises:
            RuntimeError: This is another event loop or process.
        """
        if self._loop is not None and not self._is_closed:
            self._check_place()
        self._is_closed = True

    @property
    def is_left_open(self) -> bool:
        """Whether it was used and never closed."""
        return self._loop is not None and not self._is_closed

    def _check_place(self) -> None:
        if os.getpid() != self._pid:
            msg = "the client was made before a fork; make one in each process"
            raise RuntimeError(msg)
        if asyncio.get_running_loop() is not self._loop:
            msg = "the client belongs to another event loop; make one in each loop"
            raise RuntimeError(msg)
