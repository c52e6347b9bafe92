"""Results as JSON: plain types, whole, whatever is in them."""

import json
from datetime import UTC, datetime
from decimal import Decimal
from enum import Enum
from math import inf, nan
from pathlib import Path
from typing import Any

import attrs
import pytest
from hypothesis import given

import autocalls_async
from autocalls_async import (
    Accepted,
    Account,
    AutocallsError,
    ConversationStatus,
    FreeformMessage,
    Progress,
    QueueStatus,
    RateLimitedError,
    Rejected,
    RunStoppedError,
    Sender,
    SentMessage,
    SessionStatus,
    TemplateFallback,
    TemplateMessage,
    TemplateRequiredError,
    UnknownOutcomeError,
    Unsent,
    UnsentError,
)
from autocalls_async.campaign.planning.plan import (
    Finding,
    FindingKind,
    Plan,
    Severity,
    WindowCounts,
)
from autocalls_async.journal import JournalError
from autocalls_async.model.values.frozen import FrozenDict
from autocalls_async.model.values.plain import Plain, to_plain
from tests.support import PHONE, TEXT, json_values

NOON = datetime(2026, 11, 26, 12, tzinfo=UTC)
OPEN = SessionStatus(can_send_freeform=True, minutes_remaining=60, expires_at=NOON)
OPEN_DICT: dict[str, Any] = {
    "can_send_freeform": True,
    "is_open": True,
    "requires_template": False,
    "message": None,
    "minutes_remaining": 60,
    "expires_at": "2026-11-26T12:00:00+00:00",
    "expired_at": None,
    "extra": {},
}
FREEFORM = FreeformMessage(
    recipient_phone=PHONE, message=TEXT, fallback=TemplateFallback(template_id=46)
)
FREEFORM_DICT = {
    "recipient_phone": PHONE,
    "message": TEXT,
    "sender_id": None,
    "key": None,
    "fallback": {"template_id": 46, "variables": {}},
    "time_zone": None,
}
REFUSED = TemplateRequiredError(
    status=403,
    error_code="SESSION_EXPIRED",
    attempts=1,
    host="app.autocalls.ai",
    recipient_phone=PHONE,
    service_message="closed",
)
REFUSED_DICT = {
    "type": "TemplateRequiredError",
    "text": str(REFUSED),
    "status": 403,
    "error_code": "SESSION_EXPIRED",
    "attempts": 1,
    "host": "app.autocalls.ai",
    "remedy": "send a template, or wait until the recipient writes",
    "recipient_phone": PHONE,
    "service_message": "closed",
    "session_status": None,
}

ROWS: dict[str, tuple[Plain, dict[str, Any]]] = {
    "message": (FREEFORM, FREEFORM_DICT),
    "template": (
        TemplateMessage(
            recipient_phone=PHONE, template_id=45, variables={"1": "Ana"}, key="row 1"
        ),
        {
            "recipient_phone": PHONE,
            "template_id": 45,
            "variables": {"1": "Ana"},
            "recipient_name": None,
            "sender_id": None,
            "key": "row 1",
            "time_zone": None,
        },
    ),
    "accepted": (
        Accepted(
            message=FREEFORM,
            sent=SentMessage(
                whatsapp_message_id=890,
                session_status=OPEN,
                extra=FrozenDict({"cost": 0.05, "tags": ["a"], "huge": inf}),
            ),
            index=3,
        ),
        {
            "outcome": "accepted",
            "message": FREEFORM_DICT,
            "index": 3,
            "sent": {
                "whatsapp_message_id": 890,
                "message_id": None,
                "conversation_id": None,
                "message_sid": None,
                "session_status": OPEN_DICT,
                "status": None,
                "fell_back": False,
                "extra": {"cost": 0.05, "tags": ["a"], "huge": None},
            },
        },
    ),
    "rejected": (
        Rejected(message=FREEFORM, error=REFUSED),
        {
            "outcome": "rejected",
            "message": FREEFORM_DICT,
            "index": None,
            "error": REFUSED_DICT,
        },
    ),
    "conversation": (
        ConversationStatus(
            has_conversation=True,
            session_status=OPEN,
            customer_name="Ana",
            last_customer_message_at=NOON,
        ),
        {
            "has_conversation": True,
            "session_status": OPEN_DICT,
            "conversation_id": None,
            "customer_name": "Ana",
            "last_customer_message_at": "2026-11-26T12:00:00+00:00",
            "extra": {},
        },
    ),
    "account": (
        Account(total_balance=Decimal("12.50")),
        {"name": None, "email": None, "total_balance": 12.5, "extra": {}},
    ),
    "progress": (
        Progress(accepted=3, unsent=1, taken=5, total=10, elapsed=2.0, eta=3.0),
        {
            "accepted": 3,
            "rejected": 0,
            "unsent": 1,
            "unknown": 0,
            "taken": 5,
            "skipped": 0,
            "total": 10,
            "elapsed": 2.0,
            "eta": 3.0,
            "excluded": 0,
            "aside": 0,
            "waits_until": None,
            "doubt": None,
            "done": 4,
            "rate": 2.0,
        },
    ),
    "queue": (
        QueueStatus(
            interactive=1,
            bulk=2,
            in_flight=3,
            oldest_wait=0.5,
            sends_in_last_second=5,
            estimated_wait=inf,
            paused_seconds=0.0,
        ),
        {
            "interactive": 1,
            "bulk": 2,
            "in_flight": 3,
            "oldest_wait": 0.5,
            "sends_in_last_second": 5,
            "estimated_wait": None,
            "paused_seconds": 0.0,
            "limiter_wait": 0.0,
        },
    ),
    "plan": (
        Plan(
            message_count=1,
            freeform_count=1,
            template_count=0,
            bad_count=0,
            duplicate_count=0,
            senders=(),
            templates=(),
            windows=WindowCounts(open=1, pair_count=1),
            balance=None,
            cost=Decimal("0.05"),
            duration=0.2,
            findings=(
                Finding(
                    kind=FindingKind.NO_MESSAGES,
                    severity=Severity.ERROR,
                    text="there is no message",
                    facts=FrozenDict({"positions": (1, 2)}),
                ),
            ),
        ),
        {
            "message_count": 1,
            "freeform_count": 1,
            "template_count": 0,
            "bad_count": 0,
            "duplicate_count": 0,
            "senders": [],
            "templates": [],
            "windows": {
                "open": 1,
                "closing": 0,
                "closed": 0,
                "unknown": 0,
                "pair_count": 1,
                "sample_count": 1,
            },
            "balance": None,
            "cost": 0.05,
            "duration": 0.2,
            "findings": [
                {
                    "kind": "no messages",
                    "severity": "error",
                    "text": "there is no message",
                    "facts": {"positions": [1, 2]},
                }
            ],
            "excluded_count": 0,
            "begins_at": None,
            "ends_at": None,
            "is_ready": False,
        },
    ),
}


