"""What is taken in, answered and handled."""

import asyncio
import json
from collections.abc import Callable
from contextlib import suppress
from itertools import pairwise
from typing import Any

import pytest

from autocalls_async import AutocallsClient, Deliveries
from autocalls_async.emulator import Emulator
from autocalls_async.webhooks import (
    Answer,
    Chat,
    ConversationEnded,
    DeliveryStoreError,
    InboundMessage,
    MemoryDeliveries,
    MessageStatus,
    Receiver,
    Webhooks,
)
from autocalls_async.webhooks.handlers.workshop import PAUSES
from autocalls_async.webhooks.receiving.door import ENDED_BYTES
from autocalls_async.webhooks.receiving.receiver import MOST_BYTES
from tests.webhooks.bodies import PHONE, SECRET, SENDER, ended, inbound, receipt, signed
from tests.webhooks.conftest import TOKEN
from tests.webhooks.posts import POSTS, SECRETS, Post

BEARER = {"Authorization": f"Bearer {TOKEN}"}
RECEIPTS, INBOUND, ENDED = "/hooks/receipts", "/hooks/inbound", f"/hooks/ended/{TOKEN}"


async def tell(hooks: Webhooks, number: int, *statuses: str) -> list[int]:
    """Post receipts, one after another; give the answers."""
    answers = []
    for status in statuses:
        raw = receipt(number, status)
        answers.append((await hooks.handle(RECEIPTS, signed(raw), raw)).status)
    return answers


async def settle(seconds: float = 1.0) -> None:
    """Let handlers work."""
    await asyncio.sleep(seconds)


@pytest.mark.parametrize("post", POSTS, ids=lambda post: post.name)
async def test_each_post_gets_its_answer(post: Post) -> None:
    deliveries = Deliveries()
    hooks = Webhooks(Receiver(SECRETS), deliveries=deliveries)
    headers = dict(post.headers)
    if len(headers) < len(post.headers):
        headers = {post.headers[0][0]: ", ".join(value for _, value in post.headers)}

    status, body = await hooks.handle(RECEIPTS, headers, post.raw)

    assert status == post.status
    assert bool(body) is (status != 204)
    await deliveries.aclose()


async def test_a_receipt_ends_waiting_and_is_handled_once(
    hooks: Webhooks, answering: AutocallsClient
) -> None:
    seen: list[MessageStatus] = []

    @hooks.on_status()
    async def note(event: MessageStatus) -> None:
        seen.append(event)

    waiting = asyncio.create_task(answering.deliveries.wait(7, timeout=60))
    await settle()
    answers = await tell(hooks, 7, "sent", "sent", "delivered", "delivered")
    found = await waiting
    await settle()

    assert answers == [204] * 4
    assert found.status == "delivered"
    assert sorted(event.status for event in seen) == ["delivered", "sent"]
    assert seen[0].recipient_phone == PHONE


async def test_handlers_see_the_statuses_that_they_asked_for(hooks: Webhooks) -> None:
    seen: list[str] = []

    @hooks.on_status("failed", "undelivered")
    async def failed(event: MessageStatus) -> None:
        seen.append(event.status)

    await tell(hooks, 7, "sent", "warning", "failed", "undelivered", "read")
    await settle()

    assert sorted(seen) == ["failed", "undelivered"]


async def test_an_unknown_status_is_handled_once_and_moves_nothing(
    hooks: Webhooks, answering: AutocallsClient
) -> None:
    seen: list[str] = []

    @hooks.on_status()
    async def note(event: MessageStatus) -> None:
        seen.append(event.status)

    await tell(hooks, 7, "sent", "warning", "warning")
    await settle()
    stands = await answering.deliveries.get(7)

    assert sorted(seen) == ["sent", "warning"]
    assert stands is not None
    assert stands.status == "sent"


async def test_a_test_goes_to_its_own_handler_alone(
    hooks: Webhooks, answering: AutocallsClient
) -> None:
    seen: list[str] = []

    @hooks.on_status()
    async def status(_: MessageStatus) -> None:
        seen.append("status")

    @hooks.on_test
    async def test(_: MessageStatus) -> None:
        seen.append("test")

    raw = receipt(7, test=True)
    answer = await hooks.handle(RECEIPTS, signed(raw), raw)
    await settle()

    assert (answer.status, seen) == (204, ["test"])
    assert await answering.deliveries.get(7) is None


