"""Errors: they say what to do next, survive pickling and keep secrets."""

import copy
import pickle
import traceback
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autocalls_async.model import errors
from autocalls_async.model.answers import SessionStatus
from autocalls_async.model.errors import (
    AuthenticationError,
    AutocallsError,
    ExcludedError,
    InsufficientBalanceError,
    InvalidPhoneError,
    InvalidRequestError,
    NotFoundError,
    PermissionDeniedError,
    QueueFullError,
    RateLimitedError,
    RejectedError,
    RunStoppedError,
    SenderNotFoundError,
    SenderOfflineError,
    TemplateNotFoundError,
    TemplateRequiredError,
    TemplateUnusableError,
    UnavailableError,
    UnknownOutcomeError,
    UnreachableError,
    UnsentError,
)
from autocalls_async.model.values.frozen import FrozenDict
from tests.support import KEY, PHONE, TEXT, phones, shows_a_secret

HOSTILE = f"\x1b[31m{PHONE}\n{TEXT} {KEY}"
CLOSED = SessionStatus(
    is_open=False,
    can_send_freeform=False,
    requires_template=True,
    message=HOSTILE,
    extra=FrozenDict({"to": PHONE}),
)

COMMON: dict[str, Any] = {
    "status": 422,
    "error_code": HOSTILE,
    "attempts": 3,
    "host": "app.autocalls.ai",
    "remedy": "mend it",
}
REJECTED = COMMON | {"recipient_phone": PHONE, "service_message": HOSTILE}
FACTS: dict[type[AutocallsError], dict[str, Any]] = {
    AutocallsError: COMMON,
    UnreachableError: COMMON | {"detail": "it timed out", "recipient_phone": PHONE},
    UnsentError: COMMON | {"detail": "it timed out", "recipient_phone": PHONE},
    ExcludedError: COMMON | {"detail": "excluded", "recipient_phone": PHONE},
    QueueFullError: COMMON | {"detail": "no place", "recipient_phone": PHONE},
    UnknownOutcomeError: COMMON | {"detail": "it timed out", "recipient_phone": PHONE},
    UnavailableError: COMMON | {"detail": "it timed out"},
    RejectedError: REJECTED,
    AuthenticationError: REJECTED,
    InsufficientBalanceError: REJECTED,
    PermissionDeniedError: REJECTED,
    TemplateRequiredError: REJECTED | {"session_status": CLOSED},
    NotFoundError: REJECTED,
    SenderNotFoundError: REJECTED,
    TemplateNotFoundError: REJECTED,
    InvalidRequestError: REJECTED | {"errors": FrozenDict({PHONE: (HOSTILE,)})},
    InvalidPhoneError: REJECTED | {"errors": FrozenDict({"to": (HOSTILE,)})},
    TemplateUnusableError: REJECTED,
    SenderOfflineError: REJECTED,
    RateLimitedError: REJECTED | {"retry_after": 60.0},
    RunStoppedError: COMMON
    | {
        "detail": "the API key was not accepted",
        "cause": AuthenticationError(**REJECTED),
        "taken_count": 7,
    },
}

each_class = pytest.mark.parametrize("kind", FACTS, ids=lambda kind: kind.__name__)


def _kinds(kind: type[AutocallsError]) -> Iterator[type[AutocallsError]]:
    if kind in vars(errors).values() and not kind.__name__.startswith("_"):
        yield kind
    for narrower in kind.__subclasses__():
        yield from _kinds(narrower)


def test_every_error_class_is_tested_here() -> None:
    assert set(FACTS) == set(_kinds(AutocallsError))


@each_class
def test_an_error_survives_pickling_and_copying(kind: type[AutocallsError]) -> None:
    error = kind(**FACTS[kind])
    error.add_note("in row 12")
    vars(error)["row"] = 12  # a caller may hang something on it

    protocols = range(pickle.HIGHEST_PROTOCOL + 1)
    copies = [pickle.loads(pickle.dumps(error, p)) for p in protocols]  # noqa: S301  # our own bytes
    copies += [copy.copy(error), copy.deepcopy(error)]

    for each in copies:
        assert type(each) is kind
        assert str(each) == str(error)
        assert repr(each.__dict__) == repr(error.__dict__)
        assert (each.__notes__, vars(each)["row"]) == (["in row 12"], 12)
        assert each.status == 422
        assert each.error_code == HOSTILE


@each_class
def test_an_error_shows_no_secret(kind: type[AutocallsError]) -> None:
    error = kind(**FACTS[kind])

    texts = (str(error), repr(error), f"{error}", str(error.args), repr(error.args))
    trace = "".join(traceback.format_exception(error))

    assert error.args == ()
    assert not any(map(shows_a_secret, (*texts, trace)))
    assert all(text.isprintable() for text in texts)


@each_class
def test_an_errors_text_is_one_lower_case_line_without_a_full_stop(
    kind: type[AutocallsError],
) -> None:
    facts = {k: v for k, v in FACTS[kind].items() if k in {"detail", "cause"}}

    text = str(kind(**facts))

    assert text[:1] == text[:1].lower()
    assert not text.endswith(".")
    assert "\n" not in text


