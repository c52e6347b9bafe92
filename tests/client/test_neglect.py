"""What is forgotten is told: runs nobody iterates over, clients nobody closes."""

import asyncio
import gc
import subprocess
import sys
from collections.abc import AsyncIterator, Iterable
from textwrap import dedent
from typing import Any

import pytest

from autocalls_async import AutocallsClient, FreeformMessage
from autocalls_async.emulator import Emulator
from tests.needs import MINUTES
from tests.people import ANA, SENDER, hello, hellos

NEVER_BEGUN = r"send_many\(\) was never iterated over"


def client_of(emulator: Emulator) -> AutocallsClient:
    """Make a client that checks no windows."""
    return AutocallsClient(
        "key", base_url=emulator.base_url, sender_id=SENDER, window_check="never"
    )


async def let_go(held: list[Any]) -> None:
    """Drop all that a program holds."""
    held.clear()
    gc.collect()
    await asyncio.sleep(0.05)


async def test_a_run_that_nobody_iterates_over_says_so_when_it_is_dropped(
    emulator: Emulator, caplog: pytest.LogCaptureFixture
) -> None:
    async with client_of(emulator) as client:
        held: list[Any] = [client.send_many([hello()])]
        with pytest.warns(ResourceWarning, match=NEVER_BEGUN):
            await let_go(held)

    assert "never iterated over" in caplog.text
    assert emulator.requests == []


async def test_a_run_that_was_never_begun_says_so_when_its_client_is_closed(
    emulator: Emulator,
) -> None:
    client = client_of(emulator)
    run = client.send_many([hello()])

    with pytest.warns(ResourceWarning, match=NEVER_BEGUN) as caught:
        await client.aclose()
    del run
    gc.collect()

    assert len(caught) == 1


async def test_a_run_that_was_iterated_over_or_stopped_says_nothing(
    emulator: Emulator,
) -> None:
    emulator.customer_writes(ANA)
    async with client_of(emulator) as client:
        begun, stopped = client.send_many([hello()]), client.send_many([hello()])
        stopped.stop()
        outcomes = [outcome async for outcome in begun]
        del begun, stopped
        gc.collect()

    assert len(outcomes) == 1


class Slow:
    """Messages one at a time, by index."""

    def __getitem__(self, index: int) -> FreeformMessage:
        if index:
            raise IndexError
        return hello()


@pytest.mark.parametrize(
    "source",
    [
        pytest.param(hello(), id="one message"),
        pytest.param("hello", id="text"),
        pytest.param(b"hello", id="bytes"),
        pytest.param({ANA: "hello"}, id="a mapping"),
        pytest.param(3, id="a number"),
        pytest.param(None, id="nothing"),
        pytest.param(hellos, id="a generator that was not called"),
    ],
)
async def test_what_cannot_be_iterated_over_is_refused_at_the_call(
    emulator: Emulator,
    source: Any,  # noqa: ANN401  # that is the point
) -> None:
    async with client_of(emulator) as client:
        with pytest.raises(ValueError, match=r"iterable.*; got a \w+$") as caught:
            client.send_many(source)
        with pytest.raises(ValueError, match="iterable"):
            await client.plan(source)

    assert type(source).__name__ in str(caught.value)
    assert emulator.requests == []


async def _asynchronous() -> AsyncIterator[FreeformMessage]:
    yield hello()


@pytest.mark.parametrize(
    "source",
    [
        pytest.param([hello()], id="list"),
        pytest.param((hello(),), id="tuple"),
        pytest.param(iter([hello()]), id="iterator"),
        pytest.param(Slow(), id="by index"),
        pytest.param(_asynchronous(), id="asynchronous generator"),
    ],
)
async def test_whatever_gives_messages_is_taken(
    emulator: Emulator, source: Iterable[FreeformMessage]
) -> None:
    emulator.customer_writes(ANA)
    async with client_of(emulator) as client:
        outcomes = [outcome async for outcome in client.send_many(source)]

    assert len(outcomes) == len(emulator.accepted) == 1


async def test_a_client_that_is_dropped_closes_its_connections_and_says_so(
    emulator: Emulator,
) -> None:
    emulator.customer_writes(ANA)
    client = client_of(emulator)
    await client.send(hello())
    await client.warm()

    held: list[Any] = [client]
    del client
    with pytest.warns(ResourceWarning, match="AutocallsClient was never") as told:
        await let_go(held)
    tasks = [task.get_name() for task in asyncio.all_tasks()]

    assert len(told) == 1
    assert "messages were waiting" not in str(told[0].message)
    assert not any("autocalls" in name for name in tasks)


async def test_a_client_that_was_closed_or_never_used_says_nothing(
    emulator: Emulator,
) -> None:
    unused, closed = client_of(emulator), client_of(emulator)
    await closed.account()
    await closed.aclose()
    assert unused.queue.interactive == 0

    del unused, closed
    gc.collect()
    await asyncio.sleep(0.1)

    assert len(emulator.requests) == 1


PROGRAM = """
import asyncio
from autocalls_async import (AutocallsClient, FreeformMessage)
from autocalls_async.emulator import Emulator

async def main():
    async with Emulator(everyone_is_open=True) as emulator:
        client = AutocallsClient("key", base_url=emulator.base_url, sender_id=12)
        hello = FreeformMessage(recipient_phone="+14155550123", message="hi")
        await forget(client, hello)

async def forget(client, hello):
    {line}

asyncio.run(main())
"""

CLIENT = "ResourceWarning: an AutocallsClient was never closed"
RUN = "ResourceWarning: a run of send_many() was never iterated over"
AWAIT = "RuntimeWarning: coroutine 'AutocallsClient.send' was never awaited"


@pytest.mark.real_time
@pytest.mark.parametrize(
    ("line", "told"),
    [
        pytest.param("await client.send(hello)", [CLIENT], id="aclose"),
        pytest.param(
            "client.send(hello); await client.aclose()",
            [AWAIT],
            id="await",
            marks=MINUTES,
        ),
        pytest.param(
            "client.send_many([hello]); await client.aclose()",
            [RUN],
            id="iteration",
            marks=MINUTES,
        ),
        pytest.param(
            "[asyncio.create_task(client.send(hello)) for _ in range(20)];"
            " await asyncio.sleep(0.3)",
            [CLIENT + ", and 1"],
            id="aclose with a queue",
            marks=MINUTES,
        ),
        pytest.param(
            "await client.warm(); client.windows.note_inbound('+14155550123')",
            [CLIENT],
            id="aclose with spares",
            marks=MINUTES,
        ),
    ],
)
def test_a_forgetful_program_meets_our_own_warnings_and_no_others(
    line: str, told: list[str]
) -> None:
    program = dedent(PROGRAM).format(line=line)

    run = subprocess.run(  # noqa: S603  # our own interpreter
        [sys.executable, "-X", "dev", "-W", "always", "-c", program],
        capture_output=True,
        text=True,
        check=True,
        timeout=50,
    )

    lines = run.stderr.replace("RuntimeWarning: Enable tracemalloc", "").splitlines()
    warnings = [text for text in lines if "Warning: " in text]
    assert len(warnings) == len(told)
    assert all(text in found for text, found in zip(told, warnings, strict=True))
    assert "Unclosed" not in run.stderr
    assert "destroyed" not in run.stderr
