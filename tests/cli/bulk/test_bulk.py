"""Campaigns from files, against the emulator."""

import csv
import io
import json
import os
import sys
import threading
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from autocalls_async.emulator import Emulator, Endpoint, Fault, Refuse
from tests.cli.conftest import CLOSED, OPEN, Autocalls, Service, phone_for

FAST = ("--rate", "200", "--rate-is-agreed")


def write_rows(*messages: str, name: str = "rows.csv") -> str:
    lines = ["recipient_phone,message", *(f"{phone_for(m)},{m}" for m in messages)]
    Path(name).write_text("\n".join(lines) + "\n")
    return name


def told(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


def received(service: Service) -> list[str | None]:
    return [message.message for message in service.emulator.accepted]


def test_a_campaign_of_accepted_messages_succeeds(
    autocalls: Autocalls, service: Service
) -> None:
    file = write_rows("one", "two", "three")

    ended = autocalls("bulk", file, *FAST)

    assert ended.status == 0
    assert received(service) == ["one", "two", "three"]
    assert "All of 3 messages accepted." in ended.out
    assert "requests: sends 3, window checks 3" in ended.out
    assert "sending 3 messages" in ended.err
    assert "3 of 3" in ended.complaint


@pytest.mark.usefixtures("service")
def test_a_campaign_with_a_refusal_fails_and_shows_why(autocalls: Autocalls) -> None:
    Path("rows.csv").write_text(f"recipient_phone,message\n{CLOSED},a\n{OPEN},b\n")

    ended = autocalls("bulk", "rows.csv", *FAST)

    assert ended.status == 1
    assert "TemplateRequiredError" in ended.out
    assert ended.complaint == "autocalls: 1 of 2 messages not accepted"


@pytest.mark.usefixtures("service")
def test_programs_get_each_outcome_as_a_line_and_the_file_the_same(
    autocalls: Autocalls,
) -> None:
    Path("rows.csv").write_text(f"recipient_phone,message\n{CLOSED},a\n{OPEN},b\n")

    ended = autocalls("bulk", "rows.csv", *FAST, "--json", "--out", "out.jsonl")

    by_line = {record["line"]: record for record in told(ended.out)}
    assert by_line[2]["outcome"] == "rejected"
    assert by_line[2]["error"] == "TemplateRequiredError"
    assert by_line[3]["outcome"] == "accepted"
    assert by_line[3]["recipient_phone"] == OPEN
    assert told(Path("out.jsonl").read_text()) == told(ended.out)
    assert "Outcomes" in ended.err


def test_a_text_is_rendered_for_each_row(
    autocalls: Autocalls, service: Service
) -> None:
    names = ("Ana", "Bo")
    lines = [{"recipient_phone": phone_for(name), "name": name} for name in names]
    Path("rows.jsonl").write_text("\n".join(map(json.dumps, lines)))

    ended = autocalls("bulk", "rows.jsonl", *FAST, "--message", "Hi {name} {{name|x}}")

    assert ended.status == 0
    assert received(service) == ["Hi Ana Ana", "Hi Bo Bo"]


def test_a_row_chooses_its_sender(autocalls: Autocalls, service: Service) -> None:
    service.do(lambda e: e.customer_writes(OPEN, sender_id=15))
    Path("rows.csv").write_text(
        f"recipient_phone,message,sender_id\n{OPEN},a,15\n{phone_for('b')},b,\n"
    )

    ended = autocalls("bulk", "rows.csv", *FAST)

    assert ended.status == 0
    assert {m.message: m.sender_id for m in service.emulator.accepted} == {
        "a": 15,
        "b": 12,
    }


BAD = ["recipient_phone,message", "415,a", f"{OPEN},fine", f"{OPEN},"]


def test_bad_rows_are_named_and_nothing_is_sent(
    autocalls: Autocalls, service: Service
) -> None:
    Path("rows.csv").write_text("\n".join(BAD))

    ended = autocalls("bulk", "rows.csv", *FAST, "--out", "out.csv")

    assert ended.status == 2
    assert "rows.csv, line 2: recipient_phone must be E.164" in ended.err
    assert "rows.csv, line 4: message must not be blank" in ended.err
    assert "2 of 3 rows cannot be sent" in ended.complaint
    assert not Path("out.csv").exists()
    assert service.emulator.requests == []


def test_bad_rows_can_be_skipped_and_are_named_all_the_same(
    autocalls: Autocalls, service: Service
) -> None:
    Path("rows.csv").write_text("\n".join(BAD))

    ended = autocalls("bulk", "rows.csv", *FAST, "--skip-bad")

    assert ended.status == 0
    assert received(service) == ["fine"]
    assert "rows.csv, line 2" in ended.err


@pytest.mark.usefixtures("service")
def test_many_bad_rows_are_counted(autocalls: Autocalls) -> None:
    Path(file := "rows.csv").write_text("recipient_phone,message\n" + "415,x\n" * 50)

    ended = autocalls("bulk", file, *FAST)

    assert ended.status == 2
    assert ended.err.count("rows.csv, line ") == 20
    assert "50 of 50 rows" in ended.complaint
    assert "30 more than are named here; --dry-run names all" in ended.complaint


UNUSABLE = [
    pytest.param(("missing.csv",), "cannot read missing.csv: No such", id="missing"),
    pytest.param(("rows.doc",), "must end in .csv, .tsv", id="ending"),
    pytest.param((".", "--format", "csv"), "Is a directory", id="a folder"),
    pytest.param(("-",), "give --format", id="standard input"),
    pytest.param(("rows.csv", "--message", "{"), "stands alone", id="text"),
    pytest.param(("rows.csv", "--message", "{x}"), "no column 'x'", id="column"),
    pytest.param(("rows.csv", "--out", "a.txt"), "must end in", id="out's ending"),
    pytest.param(("rows.csv", "--out", "no/a.csv"), "cannot write no/a", id="out"),
    pytest.param(
        ("rows.csv", "--out", "rows.csv"), "name the same file", id="out is in"
    ),
    pytest.param(("empty.csv",), "there is no row that can be sent", id="no rows"),
]


@pytest.mark.parametrize(("arguments", "words"), UNUSABLE)
def test_unusable_input_is_found_before_anything_is_sent(
    arguments: tuple[str, ...], words: str, autocalls: Autocalls, service: Service
) -> None:
    write_rows("a")
    write_rows(name="empty.csv")

    ended = autocalls("bulk", *arguments, *FAST)

    assert ended.status == 2
    assert ended.complaint.startswith("autocalls: ")
    assert words in ended.complaint
    assert service.emulator.accepted == []


@pytest.mark.parametrize(
    ("change", "words"),
    [
        pytest.param({"AUTOCALLS_API_KEY": ""}, "AUTOCALLS_API_KEY", id="key"),
        pytest.param({"AUTOCALLS_SENDER_ID": ""}, "'sender_id'", id="sender"),
    ],
)
@pytest.mark.usefixtures("service")
def test_a_missing_setting_is_told(
    change: dict[str, str],
    words: str,
    autocalls: Autocalls,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    file = write_rows("a")
    for name, value in change.items():
        monkeypatch.setenv(name, value)

    ended = autocalls("bulk", file, *FAST)

    assert ended.status == 2
    assert words in ended.complaint


@pytest.mark.usefixtures("service")
def test_a_wrong_port_is_found_before_anything_is_sent(autocalls: Autocalls) -> None:
    file = write_rows("a")

    ended = autocalls(
        "bulk", file, "--base-url", "http://127.0.0.1:1/api", "--out", "out.csv"
    )

    assert ended.status == 1
    assert "connection refused" in ended.complaint
    assert ended.complaint.endswith("nothing was sent")
    assert not Path("out.csv").exists()


def fail_me(service: Service, fault: Fault) -> None:
    service.do(lambda e: e.fail_next(1, fault, endpoint=Endpoint.ME))


def test_a_refused_key_is_found_before_anything_is_sent(
    autocalls: Autocalls, service: Service
) -> None:
    fail_me(service, Refuse(401, {"message": "Unauthenticated."}))

    ended = autocalls("bulk", write_rows("a"), *FAST)

    assert ended.status == 1
    assert "key was not accepted" in ended.complaint
    assert service.emulator.accepted == []


def test_a_key_that_may_not_see_the_account_may_still_send(
    autocalls: Autocalls, service: Service
) -> None:
    fail_me(service, Refuse(403, {"message": "Forbidden."}))

    ended = autocalls("bulk", write_rows("a"), *FAST)

    assert ended.status == 0


def test_an_empty_account_stops_the_campaign_and_says_what_was_not_sent(
    autocalls: Autocalls, service: Service
) -> None:
    def impoverish(emulator: Emulator) -> None:
        emulator.balance = Decimal("0.15")

    service.do(impoverish)
    file = write_rows(*[f"m{i}" for i in range(100)])

    ended = autocalls(
        "bulk", file, "--rate", "20", "--rate-is-agreed", "--out", "out.csv"
    )

    assert ended.status == 1
    assert ended.complaint.startswith("autocalls: stopped: rejected")
    assert "balance is used up" in ended.complaint
    with Path("out.csv").open(newline="") as stream:
        outcomes = [row["outcome"] for row in csv.DictReader(stream)]
    assert outcomes.count("accepted") == 3
    never_left = outcomes.count("unsent") + 100 - len(outcomes)
    assert f"; {never_left} of 100 messages not sent" in ended.complaint


@pytest.mark.usefixtures("service")
@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a full device")
def test_a_full_disk_stops_the_campaign(autocalls: Autocalls) -> None:
    Path("out.jsonl").symlink_to("/dev/full")
    file = write_rows(*[f"m{i}" for i in range(50)])

    ended = autocalls(
        "bulk",
        file,
        "--rate",
        "20",
        "--rate-is-agreed",
        "--out",
        "out.jsonl",
        "--overwrite",
    )

    assert ended.status == 1
    assert "cannot write out.jsonl: No space left on device" in ended.complaint
    assert "the last outcomes are not there" in ended.complaint
    assert "written" not in ended.out


@pytest.mark.usefixtures("service")
def test_standard_input_is_read(
    autocalls: Autocalls, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = f"recipient_phone,message\n{OPEN},hi\n".encode()
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(data)))

    ended = autocalls("bulk", "-", "--format", "csv", *FAST, "--json")

    assert ended.status == 0
    assert [record["line"] for record in told(ended.out)] == [2]


@pytest.mark.usefixtures("service")
@pytest.mark.skipif(os.name == "nt", reason="there are none")
def test_a_named_pipe_is_read(autocalls: Autocalls) -> None:
    os.mkfifo("rows.csv")
    content = f"recipient_phone,message\n{OPEN},hi\n"
    writer = threading.Thread(target=Path("rows.csv").write_text, args=(content,))
    writer.start()

    ended = autocalls("bulk", "rows.csv", "--dry-run", "--json")

    writer.join()
    assert json.loads(ended.out)["rows"] == 1
