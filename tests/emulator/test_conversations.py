"""The listing of conversations, their histories, and the assistant's switch."""

import aiohttp
import pytest

from autocalls_async.emulator import Emulator
from tests.emulator.asking import (
    FREEFORM,
    SEND_FREEFORM,
    SEND_TEMPLATE,
    TEMPLATE,
    Caller,
)

ANA = "+14155550123"
BEN = "+14155550188"
LIST = "/user/conversations"


async def test_a_row_is_as_documented(emulator: Emulator, caller: Caller) -> None:
    emulator.customer_writes(ANA, "Are you open?", name="Ana")
    await caller.post(SEND_FREEFORM, FREEFORM)

    (row,) = (await caller.get(LIST)).body["data"]

    assert row.keys() == {
        *("id", "type", "message_count", "ai_enabled", "created_at", "updated_at"),
        *("assistant_id", "assistant_name", "total_cost", "variables"),
        *("external_identifier", "whatsapp_sender", "customer"),
    }
    assert row["customer"] == {"name": "Ana", "phone": ANA}
    assert row["message_count"] == 2
    assert row["total_cost"] == 0.05
    assert row["created_at"][10] == " "
    assert len(row["created_at"]) == 19


async def test_pages_are_walked_by_cursors(emulator: Emulator, caller: Caller) -> None:
    people = [f"+14155550{number:03d}" for number in range(37)]
    for phone in people:
        emulator.customer_writes(phone)

    body = (await caller.get(LIST)).body
    seen, pages = [row["customer"]["phone"] for row in body["data"]], 1
    while cursor := body["next_cursor"]:
        body = (await caller.get(f"{LIST}?cursor={cursor}")).body
        seen += [row["customer"]["phone"] for row in body["data"]]
        pages += 1
    back = (await caller.get(f"{LIST}?cursor={body['prev_cursor']}")).body

    assert seen == people
    assert (pages, body["per_page"]) == (3, 15)
    assert [row["customer"]["phone"] for row in back["data"]] == people[15:30]


@pytest.mark.parametrize(
    ("query", "phones"),
    [
        ("customer_phone=%2B14155550123", [ANA]),
        ("whatsapp_sender_phone=%2B442071234567", [BEN]),
        ("type=whatsapp", [ANA, BEN]),
        ("type=widget", []),
        ("external_identifier=x", []),
        ("assistant_id=1", [ANA, BEN]),
        ("assistant_id=2", []),
        ("per_page=1", [ANA]),
    ],
)
async def test_rows_are_chosen(
    query: str, phones: list[str], emulator: Emulator, caller: Caller
) -> None:
    emulator.customer_writes(ANA)
    emulator.customer_writes(BEN, sender_id=15)

    body = (await caller.get(f"{LIST}?{query}")).body

    assert [row["customer"]["phone"] for row in body["data"]] == phones


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("per_page=0", "per_page"),
        ("per_page=101", "per_page"),
        ("per_page=x", "per_page"),
        ("cursor=%00", "cursor"),
        ("cursor=eA==", "cursor"),
        ("type=fax", "type"),
    ],
)
async def test_what_does_not_fit_is_a_422(
    query: str, field: str, caller: Caller
) -> None:
    answer = await caller.get(f"{LIST}?{query}")

    assert answer.status == 422
    assert field in answer.body["errors"]


async def test_a_history_opens_to_its_uuid_without_a_key(
    emulator: Emulator, caller: Caller, session: aiohttp.ClientSession
) -> None:
    await caller.post(SEND_TEMPLATE, TEMPLATE)
    emulator.customer_writes(ANA, "Yes")
    (row,) = (await caller.get(LIST)).body["data"]

    url = f"{emulator.base_url}/conversations/{row['id']}"
    async with session.get(url, headers={"Accept": "application/json"}) as answer:
        body = await answer.json()

    assert body == {
        "status": True,
        "history": [
            {
                "role": "assistant",
                "content": "Hi Ana, this is a reminder for your appointment on Monday"
                " at 10:00. Reply YES to confirm or NO to reschedule.",
            },
            {"role": "user", "content": "Yes"},
        ],
        "variables": {},
    }
    missing = await caller.get("/conversations/0e0e0e0e-0000-4000-8000-000000000000")
    assert (missing.status, missing.body["status"]) == (404, False)


async def test_the_assistant_is_switched_off_and_on(
    emulator: Emulator, caller: Caller
) -> None:
    emulator.customer_writes(ANA)
    (row,) = (await caller.get(LIST)).body["data"]
    where = f"/automate/conversations/{row['id']}"

    off = await caller.post(f"{where}/disable-ai", {})
    (after,) = (await caller.get(LIST)).body["data"]
    on = await caller.post(f"{where}/enable-ai", {})

    assert (off.status, on.status) == (200, 200)
    assert after["ai_enabled"] is False
    assert (await caller.get(LIST)).body["data"][0]["ai_enabled"] is True


async def test_what_was_recorded_before_anybody_asked_is_in_the_thread(
    emulator: Emulator, caller: Caller
) -> None:
    emulator.customer_writes(ANA)
    await caller.post(SEND_FREEFORM, FREEFORM)

    assert [m.text for m in emulator.thread(ANA)] == ["hi"]


async def test_who_asks_for_its_health_is_told_ok(
    emulator: Emulator, session: aiohttp.ClientSession
) -> None:
    async with session.get(emulator.base_url.removesuffix("/api")) as answer:
        assert (answer.status, await answer.text()) == (200, "ok")
    assert emulator.requests == []
