"""Many messages at once: what they would meet, and their run."""

from collections.abc import Mapping
from datetime import datetime
from functools import cached_property, partial
from os import PathLike
from typing import TYPE_CHECKING
from weakref import WeakSet

from autocalls_async.campaign.source import Source, check_source
from autocalls_async.client.settings import LaneName, WindowCheckName
from autocalls_async.client.single import SingleSends
from autocalls_async.model.checks import choose
from autocalls_async.model.later import Later
from autocalls_async.policy.lanes import Lane

if TYPE_CHECKING:
    import decimal as _decimal

    from autocalls_async import journal as _journal
    from autocalls_async.campaign import ledger as _ledger
    from autocalls_async.campaign import once as _once
    from autocalls_async.campaign import reader as _reader
    from autocalls_async.campaign import run as _run
    from autocalls_async.campaign import usher as _ushers
    from autocalls_async.campaign.planning import plan as _plan
    from autocalls_async.campaign.planning import planner as _planning
    from autocalls_async.campaign.rules import daily as _daily
    from autocalls_async.campaign.rules import exclusions as _exclusions
    from autocalls_async.campaign.rules import given as _given
    from autocalls_async.campaign.rules import hours as _hours
    from autocalls_async.campaign.rules import rulebook as _rulebook
    from autocalls_async.campaign.rules import spending as _spending
else:
    _decimal = Later("decimal")
    _journal = Later("autocalls_async.journal")
    _ledger = Later("autocalls_async.campaign.ledger")
    _once = Later("autocalls_async.campaign.once")
    _reader = Later("autocalls_async.campaign.reader")
    _run = Later("autocalls_async.campaign.run")
    _plan = Later("autocalls_async.campaign.planning.plan")
    _planning = Later("autocalls_async.campaign.planning.planner")
    _ushers = Later("autocalls_async.campaign.usher")
    _daily = Later("autocalls_async.campaign.rules.daily")
    _exclusions = Later("autocalls_async.campaign.rules.exclusions")
    _given = Later("autocalls_async.campaign.rules.given")
    _hours = Later("autocalls_async.campaign.rules.hours")
    _rulebook = Later("autocalls_async.campaign.rules.rulebook")
    _spending = Later("autocalls_async.campaign.rules.spending")


class Campaigns(SingleSends):
    """The calls of a client that send many messages, or tell of them beforehand."""

    @cached_property
    def _runs(self) -> "WeakSet[_run.Run]":
        return WeakSet()

    @cached_property
    def _daily_people(self) -> "_daily.DailyPeople":
        """Whom the runs of this client have written to, together."""
        return _daily.DailyPeople()

    def _end_runs(self) -> None:
        """End every run of this client: it is closed."""
        for run in list(self._runs):
            run.tell_if_never_begun()
            run.stop_reading("the client was closed")

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
        budget: "_decimal.Decimal | None" = None,
        price: "_decimal.Decimal | None" = None,
    ) -> "_run.Run":
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
        ledger, once_each = _memory_of(journal, once=once_per_recipient)
        usher = self._make_usher(
            ledger,
            exclude=exclude,
            hours=hours,
            start_at=start_at,
            per_day=per_day,
            at_most=at_most,
            budget=budget,
            price=price,
        )
        run = _run.Run(
            self._wiring.dispatcher,
            messages,
            make_shipment=self._shipments(lane, window_check),
            pace=self._wiring.send_gate.pace,
            ledger=ledger,
            usher=usher,
            once_each=once_each,
        )
        self._runs.add(run)
        return run

    def _shipments(
        self, lane: LaneName, window_check: WindowCheckName | None
    ) -> "_reader.MakeShipment":
        return partial(
            self._make_shipment,
            lane=choose(Lane, "lane", lane),
            window_check=window_check,
            flow=object(),
        )

    def _make_usher(
        self,
        ledger: "_ledger.Ledger | None",
        *,
        exclude: "_exclusions.Exclude | None",
        hours: "_hours.SendingHours | None",
        start_at: datetime | None,
        per_day: "_rulebook.PerDay | None",
        at_most: int | None,
        budget: "_decimal.Decimal | None",
        price: "_decimal.Decimal | None",
    ) -> "_ushers.Usher | None":
        """Return who holds a run to its rules, where it has some."""
        given = (exclude, hours, start_at, per_day, at_most, budget)
        if all(rule is None for rule in given):
            return None
        rulebook = _given.make_rulebook(
            exclude=exclude,
            hours=hours,
            start_at=start_at,
            per_day=per_day,
            most=_spending.most_messages(at_most, budget=budget, price=price),
            people=self._daily_people,
        )
        return _ushers.Usher(
            rulebook,
            is_open=self._wiring.guard.is_open,
            ask_limits=self._ask_limits,
            ledger=ledger,
        )

    async def _ask_limits(self) -> Mapping[int, int | None]:
        senders = await self.senders(include_offline=True)
        return {sender.id: sender.messaging_limit for sender in senders}

    async def plan(  # noqa: PLR0913  # each is a rule of its own
        self,
        messages: Source,
        *,
        price: "_decimal.Decimal | None" = None,
        window_sample: int = 200,
        exclude: "_exclusions.Exclude | None" = None,
        hours: "_hours.SendingHours | None" = None,
        start_at: datetime | None = None,
        per_day: "_rulebook.PerDay | None" = None,
        at_most: int | None = None,
        budget: "_decimal.Decimal | None" = None,
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
            rules=_given.plan_rules(
                exclude=exclude,
                hours=hours,
                start_at=start_at,
                per_day=per_day,
                most=_spending.most_messages(at_most, budget=budget, price=price),
            ),
        )


def _memory_of(
    journal: "_journal.Journal | str | PathLike[str] | None", *, once: bool
) -> "tuple[_ledger.Ledger | None, _once.OnceEach | None]":
    """Return what keeps a run's messages, and what its people where no journal does."""
    if journal is not None:
        return _ledger.Ledger(journal, once=once), None
    return None, _once.OnceEach() if once else None
