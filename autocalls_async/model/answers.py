"""What the service tells us: immutable values, kept as they came.

Pure: no I/O, no clock, no asyncio. Nothing here knows the API's JSON: `http.replies`
does. Unknown codes and statuses are plain text, and unknown fields are in `extra`.
"""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

from attrs import Factory, field, frozen

from autocalls_async.model.values.frozen import FrozenDict
from autocalls_async.model.values.masking import mask_phone
from autocalls_async.model.values.naming import show_in
from autocalls_async.model.values.plain import Plain

NOTHING_MORE = FrozenDict()
"""Of an answer that holds what is documented, and no other field."""


@frozen(kw_only=True)
class SessionStatus(Plain):
    """What the service says of one messaging window.

    Attributes:
        can_send_freeform: Free text is allowed now. Only this decides.
        is_open: The recipient wrote to this sender in the last 24 hours. Where the
            service does not say, it follows from `can_send_freeform`.
        requires_template: Only a template is allowed now; the same holds for it.
        message: The same for people.
        minutes_remaining: Whole minutes, rounded down; only while open.
        expires_at: When the window will close; only while open.
        expired_at: When it closed; only after that.
        extra: Fields this version does not know.

    Source: API reference, "session_status".
    """

    can_send_freeform: bool
    is_open: bool = field(
        default=Factory(lambda self: self.can_send_freeform, takes_self=True)
    )
    requires_template: bool = field(
        default=Factory(lambda self: not self.can_send_freeform, takes_self=True)
    )
    message: str | None = field(default=None, repr=False)
    minutes_remaining: int | None = None
    expires_at: datetime | None = None
    expired_at: datetime | None = None
    extra: Mapping[str, Any] = field(default=NOTHING_MORE, repr=False)


@frozen(kw_only=True)
class ConversationStatus(Plain):
    """The window of one sender and recipient, and the conversation it belongs to.

    The fields that describe a conversation are `None` where there is none.

    Source: API reference, "session-status".
    """

    has_conversation: bool
    session_status: SessionStatus
    conversation_id: int | None = None
    customer_name: str | None = field(default=None, repr=False)
    last_customer_message_at: datetime | None = None
    extra: Mapping[str, Any] = field(default=NOTHING_MORE, repr=False)


@frozen(kw_only=True)
class SentMessage(Plain):
    """What the service said when it accepted a message.

    Accepted is not delivered: webhooks tell later, by `whatsapp_message_id`.
    Every field is `None` where the answer could not be read: the message was
    accepted all the same.

    Attributes:
        whatsapp_message_id: The key that delivery webhooks use.
        message_sid: The carrier's id; `None` with some carriers.
        session_status: The window after a freeform message.
        status: `queued`, `sent`, … after a template.
        fell_back: It was the message's `fallback` that was sent.
        extra: Fields this version does not know.

    Source: API reference, "send-freeform" and "send template".
    """

    whatsapp_message_id: int | None = None
    message_id: int | None = None
    conversation_id: int | None = None
    message_sid: str | None = None
    session_status: SessionStatus | None = None
    status: str | None = None
    fell_back: bool = False
    extra: Mapping[str, Any] = field(default=NOTHING_MORE, repr=False)


@frozen(kw_only=True)
class Sender(Plain):
    """One WhatsApp line of the account.

    Attributes:
        status: `online`, `offline`, and others that the service may add.
        quality_rating: `GREEN`, `YELLOW` or `RED`.
        messaging_limit: Unique recipients in 24 hours; `None` is unlimited.

    Source: API reference, "senders".
    """

    id: int
    phone_number: str | None = field(
        default=None, repr=lambda v: repr(v and mask_phone(v))
    )
    display_name: str | None = None
    status: str | None = None
    quality_rating: str | None = None
    messaging_limit: int | None = None
    messaging_limit_formatted: str | None = None
    extra: Mapping[str, Any] = field(default=NOTHING_MORE, repr=False)


@frozen(kw_only=True)
class Template(Plain):
    """One message template of a sender.

    Attributes:
        category: `marketing`, `utility` or `authentication`.
        status: `approved`, `pending`, `rejected`, …; only an approved one can be sent.
        body_text: The text with `{{1}}` placeholders.
        variables: Their names, in order.

    Source: API reference, "templates".
    """

    id: int
    name: str | None = None
    language: str | None = None
    category: str | None = None
    status: str | None = None
    body_text: str | None = field(default=None, repr=False)
    variables: tuple[str, ...] = ()
    has_variables: bool | None = None
    extra: Mapping[str, Any] = field(default=NOTHING_MORE, repr=False)


@frozen(kw_only=True)
class Party(Plain):
    """One side of a conversation."""

    name: str | None = field(default=None, repr=False)
    phone: str | None = field(default=None, repr=lambda v: repr(v and mask_phone(v)))
    extra: Mapping[str, Any] = field(default=NOTHING_MORE, repr=False)


@frozen(kw_only=True)
class Conversation(Plain):
    """One person's conversation with one sender, as the listing has it.

    Attributes:
        id: A UUID. Whoever has it can read the whole conversation without a key: treat
            it as a secret.
        ai_enabled: The sender's own assistant answers in it.
        created_at: As the service writes it, without a zone: `2025-01-25 14:30:00`.
        updated_at: Likewise.
        extra: Fields this version does not know.

    Source: API reference, "conversations".
    """

    id: str = field(repr=False)
    type: str | None = None
    message_count: int | None = None
    ai_enabled: bool | None = None
    created_at: str | None = None
    updated_at: str | None = None
    assistant_id: str | None = field(default=None, repr=False)
    assistant_name: str | None = field(default=None, repr=False)
    total_cost: Decimal | None = None
    whatsapp_sender: Party | None = None
    customer: Party | None = None
    variables: Mapping[str, Any] = field(default=NOTHING_MORE, repr=False)
    extra: Mapping[str, Any] = field(default=NOTHING_MORE, repr=False)


@frozen(kw_only=True)
class HistoryEntry(Plain):
    """One message of a conversation; the service does not say when it was.

    Attributes:
        role: `user` for the person, `assistant` for whoever wrote from this side, or
            `system`.
        content: Its text.
        extra: Fields this version does not know.
    """

    role: str
    content: str | None = field(default=None, repr=False)
    extra: Mapping[str, Any] = field(default=NOTHING_MORE, repr=False)


@frozen(kw_only=True)
class Account(Plain):
    """Whose key this is, and what it can still spend.

    Source: API reference, "me".
    """

    name: str | None = field(default=None, repr=False)
    email: str | None = field(default=None, repr=False)
    total_balance: Decimal | None = None
    extra: Mapping[str, Any] = field(default=NOTHING_MORE, repr=False)


show_in("autocalls_async", of=globals())
