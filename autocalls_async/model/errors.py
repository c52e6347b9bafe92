"""What can go wrong, told so that the caller knows what to do next.

A send fails in one of three ways: `UnsentError` (nothing left this machine),
`RejectedError` (the service said no) and `UnknownOutcomeError` (nobody can
know). A text never holds the service's own words, a key, a message or a whole
phone number: those could end in a log. They are attributes.

A text is a `summary` of what happened, and then the `advice`. Where one error
tells of another it quotes the summary alone, so that advice stands once, at the
end.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, ClassVar, TypeVar, dataclass_transform

from attrs import define, field

from autocalls_async.model.answers import SessionStatus
from autocalls_async.model.values.frozen import FrozenDict
from autocalls_async.model.values.masking import mask_phone, show_code
from autocalls_async.model.values.naming import show_in
from autocalls_async.model.values.plain import Plain

_E = TypeVar("_E", bound=type)


@dataclass_transform(kw_only_default=True, field_specifiers=(field,))
def _error_class(cls: _E) -> _E:
    # Not `auto_exc`: it would copy every field, recipients too, into `args`.
    return define(
        cls,
        eq=False,
        slots=False,
        str=False,
        repr=False,
        kw_only=True,
        auto_exc=False,
    )


@_error_class
class AutocallsError(Plain, Exception):
    """Whatever this library raises, but for a caller's own `ValueError`.

    Attributes:
        status: The HTTP status of the last answer, where there was one.
        error_code: The service's code for it, where it gave one.
        attempts: How many requests were handed over for this call.
        host: Whom we were talking to, where it was anybody.
        remedy: What has to be mended, where it is known; part of `advice`.
    """

    status: int | None = None
    error_code: str | None = None
    attempts: int = 0
    host: str | None = None
    remedy: str | None = None

    @property
    def summary(self) -> str:
        """What happened, without advice."""
        return ""

    @property
    def advice(self) -> str:
        """What to do about it; empty where there is nothing to say."""
        return self.remedy or ""

    def __str__(self) -> str:
        return "; ".join(part for part in (self.summary, self.advice) if part)

    def to_dict(self) -> dict[str, Any]:
        """Return this as plain JSON types, with its class's name and its text.

        It is data and not a log: the number is whole, and the service's own words
        are there.
        """
        return {"type": type(self).__name__, "text": str(self)} | super().to_dict()

    def __reduce__(self) -> tuple[object, ...]:
        return Exception.__new__, (type(self),), self.__dict__

    def __repr__(self) -> str:
        return f"{type(self).__name__}({str(self)!r})"

    def _seen(self) -> str:
        """Return status, code and host in brackets, where there are any."""
        code = self.error_code and show_code(self.error_code)
        answer = [str(part) for part in (self.status, code) if part]
        host = [f"{'from' if answer else 'at'} {self.host}"] if self.host else []
        seen = " ".join(answer + host)
        return f" ({seen})" if seen else ""


@_error_class
class _SendError(AutocallsError):
    recipient_phone: str | None = None

    def _to(self) -> str:
        return f" to {mask_phone(self.recipient_phone)}" if self.recipient_phone else ""


@_error_class
class UnsentError(_SendError):
    """Nothing left this machine, or it was surely not processed: send it again freely.

    Attributes:
        detail: Why.
        recipient_phone: Whom the message was for; masked in the text.
    """

    detail: str

    @property
    def summary(self) -> str:
        """What happened, without advice."""
        return f"unsent{self._to()}: {self.detail}{self._seen()}"

    @property
    def advice(self) -> str:
        """What to do about it."""
        if self.remedy:
            return f"{self.remedy}, then send it again"
        return "it is safe to send it again"


@_error_class
class QueueFullError(UnsentError):
    """More single messages wait than `max_queued` allows.

    Attributes:
        wait_seconds: How long this one would have waited for its turn.
    """

    wait_seconds: float = 0.0


class ExcludedError(UnsentError):
    """The recipient is among those whom `exclude` names: nothing was sent."""

    @property
    def advice(self) -> str:
        """What to do about it."""
        return self.remedy or "leave it, unless they are excluded by mistake"


class UnreachableError(UnsentError):
    """No connection to the service came about, or none that can be trusted.

    A certificate that is not trusted and a proxy that refuses are not retried:
    no repetition mends them. It ends a run of `send_many`.
    """


@_error_class
class UnknownOutcomeError(_SendError):
    """The message may have been delivered. Do not send it again blindly.

    A delivery webhook for this recipient after `handed_over_at` tells, if one
    comes.

    Attributes:
        detail: What was seen.
        handed_over_at: When its request began to leave, by this machine's clock.
        recipient_phone: Whom the message was for; masked in the text.
        sender_id: Whom it was from.
        text: What it said, of a free text: what `deliveries.evidence()` looks for.
    """

    detail: str
    handed_over_at: datetime | None = None
    sender_id: int | None = None
    text: str | None = None

    @property
    def summary(self) -> str:
        """What happened, without advice."""
        return f"unknown{self._to()}: {self.detail}{self._seen()}"

    @property
    def advice(self) -> str:
        """What to do about it."""
        return (
            "it may have been delivered, so look for its delivery webhook before "
            "sending it again"
        )


@_error_class
class UnavailableError(AutocallsError):
    """A status check or listing got no usable answer. Asking again is safe.

    Attributes:
        detail: What was seen.
    """

    detail: str

    @property
    def summary(self) -> str:
        """What happened, without advice."""
        return f"no usable answer: {self.detail}{self._seen()}"

    @property
    def advice(self) -> str:
        """What to do about it."""
        if self.remedy:
            return f"{self.remedy}, then ask again"
        return "it is safe to ask again"


@_error_class
class RejectedError(_SendError):
    """The service said no, and nothing was sent. The subclass says why.

    Attributes:
        service_message: The service's own words. They are not in this error's
            text, since they may repeat what was sent.
        recipient_phone: Whom the message was for; masked in the text.
    """

    _reason: ClassVar[str] = "the service refused the request"
    _remedy: ClassVar[str] = "read service_message, and do not repeat it unchanged"

    service_message: str | None = None

    def __attrs_post_init__(self) -> None:
        if self.remedy is None:
            self.remedy: str | None = self._remedy

    @property
    def summary(self) -> str:
        """What happened, without advice."""
        return f"rejected{self._to()}: {self._reason}{self._seen()}"


class AuthenticationError(RejectedError):
    """401: the key is wrong or revoked. Every further request fails too."""

    _reason = "the API key was not accepted"
    _remedy = "check AUTOCALLS_API_KEY and base_url"


class InsufficientBalanceError(RejectedError):
    """402: the account is empty. Every further send fails too."""

    _reason = "the account's balance is used up"
    _remedy = "top it up"


class PermissionDeniedError(RejectedError):
    """403 that is not about the window: the key lacks a permission."""

    _reason = "the API key may not do this"
    _remedy = "give the key this permission, or use another key"


@_error_class
class TemplateRequiredError(RejectedError):
    """The messaging window is closed: free text is not allowed, a template is.

    Found by our own check before anything was sent (then `status` is `None`),
    or told by the service with a 403.

    Attributes:
        session_status: What was last learnt about the window.
    """

    _reason: ClassVar[str] = "the 24-hour messaging window is closed"
    _remedy: ClassVar[str] = "send a template, or wait until the recipient writes"

    session_status: SessionStatus | None = None


class NotFoundError(RejectedError):
    """404 without a code that we know: most likely a wrong `base_url`."""

    _reason = "the service knows no such address"
    _remedy = "check base_url"


class SenderNotFoundError(NotFoundError):
    """404: there is no such sender on this account."""

    _reason = "this account has no such sender"
    _remedy = "take sender_id from senders()"


class TemplateNotFoundError(NotFoundError):
    """404: there is no such template on this sender."""

    _reason = "this sender has no such template"
    _remedy = "take template_id from templates()"


@_error_class
class InvalidRequestError(RejectedError):
    """422 or 400: the service found a field wrong.

    Attributes:
        errors: The service's words for each field it complains about.
    """

    _reason: ClassVar[str] = "the service found the request invalid"
    _remedy: ClassVar[str] = "read errors and service_message, and mend the field"

    errors: Mapping[str, tuple[str, ...]] = field(factory=FrozenDict)


class InvalidPhoneError(InvalidRequestError):
    """422: the service does not take this recipient's number."""

    _reason = "the service does not accept the recipient's number"
    _remedy = "correct the number"


