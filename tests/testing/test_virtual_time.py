"""The loop's clock: what moves it, what holds it, and what ends a stall."""

import asyncio
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import pytest
from aiolimiter import AsyncLimiter

from autocalls_async.testing import StalledError, VirtualTimeLoop, run, wall_clock


@contextmanager
def real_seconds_below(limit: float) -> Iterator[None]:
    began = time.perf_counter()
    yield
    assert time.perf_counter() - began < limit


def clock() -> float:
    return asyncio.get_running_loop().time()


async def test_a_day_of_sleep_passes_in_less_than_a_second() -> None:
    began = clock()

    with real_seconds_below(1.0):
        await asyncio.sleep(86_400)

    assert clock() - began == pytest.approx(86_400, abs=0.001)


async def test_timers_fire_in_the_order_and_at_the_time_they_are_due() -> None:
    began = clock()
    fired: list[tuple[float, float]] = []

    async def wait(seconds: float) -> None:
        await asyncio.sleep(seconds)
        fired.append((seconds, clock() - began))

    async with asyncio.TaskGroup() as group:
        for seconds in (3.0, 0.001, 7200.0, 0.5, 200_000.0):
            group.create_task(wait(seconds))

    assert [seconds for seconds, _ in fired] == [0.001, 0.5, 3.0, 7200.0, 200_000.0]
    assert all(at == pytest.approx(seconds, abs=0.001) for seconds, at in fired)


async def test_a_timeout_fires_at_its_virtual_time() -> None:
    began = clock()

    with pytest.raises(TimeoutError):
        async with asyncio.timeout(3600):
            await asyncio.Event().wait()

    assert clock() - began == pytest.approx(3600, abs=0.001)


async def test_code_that_spins_until_a_time_gets_there() -> None:
    began = clock()

    while clock() < began + 0.01:  # noqa: ASYNC110 - the spinning is the point
        await asyncio.sleep(0)

    assert clock() - began == pytest.approx(0.01, abs=0.001)


@pytest.mark.parametrize("begins", [0.0, 1e7], ids=["young loop", "old loop"])
async def test_many_waiters_on_one_limiter_leave_at_its_pace(begins: float) -> None:
    await asyncio.sleep(begins)
    limiter = AsyncLimiter(1, 0.2)
    granted: list[float] = []

    async def acquire() -> None:
        await limiter.acquire()
        granted.append(clock())

    with real_seconds_below(10):
        async with asyncio.TaskGroup() as group:
            for _ in range(600):
                group.create_task(acquire())

    assert granted[-1] - granted[0] == pytest.approx(119.9, abs=0.1)
    assert len(granted) == 600


async def test_the_clock_stands_while_a_call_is_out_in_an_executor() -> None:
    began = clock()
    other = asyncio.create_task(asyncio.sleep(1))

    await asyncio.to_thread(time.sleep, 0.05)

    assert clock() - began < 0.001
    assert not other.done()
    await other


async def test_the_clock_moves_again_after_a_call_failed_or_was_cancelled() -> None:
    loop = asyncio.get_running_loop()
    began = clock()
    release = threading.Event()

    with pytest.raises(ZeroDivisionError):
        await loop.run_in_executor(None, divmod, 1, 0)
    call = loop.run_in_executor(None, release.wait)
    call.cancel()
    release.set()
    await asyncio.sleep(5)

    assert clock() - began == pytest.approx(5, abs=0.001)


def test_the_end_of_a_run_waits_for_the_threads_it_started() -> None:
    begun, done = threading.Event(), threading.Event()

    def work() -> None:
        begun.set()
        time.sleep(0.05)
        done.set()

    async def main() -> None:
        call = asyncio.get_running_loop().run_in_executor(None, work)
        begun.wait()
        call.cancel()

    with asyncio.Runner(
        loop_factory=lambda: VirtualTimeLoop(stall_seconds=0.01)
    ) as runner:
        runner.run(main())

    assert done.is_set()


async def test_a_call_from_another_thread_wakes_a_loop_without_timers() -> None:
    loop = asyncio.get_running_loop()
    woken = asyncio.Event()

    thread = threading.Timer(0.05, loop.call_soon_threadsafe, [woken.set])
    thread.start()
    await woken.wait()

    thread.join()
    assert woken.is_set()


async def test_a_signal_wakes_a_loop_without_timers() -> None:
    loop = asyncio.get_running_loop()
    woken = asyncio.Event()

    loop.add_signal_handler(signal.SIGUSR1, woken.set)
    thread = threading.Timer(0.05, signal.raise_signal, [signal.SIGUSR1])
    thread.start()
    await woken.wait()

    thread.join()
    assert loop.remove_signal_handler(signal.SIGUSR1)


def test_a_stall_is_an_error_that_names_who_waits_and_where() -> None:
    async def main() -> None:
        await asyncio.Event().wait()

    with asyncio.Runner(
        loop_factory=lambda: VirtualTimeLoop(stall_seconds=0.05)
    ) as runner:
        with pytest.raises(
            StalledError, match=r"in 0\.05 s; waiting: Task-\d+ at .*test_virt"
        ):
            runner.run(main())

        assert runner.run(asyncio.sleep(1, "goes on")) == "goes on"


def test_run_returns_what_the_coroutine_returns_in_debug_mode_too() -> None:
    async def main() -> tuple[bool, float]:
        await asyncio.sleep(3600)
        return asyncio.get_running_loop().get_debug(), clock()

    debug, seconds = run(main(), debug=True)

    assert debug
    assert seconds == pytest.approx(3600, abs=0.001)


def test_two_runs_see_the_same_times() -> None:
    async def main() -> list[float]:
        limiter, times = AsyncLimiter(1, 0.2), []
        for _ in range(50):
            async with limiter:
                times.append(clock())
        return times

    assert run(main()) == run(main())


async def test_the_wall_clock_moves_with_the_clock_of_the_loop(
    now: Callable[[], datetime],
) -> None:
    begins_at = datetime(2026, 11, 22, 12, tzinfo=UTC)
    chosen, default = wall_clock(begins_at), now()

    await asyncio.sleep(86_400)

    assert chosen() - begins_at == pytest.approx(
        timedelta(days=1), abs=timedelta(milliseconds=1)
    )
    assert now() - default == pytest.approx(
        timedelta(days=1), abs=timedelta(milliseconds=1)
    )
    assert now().tzinfo is UTC


@pytest.mark.real_time
async def test_a_test_marked_real_time_runs_on_the_real_clock() -> None:
    assert not isinstance(asyncio.get_running_loop(), VirtualTimeLoop)
