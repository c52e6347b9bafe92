"""The protocol as a model: every interleaving of two holders, one user and all faults.

Pure. Three messages: 0 is to one person and may be committed late, 1 and 2 are to
another, in this order. Two holders intend, look, leave, settle and let go; the second
takes over from the first, which may crash, stand still for any time, lose its
connection or the answer of a commit at each step. A user resolves one unknown message
and withdraws one. Nobody takes over from the second: what befalls it would be nothing
new.

A holder that stands still is one whose steps are not taken: nothing else is needed.
Time is what a lease loses: GOOD until its holder's own deadline, LATE until its end in
the database, then OVER.
"""

from collections import deque
from collections.abc import Iterator
from typing import Any, NamedTuple

GOOD, LATE, OVER = 0, 1, 2
PENDING = ("new", "unsent")

MUTANTS = (
    *("no epoch check", "no FOR SHARE", "losing before the epoch moves"),
    *("no last look", "settle without epoch", "a flush that forgets"),
    *("renewal of a lease that is over", "claim at the start", "read by cursor"),
    "what came back late goes again",
)


class Row(NamedTuple):
    """A message: in the database, and what the service saw of it."""

    state: str = "new"
    epoch: int = 0
    fence: int = -1  # who may yet hand it over
    sent: int = 0  # since a user had it sent again
    was_resolved: bool = False
    was_overtaken: bool = False


class Holder(NamedTuple):
    """A worker with the account, or without: its phase with each message.

    `-` nothing, `check` within the intent's transaction, `noted` at the gate, `stale`
    where it has stood there for too long, `left`, and what it has to settle: `accepted`
    or `unsent`.
    """

    epoch: int = 0
    lease: int = GOOD
    is_alive: bool = True
    is_gone: bool = False  # the database has lost its connection
    is_fenced: bool = False  # somebody took from it: never renewed
    phases: tuple[str, ...] = ("-", "-", "-")
    last_read: int = -1


class World(NamedTuple):
    """All there is."""

    rows: tuple[Row, ...]
    holders: tuple[Holder, ...]
    epoch: int = 1
    owner: int = 0
    is_taking: bool = False  # the epoch has moved, what was in flight is not lost yet
    has_lost_early: bool = False  # a mutant's
    faults: int = 1  # crashes, lost connections and lost commits that may yet come
    user: int = 2  # what the user may yet do


START = World((Row("absent"), Row(), Row()), (Holder(epoch=1), Holder()))


class BrokenPromiseError(Exception):
    """A state that can be reached breaks a promise."""


def explore(mutant: str = "", *, faults: int = 1) -> int:
    """Look at every state that can be reached; return how many they are.

    Raises:
        BrokenPromiseError: One of them breaks a promise.
    """
    start = START._replace(faults=faults)
    seen, todo = {start}, deque([start])
    while todo:
        world = todo.popleft()
        for broken in (*_rows_broken(world), *_holders_broken(world, mutant)):
            raise BrokenPromiseError(broken)
        for after in _steps(world, mutant):
            if after not in seen:
                seen.add(after)
                todo.append(after)
    return len(seen)


# What must hold


def _rows_broken(w: World) -> Iterator[str]:
    for row in w.rows:
        if row.sent > 1:
            yield "handed over twice"
        if row.sent and row.state in (*PENDING, "gone"):
            yield f"{row.state}, and the service has it"
        if row.state == "accepted" and not row.sent and not row.was_resolved:
            yield "accepted, and the service has it not"
        if row.was_overtaken and not row.was_resolved:
            yield "the second to somebody left before the first"
        if row.state == "in flight" and row.epoch != w.epoch and not w.is_taking:
            yield "in flight under an epoch that is over: nobody settles it"
        if row.state == "in flight" and w.owner < 0:
            yield "let go of, and not settled"


def _holders_broken(w: World, mutant: str) -> Iterator[str]:
    for n, h in enumerate(w.holders):
        if sum(p in ("check", "noted") for p in h.phases) > 1:
            yield "a crash makes unknowns of what waits for its turn"
        is_well = h.is_alive and h.lease == GOOD and not h.is_fenced
        if h.epoch and w.owner == n and is_well and not w.is_taking:
            is_done = not any(True for _ in _work(w, n, mutant))
            if is_done and any(r.state in (*PENDING, "in flight") for r in w.rows):
                yield "it waits, and nobody will come"