@each_class
def test_an_errors_text_is_what_happened_and_then_advice(
    kind: type[AutocallsError],
) -> None:
    facts = {k: v for k, v in FACTS[kind].items() if k not in {"remedy", "cause"}}
    without, error = kind(**facts), kind(**FACTS[kind])

    for each in (without, error):
        assert str(each) == "; ".join(filter(None, (each.summary, each.advice)))
        assert ";" not in each.summary + each.advice
        assert "safe" not in each.summary
    assert error.summary == without.summary
    assert bool(without.advice) is (kind not in {AutocallsError, RunStoppedError})
    if kind is not UnknownOutcomeError:  # nothing mends that
        assert error.advice.startswith("mend it")


@each_class
def test_an_error_names_the_host_once(kind: type[AutocallsError]) -> None:
    text = str(kind(**FACTS[kind]))

    talked = not issubclass(kind, RunStoppedError) and kind is not AutocallsError
    assert text.count("app.autocalls.ai") == int(talked)


@each_class
def test_an_errors_facts_are_attributes(kind: type[AutocallsError]) -> None:
    error = kind(**FACTS[kind])

    assert {name: getattr(error, name) for name in FACTS[kind]} == FACTS[kind]


def test_facts_that_are_not_known_are_none() -> None:
    error = TemplateRequiredError()

    assert (error.status, error.error_code, error.attempts) == (None, None, 0)
    assert (error.recipient_phone, error.service_message) == (None, None)
    assert error.session_status is None
    assert InvalidRequestError().errors == {}
    assert RateLimitedError().retry_after is None


@pytest.mark.parametrize(
    ("error", "text"),
    [
        pytest.param(
            UnsentError(detail="the queue is full", recipient_phone=PHONE),
            "unsent to +1415•••0123: the queue is full; it is safe to send it again",
            id="unsent",
        ),
        pytest.param(
            UnknownOutcomeError(detail="it timed out", status=502),
            "unknown: it timed out (502); it may have been delivered, so look for "
            "its delivery webhook before sending it again",
            id="unknown",
        ),
        pytest.param(
            UnavailableError(detail="it timed out"),
            "no usable answer: it timed out; it is safe to ask again",
            id="unavailable",
        ),
        pytest.param(
            UnavailableError(
                detail="no TLS", remedy="check base_url", host="localhost:8080"
            ),
            "no usable answer: no TLS (at localhost:8080); check base_url, then ask "
            "again",
            id="unavailable until it is mended",
        ),
        pytest.param(
            UnreachableError(
                detail="no TLS", remedy="check base_url", host="localhost:8080"
            ),
            "unsent: no TLS (at localhost:8080); check base_url, then send it again",
            id="unsent until it is mended",
        ),
        pytest.param(
            AuthenticationError(status=401, host="localhost:8080"),
            "rejected: the API key was not accepted (401 from localhost:8080); check "
            "AUTOCALLS_API_KEY and base_url",
            id="key",
        ),
        pytest.param(
            RunStoppedError(taken_count=1, detail="no TLS", remedy="check base_url"),
            "stopped after 1 message: no TLS; check base_url",
            id="run stopped until it is mended",
        ),
        pytest.param(
            TemplateRequiredError(
                recipient_phone=PHONE, status=403, error_code="SESSION_EXPIRED"
            ),
            "rejected to +1415•••0123: the 24-hour messaging window is closed "
            "(403 SESSION_EXPIRED); send a template, or wait until the recipient "
            "writes",
            id="window closed",
        ),
        pytest.param(
            RunStoppedError(taken_count=7, detail="the client was closed"),
            "stopped after 7 messages: the client was closed",
            id="run stopped",
        ),
    ],
)
def test_an_errors_text_says_what_happened_and_what_to_do(
    error: AutocallsError, text: str
) -> None:
    assert str(error) == text
    assert repr(error) == f"{type(error).__name__}({text!r})"


def test_an_error_without_facts_is_still_an_exception_with_a_name() -> None:
    error = AutocallsError()

    assert str(error) == ""
    assert repr(error) == "AutocallsError('')"


def test_each_rejection_says_something_of_its_own() -> None:
    kinds = [kind for kind in FACTS if issubclass(kind, RejectedError)]

    assert len({str(kind()) for kind in kinds}) == len(kinds)


def test_errors_compare_by_identity() -> None:
    error = UnsentError(detail="no")

    assert error != UnsentError(detail="no")
    assert len({error, UnsentError(detail="no")}) == 2


@given(code=st.text(), words=st.text(), phone=phones())
def test_whatever_the_service_said_the_text_stays_printable_and_masked(
    code: str, words: str, phone: str
) -> None:
    error = RejectedError(
        status=422, error_code=code, service_message=words, recipient_phone=phone
    )

    assert str(error).isprintable()
    assert phone[1:] not in str(error)


@given(phones())
def test_a_number_in_a_code_is_never_shown_whole(phone: str) -> None:
    for code in (phone, phone[1:], f"INVALID_{phone[1:]}", f"C{phone[1:]}_X"):
        assert phone[1:] not in str(RejectedError(error_code=code))
