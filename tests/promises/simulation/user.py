"""The user's program: it gives messages to the client, and keeps a book of them.

The book is all that outlives a kill. What was given and has no outcome in it
is unknown to the user and never given again; what ended as `Unsent` may be.
"""

import asyncio
import random
from collections import Counter, deque
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import aclosing, suppress
from typing import Any, Literal

from attrs import define, field

from autocalls_async import (
    Accepted,
    AutocallsClient,
    Event,
    FreeformMessage,
    Message,
    Observer,
    Outcome,
    Rejected,
    RejectedError,
    Run,
    RunStoppedError,
    Settled,
    TemplateFallback,
    TemplateMessage,
    Unknown,
    UnknownOutcomeError,
    Unsent,
    UnsentError,
)
from tests.promises.simulation.history import FRESH, Giving, mark_of

_MOST_COPIES = 3

LaneName = Literal["interactive", "bulk"]

_BULK_LANES: tuple[LaneName, ...] = ("bulk", "bulk", "interactive")
_SINGLE_LANES: tuple[LaneName, ...] = ("interactive", "interactive", "bulk")


@define(kw_only=True)
class Habits:
    """How the user behaves.

    Attributes:
        single_share: Of the messages, how many are sent singly.
        cancel_share: Of the single sends, how many callers are cancelled.
        hurry_share: Of the single sends, how many have a short time.
        again_share: Of what is unsent, how much is given again.
        leave_share: Of the runs, how many are left before their end.
        stop_share: Of the runs, how many are told to stop.
        longest_run: No run has more messages.
        resends_after_kill: The mistake of giving again what has no outcome.
    """

    single_share: float = 0.0
    cancel_share: float = 0.0
    hurry_share: float = 0.0
    again_share: float = 0.0
    leave_share: float = 0.0
    stop_share: float = 0.0
    longest_run: int = 60
    resends_after_kill: bool = False


@define(kw_only=True)
class Book:
    """What the user knows of all messages."""

    rng: random.Random
    habits: Habits
    recipients: list[str]
    clock: Callable[[], float]
    givings: list[Giving] = field(factory=list)
    trace: list[str] = field(factory=list)
    acts: Counter[str] = field(factory=Counter)
    bulk: deque[int] = field(factory=deque)
    single: deque[int] = field(factory=deque)
    _by_mark: dict[str, Giving] = field(factory=dict)
    _copies: dict[int, int] = field(factory=dict)
    _queue_of: dict[int, deque[int]] = field(factory=dict)

    def plan(self, count: int) -> None:
        """Make up so many messages, each to be sent in one of two ways."""
        for number in range(count):
            is_single = self.rng.random() < self.habits.single_share
            queue = self.single if is_single else self.bulk
            self._queue_of[number] = queue
            queue.append(number)

    @property
    def is_done(self) -> bool:
        """Whether nothing is left to be given."""
        return not self.bulk and not self.single

    def note(self, text: str) -> None:
        """Write a line into the trace."""
        self.trace.append(f"{self.clock():.6f} {text}")

    def note_act(self, kind: str, mark: str = "") -> None:
        """Count what the user did, and write it into the trace."""
        self.acts[kind] += 1
        self.note(f"{kind} {mark}")

    def give(self, number: int, *, process: int) -> Message:
        """Write a message down, just before the client gets it."""
        copy = self._copies.get(number, 0)
        self._copies[number] = copy + 1
        mark = f"msg-{number}-{copy}"
        # Of one number, so that every copy has the same.
        recipient = self.recipients[number % len(self.recipients)]
        giving = Giving(mark=mark, number=number, process=process, recipient=recipient)
        self.givings.append(giving)
        self._by_mark[mark] = giving
        self.note(f"give {mark}")
        return _write(number, recipient, mark)

    def giving(self, message: Message) -> Giving:
        """Find what was written down of a message."""
        return self._by_mark[mark_of(message)]

    def note_outcome(self, outcome: Outcome) -> None:
        """Write an outcome down; what is unsent may be given again."""
        giving = self.giving(outcome.message)
        giving.outcomes.append(outcome)
        self.note(f"told {giving.mark} {type(outcome).__name__}")
        if isinstance(outcome, Unsent) and giving.number < FRESH:
            self._maybe_again(giving.number)

    def note_event(self, event: Event) -> None:
        """Write down what the observer is told."""
        if isinstance(event, Settled):
            giving = self.giving(event.message)
            giving.settled.append(event.outcome)
            self.note(f"settled {giving.mark} {type(event.outcome).__name__}")

    def note_kill(self, process: int) -> None:
        """Look through the book after a kill."""
        if not self.habits.resends_after_kill:
            return
        for giving in self.givings:
            if giving.process == process and not giving.outcomes:
                self._queue_of[giving.number].append(giving.number)

    def _maybe_again(self, number: int) -> None:
        is_wanted = self.rng.random() < self.habits.again_share
        if is_wanted and self._copies[number] < _MOST_COPIES:
            self._queue_of[number].append(number)


