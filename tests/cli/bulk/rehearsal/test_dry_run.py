"""A campaign looked at before it begins: everything is told, and nothing sent."""

import json
import shlex
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from autocalls_async.emulator import Emulator, Endpoint, Refuse
from tests.cli.conftest import CLOSED, OPEN, Autocalls, Ended, Service

DRY = ("--dry-run",)
OTHER = "+14155550103"
DIRTY = [
    "recipient_phone,name",
    f"{OPEN},Ana",
    "415,Bo",
    f"{OTHER},Ana",
    "",
    f"{OPEN},Dee,Doe",
    f"{CLOSED},Cy",
]
HI = ("--message", "Hi {name}")


def write(*lines: str, name: str = "rows.csv") -> str:
    Path(name).write_text("\n".join(lines) + "\n")
    return name


def write_rows(*recipients: str) -> str:
    return write("recipient_phone,message", *(f"{phone},hi" for phone in recipients))


def record_of(ended: Ended) -> dict[str, Any]:
    (line,) = ended.out.splitlines()
    record: dict[str, Any] = json.loads(line)
    return record


def words(text: str) -> str:
    """Return a picture's words, however they were folded."""
    return " ".join(text.split())


# What is wrong with the file


def test_every_bad_row_is_named_in_one_run_with_what_else_is_in_the_way(
    autocalls: Autocalls, service: Service
) -> None:
    file = write(*DIRTY)

    ended = autocalls("bulk", file, *HI, *DRY)

    assert ended.status == 2
    assert "rows.csv, line 3: recipient_phone must be E.164" in ended.err
    assert "rows.csv, line 6: it has 3 values" in ended.err
    assert "5, 2 of them bad" in ended.out
    assert "error 2 of 5 rows cannot be sent (lines 3, 6)" in words(ended.out)
    assert "1 is closed" in words(ended.out)
    assert ended.complaint == (
        "autocalls: not ready: rows.csv: 2 of 5 rows cannot be sent; mend them, or "
        "give --skip-bad to send the rest"
    )
    assert service.emulator.accepted == []


@pytest.mark.usefixtures("service")
def test_bad_rows_are_all_named_however_many_there_are(autocalls: Autocalls) -> None:
    file = write_rows(*["415"] * 50)

    ended = autocalls("bulk", file, *DRY)

    assert ended.status == 2
    assert ended.err.count("rows.csv, line ") == 50
    assert "(lines 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, …)" in words(ended.out)
    assert ended.complaint.endswith("50 of 50 rows cannot be sent; mend them")


@pytest.mark.usefixtures("service")
def test_a_file_without_a_row_that_can_be_sent_is_told(autocalls: Autocalls) -> None:
    file = write_rows("415")

    skipping = autocalls("bulk", file, *DRY, "--skip-bad")
    empty = autocalls("bulk", write_rows(), *DRY)

    assert (skipping.status, empty.status) == (2, 2)
    assert (
        skipping.complaint
        == empty.complaint
        == ("autocalls: not ready: rows.csv: there is no row that can be sent")
    )


def test_bad_rows_that_shall_be_skipped_are_a_warning(
    autocalls: Autocalls, service: Service
) -> None:
    file = write(*DIRTY)

    ended = autocalls("bulk", file, *HI, *DRY, "--skip-bad")

    assert ended.status == 0
    assert "warning 2 of 5 rows will be left out (lines 3, 6)" in words(ended.out)
    assert "Ready, with 2 warnings; nothing was sent." in ended.out
    assert service.emulator.accepted == []


@pytest.mark.usefixtures("service")
def test_a_lines_number_is_told_even_where_rows_were_left_out(
    autocalls: Autocalls,
) -> None:
    file = write(*DIRTY)
    template = ("--template", "45", "--var", "customer_name={name}", "--var", "2= ")

    ended = autocalls("bulk", file, *template, *DRY, "--skip-bad")

    assert ended.status == 2
    assert (
        "3 messages without a text for variable 3 (time) of template 45 (lines 2, 4, 7)"
    ) in words(ended.out)
    assert "with a blank text for a variable of template 45 (lines 2, 4, 7)" in (
        words(ended.out)
    )
    assert "missing in 3" in ended.out


# What is wrong at the service


def go_offline(emulator: Emulator) -> None:
    emulator.set_sender_status(12, "offline")


def go_poor(emulator: Emulator) -> None:
    emulator.balance = Decimal("0.05")


@pytest.mark.parametrize(
    ("options", "spoil", "complaint"),
    [
        pytest.param(
            (), go_offline, "sender 12 is not online: its status is offline", id="line"
        ),
        pytest.param(
            ("--price", "0.05"),
            go_poor,
            "the messages cost 0.10, and the balance is 0.05",
            id="balance",
        ),
        pytest.param(
            ("--template", "47", "--var", "1=x"),
            None,
            "template 47 is not approved: its status is pending",
            id="template",
        ),
        pytest.param(
            ("--sender-id", "99"), None, "this account has no sender 99", id="sender"
        ),
        pytest.param(
            ("--template", "999"), None, "sender 12 has no template 999", id="unknown"
        ),
    ],
)
def test_what_the_service_would_refuse_is_told_and_nothing_is_sent(
    options: tuple[str, ...],
    spoil: Callable[[Emulator], None] | None,
    complaint: str,
    autocalls: Autocalls,
    service: Service,
) -> None:
    if spoil is not None:
        service.do(spoil)

    ended = autocalls("bulk", write_rows(OPEN, "+14155550109"), *options, *DRY)

    assert ended.status == 1
    assert ended.complaint.startswith(f"autocalls: not ready: {complaint}")
    assert service.emulator.accepted == []


