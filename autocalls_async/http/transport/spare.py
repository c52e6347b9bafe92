"""A connection made ahead of the next reply, so that the reply takes one round trip.

It was never used and is a few seconds old at most, so it is as safe as a new one:
an answer that comes on it before its request spoils it, and it is not taken then.
"""

import asyncio
from collections.abc import Awaitable, Callable
from contextvars import Context
from math import inf
from weakref import WeakKeyDictionary

from autocalls_async.clock import loop_time
from autocalls_async.http.transport.failures import AttemptFailed
from autocalls_async.http.transport.line import UNUSED_SECONDS, DirectLine
from autocalls_async.policy.verdict import Seen

RENEW_SECONDS = 4.0
"""A spare that is still wanted at this age is followed by the next one."""

STEP_SECONDS = 0.5
"""To want one for less than this longer is not worth a look: each send wants one."""

DIAL_SECONDS = 0.05
"""Between two dials of one event loop: with a thousand accounts, made at each of many
sends at once, spares would cost a quarter of the processor."""


class Dials:
    """The dials of all the spares of one event loop: one after the other, in turn."""

    def __init__(self) -> None:
        self._next_at = -inf
        self._line: dict[Spare, None] = {}
        self._timer: asyncio.TimerHandle | None = None

    def join(self, spare: "Spare") -> None:
        """Queue a spare to dial in its turn, at once if nobody is before it."""
        self._line[spare] = None
        self._serve()

    def leave(self, spare: "Spare") -> None:
        """Remove a spare that need not dial after all."""
        if self._line.pop(spare, spare) is None and not self._line:
            self._stop_timer()

    def _serve(self) -> None:
        now = loop_time()
        while self._line and self._next_at <= now:
            spare = next(iter(self._line))
            del self._line[spare]
            if spare.dial():
                self._next_at = now + DIAL_SECONDS
        if not self._line:
            self._stop_timer()
        elif self._timer is None:
            loop = asyncio.get_running_loop()
            self._timer = loop.call_at(self._next_at, self._on_timer, context=Context())

    def _on_timer(self) -> None:
        self._timer = None
        self._serve()

    def _stop_timer(self) -> None:
        if self._timer is not None:  # it holds the loop
            self._timer.cancel()
            self._timer = None


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
        # What is made ahead is made for nobody yet, and keeps nobody's context.
        self._context = Context()
        self._dials = _dials.setdefault(self._loop, Dials())
        self._standing: DirectLine | None = None
        self._dialling: asyncio.Task[None] | None = None
        self._is_promised = False  # what is being dialled has a taker
        self._waiters: set[asyncio.Future[None]] = set()
        self._dialled_at = -inf
        self._wanted_until = -inf
        self.enough_until: float = -inf
        """One is wanted until then already, or nearly."""
        self._is_closed = False
        self._timer: asyncio.TimerHandle | None = None
        self._timer_at = inf

    def want(self, until: float) -> None:
        """Have one stand until then, unless it is taken and none may be made."""
        if until > self.enough_until:
            self._want_until(until)
            self._serve()

    async def wait_for_one(self) -> None:
        """Wait until one stands, or a send has taken it at once.

        Raises:
            AttemptFailed: None could be made.
        """
        if self._is_closed:
            raise _closed()
        if self._usable() is not None:
            return
        waiter: asyncio.Future[None] = self._loop.create_future()
        self._waiters.add(waiter)
        try:
            self._serve()
            await waiter
        finally:
            self._waiters.discard(waiter)

    @property
    def is_near(self) -> bool:
        """Whether one stands, or is being dialled for whoever comes first."""
        if self._standing is not None:
            return True
        return self._dialling is not None and not self._is_promised

    async def take(self) -> DirectLine | None:
        """Return the one that stands or is about to, if it is as good as a new one."""
        if self._usable() is None and self._dialling and not self._is_promised:
            self._is_promised = True
            try:
                await asyncio.wait([self._dialling])
            finally:
                self._is_promised = False
        line, self._standing = self._usable(), None
        self._serve()
        return line

    async def aclose(self) -> None:
        """Drop what stands, and make no more."""
        self._is_closed = True
        self._dials.leave(self)
        if self._dialling is not None:
            self._dialling.cancel()
            await asyncio.wait([self._dialling])
        self._tell(_closed())
        self._drop_standing()
        if self._timer is not None:
            self._timer.cancel()

    def dial(self) -> bool:
        """Begin to dial, as its turn has come; whether it is still wanted."""
        now = loop_time()
        if self._dialling is not None or self._dial_at(now, self._usable()) > now:
            return False
        self._dialled_at = now
        self._dialling = self._loop.create_task(
            # A context of its own: one that begins at once must not enter ours twice.
            self._make(),
            name="autocalls spare",
            context=Context(),
        )
        self._dialling.add_done_callback(self._dialled)
        return True

    def _usable(self) -> DirectLine | None:
        """Return the one that stands; one that has gone bad meanwhile is dropped."""
        line = self._standing
        if line is not None and (line.expires_at <= loop_time() or line.is_spoilt()):
            self._drop_standing()
        return self._standing

    def _serve(self) -> None:
        """Drop what is old, dial what is wanted; called after each change."""
        now, line = loop_time(), self._usable()
        expires_at = line.expires_at if line is not None else inf
        dial_at = self._dial_at(now, line)
        if dial_at > now:
            self._dials.leave(self)
            self._set_timer(min(dial_at, expires_at))
        else:
            self._set_timer(expires_at)
            self._dials.join(self)

    def _dial_at(self, now: float, line: DirectLine | None) -> float:
        """Return when the next may be dialled, if one is wanted then."""
        if self._is_closed or self._dialling is not None:
            return inf
        at = max(now, self._dialled_at + self._gap)
        if line is not None:
            at = max(at, line.expires_at - UNUSED_SECONDS + RENEW_SECONDS)
        return at if at < self._wanted_until or self._waiters else inf

    async def _make(self) -> None:
        began_at = loop_time()
        line = await self._dial()
        line.expires_at = began_at + UNUSED_SECONDS
        if line.expires_at <= loop_time():
            line.close()
            detail = "the connection took too long to come about"
            raise AttemptFailed(Seen.NO_CONNECTION, detail)
        self._drop_standing()
        self._standing = line

    def _dialled(self, dialling: "asyncio.Task[None]") -> None:
        self._dialling = None
        if dialling.cancelled():
            return
        if error := dialling.exception():
            self._want_until(-inf)  # whoever needs one will learn why
        self._tell(error)
        self._serve()

    def _want_until(self, until: float) -> None:
        self._wanted_until = until
        self.enough_until = until + STEP_SECONDS

    def _tell(self, error: BaseException | None) -> None:
        """Tell all who wait for one what came of it."""
        while self._waiters:
            waiter = self._waiters.pop()
            if waiter.done():
                continue
            if error is None:
                waiter.set_result(None)
            else:
                waiter.set_exception(error)

    def _drop_standing(self) -> None:
        line, self._standing = self._standing, None
        if line is not None:
            line.close()

    def _set_timer(self, at: float) -> None:
        """Have it served at this instant; a timer that comes sooner sees to it then."""
        if at < self._timer_at:
            if self._timer is not None:
                self._timer.cancel()
            self._timer_at = at
            self._timer = self._loop.call_at(at, self._on_timer, context=self._context)

    def _on_timer(self) -> None:
        self._timer, self._timer_at = None, inf
        self._serve()


def _closed() -> AttemptFailed:
    return AttemptFailed(Seen.NO_TRUST, "the client is closed")
