"""Requests: exactly as the API documents them."""

import json
from collections.abc import Callable
from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autocalls_async.http.requests import (
    Request,
    account_request,
    ai_request,
    conversations_request,
    history_request,
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
texts = st.text(
    st.characters(codec="utf-8", exclude_categories=["Cc"], include_characters="\t\n"),
    min_size=1,
    max_size=50,
).filter(str.strip)
names = st.text(min_size=1, max_size=10)


FREEFORM = FreeformMessage(recipient_phone=PHONE, message=TEXT)
TEMPLATE = TemplateMessage(recipient_phone=PHONE, template_id=45)
SESSION_STATUS = session_status_request(sender_id=12, recipient_phone=PHONE)
_CONVERSATION = "9b2f5a3e-1c4d-4e5f-8a6b-0123456789af"
_THEIRS = "whatsapp_sender_phone=%2B1888&per_page=100&cursor=b"
# What makes each, its operation, kind, method and target.
LINES: dict[str, tuple[Callable[[], Request], tuple[str, Kind, str, str]]] = {
    "freeform": (
        lambda: send_request(FREEFORM, sender_id=12),
        ("send-freeform", Kind.SEND, "POST", "/user/whatsapp/send-freeform"),
    ),
    "template": (
        lambda: send_request(TEMPLATE, sender_id=12),
        ("send", Kind.SEND, "POST", "/user/whatsapp/send"),
    ),
    "session status": (
        lambda: session_status_request(sender_id=12, recipient_phone=PHONE),
        (
            "session-status",
            Kind.READ,
            "GET",
            "/user/whatsapp/session-status?sender_id=12&recipient_phone=%2B14155550123",
        ),
    ),
    "senders online": (
        lambda: senders_request(include_offline=False),
        ("senders", Kind.READ, "GET", "/user/whatsapp/senders?status=online"),
    ),
    "all senders": (
        lambda: senders_request(include_offline=True),
        ("senders", Kind.READ, "GET", "/user/whatsapp/senders?status=all"),
    ),
    "approved templates": (
        lambda: templates_request(sender_id=12, include_unapproved=False),
        (
            "templates",
            Kind.READ,
            "GET",
            "/user/whatsapp/senders/12/templates?status=approved",
        ),
    ),
    "all templates": (
        lambda: templates_request(sender_id=12, include_unapproved=True),
        (
            "templates",
            Kind.READ,
            "GET",
            "/user/whatsapp/senders/12/templates?status=all",
        ),
    ),
    "account": (account_request, ("me", Kind.READ, "GET", "/user/me")),
    "conversations": (
        lambda: conversations_request(phone=None, sender_phone=None, cursor=None),
        (
            "conversations",
            Kind.READ,
            "GET",
            "/user/conversations?type=whatsapp&per_page=100",
        ),
    ),
    "a person's conversations": (
        lambda: conversations_request(phone="+1777", sender_phone="+1888", cursor="b"),
        (
            "conversations",
            Kind.READ,
            "GET",
            f"/user/conversations?type=whatsapp&customer_phone=%2B1777&{_THEIRS}",
        ),
    ),
    "history": (
        lambda: history_request(_CONVERSATION),
        ("history", Kind.READ, "GET", f"/conversations/{_CONVERSATION}"),
    ),
    "assistant on": (
        lambda: ai_request(_CONVERSATION, is_on=True),
        (
            "enable-ai",
            Kind.READ,
            "POST",
            f"/automate/conversations/{_CONVERSATION}/enable-ai",
        ),
    ),
    "assistant off": (
        lambda: ai_request(_CONVERSATION, is_on=False),
        (
            "disable-ai",
            Kind.READ,
            "POST",
            f"/automate/conversations/{_CONVERSATION}/disable-ai",
        ),
    ),
}


@pytest.mark.parametrize(("make", "line"), LINES.values(), ids=LINES.keys())
def test_each_operation_has_its_documented_method_and_target(
    make: Callable[[], Request], line: tuple[str, Kind, str, str]
) -> None:
    request = make()

    assert (request.operation, request.kind, request.method, request.target) == line
    assert (request.body is None) == (request.method == "GET")


def test_a_request_knows_whom_it_is_about_where_it_is_about_somebody() -> None:
    assert send_request(FREEFORM, sender_id=12).recipient_phone == PHONE
    asked = session_status_request(sender_id=12, recipient_phone=PHONE)
    assert asked.recipient_phone == PHONE
    assert account_request().recipient_phone is None


def test_what_switches_an_assistant_has_an_empty_body() -> None:
    assert ai_request(_CONVERSATION, is_on=True).body == b""


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


@pytest.mark.parametrize("request_", [line[0]() for line in LINES.values()], ids=LINES)
def test_a_requests_repr_shows_no_secret(request_: Request) -> None:
    assert not shows_a_secret(repr(request_))
    assert request_.operation in repr(request_)