def _write(number: int, recipient: str, mark: str) -> Message:
    """Write a template, a free text, or one with a template to fall back to."""
    template: dict[str, Any] = {"template_id": 46, "variables": {"1": mark}}
    match number % 4:
        case 0:
            return TemplateMessage(recipient_phone=recipient, **template)
        case 1:
            return FreeformMessage(
                recipient_phone=recipient,
                message=mark,
                fallback=TemplateFallback(**template),
            )
        case _:
            return FreeformMessage(recipient_phone=recipient, message=mark)


class Program:
    """One process's use of one client, until it is done, closed or killed."""

    def __init__(
        self,
        make_client: Callable[[Observer], AutocallsClient],
        book: Book,
        *,
        process: int,
    ) -> None:
        self.client = make_client(self._observe)
        self._book = book
        self._process = process
        self._rng = book.rng
        self.runs: list[Run] = []
        self.is_closing = False
        self.is_dead = False

    async def bulk(self) -> None:
        """Send all that is for `send_many`, run after run."""
        while self._book.bulk and not self.is_closing:
            lane = self._rng.choice(_BULK_LANES)
            taken: list[Message] = []
            source = self._source(
                self._rng.randint(1, self._book.habits.longest_run), taken
            )
            run = self.client.send_many(source, lane=lane)
            self.runs.append(run)
            await self._take(run, taken)
            await asyncio.sleep(self._rng.random())

    async def work(self) -> None:
        """Send all that there is, in both ways at once."""
        while not self._book.is_done and not self.is_closing:
            async with asyncio.TaskGroup() as group:
                group.create_task(self.bulk())
                group.create_task(self.bulk())
                group.create_task(self.singly())

    async def write_to_all(self) -> None:
        """Send one fresh message to each recipient, as one does after a repair."""
        fresh = range(FRESH, FRESH + len(self._book.recipients))
        async with asyncio.TaskGroup() as group:
            for number in fresh:
                message = self._book.give(number, process=self._process)
                group.create_task(self._send_fresh(message))

    async def _send_fresh(self, message: Message) -> None:
        outcome = await self._outcome_of(message, "interactive", 300.0)
        self._tell(outcome)

    async def singly(self) -> None:
        """Send one message after the other, mostly without waiting for it."""
        async with asyncio.TaskGroup() as group:
            while self._book.single and not self.is_closing:
                call = group.create_task(self._send())
                if self._rng.random() < 0.3:
                    await asyncio.wait([call])
                await asyncio.sleep(self._rng.expovariate(3.0))

    async def _send(self) -> None:
        """Send one message, and now and then be cancelled while waiting."""
        book, rng = self._book, self._rng
        if self.is_closing:
            return
        habits = book.habits
        is_hurried = rng.random() < habits.hurry_share
        timeout = rng.expovariate(1.0) + 0.001 if is_hurried else 90.0
        is_cancelled = rng.random() < habits.cancel_share
        patience = rng.expovariate(1.0) if is_cancelled else None
        message = book.give(book.single.popleft(), process=self._process)
        lane = rng.choice(_SINGLE_LANES)
        try:
            async with asyncio.timeout(patience):
                outcome = await self._outcome_of(message, lane, timeout)
            self._tell(outcome)
        except TimeoutError:
            book.giving(message).is_left = True
            book.note_act("caller cancelled", mark_of(message))

    async def _outcome_of(
        self, message: Message, lane: LaneName, timeout: float
    ) -> Outcome:
        try:
            sent = await self.client.send(message, lane=lane, timeout=timeout)
        except UnsentError as error:
            return Unsent(message=message, error=error)
        except RejectedError as error:
            return Rejected(message=message, error=error)
        except UnknownOutcomeError as error:
            return Unknown(message=message, error=error)
        return Accepted(message=message, sent=sent)

    def _source(
        self, count: int, taken: list[Message]
    ) -> Iterator[Message] | AsyncIterator[Message]:
        messages = self._messages(count, taken)
        return self._slowly(messages) if self._rng.random() < 0.3 else messages

    def _messages(self, count: int, taken: list[Message]) -> Iterator[Message]:
        for _ in range(count):
            if not self._book.bulk:
                return
            number = self._book.bulk.popleft()
            taken.append(self._book.give(number, process=self._process))
            yield taken[-1]

    async def _slowly(self, messages: Iterator[Message]) -> AsyncIterator[Message]:
        for message in messages:
            yield message
            await asyncio.sleep(self._rng.expovariate(10.0))

    async def _take(self, run: Run, taken: list[Message]) -> None:
        """Take a run's outcomes, and now and then leave before its end."""
        rng, share = self._rng, self._book.habits.leave_share
        last = rng.randrange(1, 20) if rng.random() < share else None
        with suppress(RunStoppedError):
            async with aclosing(aiter(run)) as outcomes:
                async for outcome in outcomes:
                    self._tell(outcome)
                    last = last and last - 1
                    if last == 0:
                        break
                    if rng.random() < 0.05:
                        await asyncio.sleep(rng.expovariate(0.5))
        if last == 0:
            self._book.note_act("run left")
            for message in taken:
                self._book.giving(message).is_left = True

    def _tell(self, outcome: Outcome) -> None:
        if not self.is_dead:
            self._book.note_outcome(outcome)

    def _observe(self, event: Event) -> None:
        if not self.is_dead:
            self._book.note_event(event)
