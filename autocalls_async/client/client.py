"""The client: one account, one queue, one pace; it owns what must be closed."""

import os
from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from functools import partial
from os import PathLike
from typing import TYPE_CHECKING, Self, Unpack
from weakref import WeakSet

import aiohttp

from autocalls_async.campaign.reader import MakeShipment
from autocalls_async.campaign.run import Run
from autocalls_async.campaign.source import Source, check_source
from autocalls_async.client.settings import (
    ClientSettings,
    LaneName,
    WindowCheckName,
)
from autocalls_async.client.single import SingleSends
from autocalls_async.client.wiring import Wiring
from autocalls_async.engine.asking.windows import Windows
from autocalls_async.engine.gate.limiter import Limiter
from autocalls_async.engine.home import tell_of_neglect
from autocalls_async.http.settings import (
    DEFAULT_BASE_URL,
    ApiKey,
    read_environment,
)
from autocalls_async.model.checks import check_seconds, choose
from autocalls_async.model.later import Later
from autocalls_async.model.values.naming import show_in, show_methods_as
from autocalls_async.policy.lanes import Lane
from autocalls_async.policy.pace import SendLimit
from autocalls_async.policy.retry import RetryPolicy
from autocalls_async.policy.verdict import Kind

if TYPE_CHECKING:
    from autocalls_async import journal as _journal
    from autocalls_async.campaign import ledger as _ledger
    from autocalls_async.campaign import people as _people
    from autocalls_async.campaign import plan as _plan
    from autocalls_async.campaign import planner as _planning
    from autocalls_async.campaign import usher as _ushers
    from autocalls_async.campaign.rules import daily as _daily
    from autocalls_async.campaign.rules import exclusions as _exclusions
    from autocalls_async.campaign.rules import hours as _hours
    from autocalls_async.campaign.rules import rulebook as _rulebook
    from autocalls_async.campaign.rules import spending as _spending
    from autocalls_async.engine.telemetry import records as _telemetry
    from autocalls_async.webhooks import deliveries as _deliveries
else:
    _journal = Later("autocalls_async.journal")
    _ledger = Later("autocalls_async.campaign.ledger")
    _people = Later("autocalls_async.campaign.people")
    _plan = Later("autocalls_async.campaign.plan")
    _planning = Later("autocalls_async.campaign.planner")
    _ushers = Later("autocalls_async.campaign.usher")
    _daily = Later("autocalls_async.campaign.rules.daily")
    _exclusions = Later("autocalls_async.campaign.rules.exclusions")
    _hours = Later("autocalls_async.campaign.rules.hours")
    _rulebook = Later("autocalls_async.campaign.rules.rulebook")
    _spending = Later("autocalls_async.campaign.rules.spending")
    _telemetry = Later("autocalls_async.engine.telemetry.records")
    _deliveries = Later("autocalls_async.webhooks.deliveries")

REPLY_LIKELY_SECONDS = 60.0
"""For so long after somebody wrote, a connection is kept ready for the reply."""


