"""What a waiter in another process is told, held against what the client tells."""

from collections.abc import Awaitable, Mapping
from typing import Any

import pytest

from autocalls_async import (
    AutocallsClient,
    AutocallsError,
    FreeformMessage,
    Message,
    SendLimit,
    SentMessage,
    TemplateFallback,
    TemplateMessage,
    UnsentError,
)
from autocalls_async.cluster import Cluster, Worker
from autocalls_async.emulator import (
    Emulator,
    Endpoint,
    Fault,
    Garble,
    HangUpAfter,
    Refuse,
    refuse_with_code,
)
from tests.cluster.support import KEY, RATE, hello, running, settings_of

POST = Endpoint.SEND_FREEFORM
PHONE, CLOSED = "+14155550123", "+14155550199"

FIELDS = {"phone": ["The phone field is wrong.", "And short."], "odd": "no list"}
ENDS: Mapping[str, Fault | None] = {
    code: refuse_with_code(status, code)
    for code, status in {
        "INVALID_PHONE": 422,
        "SENDER_NOT_FOUND": 404,
        "TEMPLATE_NOT_FOUND": 404,
        "TEMPLATE_MISMATCH": 422,
        "TEMPLATE_NOT_APPROVED": 422,
        "SESSION_EXPIRED": 403,
        "SENDER_OFFLINE": 422,
        "INSUFFICIENT_BALANCE": 402,
        "OF_LATER": 422,
    }.items()
} | {
    "accepted": None,
    "odd": Refuse(
        422, b'{"error": "a\\u0000\\ud83d", "error_code": "A\\u0000\\ud83d"}'
    ),
    "400": Refuse(400, {"message": "no"}),
    "401": Refuse(401, {"message": "Unauthenticated."}),
    "402": Refuse(402, {"error": "empty"}),
    "403": Refuse(403, {"message": "may not"}),
    "404": Refuse(404, {}),
    "409": Refuse(409, {}),
    "422": Refuse(422, {"message": "The given data was invalid.", "errors": FIELDS}),
    "closed": Refuse(
        403,
        {
            "error_code": "SESSION_EXPIRED",
            "session_status": {
                "can_send_freeform": False,
                "expired_at": "2026-11-01T10:00:00Z",
                "later": {"a": [1, None]},
            },
        },
    ),
    "500": Refuse(500, {"message": "Server Error"}),
    "502": Refuse(502, {}),
    "504": Refuse(504, {"error_code": "TOO_SLOW"}),
    "garbled": Garble(),
    "hung up": HangUpAfter(),
    "window": None,
    "fallback": None,
    "stranger": None,
}
MESSAGES: Mapping[str, Message] = {
    "window": hello(phone=CLOSED),
    "fallback": FreeformMessage(
        recipient_phone=CLOSED,
        message="hello",
        fallback=TemplateFallback(template_id=46, variables={"1": "Ana"}),
    ),
    "stranger": TemplateMessage(recipient_phone=CLOSED, template_id=999_999),
}

pytestmark = [
    pytest.mark.needs("a database"),
    pytest.mark.real_time,
    pytest.mark.xdist_group("database"),
]


async def _told(sending: Awaitable[SentMessage]) -> dict[str, Any]:
    """Return all that is known of an end; when it was is told by no two clocks."""
    try:
        told: dict[str, Any] = {"type": "SentMessage"} | (await sending).to_dict()
    except AutocallsError as error:
        told = error.to_dict()
    for name in ("whatsapp_message_id", "message_id", "message_sid", "handed_over_at"):
        told[name] = told.get(name) is not None
    return told


async def test_each_end_is_told_field_by_field_as_the_client_tells_it(
    dsn: str,
) -> None:
    by_client, by_cluster = {}, {}
    # Each client has a pace of its own, and all together more than a limit.
    async with Emulator(api_key=KEY, rate=1_000) as emulator:
        emulator.customer_writes(PHONE)
        settings = settings_of(emulator)
        worker = Worker(dsn, dict.fromkeys(ENDS, settings), idle_seconds=1.0)
        async with running(worker), Cluster(dsn) as cluster:
            for name, fault in ENDS.items():
                await cluster.add_account(name)
                message = MESSAGES.get(name, hello())
                _plan(emulator, fault)
                async with _client(emulator) as client:
                    by_client[name] = await _told(client.send(message))
                _plan(emulator, fault)
                by_cluster[name] = await _told(cluster.send(message, account=name))

    assert {name: _differences(by_client[name], by_cluster[name]) for name in ENDS} == {
        name: {} for name in ENDS
    }


async def test_a_429_is_waited_out_by_the_holder_and_ends_as_unsent(dsn: str) -> None:
    too_fast = Refuse(429, {}, {"Retry-After": "30"})
    async with Emulator(api_key=KEY, rate=RATE, everyone_is_open=True) as emulator:
        worker = Worker(dsn, {"acme": settings_of(emulator)})
        async with running(worker), Cluster(dsn) as cluster:
            await cluster.add_account("acme")
            await cluster.send(hello("first"), account="acme")
            emulator.fail_next(9, too_fast, endpoint=POST)
            with pytest.raises(UnsentError, match="its time was up") as late:
                await cluster.send(hello(), account="acme", timeout=2.0)
            (account,) = (await cluster.status()).accounts

    assert late.value.attempts == 1
    assert (account.interactive, len(emulator.accepted)) == (0, 1)


def _differences(one: dict[str, Any], other: dict[str, Any]) -> dict[str, Any]:
    return {
        name: (one.get(name), other.get(name))
        for name in one.keys() | other.keys()
        if one.get(name) != other.get(name)
    }


def _plan(emulator: Emulator, fault: Fault | None) -> None:
    if fault is not None:
        emulator.fail_next(1, fault, endpoint=POST)


def _client(emulator: Emulator) -> AutocallsClient:
    return AutocallsClient(
        KEY, base_url=emulator.base_url, sender_id=12, send_limit=SendLimit(RATE)
    )
