"""What the service makes of a request's fields before it looks at anything else.

Pure: no I/O, no clock, no asyncio. The service is a Laravel application, so
outer white space is cut from every text, an emptied text is as good as
missing, and a field that fails is answered in Laravel's words.
"""

import json
import re
import string
from collections.abc import Mapping, Sequence
from enum import Enum, auto
from urllib.parse import parse_qsl

from attrs import field, frozen

Fields = dict[str, object]
Errors = dict[str, list[str]]

# What Laravel cuts: Unicode's white space and three marks of no width.
_BLANKS = (
    string.whitespace
    + "\x1c\x1d\x1e\x1f\x85\xa0\u1680"
    + "".join(map(chr, range(0x2000, 0x200B)))
    + "\u2028\u2029\u202f\u205f\u3000\ufeff\u200b\u200e"
)

_PLACEHOLDER = re.compile(r"\{\{\s*(\w+)\s*\}\}")
_PHONE = re.compile(r"\+[1-9][0-9]{6,14}")


class FieldKind(Enum):
    """What type a field has."""

    INTEGER = auto()
    TEXT = auto()
    TEXTS_BY_NAME = auto()


@frozen(kw_only=True)
class Rule:
    """What one documented field must look like."""

    kind: FieldKind
    required: bool = True
    max_length: int | None = None
    choices: tuple[str, ...] = field(default=())


FREEFORM_RULES: Mapping[str, Rule] = {
    "sender_id": Rule(kind=FieldKind.INTEGER),
    "recipient_phone": Rule(kind=FieldKind.TEXT),
    "message": Rule(kind=FieldKind.TEXT, max_length=4096),
}

TEMPLATE_RULES: Mapping[str, Rule] = {
    "sender_id": Rule(kind=FieldKind.INTEGER),
    "template_id": Rule(kind=FieldKind.INTEGER),
    "recipient_phone": Rule(kind=FieldKind.TEXT),
    "recipient_name": Rule(kind=FieldKind.TEXT, required=False, max_length=255),
    "variables": Rule(kind=FieldKind.TEXTS_BY_NAME, required=False),
}

STATUS_RULES: Mapping[str, Rule] = {
    "sender_id": Rule(kind=FieldKind.INTEGER),
    "recipient_phone": Rule(kind=FieldKind.TEXT),
}

SENDERS_RULES: Mapping[str, Rule] = {
    "status": Rule(kind=FieldKind.TEXT, required=False, choices=("online", "all")),
}

TEMPLATES_RULES: Mapping[str, Rule] = {
    "status": Rule(kind=FieldKind.TEXT, required=False, choices=("approved", "all")),
}

CONVERSATIONS_RULES: Mapping[str, Rule] = {
    "type": Rule(
        kind=FieldKind.TEXT,
        required=False,
        choices=("whatsapp", "test", "widget", "api"),
    ),
    "assistant_id": Rule(kind=FieldKind.INTEGER, required=False),
    "customer_phone": Rule(kind=FieldKind.TEXT, required=False),
    "whatsapp_sender_phone": Rule(kind=FieldKind.TEXT, required=False),
    "external_identifier": Rule(kind=FieldKind.TEXT, required=False),
    "per_page": Rule(kind=FieldKind.INTEGER, required=False),
    "cursor": Rule(kind=FieldKind.TEXT, required=False),
}


def is_phone(phone: str) -> bool:
    """Whether a phone number is written as `+14155551234`."""
    return _PHONE.fullmatch(phone) is not None


def read_json(raw: bytes) -> object | None:
    """Read a body as PHP would: None for one that is not valid JSON.

    NaN and the infinities are refused, unlike in Python's own reader; so is a
    lone half of a surrogate pair.
    """
    try:
        value: object = _JSON.decode(raw.decode())
        if b"\\u" in raw:
            json.dumps(value, ensure_ascii=False).encode()
    except (ValueError, RecursionError):
        return None
    return value


def read_query(query: str, rules: Mapping[str, Rule]) -> Fields:
    """Read a query string, in which a bare `+` is a space.

    All is text there; what the rules call a number becomes one, if it can.
    """
    fields: Fields = {}
    for name, text in parse_qsl(query, keep_blank_values=True):
        rule = rules.get(name)
        is_number = rule is not None and rule.kind is FieldKind.INTEGER
        fields[name] = _number_or_text(text) if is_number else _trimmed(text)
    return fields


