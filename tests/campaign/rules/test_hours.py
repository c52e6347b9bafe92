"""Hours of the day: in any zone, over midnight, on the days when clocks change."""

from datetime import UTC, datetime, timedelta
from time import tzset
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autocalls_async import SendingHours, TemplateMessage
from autocalls_async.campaign.rules.hours import _jumps, check_hours
from tests.people import ANA

BERLIN = ZoneInfo("Europe/Berlin")
OFFICE = SendingHours("09:00-20:00", days="mon-fri", tz="Europe/Berlin")
NIGHT = SendingHours("22:00-06:00", days="fri", tz="Europe/Berlin")
SUNDAY = SendingHours("22:00-06:00", days="sun", tz="Europe/Berlin")
ALWAYS = SendingHours("00:00-24:00", tz="UTC")


@pytest.fixture(autouse=True)
def _found_anew() -> None:
    """Have each test find by itself when clocks are changed."""
    _jumps.cache_clear()


def berlin(text: str) -> datetime:
    """Return when clocks in Berlin show this."""
    return datetime.fromisoformat(text).replace(tzinfo=BERLIN)


@pytest.mark.parametrize(
    ("hours", "at", "is_open"),
    [
        pytest.param(OFFICE, "2026-11-27T08:59:59", False, id="a second before"),
        pytest.param(OFFICE, "2026-11-27T09:00", True, id="begins"),
        pytest.param(OFFICE, "2026-11-27T19:59:59.999", True, id="the last moment"),
        pytest.param(OFFICE, "2026-11-27T20:00", False, id="ends without its end"),
        pytest.param(OFFICE, "2026-11-28T12:00", False, id="not on Saturday"),
        pytest.param(NIGHT, "2026-11-27T21:59", False, id="before the night"),
        pytest.param(NIGHT, "2026-11-27T22:00", True, id="Friday night"),
        pytest.param(NIGHT, "2026-11-28T05:59", True, id="is Friday's, on Saturday"),
        pytest.param(NIGHT, "2026-11-28T06:00", False, id="until six"),
        pytest.param(NIGHT, "2026-11-27T05:00", False, id="is Thursday's, on Friday"),
        pytest.param(NIGHT, "2026-11-28T23:00", False, id="not Saturday's"),
        pytest.param(SUNDAY, "2026-11-30T05:59", True, id="is Sunday's, on Monday"),
    ],
)
def test_an_instant_is_within_the_hours_or_not(
    hours: SendingHours, at: str, is_open: bool
) -> None:
    assert hours.is_open(berlin(at)) is is_open


@pytest.mark.parametrize(
    ("hours", "at", "opens_at"),
    [
        pytest.param(OFFICE, "2026-11-27T12:00", "2026-11-27T12:00", id="it is open"),
        pytest.param(OFFICE, "2026-11-27T03:00", "2026-11-27T09:00", id="this morning"),
        pytest.param(OFFICE, "2026-11-26T21:00", "2026-11-27T09:00", id="tomorrow"),
        pytest.param(OFFICE, "2026-11-27T20:00", "2026-11-30T09:00", id="on Monday"),
        pytest.param(NIGHT, "2026-11-28T06:00", "2026-12-04T22:00", id="in a week"),
        # The clocks go from 02:00 to 03:00 on 29 March, back at 03:00 on 25 October.
        pytest.param(OFFICE, "2026-03-27T20:00", "2026-03-30T09:00", id="an hour less"),
        pytest.param(OFFICE, "2026-10-23T20:00", "2026-10-26T09:00", id="an hour more"),
    ],
)
def test_closed_hours_open_next(hours: SendingHours, at: str, opens_at: str) -> None:
    found = hours.opens_at(berlin(at))

    assert found == berlin(opens_at)
    assert found.tzinfo is UTC


def test_hours_that_begin_in_a_gap_begin_with_the_jump() -> None:
    early = SendingHours("02:30-05:00", tz="Europe/Berlin")

    opens_at = early.opens_at(berlin("2026-03-29T01:00"))

    assert opens_at == datetime(2026, 3, 29, 1, tzinfo=UTC)
    assert early.local(opens_at).isoformat() == "2026-03-29T03:00:00+02:00"


def test_hours_that_lie_in_a_gap_are_left_out_that_day() -> None:
    early = SendingHours("02:10-02:50", tz="Europe/Berlin")

    opens_at = early.opens_at(berlin("2026-03-29T00:00"))

    assert early.local(opens_at).isoformat() == "2026-03-30T02:10:00+02:00"


