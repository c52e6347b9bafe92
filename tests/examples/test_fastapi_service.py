"""The FastAPI example: what its callers are told."""

import asyncio
from collections.abc import AsyncIterator

import httpx
import pytest
import uvicorn

from autocalls_async.emulator import (
    Emulator,
    Endpoint,
    HangUpAfter,
    Refuse,
    refuse_with_code,
)
from tests.examples.conftest import Load, telling
from tests.people import ANA, STRANGER

ORDER = {"recipient_phone": ANA, "message": "Your table is ready"}
POST = Endpoint.SEND_FREEFORM


@pytest.fixture
async def emulator(port: int) -> AsyncIterator[Emulator]:
    """Start a sandbox that sends its receipts to the service."""
    async with telling(port) as started:
        yield started


@pytest.fixture
async def caller(load: Load, emulator: Emulator) -> AsyncIterator[httpx.AsyncClient]:
    """Start the service, and call it without a socket; Ana has just written."""
    emulator.customer_writes(ANA)
    app = load("fastapi_service").app
    transport = httpx.ASGITransport(app)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=transport, base_url="http://service") as opened,
    ):
        yield opened


async def test_an_accepted_message_is_a_201_with_its_key(
    caller: httpx.AsyncClient, emulator: Emulator
) -> None:
    answer = await caller.post("/messages", json=ORDER)

    (accepted,) = emulator.accepted
    assert answer.status_code == 201
    assert answer.json() == {
        "outcome": "accepted",
        "whatsapp_message_id": accepted.whatsapp_message_id,
    }


@pytest.mark.parametrize(
    ("fault", "status", "outcome", "retry_after"),
    [
        pytest.param(HangUpAfter(), 202, "unknown", None, id="lost answer"),
        pytest.param(Refuse(502, "<html>"), 202, "unknown", None, id="502"),
        pytest.param(
            refuse_with_code(403, "SESSION_EXPIRED"),
            409,
            "template_required",
            None,
            id="closed window",
        ),
        pytest.param(
            refuse_with_code(422, "INVALID_PHONE"), 422, "refused", None, id="number"
        ),
        pytest.param(
            Refuse(429, {}, {"Retry-After": "60"}), 503, "unsent", "60", id="429"
        ),
        pytest.param(
            refuse_with_code(503, "SENDER_OFFLINE"), 503, "unsent", "300", id="offline"
        ),
        pytest.param(Refuse(401, {}), 502, "refused", None, id="our key"),
        pytest.param(Refuse(402, {}), 502, "refused", None, id="our balance"),
    ],
)
async def test_each_way_to_fail_has_its_status(
    caller: httpx.AsyncClient,
    emulator: Emulator,
    fault: Refuse,
    status: int,
    outcome: str,
    retry_after: str | None,
) -> None:
    emulator.fail_next(1, fault, endpoint=POST)

    answer = await caller.post("/messages", json=ORDER)

    assert (answer.status_code, answer.json()) == (status, {"outcome": outcome})
    assert answer.headers.get("Retry-After") == retry_after


async def test_what_surely_did_not_leave_may_be_asked_for_again(
    caller: httpx.AsyncClient, emulator: Emulator
) -> None:
    down = Refuse(502, "<html>")
    emulator.fail_next(99, down, endpoint=Endpoint.SESSION_STATUS)

    answer = await caller.post("/messages", json=ORDER)

    assert (answer.status_code, answer.json()) == (503, {"outcome": "unsent"})
    assert answer.headers["Retry-After"] == "5"
    assert emulator.accepted == []


async def test_a_recipient_who_never_wrote_needs_a_template(
    caller: httpx.AsyncClient, emulator: Emulator
) -> None:
    answer = await caller.post("/messages", json=ORDER | {"recipient_phone": STRANGER})

    assert answer.status_code == 409
    assert POST not in emulator.requests_by_endpoint()


@pytest.mark.parametrize(
    "wrong",
    [
        pytest.param({"recipient_phone": "4155550123"}, id="number"),
        pytest.param({"message": "  "}, id="blank"),
        pytest.param({"message": None}, id="missing"),
    ],
)
async def test_what_cannot_be_sent_is_a_422_before_anything_happens(
    caller: httpx.AsyncClient, emulator: Emulator, wrong: dict[str, object]
) -> None:
    answer = await caller.post("/messages", json=ORDER | wrong)

    assert answer.status_code == 422
    assert emulator.requests == []


async def test_a_full_queue_tells_when_to_come_back(
    caller: httpx.AsyncClient, emulator: Emulator
) -> None:
    async with asyncio.TaskGroup() as tasks:
        orders = [
            tasks.create_task(
                caller.post("/messages", json=ORDER | {"message": f"number {n}"})
            )
            for n in range(40)
        ]

    answers = [order.result() for order in orders]
    full = [answer for answer in answers if answer.status_code == 503]
    assert [answer.status_code for answer in answers].count(201) == 30
    assert len(full) == 10
    assert {int(answer.headers["Retry-After"]) for answer in full} <= {5, 6, 7}
    assert len(emulator.accepted) == 30


async def test_the_health_page_tells_how_busy_the_queue_is(
    caller: httpx.AsyncClient,
) -> None:
    answer = await caller.get("/health")

    assert answer.status_code == 200
    assert answer.json()["interactive"] == 0


async def test_what_the_sandbox_tells_is_where_a_message_stands(
    load: Load, emulator: Emulator, port: int
) -> None:
    emulator.customer_writes(ANA)
    config = uvicorn.Config(load("fastapi_service").app, port=port, log_config=None)
    server = uvicorn.Server(config)
    url = f"http://127.0.0.1:{port}"

    async with asyncio.TaskGroup() as tasks, httpx.AsyncClient(base_url=url) as caller:
        tasks.create_task(server.serve())
        await asyncio.sleep(1)
        sent = (await caller.post("/messages", json=ORDER)).json()
        path = f"/messages/{sent['whatsapp_message_id']}"
        before = (await caller.get(path)).json()
        emulator.set_status(sent["whatsapp_message_id"], "delivered")
        await asyncio.sleep(5)
        after = (await caller.get(path)).json()
        server.should_exit = True

    assert (before, after) == ({"status": None}, {"status": "delivered"})
