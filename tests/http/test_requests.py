"""Requests: exactly as the API documents them."""

import json
from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autocalls_async.http.requests import (
    Request,
    account_request,
    send_request,
    senders_request,
    session_status_request,
    templates_request,
)
from autocalls_async.model.messages import FreeformMessage, Message, TemplateMessage
from autocalls_async.policy.verdict import Kind
from tests.support import (
    PHONE,
    TEXT,
    phones,
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
