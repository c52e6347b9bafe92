"""The bodies that the service answers with, as the reference documents them.

Pure: no I/O, no clock, no asyncio.
"""

import json
import math
from collections.abc import Mapping
from datetime import datetime, timedelta

from attrs import field, frozen

from autocalls_async.emulator.limits import Admission
from autocalls_async.emulator.state import (
    WINDOW_SECONDS,
    Conversation,
    Sender,
    Template,
    Tenant,
)
from autocalls_async.emulator.validation import Errors, errors_body

JsonObject = dict[str, object]


@frozen
class Answer:
    """One answer.

    A `str` is sent as an HTML page, anything else as JSON; `bytes` only claim
    to be.
    """

    status: int
    body: object
    headers: Mapping[str, str] = field(factory=dict)

    def payload(self) -> tuple[bytes, str]:
        """Return the bytes of the body and their content type."""
        match self.body:
            case bytes():
                return self.body, "application/json"
            case str():
                return self.body.encode(), "text/html"
            case _:
                text = json.dumps(self.body, ensure_ascii=False)
                return text.encode(), "application/json"


def refusal(status: int, error_code: str, error: str, **more: object) -> Answer:
    """Return a refusal, in the service's envelope."""
    body = {"success": False, "error": error, "error_code": error_code}
    return Answer(status, body | more)


UNAUTHENTICATED = Answer(401, {"message": "Unauthenticated."})
SENDER_NOT_FOUND = refusal(404, "SENDER_NOT_FOUND", "Sender not found")
NOT_YOUR_SENDER = refusal(
    404, "SENDER_NOT_FOUND", "Sender not found or does not belong to you"
)
TEMPLATE_NOT_FOUND = refusal(
    404, "TEMPLATE_NOT_FOUND", "Template not found or does not belong to this sender"
)
INVALID_PHONE = refusal(
    422,
    "INVALID_PHONE",
    "Invalid phone number format. Use E.164 format (e.g., +14155551234).",
)
INSUFFICIENT_BALANCE = refusal(
    402, "INSUFFICIENT_BALANCE", "Insufficient balance. Please top up your account."
)


def validation_failed(errors: Errors) -> Answer:
    """Return the 422 that names the fields that failed."""
    return Answer(422, errors_body(errors))


def sender_offline(status: int, sender: Sender) -> Answer:
    """Return the refusal by a sender not online: 503 to freeform, 422 to a template."""
    text = f"Sender is not online. Current status: {sender.status.capitalize()}"
    return refusal(status, "SENDER_OFFLINE", text)


def template_not_approved(template: Template) -> Answer:
    """Return the refusal of a template that cannot be used, or not yet."""
    text = f"Template is not approved. Current status: {template.status}"
    return refusal(422, "TEMPLATE_NOT_APPROVED", text)


def window_closed(session_status: JsonObject) -> Answer:
    """Return the refusal of freeform text, with the window as it is."""
    text = (
        "The 24-hour messaging window is closed."
        " Customer must reply first, or use a template message."
    )
    return refusal(403, "SESSION_EXPIRED", text, session_status=session_status)


def too_many(verdict: Admission, *, limit: int, wall: datetime) -> Answer:
    """Return the 429 to what came too fast; `Retry-After` is in whole seconds."""
    seconds = max(1, math.ceil(verdict.retry_after))
    headers = {
        "Retry-After": str(seconds),
        "X-RateLimit-Limit": str(limit),
        "X-RateLimit-Remaining": "0",
        "X-RateLimit-Reset": str(int(wall.timestamp()) + seconds),
    }
    return Answer(429, {"message": "Too Many Attempts."}, headers)


def for_a_browser(answer: Answer, *, origin: str) -> Answer:
    """Turn a framework's error into what one without `Accept` gets: HTML.

    Laravel sends a visitor without a login to the login page, and one whose
    form failed back to where they came from. Errors with a code are JSON to
    everyone.
    """
    match answer:
        case Answer(status=401):
            return _redirect(f"{origin}/login")
        case Answer(status=422, body={"errors": _}):
            return _redirect(origin)
        case Answer(body={"message": message}):
            return Answer(answer.status, f"<h1>{message}</h1>", answer.headers)
        case _:
            return answer


