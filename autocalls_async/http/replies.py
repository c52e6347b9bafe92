"""The replies to our requests, read as functions of values.

Pure: no I/O, no clock, no asyncio. Names and shapes of what is told live here alone.

A reply is anybody's bytes. Reading one gives a typed value or an
`AutocallsError`, never another exception.

Source: API reference; an example of each body stands in `tests/samples/`.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from autocalls_async.http.reply import Reply
from autocalls_async.http.structuring import Unreadable, structure
from autocalls_async.model.answers import ConversationStatus, SentMessage, SessionStatus
from autocalls_async.model.errors import (
    AuthenticationError,
    InsufficientBalanceError,
    InvalidPhoneError,
    InvalidRequestError,
    NotFoundError,
    PermissionDeniedError,
    RateLimitedError,
    RejectedError,
    SenderNotFoundError,
    SenderOfflineError,
    TemplateNotFoundError,
    TemplateRequiredError,
    TemplateUnusableError,
    UnavailableError,
)
from autocalls_async.model.later import Later
from autocalls_async.model.values.frozen import FrozenDict
from autocalls_async.policy.verdict import Seen

if TYPE_CHECKING:
    from autocalls_async.model import listings as _listings
else:
    # most programs list nothing
    _listings = Later("autocalls_async.model.listings")

T = TypeVar("T")


def see(reply: Reply) -> Seen:
    """Return which row of the decision table a reply belongs to."""
    if reply.status == 429:
        return Seen.RATE_LIMITED
    match reply.status // 100:
        case 2:
            return _see_success(reply)
        case 3:
            return Seen.REDIRECT
        case 4:
            return _see_refusal(reply)
        case 5:
            return _see_server_error(reply)
    return Seen.OTHER


def _see_server_error(reply: Reply) -> Seen:
    code = read_error_code(reply)
    is_offline = reply.status == 503 and code == "SENDER_OFFLINE"
    return Seen.REFUSED if is_offline else Seen.SERVER_ERROR


def _is_page(reply: Reply) -> bool:
    """Whether it is a page for people.

    The API asked for JSON never answers with one, so that is a proxy, a
    firewall, a portal or a wrong address, and nobody knows when it spoke up.
    """
    return reply.headers.get("content-type", "").lower().startswith("text/html")


def _see_success(reply: Reply) -> Seen:
    if reply.status != 200:
        is_believed = reply.status in {201, 202} and _names_a_message(reply)
        return Seen.OK if is_believed else Seen.OTHER
    if reply.content is None:
        return Seen.OTHER if _is_page(reply) else Seen.OK
    has_failed = reply.content.get("success", True) is not True
    return Seen.OK_BUT_FAILED if has_failed else Seen.OK


def _names_a_message(reply: Reply) -> bool:
    """Whether it says that it succeeded, and which message it made.

    The API documents 200 alone; a framework's own word for "made" and "taken in"
    is believed with both.
    """
    if (reply.content or {}).get("success") is not True:
        return False
    sent = read_sent(reply)
    return (sent.whatsapp_message_id or sent.message_id) is not None


def describe_answer(reply: Reply, seen: Seen) -> str:
    """Return for people what an answer was that settles nothing."""
    if seen in {Seen.OTHER, Seen.FOREIGN_REFUSAL} and _is_page(reply):
        return "a web page came in place of the API's answer"
    return _DESCRIPTIONS.get(seen, f"the answer was {seen.value}")


_DESCRIPTIONS: Mapping[Seen, str] = {
    Seen.OK_BUT_FAILED: "the status of the answer says success, and its body does not",
    Seen.FOREIGN_REFUSAL: "somebody on the way refused, not the API",
    Seen.SERVER_ERROR: "the service or a proxy before it broke down",
    Seen.REDIRECT: "the answer was a redirect, and the API has none",
    Seen.OTHER: "the API documents no such answer",
}


def _see_refusal(reply: Reply) -> Seen:
    """Return who refused: the API itself, or somebody on the way."""
    if reply.status in _ERROR_BY_STATUS:
        return Seen.FOREIGN_REFUSAL if _is_page(reply) else Seen.REFUSED
    signs = {"error_code"}
    if reply.status not in _AMBIGUOUS_STATUSES:
        signs |= {"error", "message"}  # gateways write these too
    is_ours = not signs.isdisjoint(reply.content or {})
    return Seen.REFUSED if is_ours else Seen.FOREIGN_REFUSAL


_AMBIGUOUS_STATUSES = frozenset({408, 409, 499})
"""A time-out, a conflict, a closed connection: the request may have been acted on."""

_ERROR_BY_CODE: Mapping[str, type[RejectedError]] = FrozenDict(
    {
        "INSUFFICIENT_BALANCE": InsufficientBalanceError,
        "INVALID_PHONE": InvalidPhoneError,
        "MESSAGING_LIMIT_UNAVAILABLE": TemplateUnusableError,
        "NO_ASSISTANT_CONFIGURED": TemplateUnusableError,
        "SENDER_NOT_FOUND": SenderNotFoundError,
        "SENDER_OFFLINE": SenderOfflineError,
        "SESSION_EXPIRED": TemplateRequiredError,
        "TEMPLATE_MISMATCH": TemplateUnusableError,
        "TEMPLATE_NOT_APPROVED": TemplateUnusableError,
        "TEMPLATE_NOT_FOUND": TemplateNotFoundError,
        "TEMPLATE_NOT_SYNCED": TemplateUnusableError,
        "VOICE_CALL_LIMIT_NOT_MET": TemplateUnusableError,
    }
)

_ERROR_BY_STATUS: Mapping[int, type[RejectedError]] = {
    401: AuthenticationError,
    402: InsufficientBalanceError,
    403: PermissionDeniedError,
    404: NotFoundError,
    422: InvalidRequestError,
    429: RateLimitedError,
}


def read_refusal(
    reply: Reply, *, recipient_phone: str | None, attempts: int
) -> RejectedError:
    """Return the error for a refusal: its code decides the class, else its status."""
    body = reply.content or {}
    code = read_error_code(reply)
    fallback = InvalidRequestError if reply.status == 400 else RejectedError
    by_status = _ERROR_BY_STATUS.get(reply.status, fallback)
    error = _ERROR_BY_CODE.get(code or "", by_status)(
        status=reply.status,
        error_code=code,
        host=reply.host,
        attempts=attempts,
        service_message=reply.first_text("error", "message"),
        recipient_phone=recipient_phone,
    )
    match error:
        case TemplateRequiredError():
            error.session_status = _session_status(body)
        case InvalidRequestError():
            error.errors = _field_errors(body.get("errors"))
        case RateLimitedError():
            error.retry_after = reply.retry_after()
    return error


def read_sent(reply: Reply) -> SentMessage:
    """Read what the service accepted; what cannot be read stays `None`."""
    return structure(reply.content or {}, SentMessage)


def make_ready() -> None:
    """Make what reads answers, which takes as long as all else of an import."""
    structure({}, SentMessage)


def read_conversation(reply: Reply) -> ConversationStatus:
    """Read the state of a window.

    Raises:
        UnavailableError: The answer cannot be read.
    """
    return read_shape(reply, ConversationStatus)


def read_senders(reply: Reply) -> "tuple[_listings.Sender, ...]":
    """Read the account's senders.

    Raises:
        UnavailableError: The answer cannot be read.
    """
    return read_shape(reply, tuple[_listings.Sender, ...], key="data")


def read_templates(reply: Reply) -> "tuple[_listings.Template, ...]":
    """Read a sender's templates.

    Raises:
        UnavailableError: The answer cannot be read.
    """
    return read_shape(reply, tuple[_listings.Template, ...], key="data")


def read_account(reply: Reply) -> "_listings.Account":
    """Read whose key this is.

    Raises:
        UnavailableError: The answer cannot be read.
    """
    return read_shape(reply, _listings.Account)


def read_conversations(
    reply: Reply,
) -> "tuple[tuple[_listings.Conversation, ...], str | None]":
    """Read one page of the listing of conversations, and the next one's cursor.

    Raises:
        UnavailableError: The answer cannot be read.
    """
    rows = read_shape(reply, tuple[_listings.Conversation, ...], key="data")
    return rows, reply.first_text("next_cursor")


def read_history(reply: Reply) -> "tuple[_listings.HistoryEntry, ...]":
    """Read what was said in a conversation, in its order.

    Raises:
        UnavailableError: The answer cannot be read.
    """
    return read_shape(reply, tuple[_listings.HistoryEntry, ...], key="history")


def read_shape(reply: Reply, shape: type[T], *, key: str | None = None) -> T:
    """Read an answer, or what stands in it under a key.

    Raises:
        UnavailableError: It cannot be read.
    """
    try:
        # In no variable of a frame that raises.
        return structure(_find(reply, key), shape)
    except Unreadable:
        detail = "the answer is not what the API documents"
        raise UnavailableError(
            detail=detail, status=reply.status, host=reply.host, attempts=1
        ) from None  # the cause would show what was received


def _find(reply: Reply, key: str | None) -> object:
    return reply.content if key is None else (reply.content or {}).get(key)


def _session_status(body: Mapping[str, Any]) -> SessionStatus | None:
    try:
        return structure(body.get("session_status"), SessionStatus)
    except Unreadable:
        return None


def _field_errors(value: object) -> Mapping[str, tuple[str, ...]]:
    if not isinstance(value, dict):
        return FrozenDict()
    return FrozenDict(
        {
            name: tuple(text for text in texts if isinstance(text, str))
            for name, texts in value.items()
            if isinstance(texts, list)
        }
    )


def read_error_code(reply: Reply) -> str | None:
    """Return the code of an error, where the answer has one."""
    return reply.first_text("error_code")