class TemplateUnusableError(RejectedError):
    """422: the template exists, but cannot be sent as it is."""

    _reason = "the template cannot be used"
    _remedy = "see in the panel that it is approved, synced and fits this sender"


class SenderOfflineError(RejectedError):
    """The sender is offline. Its status is synced every five minutes."""

    _reason = "the sender is offline"
    _remedy = "reconnect it in the panel, and allow 5 minutes for it to be synced"


@_error_class
class RateLimitedError(RejectedError):
    """429 until the call's time or attempts were used up, or a pause that outlasts it.

    A pause that is known to last longer than a message's time is told at once, with
    no attempt of its own.

    Attributes:
        retry_after: Seconds that the service asked us to wait, if it said so.
    """

    _reason: ClassVar[str] = "the service's rate limit was hit"
    _remedy: ClassVar[str] = (
        "send it again later, and see whether another process uses this key"
    )

    retry_after: float | None = None


@_error_class
class RunStoppedError(AutocallsError):
    """A run of `send_many` ended before its source did.

    Raised after the last outcome. The source was read no further, and what was
    taken in but not handed over ended as `Unsent`.

    Attributes:
        detail: What stopped it.
        cause: The failure of a message that stopped it, where it was one.
        taken_count: Messages read from the source.
    """

    detail: str
    cause: AutocallsError | None = None
    taken_count: int = 0

    @property
    def summary(self) -> str:
        """What happened, without advice."""
        messages = "message" if self.taken_count == 1 else "messages"
        return f"stopped after {self.taken_count} {messages}: {self.detail}"


show_in("autocalls_async", of=globals())
