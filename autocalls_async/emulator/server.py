"""The emulator as a whole: an HTTP server with handles to turn."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import partial, wraps
from types import TracebackType
from typing import Concatenate, ParamSpec, Self, TypeVar

from aiohttp import web
from attrs import frozen

from autocalls_async.emulator.app import App, Latency
from autocalls_async.emulator.faults import Endpoint, Fault, FaultChooser, FaultPlan
from autocalls_async.emulator.home import Home
from autocalls_async.emulator.limits import RateLimit, make_limit
from autocalls_async.emulator.records import AcceptedMessage, Ledger, RecordedRequest
from autocalls_async.emulator.service import Service
from autocalls_async.emulator.state import (
    WINDOW_SECONDS,
    Sender,
    Template,
    ready_made,
)

# How long idle connections get to close on the way out.
_CLOSE_SECONDS = 0.1

# A connection is attached to its server one pass of the event loop after it
# was accepted, and to its protocol one pass later.
_ACCEPT_STEPS = 3

_MINUTE = 60.0
_CROWD_WINDOWS: tuple[float | None, ...] = (
    WINDOW_SECONDS - 15 * _MINUTE,
    8 * 60 * _MINUTE,
    5 * _MINUTE,
    1 * _MINUTE,
    0.0,
    None,
)

_P = ParamSpec("_P")
_T = TypeVar("_T")


@frozen(kw_only=True)
class Customer:
    """One person of the ready-made crowd."""

    recipient_phone: str
    name: str
    seconds_remaining: float | None
    """How long the window is open; 0 if it has closed, None if they never wrote."""


def _control(
    method: Callable[Concatenate["Emulator", _P], _T],
) -> Callable[Concatenate["Emulator", _P], _T]:
    """Let a method be called from any thread: it runs where the emulator lives."""

    @wraps(method)
    def turn(self: "Emulator", /, *args: _P.args, **kwargs: _P.kwargs) -> _T:
        return self._home.do(partial(method, self, *args, **kwargs))

    return turn


class Emulator:
    """A fake of the service that behaves as documented and tells what it saw.

    Everything in it happens on the event loop on which it was entered and by
    that loop's clock, so it also works on a loop whose time is virtual. While
    that loop runs, every control can be turned from any thread. Use it with
    `async with`; what it recorded can still be read afterwards.

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
        self._home = Home()
        self._host = host
        self._port = port
        self._now = now
        self._account = ready_made(balance, cost, everyone_is_open=everyone_is_open)
        self._ledger = Ledger(record_requests, record_accepted)
        self._app = App(
            service=Service(self._account, self._ledger, self._home.time, self.now),
            faults=FaultPlan(),
            api_key=api_key,
            limit=make_limit(
                rate_limit, rate=rate, per=per, count_rejected=count_rejected
            ),
            rate=rate,
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

    # What the service knows.

    @property
    def balance(self) -> Decimal:
        """What is left on the account."""
        return self._account.balance

    @balance.setter
    @_control
    def balance(self, value: Decimal) -> None:
        self._account.balance = value

    @_control
    def add_sender(self, sender: Sender) -> None:
        """Add a sender, or put it in place of the one with its id."""
        self._account.add_sender(sender)

    @_control
    def set_sender_status(self, sender_id: int, status: str) -> None:
        """Let a sender go `offline`, `online`, `suspended`, ...

        Raises:
            KeyError: There is no such sender.
        """
        self._account.set_sender_status(sender_id, status)

    @_control
    def add_template(self, template: Template) -> None:
        """Add a template, or put it in place of the one with its id."""
        self._account.add_template(template)

    def customer_writes(
        self, phone: str, *, sender_id: int = 12, name: str = "Customer"
    ) -> None:
        """Let a customer write now: their window is open for 24 hours."""
        self.set_window(phone, WINDOW_SECONDS, sender_id=sender_id, name=name)

    @_control
    def set_window(
        self,
        phone: str,
        seconds_remaining: float,
        *,
        sender_id: int = 12,
        name: str = "Customer",
    ) -> None:
        """Let a customer have written so long ago that this much is left.

        Args:
            phone: The customer.
            seconds_remaining: At most 24 hours; 0 or less has run out already.
            sender_id: Which sender they wrote to.
            name: What the customer is called.
        """
        conversation = self._account.open_conversation(sender_id, phone, name=name)
        conversation.last_inbound = (
            self._home.time() + seconds_remaining - WINDOW_SECONDS
        )

    @_control
    def expire_window(self, phone: str, *, sender_id: int = 12) -> None:
        """Let 24 hours have passed since a customer wrote."""
        conversation = self._account.open_conversation(sender_id, phone)
        over = self._home.time() - WINDOW_SECONDS
        wrote = conversation.last_inbound
        conversation.last_inbound = over if wrote is None else min(wrote, over)

    @_control
    def populate(self, count: int = 12, *, sender_id: int = 12) -> list[Customer]:
        """Add customers with windows open, closing and closed, and some with none.

        Returns:
            Them all, also those who never wrote, whom the service does not know.
        """
        crowd = []
        for index in range(count):
            customer = Customer(
                recipient_phone=f"+1415555{index + 1:04d}",
                name=f"Customer {index + 1}",
                seconds_remaining=_CROWD_WINDOWS[index % len(_CROWD_WINDOWS)],
            )
            crowd.append(customer)
            if customer.seconds_remaining is not None:
                self.set_window(
                    customer.recipient_phone,
                    customer.seconds_remaining,
                    sender_id=sender_id,
                    name=customer.name,
                )
        return crowd

    # What goes wrong, and how long things take.

    @_control
    def fail_next(
        self, count: int, fault: Fault, *, endpoint: Endpoint | None = None
    ) -> None:
        """Let the next `count` requests fail, of one endpoint or of any.

        Faults queue up: of several that fit, the one planned first strikes. A
        request that has no valid key or comes too fast uses up none.

        Raises:
            ValueError: `count` is less than one.
        """
        self._app.faults.add(count, fault, endpoint=endpoint)

    @_control
    def stop_failing(self) -> None:
        """Forget all planned faults and `choose_fault`."""
        self._app.faults.clear()

    @property
    def choose_fault(self) -> FaultChooser | None:
        """What is asked for the fault of each request that no planned one strikes."""
        return self._app.faults.choose

    @choose_fault.setter
    @_control
    def choose_fault(self, value: FaultChooser | None) -> None:
        self._app.faults.choose = value

    @property
    def before_counting(self) -> Latency | None:
        """How many seconds a request is under way before it arrives."""
        return self._app.before_counting

    @before_counting.setter
    @_control
    def before_counting(self, value: Latency | None) -> None:
        self._app.before_counting = value

    @property
    def after_counting(self) -> Latency | None:
        """How many seconds pass from the counting (and acting) to the answer."""
        return self._app.after_counting

    @after_counting.setter
    @_control
    def after_counting(self, value: Latency | None) -> None:
        self._app.after_counting = value

    # What was seen.

    @property
    def accepted(self) -> list[AcceptedMessage]:
        """The messages that were taken in, in order."""
        return self._ledger.accepted

    @property
    def requests(self) -> list[RecordedRequest]:
        """The requests that arrived whole, in order."""
        return self._ledger.requests

    @property
    def accepted_count(self) -> int:
        """How many messages were taken in."""
        return self._ledger.accepted_count

    @property
    def rejected_count(self) -> int:
        """How many sends came too fast and got a 429."""
        return self._ledger.rejected_count

    @property
    def undocumented_fields(self) -> set[str]:
        """Fields that arrived and that no page documents, as `endpoint.field`."""
        return self._ledger.undocumented

    def requests_by_endpoint(self) -> dict[Endpoint, int]:
        """Count the requests that arrived, by what they asked for."""
        return dict(self._ledger.by_endpoint)

    def most_sends_in_any_second(self) -> int:
        """Return the largest number of sends within less than a second.

        Sends count as they reach the limiter, whether they are admitted or
        not; two that are exactly a second apart do not share one.
        """
        return self._ledger.busiest.most

    def duplicates(self) -> list[AcceptedMessage]:
        """Return the messages that had been accepted before, word for word.

        Raises:
            RuntimeError: The messages are not recorded.
        """
        if not self._ledger.keep_accepted:
            msg = "duplicates are known only where record_accepted is on"
            raise RuntimeError(msg)
        return self._ledger.doubles


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
