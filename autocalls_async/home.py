"""Where a client belongs: one event loop, one process, and only while it is open."""

import asyncio
import os


class Home:
    """The event loop and process that first used a client."""

    def __init__(self) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None
        self._pid = 0
        self.is_closed: bool = False

    def check(self) -> None:
        """Make sure that the client is used where it belongs, and is open.

        Raises:
            RuntimeError: It is closed, or this is another event loop or process.
        """
        _running_loop()
        if self.is_closed:
            msg = "the client is closed; make a new one"
            raise RuntimeError(msg)
        self.check_place()

    def check_place(self) -> None:
        """Make sure that the client is used where it belongs, open or not.

        Raises:
            RuntimeError: This is another event loop or process.
        """
        loop, pid = _running_loop(), os.getpid()
        if self._loop is None:
            self._loop, self._pid = loop, pid
        if pid != self._pid:
            msg = "the client was made before a fork; make one in each process"
            raise RuntimeError(msg)
        if loop is not self._loop:
            msg = "the client belongs to another event loop; make one in each loop"
            raise RuntimeError(msg)

    def close(self) -> None:
        """From now on every use is an error."""
        self.is_closed = True


def _running_loop() -> asyncio.AbstractEventLoop:
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        msg = (
            "the client must be used in its event loop, and none runs here; a thread "
            "reaches it with loop.call_soon_threadsafe(...)"
        )
        raise RuntimeError(msg) from None
