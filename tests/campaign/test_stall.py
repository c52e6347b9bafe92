"""What a service that answers nothing for long makes of a campaign."""

import asyncio
from random import Random

import pytest

from autocalls_async import AutocallsClient, Progress, Run, RunStoppedError
from autocalls_async.emulator import Delay, Emulator, Endpoint, Stall
from tests.needs import some_at_once
from tests.people import SENDER, hellos, open_windows, people

BEGINS = 20.0
FOREVER = 1e6
MESSAGES = 250


async def finish(run: Run) -> Progress:
    """Take every outcome."""
    async for _ in run:
        pass
    return run.progress


def stall(emulator: Emulator, seconds: float, *, after_acting: bool) -> None:
    """Withhold all answers, or the requests, for as long from `BEGINS` on."""
    rng, clock = Random(3), asyncio.get_running_loop().time
    begins = clock() + BEGINS

    def choose(_: Endpoint) -> Delay | Stall | None:
        left = begins + seconds - clock()
        if clock() < begins or left <= 0:
            return None
        if seconds == FOREVER:
            return Stall(after_acting=after_acting)
        return Delay(left, after_acting=after_acting)

    emulator.before_counting = lambda _: rng.uniform(0.005, 0.06)
    emulator.choose_fault = choose


def client_of(emulator: Emulator) -> AutocallsClient:
    """Make a client that checks no windows."""
    return AutocallsClient(
        "key", base_url=emulator.base_url, sender_id=SENDER, window_check="never"
    )


@pytest.mark.parametrize("after_acting", [True, False], ids=["answers", "requests"])
@pytest.mark.parametrize(
    "seconds", some_at_once([30.0, 60.0, 90.0], {90.0}.__contains__)
)
async def test_a_minute_without_answers_makes_few_unknowns_and_the_run_goes_on(
    emulator: Emulator, seconds: float, *, after_acting: bool
) -> None:
    recipients = people(MESSAGES)
    open_windows(emulator, recipients)
    stall(emulator, seconds, after_acting=after_acting)
    begun_at = asyncio.get_running_loop().time()

    async with client_of(emulator) as client:
        end = await finish(client.send_many(hellos(recipients)))

    took = asyncio.get_running_loop().time() - begun_at
    assert end.accepted + end.unknown == MESSAGES
    assert end.unknown <= (0 if seconds <= 60 else 9)
    assert took < seconds + MESSAGES / 5 * 1.1
    assert emulator.duplicates() == []


@pytest.mark.parametrize("after_acting", [True, False], ids=["answers", "requests"])
async def test_a_stall_that_does_not_end_stops_the_run_after_few_unknowns(
    emulator: Emulator, *, after_acting: bool
) -> None:
    recipients = people(MESSAGES)
    open_windows(emulator, recipients)
    stall(emulator, FOREVER, after_acting=after_acting)

    async with client_of(emulator) as client:
        run = client.send_many(hellos(recipients))
        with pytest.raises(RunStoppedError, match="10 of the last 20 messages"):
            await finish(run)

    end = run.progress
    assert 10 <= end.unknown <= 15
    assert end.rejected == 0
    assert end.taken == end.accepted + end.unknown + end.unsent < MESSAGES
