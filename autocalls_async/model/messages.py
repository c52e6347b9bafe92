"""What we send and what we are told: immutable values, checked where they are made.

Pure: no I/O, no clock, no asyncio. Nothing here knows the API's JSON; `wire` does.

A value of ours that breaks a rule is a `ValueError` naming the value and the
rule. What the service told us is kept as it came: unknown codes and statuses
are plain text, and unknown fields are in `extra`.
"""

import re
from collections.abc import ItemsView, Iterator, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any, TypeAlias, final

from attrs import Attribute, Factory, field, frozen

from autocalls_async.model.masking import (
    forgetful_class,
    mask_phone,
    mask_phone_repr,
)
from autocalls_async.model.naming import show_in
from autocalls_async.model.plain import Plain

MAX_MESSAGE_LENGTH = 4096
"""Code points in a freeform text. Source: API reference, "send-freeform"."""

MAX_NAME_LENGTH = 255
"""Characters in `recipient_name`. Source: API reference, "send template"."""

MAX_KEY_LENGTH = 255
"""Characters in a `key`."""

_SURROGATE = re.compile("[\ud800-\udfff]")  # JSON could carry it, UTF-8 cannot
_LIKE_A_NUMBER = re.compile(r"[+\d()./\s-]{0,40}")
_BLANK = re.compile(r"[\s\u200b\u200e\ufeff]*")  # what Laravel trims
_E164 = re.compile(r"\+[1-9][0-9]{6,14}")


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


def check_phone(name: str, value: object) -> None:
    """Raise `ValueError` unless `value` is E.164, such as `+14155550123`.

    Source: API reference, "send-freeform".
    """
    if not isinstance(value, str) or not _E164.fullmatch(value):
        msg = f"{name} must be E.164, such as '+14155550123'; got {_show(value)}"
        del value  # tracers show a failed frame's variables
        raise ValueError(msg)


def _show(value: object) -> str:
    """Show what was given for a number, unless it may be somebody's words."""
    if not isinstance(value, str):
        return _kind(value)
    if _LIKE_A_NUMBER.fullmatch(value):
        return repr(mask_phone(value))
    return f"{len(value)} characters that are no number"


def check_id(name: str, value: object) -> None:
    """Raise `ValueError` unless `value` is a whole number above 0."""
    is_number = isinstance(value, int) and not isinstance(value, bool)
    if not is_number or not 1 <= value < 2**63:  # type: ignore[operator]  # a number
        # A number with more digits may be a phone's, or too long to be written.
        is_short = isinstance(value, int) and abs(value) < 1_000_000
        shown = value if is_short else _kind(value)
        msg = f"{name} must be a whole number above 0; got {shown}"
        del value  # a phone's, it may be
        raise ValueError(msg)


def _kind(value: object) -> str:
    return f"a value of type {type(value).__name__}"


def _phone(_self: object, attribute: "Attribute[str]", value: object) -> None:
    check_phone(attribute.name, value)


def _id(_self: object, attribute: "Attribute[int]", value: object) -> None:
    check_id(attribute.name, value)


def _optional_id(
    _self: object, attribute: "Attribute[int | None]", value: object
) -> None:
    if value is not None:
        check_id(attribute.name, value)


def _check_text(name: str, value: object, *, most: int | None = None) -> None:
    if not isinstance(value, str):
        msg = f"{name} must be text; got {_kind(value)}"
        raise ValueError(msg)
    if most is not None and len(value) > most:
        msg = f"{name} must have at most {most} characters; got {len(value)}"
        raise ValueError(msg)
    if _SURROGATE.search(value):
        msg = f"{name} must be valid Unicode; it holds half of a surrogate pair"
        raise ValueError(msg)


def _message_text(_self: object, attribute: "Attribute[str]", value: object) -> None:
    _check_text(attribute.name, value, most=MAX_MESSAGE_LENGTH)
    if isinstance(value, str) and _BLANK.fullmatch(value):
        msg = f"{attribute.name} must not be blank"
        raise ValueError(msg)


def _optional_name(
    _self: object, attribute: "Attribute[str | None]", value: object
) -> None:
    if value is not None:
        _check_text(attribute.name, value, most=MAX_NAME_LENGTH)


def _optional_key(
    _self: object, attribute: "Attribute[str | None]", value: object
) -> None:
    if value is not None:
        _check_text(attribute.name, value, most=MAX_KEY_LENGTH)
        if not value:
            msg = f"{attribute.name} must not be empty"
            raise ValueError(msg)


def _freeze(value: object) -> object:
    return FrozenDict(value) if isinstance(value, Mapping) else value


def _variables(
    _self: object, attribute: "Attribute[Mapping[str, str]]", value: object
) -> None:
    if not isinstance(value, FrozenDict):
        msg = f"{attribute.name} must map names to texts; got {_kind(value)}"
        raise ValueError(msg)
    items: ItemsView[object, object] = value.items()  # whatever the caller put there
    for key, text in items:
        if not isinstance(key, str) or not key:
            msg = f"{attribute.name} must have texts for keys, such as '1'"
            raise ValueError(msg)
        _check_text(f"a key of {attribute.name}", key)
        _check_text(f"{attribute.name}[{mask_phone_repr(key)}]", text)


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

    template_id: int = field(validator=_id)
    variables: Mapping[str, str] = field(
        factory=FrozenDict, converter=_freeze, validator=_variables, repr=False
    )


def _optional_fallback(
    _self: object, attribute: "Attribute[TemplateFallback | None]", value: object
) -> None:
    if value is not None and not isinstance(value, TemplateFallback):
        msg = f"{attribute.name} must be a TemplateFallback; got {_kind(value)}"
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

    recipient_phone: str = field(validator=_phone, repr=mask_phone_repr)
    message: str = field(validator=_message_text, repr=False)
    sender_id: int | None = field(default=None, validator=_optional_id)
    key: str | None = field(default=None, validator=_optional_key, repr=False)
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

    recipient_phone: str = field(validator=_phone, repr=mask_phone_repr)
    template_id: int = field(validator=_id)
    variables: Mapping[str, str] = field(
        factory=FrozenDict, converter=_freeze, validator=_variables, repr=False
    )
    recipient_name: str | None = field(
        default=None, validator=_optional_name, repr=False
    )
    sender_id: int | None = field(default=None, validator=_optional_id)
    key: str | None = field(default=None, validator=_optional_key, repr=False)


Message: TypeAlias = FreeformMessage | TemplateMessage
"""What can be sent."""


def check_message(value: object) -> Message:
    """Return the message, or raise `ValueError` if `value` is none."""
    if not isinstance(value, FreeformMessage | TemplateMessage):
        names = "a FreeformMessage or a TemplateMessage"
        msg = f"a message must be {names}; got {_kind(value)}"
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
