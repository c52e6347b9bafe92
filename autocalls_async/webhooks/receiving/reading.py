"""Bytes into events: names and shapes of what webhooks tell live here alone.

Pure: no I/O, no clock, no asyncio. A body is anybody's bytes: reading one gives an
event, and never an exception.
"""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, TypeVar

from autocalls_async.http.reply import read_json
from autocalls_async.http.structuring import Unreadable, structure
from autocalls_async.model.checks import is_e164, is_id, show_kind
from autocalls_async.model.values.frozen import FrozenDict
from autocalls_async.webhooks.receiving.events import (
    ConversationEnded,
    InboundMessage,
    MessageStatus,
    OtherEvent,
)

T = TypeVar("T")

_RECEIPT = {
    "to": "recipient_phone",
    "from": "sender_phone",
    "test": "is_test",
    "provider_timestamp": "",
    "timestamp": "",
    "sender": "",
    "event": "",
    "sender_id": "",
    "at": "",
    "direction": "",
}
"""Theirs: ours; empty is what we read by hand, or know already."""

_ENDED = {"status": "", "sender": "", "sender_phone": ""}


def named_sender(body: Mapping[str, Any] | None) -> int | None:
    """Return the sender that a body names, if it names one."""
    sender = (body or {}).get("sender")
    number = _whole(sender.get("id")) if isinstance(sender, dict) else None
    return number if is_id(number) else None


def read_receipt(
    body: Mapping[str, Any] | None, raw: bytes
) -> MessageStatus | OtherEvent:
    """Read the body of a receipt; one that is none, or unreadable, is another event."""
    if body is None or body.get("event") != "message_status":
        return _other(body, raw)
    at = _instant(body.get("provider_timestamp")) or _instant(body.get("timestamp"))
    known = {
        "sender_id": named_sender(body),
        "at": at and at.isoformat(),
        "is_test": body.get("test") is True,
    }
    return _structure(_renamed(body, _RECEIPT) | known, MessageStatus) or _other(
        body, raw
    )


def read_ended(raw: bytes) -> ConversationEnded | OtherEvent:
    """Read the body of the conversation-ended webhook."""
    body = read_json(raw)
    if body is None:
        return _other(body, raw)
    sender = body.get("sender")
    known = {
        "transcript": _transcript(body.get("transcript")),
        "sender_phone": sender.get("phone_number")
        if isinstance(sender, dict)
        else None,
    }
    for name in ("created_at", "ended_at"):
        at = _instant(body.get(name))
        known[name] = at and at.isoformat()
    return _structure(_renamed(body, _ENDED) | known, ConversationEnded) or _other(
        body, raw
    )


def _transcript(value: object) -> list[dict[str, Any]]:
    entries = value if isinstance(value, list) else []
    return [_entry(entry) for entry in entries if isinstance(entry, dict)]


def _entry(entry: dict[str, Any]) -> dict[str, Any]:
    at = _moment(entry.get("timestamp_unix")) or _moment(entry.get("timestamp"))
    names = {"timestamp": "", "timestamp_unix": ""}
    role = entry.get("role")
    known = {
        "at": at and at.isoformat(),
        "role": role if isinstance(role, str) else "unknown",
    }
    return _renamed(entry, names) | known


COMMON_NAMES: Mapping[str, tuple[str, ...]] = {
    "phone": ("phone", "customer_phone", "recipient_phone", "from", "wa_id"),
    "text": ("text", "message", "message_text", "body", "content"),
    "sender_id": ("sender_id", "whatsapp_sender_id"),
    "at": ("at", "timestamp", "received_at", "time"),
    "conversation_id": ("conversation_id", "conversation_uuid"),
    "message_id": ("message_id", "id", "whatsapp_message_id"),
}
"""What flows' authors call what; the first one that is there counts."""