def read_fields(body: object) -> Fields:
    """Return the fields of a body, trimmed; none where it is no object."""
    if not isinstance(body, dict):
        return {}
    return {name: _trimmed(value) for name, value in body.items()}


def undocumented(fields: Fields, rules: Mapping[str, Rule]) -> set[str]:
    """Name the fields that the reference does not know."""
    return fields.keys() - rules.keys()


def check_fields(fields: Fields, rules: Mapping[str, Rule]) -> Errors:
    """Hold fields against their rules.

    Returns:
        For each field that fails, why; empty if all is well.
    """
    errors: Errors = {}
    for name, rule in rules.items():
        error = _check_field(name, fields.get(name), rule)
        if error is not None:
            where, text = error
            errors[where] = [text]
    return errors


MAX_VARIABLE_LENGTH = 1024
"""Characters in a template's variable; an assumption, as all of `check_variables()`."""

_UNFIT = re.compile("[\n\r\t\v\f\x85\u2028\u2029]| {5}")


def check_variables(names: Sequence[str], body_text: str, given: object) -> Errors:
    """Hold a template's variables against what Meta is known to refuse.

    The reference says nothing of it, so this is an assumption: each variable of the
    template must be there, by its number or its name, must not be empty, and must
    have neither a line break, nor a tab, nor more than four spaces in a row, nor
    more than 1024 characters.

    Args:
        names: The template's variables, in order; those in its text where there
            are none.
        body_text: The template's.
        given: The request's field.

    Returns:
        For each variable that fails, why; empty if all is well.
    """
    texts = given if isinstance(given, dict) else {}
    wanted = names or dict.fromkeys(_PLACEHOLDER.findall(body_text))
    errors: Errors = {}
    for number, name in enumerate(wanted, start=1):
        where = f"variables.{number}"
        text = texts.get(str(number)) or texts.get(name)
        if not text:
            errors[where] = [f"The {where} field is required."]
    for name, text in texts.items():
        if text and (why := _unfit(text)):
            errors[f"variables.{name}"] = [f"The variables.{name} field {why}."]
    return errors


def _unfit(text: str) -> str | None:
    if _UNFIT.search(text):
        return "must not have line breaks, tabs or more than 4 consecutive spaces"
    if len(text) > MAX_VARIABLE_LENGTH:
        return f"must not be greater than {MAX_VARIABLE_LENGTH} characters"
    return None


def errors_body(errors: Errors) -> dict[str, object]:
    """Word the answer to fields that failed, as Laravel sums them up."""
    first, *others = [text for texts in errors.values() for text in texts]
    if others:
        noun = "error" if len(others) == 1 else "errors"
        first = f"{first} (and {len(others)} more {noun})"
    return {"message": first, "errors": errors}


def _check_field(name: str, value: object, rule: Rule) -> tuple[str, str] | None:
    title = name.replace("_", " ")
    if value is None:
        return (name, f"The {title} field is required.") if rule.required else None
    match rule.kind:
        case FieldKind.INTEGER:
            # JSON's true is an int to Python, and no number to the service.
            good = isinstance(value, int) and not isinstance(value, bool)
            return None if good else (name, f"The {title} field must be an integer.")
        case FieldKind.TEXT:
            return _check_text(name, value, rule)
        case _:
            return _check_texts(name, value)


def _check_text(name: str, value: object, rule: Rule) -> tuple[str, str] | None:
    title = name.replace("_", " ")
    if not isinstance(value, str):
        return name, f"The {title} field must be a string."
    limit = rule.max_length
    if limit is not None and len(value) > limit:
        return name, f"The {title} field must not be greater than {limit} characters."
    if rule.choices and value not in rule.choices:
        return name, f"The selected {title} is invalid."
    return None


def _check_texts(name: str, value: object) -> tuple[str, str] | None:
    if not isinstance(value, dict):
        return name, f"The {name} field must be an array."
    for key, text in value.items():
        if not isinstance(text, str):
            return f"{name}.{key}", f"The {name}.{key} field must be a string."
    return None


def _trimmed(value: object) -> object:
    """Cut outer white space; an emptied text becomes None."""
    match value:
        case str():
            return value.strip(_BLANKS) or None
        case dict():
            return {name: _trimmed(inner) for name, inner in value.items()}
        case _:
            return value


def _number_or_text(text: str) -> object:
    return int(text) if text.isascii() and text.isdecimal() else _trimmed(text)


def _reject_constant(name: str) -> object:
    raise ValueError(name)


_JSON = json.JSONDecoder(parse_constant=_reject_constant)
