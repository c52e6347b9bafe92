"""Each documented body has the same names and types as the emulator's own."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from autocalls_async.emulator import Emulator, Refuse, Sender
from tests.emulator.asking import (
    FREEFORM,
    ME,
    PHONE,
    SEND_FREEFORM,
    SEND_TEMPLATE,
    SENDERS,
    TEMPLATE,
    TEMPLATES,
    Caller,
    sample,
    status_of,
)

Arrange = Callable[[Emulator], object]


def nothing(_: Emulator) -> None:
    """Leave the emulator as it starts."""


def shape_of(value: Any) -> object:  # noqa: ANN401 - whatever the JSON is
    """Reduce JSON to the names and types in it."""
    match value:
        case dict():
            return {name: shape_of(inner) for name, inner in value.items()}
        case list():
            return [shape_of(inner) for inner in value]
        case _:
            return type(value)


@pytest.mark.parametrize(
    ("name", "arrange", "path", "body"),
    [
        pytest.param(
            "any.401",
            lambda e: e.fail_next(1, Refuse(401, {"message": "Unauthenticated."})),
            ME,
            None,
            id="bad key",
        ),
        pytest.param(
            "any.422-validation",
            nothing,
            SEND_FREEFORM,
            FREEFORM | {"message": ""},
            id="failed validation",
        ),
        pytest.param("me.200", nothing, ME, None, id="account"),
        pytest.param(
            "send-freeform.200",
            lambda e: e.customer_writes(PHONE),
            SEND_FREEFORM,
            FREEFORM,
            id="freeform",
        ),
        pytest.param(
            "send-freeform.403",
            lambda e: e.expire_window(PHONE),
            SEND_FREEFORM,
            FREEFORM,
            id="window closed",
        ),
        pytest.param(
            "send-freeform.503",
            lambda e: e.set_sender_status(12, "offline"),
            SEND_FREEFORM,
            FREEFORM,
            id="freeform, sender offline",
        ),
        pytest.param("send-template.200", nothing, SEND_TEMPLATE, TEMPLATE, id="sent"),
        pytest.param(
            "send-template.404-template",
            nothing,
            SEND_TEMPLATE,
            TEMPLATE | {"template_id": 99},
            id="no such template",
        ),
        pytest.param(
            "send-template.422-not-approved",
            nothing,
            SEND_TEMPLATE,
            TEMPLATE | {"template_id": 47},
            id="template pending",
        ),
        pytest.param(
            "send-template.422-offline",
            lambda e: e.set_sender_status(12, "offline"),
            SEND_TEMPLATE,
            TEMPLATE,
            id="template, sender offline",
        ),
        pytest.param(
            "send.402",
            lambda e: setattr(e, "balance", Decimal("0.04")),
            SEND_TEMPLATE,
            TEMPLATE,
            id="no money",
        ),
        pytest.param(
            "send.404-sender",
            nothing,
            SEND_FREEFORM,
            FREEFORM | {"sender_id": 99},
            id="no such sender",
        ),
        pytest.param(
            "send.422-phone",
            nothing,
            SEND_FREEFORM,
            FREEFORM | {"recipient_phone": "4155550123"},
            id="bad phone",
        ),
        pytest.param("senders.200", nothing, SENDERS, None, id="senders"),
        pytest.param("templates.200", nothing, TEMPLATES, None, id="templates"),
        pytest.param(
            "session-status.200-expired",
            lambda e: e.set_window(PHONE, 0.0),
            status_of(),
            None,
            id="status, expired",
        ),
        pytest.param(
            "session-status.200-none", nothing, status_of(), None, id="status, none"
        ),
        pytest.param(
            "session-status.200-open",
            lambda e: e.customer_writes(PHONE),
            status_of(),
            None,
            id="status, open",
        ),
        pytest.param(
            "session-status.404",
            nothing,
            status_of(sender_id=99),
            None,
            id="status, no such sender",
        ),
    ],
)
async def test_a_body_has_the_documented_names_and_types(
    emulator: Emulator,
    caller: Caller,
    name: str,
    arrange: Arrange,
    path: str,
    body: object,
) -> None:
    arrange(emulator)

    answer = await (caller.get(path) if body is None else caller.post(path, body))

    assert answer.status == int(name.split(".")[1][:3])
    assert shape_of(answer.body) == shape_of(sample(name))


@pytest.mark.parametrize(
    ("name", "arrange", "path", "body"),
    [
        pytest.param(
            "send-freeform.503",
            lambda e: e.set_sender_status(12, "offline"),
            SEND_FREEFORM,
            FREEFORM,
            id="sender offline",
        ),
        pytest.param(
            "send-template.422-not-approved",
            nothing,
            SEND_TEMPLATE,
            TEMPLATE | {"template_id": 47},
            id="template pending",
        ),
        pytest.param(
            "any.422-validation",
            nothing,
            SEND_FREEFORM,
            FREEFORM | {"message": ""},
            id="failed validation",
        ),
        pytest.param(
            "session-status.200-none", nothing, status_of(), None, id="no conversation"
        ),
        pytest.param("senders.200", nothing, SENDERS, None, id="senders"),
        pytest.param("templates.200", nothing, TEMPLATES, None, id="templates"),
    ],
)
async def test_a_body_without_ids_and_dates_is_the_documented_one(
    emulator: Emulator,
    caller: Caller,
    name: str,
    arrange: Arrange,
    path: str,
    body: object,
) -> None:
    arrange(emulator)

    answer = await (caller.get(path) if body is None else caller.post(path, body))

    assert answer.body == sample(name)


async def test_a_429_has_the_documented_body_and_headers(
    emulator: Emulator, caller: Caller
) -> None:
    emulator.customer_writes(PHONE)
    for _ in range(5):
        await caller.post(SEND_FREEFORM, FREEFORM)

    answer = await caller.post(SEND_FREEFORM, FREEFORM)

    assert (answer.status, answer.body) == (429, sample("any.429"))
    assert answer.headers["Retry-After"] == "1"
    assert answer.headers["X-RateLimit-Limit"] == "5"
    assert answer.headers["X-RateLimit-Remaining"] == "0"
    reset = int(answer.headers["X-RateLimit-Reset"])
    assert reset - emulator.now().timestamp() == pytest.approx(1, abs=1)


async def test_listings_show_all_only_when_asked(
    emulator: Emulator, caller: Caller
) -> None:
    emulator.account.set_sender_status(15, "offline")
    emulator.account.add_sender(
        Sender(id=16, phone_number="+33123456789", display_name="Acme", status="failed")
    )

    online = await caller.get(f"{SENDERS}?status=online")
    everyone = await caller.get(f"{SENDERS}?status=all")
    approved = await caller.get(f"{TEMPLATES}?status=approved")
    every_template = await caller.get(f"{TEMPLATES}?status=all")

    assert [row["id"] for row in online.body["data"]] == [12]
    assert [row["id"] for row in everyone.body["data"]] == [12, 15, 16]
    assert [row["id"] for row in approved.body["data"]] == [45, 46]
    assert [row["status"] for row in every_template.body["data"]] == [
        "approved",
        "approved",
        "pending",
    ]
