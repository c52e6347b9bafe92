"""The bot example: replies in order, while a campaign runs."""

import asyncio
import os
import signal
from pathlib import Path

import aiohttp
import pytest
from aiohttp.test_utils import unused_port

from autocalls_async.emulator import Emulator, Endpoint, HangUpAfter
from tests.examples.conftest import Load
from tests.people import ANA, people


@pytest.fixture
def port(monkeypatch: pytest.MonkeyPatch) -> int:
    """Choose where the bot listens."""
    chosen = unused_port()
    monkeypatch.setenv("PORT", str(chosen))
    return chosen


@pytest.fixture
def numbers(tmp_path: Path) -> Path:
    """Write the campaign's recipients down."""
    path = tmp_path / "numbers.txt"
    path.write_text("\n".join(people(100)))
    return path


async def tell(port: int, *messages: object) -> list[int]:
    """Let Ana write so many messages, one after the other."""
    url = f"http://127.0.0.1:{port}/inbound"
    async with aiohttp.ClientSession() as session:
        statuses = []
        for message in messages:
            event = {"recipient_phone": ANA, "message": message}
            async with session.post(url, json=event) as answer:
                statuses.append(answer.status)
        return statuses


async def test_replies_overtake_the_campaign_and_keep_their_order(
    load: Load, emulator: Emulator, port: int, numbers: Path
) -> None:
    emulator.customer_writes(ANA)
    bot = asyncio.create_task(load("bot").main([str(numbers), "46"]))
    await asyncio.sleep(5.0)
    begun_count = len(emulator.accepted)

    statuses = await tell(port, "one", "two", "three")
    await asyncio.sleep(5.0)
    os.kill(os.getpid(), signal.SIGTERM)
    await bot

    texts = [accepted.message for accepted in emulator.accepted]
    replies = [text for text in texts if text is not None]
    assert statuses == [200, 200, 200]
    assert replies == ["You wrote: one", "You wrote: two", "You wrote: three"]
    assert texts.index("You wrote: three") <= begun_count + 5
    assert 40 < len(texts) < 103
    assert Endpoint.SESSION_STATUS not in emulator.requests_by_endpoint()


async def test_a_reply_whose_answer_is_lost_is_not_repeated(
    load: Load,
    emulator: Emulator,
    port: int,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    emulator.customer_writes(ANA)
    nobody = tmp_path / "nobody.txt"
    nobody.touch()
    emulator.fail_next(1, HangUpAfter(), endpoint=Endpoint.SEND_FREEFORM)
    bot = asyncio.create_task(load("bot").main([str(nobody), "46"]))
    await asyncio.sleep(1.0)

    await tell(port, "are you there?")
    await asyncio.sleep(60.0)
    os.kill(os.getpid(), signal.SIGTERM)
    await bot

    assert len(emulator.accepted) == 1
    assert "not repeated, as it may have arrived" in caplog.text
    assert ANA not in caplog.text


async def test_a_bad_number_is_told_to_whoever_forwards_messages(
    load: Load, port: int, numbers: Path
) -> None:
    bot = asyncio.create_task(load("bot").main([str(numbers), "46"]))
    await asyncio.sleep(1.0)

    async with aiohttp.ClientSession() as session:
        event = {"recipient_phone": "4155550123", "message": "hi"}
        url = f"http://127.0.0.1:{port}/inbound"
        async with session.post(url, json=event) as answer:
            text = await answer.text()
    os.kill(os.getpid(), signal.SIGTERM)
    await bot

    assert answer.status == 422
    assert "must be E.164" in text
