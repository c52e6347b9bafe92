"""What the service tells us: immutable values, kept as they came.

Pure: no I/O, no clock, no asyncio. Nothing here knows the API's JSON: `http.replies`
does. Unknown codes and statuses are plain text, and unknown fields are in `extra`.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from attrs import Factory, field, frozen

from autocalls_async.model.values.frozen import NOTHING_MORE
from autocalls_async.model.values.naming import show_in
from autocalls_async.model.values.plain import Plain


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


show_in("autocalls_async", of=globals())
