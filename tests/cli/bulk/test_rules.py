"""The rules of a campaign at the command line: whom, when, how many, how much."""

import asyncio
import os
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from autocalls_async import Accepted, AutocallsClient, ExcludedError, Outcome, Unsent
from autocalls_async.campaign.progress import Progress
from autocalls_async.cli.bulk.intake.spool import LineNumbers
from autocalls_async.cli.bulk.rules.exclusion_file import ExclusionFiles
from autocalls_async.cli.bulk.rules.given import read_rules
from autocalls_async.cli.bulk.rules.options import RuleOptions
from autocalls_async.cli.bulk.rules.words import describe_rules
from autocalls_async.cli.rows.phones import PhoneReader
from autocalls_async.cli.terminal.progress import PlainProgress, progress_line
from autocalls_async.emulator import Emulator
from tests.cli.conftest import Autocalls, Service
from tests.people import hellos, open_windows, people

FAST = ("--rate", "200", "--rate-is-agreed")
NUMBERS = [f"+49151234567{index:02}" for index in range(8)]
VARIABLES = ("1=you", "2=Monday", "3=10:00")
TEMPLATE = (
    *("--template", "45"),
    *(word for pair in VARIABLES for word in ("--var", pair)),
)
NOON = datetime(2026, 11, 26, 12, tzinfo=UTC)


@pytest.fixture
def file(tmp_path: Path) -> str:
    """Write a file of eight people."""
    (tmp_path / "rows.csv").write_text("\n".join(["recipient_phone", *NUMBERS]))
    return "rows.csv"


# What is refused


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        ("--hours 9-20 --tz UTC", "--hours must be written HH:MM-HH:MM,.*got '9-20'"),
        ("--hours 25:00-26:00 --tz UTC", "--hours must lie between 00:00 and 24:00"),
        ("--hours 09:00-20:00 --tz Berlin", "--tz must be .*did you mean 'Europe/Be"),
        (
            "--hours 09:00-20:00 --tz UTC --days mo-fr",
            "--days must be some of",
        ),
        ("--days mon-fri", "--days goes with --hours; got --days mon-fri alone"),
        ("--tz UTC", "--tz goes with --hours or --at; got --tz UTC alone"),
        ("--budget 10", "--budget 10 needs the --price of one message; got no --price"),
        ("--budget 10 --price 0", "--budget 10 needs the --price.*; got --price 0"),
        ("--budget 0.1 --price 0.2", "--budget 0.1 pays for no message at --price 0.2"),
        ("--price 0.05", "--price is for --budget, and for --dry-run"),
        (
            "--per-day all",
            "--per-day must be a whole number above 0.*'all'",
        ),
        ("--per-day 0", "--per-day must be a whole number above 0, or auto; got '0'"),
        ("--at tomorrow", "--at must be a day and a time, .*got 'tomorrow'"),
        ("--at 2026-11-30", "--at must be a day and a time"),
        ("--at 2026-02-30T09:00 --tz UTC", "--at must be a day and a time"),
        ("--at 2026-11-30T09:00", "--at 2026-11-30T09:00 has no time zone: give --tz"),
        ("--at 2026-11-30T09:00 --tz Berlin", "--tz must be the name of a time zone"),
        ("--rate 20", "--rate 20 is over the 5 a second .*: give --rate-is-agreed"),
        ("--exclude gone.csv", "cannot read gone.csv: No such file or directory"),
        ("--exclude stop.pdf", "cannot tell the format of 'stop.pdf'"),
    ],
)
def test_an_option_that_is_no_rule_is_named_with_its_value(
    autocalls: Autocalls,
    monkeypatch: pytest.MonkeyPatch,
    file: str,
    options: str,
    complaint: str,
) -> None:
    monkeypatch.setenv("AUTOCALLS_API_KEY", "7|topsecret")
    monkeypatch.setenv("AUTOCALLS_SENDER_ID", "12")
    monkeypatch.setenv("AUTOCALLS_BASE_URL", "http://127.0.0.1:1")  # nobody is asked

    ended = autocalls("bulk", file, *TEMPLATE, *options.split())

    assert ended.status == 2
    assert re.search(complaint, ended.complaint), ended.complaint


