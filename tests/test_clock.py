"""Alarms that share a timer, and the limits of time that stand on them."""

import asyncio
from collections import Counter
from collections.abc import Callable
from contextvars import ContextVar
from functools import partial
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autocalls_async.clock import Alarms, TimeLimit, loop_time
from autocalls_async.testing import run

Timers = Counter[str]


@pytest.fixture
def timers(monkeypatch: pytest.MonkeyPatch) -> Timers:
    """Count the timers that the loop is asked for."""
    counts: Timers = Counter()
    call_at = asyncio.BaseEventLoop.call_at

    def count_and_call(*args: Any, **how: Any) -> Any:  # noqa: ANN401  # passed on
        counts["set"] += 1
        return call_at(*args, **how)

    monkeypatch.setattr(asyncio.BaseEventLoop, "call_at", count_and_call)
    return counts


def noting(seen: list[tuple[str, float]], name: str) -> Callable[[], None]:
    """Return what notes a name, and when it was called."""
    return lambda: seen.append((name, loop_time()))


async def test_each_is_called_at_its_instant_whatever_their_order() -> None:
    alarms, seen, began_at = Alarms(), list[tuple[str, float]](), loop_time()

    for name, seconds in (("b", 2.0), ("a", 1.0), ("c", 3.0), ("a too", 1.0)):
        alarms.set(began_at + seconds, noting(seen, name))
    await asyncio.sleep(10)

    assert [name for name, _ in seen] == ["a", "a too", "b", "c"]
    assert [at - began_at for _, at in seen] == pytest.approx([1, 1, 2, 3])


async def test_one_that_is_called_off_is_not_called() -> None:
    alarms, seen = Alarms(), list[tuple[str, float]]()
    number = alarms.set(loop_time() + 1, noting(seen, "off"))
    alarms.set(loop_time() + 1, noting(seen, "on"))

    alarms.call_off(number)
    await asyncio.sleep(10)
    alarms.call_off(number)

    assert [name for name, _ in seen] == ["on"]


async def test_a_thousand_limits_that_are_not_reached_take_one_timer(
    timers: Timers,
) -> None:
    alarms = Alarms()

    for _ in range(1000):
        alarms.call_off(alarms.set(loop_time() + 30, lambda: None))

    assert timers["set"] == 1
    assert len(alarms._heap) < 64  # noqa: SLF001  # what was called off is let go


def fail() -> None:
    """Fail, as no alarm of ours does."""
    raise ValueError


async def test_one_that_fails_takes_no_other_with_it() -> None:
    alarms, seen = Alarms(), list[tuple[str, float]]()
    faults: list[dict[str, Any]] = []
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda _, context: faults.append(context))
    alarms.set(loop_time() + 1, fail)
    alarms.set(loop_time() + 1, noting(seen, "at once"))
    alarms.set(loop_time() + 2, noting(seen, "later"))

    await asyncio.sleep(10)

    assert [name for name, _ in seen] == ["at once", "later"]
    assert [type(fault["exception"]) for fault in faults] == [ValueError]


async def test_one_may_set_the_next() -> None:
    alarms, seen = Alarms(), list[tuple[str, float]]()

    def again() -> None:
        seen.append(("again", loop_time()))
        alarms.set(loop_time() + 1, noting(seen, "next"))

    alarms.set(loop_time() + 1, again)
    await asyncio.sleep(10)

    assert [name for name, _ in seen] == ["again", "next"]


async def test_closed_ones_call_nothing_and_leave_no_timer() -> None:
    alarms, seen = Alarms(), list[tuple[str, float]]()
    alarms.set(loop_time() + 1, noting(seen, "closed"))

    alarms.close()
    await asyncio.sleep(10)

    assert seen == []


who: ContextVar[str] = ContextVar("who", default="nobody")


async def test_the_shared_timer_keeps_nobody_s_context() -> None:
    alarms, seen = Alarms(), list[str]()

    who.set("Ana's request")
    alarms.set(loop_time() + 1, lambda: seen.append(who.get()))
    await asyncio.sleep(2)

    assert seen == ["nobody"]


@given(
    st.lists(st.tuples(st.integers(0, 20), st.booleans()), max_size=200),
)
def test_whatever_is_set_and_called_off_the_rest_is_called_in_time(
    given_alarms: list[tuple[int, bool]],
) -> None:
    called: list[tuple[int, float]] = []

    def note(seconds: int, began_at: float) -> None:
        called.append((seconds, loop_time() - began_at))

    async def set_all() -> None:
        alarms, began_at = Alarms(), loop_time()
        for seconds, is_off in given_alarms:
            number = alarms.set(began_at + seconds, partial(note, seconds, began_at))
            if is_off:
                alarms.call_off(number)
        await asyncio.sleep(30)

    run(set_all())

    assert sorted(s for s, _ in called) == sorted(
        s for s, is_off in given_alarms if not is_off
    )
    assert all(s == pytest.approx(at, abs=1e-4) for s, at in called)


# Limits


async def test_what_takes_too_long_is_ended_in_time() -> None:
    began_at = loop_time()

    with pytest.raises(TimeoutError), TimeLimit(Alarms(), 5.0):
        await asyncio.sleep(60)

    assert loop_time() - began_at == pytest.approx(5)


async def test_what_ends_in_time_is_left_alone() -> None:
    with TimeLimit(Alarms(), 5.0):
        await asyncio.sleep(4)
    await asyncio.sleep(60)

    task = asyncio.current_task()
    assert task is not None
    assert task.cancelling() == 0


async def test_its_own_failure_is_told_and_not_the_time() -> None:
    failing = asyncio.get_running_loop().create_future()
    asyncio.get_running_loop().call_later(4, failing.set_exception, ValueError("own"))

    with pytest.raises(ValueError, match="own"), TimeLimit(Alarms(), 5.0):
        await failing


async def limited(seconds: float) -> None:
    """Wait for a minute within a limit of time."""
    with TimeLimit(Alarms(), seconds):
        await asyncio.sleep(60)


async def test_a_waiter_who_is_cancelled_is_cancelled_and_not_late() -> None:
    waiting = asyncio.create_task(limited(5.0))
    await asyncio.sleep(1)
    waiting.cancel()

    await asyncio.wait([waiting])

    assert waiting.cancelled()


@pytest.mark.parametrize("first", ["the limit", "the caller"])
async def test_a_waiter_who_is_cancelled_in_the_moment_of_its_limit_is_cancelled(
    first: str,
) -> None:
    loop = asyncio.get_running_loop()
    if first == "the limit":
        waiting = asyncio.create_task(limited(5.0))
        await asyncio.sleep(0)
        loop.call_at(loop_time() + 5.0, waiting.cancel)
    else:
        waiting = asyncio.create_task(limited(5.0))
        loop.call_at(loop_time() + 5.0, waiting.cancel)

    await asyncio.wait([waiting])

    assert waiting.cancelled()


async def test_one_within_a_task_that_was_cancelled_before_still_ends_in_time() -> None:
    async def clean_up() -> str:
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            with pytest.raises(TimeoutError):
                await limited(5.0)
            return "ended in time"
        return "was not cancelled"

    cleaning = asyncio.create_task(clean_up())
    await asyncio.sleep(1)
    cleaning.cancel()

    assert await cleaning == "ended in time"
