"""The protocol as a model: every interleaving of two holders, one user and all faults.

Pure. Three messages: 0 is to one person and may be committed late, 1 and 2 are to
another, in this order. Two holders take, read, intend, look, leave, settle and let go;
either may crash, stand still for any time, lose its connection, or lose the answer of
a commit at each step. A user resolves one unknown and withdraws one message.

A holder that stands still is one whose steps are not taken: nothing else is needed.
Time is what a lease loses: GOOD until its holder's own deadline, LATE until its end in
the database, then OVER.
"""

from collections import deque
from collections.abc import Iterator
from typing import NamedTuple

GOOD, LATE, OVER = 0, 1, 2
PENDING, ENDED = ("new", "unsent"), ("accepted", "unknown", "gone")

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
    phases: tuple[str, str, str] = ("-", "-", "-")
    last_read: int = -1


class World(NamedTuple):
    """All there is."""

    rows: tuple[Row, Row, Row]
    holders: tuple[Holder, Holder]
    epoch: int = 1
    owner: int = 0
    is_taking: bool = False  # the epoch has moved, and what was in flight is not lost yet
    has_lost_early: bool = False  # a mutant's
    faults: int = 1  # crashes, lost connections and lost commits that may yet come
    user: int = 2  # what the user may yet do


START = World((Row("absent"), Row(), Row()), (Holder(epoch=1), Holder()))


class Broken(Exception):
    """A promise is broken in this state."""


def explore(mutant: str = "") -> int:
    """Look at every state that can be reached; return how many they are.

    Raises:
        Broken: One of them breaks a promise.
    """
    seen, todo = {START}, deque([START])
    while todo:
        world = todo.popleft()
        check(world, mutant)
        for after in steps(world, mutant):
            if after not in seen:
                seen.add(after)
                todo.append(after)
    return len(seen)


def check(w: World, mutant: str) -> None:
    """Raise `Broken` where a promise is broken."""
    for row in w.rows:
        if row.sent > 1:
            raise Broken("handed over twice")
        if row.sent and row.state in (*PENDING, "gone"):
            raise Broken(f"{row.state}, and the service has it")
        if row.state == "accepted" and not row.sent and not row.was_resolved:
            raise Broken("accepted, and the service has it not")
        if row.state == "in flight" and row.epoch != w.epoch and not w.is_taking:
            raise Broken("in flight under an epoch that is over: nobody settles it")
    for number, h in enumerate(w.holders):
        mine = [r for r in w.rows if r.state == "in flight" and r.epoch == h.epoch]
        if h.epoch and sum(p in ("check", "noted") for p in h.phases) > 1:
            raise Broken("a crash makes unknowns of what waits for its turn")
        is_idle = w.owner == number and h.is_alive and h.lease == GOOD and h.epoch
        if is_idle and not h.is_fenced and not w.is_taking:
            is_done = not any(True for _ in _work(w, number, mutant))
            if is_done and (mine or any(r.state in PENDING for r in w.rows)):
                raise Broken("it waits, and nobody will come")
    if w.owner < 0 and any(r.state == "in flight" for r in w.rows):
        raise Broken("let go of, and not settled")


def steps(w: World, mutant: str) -> Iterator[World]:
    """Give each state that may come next."""
    if w.rows[0].state == "absent":
        yield _row(w, 0, state="new")
    for n, h in enumerate(w.holders):
        if h.is_alive:
            yield from _work(w, n, mutant)
            yield from _hold(w, n, mutant)
        if h.epoch == 1:  # nobody takes from the second: it fares as the first
            yield from _suffer(w, n)
    if w.user:
        yield from _decide(w)


def _work(w: World, n: int, mutant: str) -> Iterator[World]:
    """What a holder does with messages."""
    h = w.holders[n]
    for m, (row, phase) in enumerate(zip(w.rows, h.phases, strict=True)):
        if phase == "-" and h.epoch and row.state in PENDING:
            if mutant != "read by cursor" or m >= h.last_read:
                yield from _intend(w, n, m, mutant)
        elif phase == "check":
            if row.state in PENDING:
                noted = _row(w, m, state="in flight", epoch=h.epoch, fence=n)
                yield _phase(noted, n, m, "noted")
                if w.faults:  # committed or not, and its answer lost
                    yield _phase(noted, n, m, "unsent")._replace(faults=w.faults - 1)
                    yield _phase(w, n, m, "unsent")._replace(faults=w.faults - 1)
            else:
                yield _phase(w, n, m, "-")
        elif phase in ("noted", "stale"):
            is_good = h.lease == GOOD and phase == "noted"
            if is_good or mutant == "no last look":
                if m == 1 and w.rows[2].sent and not row.was_resolved:
                    raise Broken("the second to somebody left before the first")
                yield _phase(_row(w, m, sent=row.sent + 1), n, m, "left")
            else:
                yield _phase(w, n, m, "unsent")
        elif phase == "left":
            yield _phase(w, n, m, "accepted")
        elif phase in ("accepted", "unsent") and not w.is_taking:
            settled = _settle(w, n, m, phase, mutant)
            yield _phase(settled, n, m, "-")
            if settled != w and w.faults:  # its answer lost: it is told once more
                yield settled._replace(faults=w.faults - 1)