@pytest.mark.parametrize(("value", "expected"), ROWS.values(), ids=ROWS)
def test_a_result_is_plain_json(value: Plain, expected: dict[str, Any]) -> None:
    plain = value.to_dict()

    assert plain == expected
    assert list(plain) == list(expected)
    assert json.loads(json.dumps(plain, allow_nan=False)) == expected


def test_an_error_tells_its_cause_and_its_facts() -> None:
    stopped = RunStoppedError(detail="it ended", cause=REFUSED, taken_count=2)
    unknown = UnknownOutcomeError(detail="it timed out", handed_over_at=NOON)
    limited = RateLimitedError(status=429, retry_after=60.0)
    journal = JournalError(path=Path("run.db"), detail="it is locked")

    assert stopped.to_dict()["cause"] == REFUSED_DICT
    assert stopped.to_dict()["text"] == "stopped after 2 messages: it ended"
    assert unknown.to_dict()["handed_over_at"] == "2026-11-26T12:00:00+00:00"
    assert limited.to_dict()["retry_after"] == 60.0
    assert journal.to_dict()["path"] == "run.db"
    for error in (stopped, unknown, limited, journal):
        assert json.loads(json.dumps(error.to_dict())) == error.to_dict()


def test_outcomes_are_equal_whatever_their_places() -> None:
    error = UnsentError(detail="no")

    first = Unsent(message=FREEFORM, error=error, index=0)

    assert first == Unsent(message=FREEFORM, error=error, index=7)
    assert len({first, Unsent(message=FREEFORM, error=error)}) == 1
    assert first != Unsent(message=FREEFORM, error=UnsentError(detail="no"), index=0)


class _Colour(Enum):
    RED = "red"


@pytest.mark.parametrize(
    ("value", "plain"),
    [
        (nan, None),
        (-inf, None),
        (Decimal("1e999"), "1E+999"),
        (Decimal("0.1"), 0.1),
        (_Colour.RED, "red"),
        ((1, (2, _Colour.RED)), [1, [2, "red"]]),
        ({1: _Colour.RED}, {"1": "red"}),
        (10**400, 10**400),
    ],
    ids=repr,
)
def test_what_json_lacks_a_word_for_gets_one(value: object, plain: object) -> None:
    assert to_plain(value) == plain


@given(json_values)
def test_whatever_the_service_said_a_result_can_be_written_as_json(
    value: object,
) -> None:
    sent = SentMessage(extra=FrozenDict({"odd": value}))

    json.dumps(sent.to_dict(), allow_nan=False)

    assert "odd" in sent.to_dict()["extra"]


def test_every_public_result_can_become_json() -> None:
    steps = ("Answered", "Checked", "HandedOver", "Paused", "Queued", "Settled")
    settings = ("RetryPolicy", "SendLimit", "SendingHours")
    values = {
        name
        for name in autocalls_async.__all__
        if attrs.has(getattr(autocalls_async, name))
    }

    silent = {n for n in values if not hasattr(getattr(autocalls_async, n), "to_dict")}
    # Steps are told to logs and metrics, where a whole number has no place.
    assert silent == {*steps, *settings}
    assert issubclass(AutocallsError, Plain)
    assert issubclass(Sender, Plain)