class AutocallsClient(SingleSends):
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
        deliveries: Where receipts are kept; `None` keeps those of a day in memory. It
            is closed with the client.
        automation_key: Of automations, for `conversations.disable_ai()` and
            `enable_ai()` alone.

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
        deliveries: "_deliveries.Deliveries | None" = None,
        automation_key: str | None = None,
    ) -> None:
        key = ApiKey(api_key)
        switch_key = None if automation_key is None else ApiKey(automation_key)
        del api_key, automation_key  # else a traceback with locals would show them
        wiring = Wiring(
            key,
            base_url=base_url,
            session=session,
            send_limit=send_limit,
            limiter=limiter,
            retry=retry,
            max_queued=max_queued,
            trust_env=trust_env,
            observer=observer,
            connect_ahead=connect_ahead,
            automation_key=switch_key,
        )
        super().__init__(
            wiring, sender_id=sender_id, window_check=window_check, timeout=timeout
        )
        self._prepare(drain_timeout, deliveries)

    def _prepare(
        self, drain_timeout: float, deliveries: "_deliveries.Deliveries | None"
    ) -> None:
        self._deliveries = deliveries
        self._drain_timeout = check_seconds(
            "drain_timeout", drain_timeout, may_be_zero=True
        )
        self._runs: WeakSet[Run] = WeakSet()
        self._daily_people: _daily.DailyPeople | None = None
        self.windows: Windows = Windows(
            self._wiring.memory,
            self._sender_id,
            check_home=self._home.check,
            on_inbound=partial(
                self._wiring.exchange.make_ahead,
                Kind.SEND,
                seconds=REPLY_LIKELY_SECONDS,
            ),
        )
        self._home.leave = self._wiring.leave
        if self._deliveries is not None:
            self._take_over(self._deliveries)

    def _take_over(self, deliveries: "_deliveries.Deliveries") -> None:
        deliveries.serve(self)
        self._wiring.dispatcher.tell_ends(deliveries.notes.note_end)

    def __del__(self) -> None:
        home = getattr(self, "_home", None)
        if home is not None and home.is_left_open and home.is_gone:
            tell_of_neglect(self._wiring.describe_neglect())

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
                `AUTOCALLS_BASE_URL`, `AUTOCALLS_SENDER_ID` and
                `AUTOCALLS_AUTOMATION_KEY`, which may be set.

        Raises:
            ValueError: The key is missing, or a value breaks its rule.
        """
        # The environment is no default value: help() would print it, key and all.
        found = read_environment(
            os.environ if environ is None else environ, api_key=api_key
        )
        del api_key  # else a traceback with locals would show it
        settings.setdefault("automation_key", found.automation_key)
        settings.setdefault("base_url", found.base_url)
        settings.setdefault("sender_id", found.sender_id)
        return cls(found.api_key, **settings)

    def __repr__(self) -> str:
        if not hasattr(self, "_runs"):  # a debugger looks at one that is refused
            return "<AutocallsClient, not made>"
        sender = "" if self._sender_id is None else f", sender {self._sender_id}"
        state = "closed" if self._home.is_closed else "open"
        return f"<AutocallsClient of {self._wiring.host}{sender}, {state}>"

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
        if self._deliveries is not None and not self._home.is_closed:
            # Handlers may still answer.
            await self._deliveries.close_receivers(drain_timeout=self._drain_timeout)
        self._home.close()
        for run in list(self._runs):
            run.tell_if_never_begun()
            run.stop_reading("the client was closed")
        await self._wiring.aclose(drain_timeout=self._drain_timeout)
        if self._deliveries is not None:
            await self._deliveries.aclose()
        await self._home.move_out()

    @property
    def deliveries(self) -> "_deliveries.Deliveries":
        """What became of accepted messages, as receipts tell."""
        if self._deliveries is None:
            self._deliveries = _deliveries.Deliveries()
            self._take_over(self._deliveries)
        return self._deliveries

    @property
    def queue(self) -> "_telemetry.QueueStatus":
        """How busy the client is. It is cheap, whatever the queue's length.

        Raises:
            RuntimeError: It was called outside the event loop.
        """
        self._home.check_place()
        return self._wiring.dispatcher.status

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
        await self._wiring.exchange.warm()

    def send_many(  # noqa: PLR0913  # each is a rule of its own
        self,
        messages: Source,
        *,
        lane: LaneName = "bulk",
        window_check: WindowCheckName | None = None,
        journal: "_journal.Journal | str | PathLike[str] | None" = None,
        once_per_recipient: bool = False,
        exclude: "_exclusions.Exclude | None" = None,
        hours: "_hours.SendingHours | None" = None,
        start_at: datetime | None = None,
        per_day: "_rulebook.PerDay | None" = None,
        at_most: int | None = None,
        budget: Decimal | None = None,
        price: Decimal | None = None,
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
            once_per_recipient: Nobody gets a second message, by whatever spelling of
                their number: only the first that is read is sent, and the others count
                as `skipped`. A `journal` keeps it for good: whoever has, or may have,
                had one by it gets no other, however the messages are sorted.
            exclude: Whom to leave out, each with an `ExcludedError`: numbers in E.164,
                such as a set, or a function of one that returns a bool. It is asked as
                a message is taken in and again just before it leaves, and may grow
                meanwhile; whoever was excluded once stays so for this run. Where the
                function raises, the message is unsent.
            hours: When messages may leave, by the clock of each message's `time_zone`,
                or else of `hours`. Those whose hours are closed are put aside, in a
                private file, and hold up nobody else.
            start_at: An aware time; nothing is read from `messages`, or leaves, before.
            per_day: New people whom each sender writes to in any 24 hours, at most:
                those outside an open window, as far as is known. `"auto"` asks the
                service for each sender's limit. A `journal` remembers them; what other
                programs send is not seen, nor that a portfolio's senders share a limit.
            at_most: Messages that may leave, those of earlier runs of the `journal`
                among them; then the run stops.
            budget: The same in money, by `price`.
            price: Of one message.

        Returns:
            A run, which tells its `progress` and can be told to `stop()`. It begins
            when it is iterated over, and not before.

        Raises:
            ValueError: That is nothing to iterate over, or an argument breaks its
                rule.
        """
        self._home.check()
        check_source(messages)
        ledger, people = _memory_of(journal, once=once_per_recipient)
        most = _spending.most_messages(at_most, budget=budget, price=price)
        usher = None
        rules = (exclude, hours, start_at, per_day, most)
        if any(rule is not None for rule in rules):
            rulebook = _ushers.make_rulebook(
                exclude=exclude,
                hours=hours,
                start_at=start_at,
                per_day=per_day,
                most=most,
                people=self._people(),
            )
            usher = self._make_usher(rulebook, ledger)
        run = Run(
            self._wiring.dispatcher,
            messages,
            make_shipment=self._shipments(lane, window_check),
            pace=self._wiring.send_gate.pace,
            ledger=ledger,
            usher=usher,
            people=people,
        )
        self._runs.add(run)
        return run

    def _shipments(
        self, lane: LaneName, window_check: WindowCheckName | None
    ) -> MakeShipment:
        return partial(
            self._make_shipment,
            lane=choose(Lane, "lane", lane),
            window_check=window_check,
            flow=object(),
        )

    def _make_usher(
        self, rulebook: "_rulebook.Rulebook", ledger: "_ledger.Ledger | None"
    ) -> "_ushers.Usher":
        return _ushers.Usher(
            rulebook,
            is_open=self._wiring.guard.is_open,
            ask_limits=self._ask_limits,
            ledger=ledger,
        )

    def _people(self) -> "_daily.DailyPeople":
        """Return whom the runs of this client have written to, together."""
        if self._daily_people is None:
            self._daily_people = _daily.DailyPeople()
        return self._daily_people

    async def _ask_limits(self) -> Mapping[int, int | None]:
        senders = await self.senders(include_offline=True)
        return {sender.id: sender.messaging_limit for sender in senders}

    async def plan(  # noqa: PLR0913  # each is a rule of its own
        self,
        messages: Source,
        *,
        price: Decimal | None = None,
        window_sample: int = 200,
        exclude: "_exclusions.Exclude | None" = None,
        hours: "_hours.SendingHours | None" = None,
        start_at: datetime | None = None,
        per_day: "_rulebook.PerDay | None" = None,
        at_most: int | None = None,
        budget: Decimal | None = None,
    ) -> "_plan.Plan":
        """Find out what a campaign would meet. It is free, and sends nothing.

        Args:
            messages: Any iterable or async iterable, read once to its end. Some
                150 bytes stay of each until the plan is made.
            price: Of one message, to hold against the balance.
            window_sample: Messaging windows to look at, at most, drawn evenly
                from the pairs of sender and recipient; known ones cost no request.
            exclude: The rules of the run, as `send_many()` takes them: this and the
                others below.
            hours: When messages may leave.
            start_at: None leaves before.
            per_day: New people of each sender in 24 hours.
            at_most: Messages that may leave.
            budget: The same in money, by `price`.

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
            memory=self._wiring.memory,
            seconds_per_send=self._wiring.send_gate.pace.seconds_per_send,
            price=price,
            window_sample=window_sample,
            rules=_ushers.plan_rules(
                exclude=exclude,
                hours=hours,
                start_at=start_at,
                per_day=per_day,
                most=_spending.most_messages(at_most, budget=budget, price=price),
            ),
        )


def _memory_of(
    journal: "_journal.Journal | str | PathLike[str] | None", *, once: bool
) -> "tuple[_ledger.Ledger | None, _people.People | None]":
    """Return what keeps a run's messages, and what its people where no journal does."""
    if journal is not None:
        return _ledger.Ledger(journal, once=once), None
    return None, _people.People() if once else None


show_in("autocalls_async", "AutocallsClient", of=globals())
show_methods_as(AutocallsClient)
