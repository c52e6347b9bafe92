"""What the sandbox calls out, when, how often, and signed with what."""

import asyncio
import hashlib
import hmac

import pytest

from autocalls_async import AutocallsClient
from autocalls_async.emulator import Emulator
from tests.emulator.sandbox.conftest import Control, Program
from tests.people import ANA


async def send(emulator: Emulator, text: str = "hi") -> int:
    """Send Ana a text; give the id that receipts tell of."""
    async with AutocallsClient(
        "1|key", base_url=emulator.base_url, sender_id=12
    ) as client:
        sent = await client.send_freeform(ANA, text)
    assert sent.whatsapp_message_id is not None
    return sent.whatsapp_message_id


async def test_receipts_tell_of_each_step_signed_over_the_raw_body(
    box: Emulator, program: Program
) -> None:
    box.customer_writes(ANA)
    number = await send(box)
    await asyncio.sleep(2)

    assert [heard.body["status"] for heard in program.heard] == ["sent", "delivered"]
    for heard in program.heard:
        digest = hmac.new(b"s3cret", heard.raw, hashlib.sha256).hexdigest()
        assert heard.headers["X-Signature-256"] == f"sha256={digest}"
        assert heard.body["whatsapp_message_id"] == number
    sent_at = box.accepted[0].at
    waited = [heard.at - sent_at for heard in program.heard]
    assert waited == pytest.approx([0.2, 1.0], abs=0.001)


async def test_a_customers_text_is_forwarded_once(
    box: Emulator, program: Program
) -> None:
    program.answers = [503]

    box.customer_writes(ANA, "Are you open?", name="Ana")
    await asyncio.sleep(400)

    (heard,) = program.heard
    assert heard.path == "/inbound"
    assert heard.headers["Authorization"] == "Bearer t0ken"
    assert heard.body["customer_phone"] == ANA
    assert heard.body["message"] == "Are you open?"
    assert heard.body.keys() == {
        "customer_phone",
        "message",
        "sender_id",
        "timestamp",
        "conversation_id",
    }


@pytest.mark.parametrize("jump", [False, True], ids=["waited for", "jumped over"])
async def test_a_receipt_answered_503_is_tried_at_0_30_90_and_210_seconds(
    box: Emulator, program: Program, control: Control, *, jump: bool
) -> None:
    box.customer_writes(ANA)
    await send(box)
    program.answers = [503] * 99
    if jump:
        await asyncio.sleep(0.5)
        box.advance(3600)
        await asyncio.sleep(1)
    else:
        await asyncio.sleep(3600)

    sent, delivered = (await control.get("callouts"))["callouts"]
    assert [a["due"] for a in sent["attempts"]] == [0, 30, 90, 210]
    assert sent["state"] == delivered["state"] == "given up"
    if not jump:
        began = sent["attempts"][0]["clock"]
        at = [attempt["clock"] - began for attempt in sent["attempts"]]
        assert at == pytest.approx([0, 30, 90, 210], abs=0.001)
    statuses = [heard.body["status"] for heard in program.heard]
    assert statuses == ["sent", "delivered"] * 4
