"""A plan of a campaign: its messages read, and the service asked about them."""

import asyncio
from collections.abc import Awaitable, Iterator
from contextlib import aclosing
from decimal import Decimal
from typing import Protocol, TypeVar

from autocalls_async.campaign.planning.findings import Answers, conclude
from autocalls_async.campaign.planning.manifest import Manifest
from autocalls_async.campaign.planning.plan import Finding, Plan, WindowOutlook
from autocalls_async.campaign.planning.words import not_asked
from autocalls_async.campaign.rules.forecast import PlannedRules
from autocalls_async.campaign.rules.spending import check_amount
from autocalls_async.campaign.source import Source, each_of
from autocalls_async.clock import loop_time, utc_now
from autocalls_async.model.answers import ConversationStatus
from autocalls_async.model.checks import check_whole
from autocalls_async.model.errors import (
    AuthenticationError,
    RejectedError,
    UnavailableError,
)
from autocalls_async.model.listings import Account, Sender, Template
from autocalls_async.model.messages import Pair
from autocalls_async.policy.windows import WindowMemory, WindowState

T = TypeVar("T")

WORKER_COUNT = 5
"""Questions under way at once."""

MAX_FAILED = 5
"""Windows that could not be asked before the rest are not tried."""

_BREATH_COUNT = 256
"""Messages between two breaths of the event loop, some 3 ms."""


class CanAsk(Protocol):
    """What is asked of a client; each may be refused, or get no usable answer."""

    async def senders(self, *, include_offline: bool) -> tuple[Sender, ...]:
        """List the account's senders."""

    async def templates(
        self, *, sender_id: int, include_unapproved: bool
    ) -> tuple[Template, ...]:
        """List a sender's templates."""

    async def account(self) -> Account:
        """Ask for the balance."""

    async def session_status(
        self, recipient_phone: str, *, sender_id: int
    ) -> ConversationStatus:
        """Ask whether a window is open."""


async def make_plan(
    questions: CanAsk,
    messages: Source,
    *,
    sender_id: int | None,
    memory: WindowMemory,
    seconds_per_send: float,
    price: Decimal | None,
    window_sample: int,
    rules: PlannedRules,
) -> Plan:
    """Find out what a campaign would meet. Nothing is sent.

    Args:
        questions: Whom to ask.
        messages: Read once, to its end.
        sender_id: The sender of messages that name none.
        memory: Windows that are known, and need no question.
        seconds_per_send: The pace of now.
        price: Of one message.
        window_sample: Windows to look at, at most.
        rules: Whom it may write to, when, and how much.

    Raises:
        ValueError: An argument breaks its rule.
        AuthenticationError: The key is not accepted.
    """
    if price is not None:
        check_amount("price", price, may_be_zero=True)
    check_whole("window_sample", window_sample)
    manifest = Manifest(
        sender_id=sender_id, window_sample=window_sample, exclusions=rules.exclusions
    )
    await _read(messages, manifest)
    now = utc_now()
    ends_at = rules.ends_at(
        now, seconds_per_send=seconds_per_send, zones=manifest.zones, days=0
    )
    duration = (ends_at - now).total_seconds()
    inquiry = _Inquiry(questions, memory, manifest, duration)
    answers = await inquiry.run() if manifest.message_count else Answers()
    return conclude(
        manifest,
        answers,
        price=price,
        rules=rules,
        seconds_per_send=seconds_per_send,
        now=now,
    )


async def _read(messages: Source, manifest: Manifest) -> None:
    async with aclosing(each_of(messages)) as source:
        async for message in source:
            manifest.add(message)
            if manifest.position % _BREATH_COUNT == 0:
                await asyncio.sleep(0)


class _Inquiry:
    """Asks the service what a campaign depends on. A failure ends one question."""

    def __init__(
        self,
        questions: CanAsk,
        memory: WindowMemory,
        manifest: Manifest,
        duration: float,
    ) -> None:
        self._questions = questions
        self._memory = memory
        self._manifest = manifest
        self._duration = duration
        self._failures: list[Finding] = []
        self._outlooks: dict[Pair, WindowOutlook] = {}
        self._window_failures: list[Exception] = []

    async def run(self) -> Answers:
        """Ask everything."""
        questions = self._questions
        senders: tuple[Sender, ...] | None = await self._try(
            "the senders", questions.senders(include_offline=True)
        )
        account: Account | None = await self._try("the balance", questions.account())
        known = set(self._manifest.loads)
        if senders is not None:  # to ask about the others would be in vain
            known &= {sender.id for sender in senders}
        templates = await self._ask_templates(known)
        await self._ask_windows(known)
        return Answers(
            senders=senders,
            account=account,
            templates=templates,
            windows=self._outlooks,
            failures=tuple(self._failures),
        )

    async def _try(self, subject: str, question: Awaitable[T]) -> T | None:
        try:
            return await question
        except AuthenticationError:
            raise
        except (RejectedError, UnavailableError) as error:
            self._failures.append(not_asked(subject, error))
            return None

    async def _ask_templates(self, known: set[int]) -> dict[int, tuple[Template, ...]]:
        found = {}
        for sender_id in dict.fromkeys(sender for sender, _ in self._manifest.shapes):
            if sender_id not in known:
                continue
            templates = await self._try(
                f"the templates of sender {sender_id}",
                self._questions.templates(sender_id=sender_id, include_unapproved=True),
            )
            if templates is not None:
                found[sender_id] = templates
        return found

    async def _ask_windows(self, known: set[int]) -> None:
        pairs = [p for p in self._manifest.sample.pairs if p.sender_id in known]
        rest = iter(pairs)
        try:
            async with asyncio.TaskGroup() as group:
                for _ in range(WORKER_COUNT):
                    group.create_task(self._look_at_each(rest))
        except ExceptionGroup as errors:
            raise errors.exceptions[0] from None
        if self._window_failures:
            unknown_count = len(pairs) - len(self._outlooks)
            finding = not_asked(
                f"{unknown_count:,} of the messaging windows",
                self._window_failures[0],
                count=unknown_count,
            )
            self._failures.append(finding)

    async def _look_at_each(self, pairs: Iterator[Pair]) -> None:
        """Take pairs from those that all workers share."""
        for pair in pairs:
            if len(self._window_failures) >= MAX_FAILED:
                return
            try:
                self._outlooks[pair] = await self._look_at(pair)
            except AuthenticationError:
                raise
            except (RejectedError, UnavailableError) as error:
                self._window_failures.append(error)

    async def _look_at(self, pair: Pair) -> WindowOutlook:
        state = self._judge(pair)
        if state is WindowState.UNKNOWN:
            status = await self._questions.session_status(
                pair.recipient_phone, sender_id=pair.sender_id
            )
            is_closed = not status.session_status.can_send_freeform
        else:
            is_closed = state is WindowState.CLOSED
        if is_closed:
            return WindowOutlook.CLOSED
        # The answer was learnt, so the memory knows until when it is open.
        at_end = self._judge(pair, later=self._duration)
        is_open = at_end is WindowState.OPEN
        return WindowOutlook.OPEN if is_open else WindowOutlook.CLOSING

    def _judge(self, pair: Pair, *, later: float = 0.0) -> WindowState:
        now = loop_time() + later
        return self._memory.judge(pair.sender_id, pair.recipient_phone, now=now)
