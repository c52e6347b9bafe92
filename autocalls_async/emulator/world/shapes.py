"""What pages and programs are shown: plain data, as the control API documents it.

Pure: no I/O, no asyncio.
"""

from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal

from autocalls_async.emulator.answers import JsonObject
from autocalls_async.emulator.clock import Clock
from autocalls_async.emulator.faults import (
    Delay,
    Endpoint,
    Fault,
    Garble,
    HangUpAfter,
    HangUpBefore,
    Refuse,
    Stall,
)
from autocalls_async.emulator.limits import Admission
from autocalls_async.emulator.state import (
    WINDOW_SECONDS,
    Conversation,
    Sender,
    Template,
    Tenant,
)
from autocalls_async.emulator.world.callout import Attempt, Callout
from autocalls_async.emulator.world.history import Message, Side
from autocalls_async.emulator.world.requests import Seen, mask_key

DateAt = Callable[[float], datetime]

_FAULT_NAMES: dict[type[Fault], str] = {
    HangUpAfter: "hang-up-after",
    HangUpBefore: "hang-up-before",
    Refuse: "refuse",
    Garble: "garble",
    Delay: "delay",
    Stall: "stall",
}
FAULT_KINDS = tuple(_FAULT_NAMES.values())


def iso(date: datetime) -> str:
    """Return a date in UTC, to the millisecond."""
    utc = date.astimezone(UTC)
    return f"{utc.strftime('%Y-%m-%dT%H:%M:%S')}.{utc.microsecond // 1000:03d}Z"


def message(shown: Message, date_at: DateAt) -> JsonObject:
    """Show a message of a thread."""
    is_mine = shown.side is Side.BUSINESS
    return {
        "number": shown.number,
        "id": shown.whatsapp_message_id,
        "side": shown.side,
        "sender_id": shown.sender_id,
        "phone": shown.phone,
        "kind": shown.kind,
        "text": shown.text,
        "template": (
            None
            if shown.template_id is None
            else {"id": shown.template_id, "name": shown.template_name}
        ),
        "at": iso(date_at(shown.at)),
        "clock": shown.at,
        "status": shown.status if is_mine else None,
        "error": _error(shown),
        "request": shown.request,
    }


def status(shown: Message) -> JsonObject:
    """Show how far a message's delivery is."""
    return {
        "number": shown.number,
        "id": shown.whatsapp_message_id,
        "status": shown.status,
        "error": _error(shown),
    }


def _error(shown: Message) -> JsonObject | None:
    if shown.error_code is None and shown.error_message is None:
        return None
    return {"code": shown.error_code, "message": shown.error_message}


def chat(sender_id: int, phone: str, conversation: Conversation) -> JsonObject:
    """Show a conversation, without its messages."""
    wrote = conversation.last_inbound
    return {
        "sender_id": sender_id,
        "phone": phone,
        "name": conversation.customer_name,
        "conversation_id": conversation.id,
        "uuid": conversation.uuid,
        "closes_at": None if wrote is None else wrote + WINDOW_SECONDS,
        "ai_enabled": conversation.ai_enabled,
    }


def sender(shown: Sender) -> JsonObject:
    """Show a sender."""
    return {
        "id": shown.id,
        "phone": shown.phone_number,
        "name": shown.display_name,
        "status": shown.status,
        "quality": shown.quality_rating,
        "messaging_limit": shown.messaging_limit,
    }


def template(shown: Template) -> JsonObject:
    """Show a template."""
    return {
        "id": shown.id,
        "name": shown.name,
        "language": shown.language,
        "category": shown.category,
        "status": shown.status,
        "body": shown.body_text,
        "variables": list(shown.variables),
        "sender_id": shown.sender_id,
    }


def account(tenant: Tenant) -> JsonObject:
    """Show whose account it is, and its money."""
    return {
        "name": tenant.name,
        "balance": money(tenant.balance),
        "cost": money(tenant.cost),
    }


def clock(shown: Clock) -> JsonObject:
    """Show an instant, on the emulator's clock and as a date."""
    return {"clock": shown.time(), "now": iso(shown.date())}


def money(amount: Decimal) -> str:
    """Return an amount as people write it: never with an exponent."""
    return f"{amount:f}"


def fault(remaining: int, planned: Fault, endpoint: Endpoint | None) -> JsonObject:
    """Show a fault that is planned."""
    return {
        "fault": fault_name(planned),
        "count": remaining,
        "endpoint": endpoint,
        "status": planned.status if isinstance(planned, Refuse) else None,
        "seconds": planned.seconds if isinstance(planned, Delay) else None,
        "after_acting": getattr(planned, "after_acting", None),
    }


def make_fault(name: str, *, status: int, seconds: float, after_acting: bool) -> Fault:
    """Return the fault that has a name in the control API."""
    match name:
        case "refuse":
            return Refuse(status, {"message": "Server Error"})
        case "delay":
            return Delay(seconds, after_acting=after_acting)
        case "stall":
            return Stall(after_acting=after_acting)
        case "garble":
            return Garble()
        case "hang-up-before":
            return HangUpBefore()
        case _:
            return HangUpAfter()


def fault_name(planned: Fault) -> str:
    """Return the name that the control API has for a fault."""
    return _FAULT_NAMES[type(planned)]


def _struck(planned: Fault | None) -> str | None:
    match planned:
        case None:
            return None
        case Refuse(status=answered):
            return f"refuse {answered}"
        case Delay(seconds=seconds):
            return f"delay {seconds:g} s"
        case _:
            return fault_name(planned)


def request(shown: Seen, date_at: DateAt, *, rate: int) -> JsonObject:
    """Show a request; its key is masked."""
    record, took = shown.record, shown.seconds
    return {
        "id": shown.id,
        "at": iso(date_at(record.at)),
        "clock": record.at,
        "method": record.method,
        "target": shown.target,
        "endpoint": record.endpoint,
        "headers": shown.headers,
        "body": shown.body,
        "status": shown.status,
        "answer": shown.answer,
        "answer_headers": shown.answer_headers,
        "ms": None if took is None else round(took * 1000, 1),
        "message": shown.message,
        "limiter": _limiter(record.limiter, rate),
        "fault": _struck(record.fault),
        "pending": shown.is_pending,
    }


def _limiter(verdict: Admission | None, rate: int) -> JsonObject | None:
    if verdict is None:
        return None
    return {
        "admitted": verdict.admitted,
        "remaining": verdict.remaining,
        "rate": rate,
        "retry_after": round(verdict.retry_after, 3),
    }


def callout(shown: Callout, date_at: DateAt) -> JsonObject:
    """Show a callout; a token that it carries is masked."""
    return {
        "id": shown.id,
        "kind": shown.kind,
        "url": shown.url,
        "headers": {
            name: f"Bearer {mask_key(text)}" if name == "Authorization" else text
            for name, text in shown.headers.items()
        },
        "body": shown.raw.decode(),
        "message": shown.message,
        "phone": shown.phone,
        "label": shown.label,
        "state": shown.state,
        "next_at": shown.next_at,
        "attempts": [_attempt(made, date_at) for made in shown.attempts],
    }


def _attempt(made: Attempt, date_at: DateAt) -> JsonObject:
    return {
        "due": round(made.due, 3),
        "at": iso(date_at(made.at)),
        "clock": made.at,
        "status": made.status,
        "error": made.error,
        "answer": made.answer,
        "ms": round(made.seconds * 1000, 1),
    }
