"""Campaigns with a journal: gone on with, never doubled, clear about what is left."""

import asyncio
import json
import os
import shlex
import signal
import sqlite3
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from autocalls_async.emulator import Emulator, Endpoint, Fault, HangUpAfter, Refuse
from autocalls_async.journal import SqliteJournal, State
from tests.cli.conftest import (
    OPEN,
    Autocalls,
    Ended,
    Service,
    phone_for,
)

RUN = ("--rate", "200", "--rate-is-agreed", "--journal", "run.db")


def write_rows(*texts: str) -> str:
    lines = ["recipient_phone,message", *(f"{phone_for(t)},{t}" for t in texts)]
    Path("rows.csv").write_text("\n".join(lines) + "\n")
    return "rows.csv"


def states() -> dict[str, int]:
    """Count what the journal holds."""

    async def read() -> Counter[State]:
        async with SqliteJournal("run.db") as journal:
            return Counter(await journal.counts())

    return {state.value: n for state, n in asyncio.run(read()).items() if n}


def received(service: Service) -> list[str | None]:
    return [message.message for message in service.emulator.accepted]


def fail_send(service: Service, number: int, fault: Fault) -> None:
    """Let the service fail at one of the sends."""
    seen: list[Endpoint] = []

    def choose(endpoint: Endpoint) -> Fault | None:
        if endpoint is Endpoint.SEND_FREEFORM:
            seen.append(endpoint)
            return fault if len(seen) == number else None
        return None

    def plan(emulator: Emulator) -> None:
        emulator.choose_fault = choose

    service.do(plan)


def test_the_same_command_again_sends_nothing_and_succeeds(
    autocalls: Autocalls, service: Service
) -> None:
    file = write_rows("one", "two")

    first = autocalls("bulk", file, *RUN)
    again = autocalls("bulk", file, *RUN)

    assert (first.status, again.status) == (0, 0)
    assert received(service) == ["one", "two"]
    assert "journal run.db is new\n2 of 2 messages in rows.csv will be sent" in (
        first.out
    )
    assert "journal run.db holds 2 messages: 2 accepted" in again.out
    assert "0 of 2 messages in rows.csv will be sent; not sent again: 2 accepted" in (
        again.out
    )
    assert "All of 2 messages accepted, 2 of them earlier." in again.out


def test_new_rows_are_added_and_sent(autocalls: Autocalls, service: Service) -> None:
    autocalls("bulk", write_rows("one"), *RUN)

    ended = autocalls("bulk", write_rows("two", "three"), *RUN)

    assert ended.status == 0
    assert received(service) == ["one", "two", "three"]
    assert "in the journal but in no row here: 1 message" in ended.out


def test_repeated_rows_are_refused_until_somebody_chose_and_then_sent_once(
    autocalls: Autocalls, service: Service
) -> None:
    file = write_rows("a", "b", "a", "a")
    refused = autocalls("bulk", file, *RUN)
    ended = autocalls("bulk", file, *RUN, "--repeats", "first")

    assert refused.status == 2
    assert "2 rows are for somebody who has an earlier one (lines 4, 5); --repeats" in (
        refused.complaint
    )
    assert refused.complaint.endswith("; nothing was sent")
    assert ended.status == 0
    assert received(service) == ["a", "b"]
    assert "left out by --repeats first: 2 rows (lines 4, 5)" in ended.out
    assert "All of 2 messages accepted." in ended.out


@pytest.mark.parametrize(
    "rows",
    [
        pytest.param(
            f"recipient_phone,message,key\n{OPEN},a,1\n{OPEN},a,2\n", id="csv"
        ),
        pytest.param(
            "\n".join(
                json.dumps({"recipient_phone": OPEN, "message": "a", "key": key})
                for key in (1, "2")
            ),
            id="jsonl",
        ),
    ],
)
def test_keys_of_their_own_let_equal_rows_be_sent(
    rows: str, autocalls: Autocalls, service: Service
) -> None:
    file_format = "csv" if rows.startswith("recipient") else "jsonl"
    Path("rows").write_text(rows)

    ended = autocalls("bulk", "rows", "--format", file_format, *RUN)

    assert ended.status == 0
    assert received(service) == ["a", "a"]


def test_a_refusal_is_not_sent_again_and_fails_each_run(
    autocalls: Autocalls, service: Service
) -> None:
    file = write_rows("a")
    service.do(lambda emulator: emulator.expire_window(phone_for("a")))

    first = autocalls("bulk", file, *RUN)
    again = autocalls("bulk", file, *RUN)

    assert (first.status, again.status) == (1, 1)
    assert "not sent again: 1 rejected" in again.out
    assert again.complaint == "autocalls: 1 of 1 message not accepted"
    assert received(service) == []


def test_an_unknown_is_never_sent_again_and_its_next_step_is_told(
    autocalls: Autocalls, service: Service
) -> None:
    fail_send(service, 2, HangUpAfter())
    file = write_rows("a", "b", "c")

    first = autocalls("bulk", file, *RUN)
    again = autocalls("bulk", file, *RUN)

    assert (first.status, again.status) == (1, 1)
    assert sorted(filter(None, received(service))) == ["a", "b", "c"]
    assert "not sent again: 2 accepted, 1 unknown" in again.out
    told = "autocalls: 1 of 3 messages not accepted, 1 of them unknown"
    assert (told in first.err, again.complaint) == (True, told)
    assert "1 message unknown; to see them: autocalls journal show run.db" in again.out


