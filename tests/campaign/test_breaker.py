"""When a run stops, from how its messages end."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autocalls_async import (
    Accepted,
    AuthenticationError,
    FreeformMessage,
    InsufficientBalanceError,
    InvalidPhoneError,
    InvalidRequestError,
    Outcome,
    PermissionDeniedError,
    RateLimitedError,
    Rejected,
    RejectedError,
    SenderNotFoundError,
    SenderOfflineError,
    SentMessage,
    TemplateNotFoundError,
    TemplateRequiredError,
    TemplateUnusableError,
    Unknown,
    UnknownOutcomeError,
    UnreachableError,
    Unsent,
    UnsentError,
)
from autocalls_async.campaign.breaker import MOST_UNKNOWN, WINDOW, Breaker, Reason

HELLO = FreeformMessage(recipient_phone="+14155550123", message="hi")


def rejected(kind: type[RejectedError]) -> Rejected:
    return Rejected(message=HELLO, error=kind(status=400))


def unsent(kind: type[UnsentError]) -> Unsent:
    return Unsent(message=HELLO, error=kind(detail="no way out"))


ACCEPTED = Accepted(
    message=HELLO,
    sent=SentMessage(
        conversation_id=1, message_id=2, whatsapp_message_id=3, session_status=None
    ),
)
UNKNOWN = Unknown(message=HELLO, error=UnknownOutcomeError(detail="it timed out"))


def rejected_unasked() -> Rejected:
    return Rejected(message=HELLO, error=TemplateRequiredError())


NEVER_LEFT = [rejected(InvalidPhoneError), unsent(UnsentError)]


def breaker_of(*sender_ids: int) -> Breaker:
    breaker = Breaker()
    for sender_id in sender_ids:
        breaker.note_sender(sender_id)
    return breaker


def judge_all(outcomes: Sequence[Outcome]) -> list[Reason | None]:
    breaker = breaker_of(12)
    return [breaker.judge(outcome) for outcome in outcomes]


@pytest.mark.parametrize(
    "outcome",
    [
        pytest.param(rejected(AuthenticationError), id="the key"),
        pytest.param(rejected(InsufficientBalanceError), id="the balance"),
        pytest.param(rejected(RateLimitedError), id="429s for minutes"),
        pytest.param(rejected(SenderOfflineError), id="the only sender"),
        pytest.param(unsent(UnreachableError), id="an outage"),
    ],
)
def test_what_every_further_message_would_meet_stops_the_run(
    outcome: Rejected | Unsent,
) -> None:
    reason = breaker_of(12, 12).judge(outcome)

    error = outcome.error
    assert reason == Reason(error.summary, error)
    assert reason.remedy == error.remedy


@pytest.mark.parametrize(
    "outcome",
    [
        pytest.param(rejected(InvalidPhoneError), id="a bad number"),
        pytest.param(rejected(SenderOfflineError), id="one sender of two"),
        pytest.param(unsent(UnsentError), id="taken back"),
        pytest.param(ACCEPTED, id="accepted"),
        pytest.param(UNKNOWN, id="one unknown"),
    ],
)
def test_what_says_nothing_about_the_others_lets_it_go_on(outcome: Outcome) -> None:
    assert breaker_of(12, 13).judge(outcome) is None


@pytest.mark.parametrize(
    ("outcomes", "stops_at"),
    [
        pytest.param([UNKNOWN] * 10, 10, id="the first ten"),
        pytest.param([UNKNOWN] * 9 + [ACCEPTED] * 99, None, id="nine"),
        pytest.param([ACCEPTED, UNKNOWN] * 10, 20, id="every second one"),
        pytest.param([ACCEPTED, ACCEPTED, UNKNOWN] * 50, None, id="every third one"),
        pytest.param(
            [UNKNOWN, *[ACCEPTED] * 10, *[UNKNOWN] * 9], 20, id="the first still seen"
        ),
        pytest.param(
            [UNKNOWN, *[ACCEPTED] * 11, *[UNKNOWN] * 9], None, id="the first out of it"
        ),
        pytest.param(
            [UNKNOWN, *NEVER_LEFT * 30] * 10, 9 * 61 + 1, id="what never left aside"
        ),
    ],
)
def test_ten_unknowns_among_the_last_twenty_that_left_stop_it(
    outcomes: list[Outcome], stops_at: int | None
) -> None:
    reasons = judge_all(outcomes)

    stopped = [at for at, reason in enumerate(reasons, start=1) if reason]
    assert stopped[:1] == ([] if stops_at is None else [stops_at])


def test_it_says_how_many_of_how_many_were_unknown() -> None:
    reason = judge_all([ACCEPTED] * 15 + [UNKNOWN] * 10)[-1]

    assert reason is not None
    assert reason.detail == "10 of the last 20 messages that left ended as unknown"
    assert (reason.cause, reason.remedy) == (None, None)


@given(st.lists(st.sampled_from([ACCEPTED, UNKNOWN, *NEVER_LEFT])))
def test_it_stops_exactly_where_half_a_window_is_unknown(
    outcomes: list[Outcome],
) -> None:
    reasons = judge_all(outcomes)

    for at, (outcome, reason) in enumerate(zip(outcomes, reasons, strict=True)):
        left = [o for o in outcomes[: at + 1] if not isinstance(o, Rejected | Unsent)]
        is_over = left[-WINDOW:].count(UNKNOWN) >= MOST_UNKNOWN
        assert bool(reason) is (is_over and outcome is UNKNOWN)
        is_first = not any(reasons[:at])  # it stops with no other than an unknown
        assert not (is_over and is_first) or reason is not None


def refused(
    kind: type[RejectedError], *, code: str | None = None, status: int = 422
) -> Rejected:
    return Rejected(message=HELLO, error=kind(status=status, error_code=code))


PAUSED = refused(TemplateUnusableError, code="TEMPLATE_NOT_APPROVED")
UNSYNCED = refused(TemplateUnusableError, code="TEMPLATE_NOT_SYNCED")


@pytest.mark.parametrize(
    ("outcomes", "stops_at"),
    [
        pytest.param([PAUSED] * 10, 10, id="a template"),
        pytest.param([refused(SenderNotFoundError)] * 10, 10, id="a sender"),
        pytest.param([refused(PermissionDeniedError)] * 10, 10, id="a permission"),
        pytest.param([refused(TemplateNotFoundError)] * 10, 10, id="no template"),
        pytest.param(
            [refused(InvalidRequestError, code="TEMPLATE_PAUSED")] * 10,
            10,
            id="a code of a template that is new",
        ),
        pytest.param(
            [refused(InvalidRequestError, status=400)] * 10, 10, id="the request"
        ),
        pytest.param(
            [refused(RejectedError, status=405)] * 10, 10, id="another status"
        ),
        pytest.param(
            [refused(TemplateUnusableError, code="MESSAGING_LIMIT_UNAVAILABLE")] * 10,
            10,
            id="a template by a code that does not say so",
        ),
        *(
            pytest.param(
                [refused(RejectedError, status=status)] * 99,
                None,
                id=f"{status}, which may be of a number or a text",
            )
            for status in (403, 404, 409, 413, 414, 422, 429)
        ),
        pytest.param(
            [refused(InvalidRequestError, code="TWILIO_ERROR_63024")] * 99,
            None,
            id="a code that may be of a number",
        ),
        pytest.param(
            [refused(TemplateRequiredError, status=403, code="TEMPLATE_REQUIRED")] * 99,
            None,
            id="closed windows by another code",
        ),
        pytest.param([PAUSED] * 9 + [ACCEPTED] * 99, None, id="nine"),
        pytest.param([ACCEPTED, PAUSED] * 10, 20, id="every second one"),
        pytest.param([ACCEPTED, ACCEPTED, PAUSED] * 50, None, id="every third one"),
        pytest.param([PAUSED, UNSYNCED, ACCEPTED] * 30, None, id="two reasons"),
        pytest.param([PAUSED, UNSYNCED] * 10, 19, id="two reasons alone"),
        pytest.param(
            [refused(SenderNotFoundError), refused(PermissionDeniedError)] * 9,
            None,
            id="two reasons without a code",
        ),
        pytest.param(
            [PAUSED, *[rejected_unasked()] * 9] * 10, 91, id="what never left aside"
        ),
        pytest.param([refused(InvalidPhoneError)] * 99, None, id="bad numbers"),
        pytest.param([refused(InvalidRequestError)] * 99, None, id="a row's own"),
        pytest.param([refused(TemplateRequiredError)] * 99, None, id="closed windows"),
        pytest.param([rejected_unasked()] * 99, None, id="our own check"),
    ],
)
def test_ten_refusals_for_one_reason_that_is_of_all_stop_it(
    outcomes: list[Outcome], stops_at: int | None
) -> None:
    reasons = judge_all(outcomes)

    stopped = [at for at, reason in enumerate(reasons, start=1) if reason]
    assert stopped[:1] == ([] if stops_at is None else [stops_at])


def test_it_says_what_was_refused_and_that_it_says_nothing_of_the_messages() -> None:
    reason = judge_all([ACCEPTED] * 15 + [PAUSED] * 10)[-1]

    assert reason is not None
    assert reason.detail == (
        "10 of the last 20 messages were refused: " + PAUSED.error.summary
    )
    assert reason.of_all is reason.cause is PAUSED.error
    assert reason.remedy == PAUSED.error.remedy


def test_one_sender_of_several_that_stays_offline_stops_it_too() -> None:
    breaker = breaker_of(12, 13)
    offline = refused(SenderOfflineError, code="SENDER_OFFLINE")

    reasons = [breaker.judge(offline) for _ in range(10)]

    assert [bool(reason) for reason in reasons] == [False] * 9 + [True]
