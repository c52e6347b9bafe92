"""The bot example on the sandbox, which sends it webhooks, while a campaign runs."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest

from autocalls_async import ExclusionList
from autocalls_async.emulator import Emulator, Endpoint, HangUpAfter
from autocalls_async.webhooks.stores.sqlite import SqliteDeliveries
from tests.examples.conftest import Load
from tests.people import ANA, people
from tests.ports import own_port

TOKEN, SECRET = "token-nobody-sees", "secret-nobody-sees"  # of nobody


@pytest.fixture
def port(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> int:
    """Choose where the bot listens, and let it work in a folder of its own."""
    chosen = own_port()
    monkeypatch.setenv("PORT", str(chosen))
    monkeypatch.setenv("AUTOCALLS_INBOUND_TOKEN", TOKEN)
    monkeypatch.setenv("AUTOCALLS_WEBHOOK_SECRETS", f"12={SECRET}")
    monkeypatch.chdir(tmp_path)
    return chosen


@pytest.fixture
async def emulator(port: int) -> AsyncIterator[Emulator]:
    """Start a sandbox that sends its webhooks to the bot."""
    url = f"http://127.0.0.1:{port}/hooks"
    async with Emulator(
        webhook=f"{url}/receipts",
        webhook_secret=SECRET,
        inbound=f"{url}/inbound",
        inbound_token=TOKEN,
    ) as started:
        yield started


@pytest.fixture
def numbers(tmp_path: Path) -> Path:
    """Write the campaign's recipients down."""
    path = tmp_path / "numbers.txt"
    path.write_text("\n".join(people(100)))
    return path


@pytest.fixture
def few_numbers(tmp_path: Path) -> Path:
    """Write as many down as are reached in seconds."""
    path = tmp_path / "few.txt"
    path.write_text("\n".join(people(30)))
    return path


async def end(bot: "asyncio.Task[None]") -> None:
    """Press Ctrl-C, and wait."""
    os.kill(os.getpid(), signal.SIGTERM)
    await bot


async def test_replies_overtake_the_campaign_and_keep_their_order(
    load: Load, emulator: Emulator, numbers: Path
) -> None:
    bot = asyncio.create_task(load("bot").main([str(numbers), "46"]))
    await asyncio.sleep(5.0)
    begun_count = len(emulator.accepted)

    for text in ("one", "two", "three"):
        emulator.customer_writes(ANA, text=text)
        await asyncio.sleep(0.05)
    await asyncio.sleep(5.0)
    await end(bot)

    texts = [accepted.message for accepted in emulator.accepted]
    replies = [text for text in texts if text is not None]
    assert replies == ["You wrote: one", "You wrote: two", "You wrote: three"]
    assert texts.index("You wrote: three") <= begun_count + 6
    assert 40 < len(texts) < 103
    assert Endpoint.SESSION_STATUS not in emulator.requests_by_endpoint()


async def test_receipts_are_kept_and_failures_are_told(
    load: Load, emulator: Emulator, numbers: Path, caplog: pytest.LogCaptureFixture
) -> None:
    bot = asyncio.create_task(load("bot").main([str(numbers), "46"]))
    await asyncio.sleep(0.5)  # the first are sent, and nobody has them yet
    first, second = (m.whatsapp_message_id for m in emulator.accepted[:2])
    emulator.sandbox.set_status(second, "failed", error_code=131026)
    await asyncio.sleep(5.0)
    await end(bot)

    store = SqliteDeliveries("receipts.db")
    await store.open()
    found = await store.standings([first])
    await store.aclose()
    assert found[first].status == "delivered"
    assert f"message {second} failed: 131026" in caplog.text


async def test_who_says_stop_is_left_out_from_then_on(
    load: Load, emulator: Emulator, few_numbers: Path
) -> None:
    last = people(30)[-1]
    bot = asyncio.create_task(load("bot").main([str(few_numbers), "46"]))
    await asyncio.sleep(2.0)
    emulator.customer_writes(last, text=" Stop ")
    await asyncio.sleep(20.0)
    await end(bot)

    got = [m.recipient_phone for m in emulator.accepted if m.template_id is not None]
    assert len(got) == 29
    assert last not in got
    with ExclusionList("exclusions.db") as stopped:
        assert last in stopped


async def test_a_reply_whose_answer_is_lost_is_not_repeated(
    load: Load,
    emulator: Emulator,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    nobody = tmp_path / "nobody.txt"
    nobody.touch()
    emulator.fail_next(1, HangUpAfter(), endpoint=Endpoint.SEND_FREEFORM)
    bot = asyncio.create_task(load("bot").main([str(nobody), "46"]))
    await asyncio.sleep(1.0)

    emulator.customer_writes(ANA, text="are you there?")
    await asyncio.sleep(60.0)
    await end(bot)

    assert len(emulator.accepted) == 1
    assert "not repeated, as it may have arrived" in caplog.text
    assert ANA not in caplog.text


async def test_a_bad_number_is_told_to_whoever_forwards_messages(
    load: Load, port: int, numbers: Path
) -> None:
    bot = asyncio.create_task(load("bot").main([str(numbers), "46"]))
    await asyncio.sleep(1.0)

    async with aiohttp.ClientSession() as session:
        event = {"phone": "12", "text": "hi"}
        url = f"http://127.0.0.1:{port}/hooks/inbound"
        headers = {"Authorization": f"Bearer {TOKEN}"}
        async with session.post(url, json=event, headers=headers) as answer:
            text = await answer.text()
    await end(bot)

    assert answer.status == 422
    assert "'phone' must be a number" in text