def _intend(w: World, n: int, m: int, mutant: str) -> Iterator[World]:
    h = w.holders[n]
    has_turn = not any(p in ("check", "noted") for p in h.phases)
    is_next = m != 2 or (w.rows[1].state not in PENDING and h.phases[1] == "-")
    if w.is_taking or not is_next or not (has_turn or mutant == "claim at the start"):
        return
    is_held = (w.epoch, w.owner) == (h.epoch, n) or mutant == "no epoch check"
    if is_held and h.lease != OVER and (not h.is_fenced or mutant == "no epoch check"):
        last = m if mutant == "read by cursor" else -1
        if h.epoch > 1:  # it was quiet for so long that no older intent is young
            old = w.holders[1 - n].phases
            aged = tuple("stale" if p == "noted" else p for p in old)
            w = _holder(w, 1 - n, phases=aged)
        yield _phase(w, n, m, "check", last_read=last)


def _settle(w: World, n: int, m: int, end: str, mutant: str) -> World:
    row, epoch = w.rows[m], w.holders[n].epoch
    if mutant == "settle without epoch":
        return _row(w, m, state=end) if row.state == "in flight" else w
    if row.epoch != epoch:
        return w
    is_followed = m == 1 and w.rows[2].state != "gone"
    if mutant == "what came back late goes again":
        is_followed = False
    match row.state:
        case "in flight":
            return _row(w, m, state=end, fence=-1)
        case "unknown" if end != "unsent" or not is_followed:
            return _row(w, m, state=end, fence=-1)
        case "new" if end == "accepted":
            return _row(w, m, state=end)
    return w


def _hold(w: World, n: int, mutant: str) -> Iterator[World]:
    """What a worker does with its lease and the account."""
    h = w.holders[n]
    is_bad = h.lease == OVER or h.is_fenced
    if h.lease != GOOD and (not is_bad or mutant == "renewal of a lease that is over"):
        yield _holder(w, n, lease=GOOD, is_fenced=False)
    busy = [p for p in h.phases if p != "-"]
    if mutant == "a flush that forgets":  # it waits for what leaves, not for commits
        busy = [p for p in busy if p not in ("accepted", "unsent")]
    if h.epoch and not busy:
        free = w._replace(owner=-1) if (w.owner, w.epoch) == (n, h.epoch) else w
        if not w.is_taking:
            yield _holder(free, n, epoch=0, phases=("-", "-", "-"))
    old = w.holders[w.owner] if w.owner >= 0 else None
    is_free = old is None or old.lease == OVER or old.is_gone
    locked = old is not None and old.is_alive and "check" in old.phases
    can = is_free and not w.is_taking and (not locked or mutant == "no FOR SHARE")
    if not h.epoch and w.epoch < 2 and not any(p != "-" for p in h.phases):
        if mutant == "losing before the epoch moves" and not w.has_lost_early and can:
            yield _lose(w)._replace(has_lost_early=True)
        elif can and w.owner != n:
            if old is not None:
                w = _holder(w, w.owner, is_fenced=True)
            fresh = Holder(epoch=w.epoch + 1)  # as a worker that registers anew
            holders = tuple(fresh if i == n else x for i, x in enumerate(w.holders))
            yield w._replace(
                holders=holders,
                epoch=w.epoch + 1,
                owner=n,
                is_taking=not w.has_lost_early,
                has_lost_early=False,
            )
    if w.is_taking and w.owner == n:
        yield _lose(w)._replace(is_taking=False)


def _lose(w: World) -> World:
    for m, row in enumerate(w.rows):
        if row.state == "in flight" and (not w.is_taking or row.epoch < w.epoch):
            w = _row(w, m, state="unknown")
    return w


def _suffer(w: World, n: int) -> Iterator[World]:
    """What befalls a holder."""
    h = w.holders[n]
    if h.epoch and h.lease != OVER:
        yield _holder(w, n, lease=h.lease + 1)
    if w.faults and h.epoch:
        if not h.is_gone:
            yield _holder(w, n, is_gone=True)._replace(faults=w.faults - 1)
        if h.is_alive and not (w.is_taking and w.owner == n):
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


def _row(w: World, m: int, **changes: object) -> World:
    rows = tuple(r._replace(**changes) if i == m else r for i, r in enumerate(w.rows))
    return w._replace(rows=rows)


def _holder(w: World, n: int, **changes: object) -> World:
    holders = w.holders
    new = tuple(h._replace(**changes) if i == n else h for i, h in enumerate(holders))
    return w._replace(holders=new)


def _phase(w: World, n: int, m: int, phase: str, **changes: object) -> World:
    old = w.holders[n].phases
    phases = tuple(phase if i == m else p for i, p in enumerate(old))
    return _holder(w, n, phases=phases, **changes)
