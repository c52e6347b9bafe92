"""Webhooks as the service writes them, signed as it signs them."""

import hashlib
import hmac
import json
from typing import Any

from tests.support import SAMPLES

SECRET = "signing-secret-nobody-sees"  # noqa: S105  # of nobody
NEW = "new-secret-nobody-sees"
OLD = "old-secret-nobody-sees"
OTHERS = "secret-of-sender-15-nobody-sees"
SENDER = 12
PHONE = "+14155550123"
UUID = "a1b2c3d4-e5f6-7890-abcd-ef1234567890"


def receipt(number: Any = 890, status: Any = "delivered", **fields: Any) -> bytes:  # noqa: ANN401  # JSON
    """Write the body of a receipt."""
    body = json.loads(SAMPLES["webhook.message-status-delivered.json"])
    body |= {"whatsapp_message_id": number, "status": status, "to": PHONE}
    body["sender"]["id"] = SENDER
    return json.dumps(body | fields).encode()


def digest(raw: bytes, secret: str = SECRET) -> str:
    """Return what a sender's secret makes of a body."""
    return hmac.new(secret.encode(), raw, hashlib.sha256).hexdigest()


def signed(raw: bytes, secret: str = SECRET) -> dict[str, str]:
    """Return the headers that the service sends with a receipt."""
    return {
        "Content-Type": "application/json",
        "X-Signature-256": f"sha256={digest(raw, secret)}",
    }


def ended(**fields: Any) -> bytes:  # noqa: ANN401  # JSON
    """Write the body of the conversation-ended webhook."""
    body: dict[str, Any] = {
        "id": 4711,
        "conversation_id": UUID,
        "assistant_id": "f9e8d7c6-b5a4-3210-fedc-ba9876543210",
        "type": "whatsapp",
        "status": "ended",
        "message_count": 2,
        "transcript": [
            {
                "role": "user",
                "content": "Are you open?",
                "timestamp": "2026-06-08T09:30:00+00:00",
                "timestamp_unix": 1780911000,
            },
            {
                "role": "assistant",
                "content": "Until six.",
                "timestamp": "2026-06-08T09:30:02+00:00",
                "timestamp_unix": 1780911002,
            },
        ],
        "formatted_transcript": "user: Are you open?",
        "extracted_variables": {"topic": "hours"},
        "input_variables": [],
        "attachments": [],
        "customer_phone": PHONE,
        "customer_name": "Ana",
        "sender": {"phone_number": "+19876543210", "display_name": "My Business"},
        "created_at": "2026-06-08 09:29:00",
        "ended_at": "2026-06-08T09:31:00+00:00",
    }
    return json.dumps(body | fields).encode()


def inbound(text: str = "Are you open?", **fields: Any) -> bytes:  # noqa: ANN401  # JSON
    """Write what an automation flow forwards."""
    body = {"customer_phone": PHONE, "message": text, "sender_id": SENDER}
    return json.dumps(body | fields).encode()
