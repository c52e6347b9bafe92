"""What the command says, as values."""

import json
import shutil
import subprocess
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autocalls_async.campaign.planning.plan import Severity
from autocalls_async.cli.terminal.outcomes import (
    OUTCOME_COLUMNS,
    error_record,
    explain_error,
    outcome_name,
    outcome_record,
)
from autocalls_async.cli.terminal.words import count, duration, plain, quote, to_json
from autocalls_async.model.answers import SentMessage
from autocalls_async.model.errors import (
    AutocallsError,
    InsufficientBalanceError,
    TemplateRequiredError,
    UnavailableError,
    UnknownOutcomeError,
    UnsentError,
)
from autocalls_async.model.messages import FreeformMessage
from autocalls_async.model.outcomes import Accepted, Outcome, Rejected, Unknown, Unsent
from autocalls_async.model.values.frozen import FrozenDict

PHONE = "+14155550123"
MESSAGE = FreeformMessage(recipient_phone=PHONE, message="hi")


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [
        pytest.param(0.2, "0 s", id="none"),
        pytest.param(38.4, "38 s", id="seconds"),
        pytest.param(59.9, "1 min 00 s", id="nearly a minute"),
        pytest.param(400, "6 min 40 s", id="minutes"),
        pytest.param(3599.6, "1 h 00 min", id="nearly an hour"),
        pytest.param(4020, "1 h 07 min", id="hours"),
        pytest.param(200_000, "55 h 33 min", id="days"),
    ],
)
def test_a_duration_is_written_for_people(seconds: float, expected: str) -> None:
    assert duration(seconds) == expected


def test_counts_agree_with_their_noun() -> None:
    assert count(1, "row") == "1 row"
    assert count(20_000, "row") == "20,000 rows"


def test_text_of_others_cannot_steer_a_terminal() -> None:
    assert plain("a\x1b[2Jb\r\n\u202ec") == "a\ufffd[2Jb\ufffd\ufffd\ufffdc"


def test_text_of_others_is_cut_short() -> None:
    assert plain("x" * 1000) == "x" * 299 + "…"


def test_the_service_speaks_to_the_one_who_sent_it() -> None:
    error = InsufficientBalanceError(service_message="Top\nup", status=402)

    text = explain_error(error)

    assert text == f"{error.summary}; the service says: Top\ufffdup; {error.advice}"


def test_json_is_one_line_of_ascii_whatever_it_holds() -> None:
    value = {
        "at": datetime(2026, 11, 22, tzinfo=UTC),
        "price": Decimal("42.50"),
        "huge": Decimal("1e999"),
        "sent": SentMessage(extra=FrozenDict({"é\x1b": "\n"})),
        "other": AutocallsError,
    }

    text = to_json(value)

    assert text.isascii()
    assert text.isprintable()
    read = json.loads(text)
    assert read["at"] == "2026-11-22T00:00:00+00:00"
    assert read["price"] == 42.5
    assert read["huge"] == "1E+999"
    assert read["sent"]["extra"] == {"é\x1b": "\n"}


OUTCOMES = [
    pytest.param(
        Accepted(message=MESSAGE, sent=SentMessage(whatsapp_message_id=7)),
        ("accepted", 7, None),
        id="accepted",
    ),
    pytest.param(
        Rejected(message=MESSAGE, error=TemplateRequiredError(status=403)),
        ("rejected", None, "TemplateRequiredError"),
        id="rejected",
    ),
    pytest.param(
        Unsent(message=MESSAGE, error=UnsentError(detail="no route")),
        ("unsent", None, "UnsentError"),
        id="unsent",
    ),
    pytest.param(
        Unknown(message=MESSAGE, error=UnknownOutcomeError(detail="hung up")),
        ("unknown", None, "UnknownOutcomeError"),
        id="unknown",
    ),
]


@pytest.mark.parametrize(("outcome", "expected"), OUTCOMES)
def test_an_outcome_is_told_with_its_line_and_recipient(
    outcome: Outcome, expected: tuple[str, int | None, str | None]
) -> None:
    record = outcome_record(outcome, line_number=3)

    assert tuple(record) == OUTCOME_COLUMNS
    assert record["line"] == 3
    assert record["recipient_phone"] == PHONE
    names = ("outcome", "whatsapp_message_id", "error")
    assert tuple(record[name] for name in names) == expected
    assert (record["detail"] is None) == isinstance(outcome, Accepted)


@pytest.mark.parametrize(
    ("error", "name"),
    [
        pytest.param(InsufficientBalanceError(), "rejected", id="rejected"),
        pytest.param(UnsentError(detail="x"), "unsent", id="unsent"),
        pytest.param(UnknownOutcomeError(detail="x"), "unknown", id="unknown"),
        pytest.param(UnavailableError(detail="x"), "failed", id="a read"),
    ],
)
def test_an_error_is_told_by_the_outcome_it_means(
    error: AutocallsError, name: str
) -> None:
    assert outcome_name(error) == name
    assert error_record(error)["error"] == type(error).__name__


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        pytest.param("run.db", "run.db", id="plain"),
        pytest.param("Hi {name}", "'Hi {name}'", id="blank"),
        pytest.param("it's\n5\\6\té", "$'it\\'s\\x0a5\\\\6\\x09é'", id="line end"),
        pytest.param("a\u202eb", "$'a\\xe2\\x80\\xaeb'", id="turns the line round"),
        pytest.param("\udcff ", "$'\\xff '", id="no character"),
    ],
)
def test_a_word_of_a_command_is_written_in_printable_characters(
    word: str, expected: str
) -> None:
    assert quote(word) == expected


@pytest.mark.skipif(shutil.which("bash") is None, reason="needs that shell")
@given(st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"])))
@settings(max_examples=25, deadline=None)
def test_a_shell_reads_a_quoted_word_as_it_was(word: str) -> None:
    command = f"printf %s. {quote(word)}"

    shell = subprocess.run(  # noqa: S603  # our own words
        ["bash", "-c", command],  # noqa: S607  # the user's own shell
        capture_output=True,
        check=True,
    )

    assert command.isprintable()
    assert shell.stdout == word.encode() + b"."


def test_an_enum_is_told_by_its_value() -> None:
    assert to_json({"is": Severity.ERROR}) == '{"is": "error"}'
