"""Calls that play the customer and the carrier."""

from typing import Any

from autocalls_async.emulator.answers import JsonObject
from autocalls_async.emulator.control.calls import CALLS, Asked, Desk
from autocalls_async.emulator.control.fields import Field, Type, WrongError
from autocalls_async.emulator.state import WINDOW_SECONDS
from autocalls_async.emulator.world import shapes
from autocalls_async.emulator.world.receipts import STATUSES

_SENDER = Field(
    type=Type.INTEGER, about="Which sender it is about; the first by default."
)
_NAME = Field(
    type=Type.TEXT, about="What the customer is called; as before by default."
)


@CALLS.add(
    "POST",
    "customers/{phone}/messages",
    "Let a customer write: their window opens, and the text goes to `inbound`.",
    body={
        "text": Field(type=Type.TEXT, about="1 to 4096 characters.", required=True),
        "sender_id": _SENDER,
        "name": _NAME,
    },
    answer="Message",
    status=201,
)
def customer_writes(desk: Desk, asked: Asked) -> JsonObject:
    """Take in a customer's text."""
    box, body = desk.box, asked.body
    chat = _chat(desk, asked)
    try:
        message = box.customer_writes(chat, body["text"], name=body.get("name"))
    except ValueError as error:
        raise WrongError(str(error), "text") from None
    return shapes.message(message, box.world.clock.date_at)


@CALLS.add(
    "PUT",
    "customers/{phone}/window",
    "Let a customer's window be open for so long; 0 closes it.",
    body={
        "seconds_remaining": Field(
            type=Type.NUMBER,
            about="Seconds until it closes.",
            required=True,
            minimum=0,
            maximum=WINDOW_SECONDS,
        ),
        "sender_id": _SENDER,
        "name": _NAME,
    },
    answer="Chat",
)
def set_window(desk: Desk, asked: Asked) -> JsonObject:
    """Let a customer have written so long ago."""
    box, body = desk.box, asked.body
    chat = _chat(desk, asked)
    wrote = box.world.clock.time() + body["seconds_remaining"] - WINDOW_SECONDS
    conversation = box.world.tenant.write(*chat, at=wrote, name=body.get("name"))
    box.turned()
    return shapes.chat(*chat, conversation)


@CALLS.add(
    "POST",
    "customers/{phone}/end",
    "Let a conversation have ended: the webhook for that tells it.",
    body={"sender_id": _SENDER},
    answer="Chat",
)
def end_conversation(desk: Desk, asked: Asked) -> JsonObject:
    """End a conversation."""
    chat = _chat(desk, asked)
    try:
        desk.box.end_conversation(chat)
    except LookupError as error:
        raise WrongError(str(error), "phone", 404) from None
    return shapes.chat(*chat, desk.box.world.tenant.conversations[chat])


@CALLS.add(
    "PUT",
    "messages/{id}/status",
    "Let a message's delivery go a step on; `id` is its `whatsapp_message_id`.",
    body={
        "status": Field(
            type=Type.TEXT,
            about="The step, forward from the last one.",
            required=True,
            choices=STATUSES[1:],
        ),
        "error_code": Field(type=Type.INTEGER, about="Why it failed."),
        "error_message": Field(type=Type.TEXT, about="The same in words."),
    },
    answer="Message",
)
def set_status(desk: Desk, asked: Asked) -> JsonObject:
    """Take a step of a message's delivery."""
    box, body = desk.box, asked.body
    try:
        message = box.deliveries.set_status(
            asked.path["id"],
            body["status"],
            error_code=body.get("error_code"),
            error_message=body.get("error_message"),
        )
    except LookupError as error:
        raise WrongError(str(error), "id", 404) from None
    except ValueError as error:
        raise WrongError(str(error), "status") from None
    return shapes.message(message, box.world.clock.date_at)


def _chat(desk: Desk, asked: Asked) -> tuple[int, str]:
    senders: dict[int, Any] = desk.box.world.tenant.senders
    sender_id = asked.body.get("sender_id", next(iter(senders), 0))
    if sender_id not in senders:
        known = ", ".join(map(str, senders)) or "none"
        msg = f"there is no sender {sender_id}; known: {known}"
        raise WrongError(msg, "sender_id")
    return sender_id, asked.path["phone"]
