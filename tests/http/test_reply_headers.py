"""How long an answer asks us to wait, and when it was given."""

import json
from datetime import UTC, datetime

import pytest

from autocalls_async.http.reply import Reply
from autocalls_async.model.errors import (
    RateLimitedError,
)
from tests.support import (
    refusal,
)

TOLD = "Wed, 21 Oct 2026 07:28:00 GMT"
LATER = "Wed, 21 Oct 2026 07:29:30 GMT"
RESET = int(datetime(2026, 10, 21, 7, 28, 42, tzinfo=UTC).timestamp())


@pytest.mark.parametrize(
    ("headers", "body", "seconds"),
    [
        pytest.param({"retry-after": "3"}, None, 3.0, id="header"),
        pytest.param({}, {"retry_after": 60}, 60.0, id="body"),
        pytest.param({}, [60], None, id="another body"),
        pytest.param({}, None, None, id="neither"),
        pytest.param({"date": TOLD, "retry-after": LATER}, None, 90.0, id="date"),
        pytest.param(
            {"date": TOLD, "x-ratelimit-reset": f"{RESET}"}, None, 42.0, id="reset"
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
