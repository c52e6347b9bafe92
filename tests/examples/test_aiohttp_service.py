"""The aiohttp.web example: reminders, with a template where it must be one."""

import asyncio
from collections.abc import AsyncIterator
from typing import TypeAlias

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from autocalls_async.emulator import Emulator, Endpoint, HangUpAfter, Refuse
from tests.examples.conftest import Load, telling
from tests.people import ANA, STRANGER

Caller: TypeAlias = "TestClient[web.Request, web.Application]"

ORDER = {"recipient_phone": ANA, "message": "See you at ten"}


@pytest.fixture
async def emulator(port: int) -> AsyncIterator[Emulator]:
    """Start a sandbox that sends its receipts to the service."""
    async with telling(port) as started:
        yield started


@pytest.fixture
async def caller(load: Load, emulator: Emulator, port: int) -> AsyncIterator[Caller]:
    """Start the service, and call it; Ana has just written."""
    emulator.customer_writes(ANA)
    app = load("aiohttp_service").make_app()
    async with TestClient(TestServer(app, port=port)) as opened:
        yield opened


async def test_free_text_goes_out_while_the_window_is_open(
    caller: Caller, emulator: Emulator
) -> None:
    answer = await caller.post("/reminders", data=ORDER)

    (accepted,) = emulator.accepted
    assert answer.status == 201
    assert (accepted.kind, accepted.message) == ("freeform", "See you at ten")


async def test_a_template_goes_out_otherwise(
    caller: Caller, emulator: Emulator
) -> None:
    answer = await caller.post("/reminders", data=ORDER | {"recipient_phone": STRANGER})

    (accepted,) = emulator.accepted
    assert answer.status == 201
    assert (accepted.kind, accepted.template_id) == ("template", 46)
    assert accepted.recipient_phone == STRANGER


@pytest.mark.parametrize(
    ("fault", "status", "outcome"),
    [
        pytest.param(HangUpAfter(), 202, "UnknownOutcomeError", id="lost answer"),
        pytest.param(
            Refuse(429, {}, {"Retry-After": "60"}), 503, "RateLimitedError", id="429"
        ),
        pytest.param(Refuse(402, {}), 422, "InsufficientBalanceError", id="402"),
    ],
)
async def test_each_way_to_fail_has_its_status(
    caller: Caller,
    emulator: Emulator,
    fault: Refuse,
    status: int,
    outcome: str,
) -> None:
    emulator.fail_next(1, fault, endpoint=Endpoint.SEND_FREEFORM)

    answer = await caller.post("/reminders", data=ORDER)

    assert (answer.status, (await answer.json())["outcome"]) == (status, outcome)
    assert ("Retry-After" in answer.headers) == (status == 503)


@pytest.mark.parametrize("missing", ["recipient_phone", "message"])
async def test_what_cannot_be_sent_is_a_422_before_anything_happens(
    caller: Caller, emulator: Emulator, missing: str
) -> None:
    order = {name: value for name, value in ORDER.items() if name != missing}

    answer = await caller.post("/reminders", data=order)

    assert answer.status == 422
    assert missing in await answer.text()
    assert emulator.requests == []


async def test_what_the_sandbox_tells_of_a_failure_is_logged(
    caller: Caller, emulator: Emulator, caplog: pytest.LogCaptureFixture
) -> None:
    await caller.post("/reminders", data=ORDER)
    (accepted,) = emulator.accepted
    number = accepted.whatsapp_message_id
    emulator.set_status(number, "failed", error_code=131026)
    await asyncio.sleep(5)

    assert f"message {number} failed: 131026" in caplog.text
