"""The clock: all of the emulator reads it, and it only moves forward."""

import asyncio
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autocalls_async.emulator import Delay, Emulator
from autocalls_async.emulator.clock import Clock
from autocalls_async.emulator.home import HomeLoop
from autocalls_async.testing import run
from tests.emulator.asking import FREEFORM, ME, PHONE, SEND_FREEFORM, Caller, status_of


async def test_a_jump_moves_windows_dates_and_limits(
    emulator: Emulator, caller: Caller
) -> None:
    emulator.customer_writes(PHONE)
    began = emulator.now()
    for _ in range(5):
        assert (await caller.post(SEND_FREEFORM, FREEFORM)).status == 200
    assert (await caller.post(SEND_FREEFORM, FREEFORM)).status == 429

    emulator.advance(86_000)

    assert (await caller.post(SEND_FREEFORM, FREEFORM)).status == 200
    status = (await caller.get(status_of())).body["session_status"]
    assert status["minutes_remaining"] == 6
    assert (emulator.now() - began).total_seconds() == pytest.approx(86_000, abs=1)
    emulator.advance(400)
    assert (await caller.post(SEND_FREEFORM, FREEFORM)).status == 403


async def test_a_date_of_ones_own_moves_too() -> None:
    noon = datetime(2030, 1, 1, 12, tzinfo=UTC)
    async with Emulator(now=lambda: noon) as emulator:
        emulator.advance(60)

        assert (emulator.now() - noon).total_seconds() == 60


async def test_a_delay_ends_when_the_clock_is_moved_over_it(
    emulator: Emulator, caller: Caller
) -> None:
    emulator.fail_next(1, Delay(3600.0))
    began = asyncio.get_running_loop().time()
    asking = asyncio.create_task(caller.get(ME))
    await asyncio.sleep(1)

    emulator.advance(3600)
    answer = await asking

    assert answer.status == 200
    assert asyncio.get_running_loop().time() - began < 2


@pytest.mark.parametrize("seconds", [-1.0, float("nan"), float("inf"), 1e12])
async def test_the_clock_goes_forward_alone(seconds: float, emulator: Emulator) -> None:
    with pytest.raises(ValueError, match="forward"):
        emulator.advance(seconds)


@given(
    dues=st.lists(st.floats(0, 100), max_size=20),
    jumps=st.lists(st.floats(0, 60), max_size=6),
)
def test_steps_are_taken_once_in_their_order_and_none_too_soon(
    dues: list[float], jumps: list[float]
) -> None:
    taken: list[tuple[float, float]] = []

    async def main() -> None:
        home = HomeLoop()
        home.open()
        clock = Clock(home, None)
        clock.start()
        for due in dues:
            clock.call_at(due, lambda due: taken.append((due, clock.time())))
        for jump in jumps:
            clock.advance(jump)
            await asyncio.sleep(0.5)
        await asyncio.sleep(200)
        clock.stop()

    run(main())
    assert [due for due, _ in taken] == sorted(dues)
    assert all(at >= due - 1e-5 for due, at in taken)


async def test_a_sleep_that_is_cancelled_leaves_no_step() -> None:
    home = HomeLoop()
    home.open()
    clock = Clock(home, None)
    clock.start()
    sleeping = asyncio.create_task(clock.sleep(60))
    await asyncio.sleep(1)

    sleeping.cancel()
    await asyncio.gather(sleeping, return_exceptions=True)
    clock.advance(120)
    await asyncio.sleep(1)

    assert sleeping.cancelled()
