"""What a holder must do outside the database, and mutants of it that are caught."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager

import psycopg
import pytest

from autocalls_async import AutocallsClient, Run, SendLimit, Unsent
from autocalls_async.cluster.protocol.journal import PostgresJournal
from autocalls_async.cluster.protocol.writer import Told, Writer
from autocalls_async.emulator import Emulator
from autocalls_async.journal import Draft, State
from tests.cluster.others import Others
from tests.cluster.support import KEY, hello

pytestmark = [
    pytest.mark.needs("a database"),
    pytest.mark.real_time,
    pytest.mark.xdist_group("database"),
]


@asynccontextmanager
async def _sending(
    others: Others, kind: type[PostgresJournal], count: int
) -> AsyncIterator[tuple[Emulator, Run, PostgresJournal]]:
    """Have a holder send so many messages."""
    database, lease = others.database, await others.lease()
    writer = Writer(database.session("test"))
    journal = kind("acme", database=database, writer=writer, lease=lease)
    await journal.open()
    messages = [hello(str(i), f"+1415555{i:04d}") for i in range(count)]
    try:
        async with Emulator(api_key=KEY, everyone_is_open=True) as emulator:
            client = AutocallsClient(
                KEY, base_url=emulator.base_url, sender_id=12, send_limit=SendLimit(5)
            )
            async with client, asyncio.timeout(20):
                yield emulator, client.send_many(messages, journal=journal), journal
    finally:
        await writer.aclose()


async def _nothing_leaves_once_the_lease_is_over(
    others: Others, *, look: Callable[..., bool] = PostgresJournal.may_leave
) -> None:
    class Journal(PostgresJournal):
        async def intend(self, key: str, **facts: bool) -> None:
            await super().intend(key, **facts)
            self.hold.lease.over.set()  # just after its commit

        may_leave = look

    async with _sending(others, Journal, 1) as (emulator, run, _):
        assert [type(outcome) async for outcome in run] == [Unsent]
    assert emulator.accepted == []


async def test_nothing_leaves_once_the_lease_is_over(others: Others) -> None:
    await _nothing_leaves_once_the_lease_is_over(others)


async def test_no_last_look_is_caught(others: Others) -> None:
    with pytest.raises(AssertionError):
        await _nothing_leaves_once_the_lease_is_over(others, look=lambda *_: True)


class Early(PostgresJournal):
    """A mutant: what is read is claimed for good at once, and not in its turn."""

    async def admit_many(self, drafts: Iterable[Draft]) -> list[State]:
        """Note each intent as the message is added."""
        known = list(drafts)
        states = await super().admit_many(known)
        for draft in known:
            await super().intend(draft.key)
        return states

    async def intend(self, key: str, **_: bool) -> None:
        """Do nothing: it is noted."""


async def _a_crash_loses_what_is_in_flight_alone(
    others: Others, kind: type[PostgresJournal]
) -> None:
    async with _sending(others, kind, 20) as (_, run, journal):
        await anext(aiter(run))
        await others.vanish(journal.hold)
        hold = await others.hold()
    assert hold.lost_count <= 2  # one on its way, and one that waits for its turn


async def test_a_crash_loses_what_is_in_flight_alone(others: Others) -> None:
    await _a_crash_loses_what_is_in_flight_alone(others, PostgresJournal)


async def test_a_claim_at_the_start_is_caught(others: Others) -> None:
    with pytest.raises(AssertionError):
        await _a_crash_loses_what_is_in_flight_alone(others, Early)


class Forgetful(Writer):
    """A mutant: it flushes what waits, and forgets what is being committed."""

    async def flush(self) -> None:
        """Wait only where something waits."""
        if self._told or self._intents:
            await super().flush()


async def _a_flush_waits_for_the_commit_under_way(
    others: Others, kind: type[Writer]
) -> None:
    hold = await others.hold()
    writer = kind(others.database.session("test"))
    missed: list[Told] = []
    await writer.intend(hold, "a", (False, False, False, True))
    blocking = await psycopg.AsyncConnection.connect(others.database.direct)
    await blocking.execute("SELECT 1 FROM autocalls.message WHERE key = 'a' FOR UPDATE")
    writer.settle(Told(hold, "a", ("accepted", "7", *[None] * 4), missed.append))
    await asyncio.sleep(0.2)  # its commit is under way, and waits

    flushing = asyncio.create_task(writer.flush())
    await asyncio.sleep(0.2)
    was_waiting = not flushing.done()
    await blocking.commit()
    await blocking.close()
    await flushing
    states = await others.states()
    await writer.aclose()

    assert was_waiting
    assert states["a"] == "accepted"
    assert not missed


async def test_a_flush_waits_for_the_commit_that_is_under_way(others: Others) -> None:
    await _a_flush_waits_for_the_commit_under_way(others, Writer)


async def test_a_flush_that_forgets_it_is_caught(others: Others) -> None:
    with pytest.raises(AssertionError):
        await _a_flush_waits_for_the_commit_under_way(others, Forgetful)
