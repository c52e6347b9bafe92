"""The receiver of webhooks that blocks: its handlers are functions in threads."""

import asyncio
import threading
import time
from collections.abc import Iterator
from queue import SimpleQueue
from typing import Any

import pytest

from autocalls_async import Accepted, Deliveries, SendLimit
from autocalls_async.blocking import BlockingChat, BlockingClient, BlockingWebhooks
from autocalls_async.emulator import Emulator
from autocalls_async.testing import live
from autocalls_async.webhooks import (
    ConversationEnded,
    InboundMessage,
    MessageStatus,
    Receiver,
)
from tests.webhooks.bodies import PHONE, SECRET, SENDER, ended, inbound, receipt, signed
from tests.webhooks.conftest import TOKEN

BEARER = {"Authorization": f"Bearer {TOKEN}"}


@pytest.fixture
def emulator() -> Iterator[Emulator]:
    with live(Emulator(rate_limit=None)) as started:
        yield started


@pytest.fixture
def client(emulator: Emulator) -> Iterator[BlockingClient]:
    with BlockingClient(
        "1|key-that-nobody-sees",
        base_url=emulator.base_url,
        sender_id=SENDER,
        send_limit=SendLimit(500, per=1.0),
        deliveries=Deliveries(),
    ) as opened:
        yield opened


@pytest.fixture
def hooks(client: BlockingClient) -> BlockingWebhooks:
    return BlockingWebhooks(Receiver(SECRET), client, inbound_token=TOKEN)


def tell(hooks: BlockingWebhooks, raw: bytes) -> int:
    return hooks.handle("/hooks/receipts", signed(raw), raw).status


def test_each_kind_of_handler_is_called_in_a_thread_of_its_own(
    hooks: BlockingWebhooks,
) -> None:
    seen: SimpleQueue[tuple[str, bool]] = SimpleQueue()
    home = {t.name for t in threading.enumerate()}

    def note(what: str) -> None:
        seen.put((what, threading.current_thread().name in home))

    @hooks.on_status("delivered")
    def status(event: MessageStatus) -> None:
        note(event.status)

    @hooks.on_test
    def test(_: MessageStatus) -> None:
        note("test")

    @hooks.on_ended
    def end(_: ConversationEnded) -> None:
        note("ended")

    answers = [
        tell(hooks, receipt(1, "sent")),
        tell(hooks, receipt(1, "delivered")),
        tell(hooks, receipt(2, test=True)),
        hooks.handle(f"/hooks/ended/{TOKEN}", {}, ended()).status,
    ]

    assert answers == [204] * 4
    told = sorted(seen.get(timeout=10) for _ in range(3))
    assert told == [("delivered", False), ("ended", False), ("test", False)]
    assert seen.empty()


def test_a_person_is_answered_and_handlers_may_block(
    hooks: BlockingWebhooks, emulator: Emulator, client: BlockingClient
) -> None:
    seen: SimpleQueue[Any] = SimpleQueue()
    may_go_on = threading.Event()

    @hooks.on_message
    def reply(event: InboundMessage, chat: BlockingChat) -> None:
        may_go_on.wait(10)
        seen.put(chat.send(f"You wrote {event.text}"))
        seen.put(chat.send_long("word " * 1000))
        seen.put(client.session_status(chat.phone).session_status.is_open)
        seen.put(repr(chat))

    emulator.customer_writes(PHONE, text="Hello")
    answer = hooks.handle("/hooks/inbound", BEARER, inbound("Hello"))
    assert seen.empty()  # it was answered before
    may_go_on.set()

    assert answer.status == 204
    assert seen.get(timeout=10).whatsapp_message_id
    assert all(isinstance(part, Accepted) for part in seen.get(timeout=10))
    assert seen.get(timeout=10) is True
    assert PHONE not in seen.get(timeout=10)
    assert emulator.accepted[0].message == "You wrote Hello"