@pytest.mark.parametrize("amount", ["ten", "-1", "nan"])
def test_a_budget_is_an_amount(autocalls: Autocalls, file: str, amount: str) -> None:
    ended = autocalls("bulk", file, "--budget", amount)

    assert ended.status == 2
    assert "it must be an amount of at least 0" in " ".join(
        ended.err.replace("│", "").split()
    )


def test_hours_need_a_zone_for_each_row(
    autocalls: Autocalls, service: Service, file: str, tmp_path: Path
) -> None:
    hours = ("--hours", "00:00-24:00", *TEMPLATE, *FAST)
    lines = ["recipient_phone,time_zone", f"{NUMBERS[0]},Asia/Tokyo", f"{NUMBERS[1]},"]
    (tmp_path / "zones.csv").write_text("\n".join([*lines, f"{NUMBERS[2]},Berlin"]))

    without = autocalls("bulk", file, *hours)
    zones = autocalls("bulk", "zones.csv", *hours)
    rest = autocalls("bulk", "zones.csv", *hours, "--skip-bad")

    assert "--hours needs one, or --tz, such as Europe/Berlin" in without.complaint
    assert "line 3: it has no time_zone, and no --tz was given" in zones.err
    assert "line 4: time_zone must be the name of a time zone" in zones.err
    assert [without.status, zones.status, rest.status] == [2, 2, 0]
    assert len(service.emulator.accepted) == 1


# What is sent


def test_those_who_are_left_out_are_told_and_count_for_no_failure(
    autocalls: Autocalls, service: Service, file: str, tmp_path: Path
) -> None:
    (tmp_path / "stop.csv").write_text(f"phone\n{NUMBERS[1]}\n{NUMBERS[5]}\n")
    options = ("--exclude", "stop.csv", "--journal", "run.db", *TEMPLATE, *FAST)

    ended = autocalls("bulk", file, *options, "--out", "out.csv")
    again = autocalls("bulk", file, *options)

    assert (ended.status, again.status) == (0, 0)
    assert "left out: 2 numbers" in ended.out
    assert "6 of 8 messages accepted; 2 left out as excluded." in ended.out
    assert "6 of 8 messages accepted, 6 of them earlier; 2 left out" in again.out
    assert "to go on" not in ended.out + again.out
    sent = {one.recipient_phone for one in service.emulator.accepted}
    assert sent == set(NUMBERS) - {NUMBERS[1], NUMBERS[5]}
    assert (tmp_path / "out.csv").read_text().count("ExcludedError") == 2


def test_a_bound_stops_the_run_and_says_what_to_raise(
    autocalls: Autocalls, service: Service, file: str
) -> None:
    options = ("--journal", "run.db", *TEMPLATE, *FAST)

    first = autocalls("bulk", file, *options, "--at-most", "3")
    then = autocalls("bulk", file, *options, "--budget", "0.3", "--price", "0.06")
    last = autocalls("bulk", file, *options, "--at-most", "8")

    assert [first.status, then.status, last.status] == [1, 1, 0]
    assert "stopped: at most 3 may leave, and 3 have; 5 of 8 messages not sent" in (
        first.err
    )
    assert "5 messages left to send; to go on, with a higher --at-most" in first.out
    assert "at most 5 messages will leave, at 0.06 each" in then.out
    assert "to go on, with a higher --budget" in then.out
    assert "--price 0.06" in then.out.splitlines()[-1]
    assert len({one.recipient_phone for one in service.emulator.accepted}) == 8
    assert len(service.emulator.accepted) == 8


@pytest.mark.needs("the real clock")
@pytest.mark.real_time
def test_a_campaign_begins_at_its_time(
    autocalls: Autocalls, service: Service, file: str
) -> None:
    begin = datetime.now(UTC) + timedelta(seconds=2)

    ended = autocalls("bulk", file, *TEMPLATE, *FAST, "--at", begin.isoformat())

    assert ended.status == 0
    assert "begins " in ended.out
    assert datetime.now(UTC) >= begin
    assert len(service.emulator.accepted) == 8


