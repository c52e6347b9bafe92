"""What a sandbox is asked to be.

Pure: no I/O, no clock, no asyncio.
"""

import secrets
from collections.abc import Mapping, Sequence
from typing import Literal, TypedDict
from urllib.parse import urlsplit

from attrs import Attribute, Factory, field, frozen

from autocalls_async.emulator.world.receipts import ReceiptSteps

# The fields of a customer's message on its way to somebody's program.
INBOUND_FIELDS: Mapping[str, str] = {
    "phone": "customer_phone",
    "text": "message",
    "sender_id": "sender_id",
    "timestamp": "timestamp",
    "conversation_id": "conversation_id",
}


class SandboxOptions(TypedDict, total=False):
    """The arguments of `Emulator` that ask for more than the API."""

    page: bool
    webhook: str | None
    webhook_secret: str | None
    inbound: str | None
    inbound_fields: Mapping[str, str]
    inbound_token: str | None
    ended: str | None
    receipt_steps: Literal["auto", "delivered", "manual"] | None
    keep: int
    allow_hosts: Sequence[str]


def _check_url(_: object, attribute: "Attribute[str | None]", url: str | None) -> None:
    if url is None:
        return
    try:
        parts = urlsplit(url)
        usable = parts.scheme in {"http", "https"} and bool(parts.hostname)
        _ = parts.port
    except ValueError:
        usable = False
    if not usable:
        example = "http://127.0.0.1:9000/hooks"
        msg = f"{attribute.name} must be a whole URL, such as {example}; got {url!r}"
        raise ValueError(msg)


def _check_fields(
    _: object, attribute: "Attribute[Mapping[str, str]]", fields: Mapping[str, str]
) -> None:
    unknown = [name for name in fields if name not in INBOUND_FIELDS]
    if unknown:
        known = ", ".join(INBOUND_FIELDS)
        msg = f"{attribute.name} can rename {known}; got {unknown[0]!r}"
        raise ValueError(msg)


def _check_keep(_: object, attribute: "Attribute[int]", keep: int) -> None:
    if keep < 1:
        msg = f"{attribute.name} must be at least 1; got {keep!r}"
        raise ValueError(msg)


def _check_secret(
    _: object, attribute: "Attribute[str | None]", secret: str | None
) -> None:
    if secret == "":
        msg = f"{attribute.name} must not be empty: it would let anybody sign"
        raise ValueError(msg)


def _make_secret(settings: "SandboxSettings") -> str | None:
    if settings.webhook_secret is not None or settings.webhook is None:
        return settings.webhook_secret
    return secrets.token_hex(16)


@frozen(kw_only=True)
class SandboxSettings:
    """Where a sandbox calls out to, and what it keeps; checked as it is made."""

    page: bool = False
    webhook: str | None = field(default=None, validator=_check_url)
    webhook_secret: str | None = field(
        default=None, validator=_check_secret, repr=False
    )
    inbound: str | None = field(default=None, validator=_check_url)
    inbound_fields: Mapping[str, str] = field(factory=dict, validator=_check_fields)
    inbound_token: str | None = field(default=None, validator=_check_secret, repr=False)
    ended: str | None = field(default=None, validator=_check_url)
    receipt_steps: str | None = None
    keep: int = field(default=5000, validator=_check_keep)
    allow_hosts: Sequence[str] = ()
    steps: ReceiptSteps = field(init=False)
    secret: str | None = field(
        init=False, repr=False, default=Factory(_make_secret, takes_self=True)
    )

    @steps.default
    def _choose_steps(self) -> ReceiptSteps:
        if self.receipt_steps is not None:
            return _read_steps(self.receipt_steps)
        is_watched = self.page or self.webhook is not None
        return ReceiptSteps.AUTO if is_watched else ReceiptSteps.MANUAL

    @property
    def is_wanted(self) -> bool:
        """Whether anything was asked for that works by itself."""
        urls = (self.webhook, self.inbound, self.ended)
        return self.page or any(urls) or self.receipt_steps is not None


def _read_steps(text: str) -> ReceiptSteps:
    try:
        return ReceiptSteps(text)
    except ValueError:
        allowed = ", ".join(ReceiptSteps)
        msg = f"receipt_steps must be one of {allowed}; got {text!r}"
        raise ValueError(msg) from None
