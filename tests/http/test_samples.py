"""Every documented example of an answer, and the value or error that it is."""

from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from autocalls_async.http.replies import (
    read_account,
    read_conversation,
    read_senders,
    read_sent,
    read_templates,
    see,
)
from autocalls_async.http.reply import Reply
from autocalls_async.model import errors
from autocalls_async.model.answers import ConversationStatus, SentMessage, SessionStatus
from autocalls_async.model.errors import (
    InvalidRequestError,
    TemplateRequiredError,
)
from autocalls_async.model.listings import Account, Sender, Template
from autocalls_async.model.values.frozen import FrozenDict
from autocalls_async.policy.verdict import Seen
from tests.support import (
    PHONE,
    SAMPLES,
    is_exactly,
    refusal,
    reply,
)

OPEN_WINDOW = SessionStatus(
    is_open=True,
    can_send_freeform=True,
    requires_template=False,
    message="Session open (23 hr 45 min remaining). "
    "Unlimited free-form messages allowed.",
    minutes_remaining=1425,
    expires_at=datetime(2026, 2, 25, 10, 30, tzinfo=UTC),
)
CLOSED_WINDOW = SessionStatus(
    is_open=False,
    can_send_freeform=False,
    requires_template=True,
    message="Session expired. Send a template or wait for customer to reply.",
    expired_at=datetime(2026, 2, 23, 14, 0, tzinfo=UTC),
)
VALUES: dict[str, tuple[Callable[[Reply], object], object]] = {
    "me.200.json": (
        read_account,
        Account(
            name="Your Name",
            email="example@example.com",
            total_balance=Decimal("100.67447094"),
        ),
    ),
    "send-freeform.200.json": (
        read_sent,
        SentMessage(
            whatsapp_message_id=890,
            message_id=567,
            conversation_id=1234,
            message_sid="SMxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
            session_status=OPEN_WINDOW,
        ),
    ),
    "send-template.200.json": (
        read_sent,
        SentMessage(
            whatsapp_message_id=890,
            message_id=567,
            conversation_id=1234,
            message_sid="SMxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
            status="queued",
        ),
    ),
    "senders.200.json": (
        read_senders,
        (
            Sender(
                id=12,
                phone_number="+14155551234",
                display_name="Acme Corp Support",
                status="online",
                quality_rating="GREEN",
                messaging_limit=10000,
                messaging_limit_formatted="10,000 / 24hr",
            ),
            Sender(
                id=15,
                phone_number="+442071234567",
                display_name="Acme Corp Sales",
                status="online",
                quality_rating="GREEN",
                messaging_limit=None,
                messaging_limit_formatted="Unlimited",
            ),
        ),
    ),
    "session-status.200-open.json": (
        read_conversation,
        ConversationStatus(
            has_conversation=True,
            session_status=OPEN_WINDOW,
            conversation_id=1234,
            customer_name="John Doe",
            last_customer_message_at=datetime(2026, 2, 24, 10, 30, tzinfo=UTC),
        ),
    ),
    "session-status.200-expired.json": (
        read_conversation,
        ConversationStatus(
            has_conversation=True,
            session_status=CLOSED_WINDOW,
            conversation_id=1234,
            customer_name="John Doe",
            last_customer_message_at=datetime(2026, 2, 22, 14, 0, tzinfo=UTC),
        ),
    ),
    "session-status.200-none.json": (
        read_conversation,
        ConversationStatus(
            has_conversation=False,
            session_status=SessionStatus(
                is_open=False,
                can_send_freeform=False,
                requires_template=True,
                message="No conversation exists with this recipient. "
                "Send a template message first.",
            ),
        ),
    ),
    "templates.200.json": (
        read_templates,
        (
            Template(
                id=45,
                name="appointment_reminder",
                language="en",
                category="utility",
                status="approved",
                body_text="Hi {{1}}, this is a reminder for your appointment on {{2}} "
                "at {{3}}. Reply YES to confirm or NO to reschedule.",
                variables=("customer_name", "date", "time"),
                has_variables=True,
            ),
            Template(
                id=46,
                name="welcome_message",
                language="en",
                category="marketing",
                status="approved",
                body_text="Welcome to Acme Corp! We're excited to have you. "
                "How can we help you today?",
                variables=(),
                has_variables=False,
            ),
        ),
    ),
}
CLOSED_TEXT = (
    "The 24-hour messaging window is closed. "
    "Customer must reply first, or use a template message."
)
OFFLINE_TEXT = "Sender is not online. Current status: Offline"
REFUSALS = {
    "any.401.json": ("AuthenticationError", None, "Unauthenticated."),
    "any.422-validation.json": (
        "InvalidRequestError",
        None,
        "The message field is required.",
    ),
    "any.429-white-label.json": ("RateLimitedError", None, "Rate limit exceeded"),
    "any.429.json": ("RateLimitedError", None, "Too Many Attempts."),
    "send-freeform.403.json": (
        "TemplateRequiredError",
        "SESSION_EXPIRED",
        CLOSED_TEXT,
    ),
    "send-freeform.503.json": ("SenderOfflineError", "SENDER_OFFLINE", OFFLINE_TEXT),
    "send-template.404-template.json": (
        "TemplateNotFoundError",
        "TEMPLATE_NOT_FOUND",
        "Template not found or does not belong to this sender",
    ),
    "send-template.422-not-approved.json": (
        "TemplateUnusableError",
        "TEMPLATE_NOT_APPROVED",
        "Template is not approved. Current status: pending",
    ),
    "send-template.422-offline.json": (
        "SenderOfflineError",
        "SENDER_OFFLINE",
        OFFLINE_TEXT,
    ),
    "send.402.json": (
        "InsufficientBalanceError",
        "INSUFFICIENT_BALANCE",
        "Insufficient balance. Please top up your account.",
    ),
    "send.404-sender.json": (
        "SenderNotFoundError",
        "SENDER_NOT_FOUND",
        "Sender not found or does not belong to you",
    ),
    "send.422-phone.json": (
        "InvalidPhoneError",
        "INVALID_PHONE",
        "Invalid phone number format. Use E.164 format (e.g., +14155551234).",
    ),
    "session-status.404.json": (
        "SenderNotFoundError",
        "SENDER_NOT_FOUND",
        "Sender not found",
    ),
}


