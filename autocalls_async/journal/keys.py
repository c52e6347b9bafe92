"""What identifies a message across runs, and how a message is kept as text.

Pure: no I/O, no clock, no asyncio.

A content is canonical JSON: equal messages give equal text, on each Python and
in each version of this library. Fields that were not given are left out, so
that a field added later changes no content, and no key, that is already kept.

A message's *identity* is a hash of what it says to whom: its fallback is no part of
it, nor how the number is spelled.
"""

import hashlib
import json
import re
from collections.abc import Mapping
from typing import Any

from autocalls_async.model.messages import (
    FreeformMessage,
    Message,
    TemplateFallback,
    TemplateMessage,
)
from autocalls_async.model.persons import RESPELT, person_of
from autocalls_async.model.values.masking import mask_phone

_TOO_LARGE = 2**63  # for a file's integers
_DERIVED_LENGTH = 16  # 64 bits: among a million messages, 1 in 37 million collides
_DERIVED = re.compile(rf"[0-9a-f]{{{_DERIVED_LENGTH}}}")
_PHONE = re.compile(r"\+?\d(?:[\s().-]{0,3}\d){6,}")
_FREEFORM, _TEMPLATE = "freeform", "template"
_FALLBACK, _PHONE_FIELD = "fallback", "recipient_phone"
_MAY_DIFFER = (f'"{_FALLBACK}":', *(f'"{code}' for code in RESPELT))
"""Without one of these, a content has neither a fallback nor a second spelling."""


def to_content(message: Message, sender_id: int | None) -> str:
    """Write down what is to be sent, so that it can be compared and sent later.

    Args:
        message: What to send.
        sender_id: The sender that it goes out on, whatever the message says; `None`
            where that is decided later.
    """
    if isinstance(message, FreeformMessage):
        own = _content_of_freeform(message)
    else:
        own = _content_of_template(message)
    whom: dict[str, Any] = {_PHONE_FIELD: message.recipient_phone}
    if sender_id is not None:
        whom["sender_id"] = sender_id
    return _canonical(whom | own)


def _canonical(fields: Mapping[str, Any]) -> str:
    return json.dumps(fields, ensure_ascii=False, sort_keys=True, separators=(",", ":"))


def from_content(content: str) -> Message:
    """Return the message, with the sender that was written down.

    Raises:
        ValueError: It is no content, or one of a later version's.
    """
    fields = _fields_of(content)
    if fields is None:
        msg = "a content must be a JSON object"
        raise ValueError(msg)
    kind = fields.pop("kind", None)
    shape = {_FREEFORM: FreeformMessage, _TEMPLATE: TemplateMessage}.get(str(kind))
    if shape is None:
        msg = "a content must be of a kind that this version knows"
        raise ValueError(msg)
    return _make(shape, fields)


def identity_of(content: str) -> str:
    """Return what is the same for equal messages: 16 hex digits.

    Whatever their keys and fallbacks are, and however their number is spelled.
    """
    return digest_of(_essence(content))


def derive_key(content: str) -> str:
    """Return the key of a message that has none: its identity.

    Two equal messages have one key: whoever means to send the same text twice
    to one recipient gives each its own.
    """
    return identity_of(content)


def digest_of(content: str) -> str:
    """Return 16 hex digits of a text; a content's were its key in the first schema."""
    return hashlib.sha256(content.encode()).hexdigest()[:_DERIVED_LENGTH]


def sender_of(content: str) -> int | None:
    """Return the sender that was written down; `None` where there is none."""
    sender_id = (_fields_of(content) or {}).get("sender_id")
    is_one = isinstance(sender_id, int) and 0 < sender_id < _TOO_LARGE
    return sender_id if is_one else None


def _essence(content: str) -> str:
    if not any(mark in content for mark in _MAY_DIFFER):
        return content
    fields = _fields_of(content)
    if fields is None:
        return content
    fields.pop(_FALLBACK, None)
    if isinstance(phone := fields.get(_PHONE_FIELD), str):
        fields[_PHONE_FIELD] = person_of(phone)
    return _canonical(fields)


def _fields_of(content: str) -> dict[str, Any] | None:
    try:
        fields = json.loads(content)
    except (ValueError, RecursionError):
        return None
    return fields if isinstance(fields, dict) else None


def show_key(key: str) -> str:
    """Show a key where people read it, with the numbers in it masked.

    A caller may well use the recipient's number as the key. One that we
    derived says nothing about anybody and is shown whole.
    """
    if _DERIVED.fullmatch(key) and not key.isdigit():
        return repr(key)
    return repr(_PHONE.sub(lambda number: mask_phone(number[0]), key))


class QuietKey(str):
    """A key on its way to a journal: its `repr` shows it as `show_key` does.

    Tracers show the variables of the frames that a failure to note it goes through.
    """

    __slots__ = ()

    def __repr__(self) -> str:
        return show_key(str(self))  # a plain one, whose own `repr` is not this


def _content_of_freeform(message: FreeformMessage) -> dict[str, Any]:
    content: dict[str, Any] = {"kind": _FREEFORM, "message": message.message}
    if message.fallback is not None:
        content[_FALLBACK] = {
            "template_id": message.fallback.template_id,
            "variables": dict(message.fallback.variables),
        }
    return content


def _content_of_template(message: TemplateMessage) -> dict[str, Any]:
    content: dict[str, Any] = {"kind": _TEMPLATE, "template_id": message.template_id}
    if message.variables:
        content["variables"] = dict(message.variables)
    if message.recipient_name is not None:
        content["recipient_name"] = message.recipient_name
    return content


def _make(
    shape: type[FreeformMessage | TemplateMessage], fields: Mapping[str, Any]
) -> Message:
    try:
        if _FALLBACK in fields:
            fields = {**fields, _FALLBACK: TemplateFallback(**fields[_FALLBACK])}
        return shape(**fields)
    except TypeError:
        msg = "a content must have the fields of its kind, and no others"
        raise ValueError(msg) from None