# What may come next


def _steps(w: World, mutant: str) -> Iterator[World]:
    if w.rows[0].state == "absent":
        yield _row(w, 0, state="new")
    for n, h in enumerate(w.holders):
        if h.is_alive:
            yield from _work(w, n, mutant)
            yield from _renew(w, n, mutant)
            yield from _let_go(w, n, mutant)
            yield from _take(w, n, mutant)
        if h.epoch == 1:
            yield from _suffer(w, n)
    if w.user:
        yield from _decide(w)


def _work(w: World, n: int, mutant: str) -> Iterator[World]:
    """What a holder does with messages."""
    h = w.holders[n]
    for m, (row, phase) in enumerate(zip(w.rows, h.phases, strict=True)):
        is_read = mutant != "read by cursor" or m >= h.last_read
        if phase == "-" and h.epoch and row.state in PENDING and is_read:
            yield from _check(w, n, m, mutant)
        elif phase == "check":
            yield from _note(w, n, m)
        elif phase in ("noted", "stale"):
            yield _leave(w, n, m, mutant)
        elif phase == "left":
            yield _phase(w, n, m, "accepted")
        elif phase in ("accepted", "unsent") and not w.is_taking:
            settled = _settle(w, n, m, phase, mutant)
            yield _phase(settled, n, m, "-")
            if settled != w and w.faults:  # its answer lost: it is told once more
                yield settled._replace(faults=w.faults - 1)


def _check(w: World, n: int, m: int, mutant: str) -> Iterator[World]:
    """Begin an intent, in its turn: the account is locked, if it is held."""
    h = w.holders[n]
    has_turn = not any(p in ("check", "noted") for p in h.phases)
    is_next = m != 2 or (w.rows[1].state not in PENDING and h.phases[1] == "-")
    if w.is_taking or not is_next or not (has_turn or mutant == "claim at the start"):
        return
    is_held = (w.epoch, w.owner, h.is_fenced) == (h.epoch, n, False)
    if h.lease == OVER or not (is_held or mutant == "no epoch check"):
        return
    if h.epoch > 1:  # it was quiet for so long that no older intent is young
        old = w.holders[1 - n].phases
        aged = tuple("stale" if p == "noted" else p for p in old)
        w = _holder(w, 1 - n, phases=aged)
    last = m if mutant == "read by cursor" else -1
    yield _phase(w, n, m, "check", last_read=last)


def _note(w: World, n: int, m: int) -> Iterator[World]:
    """Commit an intent, and hear of it or not."""
    if w.rows[m].state not in PENDING:
        yield _phase(w, n, m, "-")
        return
    noted = _row(w, m, state="in flight", epoch=w.holders[n].epoch, fence=n)
    yield _phase(noted, n, m, "noted")
    if w.faults:
        yield _phase(noted, n, m, "unsent")._replace(faults=w.faults - 1)
        yield _phase(w, n, m, "unsent")._replace(faults=w.faults - 1)


def _leave(w: World, n: int, m: int, mutant: str) -> World:
    """Look once more, and hand it over: nothing comes in between."""
    h, row = w.holders[n], w.rows[m]
    is_good = h.lease == GOOD and h.phases[m] == "noted"
    if not is_good and mutant != "no last look":
        return _phase(w, n, m, "unsent")
    was_overtaken = m == 1 and w.rows[2].sent > 0
    left = _row(w, m, sent=row.sent + 1, was_overtaken=was_overtaken)
    return _phase(left, n, m, "left")


def _settle(w: World, n: int, m: int, end: str, mutant: str) -> World:
    row, epoch = w.rows[m], w.holders[n].epoch
    if mutant == "settle without epoch":
        return _row(w, m, state=end) if row.state == "in flight" else w
    is_followed = m == 1 and w.rows[2].state != "gone"
    if mutant == "what came back late goes again":
        is_followed = False
    is_truth = row.state == "in flight"
    is_truth |= row.state == "unknown" and (end != "unsent" or not is_followed)
    is_truth |= row.state == "new" and end == "accepted"
    return _row(w, m, state=end, fence=-1) if row.epoch == epoch and is_truth else w


