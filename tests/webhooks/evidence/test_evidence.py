"""Whether a message arrived whose outcome is unknown."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from autocalls_async import AutocallsClient, Deliveries, UnknownOutcomeError
from autocalls_async.emulator import Emulator, Endpoint, HangUpAfter, HangUpBefore
from autocalls_async.webhooks import Receiver, Webhooks
from autocalls_async.webhooks.evidence.evidence import (
    Case,
    Knowledge,
    Proof,
    fold_text,
    merge,
    read_case,
    weigh,
)
from autocalls_async.webhooks.stores.protocol import Handover, Receipt
from tests.webhooks.bodies import PHONE, SECRET, SENDER, receipt, signed

AT = datetime(2030, 1, 1, 12, tzinfo=UTC)
TEXT, EARLIER, OTHER = "Code 4711", "Welcome", "Anything else?"
CASE = Case(sender_id=SENDER, phone=PHONE, digest=fold_text(TEXT), handed_over_at=AT)


def sent(
    text: str | None,
    minutes: float,
    number: int | None = 7,
    *,
    is_accepted: bool = True,
) -> Handover:
    return Handover(
        sender_id=SENDER,
        person=PHONE,
        digest=None if text is None else fold_text(text),
        handed_over_at=AT + timedelta(minutes=minutes),
        whatsapp_message_id=number,
        is_accepted=is_accepted,
    )


def lost(text: str | None = TEXT, minutes: float = 0) -> Handover:
    return sent(text, minutes, None, is_accepted=False)


def stray(number: int = 890, minutes: float = 0.1) -> Receipt:
    return Receipt(
        whatsapp_message_id=number,
        status="sent",
        sender_id=SENDER,
        person=PHONE,
        received_at=AT + timedelta(minutes=minutes),
    )


BEFORE = sent(EARLIER, -60)


@pytest.mark.parametrize(
    ("sends", "history", "strays", "was_up", "verdict"),
    [
        pytest.param(
            [BEFORE, lost()], [EARLIER, TEXT], [stray()], True, "sure", id="both"
        ),
        pytest.param(
            [BEFORE, lost()], [EARLIER, TEXT], [stray()], False, "likely", id="a gap"
        ),
        pytest.param(
            [BEFORE, lost()], [EARLIER, TEXT], [], True, "likely", id="history alone"
        ),
        pytest.param(
            [BEFORE, lost()], [EARLIER], [stray()], True, "likely", id="receipt alone"
        ),
        pytest.param([BEFORE, lost()], [EARLIER], [], True, "none", id="nothing"),
        pytest.param(
            [BEFORE, lost()],
            [EARLIER, TEXT],
            [stray(minutes=2.1)],
            True,
            "likely",
            id="a receipt that is late",
        ),
        pytest.param([BEFORE], [EARLIER, TEXT], [stray()], True, "sure", id="unnoted"),
        pytest.param([BEFORE, lost()], None, [], True, "none", id="no history"),
        pytest.param([lost()], [TEXT], [stray()], True, "likely", id="no anchor"),
        pytest.param(
            [BEFORE, lost()], [TEXT, EARLIER], [stray()], True, "likely", id="before it"
        ),
        pytest.param(
            [BEFORE, lost()], [TEXT], [stray()], True, "likely", id="anchor not there"
        ),
        pytest.param(
            [BEFORE, lost()],
            [EARLIER, TEXT],
            [stray(1), stray(2)],
            True,
            "likely",
            id="two strays",
        ),
        pytest.param(
            [BEFORE, lost(), sent(TEXT, 5, 8)],
            [EARLIER, TEXT],
            [stray()],
            True,
            "likely",
            id="sent again, accepted",
        ),
        pytest.param(
            [BEFORE, lost(), sent(TEXT, 5, 8)],
            [EARLIER, TEXT, TEXT],
            [stray()],
            True,
            "sure",
            id="sent again, both there",
        ),
        pytest.param(
            [BEFORE, lost(), lost(TEXT, 1)],
            [EARLIER, TEXT],
            [stray()],
            True,
            "likely",
            id="two lost, one there",
        ),
        pytest.param(
            [BEFORE, lost(), lost(OTHER, 1)],
            [EARLIER, TEXT],
            [stray(minutes=1.1)],
            True,
            "likely",
            id="another lost one may be the receipt's",
        ),
        pytest.param(
            [BEFORE, lost(), sent(OTHER, 0.5, None)],
            [EARLIER, TEXT, OTHER],
            [stray(minutes=1.1)],
            True,
            "likely",
            id="an accepted one without its id",
        ),
        pytest.param(
            [sent(TEXT, -60), lost()],
            [TEXT, TEXT],
            [stray()],
            True,
            "likely",
            id="the same text before, perhaps older still",
        ),
        pytest.param(
            [sent(TEXT, -99), BEFORE, lost()],
            [TEXT, EARLIER, OTHER, TEXT],
            [stray()],
            True,
            "sure",
            id="the same text before the anchor",
        ),
    ],
)
def test_what_is_found_is_weighed(
    sends: Sequence[Handover],
    history: Sequence[str] | None,
    strays: Sequence[Receipt],
    was_up: bool,
    verdict: str,
) -> None:
    told = None if history is None else [fold_text(text) for text in history]

    found = weigh(
        CASE, Knowledge(sends=sends, history=told, strays=strays, was_up=was_up)
    )

    assert found.verdict == verdict
    assert found.reasons
    assert not any(word in str(found) for word in (TEXT, EARLIER, PHONE))


def test_where_its_campaign_notes_nothing_it_is_likely_at_most() -> None:
    told = [fold_text(EARLIER), fold_text(TEXT)]
    found = weigh(
        CASE,
        Knowledge(
            sends=[BEFORE, lost()],
            history=told,
            strays=[stray()],
            was_up=True,
            is_noted=False,
        ),
    )

    assert found.verdict == Proof.LIKELY
    assert "noted nothing" in found.reasons[-1]


def test_a_template_is_never_sure() -> None:
    case = Case(sender_id=SENDER, phone=PHONE, handed_over_at=AT)
    known = Knowledge(
        sends=[BEFORE, lost(None)],
        history=[fold_text(EARLIER), fold_text("a template")],
        strays=[stray()],
        was_up=True,
    )

    found = weigh(case, known)

    assert (found.verdict, found.whatsapp_message_id) == (Proof.LIKELY, 890)


def test_two_sources_tell_of_each_hand_over_once() -> None:
    noted = [BEFORE, lost()]
    soon = timedelta(milliseconds=3)
    entries = [
        BEFORE,
        Handover(
            sender_id=SENDER,
            person=PHONE,
            digest=fold_text(TEXT),
            handed_over_at=AT + soon,
            is_accepted=False,
        ),
        sent(OTHER, -1, 9),
    ]

    merged = merge(noted, entries)

    assert merged == [BEFORE, sent(OTHER, -1, 9), lost()]


@pytest.mark.parametrize(
    "given", [None, "x", ValueError(), UnknownOutcomeError(detail="gone")]
)
def test_what_is_no_unknown_message_is_refused(given: Any) -> None:  # noqa: ANN401  # as said
    with pytest.raises(ValueError, match=r"unknown outcome|which message"):
        read_case(given)


async def _lose(
    client: AutocallsClient, emulator: Emulator, *, arrives: bool
) -> UnknownOutcomeError:
    fault = HangUpAfter() if arrives else HangUpBefore()
    emulator.fail_next(1, fault, endpoint=Endpoint.SEND_FREEFORM)
    with pytest.raises(UnknownOutcomeError) as caught:
        await client.send_freeform(PHONE, TEXT, window_check="never")
    return caught.value


@pytest.mark.parametrize(
    ("arrives", "verdict"),
    [pytest.param(True, "sure", id="arrived"), pytest.param(False, "none", id="not")],
)
async def test_a_lost_answer_is_settled_by_what_the_service_shows(
    emulator: Emulator,
    tmp_path: Path,
    arrives: bool,
    verdict: str,
) -> None:
    async with AutocallsClient(
        "1|key",
        base_url=emulator.base_url,
        sender_id=SENDER,
        deliveries=Deliveries(tmp_path / "receipts.db"),
    ) as client:
        hooks = Webhooks(Receiver(SECRET), client)
        await hooks.start()
        emulator.customer_writes(PHONE, text="Hello?")
        await asyncio.sleep(60)
        first = await client.send_freeform(PHONE, EARLIER)
        known = receipt(first.whatsapp_message_id, "delivered")
        await hooks.handle("/hooks/receipts", signed(known), known)
        await asyncio.sleep(1000)
        error = await _lose(client, emulator, arrives=arrives)
        if arrives:
            raw = receipt(4711, "sent")
            await hooks.handle("/hooks/receipts", signed(raw), raw)
        early = await client.deliveries.evidence(error)
        await asyncio.sleep(1000)
        found = await client.deliveries.evidence(error)
        unread = await client.deliveries.evidence(error, reads_history=False)

    assert early.verdict == ("likely" if arrives else "none")
    assert found.verdict == verdict
    assert unread.verdict == ("likely" if arrives else "none")
    assert found.to_dict()["verdict"] == verdict
    assert TEXT not in repr(error)


async def test_deliveries_belong_to_one_client(emulator: Emulator) -> None:
    deliveries = Deliveries()
    client = AutocallsClient("1|k", base_url=emulator.base_url, deliveries=deliveries)

    with pytest.raises(ValueError, match="another client"):
        AutocallsClient("1|k", base_url=emulator.base_url, deliveries=deliveries)

    await client.aclose()
