"""What asyncio itself logs of us: tasks, futures and handles, each by its `repr`.

It does so of a task that is destroyed while it is pending, and in debug mode of each
step that took long: nothing that they lead to may show a number or a text.
"""

import asyncio
import gc
import logging
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from functools import partial, wraps
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from autocalls_async import (
    AutocallsClient,
    FreeformMessage,
    TemplateFallback,
    TemplateMessage,
)
from autocalls_async.emulator import Emulator, Endpoint, Stall
from tests.http.test_transport import client_of
from tests.needs import some_at_once
from tests.people import open_windows

TEXT = "for nobody's eyes"
RECIPIENTS = [f"+49307{654_000 + number}" for number in range(40)]


def message(recipient: str) -> FreeformMessage:
    """Write a text that must not be seen, under a key that must not be either."""
    return FreeformMessage(
        recipient_phone=recipient,
        message=TEXT,
        key=f"{recipient} in May",
        fallback=TemplateFallback(template_id=4, variables={"1": TEXT}),
    )


def shown(words: str) -> list[str]:
    """Return what somebody's words show of what is nobody's business."""
    # asyncio cuts reprs in their middle, and shows how they end.
    secrets = [*(recipient[-7:] for recipient in RECIPIENTS), TEXT]
    return [secret for secret in secrets if secret in words]


def is_asyncios(found: object) -> bool:
    """Whether asyncio may log it."""
    return isinstance(type(found), type) and issubclass(
        type(found), asyncio.Future | asyncio.Handle | partial
    )


def reprs() -> list[str]:
    """Return how each task, future and handle that there is would be logged."""
    return [repr(found) for found in gc.get_objects() if is_asyncios(found)]


@pytest.fixture
async def busy(
    emulator: Emulator, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> AsyncIterator[AutocallsClient]:
    """Open a client with messages in each lane and at each stage, in debug mode."""
    caplog.set_level(logging.DEBUG, "asyncio")
    loop = asyncio.get_running_loop()
    loop.set_debug(True)
    loop.slow_callback_duration = 0.0
    open_windows(emulator, RECIPIENTS)
    emulator.fail_next(2, Stall(), endpoint=Endpoint.SEND_FREEFORM)
    client = client_of(
        emulator.base_url, drain_timeout=0.0, window_check="auto", observer=str
    )

    async def run(**settings: Any) -> None:  # noqa: ANN401  # those of `send_many`
        messages = [message(r) for r in RECIPIENTS]
        with suppress(Exception):  # it is stopped in the midst
            async for _ in client.send_many(messages, **settings):
                pass

    calls = [
        run(),
        run(journal=tmp_path / "run.db", window_check="always"),
        *(client.send(message(r)) for r in RECIPIENTS),
        *(
            client.send(
                TemplateMessage(recipient_phone=r, template_id=4, variables={"1": TEXT})
            )
            for r in RECIPIENTS[:5]
        ),
        *(client.session_status(r) for r in RECIPIENTS[:30]),
    ]
    tasks = [asyncio.create_task(call) for call in calls]
    await asyncio.sleep(3.05)
    yield client
    await client.aclose()
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    loop.set_debug(False)


async def test_nothing_that_asyncio_may_log_or_logs_shows_a_number_or_a_text(
    busy: AutocallsClient, caplog: pytest.LogCaptureFixture
) -> None:
    found = reprs()

    assert busy.queue.interactive > 10
    assert busy.queue.bulk > 10
    assert busy.queue.in_flight > 0
    assert any("Shipment object" in one for one in found)
    assert any("TimerHandle" in one for one in found)
    assert [one for one in found if shown(one)] == []

    await asyncio.sleep(2)
    await busy.aclose()

    records = [*caplog.get_records("setup"), *caplog.get_records("call")]
    lines = [r.getMessage() for r in records if r.name == "asyncio"]
    assert any("Sends._bring" in line for line in lines)
    assert [line for line in lines if shown(line)] == []


async def test_nor_does_anything_of_a_request_on_its_detour(
    emulator: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    original: Callable[..., Any] = aiohttp.ClientSession._request  # noqa: SLF001  # as tracers do

    @wraps(original)
    async def traced(*args: object, **options: object) -> object:
        return await original(*args, **options)

    monkeypatch.setattr(aiohttp.ClientSession, "_request", traced)
    async with client_of(emulator.base_url, drain_timeout=0.0) as client:
        sends = [asyncio.create_task(client.send(message(r))) for r in RECIPIENTS]
        asks = [asyncio.create_task(client.session_status(r)) for r in RECIPIENTS]
        await asyncio.sleep(0.5)
        found = reprs()
    await asyncio.gather(*sends, *asks, return_exceptions=True)

    assert any("autocalls detour" in one for one in found)
    assert [one for one in found if shown(one)] == []


_DROPPED = """
import asyncio, gc
from autocalls_async import (AutocallsClient)
from autocalls_async.emulator import Emulator

async def main(sends):
    emulator = await Emulator().__aenter__()
    client = AutocallsClient("key", base_url=emulator.base_url, sender_id=12)
    for number in range(20):
        phone = f"+49307{654_000 + number}"
        emulator.customer_writes(phone)
        sends.append(asyncio.ensure_future(
            client.send_freeform(phone, "for nobody's eyes")
        ))
        sends.append(asyncio.ensure_future(client.session_status(phone)))
    await asyncio.sleep(0.5)

sends = []
loop = asyncio.new_event_loop()
loop.run_until_complete(main(sends))
loop.close()
del loop, sends
gc.collect()
"""


@pytest.mark.parametrize(
    "option", some_at_once(["-Wdefault", "-Xdev"], {"-Xdev"}.__contains__)
)
def test_nor_does_what_asyncio_says_of_a_task_that_is_destroyed(option: str) -> None:
    done = subprocess.run(  # noqa: S603  # our own words
        [sys.executable, option, "-c", _DROPPED],
        capture_output=True,
        text=True,
        check=True,
    )

    assert "Task was destroyed but it is pending" in done.stderr
    assert "Sends._bring" in done.stderr
    assert shown(done.stderr) == []