async def test_a_handler_never_delays_the_answer(hooks: Webhooks) -> None:
    @hooks.on_status()
    async def slow(_: MessageStatus) -> None:
        await asyncio.sleep(1000)

    began = asyncio.get_running_loop().time()
    await tell(hooks, 7, "sent", "delivered", "read")

    assert asyncio.get_running_loop().time() - began < 1
    await hooks.aclose(drain_timeout=0)


async def test_a_handler_that_fails_is_tried_three_times_more(
    hooks: Webhooks, caplog: pytest.LogCaptureFixture
) -> None:
    tries: list[float] = []

    @hooks.on_status()
    async def fail(_: MessageStatus) -> None:
        tries.append(asyncio.get_running_loop().time())
        msg = f"cannot tell {PHONE}"
        raise LookupError(msg)

    await tell(hooks, 7, "failed")
    await settle(sum(PAUSES) + 10)

    gaps = [round(b - a) for a, b in pairwise(tries)]
    assert gaps == list(PAUSES)
    assert caplog.text.count("a handler failed") == 4
    assert "LookupError" in caplog.text
    assert "test_hooks.py" in caplog.text
    assert PHONE not in caplog.text


async def test_an_inbound_message_is_answered(
    hooks: Webhooks, emulator: Emulator
) -> None:
    @hooks.on_message
    async def reply(event: InboundMessage, chat: Chat) -> None:
        await chat.send(f"You wrote {event.text}")

    emulator.customer_writes(PHONE)
    raw = inbound("hello")
    answer = await hooks.handle(INBOUND, BEARER, raw)
    await settle()

    assert answer == (204, "")
    assert [m.message for m in emulator.accepted] == ["You wrote hello"]
    # It is known that they have written: nobody asked for their window.
    assert len(emulator.requests) == 1


async def test_one_persons_messages_are_handled_in_order(hooks: Webhooks) -> None:
    seen: list[str] = []

    @hooks.on_message
    async def slow(event: InboundMessage, _: Chat) -> None:
        await asyncio.sleep(10 - int(event.text))
        seen.append(event.text)

    for number in range(5):
        await hooks.handle(INBOUND, BEARER, inbound(str(number)))
    await hooks.handle(INBOUND, BEARER, inbound("9", customer_phone="+14155550999"))
    await settle(60)

    assert seen == ["9", "0", "1", "2", "3", "4"]


async def test_a_message_that_comes_again_is_handled_once(hooks: Webhooks) -> None:
    seen: list[str] = []

    @hooks.on_message
    async def note(event: InboundMessage, _: Chat) -> None:
        seen.append(event.text)

    known = [
        inbound("by id", message_id="m1"),
        inbound("by time", timestamp="2030-01-01T00:00:00Z"),
    ]
    answers = [
        (await hooks.handle(INBOUND, BEARER, raw)).status
        for raw in (*known, *known, inbound("yes"), inbound("yes"))
    ]
    await settle()

    assert answers == [204] * 6
    assert seen == ["by id", "by time", "yes", "yes"]


async def test_a_message_whose_handler_fails_is_not_handled_again(
    hooks: Webhooks,
) -> None:
    tries: list[str] = []

    @hooks.on_message
    async def fail(event: InboundMessage, _: Chat) -> None:
        tries.append(event.text)
        raise LookupError

    await hooks.handle(INBOUND, BEARER, inbound("once"))
    await settle(1000)

    assert tries == ["once"]
    assert await hooks.unfinished() == []


async def test_a_conversation_that_ended_is_told(hooks: Webhooks) -> None:
    seen: list[ConversationEnded] = []

    @hooks.on_ended
    async def note(event: ConversationEnded) -> None:
        seen.append(event)

    raw = ended()
    answers = [(await hooks.handle(ENDED, {}, raw)).status for _ in range(2)]
    await settle()

    assert answers == [204, 204]
    assert len(seen) == 1
    assert [entry.content for entry in seen[0].transcript] == [
        "Are you open?",
        "Until six.",
    ]
    assert (seen[0].customer_phone, seen[0].message_count) == (PHONE, 2)
    assert seen[0].created_at is None  # it has no zone
    assert seen[0].extracted_variables == {"topic": "hours"}


