"""What is sent: immutable values, checked where they are made.

Pure: no I/O, no clock, no asyncio. Nothing here knows the API's JSON: `http.requests`
does. A value that breaks a rule is a `ValueError` naming the value and the rule.
"""

from collections.abc import ItemsView, Mapping
from typing import TypeAlias, TypeGuard

from attrs import Attribute, field, frozen

from autocalls_async.model.checks import (
    Check,
    check_id,
    check_key,
    check_message_text,
    check_phone,
    check_recipient_name,
    check_text,
    show_kind,
)
from autocalls_async.model.values.frozen import FrozenDict
from autocalls_async.model.values.masking import forgetful_class, mask_phone_repr
from autocalls_async.model.values.naming import show_in
from autocalls_async.model.values.plain import Plain
from autocalls_async.model.zones import check_zone


def _freeze(value: object) -> object:
    return FrozenDict(value) if isinstance(value, Mapping) else value


def _check_variables(
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
        factory=FrozenDict, converter=_freeze, validator=_check_variables, repr=False
    )


def _is_fallback(value: object) -> TypeGuard[TemplateFallback]:
    return isinstance(value, TemplateFallback)


_check_fallback = Check(
    _is_fallback, lambda value: f"must be a TemplateFallback; got {show_kind(value)}"
)


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
        time_zone: The name of the recipient's own, such as `America/New_York`, for
            `hours` of a run; it is neither sent nor part of what the key says.

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
        default=None, validator=_check_fallback.on_optional_field
    )
    time_zone: str | None = field(
        default=None, validator=check_zone.on_optional_field, repr=False
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
        time_zone: The name of the recipient's own, such as `America/New_York`, for
            `hours` of a run; it is neither sent nor part of what the key says.

    Raises:
        ValueError: An argument breaks its rule.

    Source: API reference, "send template".
    """

    recipient_phone: str = field(validator=check_phone.on_field, repr=mask_phone_repr)
    template_id: int = field(validator=check_id.on_field)
    variables: Mapping[str, str] = field(
        factory=FrozenDict, converter=_freeze, validator=_check_variables, repr=False
    )
    recipient_name: str | None = field(
        default=None, validator=check_recipient_name.on_optional_field, repr=False
    )
    sender_id: int | None = field(default=None, validator=check_id.on_optional_field)
    key: str | None = field(
        default=None, validator=check_key.on_optional_field, repr=False
    )
    time_zone: str | None = field(
        default=None, validator=check_zone.on_optional_field, repr=False
    )


Message: TypeAlias = FreeformMessage | TemplateMessage
"""What can be sent."""


def check_message(value: object) -> Message:
    """Return the message, or raise `ValueError` if `value` is none."""
    if not isinstance(value, Message):
        names = "a FreeformMessage or a TemplateMessage"
        msg = f"a message must be {names}; got {show_kind(value)}"
        del value  # anybody's words, it may be
        raise ValueError(msg)
    return value


@frozen(order=True)
class Pair:
    """A sender and a recipient, who have one messaging window."""

    sender_id: int
    recipient_phone: str = field(repr=mask_phone_repr)


show_in(
    "autocalls_async",
    *("FreeformMessage", "TemplateFallback", "TemplateMessage"),
    of=globals(),
)