@pytest.mark.usefixtures("service")
def test_several_errors_are_counted_in_the_last_line(autocalls: Autocalls) -> None:
    ended = autocalls("bulk", write_rows(OPEN), "--template", "47", *DRY)

    assert ended.status == 2
    assert ended.complaint.endswith("its status is pending (and 1 more above)")


def test_a_campaign_that_can_go_is_drawn_with_the_command_that_sends_it(
    autocalls: Autocalls, service: Service
) -> None:
    service.do(
        lambda emulator: emulator.set_window("+14155550103", seconds_remaining=62)
    )
    file = write_rows(OPEN, "+14155550103", CLOSED)
    options = ("--fallback-template", "46", "--price", "0.05", "--rate", "1")

    ended = autocalls("bulk", file, *options, *DRY)

    assert ended.status == 0
    shown = words(ended.out)
    assert "Dry run of rows.csv: nothing was sent rows 3, none bad" in shown
    assert "3 free texts, or template 46 where the window is closed" in shown
    assert "about 3 s at 1 a second" in shown
    assert "cost 0.15 at 0.05 each" in shown
    assert "12 3 3 10,000 online GREEN Acme Corp Support" in shown
    assert "Messaging windows, all looked at" in shown
    assert "open 1 33.3% ████████ closing 1 33.3% ████████ closed 1" in shown
    assert "46 12 3 approved complete welcome_message" in shown
    assert "Ready; nothing was sent." in ended.out
    _, _, command = ended.out.partition("to send it: autocalls ")
    again = autocalls(*shlex.split(command), "--dry-run")
    assert again.status == 0
    assert service.emulator.accepted == []


@pytest.mark.usefixtures("service")
def test_windows_over_a_bound_are_sampled_and_the_wait_is_told(
    autocalls: Autocalls, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("autocalls_async.cli.bulk.rehearsal.dry_run._WINDOW_SAMPLE", 30)
    file = write_rows(*(f"+1415556{i:04d}" for i in range(60)), OPEN)

    ended = autocalls("bulk", file, *DRY, "--json")

    windows = record_of(ended)["plan"]["windows"]
    assert windows["open"] + windows["closed"] == 30
    assert windows["pair_count"] == 61
    assert "asking the service: up to 30 messaging windows, about 3 s" in ended.err
    assert "Messaging windows, 30 of 61 looked at" in ended.err


@pytest.mark.usefixtures("service")
def test_programs_get_one_record_of_it_all(autocalls: Autocalls) -> None:
    file = write(*DIRTY)

    ended = autocalls("bulk", file, *HI, *DRY, "--json")

    record = record_of(ended)
    assert ended.status == 2
    assert record["ready"] is False
    assert (record["rows"], record["bad"]) == (5, 2)
    assert [row["line_number"] for row in record["bad_rows"]] == [3, 6]
    assert record["errors"] == ["2 of 5 rows cannot be sent (lines 3, 6)"]
    assert record["plan"]["senders"][0]["recipient_count"] == 3
    assert record["plan"]["duration"] == pytest.approx(0.6)
    assert record["plan"]["windows"]["closed"] == 1
    assert record["journal"] is None


# What cannot be asked


UNASKABLE = [
    pytest.param({"AUTOCALLS_API_KEY": ""}, "there is no API key: set", 2, id="no key"),
    pytest.param(
        {"AUTOCALLS_BASE_URL": "http://127.0.0.1:1/api"},
        "connection refused",
        1,
        id="out of reach",
    ),
]


@pytest.mark.parametrize(("change", "complaint", "status"), UNASKABLE)
@pytest.mark.usefixtures("service")
def test_without_the_service_the_file_is_checked_all_the_same(
    change: dict[str, str],
    complaint: str,
    status: int,
    autocalls: Autocalls,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name, value in change.items():
        monkeypatch.setenv(name, value)

    ended = autocalls("bulk", write(*DIRTY), *HI, *DRY)

    assert ended.status == status
    assert "5, 2 of them bad" in ended.out
    assert "rows.csv, line 3" in ended.err
    assert complaint in ended.complaint


def test_a_refused_key_is_one_clear_line(
    autocalls: Autocalls, service: Service
) -> None:
    refusal = Refuse(401, {"message": "Unauthenticated."})
    service.do(lambda e: e.fail_next(1, refusal, endpoint=Endpoint.ME))

    ended = autocalls("bulk", write_rows(OPEN), *DRY)

    assert ended.status == 1
    assert "key was not accepted" in ended.complaint


@pytest.mark.usefixtures("service")
def test_a_price_is_an_amount_and_only_for_a_dry_run(autocalls: Autocalls) -> None:
    file = write_rows(OPEN)

    negative = autocalls("bulk", file, *DRY, "--price", "-1")
    word = autocalls("bulk", file, *DRY, "--price", "cheap")
    sending = autocalls("bulk", file, "--price", "1")

    assert (negative.status, word.status, sending.status) == (2, 2, 2)
    assert "must be an amount" in words(word.err)
    assert "--price is for --budget, and for --dry-run" in sending.complaint