@pytest.mark.parametrize(
    ("path", "headers", "raw", "status"),
    [
        pytest.param("/hooks/other", {}, b"", 404, id="no route"),
        pytest.param("/elsewhere", {}, b"", 404, id="elsewhere"),
        pytest.param("/hooks/receipts/x", {}, b"", 404, id="below receipts"),
        pytest.param("/hooks/ended", {}, ended(), 404, id="ended without its token"),
        pytest.param("/hooks/ended/guess", {}, ended(), 404, id="a wrong token"),
        pytest.param("/hooks/ended/é\ud800", {}, ended(), 404, id="an odd token"),
        pytest.param(INBOUND, {}, inbound(), 401, id="inbound without its token"),
        pytest.param(
            INBOUND, {"Authorization": "Bearer guess"}, inbound(), 401, id="guessed"
        ),
        pytest.param(
            INBOUND, {"authorization": f"bearer {TOKEN}"}, inbound(), 204, id="small"
        ),
        pytest.param(INBOUND, BEARER, b"[]", 422, id="inbound without sense"),
        pytest.param(
            INBOUND, BEARER, b" " * (MOST_BYTES + 1), 413, id="inbound too large"
        ),
        pytest.param(ENDED, {}, b" " * (ENDED_BYTES + 1), 413, id="ended too large"),
        pytest.param(ENDED, {}, b"[]", 204, id="ended without sense"),
        pytest.param(ENDED, {}, b'{"id": 3}', 204, id="ended without a conversation"),
    ],
)
async def test_the_other_routes_answer(
    hooks: Webhooks, path: str, headers: dict[str, str], raw: bytes, status: int
) -> None:
    assert (await hooks.handle(path, headers, raw)).status == status


async def test_without_a_token_there_is_neither_inbound_nor_ended(
    answering: AutocallsClient,
) -> None:
    hooks = Webhooks(Receiver(SECRET), answering)

    answers = [
        await hooks.handle(INBOUND, BEARER, inbound()),
        await hooks.handle(INBOUND, {"Authorization": "Bearer "}, inbound()),
        await hooks.handle("/hooks/ended/", {}, ended()),
    ]

    assert [answer.status for answer in answers] == [404] * 3
    assert hooks.most_bytes("/hooks/ended/") == MOST_BYTES


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        pytest.param({"customer_phone": None}, "'customer_phone' must be", id="none"),
        pytest.param({"customer_phone": "12"}, "'customer_phone' must be", id="short"),
        pytest.param({"message": 5}, "'message' must be a text", id="no text"),
    ],
)
async def test_the_author_of_a_flow_is_told_what_is_missing(
    hooks: Webhooks, fields: dict[str, Any], told: str
) -> None:
    answer = await hooks.handle(INBOUND, BEARER, inbound(**fields))

    assert answer.status == 422
    assert told in answer.body


async def test_a_flow_may_have_its_own_names(answering: AutocallsClient) -> None:
    seen: list[InboundMessage] = []
    hooks = Webhooks(
        Receiver(SECRET),
        answering,
        inbound_token=TOKEN,
        fields={"phone": "who", "text": "said", "at": "when"},
    )

    @hooks.on_message
    async def note(event: InboundMessage, _: Chat) -> None:
        seen.append(event)

    body = {"who": 14155550123, "said": "hi", "when": 1893456000000, "x": 1}
    answer = await hooks.handle(INBOUND, BEARER, json.dumps(body).encode())
    missing = await hooks.handle(INBOUND, BEARER, b'{"text": "hi", "phone": "+1"}')
    await settle()

    assert answer.status == 204
    assert (seen[0].phone, seen[0].text, seen[0].extra) == (PHONE, "hi", {"x": 1})
    assert seen[0].at is not None
    assert seen[0].at.year == 2030
    assert "'who'" in missing.body


async def test_a_message_without_a_sender_is_refused(emulator: Emulator) -> None:
    async with AutocallsClient("1|k", base_url=emulator.base_url) as client:
        hooks = Webhooks(Receiver(SECRET), client, inbound_token=TOKEN)
        answer = await hooks.handle(INBOUND, BEARER, inbound(sender_id=None))

    assert answer == (422, "there is no sender_id, neither here nor the client's")


class _Away(MemoryDeliveries):
    is_away = True

    async def join(self) -> None:
        if self.is_away:
            raise DeliveryStoreError(name="x", detail="its disk is full; make room")


async def test_a_store_that_is_away_is_a_503_and_comes_back() -> None:
    store = _Away()
    deliveries = Deliveries(store)
    hooks = Webhooks(Receiver(SECRET), deliveries=deliveries)

    away = await tell(hooks, 7, "sent")
    store.is_away = False
    back = await tell(hooks, 7, "sent")

    assert (away, back) == ([503], [204])
    assert Answer(503, "").headers == Answer(429, "").headers == {"Retry-After": "30"}
    assert Answer(204, "").headers == {}
    await deliveries.aclose()


