"""A connection made ahead of the next reply, so that the reply takes one round trip.

It was never used and is a few seconds old at most, so it is as safe as a new one:
an answer that comes on it before its request spoils it, and it is not taken then.
"""

import asyncio
from collections.abc import Awaitable, Callable
from math import inf
from weakref import WeakKeyDictionary

from autocalls_async.clock import loop_time
from autocalls_async.transport.failures import AttemptFailed
from autocalls_async.transport.line import UNUSED_SECONDS, DirectLine
from autocalls_async.verdict import Seen

RENEW_SECONDS = 4.0
"""A spare that is still wanted at this age is followed by the next one."""

STEP_SECONDS = 0.5
"""To want one for less than this longer is not worth a look: each send wants one."""

DIAL_SECONDS = 0.05
"""Between two dials of one event loop: with a thousand accounts, made at each of many
sends at once, spares would cost a quarter of the processor."""


class Dials:
    """The dials of all the spares of one event loop."""

    def __init__(self) -> None:
        self._next_at = -inf

    def next_at(self) -> float:
        """Return when the next may begin, on the loop's clock."""
        return self._next_at

    def note(self, now: float) -> None:
        """Note that one begins."""
        self._next_at = now + DIAL_SECONDS


_dials: WeakKeyDictionary[asyncio.AbstractEventLoop, Dials] = WeakKeyDictionary()


class Spare:
    """At most one connection that stands, and one that is being dialled.

    Args:
        dial: Makes a connection.
        gap: Least seconds between two dials: those between two sends.
    """

    def __init__(
        self,
        dial: Callable[[], Awaitable[DirectLine]],
        *,
        gap: float,
    ) -> None:
        self._dial = dial
        self._gap = gap
        self._loop = asyncio.get_running_loop()
        self._dials = _dials.setdefault(self._loop, Dials())
        self._standing: DirectLine | None = None
        self._dialling: asyncio.Task[None] | None = None
        self._is_promised = False  # what is being dialled has a taker
        self._dialled_at = -inf
        self._wanted_until = -inf
        self._timer: asyncio.TimerHandle | None = None
        self._timer_at = inf

    def want(self, seconds: float) -> None:
        """Have one stand for so long, unless it is taken and none may be made."""
        until = loop_time() + seconds
        if until > self._wanted_until + STEP_SECONDS:  # else all is under way already
            self._wanted_until = until
            self._serve()

    async def wait_for_one(self) -> None:
        """Wait until one stands.

        Raises:
            AttemptFailed: None could be made.
        """
        while self._usable() is None:
            self.want(UNUSED_SECONDS)
            if (dialling := self._dialling) is None:
                await asyncio.sleep(max(0.0, self._may_dial_at() - loop_time()))
                continue
            await asyncio.wait([dialling])
            if dialling.cancelled():
                raise AttemptFailed(Seen.NO_TRUST, "the client is closed")
            dialling.result()

    async def take(self) -> DirectLine | None:
        """Return the one that stands or is about to, if it is as good as a new one."""
        if self._usable() is None and self._dialling and not self._is_promised:
            self._is_promised = True
            try:
                await asyncio.wait([self._dialling])
            finally:
                self._is_promised = False
        line, self._standing = self._usable(), None
        if line is not None:
            self._serve()
        return line

    async def aclose(self) -> None:
        """Drop what stands, and make no more."""
        self._wanted_until = -inf
        if self._dialling is not None:
            self._dialling.cancel()
            await asyncio.wait([self._dialling])
        self._drop_standing()
        self._set_timer(inf)

    def _usable(self) -> DirectLine | None:
        """Return the one that stands; one that has gone bad meanwhile is dropped."""
        line = self._standing
        if line is not None and (line.expires_at <= loop_time() or line.is_spoilt()):
            self._drop_standing()
        return self._standing

    def _serve(self) -> None:
        """Drop what is old, dial what is wanted; called after each change."""
        now, line = loop_time(), self._usable()
        if self._dialling is not None:
            return  # which serves when it is done
        dial_at = inf
        if now < self._wanted_until:
            renew_at = -inf
            if line is not None:
                renew_at = line.expires_at - UNUSED_SECONDS + RENEW_SECONDS
            dial_at = max(renew_at, self._may_dial_at())
            dial_at = dial_at if dial_at < self._wanted_until else inf
        if dial_at <= now:
            self._begin_dial(now)
        else:
            self._set_timer(min(dial_at, line.expires_at if line else inf))

    def _may_dial_at(self) -> float:
        return max(self._dialled_at + self._gap, self._dials.next_at())

    def _begin_dial(self, now: float) -> None:
        self._set_timer(inf)
        self._dialled_at = now
        self._dials.note(now)
        self._dialling = self._loop.create_task(self._make(), name="autocalls spare")
        self._dialling.add_done_callback(self._dialled)

    async def _make(self) -> None:
        began_at = loop_time()
        line = await self._dial()
        line.expires_at = began_at + UNUSED_SECONDS
        self._drop_standing()
        self._standing = line

    def _dialled(self, dialling: "asyncio.Task[None]") -> None:
        self._dialling = None
        if dialling.cancelled():
            return
        if dialling.exception():
            self._wanted_until = -inf  # whoever needs one will learn why
        if not self._is_promised:
            self._serve()

    def _drop_standing(self) -> None:
        line, self._standing = self._standing, None
        if line is not None:
            line.close()

    def _set_timer(self, at: float) -> None:
        if at == self._timer_at:
            return
        if self._timer is not None:
            self._timer.cancel()
        self._timer, self._timer_at = None, at
        if at < inf:
            self._timer = self._loop.call_at(at, self._on_timer)

    def _on_timer(self) -> None:
        self._timer, self._timer_at = None, inf
        self._serve()
