"""Long campaigns: five minutes at full pace, and memory that does not grow.

`benchmarks/campaign.py` runs the same for 5.6 hours.
"""

import gc
import tracemalloc
from collections.abc import Callable, Iterator
from decimal import Decimal
from math import inf
from pathlib import Path
from random import Random

import pytest

from autocalls_async import Accepted, AutocallsClient, FreeformMessage, TemplateMessage
from autocalls_async.emulator import Emulator
from autocalls_async.http.reply import Reply
from autocalls_async.http.requests import Request
from tests.needs import MINUTES
from tests.people import SENDER

SENT = Path(__file__).parents[1] / "samples" / "send-template.200.json"


def phones(count: int) -> Iterator[str]:
    """Make up recipients, one at a time."""
    return (f"+4930{1_000_000 + number}" for number in range(count))


@MINUTES
async def test_five_minutes_at_full_pace_are_never_over_the_limit() -> None:
    count, rng = 1_500, Random(1)
    service = Emulator(
        everyone_is_open=True,
        balance=Decimal(10**9),
        record_requests=False,
        record_accepted=False,
    )
    service.before_counting = lambda _: rng.uniform(0.005, 0.06)
    service.after_counting = lambda _: rng.uniform(0.005, 0.06)
    messages = (FreeformMessage(recipient_phone=p, message="hi") for p in phones(count))

    async with (
        service as emulator,
        AutocallsClient(
            "key", base_url=emulator.base_url, sender_id=SENDER, window_check="never"
        ) as client,
    ):
        run = client.send_many(messages)
        outcomes = {type(outcome) async for outcome in run}

    assert outcomes == {Accepted}
    assert emulator.accepted_count == count
    assert emulator.rejected_count == 0
    assert emulator.most_sends_in_any_second() <= 5
    assert run.progress.rate >= 0.94 * 5


class AnsweringLine:
    """Stands at the place of a connection, and answers at once."""

    expires_at = inf

    def __init__(self, reply: Reply) -> None:
        self._reply = reply

    def check(self) -> None:
        """Find nothing wrong."""

    def on_loss(self, _tell: Callable[[], None]) -> None:
        """Lose nothing."""

    async def ask(self, _request: Request) -> Reply:
        """Accept it."""
        return self._reply

    def close(self) -> None:
        """Close nothing."""


class AnsweringTransport:
    """Stands at the transport's port, and accepts at once: HTTP would be slow."""

    pool_size = inf

    def __init__(self, **_settings: object) -> None:
        """Take what the real one takes."""
        self._body = SENT.read_bytes()

    async def connect(self, _request: Request, **_how: object) -> AnsweringLine:
        """Connect at once."""
        return AnsweringLine(Reply(status=200, body=self._body))

    async def aclose(self) -> None:
        """Close nothing."""


async def peak_bytes(count: int) -> int:
    """Send so many templates, which leave no windows behind; tell the most held."""
    messages = (
        TemplateMessage(recipient_phone=phone, template_id=45)
        for phone in phones(count)
    )
    done = 0
    gc.collect()  # the client of the last call, whose parts know each other
    tracemalloc.reset_peak()
    async with AutocallsClient("key", sender_id=SENDER) as client:
        async for _ in client.send_many(messages):
            done += 1
    assert done == count
    return tracemalloc.get_traced_memory()[1]


@pytest.fixture
def traced() -> Iterator[None]:
    """Trace each allocation, which makes all code slower."""
    tracemalloc.start()
    yield
    tracemalloc.stop()


@MINUTES
@pytest.mark.usefixtures("traced")
async def test_many_messages_need_no_more_memory_than_few(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("autocalls_async.client.wiring.Transport", AnsweringTransport)
    await peak_bytes(300)  # what is made once is made now

    few = await peak_bytes(300)
    many = await peak_bytes(1_500)

    assert many - few <= 10_000  # 8 bytes for each message more
