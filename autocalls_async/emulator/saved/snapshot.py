"""A sandbox's state as plain data, and the state that such data was made of.

Held are the account, its conversations and messages, what was counted and which
faults are planned; neither requests nor callouts, nor any key or secret.
"""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from attrs import asdict, fields

from autocalls_async.emulator.answers import JsonObject
from autocalls_async.emulator.clock import Clock
from autocalls_async.emulator.faults import Endpoint, FaultPlan
from autocalls_async.emulator.state import Conversation, Sender, Template
from autocalls_async.emulator.world import shapes
from autocalls_async.emulator.world.history import History, Message, Side
from autocalls_async.emulator.world.world import World

VERSION = 1


def take(world: World, history: History) -> JsonObject:
    """Return the state as plain data."""
    clock, tenant = world.clock, world.tenant
    return {
        "autocalls_snapshot": VERSION,
        "now": _text(clock.date()),
        "account": {
            "name": tenant.name,
            "email": tenant.email,
            "balance": str(tenant.balance),
            "cost": str(tenant.cost),
        },
        "senders": [asdict(sender) for sender in tenant.senders.values()],
        "templates": [_template(template) for template in tenant.templates.values()],
        "conversations": [
            _conversation(*key, conversation, clock)
            for key, conversation in tenant.conversations.items()
        ],
        "next_conversation_id": tenant.next_conversation_id,
        "messages": [_message(message, clock) for message in history.all()],
        "counts": {
            "last_message": history.last_number,
            "doubles": history.doubles,
            "accepted": world.records.accepted_count,
            "rejected": world.records.rejected_count,
        },
        "faults": [
            shapes.fault(p.remaining, p.fault, p.endpoint) for p in world.plan.planned
        ],
    }


def put_back(state: Mapping[str, Any], world: World, history: History) -> None:
    """Let all be as it was when a snapshot was taken; the date, too.

    Raises:
        ValueError: It is no snapshot, or one that was changed by hand and does
            not fit; then nothing was changed.
    """
    version = state.get("autocalls_snapshot")
    if version != VERSION:
        msg = f"this is no snapshot of version {VERSION}: its version is {version!r}"
        raise ValueError(msg)
    try:
        rebuilt = _rebuild(state, world.clock)
    except (KeyError, TypeError, ValueError, InvalidOperation, AttributeError) as error:
        msg = f"this snapshot can't be read: {type(error).__name__}: {error}"
        raise ValueError(msg) from None
    rebuilt(world, history)


def _rebuild(
    state: Mapping[str, Any], clock: Clock
) -> Callable[[World, History], None]:
    """Read all of a snapshot, before anything is changed."""
    now = datetime.fromisoformat(state["now"])
    shift = now - clock.date()

    def instant(text: str | None) -> float | None:
        return None if text is None else clock.instant_of(_date(text) - shift)

    account = _read_account(state)
    conversations = {
        (c["sender_id"], c["phone"]): _read_conversation(c, instant)
        for c in state["conversations"]
    }
    messages = [_read_message(m, instant) for m in state["messages"]]
    counts = {name: int(number) for name, number in state["counts"].items()}
    plan = _read_plan(state["faults"])

    def put(world: World, history: History) -> None:
        world.clock.set_date(now)
        for name, value in account.items():
            setattr(world.tenant, name, value)
        world.tenant.conversations.clear()
        world.tenant.conversations.update(conversations)
        history.clear()
        for message in messages:
            history.add(message)
        history.last_number, history.doubles = counts["last_message"], counts["doubles"]
        world.records.accepted_count = counts["accepted"]
        world.records.rejected_count = counts["rejected"]
        world.plan.replace(plan)

    return put


def _read_account(state: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a tenant's fields are to hold, but for the conversations."""
    held = state["account"]
    return {
        **{name: str(held[name]) for name in ("name", "email")},
        **{name: Decimal(held[name]) for name in ("balance", "cost")},
        "senders": {s["id"]: Sender(**s) for s in state["senders"]},
        "templates": {
            t["id"]: Template(**{**t, "variables": tuple(t["variables"])})
            for t in state["templates"]
        },
        "next_conversation_id": int(state["next_conversation_id"]),
    }


def _template(template: Template) -> JsonObject:
    return {**asdict(template), "variables": list(template.variables)}


def _conversation(
    sender_id: int, phone: str, conversation: Conversation, clock: Clock
) -> JsonObject:
    wrote = conversation.last_inbound
    return {
        "sender_id": sender_id,
        "phone": phone,
        "id": conversation.id,
        "name": conversation.customer_name,
        "wrote_at": None if wrote is None else _text(clock.date_at(wrote)),
        "ai_enabled": conversation.ai_enabled,
    }


def _read_conversation(
    held: Mapping[str, Any], instant: Callable[[str | None], float | None]
) -> Conversation:
    return Conversation(
        id=int(held["id"]),
        customer_name=held["name"],
        last_inbound=instant(held["wrote_at"]),
        ai_enabled=bool(held["ai_enabled"]),
    )


_PLAIN = tuple(a.name for a in fields(Message) if a.name not in {"side", "at"})


def _message(message: Message, clock: Clock) -> JsonObject:
    plain = {name: getattr(message, name) for name in _PLAIN}
    return {
        **plain,
        "side": message.side.value,
        "at": _text(clock.date_at(message.at)),
    }


def _read_message(
    held: Mapping[str, Any], instant: Callable[[str | None], float | None]
) -> Message:
    at = instant(held["at"])
    values = {name: held[name] for name in _PLAIN}
    return Message(**values, side=Side(held["side"]), at=at or 0.0)


def _read_plan(faults: list[dict[str, Any]]) -> FaultPlan:
    plan = FaultPlan()
    for each in faults:
        endpoint = each["endpoint"]
        fault = shapes.make_fault(
            each["fault"],
            status=each["status"] or 500,
            seconds=each["seconds"] or 0.0,
            after_acting=bool(each["after_acting"]),
        )
        plan.add(each["count"], fault, endpoint=endpoint and Endpoint(endpoint))
    return plan


def _text(date: datetime) -> str:
    return date.astimezone(UTC).isoformat(timespec="microseconds")


def _date(text: str) -> datetime:
    return datetime.fromisoformat(text)
