"""The instants of an answer's headers."""

from datetime import UTC, datetime, timedelta

import pytest

from autocalls_async.policy.pauses import read_date


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
