"""Where a client belongs: one event loop, one process, and only while it is open."""

import asyncio
import os
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import suppress


class Home:
    """The event loop and process that first used a client."""

    def __init__(self) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None
        self._pid = 0
        self.is_closed: bool = False
        self._is_released = False
        self._at_end: AsyncGenerator[None, None] | None = None
        self.close_rest: Callable[[], Awaitable[None]] | None = None
        """Closes what was opened, where nobody else does. Holds no client."""

    def check(self) -> None:
        """Make sure that the client is used where it belongs, and is open.

        Raises:
            RuntimeError: It is closed, or this is another event loop or process.
        """
        loop = _running_loop()
        if self.is_closed:
            msg = "the client is closed; make a new one"
            raise RuntimeError(msg)
        self._check_place(loop)

    def check_place(self) -> None:
        """Make sure that the client is used where it belongs, open or not.

        Raises:
            RuntimeError: This is another event loop or process.
        """
        self._check_place(_running_loop())

    def _check_place(self, loop: asyncio.AbstractEventLoop) -> None:
        if self._loop is None:
            self._bind(loop)
        if os.getpid() != self._pid:
            msg = "the client was made before a fork; make one in each process"
            raise RuntimeError(msg)
        if loop is not self._loop:
            msg = "the client belongs to another event loop; make one in each loop"
            raise RuntimeError(msg)

    def close(self) -> None:
        """Make every use from now on an error.

        Raises:
            RuntimeError: This is another event loop or process.
        """
        if self._loop is not None and not self.is_closed:
            self.check_place()
        self.is_closed = True

    async def release(self) -> None:
        """Watch for the loop's end no more: all is closed."""
        self._is_released = True
        if self._at_end is not None:
            await self._at_end.aclose()

    def give_up(self) -> None:
        """Count as closed: nobody is left who could close it."""
        self.is_closed = self._is_released = True

    @property
    def is_left_open(self) -> bool:
        """Whether it was used and never closed."""
        return self._loop is not None and not self._is_released

    @property
    def is_gone(self) -> bool:
        """Whether its loop can close nothing any more."""
        return self._loop is not None and self._loop.is_closed()

    def _bind(self, loop: asyncio.AbstractEventLoop) -> None:
        """Bind the client to this loop, and watch for the end of either.

        The loop closes at its end every asynchronous generator that was begun in
        it, and at once one that nobody holds: so what a forgotten `aclose()` left
        open is closed while the loop can still do it.
        """
        self._loop, self._pid = loop, os.getpid()
        if self.close_rest is not None and not self.is_closed:
            self._at_end = _at_the_end(self, self.close_rest)
            with suppress(StopIteration):  # it has come to its `yield`
                self._at_end.asend(None).send(None)


async def _at_the_end(
    home: Home, close_rest: Callable[[], Awaitable[None]]
) -> AsyncGenerator[None, None]:
    try:
        yield
    finally:
        if home.is_left_open:
            home.give_up()
            await close_rest()


def _running_loop() -> asyncio.AbstractEventLoop:
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        msg = (
            "the client must be used in its event loop, and none runs here; a thread "
            "reaches it with loop.call_soon_threadsafe(...)"
        )
        raise RuntimeError(msg) from None
