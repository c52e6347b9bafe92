"""Ctrl-C, SIGTERM and SIGHUP: the first is an orderly end, the next a quick one."""

import asyncio
import os
import signal
from collections import deque
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

_OUTPUTS = (1, 2)  # standard output and standard error

Step = Callable[[], Awaitable[None] | None]

# SIGHUP is what a closed terminal sends; Windows has none.
_SIGNALS = tuple(
    getattr(signal, name)
    for name in ("SIGINT", "SIGTERM", "SIGHUP")
    if hasattr(signal, name)
)


def _listen(hear: Callable[[int], object]) -> None:
    """Let this be told of signals, where the event loop can catch them.

    What was to be ignored before is: `nohup` ignores SIGHUP, a shell's background
    job Ctrl-C.
    """
    loop = asyncio.get_running_loop()
    with suppress(NotImplementedError):  # asyncio's word for a system without
        for number in _SIGNALS:
            if signal.getsignal(number) is not signal.SIG_IGN:
                loop.add_signal_handler(number, hear, number)


def _ignore(_: int) -> None:
    """Do nothing."""


class Stopping:
    """While it is entered, each signal does the next step; the last one repeats.

    Where the event loop cannot catch signals, as on Windows, it does nothing,
    and Ctrl-C is a `KeyboardInterrupt` as ever.

    Args:
        steps: What to do at the first signal, at the second, and so on.
    """

    def __init__(self, *steps: Step) -> None:
        self._steps = deque(steps)
        self._tasks: list[asyncio.Future[None]] = []
        self._terminals = [number for number in _OUTPUTS if os.isatty(number)]
        self.exit_status: int | None = None

    async def __aenter__(self) -> Self:
        """Begin to listen for signals."""
        _listen(self._take)
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Let the steps come to their end; the loop hears no further signal.

        What is left is to tell of it and to close files. Without a handler Python's
        own would raise wherever the loop just is, and a file might stay open.
        """
        _listen(_ignore)
        await asyncio.gather(*self._tasks)

    def _take(self, number: int) -> None:
        if self.exit_status is None:
            self.exit_status = 128 + number
        self._leave_closed_terminals()
        step = self._steps.popleft() if len(self._steps) > 1 else self._steps[0]
        doing = step()
        if doing is not None:
            self._tasks.append(asyncio.ensure_future(doing))

    def _leave_closed_terminals(self) -> None:
        """Let what was to be shown go nowhere, or each line would be an error."""
        gone = [number for number in self._terminals if not os.isatty(number)]
        for number in gone:
            with Path(os.devnull).open("w") as nowhere:
                os.dup2(nowhere.fileno(), number)
