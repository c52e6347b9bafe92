"""What the emulator tells afterwards."""

import asyncio
from decimal import Decimal

import aiohttp
import pytest

from autocalls_async.emulator import Emulator, Endpoint
from tests.emulator.asking import (
    FREEFORM,
    ME,
    PHONE,
    SEND_FREEFORM,
    SEND_TEMPLATE,
    TEMPLATE,
    TEMPLATES,
    Caller,
    status_of,
)


async def test_a_freeform_message_is_kept_as_it_was_taken_in(
    emulator: Emulator, caller: Caller
) -> None:
    emulator.customer_writes(PHONE)

    answer = await caller.post(SEND_FREEFORM, FREEFORM | {"message": " hi\n"})

    [message] = emulator.accepted
    assert message.kind == "freeform"
    assert (message.sender_id, message.recipient_phone) == (12, PHONE)
    assert message.message == "hi"
    assert message.template_id is None
    assert message.whatsapp_message_id == answer.body["whatsapp_message_id"]
    assert emulator.account.balance == Decimal("99.95")


async def test_a_template_message_is_kept_with_all_its_fields(
    emulator: Emulator, caller: Caller
) -> None:
    answer = await caller.post(SEND_TEMPLATE, TEMPLATE | {"recipient_name": "Ana"})

    [message] = emulator.accepted
    assert message.kind == "template"
    assert (message.template_id, message.variables) == (45, TEMPLATE["variables"])
    assert (message.message, message.recipient_name) == (None, "Ana")
    assert message.whatsapp_message_id == answer.body["whatsapp_message_id"]


async def test_each_message_has_an_id_of_its_own(
    emulator: Emulator, caller: Caller
) -> None:
    answers = [await caller.post(SEND_TEMPLATE, TEMPLATE) for _ in range(3)]

    for name in ("message_id", "whatsapp_message_id", "message_sid"):
        assert len({answer.body[name] for answer in answers}) == 3
    assert emulator.seen.accepted_count == 3


@pytest.mark.parametrize(
    ("path", "body", "change", "count"),
    [
        pytest.param(SEND_FREEFORM, FREEFORM, {}, 1, id="the same text"),
        pytest.param(SEND_FREEFORM, FREEFORM, {"message": "ho"}, 0, id="another text"),
        pytest.param(SEND_TEMPLATE, TEMPLATE, {}, 1, id="the same template"),
        pytest.param(
            SEND_TEMPLATE,
            TEMPLATE,
            {"variables": {"1": "Bo", "2": "Monday", "3": "10:00"}},
            0,
            id="other variables",
        ),
        pytest.param(
            SEND_TEMPLATE,
            TEMPLATE,
            {"recipient_phone": "+14155550199"},
            0,
            id="another recipient",
        ),
        pytest.param(SEND_TEMPLATE, TEMPLATE, {"sender_id": 15}, 0, id="other sender"),
    ],
)
async def test_what_was_accepted_twice_is_known(
    emulator: Emulator,
    caller: Caller,
    path: str,
    body: dict[str, object],
    change: dict[str, object],
    count: int,
) -> None:
    emulator.customer_writes(PHONE)

    await caller.post(path, body)
    await caller.post(path, body | change)

    assert len(emulator.accepted) == 2
    assert emulator.seen.duplicates() == emulator.accepted[2 - count :][:count]


async def test_a_request_is_kept_as_it_came_over_the_wire(
    emulator: Emulator, caller: Caller
) -> None:
    await caller.get(status_of())
    await caller.post(SEND_TEMPLATE, TEMPLATE)

    status, send = emulator.requests
    assert status.method == "GET"
    assert status.target == f"/api{status_of()}"
    assert "%2B1415" in status.target
    assert status.headers["authorization"] == "Bearer 1|key"
    assert (status.body, status.status) == (None, 200)
    assert (send.body, send.endpoint) == (TEMPLATE, Endpoint.SEND_TEMPLATE)


async def test_requests_are_counted_by_endpoint(
    emulator: Emulator, caller: Caller
) -> None:
    for path in (ME, ME, TEMPLATES, "/nothing"):
        await caller.get(path)

    assert emulator.seen.requests_by_endpoint() == {
        Endpoint.ME: 2,
        Endpoint.TEMPLATES: 1,
        Endpoint.OTHER: 1,
    }


async def test_the_busiest_second_counts_what_was_rejected_too(
    emulator: Emulator, caller: Caller
) -> None:
    for _ in range(7):
        await caller.post(SEND_TEMPLATE, TEMPLATE)
    await asyncio.sleep(1)
    await caller.post(SEND_TEMPLATE, TEMPLATE)

    assert emulator.seen.most_sends_in_any_second() == 7
    assert (emulator.seen.accepted_count, emulator.seen.rejected_count) == (6, 2)


async def test_fields_that_no_page_documents_are_noted(
    emulator: Emulator, caller: Caller
) -> None:
    await caller.post(SEND_TEMPLATE, TEMPLATE)
    await caller.get(f"{TEMPLATES}?status=all")
    assert emulator.seen.undocumented_fields == set()

    await caller.post(SEND_FREEFORM, FREEFORM | {"to": "x"})
    await caller.get(f"{ME}?page=2")

    assert emulator.seen.undocumented_fields == {"send-freeform.to", "me.page"}


async def test_without_records_only_the_counts_are_kept(
    session: aiohttp.ClientSession,
) -> None:
    async with Emulator(record_requests=False, record_accepted=False) as emulator:
        caller = Caller(emulator, session)
        await caller.post(SEND_TEMPLATE, TEMPLATE)

    assert (emulator.requests, emulator.accepted) == ([], [])
    assert emulator.seen.accepted_count == 1
    assert emulator.seen.requests_by_endpoint() == {Endpoint.SEND_TEMPLATE: 1}
    with pytest.raises(RuntimeError, match="record_accepted"):
        emulator.seen.duplicates()


@pytest.mark.parametrize(
    "part",
    [
        pytest.param(b"POST /api/user/me HTTP/1.1\r\nHost: a\r\n", id="in its head"),
        pytest.param(
            b"POST /api/user/me HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\n{",
            id="in its body",
        ),
        pytest.param(
            b"POST /api/user/me HTTP/1.1\r\nHost: a\r\n"
            b"Transfer-Encoding: chunked\r\n\r\n5\r\nab",
            id="in a chunk",
        ),
    ],
)
async def test_a_request_that_breaks_off_did_not_arrive(
    emulator: Emulator, part: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    port = int(emulator.base_url.removesuffix("/api").rpartition(":")[2])
    _, writer = await asyncio.open_connection("127.0.0.1", port)

    writer.write(part)
    await writer.drain()
    await asyncio.sleep(0.1)
    writer.close()
    await writer.wait_closed()
    await asyncio.sleep(0.1)

    assert emulator.requests == []
    assert [record for record in caplog.records if record.levelname == "ERROR"] == []
