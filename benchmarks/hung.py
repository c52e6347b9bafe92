"""What answers that hang cost: sends a second, a reply's wait, unknowns, 429s.

    python -m benchmarks.hung

A campaign of `send_many` and, every 1 to 2 s, a reply, over real HTTP to the
emulator, 5 to 60 ms away each way. An answer that hangs comes after 60 s or more;
the client waits 60 s for it and calls the message unknown, a reply 30 s.

**stall: answers** withholds every answer for 60 s; each request is counted as it
comes. **stall: requests** withholds the requests themselves, from the limiter as
well: whatever left meanwhile reaches it in one instant, when the stall is over.
**stall: busy service** is the same where each answer takes 0.3 to 0.9 s: there a
slot is free before its answer is back, so more may be out when it begins.

*Arrived at its end* counts what reaches the service from a second before the end of
the stall to a second after it. All of it runs in virtual time and repeats exactly.
"""

import asyncio
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from itertools import count
from random import Random

from attrs import field, frozen

from autocalls_async import (
    AutocallsClient,
    AutocallsError,
    FreeformMessage,
    RunStoppedError,
)
from autocalls_async.emulator import Delay, Emulator, Endpoint, Fault, Stall
from autocalls_async.testing import run as run_in_virtual_time
from benchmarks.service import SENDER, make_service

STALL_BEGINS = 20.0
STALL_SECONDS = 60.0
_STALL_ENDS = STALL_BEGINS + STALL_SECONDS
_SEND = Endpoint.SEND_FREEFORM

Prepare = Callable[[Emulator], None]


def _no_fault(_: Emulator) -> None:
    """Let everything be answered."""


def _hang(which: Callable[[int], bool]) -> Prepare:
    """Let the answers to these sends hang, counted from 1."""

    def prepare(emulator: Emulator) -> None:
        numbers = count(1)

        def choose(endpoint: Endpoint) -> Fault | None:
            hangs = endpoint is _SEND and which(next(numbers))
            return Stall(after_acting=True) if hangs else None

        emulator.choose_fault = choose

    return prepare


def _left(now: float) -> float:
    """Tell for how long the stall goes on."""
    return _STALL_ENDS - now if STALL_BEGINS <= now < _STALL_ENDS else 0.0


def _withhold_answers(emulator: Emulator) -> None:
    clock = _clock()

    def choose(_: Endpoint) -> Fault | None:
        left = _left(clock())
        return Delay(left, after_acting=True) if left else None

    emulator.choose_fault = choose


def _withhold_requests(emulator: Emulator) -> None:
    clock, usual = _clock(), emulator.before_counting
    assert usual is not None

    def latency(endpoint: Endpoint) -> float:
        seconds = usual(endpoint)
        return seconds + _left(clock() + seconds)

    emulator.before_counting = latency


def _clock() -> Callable[[], float]:
    """Make a clock that begins now."""
    loop = asyncio.get_running_loop()
    began = loop.time()
    return lambda: loop.time() - began


@frozen(kw_only=True)
class Case:
    """One kind of trouble."""

    prepare: Prepare
    latency: str = "5-60 ms"
    is_stall: bool = False


CASES: Mapping[str, Case] = {
    "nothing hangs": Case(prepare=_no_fault),
    "every tenth answer": Case(prepare=_hang(lambda number: number % 10 == 0)),
    "five in a row, once": Case(prepare=_hang(lambda number: 100 <= number < 105)),
    "every third answer": Case(prepare=_hang(lambda number: number % 3 == 0)),
    "stall: answers": Case(prepare=_withhold_answers, is_stall=True),
    "stall: requests": Case(prepare=_withhold_requests, is_stall=True),
    "stall: busy service": Case(
        prepare=_withhold_requests, latency="slow service", is_stall=True
    ),
}


@frozen(kw_only=True)
class Tally:
    """What came of one campaign and the replies beside it."""

    sends_a_second: float
    accepted: int
    unknown: int
    """Of the campaign; replies have counts of their own."""

    stopped: str | None
    waits: list[float] = field(repr=False)
    """Seconds until each reply that arrived did, in order of length."""

    replies: Counter[str]
    refused: int
    most_in_a_second: int
    twice: int
    at_the_end: int | None
    """What arrived within a second of the end of the stall."""