def _renew(w: World, n: int, mutant: str) -> Iterator[World]:
    h = w.holders[n]
    is_over = h.lease == OVER or h.is_fenced
    if h.lease != GOOD and (not is_over or mutant == "renewal of a lease that is over"):
        yield _holder(w, n, lease=GOOD, is_fenced=False)


def _let_go(w: World, n: int, mutant: str) -> Iterator[World]:
    h = w.holders[n]
    busy = [p for p in h.phases if p != "-"]
    if mutant == "a flush that forgets":  # what is being committed
        busy = [p for p in busy if p not in ("accepted", "unsent")]
    if h.epoch and not busy and not w.is_taking:
        free = w._replace(owner=-1) if (w.owner, w.epoch) == (n, h.epoch) else w
        yield _holder(free, n, epoch=0, phases=("-", "-", "-"))


def _take(w: World, n: int, mutant: str) -> Iterator[World]:
    """Move the epoch; then, as a statement of its own, lose what was in flight."""
    if w.is_taking and w.owner == n:
        yield _lose(w)._replace(is_taking=False)
    if w.is_taking or w.owner == n or w.epoch > 1 or w.holders[n].epoch:
        return
    if w.owner >= 0:
        old = w.holders[w.owner]
        is_locked = old.is_alive and "check" in old.phases and mutant != "no FOR SHARE"
        if is_locked or not (old.lease == OVER or old.is_gone):
            return
    if mutant == "losing before the epoch moves" and not w.has_lost_early:
        yield _lose(w)._replace(has_lost_early=True)
        return
    if w.owner >= 0:
        w = _holder(w, w.owner, is_fenced=True)
    fresh = Holder(epoch=w.epoch + 1)  # as a worker that registers anew
    yield w._replace(
        holders=tuple(fresh if i == n else h for i, h in enumerate(w.holders)),
        epoch=w.epoch + 1,
        owner=n,
        is_taking=not w.has_lost_early,
        has_lost_early=False,
    )


def _lose(w: World) -> World:
    for m, row in enumerate(w.rows):
        if row.state == "in flight" and (not w.is_taking or row.epoch < w.epoch):
            w = _row(w, m, state="unknown")
    return w


def _suffer(w: World, n: int) -> Iterator[World]:
    """What befalls a holder."""
    h = w.holders[n]
    if h.lease != OVER:
        yield _holder(w, n, lease=h.lease + 1)
    if w.faults and not h.is_gone:
        yield _holder(w, n, is_gone=True)._replace(faults=w.faults - 1)
    if w.faults and h.is_alive:
        dead = _holder(w, n, is_alive=False, is_gone=True, phases=("-", "-", "-"))
        yield dead._replace(faults=w.faults - 1)


def _decide(w: World) -> Iterator[World]:
    """What the user does, each once."""
    for m, row in enumerate(w.rows):
        if row.state == "unknown" and w.user > 1 and not w.is_taking:
            told = w._replace(user=w.user - 1)
            yield _row(told, m, state="accepted", was_resolved=True)
            if row.fence < 0 or w.holders[row.fence].lease == OVER:
                yield _row(told, m, state="new", was_resolved=True, sent=0, fence=-1)
        if row.state in PENDING and w.user == 1:
            yield _row(w._replace(user=0), m, state="gone")


def _row(w: World, m: int, **changes: Any) -> World:  # noqa: ANN401  # of a row
    rows = tuple(r._replace(**changes) if i == m else r for i, r in enumerate(w.rows))
    return w._replace(rows=rows)


def _holder(w: World, n: int, **changes: Any) -> World:  # noqa: ANN401  # of a holder
    new = enumerate(w.holders)
    holders = tuple(h._replace(**changes) if i == n else h for i, h in new)
    return w._replace(holders=holders)


def _phase(w: World, n: int, m: int, phase: str, *, last_read: int = -1) -> World:
    old = w.holders[n]
    phases = tuple(phase if i == m else p for i, p in enumerate(old.phases))
    return _holder(w, n, phases=phases, last_read=max(last_read, old.last_read))
