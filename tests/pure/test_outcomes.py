"""Outcomes: a closed union, which a type checker knows to be complete."""

import pickle
from pathlib import Path

import pytest
from attrs.exceptions import FrozenInstanceError
from mypy import api

from autocalls_async.errors import RejectedError, UnknownOutcomeError, UnsentError
from autocalls_async.models import FreeformMessage, SentMessage
from autocalls_async.outcomes import Accepted, Outcome, Rejected, Unknown, Unsent
from tests.pure.support import PHONE, TEXT, shows_a_secret

MESSAGE = FreeformMessage(recipient_phone=PHONE, message=TEXT)
OUTCOMES: list[Outcome] = [
    Accepted(message=MESSAGE, sent=SentMessage(whatsapp_message_id=890)),
    Rejected(message=MESSAGE, error=RejectedError(service_message=TEXT)),
    Unsent(message=MESSAGE, error=UnsentError(detail="no", recipient_phone=PHONE)),
    Unknown(message=MESSAGE, error=UnknownOutcomeError(detail="cut off")),
]

USERS_FILE = """
from typing import assert_never

from autocalls_async.errors import AutocallsError, TemplateRequiredError
from autocalls_async.models import FreeformMessage, TemplateMessage
from autocalls_async.outcomes import Accepted, Outcome, Rejected, Unknown, Unsent


def row(outcome: Outcome) -> tuple[FreeformMessage | TemplateMessage, object]:
    match outcome:
        case Accepted(message=m, sent=s):
            return m, s.whatsapp_message_id
        case Rejected(message=m, error=TemplateRequiredError(session_status=s)):
            return m, s
        case Rejected(message=m, error=e) | Unsent(message=m, error=e):
            return m, e.recipient_phone
        case Unknown(message=m, error=e):
            return m, e
        case _:
            assert_never(outcome)
"""
UNKNOWN_CASE = """        case Unknown(message=m, error=e):
            return m, e
"""


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("mypy")


def check(code: str, *, cache: Path) -> tuple[str, int]:
    path = cache / "users_file.py"
    path.write_text(code)
    options = ["--strict", "--config-file=", f"--cache-dir={cache}"]
    out, _, status = api.run([*options, str(path)])
    return out, status


def test_mypy_accepts_a_users_match_over_every_outcome(cache: Path) -> None:
    out, status = check(USERS_FILE, cache=cache)

    assert status == 0, out


def test_mypy_refuses_a_users_match_that_leaves_an_outcome_out(cache: Path) -> None:
    out, status = check(USERS_FILE.replace(UNKNOWN_CASE, ""), cache=cache)

    assert status == 1
    assert "has incompatible type" in out
    assert 'expected "Never"' in out


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
