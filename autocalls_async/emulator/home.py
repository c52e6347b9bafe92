"""Where an emulator lives: on one event loop, which code elsewhere must reach."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


class HomeLoop:
    """The event loop on which an emulator was entered, once it was."""

    def __init__(self) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None
        self._is_open = False

    def open(self) -> None:
        """Live on the running loop from now on."""
        self._loop = asyncio.get_running_loop()
        self._is_open = True

    def close(self) -> None:
        """Serve nobody any more; the clock can still be read."""
        self._is_open = False

    @property
    def loop(self) -> asyncio.AbstractEventLoop:
        """The loop that it was entered on; before it was, the caller's."""
        return self._loop or asyncio.get_running_loop()

    def time(self) -> float:
        """Return the time of `loop`."""
        return (self._loop or asyncio.get_running_loop()).time()

    def check(self) -> None:
        """Make sure that the emulator can answer whoever calls.

        Raises:
            RuntimeError: The caller runs on another event loop, and the
                emulator's stands still meanwhile.
        """
        loop, running = self._loop, _find_running_loop()
        if not self._is_open or loop is None or loop.is_running():
            return
        if running is not None:
            msg = (
                f"the emulator was entered on another event loop, {loop!r}, which"
                f" stands still while this one runs, {running!r}: nothing would be"
                " answered; enter it on the loop that asks it (in pytest, give test"
                " and async fixtures one loop_scope), or take the fixture"
                " live_emulator, whose loop has a thread of its own"
            )
            raise RuntimeError(msg)

    def do(self, step: Callable[[], T]) -> T:
        """Do something where the emulator lives, and wait for it.

        Raises:
            RuntimeError: As `check` says.
        """
        self.check()
        loop = self._loop
        if not self._is_open or loop is None or not loop.is_running():
            return step()  # nothing else can happen meanwhile
        if loop is _find_running_loop():
            return step()

        async def take() -> T:
            return step()

        return asyncio.run_coroutine_threadsafe(take(), loop).result()

    async def wait_for(self, wait: Coroutine[Any, Any, T]) -> T:
        """Wait for something where the emulator lives, on whatever loop one is.

        Raises:
            RuntimeError: As `check` says.
        """
        try:
            self.check()
        except RuntimeError:
            wait.close()
            raise
        if self.loop is asyncio.get_running_loop():
            return await wait
        waiting = asyncio.run_coroutine_threadsafe(wait, self.loop)
        return await asyncio.wrap_future(waiting)

    def block_on(self, wait: Coroutine[Any, Any, T]) -> T:
        """Wait for something where the emulator lives, and block this thread.

        Raises:
            RuntimeError: The emulator's loop does not run, or in this very thread.
        """
        loop = self._loop
        if loop is None or not loop.is_running() or loop is _find_running_loop():
            wait.close()
            msg = (
                "only a thread beside the emulator's can block on it: await here, or"
                " take the fixture live_emulator, whose loop has a thread of its own"
            )
            raise RuntimeError(msg)
        return asyncio.run_coroutine_threadsafe(wait, loop).result()


def _find_running_loop() -> asyncio.AbstractEventLoop | None:
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None