def test_a_stopped_campaign_keeps_what_is_left_and_says_how_to_go_on(
    autocalls: Autocalls, service: Service
) -> None:
    fail_send(service, 3, Refuse(401, {"message": "Unauthenticated."}))
    file = write_rows(*[f"m{i}" for i in range(50)])

    first = autocalls(
        "bulk", file, "--rate", "50", "--rate-is-agreed", "--journal", "run.db"
    )
    _, _, command = first.out.partition("to go on: autocalls ")
    again = autocalls(*shlex.split(command.splitlines()[0]))

    assert first.status == 1
    assert "of 50 messages not sent" in first.complaint
    assert "messages left to send; to go on: autocalls bulk rows.csv" in first.out
    assert again.status == 0
    assert sorted(filter(None, received(service))) == sorted(f"m{i}" for i in range(50))


@pytest.mark.skipif(os.name == "nt", reason="signals there are another matter")
@pytest.mark.parametrize(
    ("number", "status"),
    [
        pytest.param(signal.SIGINT, 130, id="Ctrl-C"),
        pytest.param(signal.SIGTERM, 143, id="SIGTERM"),
    ],
)
def test_an_interrupted_campaign_goes_on_where_it_was(
    number: signal.Signals, status: int, autocalls: Autocalls, service: Service
) -> None:
    def interrupt(endpoint: Endpoint) -> None:
        if endpoint is Endpoint.SEND_FREEFORM and len(service.emulator.accepted) == 3:
            os.kill(os.getpid(), number)
            time.sleep(0.1)

    def plan(emulator: Emulator) -> None:
        emulator.choose_fault = interrupt

    service.do(plan)
    file = write_rows(*[f"m{i}" for i in range(30)])

    ended = autocalls(
        "bulk", file, "--rate", "50", "--rate-is-agreed", "--journal", "run.db"
    )
    left_count = 30 - len(service.emulator.accepted)
    again = autocalls("bulk", file, *RUN)

    assert ended.status == status
    assert ended.complaint == (
        f"autocalls: interrupted; {left_count} of 30 messages not sent"
    )
    assert again.status == 0
    assert len(service.emulator.accepted) == 30
    assert service.emulator.duplicates() == []
    assert states() == {"accepted": 30}


def break_file() -> None:
    Path("run.db").write_bytes(b"x" * 5000)


def borrow_database() -> None:
    with sqlite3.connect("run.db") as database:
        database.execute("CREATE TABLE other (x)")
    database.close()


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        pytest.param(break_file, "journal run.db: ", id="broken"),
        pytest.param(borrow_database, "another program's database", id="foreign"),
        pytest.param(lambda: Path("run.db").mkdir(), "cannot be opened", id="folder"),
    ],
)
def test_a_file_that_is_no_journal_is_told_before_anything_is_sent(
    spoil: Callable[[], None], words: str, autocalls: Autocalls, service: Service
) -> None:
    file = write_rows("a")
    spoil()

    ended = autocalls("bulk", file, *RUN)

    assert ended.status == 2
    assert words in ended.complaint
    assert ended.complaint.endswith("; nothing was sent")
    assert service.emulator.accepted == []


@pytest.mark.real_time
def test_a_journal_in_use_names_who_uses_it(
    autocalls: Autocalls, service: Service
) -> None:
    file = write_rows("a")

    async def hold() -> Ended:
        async with SqliteJournal("run.db"):
            return await asyncio.to_thread(autocalls, "bulk", file, *RUN)

    ended = asyncio.run(hold())

    assert ended.status == 2
    assert f"in use by process {os.getpid()} on host" in ended.complaint
    assert ended.complaint.endswith("; nothing was sent")
    assert service.emulator.accepted == []


def test_a_key_with_other_content_is_named_with_its_line_and_nothing_is_sent(
    autocalls: Autocalls, service: Service
) -> None:
    Path("rows.csv").write_text(f"recipient_phone,message,key\n{OPEN},a,k1\n")
    autocalls("bulk", "rows.csv", *RUN)
    Path("rows.csv").write_text(
        f"recipient_phone,message,key\n{phone_for('new')},new,k0\n{OPEN},other,k1\n"
    )

    ended = autocalls("bulk", "rows.csv", *RUN)

    assert ended.status == 2
    assert "rows.csv, line 3: message 'k1' is in the journal with other content" in (
        ended.err
    )
    assert ended.complaint == (
        "autocalls: rows.csv: 1 row has the key of a message that somebody had, or may "
        "have had, with another content (line 3); --changed skip leaves them out, "
        "another key makes another message; nothing was sent"
    )
    assert received(service) == ["a"]
    assert states() == {"accepted": 1}


