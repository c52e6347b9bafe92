"""Answers to somebody who has written."""

import asyncio
import os
import subprocess
import sys
from typing import Any

import pytest

from autocalls_async import (
    Accepted,
    AutocallsClient,
    Deliveries,
    Rejected,
    Unknown,
    Unsent,
)
from autocalls_async.emulator import (
    Emulator,
    Endpoint,
    HangUpBefore,
    Refuse,
    refuse_with_code,
)
from autocalls_async.webhooks import Chat, DeliveryStoreError, MemoryDeliveries
from autocalls_async.webhooks.evidence.notes import NOTE_SECONDS
from autocalls_async.webhooks.receiving.reading import COMMON_NAMES, read_inbound
from autocalls_async.webhooks.stores import alive
from tests.people import ANA, SENDER
from tests.webhooks.bodies import inbound

LONG = "Word after word. " * 700


async def test_a_long_answer_goes_out_in_parts_and_in_order(
    client: AutocallsClient, emulator: Emulator
) -> None:
    outcomes = await Chat(client, ANA, SENDER).send_long(LONG)

    assert [type(outcome) for outcome in outcomes] == [Accepted] * 3
    assert [outcome.index for outcome in outcomes] == [0, 1, 2]
    texts = [accepted.message or "" for accepted in emulator.accepted]
    assert " ".join(texts) == LONG.strip()


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        pytest.param(HangUpBefore(), Unknown, id="lost"),
        pytest.param(refuse_with_code(403, "SESSION_EXPIRED"), Rejected, id="refused"),
    ],
)
async def test_behind_a_part_that_was_not_accepted_nothing_is_sent(
    client: AutocallsClient, emulator: Emulator, fault: Refuse, kind: type[object]
) -> None:
    emulator.fail_next(1, fault, endpoint=Endpoint.SEND_FREEFORM)

    outcomes = await Chat(client, ANA, SENDER).send_long(LONG)

    assert [type(outcome) for outcome in outcomes] == [kind, Unsent, Unsent]
    assert not emulator.accepted


async def test_a_part_that_cannot_leave_is_unsent() -> None:
    client = AutocallsClient(
        "1|k", base_url="http://127.0.0.1:9/api", window_check="never", timeout=1.0
    )

    (outcome,) = await Chat(client, ANA, SENDER).send_long("hi")

    assert isinstance(outcome, Unsent)
    assert ANA not in repr(Chat(client, ANA, SENDER))
    await client.aclose()


class _Full(MemoryDeliveries):
    is_full = True

    async def note(self, sends: object) -> None:
        if self.is_full:
            raise DeliveryStoreError(name="x", detail="its disk is full; make room")
        await super().note(sends)  # type: ignore[arg-type]  # as given


async def test_what_cannot_be_noted_is_noted_later(
    emulator: Emulator, caplog: pytest.LogCaptureFixture
) -> None:
    store = _Full()
    emulator.customer_writes(ANA)
    async with AutocallsClient(
        "1|k",
        base_url=emulator.base_url,
        sender_id=SENDER,
        deliveries=Deliveries(store),
    ) as client:
        await client.send_freeform(ANA, "one")
        await asyncio.sleep(2 * NOTE_SECONDS)
        store.is_full = False
        await client.send_freeform(ANA, "two")

    noted = await store.noted(sender_id=SENDER, person=ANA)
    assert len(noted) == 2
    assert "could not be noted" in caplog.text


@pytest.mark.parametrize(
    ("fields", "sender_id", "has_time"),
    [
        pytest.param({"sender_id": "12", "timestamp": 1e300}, 12, False, id="too late"),
        pytest.param({"sender_id": True, "timestamp": 1.5}, None, True, id="a float"),
        pytest.param(
            {"sender_id": 0, "timestamp": 9 * 10**18, "id": True}, None, False, id="far"
        ),
        pytest.param({"timestamp": "2030-01-01T00:00"}, 12, False, id="no zone"),
        pytest.param({"timestamp": "soon", "id": 7}, 12, False, id="no time"),
    ],
)
def test_a_flows_odd_fields_are_left_out(
    fields: dict[str, Any], sender_id: int | None, has_time: bool
) -> None:
    event = read_inbound(inbound(**fields), COMMON_NAMES)

    assert not isinstance(event, str)
    assert event.sender_id == sender_id
    assert (event.at is not None) is has_time


def test_a_process_that_has_ended_is_known_at_once() -> None:
    host = alive.Owner().host
    ended = subprocess.run(
        [sys.executable, "-c", "import os; print(os.getpid())"],
        check=True,
        capture_output=True,
    )  # our own
    owner = alive.Owner()
    owner.begin()

    assert alive.has_ended("gone", host, int(ended.stdout))
    assert alive.has_ended("older", host, os.getpid())
    assert not alive.has_ended("parent", host, os.getppid())
    assert not alive.has_ended("init", host, 1)
    assert not alive.has_ended(owner.token, host, os.getpid())
    owner.end()