def sample(name: str) -> Reply:
    """Return a sample as the reply with the status in its name."""
    status = int(name.split(".")[1][:3])
    return Reply(status=status, body=SAMPLES[name])


def test_every_sample_of_an_answer_is_read_here() -> None:
    answers = {name for name in SAMPLES if not name.startswith("webhook.")}

    assert answers == VALUES.keys() | REFUSALS.keys()


@pytest.mark.parametrize("name", VALUES)
def test_a_sample_of_an_answer_is_read_to_its_value(name: str) -> None:
    read, expected = VALUES[name]

    value = read(sample(name))

    assert see(sample(name)) is Seen.OK
    assert value == expected
    assert all(is_exactly(v, type(v)) for v in (value if type(value) is tuple else ()))


@pytest.mark.parametrize("name", REFUSALS)
def test_a_sample_of_a_refusal_is_read_to_its_error(name: str) -> None:
    kind, code, words = REFUSALS[name]

    error = refusal(sample(name))

    assert type(error) is getattr(errors, kind)
    assert (error.error_code, error.service_message) == (code, words)
    assert (error.status, error.attempts) == (sample(name).status, 2)
    assert error.recipient_phone == PHONE
    assert words not in str(error)


def test_a_refusal_for_the_window_says_what_the_window_is() -> None:
    error = refusal(sample("send-freeform.403.json"))

    assert isinstance(error, TemplateRequiredError)
    assert error.session_status == SessionStatus(
        is_open=False,
        can_send_freeform=False,
        requires_template=True,
        message="Session expired. Send a template or wait for customer to reply.",
        expired_at=datetime(2026, 2, 23, 10, 30, tzinfo=UTC),
    )


def test_a_refusal_for_the_window_with_a_garbled_window_is_still_that_refusal() -> None:
    body = {"error_code": "SESSION_EXPIRED", "session_status": {"is_open": "false"}}

    error = refusal(reply(403, body))

    assert isinstance(error, TemplateRequiredError)
    assert error.session_status is None


def test_a_validation_error_says_what_is_wrong_with_each_field() -> None:
    error = refusal(sample("any.422-validation.json"))

    assert isinstance(error, InvalidRequestError)
    assert error.errors == {"message": ("The message field is required.",)}
    assert type(error.errors) is FrozenDict


@pytest.mark.parametrize(
    ("listed", "read"),
    [
        pytest.param({"a": ["x", 5, None, "y"]}, {"a": ("x", "y")}, id="not all text"),
        pytest.param({"a": "x", "b": ["y"]}, {"b": ("y",)}, id="not all lists"),
        pytest.param(["x"], {}, id="list"),
        pytest.param("x", {}, id="text"),
        pytest.param(None, {}, id="null"),
    ],
)
def test_field_errors_of_another_shape_are_read_as_far_as_they_go(
    listed: object, read: dict[str, tuple[str, ...]]
) -> None:
    error = refusal(reply(422, {"message": "no", "errors": listed}))

    assert isinstance(error, InvalidRequestError)
    assert error.errors == read
