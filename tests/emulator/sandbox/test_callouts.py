"""What the sandbox calls out, when, how often, and signed with what."""

import asyncio
import hashlib
import hmac
import shutil
import subprocess

import aiohttp
import pytest

from autocalls_async import AutocallsClient
from autocalls_async.emulator import Emulator, SandboxOptions
from tests.emulator.asking import sample
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


@pytest.mark.parametrize(
    ("status", "attempts"),
    [(204, 1), (200, 1), (302, 1), (404, 1), (401, 1), (429, 4), (500, 4), (503, 4)],
)
async def test_a_receipt_is_tried_again_after_some_answers_alone(
    status: int, attempts: int, box: Emulator, program: Program
) -> None:
    program.answers = [status] * 99
    box.customer_writes(ANA)
    await send(box)
    await asyncio.sleep(600)

    assert len(program.heard) == 2 * attempts


async def test_a_program_that_is_down_is_tried_as_often(
    session: aiohttp.ClientSession,
) -> None:
    url = "http://127.0.0.1:9/receipts"
    async with Emulator(page=True, webhook=url) as emulator:
        emulator.customer_writes(ANA)
        await send(emulator)
        await asyncio.sleep(300)
        told = await Control(emulator, session).get("callouts")

    for callout in told["callouts"]:
        assert [a["due"] for a in callout["attempts"]] == [0, 30, 90, 210]
        assert "Cannot connect" in callout["attempts"][0]["error"]


@pytest.mark.parametrize("status", [302, 404, 500])
async def test_an_ended_conversation_is_told_unsigned_until_a_2xx(
    status: int, box: Emulator, program: Program
) -> None:
    box.customer_writes(ANA, "hi", name="Ana")
    await send(box, "hello")
    await asyncio.sleep(2)
    program.heard.clear()
    program.answers = [status, status]

    box.sandbox.end_conversation(ANA)
    await asyncio.sleep(600)

    assert len(program.heard) == 3
    heard = program.heard[-1]
    assert "X-Signature-256" not in heard.headers
    body = heard.body
    assert (body["status"], body["type"]) == ("ended", "whatsapp")
    assert [(e["role"], e["content"]) for e in body["transcript"]] == [
        ("user", "hi"),
        ("assistant", "hello"),
    ]
    assert body["formatted_transcript"] == "user: hi\nassistant: hello"
    assert body["customer_name"] == "Ana"
    assert body["sender"] == {
        "phone_number": "+14155551234",
        "display_name": "Acme Corp Support",
    }


async def test_a_conversation_ends_when_its_window_runs_out(
    box: Emulator, program: Program
) -> None:
    box.customer_writes(ANA, "hi")
    box.advance(80_000)
    box.customer_writes(ANA, "still there?")
    box.advance(80_000)
    await asyncio.sleep(1)
    assert "/ended" not in [heard.path for heard in program.heard]

    box.advance(10_000)
    await asyncio.sleep(1)

    ended = [heard.body for heard in program.heard if heard.path == "/ended"]
    assert [len(body["transcript"]) for body in ended] == [2]


async def test_a_status_goes_forward_alone(box: Emulator, program: Program) -> None:
    box.customer_writes(ANA)
    number = await send(box)
    box.set_status(number, "read")
    await asyncio.sleep(3)

    with pytest.raises(ValueError, match="is read and cannot become 'delivered'"):
        box.set_status(number, "delivered")
    with pytest.raises(ValueError, match="cannot become 'failed'"):
        box.set_status(number, "failed")
    assert [heard.body["status"] for heard in program.heard] == ["read"]


async def test_a_failure_tells_why(box: Emulator, program: Program) -> None:
    box.customer_writes(ANA)
    box.set_status(await send(box), "failed", error_code=63016, error_message="late")
    await asyncio.sleep(1)

    body = program.heard[0].body
    assert (body["status"], body["error_code"]) == ("failed", 63016)
    assert body["error_message"] == body["error_description"] == "late"