class _Replies:
    """People who are written to now and then, while the campaign runs."""

    def __init__(self, client: AutocallsClient, clock: Callable[[], float]) -> None:
        self._client = client
        self._clock = clock
        self.asked: dict[str, float] = {}
        self.ends: Counter[str] = Counter()

    async def go_on(self) -> None:
        """Write to somebody every 1 to 2 s, until it is cancelled."""
        rng = Random(7)
        async with asyncio.TaskGroup() as group:
            for number in count():
                await asyncio.sleep(rng.uniform(1.0, 2.0))
                group.create_task(self._write(f"+33{100_000_000 + number}"))

    async def _write(self, phone: str) -> None:
        self.asked[phone] = self._clock()
        try:
            await self._client.send_freeform(phone, "hello")
        except AutocallsError as error:
            self.ends[type(error).__name__] += 1
        else:
            self.ends["accepted"] += 1


def _messages(number: int) -> Iterator[FreeformMessage]:
    for each in range(number):
        phone = f"+4930{1_000_000 + each}"
        yield FreeformMessage(recipient_phone=phone, message="hello")


async def _campaign(
    client: AutocallsClient, messages: int, ends: Counter[str]
) -> str | None:
    """Send all; say why it stopped, if it did."""
    try:
        async for outcome in client.send_many(_messages(messages)):
            ends[type(outcome).__name__] += 1
    except RunStoppedError as error:
        return error.detail
    return None


async def _measure(case: Case, messages: int) -> Tally:
    ends: Counter[str] = Counter()
    async with make_service("sliding log", case.latency, seed=1) as emulator:
        case.prepare(emulator)
        async with AutocallsClient(
            "key", base_url=emulator.base_url, sender_id=SENDER, window_check="never"
        ) as client:
            replies = _Replies(client, _clock())
            talking = asyncio.create_task(replies.go_on())
            stopped = await _campaign(client, messages, ends)
            talking.cancel()
            await asyncio.wait([talking])
    return _tally(emulator, replies, ends, stopped=stopped, case=case)


def _tally(
    emulator: Emulator,
    replies: _Replies,
    ends: Counter[str],
    *,
    stopped: str | None,
    case: Case,
) -> Tally:
    arrived: dict[str, float] = {}
    accepted: list[str] = []
    for request in emulator.requests:
        assert isinstance(request.body, dict)
        phone = str(request.body["recipient_phone"])
        arrived.setdefault(phone, request.at)
        if request.status == 200:
            accepted.append(phone)
    times = [request.at for request in emulator.requests]
    campaign = [at for phone, at in arrived.items() if phone.startswith("+49")]
    until = max(campaign)
    asked = replies.asked
    waits = [arrived[phone] - at for phone, at in asked.items() if phone in arrived]
    near = [at for at in times if abs(at - _STALL_ENDS) <= 1]
    return Tally(
        sends_a_second=sum(at <= until for at in times) / (until - times[0]),
        accepted=ends["Accepted"],
        unknown=ends["Unknown"],
        stopped=stopped,
        waits=sorted(waits),
        replies=replies.ends,
        refused=emulator.rejected_count,
        most_in_a_second=emulator.most_sends_in_any_second(),
        twice=len(accepted) - len(set(accepted)),
        at_the_end=len(near) if case.is_stall else None,
    )


def measure(name: str, *, messages: int = 600) -> Tally:
    """Run a campaign through one of the cases, in virtual time."""
    return run_in_virtual_time(_measure(CASES[name], messages))


def report() -> Iterator[str]:
    """Yield the lines of the table."""
    yield (
        "| answers that hang | sends a second | reply's wait, p50 | the longest | "
        "campaign: accepted, unknown | replies: accepted, unknown, unsent | 429s | "
        "arrived at its end |"
    )
    yield "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |"
    for name in CASES:
        tally = measure(name)
        ends = tally.replies
        others = ends.total() - ends["accepted"] - ends["UnknownOutcomeError"]
        stopped = ", stopped" if tally.stopped else ""
        at_the_end = "" if tally.at_the_end is None else tally.at_the_end
        yield (
            f"| {name} | {tally.sends_a_second:.2f} "
            f"| {tally.waits[len(tally.waits) // 2]:.2f} s | {tally.waits[-1]:.2f} s "
            f"| {tally.accepted}, {tally.unknown}{stopped} "
            f"| {ends['accepted']}, {ends['UnknownOutcomeError']}, {others} "
            f"| {tally.refused} | {at_the_end} |"
        )


def main() -> None:
    """Print the table."""
    for line in report():
        print(line, flush=True)


if __name__ == "__main__":
    main()
