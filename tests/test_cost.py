"""What a message costs beside aiohttp itself: counted in one run, never timed.

A call is one of a Python or built-in function, as a profiler counts them.
"""

import asyncio
import gc
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from types import FrameType
from typing import Any

import pytest
from attrs import frozen

from autocalls_async.campaign.reader import READ_AHEAD
from benchmarks.contenders import Connections, Open, ours, ours_many, raw
from benchmarks.fast_server import FastServer, fast_server
from benchmarks.waiting import RUNS

MESSAGES = 150


_COUNTED = {"create_task": "tasks", "call_at": "timers", "call_soon": "steps"}


@frozen
class Cost:
    """What one message took."""

    calls: float
    tasks: float
    timers: float
    steps: float


@contextmanager
def _counting(counts: Counter[str]) -> Iterator[None]:
    """Count calls of any function, and what the running event loop is asked for."""
    loop = asyncio.get_running_loop()

    def counted(name: str, method: Callable[..., Any]) -> Callable[..., Any]:
        def count_and_call(*args: Any, **kwargs: Any) -> Any:  # noqa: ANN401  # passed on
            counts[name] += 1
            return method(*args, **kwargs)

        return count_and_call

    def count_call(_frame: FrameType, event: str, _arg: object) -> None:
        counts["calls"] += event in {"call", "c_call"}

    with ExitStack() as undo:
        for method, name in _COUNTED.items():
            vars(loop)[method] = counted(name, getattr(loop, method))
            undo.callback(vars(loop).pop, method)
        undo.callback(sys.setprofile, None)
        sys.setprofile(count_call)
        yield


async def _cost(contender: Open, url: str, connections: Connections) -> Cost:
    counts: Counter[str] = Counter()
    async with contender(url, connections) as send_all:
        await send_all(100, 10)  # what is made once is made
        with _counting(counts):
            await send_all(MESSAGES, 10)
    return Cost(
        **{name: counts[name] / MESSAGES for name in ("calls", *_COUNTED.values())}
    )


@pytest.fixture(scope="module")
def server() -> Iterator[FastServer]:
    with fast_server() as running:
        yield running


@pytest.fixture(scope="module", params=Connections)
def connections(request: pytest.FixtureRequest) -> Connections:
    """Return what becomes of a connection after a message."""
    found: Connections = request.param
    return found


@pytest.fixture(scope="module")
def plain(server: FastServer, connections: Connections) -> Cost:
    """Return what a message takes with aiohttp itself.

    340 calls on a kept connection and 770 on a fresh one; on CPython 3.13 295 and
    715, where ours makes as many as on 3.11.
    """
    return asyncio.run(_cost(raw, server.url, connections))


def _most_calls(connections: Connections) -> float:
    """Return how many calls a message may take beyond aiohttp's own."""
    most = 130 if connections is Connections.KEPT else 114
    return most if sys.version_info < (3, 12) else most + 50


@contextmanager
def _counting_collections(counts: Counter[int]) -> Iterator[None]:
    """Count the garbage collector's rounds, begun as CPython 3.11 does."""

    def count(phase: str, info: dict[str, int]) -> None:
        counts[info["generation"]] += phase == "start"

    thresholds = gc.get_threshold()
    gc.collect()
    gc.set_threshold(700, 10, 10)
    gc.callbacks.append(count)
    try:
        yield
    finally:
        gc.callbacks.remove(count)
        gc.set_threshold(*thresholds)


async def test_messages_in_hand_are_too_few_objects_to_begin_a_collection() -> None:
    counts: Counter[int] = Counter()
    with _counting_collections(counts):
        await RUNS["send_many"](20 * READ_AHEAD)

    # 700 new objects begin one, and a client makes some; with 11 for each of the 64
    # that are read ahead, there would be one for each 64 messages.
    assert counts.total() <= 12


@pytest.mark.parametrize(
    "contender",
    [
        # Without spares: how many are made depends on the clock, 20 a second at most.
        pytest.param(ours(connect_ahead=False), id="send"),
        pytest.param(ours_many(), id="many"),
    ],
)
def test_a_message_costs_little_more_than_with_aiohttp_itself(
    server: FastServer, plain: Cost, contender: Open, connections: Connections
) -> None:
    our = asyncio.run(_cost(contender, server.url, connections))

    is_fresh = connections is Connections.FRESH
    assert our.calls <= plain.calls + _most_calls(connections)
    assert our.tasks <= plain.tasks + 1.1  # its own
    # Limits of time share one, and aiohttp sets one for each; and one to connect.
    assert our.timers <= plain.timers - (1.9 if is_fresh else 0.9)
    assert our.steps <= plain.steps + 2.1  # it begins, its caller learns of its end


def test_a_message_that_finds_no_spare_costs_little_more_for_having_looked(
    server: FastServer, plain: Cost, connections: Connections
) -> None:
    our = asyncio.run(_cost(ours(), server.url, connections))

    # Each that is made has a task, and is made in place of a message's own connection.
    spares = max(0.0, our.tasks - plain.tasks - (sys.version_info >= (3, 12)))
    assert our.calls <= plain.calls + _most_calls(connections) + 15 + 300 * spares