def _redirect(location: str) -> Answer:
    page = f'<!DOCTYPE html><a href="{location}">Redirecting</a>'
    return Answer(302, page, {"Location": location})


def session_status(
    conversation: Conversation | None, *, now: float, wall: datetime
) -> JsonObject:
    """Return whether freeform text may be sent.

    Args:
        conversation: What sender and recipient have, if anything.
        now: The instant on the clock of `conversation`.
        wall: The same instant as a date.
    """
    if conversation is None:
        text = (
            "No conversation exists with this recipient. Send a template message first."
        )
        return _closed_window(text)
    if conversation.last_inbound is None:
        text = "Customer has not written yet. Send a template or wait for them to."
        return _closed_window(text) | {"expires_at": None}
    end = _iso_8601(wall, conversation.last_inbound + WINDOW_SECONDS - now)
    seconds = conversation.remaining(now)
    if not seconds:
        text = "Session expired. Send a template or wait for customer to reply."
        return _closed_window(text) | {"expired_at": end}
    minutes = int(seconds // 60)
    return {
        "is_open": True,
        "can_send_freeform": True,
        "requires_template": False,
        "message": (
            f"Session open ({minutes // 60} hr {minutes % 60} min remaining)."
            " Unlimited free-form messages allowed."
        ),
        "minutes_remaining": minutes,
        "expires_at": end,
    }


def conversation_status(
    conversation: Conversation | None, *, now: float, wall: datetime
) -> Answer:
    """Answer a question for the window of one sender and recipient."""
    body: JsonObject = {"success": True, "has_conversation": conversation is not None}
    if conversation is not None:
        wrote = conversation.last_inbound
        body["conversation_id"] = conversation.id
        body["customer_name"] = conversation.customer_name
        body["last_customer_message_at"] = (
            None if wrote is None else _iso_8601(wall, wrote - now)
        )
    body["session_status"] = session_status(conversation, now=now, wall=wall)
    return Answer(200, body)


def sent(*, conversation_id: int, number: int, **more: object) -> Answer:
    """Return the answer to a message taken in; all its ids are made of `number`."""
    body: JsonObject = {
        "success": True,
        "conversation_id": conversation_id,
        "message_id": 566 + number,
        "whatsapp_message_id": whatsapp_message_id(number),
        "message_sid": f"SM{number:032x}",
    }
    return Answer(200, body | more)


def whatsapp_message_id(number: int) -> int:
    """Return the id of the account's message with this number, from 1."""
    return 889 + number


def senders(listed: list[Sender]) -> Answer:
    """List senders."""
    return Answer(200, {"data": [_sender(sender) for sender in listed]})


def templates(listed: list[Template]) -> Answer:
    """List templates."""
    return Answer(200, {"data": [_listed_template(template) for template in listed]})


def me(account: Tenant) -> Answer:
    """Return whose key this is, and what is left of their balance."""
    body = {
        "name": account.name,
        "email": account.email,
        "total_balance": float(account.balance),
    }
    return Answer(200, body)


def _closed_window(text: str) -> JsonObject:
    return {
        "is_open": False,
        "can_send_freeform": False,
        "requires_template": True,
        "message": text,
    }


def _iso_8601(wall: datetime, seconds: float) -> str:
    return (wall + timedelta(seconds=seconds)).isoformat(timespec="seconds")


def _sender(sender: Sender) -> JsonObject:
    limit = sender.messaging_limit
    return {
        "id": sender.id,
        "phone_number": sender.phone_number,
        "display_name": sender.display_name,
        "status": sender.status,
        "quality_rating": sender.quality_rating,
        "messaging_limit": limit,
        "messaging_limit_formatted": (
            "Unlimited" if limit is None else f"{limit:,} / 24hr"
        ),
    }


def _listed_template(template: Template) -> JsonObject:
    return {
        "id": template.id,
        "name": template.name,
        "language": template.language,
        "category": template.category,
        "status": template.status,
        "body_text": template.body_text,
        "variables": list(template.variables),
        "has_variables": bool(template.variables),
    }