def names_of(fields: object) -> Mapping[str, tuple[str, ...]]:
    """Return the names of an inbound message's fields, with some of one's own.

    Raises:
        ValueError: There is no such field, or a name is empty.
    """
    if not isinstance(fields, Mapping):
        msg = f"fields must be a mapping of names; got {show_kind(fields)}"
        raise ValueError(msg)
    for ours, theirs in fields.items():
        if ours not in COMMON_NAMES or not isinstance(theirs, str) or not theirs:
            known = ", ".join(COMMON_NAMES)
            msg = f"fields names what a flow calls each of {known}; got {ours!r}"
            raise ValueError(msg)
    return {**COMMON_NAMES, **{ours: (theirs,) for ours, theirs in fields.items()}}


def read_inbound(
    raw: bytes, names: Mapping[str, tuple[str, ...]]
) -> InboundMessage | str:
    """Read what a flow forwards; a text says what is wrong with it."""
    body = read_json(raw)
    if body is None:
        return "the body is no JSON object"
    taken = {
        ours: next((n for n in theirs if n in body), "")
        for ours, theirs in names.items()
    }
    found = {ours: body.get(name) for ours, name in taken.items()}
    phone = _phone(found["phone"])
    if phone is None:
        return _missing("phone", "a number with its country's code", names, taken)
    text = found["text"]
    if not isinstance(text, str):
        return _missing("text", "a text", names, taken)
    sender = _whole(found["sender_id"])
    return InboundMessage(
        phone=phone,
        text=text,
        sender_id=sender if is_id(sender) else None,
        at=_moment(found["at"]),
        conversation_id=_word(found["conversation_id"]),
        message_id=_word(found["message_id"]),
        extra=FrozenDict({k: v for k, v in body.items() if k not in taken.values()}),
    )


def _missing(
    ours: str, what: str, names: Mapping[str, tuple[str, ...]], taken: Mapping[str, str]
) -> str:
    if taken[ours]:
        return f"{taken[ours]!r} must be {what}"
    choices = " or ".join(repr(name) for name in names[ours])
    return f"there is no {ours}: name it {choices}, or tell `fields` how it is named"


def _phone(value: object) -> str | None:
    """Return a number in E.164. Who wrote is named with the country's code always."""
    digits = (
        str(value) if isinstance(value, int) and not isinstance(value, bool) else value
    )
    if not isinstance(digits, str):
        return None
    plain = digits.strip().removeprefix("whatsapp:")
    return next((p for p in (plain, f"+{plain}") if is_e164(p)), None)


def _word(value: object) -> str | None:
    if isinstance(value, bool) or not isinstance(value, str | int):
        return None
    return str(value) or None


_WHOLE = re.compile(r"[0-9]{1,19}", re.ASCII)
_MILLISECONDS = 100_000_000_000  # as seconds it would be in the year 5138


def _whole(value: object) -> int | None:
    if isinstance(value, str) and _WHOLE.fullmatch(value):
        return int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _moment(value: object) -> datetime | None:
    """Read ISO 8601 with an offset, or seconds or milliseconds since 1970."""
    number = (
        int(value) if isinstance(value, float) and abs(value) < 2**63 else _whole(value)
    )
    if number is None:
        return _instant(value)
    seconds = number / 1000 if number >= _MILLISECONDS else number
    try:
        return datetime.fromtimestamp(seconds, UTC)
    except (ValueError, OverflowError, OSError):
        return None


def _instant(value: object) -> datetime | None:
    """Read ISO 8601 with an offset; without one, nobody knows what it means."""
    if not isinstance(value, str):
        return None
    try:
        at = datetime.fromisoformat(value)
        return None if at.tzinfo is None else at.astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def _renamed(body: Mapping[str, Any], names: Mapping[str, str]) -> dict[str, Any]:
    renamed = ((names.get(name, name), value) for name, value in body.items())
    return {name: value for name, value in renamed if name}


def _structure(value: object, shape: type[T]) -> T | None:
    try:
        return structure(value, shape)
    except Unreadable:
        return None


def _other(body: Mapping[str, Any] | None, raw: bytes) -> OtherEvent:
    event = (body or {}).get("event")
    return OtherEvent(event=event if isinstance(event, str) else None, raw=raw)
