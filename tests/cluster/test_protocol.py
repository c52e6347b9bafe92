"""The steps of the protocol in SQL, and what goes wrong where one is mutated."""

import asyncio
import os
import re
import signal
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import TypeAlias

import psycopg
import pytest

from autocalls_async.cli.cluster.postgres import Server
from autocalls_async.cluster.protocol import migrations
from autocalls_async.cluster.protocol.database import Database, Session
from autocalls_async.cluster.protocol.errors import ClusterError, RefusedError
from autocalls_async.cluster.protocol.lease import (
    Hold,
    let_go,
    look_before,
    take,
)
from autocalls_async.cluster.protocol.writer import Told, Writer
from tests.cluster.delaying import halving
from tests.cluster.others import (
    ANA,
    INTEND,
    JOBS,
    PUT,
    WAITING,
    Others,
)

pytestmark = [
    pytest.mark.needs("a database"),
    pytest.mark.real_time,
    pytest.mark.xdist_group("database"),
]


# What each step must do; a scenario raises where it does not


async def _an_old_holder_starts_nothing(others: Others) -> None:
    old = await others.hold()
    await others.vanish(old)
    await others.hold()
    assert not await others.intend(old, "a")


async def _an_old_epoch_of_the_same_worker_starts_nothing(others: Others) -> None:
    old = await others.hold()
    await let_go(others.database, old)
    assert await take(others.database, "acme", old.lease) is not None
    assert not await others.intend(old, "a")


async def _a_taker_sees_each_intent(others: Others) -> None:
    old = await others.hold()
    await others.vanish(old)
    await others.database.fetch("SELECT 1")
    async with await psycopg.AsyncConnection.connect(others.database.direct) as slow:
        values = (old.lease.id, old.epoch, "a")
        await slow.execute(INTEND.encode(), values)
        taking = asyncio.create_task(others.hold())
        await asyncio.sleep(0.3)
        await slow.commit()
        await taking
    assert await others.states() == {"a": "unknown", "b": "new", "c": "new"}


async def _what_is_lost_is_settled_by_its_own_epoch_alone(others: Others) -> None:
    old = await others.hold()
    await others.intend(old, "a")
    await others.vanish(old)
    new = await others.hold()
    await others.database.fetch("UPDATE autocalls.message SET fenced_until = now()")
    await others.database.fetch("SELECT autocalls.resolve('acme', ARRAY['a'], 'new')")
    assert await others.intend(new, "a")
    assert not await others.settle(old, "a", "unsent")
    assert (await others.states())["a"] == "in flight"


async def _a_lease_that_is_over_is_never_renewed(others: Others) -> None:
    old = await others.hold()
    await others.vanish(old)
    await others.hold()
    renew = "SELECT autocalls.renew(%s, 30)"
    assert (await old.lease.session.fetch(renew, old.lease.id))[0][0] is False


async def _what_came_back_late_overtakes_nobody(others: Others) -> None:
    old = await others.hold()
    await others.intend(old, "a")
    await others.intend(old, "c")
    await others.vanish(old)
    await others.hold()
    assert await others.settle(old, "a", "unsent")
    assert await others.settle(old, "c", "unsent")
    assert await others.states() == {"a": "unknown", "b": "new", "c": "unsent"}


async def _a_reply_takes_along_what_was_put_in_before(others: Others) -> None:
    await others.database.fetch(PUT, "interactive", "r", ANA)
    rows = await others.database.fetch(WAITING, "interactive", [], [])
    assert [key for (key,) in rows] == ["a", "b", "r"]
    await others.database.fetch(PUT, "bulk", "later", ANA)
    rows = await others.database.fetch(WAITING, "bulk", [1, 2], [])
    assert [key for (key,) in rows] == ["c"]


async def _what_is_committed_late_is_read_all_the_same(others: Others) -> None:
    async with await psycopg.AsyncConnection.connect(others.database.direct) as slow:
        await slow.execute(PUT.encode(), ("bulk", "late", "+14155550125"))
        await others.database.fetch(PUT, "bulk", "soon", "+14155550126")
        first = await others.database.fetch(WAITING, "bulk", [], [])
        await slow.commit()
    rows = await others.database.fetch(WAITING, "bulk", [1, 2, 3, 5], [])
    assert [key for (key,) in first] == ["a", "b", "c", "soon"]
    assert [key for (key,) in rows] == ["late"]


async def _one_that_came_back_is_waited_for(others: Others) -> None:
    hold = await others.hold()
    assert not await others.intend(hold, "b")
    assert await others.intend(hold, "a")
    await others.settle(hold, "a", "unsent")
    assert not await others.intend(hold, "b")
    assert await others.intend(hold, "a")
    assert await others.intend(hold, "b")