def test_a_dry_run_tells_what_the_rules_will_do(
    autocalls: Autocalls, service: Service, file: str, tmp_path: Path
) -> None:
    (tmp_path / "stop.csv").write_text(f"phone\n{NUMBERS[1]}\n")
    full = ("--var", "1=a", "--var", "2=b", "--var", "3=c")

    ended = autocalls(
        *("bulk", file, "--template", "45", *full, "--dry-run"),
        *("--exclude", "stop.csv", "--per-day", "3", "--at-most", "5"),
        *("--hours", "00:00-24:00", "--tz", "UTC"),
    )

    assert ended.status == 0
    assert "1 row, as excluded" in ended.out
    assert "1 message is left out as excluded (line 3)" in ended.out
    assert "at most 5 of 7 messages may leave" in ended.out
    assert re.search("time +from .* until about .*, by the rules", ended.out)
    assert "--per-day 3" in ended.out
    assert not service.emulator.accepted


# Lists that change


@pytest.fixture
def lines() -> list[str]:
    """Keep what people were told."""
    return []


@pytest.fixture
def stop(tmp_path: Path, lines: list[str]) -> Callable[[], ExclusionFiles]:
    """Return what opens a list of one number."""
    path = tmp_path / "stop.csv"
    path.write_text(f"{NUMBERS[0]}\n")
    phones = PhoneReader(region="DE")
    return lambda: ExclusionFiles([path], phones=phones, tell=lines.append)


async def settled(files: ExclusionFiles) -> str | None:
    """Return its doubt when it is read no more."""
    for _ in range(500):
        if not (files.doubt or "").endswith("is read anew"):
            break
        await asyncio.sleep(0.001)
    return files.doubt


async def test_a_list_is_read_anew_when_it_changes_and_only_grows(
    stop: Callable[[], ExclusionFiles], tmp_path: Path, lines: list[str]
) -> None:
    files = stop()
    assert files.doubt is None
    assert (NUMBERS[0] in files, NUMBERS[1] in files, len(files)) == (True, False, 1)

    (tmp_path / "stop.csv").write_text(f"{NUMBERS[1]}\n")

    assert await settled(files) is None
    assert (NUMBERS[0] in files, NUMBERS[1] in files, len(files)) == (True, True, 2)
    assert lines == [f"{tmp_path / 'stop.csv'} was read anew: 2 are left out"]


@pytest.mark.parametrize(
    ("spoil", "complaint"),
    [
        pytest.param(os.remove, "cannot read .*: No such file", id="gone"),
        pytest.param(
            lambda path: path.write_text(f"{NUMBERS[0]}\n+49151\n"),
            "stop.csv, line 2: recipient_phone must be a phone number",
            id="a bad row",
        ),
        pytest.param(
            lambda path: path.write_bytes(b"+4915123456701\n\xff\xfe\xfa\n"),
            "stop.csv",
            id="not text",
        ),
    ],
)
async def test_a_list_that_cannot_be_read_is_in_doubt_until_it_is_mended(
    stop: Callable[[], ExclusionFiles],
    tmp_path: Path,
    lines: list[str],
    spoil: Callable[[Path], object],
    complaint: str,
) -> None:
    files, path = stop(), tmp_path / "stop.csv"

    spoil(path)
    doubt = await settled(files)
    assert doubt is not None
    assert re.search(complaint, doubt), doubt
    assert NUMBERS[0] in files
    mended = tmp_path / "mended.csv"
    mended.write_text(f"{NUMBERS[0]}\n{NUMBERS[2]}\n")
    mended.replace(path)  # else half of it may be read, and told

    for _ in range(500):
        if files.doubt is None:
            break
        await asyncio.sleep(0.001)
    assert files.doubt is None
    assert NUMBERS[2] in files
    assert len(lines) == 2
    assert lines[0].startswith("paused: ")
    assert lines[1].endswith("was read anew: 2 are left out")


def test_a_number_with_two_readings_leaves_out_both(tmp_path: Path) -> None:
    path = tmp_path / "stop.txt"
    path.write_text("4915123456789\n")
    phones = PhoneReader(region="DE")

    files = ExclusionFiles([path], phones=phones, tell=print)

    assert "+4915123456789" in files
    assert "+494915123456789" in files
    assert len(files) == 2


