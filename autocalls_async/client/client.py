"""The client: one account, one queue, one pace; it owns what must be closed."""

import os
from collections.abc import Mapping
from decimal import Decimal
from functools import partial
from os import PathLike
from typing import TYPE_CHECKING, Self, Unpack
from weakref import WeakSet

import aiohttp

from autocalls_async.campaign.run import Run
from autocalls_async.campaign.source import Source, check_source
from autocalls_async.client.settings import (
    ClientSettings,
    LaneName,
    WindowCheckName,
)
from autocalls_async.engine.asking.guard import WindowGuard
from autocalls_async.engine.asking.questions import Questions
from autocalls_async.engine.asking.reads import Reads
from autocalls_async.engine.asking.windows import Windows
from autocalls_async.engine.attempts import Exchange
from autocalls_async.engine.dispatcher import Dispatcher
from autocalls_async.engine.gate.gate import Gate
from autocalls_async.engine.gate.limiter import Limiter
from autocalls_async.engine.home import tell_of_neglect
from autocalls_async.engine.shipment import OnSettled, Shipment
from autocalls_async.engine.telemetry.observers import Telling
from autocalls_async.http.settings import (
    DEFAULT_BASE_URL,
    ApiKey,
    parse_base_url,
    read_environment,
    read_host,
)
from autocalls_async.http.transport.transport import Transport
from autocalls_async.model.answers import SentMessage
from autocalls_async.model.checks import check_id, check_seconds, choose, choose_sender
from autocalls_async.model.later import Later
from autocalls_async.model.messages import (
    FreeformMessage,
    Message,
    TemplateMessage,
    check_message,
)
from autocalls_async.model.naming import show_in
from autocalls_async.model.outcomes import Accepted
from autocalls_async.policy.lanes import Lane
from autocalls_async.policy.pace import SendLimit
from autocalls_async.policy.retry import RetryPolicy
from autocalls_async.policy.verdict import Kind
from autocalls_async.policy.windows import WindowCheck, WindowMemory

if TYPE_CHECKING:
    from autocalls_async import journal as _journal
    from autocalls_async.campaign import ledger as _ledger
    from autocalls_async.campaign import plan as _plan
    from autocalls_async.campaign import planner as _planning
    from autocalls_async.engine.telemetry import records as _telemetry
else:
    _journal = Later("autocalls_async.journal")
    _ledger = Later("autocalls_async.campaign.ledger")
    _plan = Later("autocalls_async.campaign.plan")
    _planning = Later("autocalls_async.campaign.planner")
    _telemetry = Later("autocalls_async.engine.telemetry.records")

REPLY_LIKELY_SECONDS = 60.0
"""For so long after somebody wrote, a connection is kept ready for the reply."""

READ_LIMIT = SendLimit(10, per=1.0)
"""The API documents no limit for status checks and listings; this is polite."""