async def _a_lost_holder_is_waited_for_before_it_is_sent_again(others: Others) -> None:
    old = await others.hold()
    await others.intend(old, "a")
    await others.vanish(old)
    await others.hold()
    resolve = "SELECT autocalls.resolve('acme', ARRAY['a'], 'new')"
    with pytest.raises(RefusedError, match="may still hand a message over"):
        await others.database.fetch(resolve)
    await others.database.fetch("UPDATE autocalls.message SET fenced_until = now()")
    await others.database.fetch(resolve)
    assert (await others.states())["a"] == "new"


Scenario: TypeAlias = Callable[[Others], Awaitable[None]]
SCENARIOS: tuple[Scenario, ...] = (
    _an_old_holder_starts_nothing,
    _an_old_epoch_of_the_same_worker_starts_nothing,
    _a_taker_sees_each_intent,
    _what_is_lost_is_settled_by_its_own_epoch_alone,
    _a_lease_that_is_over_is_never_renewed,
    _what_came_back_late_overtakes_nobody,
    _a_reply_takes_along_what_was_put_in_before,
    _what_is_committed_late_is_read_all_the_same,
    _a_lost_holder_is_waited_for_before_it_is_sent_again,
    _one_that_came_back_is_waited_for,
)


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda s: s.__name__.strip("_"))
async def test_the_protocol_does(scenario: Scenario, others: Others) -> None:
    await scenario(others)


MUTANTS: dict[str, tuple[str, str, Scenario]] = {
    "no epoch check": (
        "ON v.name = a.name AND v.epoch = a.epoch",
        "ON v.name = a.name",
        _an_old_epoch_of_the_same_worker_starts_nothing,
    ),
    "no FOR SHARE": ("FOR SHARE OF a)", ")", _a_taker_sees_each_intent),
    "losing before the epoch moves": (
        "    WHERE a.name = _account AND NOT autocalls.is_paused(a) FOR UPDATE OF a;",
        """    WHERE a.name = _account AND NOT autocalls.is_paused(a);
  UPDATE autocalls.message m SET state = 'unknown'
    WHERE m.account = _account AND m.state = 'in flight';""",
        _a_taker_sees_each_intent,
    ),
    "settle without epoch": (
        "WHEN m.epoch = v.epoch AND m.state IN ('in flight', 'unknown') THEN true",
        "WHEN m.state IN ('in flight', 'unknown') THEN true",
        _what_is_lost_is_settled_by_its_own_epoch_alone,
    ),
    "renewal of a lease that is over": (
        "    AND NOT w.is_over AND w.lease_until > clock_timestamp();\n  RETURN FOUND",
        ";\n  RETURN FOUND",
        _a_lease_that_is_over_is_never_renewed,
    ),
    "what came back late goes again": (
        "AND e.person = m.person AND e.id > m.id) AS is_overtaken",
        "AND false) AS is_overtaken",
        _what_came_back_late_overtakes_nobody,
    ),
    "read by cursor": (
        "AND m.id <> ALL (_in_hand) AND m.id <> ALL (_resting) AND NOT EXISTS",
        "AND m.id > coalesce(_in_hand[cardinality(_in_hand)], 0) AND NOT EXISTS",
        _what_is_committed_late_is_read_all_the_same,
    ),
    "a reply leaves its siblings": (
        "WHERE _lane = 'interactive' AND e.lane <> _lane",
        "WHERE false",
        _a_reply_takes_along_what_was_put_in_before,
    ),
    "one in hand overtakes one that came back": (
        """AND e.recipient = m.recipient AND e.id < m.id
        AND e.state IN ('new', 'unsent')))
  RETURNING""",
        "AND false))\n  RETURNING",
        _one_that_came_back_is_waited_for,
    ),
    "resolved while a lost holder may send": (
        "ELSIF _state = 'new' AND _row.is_fenced THEN",
        "ELSIF false THEN",
        _a_lost_holder_is_waited_for_before_it_is_sent_again,
    ),
}


_FUNCTION = re.compile(r"CREATE (?:OR REPLACE )?FUNCTION.*?\$\$.*?\$\$;", re.DOTALL)


@contextmanager
def _mutated(database: Database, old: str, new: str) -> Iterator[None]:
    """Put a mutant of a function in the place of the real one."""
    functions = _FUNCTION.findall("".join(migrations.steps().values()))
    real = [one for one in functions if old in one][-1]
    statements = real.replace(old, new)
    if not real.startswith("CREATE OR REPLACE"):
        statements = statements.replace("CREATE", "CREATE OR REPLACE", 1)
    with psycopg.connect(database.direct, autocommit=True) as connection:
        connection.execute(statements.encode())
    yield


