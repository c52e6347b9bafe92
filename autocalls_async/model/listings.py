"""What the service lists and tells of an account: immutable values, kept as they came.

Pure: no I/O, no clock, no asyncio. Nothing here knows the API's JSON: `http.replies`
does. Unknown codes and statuses are plain text, and unknown fields are in `extra`.
"""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from attrs import field, frozen

from autocalls_async.model.values.frozen import NOTHING_MORE
from autocalls_async.model.values.masking import mask_phone
from autocalls_async.model.values.naming import show_in
from autocalls_async.model.values.plain import Plain


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


_MOST_NAMES = 20
"""Templates that an error names."""


def find_template(
    templates: Sequence[Template], name: str, *, language: str | None, of: str
) -> Template:
    """Return the template of a name; an approved one goes before others.

    Args:
        templates: Those of one sender.
        name: As the service lists it.
        language: Such as `de`, where a name has several.
        of: Whose they are, for the errors.

    Raises:
        ValueError: There is none of this name, or none or several in the language.
    """
    named = [template for template in templates if template.name == name]
    if not named:
        known = [f"{t.name!r}" for t in templates if t.name][:_MOST_NAMES]
        msg = f"{of} has no template {name!r}; it has {', '.join(known) or 'none'}"
        raise ValueError(msg)
    fitting = [t for t in named if language is None or t.language == language]
    if not fitting:
        msg = f"template {name!r} is there in {_languages(named)}, not in {language!r}"
        raise ValueError(msg)
    approved = [t for t in fitting if t.status in {None, "approved"}] or fitting
    if len(approved) > 1:
        msg = f"template {name!r} is there in {_languages(approved)}: give its language"
        msg += " or its number"
        raise ValueError(msg)
    return approved[0]


def _languages(templates: Sequence[Template]) -> str:
    return ", ".join(f"{t.language!r} ({t.id})" for t in templates)


show_in(
    "autocalls_async",
    *("Account", "Conversation", "HistoryEntry", "Party", "Sender", "Template"),
    of=globals(),
)