def test_one_key_for_two_messages_of_a_file_is_told_with_both_lines(
    autocalls: Autocalls, service: Service
) -> None:
    Path("rows.csv").write_text(
        f"recipient_phone,message,key\n{OPEN},a,k1\n{phone_for('b')},b,k1\n"
    )

    ended = autocalls("bulk", "rows.csv", *RUN)

    assert ended.status == 2
    assert "rows.csv, line 3: its key 'k1' is that of line 2" in ended.err
    assert service.emulator.accepted == []


def test_where_outcomes_and_the_page_were_written_is_told(
    autocalls: Autocalls, service: Service
) -> None:
    file = write_rows("a", "b")
    places = ("--report", "run.html", "--out", "out.csv", "--price", "0.05")

    ended = autocalls("bulk", file, *RUN, *places)
    again = autocalls("bulk", file, *RUN, "--report", "run.html")

    assert ended.status == 0
    assert ended.out.endswith("written: out.csv\nwritten: run.html\n")
    page = Path("run.html").read_text()
    assert page.startswith("<!doctype html>")
    assert "0.10: 2 accepted messages at 0.05 each" in page
    assert again.status == 2
    assert "run.html exists already" in again.complaint
    assert len(service.emulator.accepted) == 2


def test_a_page_needs_a_journal_to_be_about(
    autocalls: Autocalls, service: Service
) -> None:
    ended = autocalls("bulk", write_rows("a"), "--report", "run.html")

    assert ended.status == 2
    assert "give --journal too" in ended.complaint
    assert service.emulator.accepted == []


def test_a_page_that_cannot_be_written_does_not_hide_what_was_sent(
    autocalls: Autocalls, service: Service
) -> None:
    file = write_rows("a")
    places = ("--report", "/dev/full", "--out", "out.csv", "--overwrite")

    ended = autocalls("bulk", file, *RUN, *places)

    assert ended.status == 1
    assert "All of 1 message accepted." in ended.out
    assert "written: out.csv" in ended.out
    assert (
        ended.complaint == "autocalls: cannot write /dev/full: No space left on device"
    )
    assert received(service) == ["a"]


def test_a_folder_is_no_page_and_is_told_before_anything_is_sent(
    autocalls: Autocalls, service: Service
) -> None:
    Path("run.html").mkdir()
    places = ("--report", "run.html", "--overwrite")

    ended = autocalls("bulk", write_rows("a"), *RUN, *places)

    assert ended.status == 2
    assert ended.complaint == "autocalls: cannot write run.html: it is a folder"
    assert service.emulator.accepted == []


@pytest.mark.parametrize("option", ["--journal", "--report", "--out"])
def test_a_folder_that_is_not_there_is_told_before_anything_is_sent(
    option: str, autocalls: Autocalls, service: Service
) -> None:
    ended = autocalls("bulk", write_rows("a"), *RUN, option, "no/run.csv")

    assert ended.status == 2
    assert ended.complaint == (
        "autocalls: cannot write no/run.csv: there is no folder no"
    )
    assert service.emulator.requests == []


def test_refused_messages_can_be_listed_by_the_command_that_is_told(
    autocalls: Autocalls, service: Service
) -> None:
    file = write_rows("a", "b")
    service.do(lambda emulator: emulator.expire_window(phone_for("a")))
    service.do(lambda emulator: emulator.expire_window(phone_for("b")))

    ended = autocalls("bulk", file, *RUN)
    _, _, command = ended.out.partition("2 messages rejected; to list them: autocalls ")
    listed = autocalls(*shlex.split(command.splitlines()[0]))

    assert listed.status == 0
    assert len(listed.out.splitlines()) == 3


@pytest.mark.parametrize(
    "options",
    [
        pytest.param(
            ("--out", "same.csv", "--report", "same.csv"), id="out and report"
        ),
        pytest.param(("--out", "./run.db"), id="out and journal"),
        pytest.param(("--report", "run.db"), id="report and journal"),
        pytest.param(("--report", "rows.csv"), id="report and rows"),
    ],
)
def test_no_file_is_written_over_another_of_the_campaigns(
    options: tuple[str, ...], autocalls: Autocalls, service: Service
) -> None:
    file = write_rows("a")
    autocalls("bulk", file, *RUN)
    before = {path: path.read_bytes() for path in (Path(file), Path("run.db"))}

    ended = autocalls("bulk", file, *RUN, *options, "--overwrite")

    assert ended.status == 2
    assert "name the same file" in ended.complaint
    assert {path: path.read_bytes() for path in before} == before
    assert len(service.emulator.accepted) == 1


@pytest.mark.real_time
def test_a_process_that_is_refused_leaves_the_others_outcomes_alone(
    autocalls: Autocalls, service: Service
) -> None:
    file = write_rows("a")
    Path("out.csv").write_text("the other's")

    async def hold() -> Ended:
        options = ("--out", "out.csv", "--overwrite")
        async with SqliteJournal("run.db"):
            return await asyncio.to_thread(autocalls, "bulk", file, *RUN, *options)

    ended = asyncio.run(hold())

    assert ended.status == 2
    assert "in use" in ended.complaint
    assert Path("out.csv").read_text() == "the other's"
    assert service.emulator.accepted == []
