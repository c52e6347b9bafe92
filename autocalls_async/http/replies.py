"""The replies to our requests, read as functions of values.

Pure: no I/O, no clock, no asyncio. Names and shapes of what is told live here alone.

A reply is anybody's bytes. Reading one gives a typed value or an
`AutocallsError`, never another exception.

Source: API reference; an example of each body stands in `tests/samples/`.
"""

import json
from codecs import BOM_UTF8
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, TypeVar

from autocalls_async.http.structuring import Unreadable, structure
from autocalls_async.model.answers import (
    Account,
    Conversation,
    ConversationStatus,
    HistoryEntry,
    Sender,
    SentMessage,
    SessionStatus,
    Template,
)
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
from autocalls_async.model.values.frozen import FrozenDict
from autocalls_async.policy.pauses import read_date, read_pause
from autocalls_async.policy.verdict import Seen

T = TypeVar("T")


def _refuse_constant(name: str) -> None:
    msg = f"{name} is not JSON"
    raise ValueError(msg)


def _without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) != len(pairs):  # two readers could take two meanings
        msg = "a key stands twice"
        raise ValueError(msg)
    return result


_DECODER = json.JSONDecoder(
    parse_constant=_refuse_constant, object_pairs_hook=_without_duplicates
)


def read_json(body: bytes | None) -> dict[str, Any] | None:
    """Return the JSON object that bytes hold; `None` where they hold none."""
    try:
        value = _DECODER.decode((body or b"").removeprefix(BOM_UTF8).decode())
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


class Reply:
    """The answer to one request.

    Attributes:
        headers: By names in lower case.
        body: `None` where it broke off or was too large to be read.
        host: Whom we were talking to, for people.
        content: The JSON object in the body, `None` where it holds none.
    """

    __slots__ = ("body", "content", "headers", "host", "status")

    def __init__(
        self,
        *,
        status: int,
        headers: Mapping[str, str] = FrozenDict(),  # immutable
        body: bytes | None = b"",
        host: str | None = None,
    ) -> None:
        self.status: int = status
        self.headers: Mapping[str, str] = headers
        self.body: bytes | None = body
        self.host: str | None = host
        self.content: dict[str, Any] | None = read_json(body)

    def told_at(self) -> datetime | None:
        """Return the service's own time of answering, from its `Date` header."""
        return read_date(self.headers.get("date", ""))

    def retry_after(self) -> float | None:
        """Return the seconds that the service asks us to wait, if it does."""
        in_body = (self.content or {}).get("retry_after")
        # Of another refusal it tells nothing.
        is_reset_told = self.status == 429
        return read_pause(self.headers, in_body=in_body, is_reset_told=is_reset_told)


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


def describe(reply: Reply, seen: Seen) -> str:
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
        service_message=_first_text(body, "error", "message"),
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


def read_conversation(reply: Reply) -> ConversationStatus:
    """Read the state of a window.

    Raises:
        UnavailableError: The answer cannot be read.
    """
    return _read_shape(reply, _content, ConversationStatus)


def read_senders(reply: Reply) -> tuple[Sender, ...]:
    """Read the account's senders.

    Raises:
        UnavailableError: The answer cannot be read.
    """
    return _read_shape(reply, _data, tuple[Sender, ...])


def read_templates(reply: Reply) -> tuple[Template, ...]:
    """Read a sender's templates.

    Raises:
        UnavailableError: The answer cannot be read.
    """
    return _read_shape(reply, _data, tuple[Template, ...])


def read_account(reply: Reply) -> Account:
    """Read whose key this is.

    Raises:
        UnavailableError: The answer cannot be read.
    """
    return _read_shape(reply, _content, Account)


def read_conversations(reply: Reply) -> tuple[tuple[Conversation, ...], str | None]:
    """Read one page of the listing of conversations, and the next one's cursor.

    Raises:
        UnavailableError: The answer cannot be read.
    """
    rows = _read_shape(reply, _data, tuple[Conversation, ...])
    return rows, _first_text(reply.content or {}, "next_cursor")


def read_history(reply: Reply) -> tuple[HistoryEntry, ...]:
    """Read what was said in a conversation, in its order.

    Raises:
        UnavailableError: The answer cannot be read.
    """
    return _read_shape(reply, _history, tuple[HistoryEntry, ...])


def _read_shape(reply: Reply, find: Callable[[Reply], object], shape: type[T]) -> T:
    try:
        return structure(find(reply), shape)  # no variable of a frame that raises
    except Unreadable:
        detail = "the answer is not what the API documents"
        raise UnavailableError(
            detail=detail, status=reply.status, host=reply.host, attempts=1
        ) from None  # the cause would show what was received


def _content(reply: Reply) -> object:
    return reply.content


def _data(reply: Reply) -> object:
    return (reply.content or {}).get("data")


def _history(reply: Reply) -> object:
    return (reply.content or {}).get("history")


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
    return _first_text(reply.content or {}, "error_code")


def _first_text(body: Mapping[str, Any], *keys: str) -> str | None:
    return next((body[key] for key in keys if isinstance(body.get(key), str)), None)
