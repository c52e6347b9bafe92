"""What the tests of the stores share."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

from autocalls_async.webhooks.stores.protocol import (
    Arrival,
    DeliveryStore,
    Handover,
    Kept,
    Receipt,
    Task,
    Work,
)
from tests.webhooks.bodies import PHONE, SENDER

AT = datetime(2030, 1, 1, tzinfo=UTC)
EVERY = tuple(Task)


@asynccontextmanager
async def receiving(store: DeliveryStore) -> AsyncIterator[DeliveryStore]:
    """Open a store as a receiver, and close it in the end."""
    await store.open()
    try:
        await store.join()
        yield store
    finally:
        await store.aclose()


def arrival(number: int = 1, status: str = "sent", **facts: Any) -> Arrival:  # noqa: ANN401  # any field
    """Make a receipt that has come."""
    own = {
        name: facts.pop(name) for name in ("has_handler", "is_ours") if name in facts
    }
    receipt = Receipt(
        **{
            "whatsapp_message_id": number,
            "status": status,
            "sender_id": SENDER,
            "person": PHONE,
            "at": AT,
            "received_at": AT,
            **facts,
        }
    )
    return Arrival(
        task=Task.STATUS, key=f"{number} {status}", raw=b"{}", receipt=receipt, **own
    )


def message(key: str | None = None, *, is_ours: bool = True) -> Arrival:
    """Make an inbound message that has come."""
    return Arrival(
        task=Task.MESSAGE,
        key=key,
        raw=f"text {key}".encode(),
        person=PHONE,
        has_handler=True,
        is_ours=is_ours,
    )


async def keep_work(store: DeliveryStore, arrived: Arrival) -> Work:
    """Keep an event that makes work."""
    work = await store.keep(arrived)
    assert not isinstance(work, Kept)
    return work


def handed_over(at: datetime = AT, **facts: Any) -> Handover:  # noqa: ANN401  # any field
    """Make a note of a message that was handed over."""
    known: dict[str, Any] = {"sender_id": SENDER, "person": PHONE, "is_accepted": True}
    return Handover(handed_over_at=at, **(known | facts))
