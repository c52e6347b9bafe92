"""The client: one account, one queue, one pace; it owns what must be closed."""

import os
from collections.abc import Mapping
from decimal import Decimal
from functools import partial
from os import PathLike
from typing import TYPE_CHECKING, Any, Literal, Self
from weakref import WeakSet

import aiohttp

from autocalls_async.arguments import check_seconds, choose, choose_sender
from autocalls_async.bulk import Run
from autocalls_async.dispatcher import Dispatcher
from autocalls_async.exchange import Exchange
from autocalls_async.job import Job, Settle
from autocalls_async.lanes import Lane
from autocalls_async.masking import forgetful
from autocalls_async.models import (
    FreeformMessage,
    Message,
    SentMessage,
    TemplateMessage,
    check_id,
    check_message,
)
from autocalls_async.observers import Telling
from autocalls_async.outcomes import Accepted
from autocalls_async.pacing import SendLimit
from autocalls_async.questions import Questions
from autocalls_async.ratelimit import Gate, Limiter
from autocalls_async.retry import RetryPolicy
from autocalls_async.settings import (
    DEFAULT_BASE_URL,
    ApiKey,
    parse_base_url,
    read_environment,
)
from autocalls_async.sources import Source
from autocalls_async.telemetry import Observer, QueueStatus
from autocalls_async.transport import Transport
from autocalls_async.verdict import Kind
from autocalls_async.window import WindowCheck, WindowMemory
from autocalls_async.windows import WindowGuard, Windows

if TYPE_CHECKING:
    from autocalls_async.journal import Journal
    from autocalls_async.ledger import Ledger
    from autocalls_async.plan import Plan

LaneName = Lane | Literal["interactive", "bulk"]
WindowCheckName = WindowCheck | Literal["auto", "always", "never"]

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
        observer: Observer | None = None,
        connect_ahead: bool = True,
    ) -> None:
        for name, number in (("sender_id", sender_id), ("max_queued", max_queued)):
            if number is not None:
                check_id(name, number)
        self._drain_timeout = check_seconds(
            "drain_timeout", drain_timeout, may_be_zero=True
        )
        self._window_check = choose(WindowCheck, "window_check", window_check)
        url, key = parse_base_url(base_url), ApiKey(api_key)
        self._transport = Transport(
            base_url=url,
            key=key,
            lent=session,
            trust_env=trust_env,
            spare_gap=send_limit.gap if connect_ahead else None,
        )
        self._exchange, telling = (
            Exchange(self._transport, retry=retry),
            Telling(observer),
        )
        exchange = self._exchange
        guard = self._guard_windows(exchange, telling, sender_id)
        super().__init__(guard, sender_id=sender_id, timeout=timeout)
        self._send_gate = Gate(send_limit, limiter=limiter)
        self._dispatcher = Dispatcher(
            exchange,
            send_gate=self._send_gate,
            guard=guard,
            telling=telling,
            max_queued=max_queued,
        )
        self._runs: WeakSet[Run] = WeakSet()

    def _guard_windows(
        self, exchange: Exchange, telling: Telling, sender_id: int | None
    ) -> WindowGuard:
        self._memory = memory = WindowMemory()
        self.windows = Windows(
            memory,
            sender_id,
            on_inbound=partial(
                exchange.make_ahead, Kind.SEND, seconds=REPLY_LIKELY_SECONDS
            ),
        )
        self._read_gate = gate = Gate(READ_LIMIT)
        return WindowGuard(exchange, read_gate=gate, memory=memory, telling=telling)

    @classmethod
    def from_env(
        cls,
        *,
        environ: Mapping[str, str] = os.environ,
        **settings: Any,  # noqa: ANN401  # those of the constructor
    ) -> Self:
        """Make a client from environment variables.

        `AUTOCALLS_API_KEY` must be set; `AUTOCALLS_BASE_URL` and
        `AUTOCALLS_SENDER_ID` may be. An argument given here wins.

        Raises:
            ValueError: The key is missing, or a value breaks its rule.
        """
        given = {"AUTOCALLS_API_KEY": settings.pop("api_key", None)}
        found = read_environment({**environ, **{k: v for k, v in given.items() if v}})
        return cls(
            found.api_key,
            **{"base_url": found.base_url, "sender_id": found.sender_id} | settings,
        )

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
            run.stop_reading("the client was closed")
        await self._dispatcher.aclose(drain_timeout=self._drain_timeout)
        await self._send_gate.aclose()
        await self._read_gate.aclose()
        await self._transport.aclose()

    @property
    def queue(self) -> QueueStatus:
        """How busy the client is. It is cheap, whatever the queue's length.

        Raises:
            RuntimeError: It was called outside the event loop.
        """
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
        """Send free text, if the messaging window is open.

        The arguments are those of `FreeformMessage` and of `send()`, and so are
        the errors.
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
        """Send an approved template, which is allowed at any time.

        The arguments are those of `TemplateMessage` and of `send()`, and so are
        the errors.
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
        make_job = partial(
            self._job,
            content,
            lane=in_lane,
            window_check=window_check,
            deadline=self._deadline(timeout),
            takes_spare=in_lane is Lane.INTERACTIVE,
        )
        outcome = await self._dispatcher.send(make_job)
        if isinstance(outcome, Accepted):
            return outcome.sent
        raise outcome.error

    def send_many(
        self,
        messages: Source,
        *,
        lane: LaneName = "bulk",
        window_check: WindowCheckName | None = None,
        journal: "Journal | str | PathLike[str] | None" = None,
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
            A run, which tells its `progress` and can be told to `stop()`.
        """
        self._home.check()
        run = Run(
            self._dispatcher,
            messages,
            make_job=partial(
                self._job,
                lane=choose(Lane, "lane", lane),
                window_check=window_check,
                flow=object(),
            ),
            pace=self._send_gate.pace,
            ledger=None if journal is None else _ledger(journal),
        )
        self._runs.add(run)
        return run

    async def plan(
        self,
        messages: Source,
        *,
        price: Decimal | None = None,
        window_sample: int = 200,
    ) -> "Plan":
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
        from autocalls_async.planning import make_plan  # noqa: PLC0415  # few plan

        self._home.check()
        return await make_plan(
            self,
            messages,
            sender_id=self._sender_id,
            memory=self._memory,
            seconds_per_send=self._send_gate.pace.seconds_per_send,
            price=price,
            window_sample=window_sample,
        )

    @forgetful
    def _job(
        self,
        message: object,
        settle: Settle,
        *,
        lane: Lane,
        window_check: WindowCheckName | None,
        deadline: float | None = None,
        flow: object = None,
        takes_spare: bool = False,
    ) -> Job:
        content = check_message(message)
        check = (
            self._window_check
            if window_check is None
            else choose(WindowCheck, "window_check", window_check)
        )
        return Job(
            message=content,
            sender_id=choose_sender(content.sender_id, self._sender_id),
            lane=lane,
            window_check=check,
            settle=settle,
            deadline=deadline,
            flow=flow,
            takes_spare=takes_spare,
        )


def _ledger(journal: "Journal | str | PathLike[str]") -> "Ledger":
    from autocalls_async.ledger import Ledger  # noqa: PLC0415  # few have a journal

    return Ledger(journal)
