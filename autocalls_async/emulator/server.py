"""The emulator as a whole: an HTTP server, and the parts that it is turned by."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from datetime import datetime
from decimal import Decimal
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, TypeVar, Unpack

from aiohttp import web

from autocalls_async.emulator.app import make_app
from autocalls_async.emulator.clock import Clock
from autocalls_async.emulator.faults import FaultPlan
from autocalls_async.emulator.handles.shortcuts import Shortcuts
from autocalls_async.emulator.home import HomeLoop
from autocalls_async.emulator.limits import RateLimit, make_limit
from autocalls_async.emulator.records import Records
from autocalls_async.emulator.sandbox.box import Sandbox
from autocalls_async.emulator.state import ready_made
from autocalls_async.emulator.world.settings import SandboxOptions, SandboxSettings
from autocalls_async.emulator.world.world import World

if TYPE_CHECKING:
    from autocalls_async.emulator.control.site import Site

# Who listens everywhere is found, from this machine, here.
_NEAR = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104  # compared, not bound

T = TypeVar("T")
_Handler = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]

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

    Its handles stand in five parts. What tests use most has a short name too:
    `emulator.accepted` is `emulator.seen.accepted`.

    Attributes:
        account: What the service knows: money, senders, templates, who wrote when.
        faults: What goes wrong on purpose.
        limits: How long things take before and after a send is counted.
        seen: What it saw and did.
        sandbox: Customers and deliveries, the clock, snapshots and replay.

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
        page: Serve the page and the control API beside the service.
        webhook: Where receipts go: the URL of somebody's program.
        webhook_secret: What they are signed with; made if there is a `webhook`.
        inbound: Where customers' messages go, once each.
        inbound_fields: Other names for their fields, such as
            `{"text": "body"}`; the fields are `phone`, `text`, `sender_id`,
            `timestamp` and `conversation_id`.
        inbound_token: Sent with them, as `Authorization: Bearer ...`.
        ended: Where it goes that a conversation ended.
        receipt_steps: `"auto"` (sent after 0.2 s, delivered after 1 s, read
            where the page has the thread open), `"delivered"` (without read) or
            `"manual"`, the default where there is neither page nor webhook.
        keep: How many messages the threads keep, together.
        allow_hosts: Other names under which a browser may find the page.

    Raises:
        ValueError: The numbers of the limit make no sense, or a URL or another
            argument of the sandbox is not usable.
    """

    _web_server: web.Server | None = None
    _listener: asyncio.Server | None = None

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
        **sandbox: Unpack[SandboxOptions],
    ) -> None:
        self._home = home = HomeLoop()
        self._clock = Clock(home, now)
        self._host, self._port = host, port
        self._site: Site | None = None
        world = World(
            clock=self._clock,
            tenant=ready_made(balance, cost, everyone_is_open=everyone_is_open),
            records=Records(record_requests, record_accepted),
            plan=FaultPlan(),
            limit=make_limit(
                rate_limit, rate=rate, per=per, count_rejected=count_rejected
            ),
            shape=rate_limit,
            rate=rate,
            per=per,
            loop_time=home.time,
        )
        self._box = box = Sandbox(world=world, settings=SandboxSettings(**sandbox))
        self._app = make_app(world, api_key=api_key, tell=box.tell)
        super().__init__(home, self._app, box)

    async def __aenter__(self) -> Self:
        """Begin to listen; after an earlier run, on the same port again.

        Raises:
            OSError: The port is taken, or the host is not one of this machine.
        """
        server = web.Server(self._choose_handler(), access_log=None)
        if self._port is not None:
            loop = asyncio.get_running_loop()
            listener = await loop.create_server(server, self._host, self._port)
            self._port = listener.sockets[0].getsockname()[1]
            self._listener = listener
        self._web_server = server
        self._home.open()
        self._clock.start()
        if self._box.settings.is_wanted:
            self._box.mark_start()
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
        if self._site is not None:
            await self._site.stop()
        await self._app.stop()
        await self._box.stop()
        self._clock.stop()
        if server is not None:
            server.pre_shutdown()
            await server.shutdown(_CLOSE_SECONDS)
        if listener is not None:
            await listener.wait_closed()

    def _choose_handler(self) -> _Handler:
        if not self._box.settings.page:
            return self._app.handle
        # Only where it is asked for: plain emulators start sooner without.
        from autocalls_async.emulator.control.site import Site  # noqa: PLC0415

        self._site = Site(self._box, self._app, lambda: self.base_url, self._host)
        return self._site.handle

    @property
    def base_url(self) -> str:
        """Where a client finds the service.

        Raises:
            RuntimeError: Asked for on another event loop than the emulator's,
                which stands still meanwhile: no request would be answered.
        """
        self._home.check()
        host = _NEAR.get(self._host, self._host)
        host = f"[{host}]" if ":" in host else host
        where = host if self._port is None else f"{host}:{self._port}"
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

    @property
    def page_url(self) -> str:
        """Where a browser finds the page.

        Raises:
            RuntimeError: There is none: `page=True` was not asked for.
        """
        if not self._box.settings.page:
            msg = "this emulator has no page: make it with Emulator(page=True)"
            raise RuntimeError(msg)
        return f"{self.base_url.removesuffix('/api')}/"

    @property
    def webhook_secret(self) -> str | None:
        """What receipts are signed with; made where none was given."""
        return self._box.settings.secret

    def now(self) -> datetime:
        """Return the service's idea of the date."""
        return self._clock.date()

    def block_on(self, wait: Coroutine[Any, Any, T]) -> T:
        """Wait, in a thread beside the emulator's, for something that it does.

        Such as, in a test that is not async,
        `live_emulator.block_on(live_emulator.wait_for_message(phone))`.

        Raises:
            RuntimeError: This thread is the emulator's own.
        """
        return self._home.block_on(wait)


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