async def test_a_flood_waits_in_the_store_and_is_handled_in_order(
    hooks: Webhooks,
) -> None:
    seen: list[str] = []

    @hooks.on_message
    async def slow(event: InboundMessage, _: Chat) -> None:
        await asyncio.sleep(0.01)
        seen.append(event.text)

    await asyncio.gather(
        *(hooks.handle(INBOUND, BEARER, inbound(str(n))) for n in range(300))
    )
    await settle(60)

    assert seen == [str(n) for n in range(300)]


async def test_closing_lets_handlers_end_and_cuts_off_the_rest(
    answering: AutocallsClient, hooks: Webhooks, emulator: Emulator
) -> None:
    cut_off: list[str] = []

    @hooks.on_message
    async def answer(event: InboundMessage, chat: Chat) -> None:
        try:
            await asyncio.sleep(float(event.text))
        except asyncio.CancelledError:
            cut_off.append(event.text)
            raise
        await chat.send(event.text)

    emulator.customer_writes(PHONE)
    await hooks.handle(INBOUND, BEARER, inbound("5"))
    await hooks.handle(INBOUND, BEARER, inbound("1000", customer_phone="+14155550999"))
    await settle()
    await answering.aclose()
    late = await tell(hooks, 7, "sent")

    assert [m.message for m in emulator.accepted] == ["5"]
    assert cut_off == ["1000"]
    assert late == [503]


async def test_who_asks_may_be_cut_off_and_the_handler_runs(hooks: Webhooks) -> None:
    seen: list[str] = []

    @hooks.on_status()
    async def note(event: MessageStatus) -> None:
        seen.append(event.status)

    raw = receipt(7, "read")
    await hooks.start()
    asking = asyncio.create_task(hooks.handle(RECEIPTS, signed(raw), raw))
    await asyncio.sleep(0)
    asking.cancel()
    await asyncio.wait([asking])
    await settle()

    assert asking.cancelled()
    assert seen == ["read"]


async def test_what_is_turned_away_is_told_once_a_minute(
    hooks: Webhooks, caplog: pytest.LogCaptureFixture
) -> None:
    raw = receipt()
    for _ in range(3):
        for _ in range(50):
            await hooks.handle(RECEIPTS, signed(raw, "wrong"), raw)
            await hooks.handle("/hooks/ended/wrong-token", {}, raw)
            await hooks.handle("/hooks/other/+14155550123", {}, raw)
        await settle(50)

    assert caplog.text.count("(answered with 429)") == 2
    assert (
        caplog.text.count("/hooks/ended/••• ") + caplog.text.count("/hooks/ended/•••:")
        == 2
    )
    assert "wrong-token" not in caplog.text
    assert PHONE not in caplog.text


class _OddError(BaseException):
    """What other libraries raise past `Exception`."""


@pytest.mark.parametrize(
    "error",
    [
        pytest.param(asyncio.CancelledError(), id="cancelled inside"),
        pytest.param(_OddError(), id="no Exception"),
        pytest.param(BaseExceptionGroup("x", [_OddError()]), id="a group"),
    ],
)
async def test_whatever_a_handler_raises_is_a_fault_of_its_own(
    hooks: Webhooks, error: BaseException
) -> None:
    texts: list[str] = []
    statuses: list[str] = []

    @hooks.on_message
    async def reply(event: InboundMessage, _: Chat) -> None:
        texts.append(event.text)
        await asyncio.sleep(1)
        raise error

    @hooks.on_status()
    async def note(event: MessageStatus) -> None:
        statuses.append(event.status)
        if len(statuses) == 1:
            raise error

    for text in ("one", "two", "three"):
        await hooks.handle(INBOUND, BEARER, inbound(text))
    await tell(hooks, 7, "sent")
    await settle(100)

    assert texts == ["one", "two", "three"]
    assert statuses == ["sent", "sent"]
    assert await hooks.unfinished() == []


async def test_a_handler_that_will_not_be_cut_off_does_not_hold_up_the_end(
    hooks: Webhooks, caplog: pytest.LogCaptureFixture
) -> None:
    may_end = asyncio.Event()

    @hooks.on_status()
    async def deaf(_: MessageStatus) -> None:
        while not may_end.is_set():
            with suppress(asyncio.CancelledError):
                await may_end.wait()

    await tell(hooks, 7, "sent")
    async with asyncio.timeout(60):
        await hooks.aclose(drain_timeout=1)
    may_end.set()
    await settle()

    assert "go on although" in caplog.text


async def test_a_status_with_a_typing_error_is_told_of(
    hooks: Webhooks, caplog: pytest.LogCaptureFixture
) -> None:
    hooks.on_status("delivred")

    assert "delivered" in caplog.text