def test_closing_the_client_lets_a_handler_answer(
    hooks: BlockingWebhooks, emulator: Emulator, client: BlockingClient
) -> None:
    begun, seen = threading.Event(), SimpleQueue[str]()

    @hooks.on_message
    def reply(_: InboundMessage, chat: BlockingChat) -> None:
        begun.set()
        while hooks.handle("/hooks/receipts", {}, b"").status != 503:
            time.sleep(0.001)  # until it is closed
        seen.put(chat.send("still here").message_sid or "")
        seen.put(
            client.send_freeform(chat.phone, "and so is the client").message_sid or ""
        )

    emulator.customer_writes(PHONE)
    hooks.handle("/hooks/inbound", BEARER, inbound("Hello"))
    assert begun.wait(10)
    client.close()

    assert seen.qsize() == 2
    assert hooks.prefix == "/hooks"
    with pytest.raises(RuntimeError, match="closed"):
        tell(hooks, receipt())


def test_what_a_handler_raises_is_logged_and_not_told(
    hooks: BlockingWebhooks, caplog: pytest.LogCaptureFixture
) -> None:
    failed = threading.Event()

    @hooks.on_message
    def fail(event: InboundMessage, _: BlockingChat) -> None:
        failed.set()
        raise LookupError(event.phone)

    hooks.handle("/hooks/inbound", BEARER, inbound("Hello"))
    assert failed.wait(10)
    hooks.close()

    assert "LookupError" in caplog.text
    assert PHONE not in caplog.text
    assert hooks.handle("/hooks/inbound", BEARER, inbound("again")).status == 503


def test_what_was_cut_off_is_listed_and_forgotten(hooks: BlockingWebhooks) -> None:
    begun, may_end = threading.Event(), threading.Event()

    @hooks.on_message
    def hang(_: InboundMessage, __: BlockingChat) -> None:
        begun.set()
        may_end.wait(10)

    with hooks:
        hooks.handle("/hooks/inbound", BEARER, inbound("Hello"))
        assert begun.wait(10)
        hooks.close(drain_timeout=0)
        may_end.set()
        found = hooks.unfinished()
        for one in found:
            hooks.forget(one)
        left = hooks.unfinished()

    assert [one.message.text for one in found] == ["Hello"]
    assert left == []


async def _coroutine(_: MessageStatus) -> None: ...


class _Called:
    async def __call__(self, _: MessageStatus) -> None: ...


@pytest.mark.parametrize("handler", [_coroutine, _Called(), None, "name"])
def test_only_plain_functions_are_handlers(
    hooks: BlockingWebhooks,
    handler: Any,  # noqa: ANN401  # as said
) -> None:
    for add in (hooks.on_status(), hooks.on_test, hooks.on_ended, hooks.on_message):
        with pytest.raises(ValueError, match="plain function"):
            add(handler)


def test_it_needs_a_client_that_blocks() -> None:
    with pytest.raises(ValueError, match="BlockingClient"):
        BlockingWebhooks(Receiver(SECRET), None)  # type: ignore[arg-type]  # as said


def test_a_chat_whose_loop_has_ended_says_so(emulator: Emulator) -> None:
    chats: SimpleQueue[BlockingChat] = SimpleQueue()
    with BlockingClient("1|k", base_url=emulator.base_url, sender_id=SENDER) as client:
        hooks = BlockingWebhooks(Receiver(SECRET), client, inbound_token=TOKEN)

        @hooks.on_message
        def keep(_: InboundMessage, chat: BlockingChat) -> None:
            chats.put(chat)

        hooks.handle("/hooks/inbound", BEARER, inbound("Hello"))
        chat = chats.get(timeout=10)

    with pytest.raises(RuntimeError, match="nothing was sent"):
        chat.send("too late")


def test_it_may_be_made_at_import_and_says_what_it_is(hooks: BlockingWebhooks) -> None:
    with pytest.raises(RuntimeError, match="no running event loop"):
        asyncio.get_running_loop()

    assert repr(hooks) == "<BlockingWebhooks at /hooks>"
    assert hooks.most_bytes("/hooks/receipts") == 64 * 1024
