"""What must hold after every run, whatever went wrong in it.

Pure: no I/O, no clock, no asyncio.
"""

from collections import defaultdict
from collections.abc import Iterator

from autocalls_async import (
    Accepted,
    Outcome,
    QueueFullError,
    RateLimitedError,
    Rejected,
    Unknown,
    UnreachableError,
    Unsent,
)
from autocalls_async.emulator import AcceptedMessage, Endpoint, RecordedRequest
from tests.promises.simulation.history import FRESH, Giving, History

# Each poll of the virtual clock adds a microsecond.
_TOLERANCE_SECONDS = 1e-4


def violations(history: History) -> list[str]:
    """Say what is broken, one line each; none is what we promise."""
    found = [
        *history.complaints,
        *_leftovers(history),
        *_counts(history),
        *_agreement(history),
        *_truth(history),
        *_doubles(history),
        *_order(history),
        *_pace(history),
        *_idle_unknowns(history),
        *_recovery(history),
    ]
    return list(dict.fromkeys(found))  # told and settled, it may be said twice


def _leftovers(history: History) -> Iterator[str]:
    for process in history.processes:
        for leftover in process.leftovers:
            yield f"process {process.number} left behind: {leftover}"


def _counts(history: History) -> Iterator[str]:
    """Every message has exactly one outcome, unless its process was killed."""
    killed = {p.number for p in history.processes if p.was_killed}
    for giving in history.givings:
        told, settled = len(giving.outcomes), len(giving.settled)
        least = 0 if giving.process in killed else 1
        if _is_turned_away(giving) and settled == 0:
            continue
        if not least <= settled <= 1:
            yield f"{giving.mark} settled {settled} times"
        if not (0 if giving.is_left else least) <= told <= 1:
            yield f"{giving.mark} has {told} outcomes"
    given = {giving.number for giving in history.givings}
    for number in sorted(set(range(history.message_count)) - given):
        yield f"message {number} was never given"


def _is_turned_away(giving: Giving) -> bool:
    """Whether it surely waited in vain, so that the message was never taken in."""
    return any(
        isinstance(outcome, Unsent | Rejected)
        and isinstance(outcome.error, QueueFullError | RateLimitedError)
        and not outcome.error.attempts
        for outcome in giving.outcomes
    )


def _agreement(history: History) -> Iterator[str]:
    """What the user was told is the last word, unless it was that nobody knew."""
    for giving in history.givings:
        for told, settled in zip(giving.outcomes, giving.settled, strict=False):
            is_same = type(told) is type(settled)
            if not is_same and not isinstance(told, Unknown):
                names = type(told).__name__, type(settled).__name__
                yield f"{giving.mark} was told to be {names[0]} and settled {names[1]}"


def _truth(history: History) -> Iterator[str]:
    for giving in history.givings:
        requests = history.requests.get(giving.mark, [])
        accepted = history.accepted.get(giving.mark)
        for outcome in giving.outcomes + giving.settled:
            if lie := lie_of(outcome, requests, accepted):
                yield f"{giving.mark} is {type(outcome).__name__}, but {lie}"


def lie_of(
    outcome: Outcome,
    requests: list[RecordedRequest],
    accepted: AcceptedMessage | None,
) -> str | None:
    """Say how an outcome differs from what the service saw, if it does."""
    match outcome:
        case Accepted(sent=sent):
            if accepted is None:
                return "the service did not accept it"
            if sent.whatsapp_message_id not in {None, accepted.whatsapp_message_id}:
                return "the service gave it another number"
        case Rejected() if accepted is not None:
            return "the service accepted it"
        case Unsent() if any(map(may_have_acted, requests)):
            return "it arrived"
    return None


def may_have_acted(request: RecordedRequest) -> bool:
    """Whether the answer leaves open that the service has sent the message.

    A 429 does not; nor does a 403 to free text, which a template may follow.
    """
    is_free_text = request.endpoint is Endpoint.SEND_FREEFORM
    return request.status not in ({429, 403} if is_free_text else {429})


def _doubles(history: History) -> Iterator[str]:
    """A message arrives once, unless each earlier time was surely turned away."""
    arrivals: dict[int, list[RecordedRequest]] = defaultdict(list)
    for giving in history.givings:
        arrivals[giving.number] += history.requests.get(giving.mark, [])
    for number, requests in arrivals.items():
        taken = sum(map(may_have_acted, requests))
        if taken > 1:
            yield f"message {number} arrived {taken} times"


def _order(history: History) -> Iterator[str]:
    """Messages to one recipient leave one process in the order of their giving."""
    places = {g.mark: (place, g) for place, g in enumerate(history.givings)}
    last: dict[tuple[int, str], tuple[int, Giving]] = {}
    for departure in history.departures:
        place, giving = places[departure.mark]
        key = giving.process, giving.recipient
        before = last.get(key)
        if before and place < before[0]:
            yield f"{giving.mark} left after {before[1].mark}, which came later"
        last[key] = place, giving


def _pace(history: History) -> Iterator[str]:
    """No more than the limit leave in a second, nor are counted on a calm path."""
    times, rate = [d.at for d in history.departures], history.rate
    for first, last in zip(times, times[rate:], strict=False):
        if last - first < 1 - _TOLERANCE_SECONDS:
            yield f"{rate + 1} left in {last - first:.4f} s, from {first:.3f} on"
    if history.is_calm and history.most_in_a_second > rate:
        yield f"the service counted {history.most_in_a_second} in a second"


def _idle_unknowns(history: History) -> Iterator[str]:
    """Where nothing went wrong, nothing is unknown."""
    if history.is_pooling:
        return
    cut_short = {
        p.number for p in history.processes if p.was_killed or p.was_closed_early
    }
    unfair = {d.mark for d in history.departures if not d.is_fair}
    excused = unfair | history.faulted
    for giving in history.givings:
        is_unknown = any(isinstance(o, Unknown) for o in giving.settled)
        is_excused = giving.mark in excused or giving.process in cut_short
        if is_unknown and not is_excused:
            yield f"{giving.mark} is Unknown for nothing"


def _recovery(history: History) -> Iterator[str]:
    """Once all faults have stopped, a fresh message to each recipient is accepted.

    A pool may still hold a connection that went bad before: then an attempt finds that
    out, and where it was the only one the message is surely unsent.
    """
    may_be_the_pools = history.is_pooling and history.tries_once
    for giving in history.givings:
        if giving.number < FRESH or giving.mark in history.accepted:
            continue
        if not (may_be_the_pools and any(map(_found_none, giving.settled))):
            yield f"{giving.mark} was not accepted in fair weather"


def _found_none(outcome: Outcome) -> bool:
    """Whether there was no connection for a message."""
    return isinstance(outcome, Unsent) and isinstance(outcome.error, UnreachableError)
