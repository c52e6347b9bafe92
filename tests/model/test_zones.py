"""Time zones by their names, and what is told of one that is none."""

from zoneinfo import ZoneInfo

import pytest

from autocalls_async.model.zones import check_zone, is_zone, read_zone

_RULE = "time_zone must be the name of a time zone, such as 'Europe/Berlin'; got "


def test_a_zone_is_read_by_its_name() -> None:
    assert read_zone("time_zone", "Europe/Berlin") == ZoneInfo("Europe/Berlin")
    with pytest.raises(ValueError, match="time_zone must be the name of a time zone"):
        read_zone("time_zone", "Berlin")


@pytest.mark.parametrize("value", ["Europe", "", "Nowhere/Else", "../etc", 1, None])
def test_nothing_else_is_one(value: object) -> None:
    assert not is_zone(value)


@pytest.mark.parametrize(
    ("value", "told"),
    [
        pytest.param(5, "a value of type int", id="no text"),
        pytest.param("Mars/One", "'Mars/One'", id="nothing like it"),
        pytest.param(
            "berlin", "'berlin'; did you mean 'Europe/Berlin'?", id="a city alone"
        ),
        pytest.param(
            " new york ",
            "' new york '; did you mean 'America/New_York'?",
            id="with a space",
        ),
        pytest.param(
            "knox",
            "'knox'; did you mean 'America/Indiana/Knox'?",
            id="the last word of three",
        ),
        pytest.param(
            "europe/berlin",
            "'europe/berlin'; did you mean 'Europe/Berlin'?",
            id="in small letters",
        ),
        pytest.param(
            "jamaica", "'jamaica'; did you mean 'Jamaica'?", id="the shortest"
        ),
        pytest.param("x" * 50, repr("x" * 40), id="40 letters of it at most"),
        pytest.param("", "''", id="nothing"),
    ],
)
def test_what_is_no_zone_is_refused_with_one_that_may_be_meant(
    value: object, told: str
) -> None:
    with pytest.raises(ValueError, match="must be the name") as caught:
        check_zone("time_zone", value)

    assert str(caught.value) == _RULE + told


def test_a_system_without_zones_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("zoneinfo.available_timezones", set)

    told = check_zone.refusal("time_zone", "berlin")

    assert told.endswith("got 'berlin'; this system knows none: pip install tzdata")