async def test_a_run_pauses_while_its_list_is_gone(
    client: AutocallsClient,
    emulator: Emulator,
    stop: Callable[[], ExclusionFiles],
    tmp_path: Path,
) -> None:
    found, path = people(20), tmp_path / "stop.csv"
    open_windows(emulator, found)
    loop = asyncio.get_running_loop()
    loop.call_later(1.05, os.remove, path)
    loop.call_later(60.0, path.write_text, f"{found[-1]}\n")
    outcomes = list[Outcome]()

    async for outcome in client.send_many(hellos(found), exclude=stop()):
        outcomes.append(outcome)  # as they come

    assert not [one.at for one in emulator.accepted if 1.3 < one.at < 60]
    assert [type(o) for o in outcomes].count(Accepted) == 19
    (unsent,) = [o for o in outcomes if isinstance(o, Unsent)]
    assert type(unsent.error) is ExcludedError


# What people are told


def test_the_rules_are_told_before_anything_is_sent() -> None:
    def told(options: RuleOptions, price: Decimal | None = None) -> list[str]:
        rules = read_rules(options, price=price, phones=PhoneReader(), tell=print)
        return list(describe_rules(rules, journal=None, now=NOON))

    night = RuleOptions(hours="22:00-06:00", tz="UTC")
    assert told(RuleOptions()) == []
    until = f"{(NOON + timedelta(hours=10)).astimezone():%a %d %b %H:%M %Z}"
    closed = f"hours: 22:00-06:00 mon-sun UTC; closed now, until {until}"
    assert told(night) == [closed]
    assert told(RuleOptions(hours="09:00-20:00", tz="UTC")) == [
        "hours: 09:00-20:00 mon-sun UTC"
    ]
    assert told(RuleOptions(hours="09:00-20:00")) == [
        "hours: 09:00-20:00 mon-sun, by each row's time_zone"
    ]
    assert told(RuleOptions(per_day="auto"))[0].startswith(
        "new people in 24 hours: at most the sender's limit, of each sender; what other"
    )
    assert "at most 250, of each sender" in told(RuleOptions(per_day="250"))[0]
    assert (
        "without --journal nobody remembers them" in told(RuleOptions(per_day="250"))[1]
    )
    assert told(RuleOptions(at_most=7)) == ["at most 7 messages will leave"]
    assert told(RuleOptions(budget=Decimal(1)), Decimal("0.3")) == [
        "at most 3 messages will leave, at 0.3 each"
    ]
    begins = told(RuleOptions(at="2026-11-30T09:00", tz="Europe/Berlin"))
    at = datetime(2026, 11, 30, 8, tzinfo=UTC).astimezone()
    assert begins == [f"begins {at:%a %d %b %H:%M %Z}"]


def test_a_run_that_waits_says_for_what() -> None:
    opens_at = datetime(2026, 11, 30, 8, tzinfo=UTC)
    shown = f"{opens_at.astimezone():%a %d %b %H:%M %Z}"
    waiting = Progress(accepted=3, aside=7, waits_until=opens_at)
    for progress, line in (
        (waiting, f"3 of 10, 7 wait until {shown}"),
        (Progress(waits_until=opens_at), f"0 of 10, waiting until {shown}"),
        (Progress(accepted=3, aside=7), "3 of 10, 7 wait"),
        (Progress(doubt="stop.csv is gone"), "0 of 10, paused: stop.csv is gone"),
    ):
        assert progress_line(progress, total=10) == line

    written = list[str]()
    display = PlainProgress(written.append, total=10)
    for _ in range(3):
        display.update(waiting)
    assert written == [f"3 of 10, 7 wait until {shown}; 3 accepted"]


def test_a_million_lines_are_found_again() -> None:
    lines = LineNumbers()
    for index in (0, 1, 5, 999_999):
        lines.note(index, index * 2 + 7)

    assert [lines.find(index) for index in (999_999, 0, 5, 1)] == [2_000_005, 7, 17, 9]
    lines.close()
