"""Requests and headers: exactly as the API documents them."""

import json
from datetime import UTC, datetime
from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autocalls_async.http.wire import (
    Reply,
    Request,
    account_request,
    send_request,
    senders_request,
    session_status_request,
    templates_request,
)
from autocalls_async.model.errors import (
    RateLimitedError,
)
from autocalls_async.model.messages import (
    FreeformMessage,
    Message,
    TemplateMessage,
)
from autocalls_async.policy.verdict import Kind
from tests.support import (
    PHONE,
    TEXT,
    phones,
    refusal,
    shows_a_secret,
)

ids = st.integers(1, 2**63)
texts = st.text(min_size=1, max_size=50).filter(str.strip)
names = st.text(min_size=1, max_size=10)


FREEFORM = FreeformMessage(recipient_phone=PHONE, message=TEXT)
TEMPLATE = TemplateMessage(recipient_phone=PHONE, template_id=45)
SESSION_STATUS = session_status_request(sender_id=12, recipient_phone=PHONE)
LINES = {
    "freeform": (
        send_request(FREEFORM, sender_id=12),
        (Kind.SEND, "POST", "/user/whatsapp/send-freeform"),
    ),
    "template": (
        send_request(TEMPLATE, sender_id=12),
        (Kind.SEND, "POST", "/user/whatsapp/send"),
    ),
    "session status": (
        SESSION_STATUS,
        (
            Kind.READ,
            "GET",
            "/user/whatsapp/session-status?sender_id=12&recipient_phone=%2B14155550123",
        ),
    ),
    "senders online": (
        senders_request(include_offline=False),
        (Kind.READ, "GET", "/user/whatsapp/senders?status=online"),
    ),
    "all senders": (
        senders_request(include_offline=True),
        (Kind.READ, "GET", "/user/whatsapp/senders?status=all"),
    ),
    "approved templates": (
        templates_request(sender_id=12, include_unapproved=False),
        (Kind.READ, "GET", "/user/whatsapp/senders/12/templates?status=approved"),
    ),
    "all templates": (
        templates_request(sender_id=12, include_unapproved=True),
        (Kind.READ, "GET", "/user/whatsapp/senders/12/templates?status=all"),
    ),
    "account": (account_request(), (Kind.READ, "GET", "/user/me")),
}


@pytest.mark.parametrize(("request_", "line"), LINES.values(), ids=LINES.keys())
def test_each_operation_has_its_documented_method_and_target(
    request_: Request, line: tuple[Kind, str, str]
) -> None:
    assert (request_.kind, request_.method, request_.target) == line
    assert (request_.body is None) == (request_.kind is Kind.READ)


@pytest.mark.parametrize(
    ("message", "body"),
    [
        pytest.param(
            FREEFORM,
            {"sender_id": 12, "recipient_phone": PHONE, "message": TEXT},
            id="freeform",
        ),
        pytest.param(
            FreeformMessage(recipient_phone=PHONE, message=TEXT, sender_id=99),
            {"sender_id": 12, "recipient_phone": PHONE, "message": TEXT},
            id="freeform, the sender was settled by the caller",
        ),
        pytest.param(
            TEMPLATE,
            {"sender_id": 12, "recipient_phone": PHONE, "template_id": 45},
            id="template without options",
        ),
        pytest.param(
            TemplateMessage(
                recipient_phone=PHONE,
                template_id=45,
                variables={"1": "Ana", "date": "May 1"},
                recipient_name="Ana",
            ),
            {
                "sender_id": 12,
                "recipient_phone": PHONE,
                "template_id": 45,
                "recipient_name": "Ana",
                "variables": {"1": "Ana", "date": "May 1"},
            },
            id="template with all options",
        ),
    ],
)
def test_a_send_carries_only_the_documented_fields(
    message: Message, body: dict[str, object]
) -> None:
    request = send_request(message, sender_id=12)

    assert json.loads(request.body or b"") == body
    assert request.recipient_phone == PHONE


@given(phones(), texts, ids)
def test_a_freeform_text_round_trips_as_utf_8_json(
    phone: str, text: str, sender_id: int
) -> None:
    message = FreeformMessage(recipient_phone=phone, message=text)

    body = send_request(message, sender_id=sender_id).body or b""

    assert json.loads(body.decode("utf-8")) == {
        "sender_id": sender_id,
        "recipient_phone": phone,
        "message": text,
    }


def test_a_text_is_not_inflated_by_escapes() -> None:
    message = FreeformMessage(recipient_phone=PHONE, message="\U0001f600é")

    body = send_request(message, sender_id=1).body or b""

    assert "\U0001f600é".encode() in body


@given(phones(), st.dictionaries(names, st.text(), min_size=1), st.none() | st.text())
def test_a_template_round_trips_as_utf_8_json(
    phone: str, variables: dict[str, str], name: str | None
) -> None:
    message = TemplateMessage(
        recipient_phone=phone, template_id=45, variables=variables, recipient_name=name
    )

    body = json.loads((send_request(message, sender_id=1).body or b"").decode("utf-8"))

    assert body["variables"] == variables
    assert body.get("recipient_name") == name
    assert ("recipient_name" in body) == (name is not None)


@given(phones(), ids)
def test_a_number_in_a_query_survives_decoding(phone: str, sender_id: int) -> None:
    request = session_status_request(sender_id=sender_id, recipient_phone=phone)

    assert "+" not in request.target
    assert parse_qs(urlsplit(request.target).query, strict_parsing=True) == {
        "sender_id": [str(sender_id)],
        "recipient_phone": [phone],
    }


