"""What is promised of receipts, in whatever order they come and whoever looks."""

import asyncio
import logging
import traceback
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from hypothesis import given, settings
from hypothesis import strategies as st

from autocalls_async import AutocallsClient, Deliveries
from autocalls_async.emulator import Emulator, Endpoint, HangUpBefore
from autocalls_async.testing import run
from autocalls_async.webhooks import (
    Chat,
    ConversationEnded,
    InboundMessage,
    MessageStatus,
    Receiver,
    WebhookError,
    Webhooks,
)
from autocalls_async.webhooks.statuses import RANKS, rank
from tests.client.test_secrets import chain, frames
from tests.webhooks.bodies import (
    NEW,
    OLD,
    PHONE,
    SECRET,
    SENDER,
    UUID,
    digest,
    ended,
    inbound,
    receipt,
    signed,
)
from tests.webhooks.conftest import TOKEN

TASK_COUNT = 8
TEXT = "the result of your test is positive"
Told = Sequence[tuple[int, str]]

tellings = st.lists(
    st.tuples(st.integers(1, 3), st.sampled_from([*RANKS, "warning"])),
    min_size=1,
    max_size=24,
)


async def _tell_all(told: Told, path: Path | None) -> None:
    deliveries = Deliveries(path)
    hooks = Webhooks(Receiver(SECRET), deliveries=deliveries)
    seen: Counter[tuple[int, str]] = Counter()

    @hooks.on_status()
    async def note(event: MessageStatus) -> None:
        seen[event.whatsapp_message_id, event.status] += 1

    async def tell(some: Told) -> None:
        for number, status in some:
            raw = receipt(number, status)
            answer = await hooks.handle("/hooks/receipts", signed(raw), raw)
            assert answer.status == 204

    async with asyncio.TaskGroup() as tasks:
        for first in range(TASK_COUNT):
            tasks.create_task(tell(told[first::TASK_COUNT]))
    await asyncio.sleep(1)
    stands = {number: await deliveries.get(number) for number, _ in told}
    await deliveries.aclose()

    assert seen == dict.fromkeys(told, 1)
    for number, delivery in stands.items():
        assert delivery is not None
        best = max(rank(status) for n, status in told if n == number)
        assert rank(delivery.status) == best


@given(tellings)
def test_the_highest_status_wins_and_each_is_handled_once(told: Told) -> None:
    run(_tell_all(told, None))


@pytest.mark.needs("the real clock")
@pytest.mark.timeout(600)
@settings(max_examples=2000)
@given(tellings)
def test_so_it_is_two_thousand_times(told: Told) -> None:
    run(_tell_all(told, None))


@settings(max_examples=10)
@given(told=tellings)
def test_so_it_is_in_a_file(
    tmp_path_factory: pytest.TempPathFactory, told: Told
) -> None:
    run(_tell_all(told, tmp_path_factory.mktemp("store") / "receipts.db"))


async def test_a_secret_that_is_rotated_late_loses_nothing() -> None:
    secrets = {"now": OLD}
    deliveries = Deliveries()
    hooks: dict[str, Webhooks] = {}

    async def take(request: web.Request) -> web.Response:
        raw = await request.read()
        known = hooks.setdefault(
            secrets["now"], Webhooks(Receiver(secrets["now"]), deliveries=deliveries)
        )
        answer = await known.handle(request.path, request.headers, raw)
        return web.Response(status=answer.status, headers=answer.headers)

    app = web.Application()
    app.router.add_post("/hooks/receipts", take)
    server = TestServer(app)
    await server.start_server()
    emulator = Emulator(
        webhook=str(server.make_url("/hooks/receipts")), webhook_secret=NEW
    )
    async with (
        server,
        emulator,
        AutocallsClient("1|k", base_url=emulator.base_url, sender_id=SENDER) as client,
    ):
        emulator.customer_writes(PHONE)
        sent = [await client.send_freeform(PHONE, f"number {n}") for n in range(10)]
        await asyncio.sleep(100)
        before = [await deliveries.get(one) for one in sent]
        secrets["now"] = NEW
        await asyncio.sleep(150)
        after = [await deliveries.get(one) for one in sent]
    await deliveries.aclose()

    assert before == [None] * 10
    assert [one and one.status for one in after] == ["delivered"] * 10