def test_an_hour_that_comes_twice_is_open_twice() -> None:
    early = SendingHours("01:00-02:30", tz="Europe/Berlin")
    first_end = datetime(2026, 10, 25, 0, 30, tzinfo=UTC)

    assert early.closes_at(berlin("2026-10-25T01:00")) == first_end
    again = early.opens_at(first_end)
    assert early.local(again).isoformat() == "2026-10-25T02:00:00+01:00"
    end = early.closes_at(again)
    assert end == datetime(2026, 10, 25, 1, 30, tzinfo=UTC)
    assert end.tzinfo is UTC


def test_a_jump_of_the_next_utc_day_hides_no_earlier_opening() -> None:
    # Lord Howe jumps half an hour, at an instant of the UTC day before.
    late = SendingHours("01:00-09:00", tz="Australia/Lord_Howe")
    howe = ZoneInfo("Australia/Lord_Howe")

    opens_at = late.opens_at(datetime(2026, 10, 4, 0, 30, tzinfo=howe))

    assert late.local(opens_at) == datetime(2026, 10, 4, 1, 0, tzinfo=howe)


def test_a_jump_of_the_utc_day_before_begins_what_lies_in_its_gap() -> None:
    late = SendingHours("02:10-05:00", tz="Australia/Lord_Howe")
    howe = ZoneInfo("Australia/Lord_Howe")

    opens_at = late.opens_at(datetime(2026, 10, 4, 0, 30, tzinfo=howe))

    assert late.local(opens_at) == datetime(2026, 10, 4, 2, 30, tzinfo=howe)


def test_hours_that_never_end_say_a_time_far_away() -> None:
    at = datetime(2026, 11, 27, tzinfo=UTC)

    assert ALWAYS.opens_at(at) == at
    assert ALWAYS.closes_at(at) == at + timedelta(days=16)
    assert ALWAYS.closes_at(at).tzinfo is UTC


def test_hours_are_the_same_where_it_is_the_day_after_tomorrow(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    niue = ZoneInfo("Pacific/Niue")
    late = datetime(2026, 11, 27, 23, 30, tzinfo=niue)

    with monkeypatch.context() as machine:
        machine.setenv("TZ", "Pacific/Kiritimati")
        tzset()
        closes_at = SendingHours("09:00-23:45", tz="Pacific/Niue").closes_at(late)
    tzset()

    assert closes_at == late.replace(minute=45)


def test_several_spans_make_a_break() -> None:
    shop = SendingHours("09:00-12:00, 14:00-18:00", tz="Europe/Berlin")

    assert not shop.is_open(berlin("2026-11-27T12:30"))
    assert shop.opens_at(berlin("2026-11-27T12:30")) == berlin("2026-11-27T14:00")
    late = SendingHours("09:00-12:00,20:00-24:00", tz="Europe/Berlin")
    assert late.closes_at(berlin("2026-11-27T21:00")) == berlin("2026-11-28T00:00")


@pytest.mark.parametrize(
    ("days", "weekdays"),
    [
        ("mon-sun", [0, 1, 2, 3, 4, 5, 6]),
        ("tue-thu", [1, 2, 3]),
        ("wed", [2]),
        ("sat-mon", [0, 5, 6]),
        ("sun-sat", [0, 1, 2, 3, 4, 5, 6]),
        ("mon,wed-thu,sun", [0, 2, 3, 6]),
    ],
)
def test_days_go_on_over_the_end_of_the_week(days: str, weekdays: list[int]) -> None:
    hours = SendingHours("09:00-20:00", days=days, tz="UTC")
    week = [datetime(2026, 11, 23 + n, 12, tzinfo=UTC) for n in range(7)]  # from Monday

    assert [at.weekday() for at in week if hours.is_open(at)] == weekdays


def test_hours_are_those_of_the_recipients_own_clock() -> None:
    noon_in_berlin = berlin("2026-11-27T12:00")

    there = OFFICE.at_home("America/Los_Angeles")

    assert not there.is_open(noon_in_berlin)
    assert there.local(there.opens_at(noon_in_berlin)).hour == 9
    assert OFFICE.at_home(None) is OFFICE
    assert OFFICE.at_home("Europe/Berlin") is OFFICE
    assert str(there) == "09:00-20:00 mon-fri America/Los_Angeles"


_ZONES = (
    *("Europe/Berlin", "America/New_York", "America/Los_Angeles", "Asia/Kolkata"),
    *("Australia/Lord_Howe", "Pacific/Apia", "Africa/Casablanca", "America/St_Johns"),
    *("Pacific/Auckland", "Asia/Kathmandu", "America/Sao_Paulo", "UTC"),
)
_TIMES = st.integers(0, 23 * 4 + 3).map(
    lambda quarter: f"{quarter // 4:02}:{quarter % 4 * 15:02}"
)
_SPANS = st.tuples(_TIMES, _TIMES).filter(lambda pair: pair[0] != pair[1])
_DAYS = st.sampled_from(("mon-sun", "mon-fri", "sat,sun", "fri-mon", "wed"))
_INSTANTS = st.integers(1_322_700_000 // 60, 1_956_500_000 // 60).map(
    lambda minutes: datetime.fromtimestamp(minutes * 60, UTC)  # 2011 to 2031
)


@given(_SPANS, _DAYS, st.sampled_from(_ZONES), _INSTANTS)
def test_the_next_edge_is_the_first_instant_that_differs(
    span: tuple[str, str], days: str, tz: str, at: datetime
) -> None:
    hours = SendingHours("-".join(span), days=days, tz=tz)

    is_open = hours.is_open(at)
    edge = hours.closes_at(at) if is_open else hours.opens_at(at)

    assert at < edge <= at + timedelta(days=16)
    assert hours.is_open(edge) is not is_open
    assert hours.is_open(edge - timedelta(microseconds=1)) is is_open
    minutes = int((edge - at).total_seconds()) // 60
    for step in range(0, minutes, 13):
        assert hours.is_open(at + timedelta(minutes=step)) is is_open


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ({"hours": "9-20"}, "hours must be written HH:MM-HH:MM, such as '09:00-20:00'"),
        ({"hours": "25:00-26:00"}, "between 00:00 and 24:00; got '25:00-26:00'"),
        ({"hours": "09:60-10:00"}, "between 00:00 and 24:00; got '09:60-10:00'"),
        ({"hours": "09:00-25:00"}, "between 00:00 and 24:00; got '09:00-25:00'"),
        ({"hours": "09:00-09:00"}, "^hours must not end when they begin; the whole da"),
        ({"hours": "24:00-00:00"}, "must not end when they begin"),
        ({"hours": ""}, "got ''"),
        ({"hours": 9}, "got 9$"),
        ({"days": "mo-fr"}, "days must be some of mon, tue, .*; got 'mo-fr'"),
        ({"days": "mon-"}, "got 'mon-'"),
        ({"days": 5}, "got 5"),
        ({"tz": "Berlin"}, "got 'Berlin'; did you mean 'Europe/Berlin'?"),
        ({"tz": "europe/berlin"}, "did you mean 'Europe/Berlin'?"),
        ({"tz": "Mars/Olympus"}, "got 'Mars/Olympus'$"),
        ({"tz": "Europe"}, "tz must be the name of a time zone"),
        ({"tz": "../etc/passwd"}, "tz must be the name of a time zone"),
        ({"tz": 1}, "got a value of type int"),
    ],
    ids=str,
)
def test_hours_that_are_none_are_refused_with_their_rule(
    arguments: dict[str, str], complaint: str
) -> None:
    good = {"hours": "09:00-20:00", "days": "mon-fri", "tz": "Europe/Berlin"}

    with pytest.raises(ValueError, match=complaint.replace("?", r"\?")):
        SendingHours(**(good | arguments))