async def test_receipts_have_the_documented_fields(
    box: Emulator, program: Program
) -> None:
    box.customer_writes(ANA)
    await send(box)
    await asyncio.sleep(2)

    for name in ("delivered", "failed"):
        assert (
            program.heard[-1].body.keys()
            == sample(f"webhook.message-status-{name}").keys()
        )


async def test_manual_steps_are_those_that_somebody_takes(program: Program) -> None:
    async with Emulator(webhook=program.url, receipt_steps="manual") as emulator:
        emulator.customer_writes(ANA)
        number = await send(emulator)
        await asyncio.sleep(60)
        assert program.heard == []

        emulator.set_status(number, "sent")
        await asyncio.sleep(1)

    assert len(program.heard) == 1


async def test_a_program_that_hangs_is_given_ten_seconds() -> None:
    hung = asyncio.Event()

    async def hang(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()
        hung.set()

    async with await asyncio.start_server(hang, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        async with Emulator(inbound=f"http://127.0.0.1:{port}/in") as emulator:
            emulator.customer_writes(ANA, "hi")
            began = asyncio.get_running_loop().time()
            await hung.wait()
            waited = asyncio.get_running_loop().time() - began

    assert waited == pytest.approx(10, abs=0.1)


async def test_an_emulator_that_ends_leaves_no_callout_behind(program: Program) -> None:
    before = asyncio.all_tasks()
    async with Emulator(webhook=program.url) as emulator:
        emulator.customer_writes(ANA)
        await send(emulator)

    await asyncio.sleep(60)
    assert asyncio.all_tasks() == before
    assert program.heard == []


async def test_the_fields_of_a_forwarded_text_can_be_renamed(program: Program) -> None:
    async with Emulator(
        inbound=program.url, inbound_fields={"text": "body", "phone": "from"}
    ) as emulator:
        emulator.customer_writes(ANA, "hi")
        await asyncio.sleep(1)

    body = program.heard[0].body
    assert (body["from"], body["body"]) == (ANA, "hi")
    assert "Authorization" not in program.heard[0].headers


UNUSABLE: dict[str, tuple[SandboxOptions, str]] = {
    "url": ({"webhook": "127.0.0.1:9000"}, "webhook must be a whole URL"),
    "port": ({"inbound": "http://a:99999/"}, "inbound must be a whole URL"),
    "scheme": ({"ended": "ftp://a/"}, "ended must be a whole URL"),
    "field": ({"inbound_fields": {"colour": "x"}}, "can rename phone"),
    "keep": ({"keep": 0}, "keep must be at least 1"),
    "secret": ({"webhook_secret": ""}, "webhook_secret must not be empty"),
}


@pytest.mark.parametrize(("options", "words"), UNUSABLE.values(), ids=UNUSABLE)
def test_what_cannot_be_used_is_told_at_once(
    options: SandboxOptions, words: str
) -> None:
    with pytest.raises(ValueError, match=words):
        Emulator(**options)


def test_steps_that_nobody_knows_are_told() -> None:
    with pytest.raises(ValueError, match="one of auto, delivered, manual"):
        Emulator(receipt_steps="slow")  # type: ignore[arg-type]  # on purpose


@pytest.mark.skipif(shutil.which("openssl") is None, reason="there is no openssl here")
async def test_openssl_finds_the_same_signature(
    box: Emulator, program: Program
) -> None:
    box.customer_writes(ANA)
    await send(box)
    await asyncio.sleep(2)
    heard = program.heard[0]

    digest = await asyncio.to_thread(sign_by_openssl, heard.raw)

    assert heard.headers["X-Signature-256"] == f"sha256={digest}"


def sign_by_openssl(raw: bytes) -> str:
    """Return what `openssl dgst` makes of a body and the test's secret."""
    command = ["openssl", "dgst", "-sha256", "-hmac", "s3cret"]
    ended = subprocess.run(command, input=raw, capture_output=True, check=True)  # noqa: S603 - the test's own
    return ended.stdout.decode().rsplit(" ", 1)[1].strip()