@pytest.mark.parametrize("mutant", MUTANTS)
async def test_the_real_thing_catches_each_mutant(mutant: str, others: Others) -> None:
    old, new, scenario = MUTANTS[mutant]

    with (
        _mutated(others.database, old, new),
        pytest.raises((AssertionError, pytest.fail.Exception)),
    ):
        await scenario(others)


async def test_an_intent_that_was_cancelled_before_its_commit_is_not_made(
    others: Others,
) -> None:
    hold = await others.hold()
    writer = Writer(others.database.session("test"))
    intent = writer.intend(hold, "a", (False, False, False, True))
    intent.cancel()
    await writer.flush()
    await writer.aclose()

    assert (await others.states())["a"] == "new"


async def test_what_is_let_go_of_with_work_left_gets_a_job(
    others: Others, database: Database
) -> None:
    await database.fetch("DELETE FROM procrastinate_jobs")
    hold = await others.hold()
    await let_go(database, hold)

    assert await database.value(JOBS) == 1
    assert await others.intend(hold, "a") is False


async def test_a_paused_account_is_neither_taken_nor_sent_for(
    others: Others, database: Database
) -> None:
    hold = await others.hold()
    await database.fetch("SELECT autocalls.pause('acme', 'an audit')")

    assert not await others.intend(hold, "a")
    await let_go(database, hold)
    assert await take(database, "acme", await others.lease()) is None
    await database.fetch("SELECT autocalls.pause('acme', 'for a moment', NULL, 0.0)")
    assert await take(database, "acme", await others.lease()) is not None


async def test_what_a_broken_line_left_under_way_is_over_before_the_next_commit(
    others: Others, server: Server
) -> None:
    async with halving(server.port) as (port, cut):
        dsn = others.database.direct.replace(f":{server.port}/", f":{port}/")
        hold, session = await others.hold(), Session(dsn, name="autocalls writer")
        writer = Writer(session)
        assert await writer.intend(hold, "a", (False, False, False, True))
        pid = (await session.connect()).info.backend_pid
        blocking = await psycopg.AsyncConnection.connect(others.database.direct)
        await blocking.execute("SELECT 1 FROM autocalls.message FOR UPDATE")
        missed: list[Told] = []
        writer.settle(Told(hold, "a", ("unsent", *[None] * 5), missed.append))
        await asyncio.sleep(0.3)  # its commit is under way, and waits
        os.kill(pid, signal.SIGSTOP)
        cut()
        await blocking.close()
        intent = writer.intend(hold, "a", (False, False, False, True))
        await asyncio.wait([intent], timeout=1.0)
        was_early = intent.done() and intent.exception() is None
        os.kill(pid, signal.SIGCONT)
        again = intent if was_early else await _again(writer, hold, intent)
        assert await again
        await asyncio.sleep(0.3)
        state = (await others.states())["a"]
        await writer.aclose()

    assert state == "in flight"
    assert not was_early


async def _again(
    writer: Writer, hold: Hold, intent: "asyncio.Future[bool]"
) -> "asyncio.Future[bool]":
    """Note an intent again, where the line broke under it."""
    try:
        await intent
    except ClusterError:
        return writer.intend(hold, "a", (False, False, False, True))
    return intent


@pytest.mark.parametrize(
    ("state", "number", "may_leave_yet"),
    [
        ("accepted", "7", False),
        ("rejected", None, False),
        ("unsent", None, False),
        pytest.param("accepted", None, True, id="resolved by a user"),
        pytest.param("new", None, True, id="to be sent again"),
        ("unknown", None, True),
    ],
)
async def test_a_taker_is_quiet_for_what_may_leave_yet_and_paced_by_all_else(
    others: Others, *, state: str, number: str | None, may_leave_yet: bool
) -> None:
    sql = """UPDATE autocalls.message SET state = %s, whatsapp_message_id = %s,
    intended_at = clock_timestamp() + interval '100 s',
    settled_at = clock_timestamp() - interval '50 s' WHERE key = 'a'"""
    await others.database.fetch(sql, state, number)
    hold = await others.hold()

    before = await look_before(others.database, hold, per=200.0)
    old = await look_before(others.database, hold, per=10.0)

    assert before.wait_seconds == pytest.approx(101 if may_leave_yet else 0, abs=30)
    assert list(before.ended) == [pytest.approx(50, abs=30)]
    assert not old.ended


async def test_what_was_in_flight_keeps_its_taker_quiet(others: Others) -> None:
    old = await others.hold()
    assert await others.intend(old, "a")
    await others.vanish(old)
    sql = (
        "UPDATE autocalls.message SET intended_at = clock_timestamp() + interval '9 s'"
    )
    await others.database.fetch(sql)

    new = await others.hold()

    assert new.wait_seconds > 0
    assert (await look_before(others.database, new, per=1.0)).wait_seconds > 0
