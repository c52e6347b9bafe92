"""The requests of the API, built as values: paths, fields and JSON.

Pure: no I/O, no clock, no asyncio. Names and shapes of what is asked live here alone.

Source: API reference.
"""

import json
from urllib.parse import urlencode

from autocalls_async.model.messages import FreeformMessage, Message
from autocalls_async.policy.verdict import Kind


class Request:
    """One request of the API, without its address and key.

    Attributes:
        operation: A name for people.
        target: Path and query below the base URL, encoded.
    """

    __slots__ = ("body", "kind", "method", "operation", "recipient_phone", "target")

    def __init__(
        self,
        *,
        operation: str,
        kind: Kind,
        method: str,
        target: str,
        body: bytes | None = None,
        recipient_phone: str | None = None,
    ) -> None:
        self.operation: str = operation
        self.kind: Kind = kind
        self.method: str = method
        self.target: str = target
        self.body: bytes | None = body
        self.recipient_phone: str | None = recipient_phone

    def __repr__(self) -> str:
        return f"<Request: {self.operation}>"  # the rest holds a number or a text


_ENCODER = json.JSONEncoder(ensure_ascii=False)

_text = _ENCODER.encode
"""Writes a text as JSON: half of what an object of them takes, which is made anew."""


def send_request(message: Message, *, sender_id: int) -> Request:
    """Build the POST that sends a message."""
    recipient = _text(message.recipient_phone)
    fields = [f'"sender_id": {sender_id:d}', f'"recipient_phone": {recipient}']
    if isinstance(message, FreeformMessage):
        operation = "send-freeform"
        fields.append(f'"message": {_text(message.message)}')
    else:
        operation = "send"
        fields.append(f'"template_id": {message.template_id:d}')
        if message.recipient_name is not None:
            fields.append(f'"recipient_name": {_text(message.recipient_name)}')
        if message.variables:
            fields.append(f'"variables": {_ENCODER.encode(dict(message.variables))}')
    return Request(
        operation=operation,
        kind=Kind.SEND,
        method="POST",
        target=f"/user/whatsapp/{operation}",
        body=f"{{{', '.join(fields)}}}".encode(),
        recipient_phone=message.recipient_phone,
    )


def session_status_request(*, sender_id: int, recipient_phone: str) -> Request:
    """Build the question whether free text is allowed."""
    # A bare "+" in a query would reach the service as a space.
    query = urlencode({"sender_id": sender_id, "recipient_phone": recipient_phone})
    return Request(
        operation="session-status",
        kind=Kind.READ,
        method="GET",
        target=f"/user/whatsapp/session-status?{query}",
        recipient_phone=recipient_phone,
    )


def senders_request(*, include_offline: bool) -> Request:
    """Build the listing of the account's senders."""
    status = "all" if include_offline else "online"
    return _get("senders", f"/user/whatsapp/senders?status={status}")


def templates_request(*, sender_id: int, include_unapproved: bool) -> Request:
    """Build the listing of one sender's templates."""
    status = "all" if include_unapproved else "approved"
    target = f"/user/whatsapp/senders/{sender_id:d}/templates?status={status}"
    return _get("templates", target)


def account_request() -> Request:
    """Build the question whose key this is."""
    return _get("me", "/user/me")


def conversations_request(
    *, phone: str | None, sender_phone: str | None, cursor: str | None
) -> Request:
    """Build one page of the listing of WhatsApp conversations."""
    asked = {
        "type": "whatsapp",
        "customer_phone": phone,
        "whatsapp_sender_phone": sender_phone,
        "per_page": "100",
        "cursor": cursor,
    }
    query = urlencode({name: value for name, value in asked.items() if value})
    return _get("conversations", f"/user/conversations?{query}")


def history_request(conversation_id: str) -> Request:
    """Build the question for what was said in a conversation."""
    return _get("history", f"/conversations/{conversation_id}")


def ai_request(conversation_id: str, *, is_on: bool) -> Request:
    """Build the POST that switches a conversation's assistant; again does no harm."""
    operation = "enable-ai" if is_on else "disable-ai"
    return Request(
        operation=operation,
        kind=Kind.READ,
        method="POST",
        target=f"/automate/conversations/{conversation_id}/{operation}",
        body=b"",
    )


def _get(operation: str, target: str) -> Request:
    return Request(operation=operation, kind=Kind.READ, method="GET", target=target)
