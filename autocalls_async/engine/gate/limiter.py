"""A limiter that a caller lends, asked beside the pace."""

import asyncio
import logging
from collections.abc import Callable
from functools import partial
from math import inf
from typing import Protocol

from autocalls_async.clock import loop_time
from autocalls_async.engine.gate.turns import Turn

log: logging.Logger = logging.getLogger("autocalls_async")

SILENT_LIMITER_SECONDS = 10.0
"""A lent limiter that takes longer is told of."""


class Limiter(Protocol):
    """What the gate asks of a limiter: aiolimiter's `AsyncLimiter` is one."""

    async def acquire(self) -> None:
        """Wait until one more request may leave."""


class LentLimiter:
    """A limiter of the caller's, asked for one request at a time.

    What it grants is kept for whoever has the most right by then.
    """

    def __init__(
        self,
        limiter: Limiter,
        *,
        on_grant: Callable[[], None],
        on_failure: Callable[[Turn, BaseException], None],
    ) -> None:
        self._limiter = limiter
        self._on_grant = on_grant
        self._on_failure = on_failure
        self._grant_count = 0  # not used yet
        self._asked_at = inf
        self._asking: asyncio.Task[None] | None = None
        self._timer: asyncio.TimerHandle | None = None

    def waited(self) -> float:
        """Return for how many seconds it has not answered."""
        return max(0.0, loop_time() - self._asked_at)

    def take(self, turn: Turn) -> bool:
        """Whether it has granted one; else it is asked, on behalf of this turn."""
        if self._grant_count:
            self._grant_count -= 1
            return True
        if self._asking is None:
            loop = asyncio.get_running_loop()
            self._asked_at = loop.time()
            self._timer = loop.call_later(SILENT_LIMITER_SECONDS, _tell_of_silence)
            self._asking = loop.create_task(self._ask(), name="autocalls limiter")
            self._asking.add_done_callback(partial(self._note_answer, turn))
        return False

    def give_back(self) -> None:
        """Keep a grant that was not used for the next."""
        self._grant_count += 1

    async def aclose(self) -> None:
        """Ask no more."""
        if self._asking is not None:
            self._asking.cancel()
            await asyncio.wait([self._asking], timeout=SILENT_LIMITER_SECONDS)

    async def _ask(self) -> None:
        await self._limiter.acquire()

    def _note_answer(self, turn: Turn, asking: asyncio.Task[None]) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._asking, self._asked_at = None, inf
        error = None if asking.cancelled() else asking.exception()
        if asking.cancelled():
            self._on_failure(turn, RuntimeError("the limiter was cancelled"))
        elif error is None:
            self._grant_count += 1
            self._on_grant()
        else:
            self._on_failure(turn, error)


def _tell_of_silence() -> None:
    log.warning(
        "the limiter that was given as limiter= has let nothing leave for %.0f s",
        SILENT_LIMITER_SECONDS,
    )