@pytest.mark.parametrize("request_", [line[0] for line in LINES.values()], ids=LINES)
def test_a_requests_repr_shows_no_secret(request_: Request) -> None:
    assert not shows_a_secret(repr(request_))
    assert request_.operation in repr(request_)


TOLD = "Wed, 21 Oct 2026 07:28:00 GMT"
LATER = "Wed, 21 Oct 2026 07:29:30 GMT"
RESET = int(datetime(2026, 10, 21, 7, 28, 42, tzinfo=UTC).timestamp())


@pytest.mark.parametrize(
    ("headers", "body", "seconds"),
    [
        pytest.param({"retry-after": "3"}, None, 3.0, id="header"),
        pytest.param({"retry-after": "0"}, None, 0.0, id="at once"),
        pytest.param({}, {"retry_after": 60}, 60.0, id="body"),
        pytest.param({}, {"retry_after": 1.5}, 1.5, id="fraction"),
        pytest.param({}, {"retry_after": "60"}, 60.0, id="text in body"),
        pytest.param({"retry-after": "3"}, {"retry_after": 60}, 3.0, id="both"),
        pytest.param({"retry-after": "soon"}, {"retry_after": 60}, 60.0, id="words"),
        pytest.param({"retry-after": "-1"}, None, None, id="negative"),
        pytest.param({"retry-after": "nan"}, None, None, id="nan"),
        pytest.param({"retry-after": "inf"}, None, None, id="infinite"),
        pytest.param({}, {"retry_after": 10**400}, None, id="too large"),
        pytest.param({}, {"retry_after": True}, None, id="bool"),
        pytest.param({}, {"retry_after": None}, None, id="null"),
        pytest.param({}, {"retry_after": [60]}, None, id="list"),
        pytest.param({}, None, None, id="neither"),
        pytest.param({"date": TOLD, "retry-after": LATER}, None, 90.0, id="date"),
        pytest.param({"retry-after": LATER}, None, None, id="date without a clock"),
        pytest.param(
            {"date": "now", "retry-after": LATER}, None, None, id="date, bad clock"
        ),
        pytest.param({"date": TOLD, "retry-after": TOLD}, None, 0.0, id="date: now"),
        pytest.param({"date": LATER, "retry-after": TOLD}, None, None, id="date: past"),
        pytest.param(
            {"date": TOLD, "retry-after": "Thu, 22 Oct 2026 07:28:00 GMT"},
            None,
            3600.0,
            id="date: a day off",
        ),
        pytest.param(
            {"date": TOLD, "retry-after": "Wed, 21 Oct 2026 09:29:30 +0200"},
            None,
            90.0,
            id="date of another zone",
        ),
        pytest.param(
            {"date": TOLD, "retry-after": "Wed, 21 Oct 2026 07:29:30"},
            None,
            None,
            id="date without a zone",
        ),
        pytest.param(
            {"date": LATER, "retry-after": TOLD},
            {"retry_after": 7},
            7.0,
            id="past, body",
        ),
        pytest.param(
            {"date": TOLD, "x-ratelimit-reset": f"{RESET}"}, None, 42.0, id="reset"
        ),
        pytest.param(
            {"date": TOLD, "x-ratelimit-reset": f"{RESET}", "retry-after": "3"},
            None,
            3.0,
            id="reset, and told better",
        ),
        pytest.param(
            {"date": TOLD, "x-ratelimit-reset": f"{RESET - 60}"},
            None,
            None,
            id="reset: past",
        ),
        pytest.param(
            {"x-ratelimit-reset": f"{RESET}"}, None, None, id="reset without a clock"
        ),
        pytest.param(
            {"date": TOLD, "x-ratelimit-reset": "soon"}, None, None, id="reset: words"
        ),
        pytest.param(
            {"date": TOLD, "x-ratelimit-reset": "9" * 400}, None, None, id="reset: huge"
        ),
    ],
)
def test_the_service_says_how_long_to_wait(
    headers: dict[str, str], body: object, seconds: float | None
) -> None:
    answer = Reply(status=429, headers=headers, body=json.dumps(body).encode())

    error = refusal(answer)

    assert isinstance(error, RateLimitedError)
    assert answer.retry_after() == error.retry_after == seconds


def test_when_the_limit_begins_anew_is_no_matter_of_another_refusal() -> None:
    headers = {"date": TOLD, "x-ratelimit-reset": f"{RESET}"}

    assert Reply(status=503, headers=headers).retry_after() is None


@pytest.mark.parametrize(
    ("date", "instant"),
    [
        pytest.param(
            "Tue, 24 Feb 2026 10:30:00 GMT",
            datetime(2026, 2, 24, 10, 30, tzinfo=UTC),
            id="gmt",
        ),
        pytest.param(
            "Tue, 24 Feb 2026 10:30:00 +0200",
            datetime(2026, 2, 24, 8, 30, tzinfo=UTC),
            id="offset",
        ),
        pytest.param("Tue, 24 Feb 2026 10:30:00", None, id="no zone"),
        pytest.param("Tue, 24 Feb 2026 10:30:00 -0000", None, id="unknown zone"),
        pytest.param("Tue, 24 Feb 9999 23:59:59 -9999", None, id="no such offset"),
        pytest.param("Fri, 31 Dec 9999 23:59:59 -0100", None, id="after all time"),
        pytest.param("now", None, id="words"),
        pytest.param("", None, id="empty"),
    ],
)
def test_the_service_says_when_it_answered(date: str, instant: datetime | None) -> None:
    assert Reply(status=200, headers={"date": date}).told_at() == instant


def test_an_answer_without_a_date_was_given_at_an_unknown_time() -> None:
    assert Reply(status=200).told_at() is None
