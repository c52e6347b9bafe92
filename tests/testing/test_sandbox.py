"""The sandbox in tests that do not share its loop: who blocks may use all of it."""

from urllib.request import Request, urlopen

import pytest

from autocalls_async.emulator import Emulator
from autocalls_async.testing import live
from tests.people import ANA


def send(emulator: Emulator, text: str) -> None:
    """Send Ana a text, blocking."""
    body = f'{{"sender_id": 12, "recipient_phone": "{ANA}", "message": "{text}"}}'
    request = Request(  # noqa: S310  # ours
        f"{emulator.base_url}/user/whatsapp/send-freeform",
        data=body.encode(),
        headers={
            "Authorization": "Bearer any-key",
            "Accept": "application/json",
            "Content-Type": "application/json",
        },
    )
    with urlopen(request):  # noqa: S310  # ours
        pass


def test_a_test_with_a_browser_has_a_page(sandbox: Emulator) -> None:
    with urlopen(f"{sandbox.page_url}_sandbox/v1/state") as answer:  # noqa: S310  # ours
        assert answer.status == 200


def test_who_blocks_can_wait_for_a_message_and_read_the_thread(
    live_emulator: Emulator,
) -> None:
    asked = live_emulator.customer_writes(ANA, "Are you open?")
    assert asked is not None

    send(live_emulator, "Until ten")
    reply = live_emulator.block_on(
        live_emulator.wait_for_message(ANA, contains="ten", after=asked.number)
    )

    assert [m.text for m in live_emulator.thread(ANA)] == ["Are you open?", "Until ten"]
    assert reply.whatsapp_message_id is not None
    live_emulator.set_status(reply.whatsapp_message_id, "read")
    assert live_emulator.thread(ANA)[-1].status == "read"


def test_what_was_waited_for_in_vain_is_told_to_who_blocks(
    live_emulator: Emulator,
) -> None:
    with pytest.raises(TimeoutError, match=r"0 of 1 messages .* 'ten' came in 0\.01 s"):
        live_emulator.block_on(
            live_emulator.wait_for_message(ANA, contains="ten", timeout=0.01)
        )


async def test_another_loop_can_await_it() -> None:
    with live() as emulator:
        emulator.customer_writes(ANA, "hello")
        send(emulator, "hi")

        message = await emulator.wait_for_message(ANA)

    assert message.text == "hi"


async def test_the_emulators_own_thread_is_told_not_to_block(
    emulator: Emulator,
) -> None:
    with pytest.raises(RuntimeError, match="await here"):
        emulator.block_on(emulator.wait_for_message(ANA))


async def test_a_plain_emulator_has_no_page(emulator: Emulator) -> None:
    with pytest.raises(RuntimeError, match="page=True"):
        _ = emulator.page_url


async def test_no_message_cannot_be_waited_for(emulator: Emulator) -> None:
    with pytest.raises(ValueError, match="at least one"):
        await emulator.wait_for_message(ANA, count=0)