class AutocallsClient(Questions):
    """An asyncio client for one account of the Autocalls WhatsApp API.

    Make one for each account and keep it: its queue, pace and windows are what
    keep the promises. Use it as `async with`, or call `aclose()`. It belongs to
    the event loop that first used it.

    Args:
        api_key: The account's key, such as `1|abc123`.
        base_url: Of the API; white-label editions have another host.
        sender_id: The sender of messages that name none.
        session: Lent, and never closed. Its connector is used as it is, pooled
            connections included: a send on a kept connection may meet one that
            is just being closed, and its outcome is then unknown. Its headers,
            cookies, middlewares, trace hooks and timeouts are not used.
        send_limit: Of the account. The API's is 5 a second.
        limiter: Asked as well as the pace before each send, one request at a
            time, such as an aiolimiter `AsyncLimiter` that several clients of
            one account share.
        retry: When a call makes another attempt.
        window_check: Whether to ask for the messaging window before free text:
            `"auto"` unless an open one is known, `"always"` or `"never"`.
        timeout: The whole budget of a single call, in seconds: queue, check,
            HTTP and retries. Messages of `send_many` have none.
        max_queued: Single messages that may wait for their turn; one more is a
            `QueueFullError` at once. `None` sets no bound.
        drain_timeout: Seconds that `aclose()` gives to what is queued or under way.
        trust_env: Use the proxy that the environment names (`HTTPS_PROXY`).
        observer: Called with a record of each step of each message, in the
            event loop; what it raises breaks nothing. `None` logs to
            `autocalls_async`: unknowns as warnings, steps as debug.
        connect_ahead: Keep a connection ready for the next interactive send,
            5 seconds old at most and never used: for a minute after
            `windows.note_inbound()`, while a send waits, and for some seconds
            after one. Never on a lent session.

    Raises:
        ValueError: An argument breaks its rule. Nothing was opened.
    """

    def __init__(  # noqa: PLR0913  # each is a setting with a default
        self,
        api_key: str,
        *,
        base_url: str = DEFAULT_BASE_URL,
        sender_id: int | None = None,
        session: aiohttp.ClientSession | None = None,
        send_limit: SendLimit = SendLimit(5, per=1.0),  # noqa: B008  # immutable
        limiter: Limiter | None = None,
        retry: RetryPolicy = RetryPolicy(),  # noqa: B008  # immutable
        window_check: WindowCheckName = "auto",
        timeout: float = 30.0,
        max_queued: int | None = None,
        drain_timeout: float = 30.0,
        trust_env: bool = False,
        observer: "_telemetry.Observer | None" = None,
        connect_ahead: bool = True,
    ) -> None:
        key = ApiKey(api_key)
        del api_key  # else a traceback with locals would show it
        for name, number in (("sender_id", sender_id), ("max_queued", max_queued)):
            if number is not None:
                check_id(name, number)
        self._drain_timeout = check_seconds(
            "drain_timeout", drain_timeout, may_be_zero=True
        )
        self._window_check = choose(WindowCheck, "window_check", window_check)
        url = parse_base_url(base_url)
        self._host = read_host(url)
        self._has_spares = connect_ahead and session is None
        self._transport = Transport(
            base_url=url,
            key=key,
            lent=session,
            trust_env=trust_env,
            spare_gap=send_limit.gap if connect_ahead else None,
        )
        self._exchange = exchange = Exchange(
            self._transport, retry=retry, host=self._host
        )
        telling = Telling(observer)
        self._read_gate = Gate(READ_LIMIT)
        reads = Reads(exchange, self._read_gate)
        self._memory = WindowMemory()
        guard = WindowGuard(reads, memory=self._memory, telling=telling)
        super().__init__(reads, guard, sender_id=sender_id, timeout=timeout)
        self.windows: Windows = Windows(
            self._memory,
            sender_id,
            check_home=self._home.check,
            on_inbound=partial(
                exchange.make_ahead, Kind.SEND, seconds=REPLY_LIKELY_SECONDS
            ),
        )
        self._send_gate = Gate(send_limit, limiter=limiter)
        self._dispatcher = Dispatcher(
            exchange,
            send_gate=self._send_gate,
            guard=guard,
            telling=telling,
            max_queued=max_queued,
        )
        self._runs: WeakSet[Run] = WeakSet()
        self._home.leave = partial(
            _leave, self._dispatcher, self._send_gate, self._read_gate, self._transport
        )

    def __del__(self) -> None:
        home = getattr(self, "_home", None)
        if home is not None and home.is_left_open and home.is_gone:
            tell_of_neglect(_neglected(self._dispatcher))

    @classmethod
    def from_env(
        cls,
        *,
        api_key: str | None = None,
        environ: Mapping[str, str] | None = None,
        **settings: Unpack[ClientSettings],
    ) -> Self:
        """Make a client from environment variables.

        Args:
            api_key: In place of `AUTOCALLS_API_KEY`, which must be set otherwise.
            environ: Other variables than those of this process.
            settings: Those of `AutocallsClient`. One that is given here wins over
                `AUTOCALLS_BASE_URL` and `AUTOCALLS_SENDER_ID`, which may be set.

        Raises:
            ValueError: The key is missing, or a value breaks its rule.
        """
        # The environment is no default value: help() would print it, key and all.
        found = read_environment(
            os.environ if environ is None else environ, api_key=api_key
        )
        del api_key  # else a traceback with locals would show it
        settings.setdefault("base_url", found.base_url)
        settings.setdefault("sender_id", found.sender_id)
        return cls(found.api_key, **settings)

    def __repr__(self) -> str:
        if not hasattr(self, "_runs"):  # a debugger looks at one that is refused
            return "<AutocallsClient, not made>"
        sender = "" if self._sender_id is None else f", sender {self._sender_id}"
        state = "closed" if self._home.is_closed else "open"
        return f"<AutocallsClient of {self._host}{sender}, {state}>"

    async def __aenter__(self) -> Self:
        self._home.check()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Take nothing more in, let what is here end, and close what was opened.

        After `drain_timeout` what is still queued ends as `Unsent`, and what is
        still under way as `Unknown`. It can be called twice.
        """
        self._home.close()
        for run in list(self._runs):
            run.tell_if_never_begun()
            run.stop_reading("the client was closed")
        await self._dispatcher.aclose(drain_timeout=self._drain_timeout)
        await self._send_gate.aclose()
        await self._read_gate.aclose()
        await self._transport.aclose()
        await self._home.move_out()

    @property
    def queue(self) -> "_telemetry.QueueStatus":
        """How busy the client is. It is cheap, whatever the queue's length.

        Raises:
            RuntimeError: It was called outside the event loop.
        """
        self._home.check_place()
        return self._dispatcher.status

    async def warm(self) -> None:
        """Wait until a connection for a send and one for a status check stand.

        So the first reply takes one round trip, its check one more. They stand for
        5 seconds; `windows.note_inbound()` keeps one for a minute. It does nothing
        with a lent session, without `connect_ahead`, and where a mock has replaced
        aiohttp's requests.

        Raises:
            UnreachableError: A connection could not be made.
        """
        self._home.check()
        await self._exchange.warm()

    # Sending

    async def send_freeform(
        self,
        recipient_phone: str,
        message: str,
        *,
        sender_id: int | None = None,
        timeout: float | None = None,
        lane: LaneName = "interactive",
        window_check: WindowCheckName | None = None,
    ) -> SentMessage:
        """Send free text, and wait until the service has accepted it.

        If the caller is cancelled, a message that is not handed over yet never
        leaves; one that is goes on to its end.

        Args:
            recipient_phone: Whom it is for, in E.164, such as `+14155550123`.
            message: 1 to 4096 characters, not blank.
            sender_id: Which sender it is from; `None` means the client's.
            timeout: Seconds for all of it, from the queue to the last attempt;
                `None` means the client's.
            lane: `"interactive"` goes before `"bulk"`.
            window_check: Whether to ask first if the messaging window is open:
                `"auto"` unless an open one is known, `"always"` or `"never"`;
                `None` means the client's.

        Returns:
            What the service said. Accepted is not delivered: webhooks tell later,
            by `whatsapp_message_id`.

        Raises:
            ValueError: An argument breaks its rule, or there is no sender.
            TemplateRequiredError: The window is closed: send a template.
            RejectedError: The service said no for another reason; the subclass
                says why. Nothing was sent.
            UnsentError: Nothing was sent; it is safe to send it again. A
                `QueueFullError` where `max_queued` wait already.
            UnknownOutcomeError: It may have been delivered: do not send it again
                blindly.
            RuntimeError: The client is closed, or belongs to another event loop.
        """
        try:
            content = FreeformMessage(
                recipient_phone=recipient_phone, message=message, sender_id=sender_id
            )
        finally:
            del recipient_phone, message  # tracers show a failed frame's variables
        return await self.send(
            content, timeout=timeout, lane=lane, window_check=window_check
        )

    async def send_template(
        self,
        recipient_phone: str,
        *,
        template_id: int,
        variables: Mapping[str, str] | None = None,
        recipient_name: str | None = None,
        sender_id: int | None = None,
        timeout: float | None = None,
        lane: LaneName = "interactive",
    ) -> SentMessage:
        """Send an approved template, and wait until the service has accepted it.

        It is allowed at any time, whether the messaging window is open or not. If
        the caller is cancelled, a message that is not handed over yet never
        leaves; one that is goes on to its end.

        Args:
            recipient_phone: Whom it is for, in E.164, such as `+14155550123`.
            template_id: One of the sender's templates; `templates()` lists them.
            variables: Texts by `"1"`, `"2"`, … or by the template's variable names.
            recipient_name: At most 255 characters.
            sender_id: Which sender it is from; `None` means the client's.
            timeout: Seconds for all of it, from the queue to the last attempt;
                `None` means the client's.
            lane: `"interactive"` goes before `"bulk"`.

        Returns:
            What the service said. Accepted is not delivered: webhooks tell later,
            by `whatsapp_message_id`.

        Raises:
            ValueError: An argument breaks its rule, or there is no sender.
            TemplateNotFoundError: This sender has no such template.
            TemplateUnusableError: It is not approved, or does not fit the sender.
            RejectedError: The service said no for another reason; the subclass
                says why. Nothing was sent.
            UnsentError: Nothing was sent; it is safe to send it again. A
                `QueueFullError` where `max_queued` wait already.
            UnknownOutcomeError: It may have been delivered: do not send it again
                blindly.
            RuntimeError: The client is closed, or belongs to another event loop.
        """
        try:
            content = TemplateMessage(
                recipient_phone=recipient_phone,
                template_id=template_id,
                variables=variables or {},
                recipient_name=recipient_name,
                sender_id=sender_id,
            )
        finally:
            del recipient_phone, variables, recipient_name  # as above
        return await self.send(content, timeout=timeout, lane=lane)

    async def send(
        self,
        message: Message,
        *,
        timeout: float | None = None,
        lane: LaneName = "interactive",
        window_check: WindowCheckName | None = None,
    ) -> SentMessage:
        """Send one message and wait until the service has accepted it.

        If the caller is cancelled, a message that is not handed over yet never
        leaves; one that is goes on to its end.

        Args:
            message: What to send.
            timeout: Seconds for all of it; `None` means the client's.
            lane: `"interactive"` goes before `"bulk"`.
            window_check: `None` means the client's.

        Raises:
            ValueError: No sender, or an argument breaks its rule.
            UnsentError: Nothing was sent; it is safe to send it again. A
                `QueueFullError` where `max_queued` wait already.
            RejectedError: The service said no; the subclass says why.
            UnknownOutcomeError: It may have been delivered.
        """
        try:
            content = check_message(message)
        finally:
            del message  # it may be anything; tracers show a failed frame's variables
        self._home.check()
        in_lane = choose(Lane, "lane", lane)
        make = partial(
            self._make,
            content,
            lane=in_lane,
            window_check=window_check,
            deadline=self._deadline(timeout),
            is_single=True,
            takes_spare=self._has_spares and in_lane is Lane.INTERACTIVE,
        )
        outcome = await self._dispatcher.send(make)
        if isinstance(outcome, Accepted):
            return outcome.sent
        raise outcome.error

    def send_many(
        self,
        messages: Source,
        *,
        lane: LaneName = "bulk",
        window_check: WindowCheckName | None = None,
        journal: "_journal.Journal | str | PathLike[str] | None" = None,
    ) -> Run:
        """Send many messages; iterate over the result for their outcomes.

        Args:
            messages: Any iterable or async iterable, read only as fast as it is
                served.
            lane: `"bulk"` lets interactive messages overtake.
            window_check: `None` means the client's.
            journal: A file, made where there is none, that keeps what became of
                each message: another run with it sends only what is new or
                surely unsent. Or a `Journal` that is open.

        Returns:
            A run, which tells its `progress` and can be told to `stop()`. It begins
            when it is iterated over, and not before.

        Raises:
            ValueError: That is nothing to iterate over, or an argument breaks its
                rule.
        """
        self._home.check()
        check_source(messages)
        run = Run(
            self._dispatcher,
            messages,
            make_shipment=partial(
                self._make,
                lane=choose(Lane, "lane", lane),
                window_check=window_check,
                flow=object(),
            ),
            pace=self._send_gate.pace,
            ledger=None if journal is None else _open_ledger(journal),
        )
        self._runs.add(run)
        return run

    async def plan(
        self,
        messages: Source,
        *,
        price: Decimal | None = None,
        window_sample: int = 200,
    ) -> "_plan.Plan":
        """Find out what a campaign would meet. It is free, and sends nothing.

        Args:
            messages: Any iterable or async iterable, read once to its end. Some
                150 bytes stay of each until the plan is made.
            price: Of one message, to hold against the balance.
            window_sample: Messaging windows to look at, at most, drawn evenly
                from the pairs of sender and recipient; known ones cost no request.

        Raises:
            ValueError: An argument breaks its rule.
            AuthenticationError: The key is not accepted.
        """
        self._home.check()
        check_source(messages)
        return await _planning.make_plan(
            self,
            messages,
            sender_id=self._sender_id,
            memory=self._memory,
            seconds_per_send=self._send_gate.pace.seconds_per_send,
            price=price,
            window_sample=window_sample,
        )

    def _make(
        self,
        message: object,
        on_settled: OnSettled,
        *,
        lane: Lane,
        window_check: WindowCheckName | None,
        deadline: float | None = None,
        flow: object = None,
        is_single: bool = False,
        takes_spare: bool = False,
    ) -> Shipment:
        try:
            content = check_message(message)
        finally:
            del message  # tracers show a failed frame's variables
        check = (
            self._window_check
            if window_check is None
            else choose(WindowCheck, "window_check", window_check)
        )
        return Shipment(
            message=content,
            sender_id=choose_sender(content.sender_id, self._sender_id),
            lane=lane,
            window_check=check,
            on_settled=on_settled,
            deadline=deadline,
            flow=flow,
            is_single=is_single,
            takes_spare=takes_spare,
            host=self._host,
        )


async def _leave(
    dispatcher: Dispatcher, send_gate: Gate, read_gate: Gate, transport: Transport
) -> None:
    """Close what a client left open; it is gone, or its loop is about to be."""
    text = _neglected(dispatcher)
    try:
        await dispatcher.aclose(drain_timeout=0.0)
        await send_gate.aclose()
        await read_gate.aclose()
        await transport.aclose()
    finally:
        tell_of_neglect(text)


def _neglected(dispatcher: Dispatcher) -> str:
    count = dispatcher.cut_off_count
    left = f", and {count} messages were waiting: they were not sent" if count else ""
    return (
        f"an AutocallsClient was never closed{left}; use `async with`, or"
        " `await client.aclose()`"
    )


def _open_ledger(
    journal: "_journal.Journal | str | PathLike[str]",
) -> "_ledger.Ledger":
    return _ledger.Ledger(journal)


show_in("autocalls_async", "AutocallsClient", of=globals())
