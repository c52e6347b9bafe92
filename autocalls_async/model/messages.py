"""What we send and what we are told: immutable values, checked where they are made.

Pure: no I/O, no clock, no asyncio. Nothing here knows the API's JSON; `wire` does.

A value of ours that breaks a rule is a `ValueError` naming the value and the
rule. What the service told us is kept as it came: unknown codes and statuses
are plain text, and unknown fields are in `extra`.
"""

from collections.abc import ItemsView, Iterator, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any, TypeAlias, final

from attrs import Attribute, Factory, field, frozen

from autocalls_async.model.checks import (
    check_id,
    check_key,
    check_message_text,
    check_phone,
    check_recipient_name,
    check_text,
    show_kind,
)
from autocalls_async.model.masking import (
    forgetful_class,
    mask_phone,
    mask_phone_repr,
)
from autocalls_async.model.naming import show_in
from autocalls_async.model.plain import Plain


@final
class FrozenDict(Mapping[str, Any]):
    """A mapping that cannot change, so that a value holding it cannot either."""

    __slots__ = ("_items",)

    def __init__(self, items: Mapping[str, Any] | None = None) -> None:
        self._items = dict(items or {})

    def __getitem__(self, key: str) -> Any:  # noqa: ANN401  # the service's own JSON
        return self._items[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._items)

    def __len__(self) -> int:
        return len(self._items)

    def __hash__(self) -> int:
        return hash(frozenset(self._items))

    def __reduce__(self) -> tuple[object, ...]:
        return FrozenDict, (self._items,)  # slots alone fail below protocol 2

    def __repr__(self) -> str:
        return f"<{len(self)} items>"  # the values may be anybody's words


def _freeze(value: object) -> object:
    return FrozenDict(value) if isinstance(value, Mapping) else value


def _variables(
    _self: object, attribute: "Attribute[Mapping[str, str]]", value: object
) -> None:
    if not isinstance(value, FrozenDict):
        msg = f"{attribute.name} must map names to texts; got {show_kind(value)}"
        raise ValueError(msg)
    items: ItemsView[object, object] = value.items()  # whatever the caller put there
    for key, text in items:
        if not isinstance(key, str) or not key:
            msg = f"{attribute.name} must have texts for keys, such as '1'"
            raise ValueError(msg)
        check_text(f"a key of {attribute.name}", key)
        check_text(f"{attribute.name}[{mask_phone_repr(key)}]", text)


@forgetful_class
@frozen(kw_only=True)
class TemplateFallback(Plain):
    """The template to send where the messaging window is closed to free text.

    Args:
        template_id: One of the sender's templates.
        variables: As in `TemplateMessage`.

    Raises:
        ValueError: An argument breaks its rule.
    """

    template_id: int = field(validator=check_id.on_field)
    variables: Mapping[str, str] = field(
        factory=FrozenDict, converter=_freeze, validator=_variables, repr=False
    )


def _optional_fallback(
    _self: object, attribute: "Attribute[TemplateFallback | None]", value: object
) -> None:
    if value is not None and not isinstance(value, TemplateFallback):
        msg = f"{attribute.name} must be a TemplateFallback; got {show_kind(value)}"
        raise ValueError(msg)


@forgetful_class
@frozen(kw_only=True)
class FreeformMessage(Plain):
    """Free text to one recipient, allowed only while the messaging window is open.

    Args:
        recipient_phone: E.164, `+14155550123`.
        message: 1 to 4096 code points; a blank one is refused.
        sender_id: One of the account's senders; `None` means the client's default.
        key: What identifies it across the runs of a campaign with a journal,
            at most 255 characters; `None` derives it from the content.
        fallback: A template to send instead where the window is closed, at most
            once per recipient until the window opens again.

    Raises:
        ValueError: An argument breaks its rule.

    Source: API reference, "send-freeform".
    """

    recipient_phone: str = field(validator=check_phone.on_field, repr=mask_phone_repr)
    message: str = field(validator=check_message_text.on_field, repr=False)
    sender_id: int | None = field(default=None, validator=check_id.on_optional_field)
    key: str | None = field(
        default=None, validator=check_key.on_optional_field, repr=False
    )
    fallback: TemplateFallback | None = field(
        default=None, validator=_optional_fallback
    )


@forgetful_class
@frozen(kw_only=True)
class TemplateMessage(Plain):
    """An approved template to one recipient, allowed at any time.

    Args:
        recipient_phone: E.164, `+14155550123`.
        template_id: One of the sender's templates.
        variables: Texts by `"1"`, `"2"`, … or by the template's variable names.
        recipient_name: At most 255 characters.
        sender_id: One of the account's senders; `None` means the client's default.
        key: What identifies it across the runs of a campaign with a journal,
            at most 255 characters; `None` derives it from the content.

    Raises:
        ValueError: An argument breaks its rule.

    Source: API reference, "send template".
    """

    recipient_phone: str = field(validator=check_phone.on_field, repr=mask_phone_repr)
    template_id: int = field(validator=check_id.on_field)
    variables: Mapping[str, str] = field(
        factory=FrozenDict, converter=_freeze, validator=_variables, repr=False
    )
    recipient_name: str | None = field(
        default=None, validator=check_recipient_name.on_optional_field, repr=False
    )
    sender_id: int | None = field(default=None, validator=check_id.on_optional_field)
    key: str | None = field(
        default=None, validator=check_key.on_optional_field, repr=False
    )


Message: TypeAlias = FreeformMessage | TemplateMessage
"""What can be sent."""


def check_message(value: object) -> Message:
    """Return the message, or raise `ValueError` if `value` is none."""
    if not isinstance(value, FreeformMessage | TemplateMessage):
        names = "a FreeformMessage or a TemplateMessage"
        msg = f"a message must be {names}; got {show_kind(value)}"
        del value  # anybody's words, it may be
        raise ValueError(msg)
    return value


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
    extra: Mapping[str, Any] = field(factory=FrozenDict, repr=False)


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
    extra: Mapping[str, Any] = field(factory=FrozenDict, repr=False)


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
    extra: Mapping[str, Any] = field(factory=FrozenDict, repr=False)


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
    extra: Mapping[str, Any] = field(factory=FrozenDict, repr=False)


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
    extra: Mapping[str, Any] = field(factory=FrozenDict, repr=False)


@frozen(kw_only=True)
class Account(Plain):
    """Whose key this is, and what it can still spend.

    Source: API reference, "me".
    """

    name: str | None = field(default=None, repr=False)
    email: str | None = field(default=None, repr=False)
    total_balance: Decimal | None = None
    extra: Mapping[str, Any] = field(factory=FrozenDict, repr=False)


@frozen(order=True)
class Pair:
    """A sender and a recipient, who have one messaging window."""

    sender_id: int
    recipient_phone: str = field(repr=mask_phone_repr)


show_in(
    "autocalls_async",
    *("Account", "ConversationStatus", "FreeformMessage", "Sender", "SentMessage"),
    *("SessionStatus", "Template", "TemplateFallback", "TemplateMessage"),
    of=globals(),
)
