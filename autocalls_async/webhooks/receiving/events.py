"""What webhooks tell, as immutable values.

Pure: no I/O, no clock, no asyncio. `reading` knows the names on the wire.

The id of a conversation opens its history without a key, so no `repr` shows one, nor
a text or a whole number.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, TypeAlias

from attrs import field, frozen

from autocalls_async.model.values.frozen import FrozenDict
from autocalls_async.model.values.masking import mask_phone
from autocalls_async.model.values.naming import show_in
from autocalls_async.model.values.plain import Plain


def _mask(value: str | None) -> str:
    return repr(value and mask_phone(value))


@frozen(kw_only=True)
class MessageStatus(Plain):
    """A receipt: what became of one message at its recipient's.

    Attributes:
        whatsapp_message_id: The id that the answer to the send had.
        status: `sent`, `delivered`, `read`, `failed`, `undelivered`, or one that the
            service has added.
        sender_id: Of the sender whose message it is.
        recipient_phone: Whom it was for.
        sender_phone: The sender's number.
        at: When it became so: by the carrier's clock where that is told.
        error_code: The carrier's, of a failure.
        error_message: The same for people.
        message_sid: The carrier's own id of the message.
        meta_message_id: Meta's.
        conversation_id: A UUID, and a secret.
        assistant_id: The UUID of the assistant of this sender.
        is_test: The panel's test button made it: there is no such message.
        extra: Fields this version does not know.

    Source: API reference, "Read-receipts webhook".
    """

    whatsapp_message_id: int
    status: str
    sender_id: int
    recipient_phone: str | None = field(default=None, repr=_mask)
    sender_phone: str | None = field(default=None, repr=_mask)
    at: datetime | None = None
    error_code: int | None = None
    error_message: str | None = field(default=None, repr=False)
    message_sid: str | None = field(default=None, repr=False)
    meta_message_id: str | None = field(default=None, repr=False)
    conversation_id: str | None = field(default=None, repr=False)
    assistant_id: str | None = field(default=None, repr=False)
    is_test: bool = False
    extra: Mapping[str, Any] = field(factory=FrozenDict, repr=False)


@frozen(kw_only=True)
class TranscriptEntry(Plain):
    """One message of a conversation that has ended.

    Attributes:
        role: `user`, `assistant` or `system`.
        content: Its text.
        at: When it was written, where the service says so.
        extra: Fields this version does not know.
    """

    role: str
    content: str | None = field(default=None, repr=False)
    at: datetime | None = None
    extra: Mapping[str, Any] = field(factory=FrozenDict, repr=False)


@frozen(kw_only=True)
class ConversationEnded(Plain):
    """A conversation is over. The service does not sign this webhook.

    Attributes:
        id: A number; probably the `conversation_id` that the answer to a send has.
        conversation_id: A UUID, and a secret.
        type: `whatsapp` or `widget`.
        assistant_id: The UUID of the assistant that held it.
        message_count: How many messages it had.
        transcript: Those messages, in order.
        extracted_variables: What the assistant found out.
        customer_phone: Who talked to it; `None` for widgets.
        sender_phone: The number of the sender; `None` for widgets.
        created_at: When it began, where the service says so with a zone.
        ended_at: When it ended, likewise.
        extra: Fields this version does not know.

    Source: API reference, "Conversation-ended webhook".
    """

    conversation_id: str = field(repr=False)
    id: int | None = None
    type: str | None = None
    assistant_id: str | None = field(default=None, repr=False)
    message_count: int | None = None
    transcript: tuple[TranscriptEntry, ...] = field(default=(), repr=False)
    extracted_variables: Mapping[str, Any] = field(factory=FrozenDict, repr=False)
    customer_phone: str | None = field(default=None, repr=_mask)
    customer_name: str | None = field(default=None, repr=False)
    sender_phone: str | None = field(default=None, repr=_mask)
    created_at: datetime | None = None
    ended_at: datetime | None = None
    extra: Mapping[str, Any] = field(factory=FrozenDict, repr=False)


@frozen(kw_only=True)
class InboundMessage(Plain):
    """Somebody wrote to a sender; an automation flow has forwarded it.

    Attributes:
        phone: Who wrote, in E.164.
        text: What they wrote.
        sender_id: Whom they wrote to; `None` where the flow does not say.
        at: When they wrote; `None` where the flow does not say it with a zone.
        conversation_id: Of the conversation, as the flow says it: maybe a secret.
        message_id: The flow's id of this message, where it gives one: a repeat is
            known by it.
        extra: The flow's other fields.
    """

    phone: str = field(repr=_mask)
    text: str = field(repr=False)
    sender_id: int | None = None
    at: datetime | None = None
    conversation_id: str | None = field(default=None, repr=False)
    message_id: str | None = field(default=None, repr=False)
    extra: Mapping[str, Any] = field(factory=FrozenDict, repr=False)


@frozen(kw_only=True)
class OtherEvent:
    """What came in good order, and this version cannot read.

    Attributes:
        event: Which kind the body says it is, if it says so.
        raw: The body as it came.
    """

    event: str | None = field(default=None, repr=False)
    raw: bytes = field(default=b"", repr=False)


Event: TypeAlias = MessageStatus | ConversationEnded | InboundMessage | OtherEvent
"""All that a webhook can tell."""


class WebhookError(Exception):
    """What came is not taken in.

    Args:
        status: The status of the answer that it deserves.
        reason: Why, for people. It holds nothing of what came.
        retry_after: Seconds after which the same may be taken in.
    """

    def __init__(
        self, status: int, reason: str, *, retry_after: int | None = None
    ) -> None:
        super().__init__(status, reason)
        self.status = status
        self.reason = reason
        self.retry_after = retry_after

    def __str__(self) -> str:
        return f"{self.reason} (answered with {self.status})"


show_in("autocalls_async.webhooks", of=globals())