@pytest.mark.parametrize("status", [401, 413, 429])
def test_a_refused_body_stands_in_no_frame(status: int) -> None:
    raw = receipt() if status != 413 else receipt(conversation_id=UUID, x="y" * 70_000)
    headers = signed(raw, "wrong-secret-nobody-sees") if status != 401 else {}

    with pytest.raises(WebhookError) as caught:
        Receiver(SECRET).parse(raw, headers)

    shown = "".join(
        f"{name}={value!r}\n"
        for error in chain(caught.value)
        for frame in frames(error.__traceback__)
        if "autocalls_async" in frame.f_code.co_filename
        for name, value in frame.f_locals.items()
    )
    assert caught.value.status == status
    for secret in (PHONE, UUID, "nobody-sees", digest(raw)):
        assert secret not in shown


def _handle_all(hooks: Webhooks, client: AutocallsClient, shown: list[Any]) -> None:
    """Have handlers that keep what they see, answer, ask and fail."""

    @hooks.on_status()
    async def status(event: MessageStatus) -> None:
        shown.append(event)
        raise LookupError(event.recipient_phone)

    @hooks.on_ended
    async def end(event: ConversationEnded) -> None:
        shown.extend([event, *event.transcript])
        await client.conversations.history(event.conversation_id)

    @hooks.on_message
    async def message(event: InboundMessage, chat: Chat) -> None:
        shown.extend([event, chat])
        shown.extend(await chat.send_long(f"{event.text} " * 300))


async def test_no_log_repr_or_error_shows_a_secret(
    emulator: Emulator, caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    caplog.set_level(logging.DEBUG)
    shown: list[Any] = []

    async with AutocallsClient(
        "1|key-that-nobody-sees",
        base_url=emulator.base_url,
        sender_id=SENDER,
        automation_key="2|automation-nobody-sees",
        deliveries=Deliveries(tmp_path / "receipts.db"),
    ) as client:
        hooks = Webhooks(Receiver(SECRET), client, inbound_token=TOKEN)
        _handle_all(hooks, client, shown)
        emulator.customer_writes(PHONE, text=TEXT)
        raw = receipt()
        for secret in (SECRET, "wrong-nobody-sees"):
            await hooks.handle("/hooks/receipts", signed(raw, secret), raw)
        bearer = {"Authorization": f"Bearer {TOKEN}"}
        await hooks.handle(
            "/hooks/inbound", bearer, inbound(TEXT, conversation_id=UUID)
        )
        await hooks.handle("/hooks/inbound", bearer, inbound(TEXT, customer_phone="x"))
        await hooks.handle(f"/hooks/ended/{TOKEN}", {}, ended())
        await hooks.handle(f"/hooks/ended/{TOKEN}x", {}, ended())
        await asyncio.sleep(100)
        emulator.fail_next(1, HangUpBefore(), endpoint=Endpoint.SEND_FREEFORM)
        for call in (
            client.send_freeform(PHONE, TEXT),
            client.conversations.history(UUID),
            client.conversations.disable_ai(UUID),
            client.deliveries.wait(1, timeout=1),
        ):
            try:
                shown.append(await call)
            except Exception as error:  # noqa: BLE001  # whatever it is
                shown.extend([error, "".join(traceback.format_exception(error))])
        rows = [row async for row in client.conversations.list()]
        uuid = rows[0].id
        shown.extend([*rows, *(await client.conversations.history(uuid))])
        shown += [hooks, client.deliveries, await hooks.unfinished(), client]
        shown.extend(
            await client.deliveries.store.noted(sender_id=SENDER, person=PHONE)
        )

    everything = caplog.text + "".join(f"{one!r} {one!s}\n" for one in shown if one)
    words = [line for line in everything.splitlines() if "test_promises.py" not in line]
    told = "\n".join(words)
    for secret in (PHONE, PHONE[1:], UUID, uuid, TEXT, "nobody-sees", TOKEN):
        assert secret not in told
    assert "LookupError" in told
    assert "+1415•••0123" in told