def test_hours_show_themselves_as_they_were_written() -> None:
    written = "SendingHours(hours='09:00-20:00', days='mon-fri', tz='Europe/Berlin')"

    assert repr(OFFICE) == written
    assert SendingHours("09:00-20:00", days="mon-fri", tz="Europe/Berlin") == OFFICE


def test_hours_are_read_as_people_write_them() -> None:
    hours = SendingHours(" 9:00 - 24:00 ", days="Sat , SUN", tz="UTC")

    assert hours.is_open(datetime(2026, 11, 28, 23, 59, tzinfo=UTC))
    assert SendingHours("09:59-20:00", tz="UTC").opens_at(
        datetime(2026, 11, 28, tzinfo=UTC)
    ) == datetime(2026, 11, 28, 9, 59, tzinfo=UTC)
    assert not hours.is_open(datetime(2026, 11, 30, 10, tzinfo=UTC))
    assert SendingHours("24:00-06:00", tz="UTC").is_open(
        datetime(2026, 11, 28, 0, 0, tzinfo=UTC)
    )


def test_a_message_names_its_own_zone_by_one_that_there_is() -> None:
    with pytest.raises(ValueError, match="time_zone must be the name of a time zone"):
        TemplateMessage(recipient_phone=ANA, template_id=45, time_zone="Berlin")

    with pytest.raises(
        ValueError, match=r"^hours must be SendingHours, .*; got '9-20'"
    ):
        check_hours("9-20")
    with pytest.raises(ValueError, match="got a value of type int"):
        check_hours(9)
    check_hours(OFFICE)


def test_a_system_without_time_zones_says_what_it_needs(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("zoneinfo.available_timezones", set)

    with pytest.raises(ValueError, match="this system knows none: pip install tzdata"):
        SendingHours("09:00-20:00", tz="Europe/Nowhere")