@pytest.mark.parametrize(
    ("path", "headers", "raw", "told"),
    [
        pytest.param(None, {}, b"", "path", id="no path"),
        pytest.param(RECEIPTS, None, b"", "headers", id="no headers"),
        pytest.param(RECEIPTS, {}, "{}", "raw", id="a text"),
        pytest.param(RECEIPTS, {}, {"event": "x"}, "raw", id="what was parsed"),
    ],
)
async def test_what_a_program_gives_wrongly_is_its_error(
    hooks: Webhooks,
    path: Any,  # noqa: ANN401  # as said
    headers: Any,  # noqa: ANN401
    raw: Any,  # noqa: ANN401
    told: str,
) -> None:
    with pytest.raises(ValueError, match=told):
        await hooks.handle(path, headers, raw)


async def test_bytes_may_be_held_by_a_bytearray(hooks: Webhooks) -> None:
    raw: Any = bytearray(receipt(7))

    answer = await hooks.handle(RECEIPTS, signed(bytes(raw)), raw)

    assert answer.status == 204


def _an_integer() -> Any:  # noqa: ANN401  # likewise
    return 5


def _a_callable() -> Any:  # noqa: ANN401  # a mistake that a checker finds
    return len


@pytest.mark.parametrize(
    ("make", "told"),
    [
        pytest.param(Webhooks, "nowhere to keep", id="nowhere"),
        pytest.param(
            lambda r: Webhooks(r, deliveries=Deliveries(), inbound_token=""),
            "inbound_token",
            id="an empty token",
        ),
        pytest.param(
            lambda r: Webhooks(r, deliveries=Deliveries(), inbound_token="a/b"),  # noqa: S106  # of nobody
            "inbound_token",
            id="a token with a slash",
        ),
        pytest.param(
            lambda r: Webhooks(r, deliveries=Deliveries(), fields={"who": "x"}),
            "fields",
            id="an unknown field",
        ),
        pytest.param(
            lambda r: Webhooks(r, deliveries=Deliveries()).on_message(_a_callable()),
            "client",
            id="messages without a client",
        ),
        pytest.param(
            lambda r: Webhooks(r, deliveries=Deliveries()).on_status(_a_callable()),
            "on_status",
            id="a handler for a status",
        ),
        pytest.param(
            lambda r: Webhooks(r, deliveries=Deliveries()).on_ended(_a_callable()),
            "async def",
            id="no coroutine function",
        ),
        pytest.param(
            lambda r: Webhooks(r, deliveries="receipts.db"),  # type: ignore[arg-type]  # as said
            "deliveries",
            id="a file for deliveries",
        ),
        pytest.param(
            lambda r: Webhooks(r, _an_integer()), "client", id="a number for a client"
        ),
        pytest.param(
            lambda _: Webhooks(_an_integer(), deliveries=Deliveries()),
            "receiver",
            id="a number for a receiver",
        ),
        pytest.param(
            lambda r: Webhooks(r, AutocallsClient("1|k"), deliveries=Deliveries()),
            "of its own",
            id="deliveries that the client does not look into",
        ),
        pytest.param(
            lambda r: Webhooks(r, deliveries=Deliveries(), fields=_an_integer()),
            "fields",
            id="a number for fields",
        ),
        pytest.param(
            lambda r: Webhooks(r, deliveries=Deliveries(), fields={"text": ""}),
            "fields",
            id="a field without a name",
        ),
        pytest.param(
            lambda r: Webhooks(r, deliveries=Deliveries(), prefix="hooks"),
            "prefix",
            id="a prefix without a slash",
        ),
        pytest.param(
            lambda r: Webhooks(r, deliveries=Deliveries(), prefix="/{any}"),
            "prefix",
            id="a prefix with a place",
        ),
        pytest.param(
            lambda r: Webhooks(r, deliveries=Deliveries()).on_status("Failed"),
            "a word such as",
            id="a status in capitals",
        ),
        pytest.param(lambda _: Deliveries(""), "store", id="no name of a file"),
        pytest.param(lambda _: Deliveries(_an_integer()), "store", id="no store"),
    ],
)
def test_what_cannot_work_is_refused_at_once(
    make: Callable[[Receiver], object], told: str
) -> None:
    with pytest.raises(ValueError, match=told):
        make(Receiver(SECRET))


def test_a_receiver_says_where_it_is() -> None:
    hooks = Webhooks(Receiver(SECRET), deliveries=Deliveries(), prefix="/bot/")

    assert repr(hooks) == "<Webhooks at /bot>"
    assert hooks.prefix == "/bot"
    assert SENDER
