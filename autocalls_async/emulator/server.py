"""The emulator as a whole: an HTTP server, and the parts that it is turned by."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from types import TracebackType
from typing import Self

from aiohttp import web

from autocalls_async.emulator.app import App
from autocalls_async.emulator.controls import (
    AccountControls,
    FaultControls,
    LimitControls,
)
from autocalls_async.emulator.faults import FaultPlan
from autocalls_async.emulator.home import HomeLoop
from autocalls_async.emulator.limits import RateLimit, make_limit
from autocalls_async.emulator.records import Records
from autocalls_async.emulator.service import Service
from autocalls_async.emulator.shortcuts import Shortcuts
from autocalls_async.emulator.state import ready_made

# How long idle connections get to close on the way out.
_CLOSE_SECONDS = 0.1

# A connection is attached to its server one pass of the event loop after it
# was accepted, and to its protocol one pass later.
_ACCEPT_STEPS = 3


class Emulator(Shortcuts):
    """A fake of the service that behaves as documented and tells what it saw.

    Everything in it happens on the event loop on which it was entered and by
    that loop's clock, so it also works on a loop whose time is virtual. While
    that loop runs, every control can be turned from any thread. Use it with
    `async with`; what it recorded can still be read afterwards.

    Its handles stand in four parts. What tests use most has a short name too:
    `emulator.accepted` is `emulator.seen.accepted`.

    Attributes:
        account: What the service knows: money, senders, templates, who wrote when.
        faults: What goes wrong on purpose.
        limits: How long things take before and after a send is counted.
        seen: What it saw and did.

    Args:
        api_key: The only key that is let in; None lets any key in.
        rate_limit: How sends are counted; None counts without a limit.
        rate: How many sends, of both kinds together, are admitted...
        per: ... in this many seconds.
        count_rejected: Let the sliding log count rejected sends as well.
        cost: The price of one message.
        balance: What is on the account.
        host: The address to listen on, as a number.
        port: The port; 0 takes a free one, None listens nowhere (see
            `protocol`).
        now: Aware wall-clock time; by default the time of the start plus what
            has passed on the event loop's clock.
        everyone_is_open: Treat recipients that nothing was said about as
            having just written, without keeping them in memory.
        record_requests: Keep each request in `requests`.
        record_accepted: Keep each message in `accepted`. Counts are kept
            anyway; without records nothing is known about duplicates.

    Raises:
        ValueError: The numbers of the limit make no sense.
    """

    def __init__(  # noqa: PLR0913 - the service's knobs, one argument each
        self,
        *,
        api_key: str | None = None,
        rate_limit: RateLimit | None = RateLimit.SLIDING_LOG,
        rate: int = 5,
        per: float = 1.0,
        count_rejected: bool = False,
        cost: Decimal = Decimal("0.05"),
        balance: Decimal = Decimal(100),
        host: str = "127.0.0.1",
        port: int | None = 0,
        now: Callable[[], datetime] | None = None,
        everyone_is_open: bool = False,
        record_requests: bool = True,
        record_accepted: bool = True,
    ) -> None:
        self._home = home = HomeLoop()
        self._host = host
        self._port = port
        self._now = now
        tenant = ready_made(balance, cost, everyone_is_open=everyone_is_open)
        seen = Records(record_requests, record_accepted)
        self._app = app = App(
            service=Service(tenant, seen, home.time, self.now),
            faults=FaultPlan(),
            api_key=api_key,
            limit=make_limit(
                rate_limit, rate=rate, per=per, count_rejected=count_rejected
            ),
            rate=rate,
        )
        super().__init__(
            account=AccountControls(home, tenant),
            faults=FaultControls(home, app.faults),
            limits=LimitControls(home, app),
            seen=seen,
        )
        self._started_at = datetime.now(UTC)
        self._started: float | None = None
        self._web_server: web.Server | None = None
        self._listener: asyncio.Server | None = None

    async def __aenter__(self) -> Self:
        """Begin to listen; after an earlier run, on the same port again.

        Raises:
            OSError: The port is taken, or the host is not one of this machine.
        """
        if self._started is None:
            self._started = self._home.time()
        server = web.Server(self._app.handle, access_log=None)
        if self._port is not None:
            loop = asyncio.get_running_loop()
            listener = await loop.create_server(server, self._host, self._port)
            self._port = listener.sockets[0].getsockname()[1]
            self._listener = listener
        self._web_server = server
        self._home.open()
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Stop listening; requests that are still being handled are cut off."""
        self._home.close()
        listener, self._listener = self._listener, None
        server, self._web_server = self._web_server, None
        if listener is not None:
            await _stop_accepting(listener)
        await self._app.stop()
        if server is not None:
            server.pre_shutdown()
            await server.shutdown(_CLOSE_SECONDS)
        if listener is not None:
            await listener.wait_closed()

    @property
    def base_url(self) -> str:
        """Where a client finds the service.

        Raises:
            RuntimeError: Asked for on another event loop than the emulator's,
                which stands still meanwhile: no request would be answered.
        """
        self._home.check()
        where = self._host if self._port is None else f"{self._host}:{self._port}"
        return f"http://{where}/api"

    def protocol(self) -> asyncio.Protocol:
        """Return the server's end of one connection, for a transport of your own.

        Raises:
            RuntimeError: The emulator is not running.
        """
        if self._web_server is None:
            msg = "the emulator is not running: enter it with `async with`"
            raise RuntimeError(msg)
        return self._web_server()

    def now(self) -> datetime:
        """Return the service's idea of the date."""
        if self._now is not None:
            return self._now()
        if self._started is None:
            return self._started_at
        return self._started_at + timedelta(seconds=self._home.time() - self._started)


async def _stop_accepting(listener: asyncio.Server) -> None:
    """Close a listener, once what it has just accepted has reached its protocol.

    Closed at once, asyncio drops such a connection with an assertion and
    leaves its socket open.
    """
    loop = asyncio.get_running_loop()
    for sock in listener.sockets:
        loop.remove_reader(sock.fileno())
    for _ in range(_ACCEPT_STEPS):
        await asyncio.sleep(0)
    listener.close()
