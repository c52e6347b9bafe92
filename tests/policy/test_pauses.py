"""What the headers of an answer say, and its body: an instant, a pause."""

from datetime import UTC, datetime, timedelta

import pytest

from autocalls_async.policy.pauses import read_date, read_pause

TOLD = "Wed, 21 Oct 2026 07:28:00 GMT"
LATER = "Wed, 21 Oct 2026 07:29:30 GMT"
RESET = int(datetime(2026, 10, 21, 7, 28, 42, tzinfo=UTC).timestamp())


@pytest.mark.parametrize(
    ("headers", "in_body", "seconds"),
    [
        pytest.param({"retry-after": "3"}, None, 3.0, id="header"),
        pytest.param({"retry-after": "0"}, None, 0.0, id="at once"),
        pytest.param({}, 60, 60.0, id="body"),
        pytest.param({}, 1.5, 1.5, id="fraction"),
        pytest.param({}, "60", 60.0, id="text in body"),
        pytest.param({"retry-after": "3"}, 60, 3.0, id="both"),
        pytest.param({"retry-after": "soon"}, 60, 60.0, id="words"),
        pytest.param({"retry-after": "-1"}, None, None, id="negative"),
        pytest.param({"retry-after": "nan"}, None, None, id="nan"),
        pytest.param({"retry-after": "inf"}, None, None, id="infinite"),
        pytest.param({}, 10**400, None, id="too large"),
        pytest.param({}, True, None, id="bool"),
        pytest.param({}, [60], None, id="list"),
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
        pytest.param({"date": LATER, "retry-after": TOLD}, 7, 7.0, id="past, body"),
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
    headers: dict[str, str], in_body: object, seconds: float | None
) -> None:
    assert read_pause(headers, in_body=in_body, is_reset_told=True) == seconds


def test_when_the_limit_begins_anew_is_no_matter_of_another_refusal() -> None:
    headers = {"date": TOLD, "x-ratelimit-reset": f"{RESET}"}

    assert read_pause(headers, in_body=None, is_reset_told=False) is None


@pytest.mark.parametrize(
    "text",
    ["Fri, 27 Nov 2026 12:00:00 GMT", "Fri, 27 Nov 2026 14:00:00 +0200"],
)
def test_a_date_is_an_instant_in_utc_whatever_its_zone(text: str) -> None:
    at = read_date(text)

    assert at == datetime(2026, 11, 27, 12, tzinfo=UTC)
    assert at.tzinfo is UTC
    assert at.utcoffset() == timedelta()


@pytest.mark.parametrize(
    "text",
    [
        None,
        "",
        "soon",
        "17",
        "Fri, 27 Nov 2026 12:00:00 -0000",
        "Fri, 99 Nov 2026 12:00:00",
    ],
)
def test_what_is_no_instant_tells_nothing(text: str | None) -> None:
    assert read_date(text) is None
