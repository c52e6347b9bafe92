"""How a run with a journal reads its source: together, and no further than served."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterable, Iterator

import pytest

from autocalls_async import AutocallsClient, FreeformMessage, RunStoppedError
from autocalls_async.emulator import Emulator
from autocalls_async.journal import Draft, MemoryJournal, State
from tests.people import hello, hellos, open_windows, people


class Counting(MemoryJournal):
    """Notes how many messages each admission had."""

    def __init__(self) -> None:
        super().__init__()
        self.admitted: list[int] = []

    async def admit_many(self, drafts: Iterable[Draft]) -> list[State]:
        """Admit them."""
        batch = list(drafts)
        self.admitted.append(len(batch))
        return await super().admit_many(batch)


async def test_messages_share_an_admission_and_the_source_is_not_read_ahead(
    client: AutocallsClient, emulator: Emulator
) -> None:
    recipients = people(150)
    open_windows(emulator, recipients)
    taken = done = most_ahead = 0

    def source() -> Iterator[FreeformMessage]:
        nonlocal taken
        for message in hellos(recipients):
            taken += 1
            yield message

    async with Counting() as journal:
        async for _ in client.send_many(source(), journal=journal):
            done += 1
            most_ahead = max(most_ahead, taken - done)

    assert done == sum(journal.admitted) == 150
    assert most_ahead <= 64
    assert len(journal.admitted) <= 150 / 16 + 1


async def test_an_async_source_that_is_slow_has_each_message_sent_at_once(
    client: AutocallsClient, emulator: Emulator
) -> None:
    recipients = people(20)
    open_windows(emulator, recipients)

    async def source() -> AsyncIterator[FreeformMessage]:
        for number, recipient in enumerate(recipients):
            assert len(emulator.accepted) == number
            yield hello(recipient)
            await asyncio.sleep(60)

    async with Counting() as journal:
        run = client.send_many(source(), journal=journal)
        outcomes = [outcome async for outcome in run]

    assert len(outcomes) == 20
    assert journal.admitted == [1] * 20


@pytest.mark.real_time
async def test_a_source_that_blocks_has_what_it_gave_sent_meanwhile(
    client: AutocallsClient, emulator: Emulator
) -> None:
    recipients = people(12)
    open_windows(emulator, recipients)
    accepted_counts: list[int] = []

    def source() -> Iterator[FreeformMessage]:
        for recipient in recipients:
            accepted_counts.append(len(emulator.accepted))
            time.sleep(0.12)  # a query to a database
            yield hello(recipient)

    async with Counting() as journal:
        run = client.send_many(source(), journal=journal)
        outcomes = [outcome async for outcome in run]

    assert len(outcomes) == 12
    assert journal.admitted == [1] * 12
    assert accepted_counts[-1] > 0


async def test_a_run_that_waits_for_room_can_be_stopped_and_left(
    client: AutocallsClient, emulator: Emulator
) -> None:
    recipients = people(300)
    open_windows(emulator, recipients)

    async with Counting() as journal:
        run = client.send_many(hellos(recipients), journal=journal)
        outcomes = aiter(run)
        await anext(outcomes)
        await asyncio.sleep(3600)  # all that was taken has ended, and nobody takes it
        taken_count = run.progress.taken
        run.stop()
        with pytest.raises(RunStoppedError):
            _ = [outcome async for outcome in outcomes]

    assert taken_count == sum(journal.admitted) == 64
    assert len(emulator.accepted) == run.progress.accepted == 64


async def test_a_run_that_is_cancelled_while_it_waits_for_room_ends(
    client: AutocallsClient, emulator: Emulator
) -> None:
    recipients = people(300)
    open_windows(emulator, recipients)

    async def take_slowly() -> None:
        async for _ in client.send_many(hellos(recipients), journal=journal):
            await asyncio.sleep(60)

    async with Counting() as journal:
        taker = asyncio.create_task(take_slowly())
        await asyncio.sleep(300)
        taker.cancel()
        await asyncio.wait([taker])
        counts = await journal.counts()

    assert taker.cancelled()
    assert counts[State.ACCEPTED] == len(emulator.accepted) == 64
    assert counts[State.NEW] == counts[State.IN_FLIGHT] == 0
