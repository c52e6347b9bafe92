"""Outcomes: immutable values that show no secret."""

import pickle

import pytest
from attrs.exceptions import FrozenInstanceError

from autocalls_async.model.answers import SentMessage
from autocalls_async.model.errors import RejectedError, UnknownOutcomeError, UnsentError
from autocalls_async.model.messages import FreeformMessage
from autocalls_async.model.outcomes import (
    Accepted,
    Outcome,
    Rejected,
    Unknown,
    Unsent,
    outcome_of,
)
from tests.support import PHONE, TEXT, shows_a_secret

MESSAGE = FreeformMessage(recipient_phone=PHONE, message=TEXT)
OUTCOMES: list[Outcome] = [
    Accepted(message=MESSAGE, sent=SentMessage(whatsapp_message_id=890)),
    Rejected(message=MESSAGE, error=RejectedError(service_message=TEXT)),
    Unsent(message=MESSAGE, error=UnsentError(detail="no", recipient_phone=PHONE)),
    Unknown(message=MESSAGE, error=UnknownOutcomeError(detail="cut off")),
]


@pytest.mark.parametrize("outcome", OUTCOMES[1:], ids=lambda o: type(o).__name__)
def test_an_error_tells_its_outcome(outcome: Rejected | Unsent | Unknown) -> None:
    found = outcome_of(MESSAGE, outcome.error, index=3)

    assert found == outcome
    assert (found.error, found.index) == (outcome.error, 3)
    assert outcome_of(MESSAGE, outcome.error).index is None


@pytest.mark.parametrize("outcome", OUTCOMES, ids=lambda o: type(o).__name__)
def test_an_outcome_is_an_immutable_quiet_value(outcome: Outcome) -> None:
    copies = [
        pickle.loads(pickle.dumps(outcome, protocol))  # noqa: S301  # our own bytes
        for protocol in range(pickle.HIGHEST_PROTOCOL + 1)
    ]

    assert all(repr(each) == repr(outcome) for each in copies)
    assert not shows_a_secret(repr(outcome))
    assert {outcome} == {outcome}
    with pytest.raises(FrozenInstanceError):
        outcome.message = MESSAGE  # type: ignore[misc]  # that is the test
