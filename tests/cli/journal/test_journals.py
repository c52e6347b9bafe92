"""`autocalls journal`: what is there, in which form, and what is decided about it."""

import asyncio
import csv
import io
import json
import sqlite3
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from autocalls_async.journal import SqliteJournal, State
from tests.cli.conftest import Autocalls

PEOPLE = [f"+1415555{number:04}" for number in range(6)]


async def make_journal() -> None:
    """Write one that was left with two accepted, one rejected, two unknown, one new."""
    async with SqliteJournal("run.db") as journal:
        for number, phone in enumerate(PEOPLE):
            await journal.admit(f"k{number}", content="secret", recipient_phone=phone)
        for number in (0, 1, 2):
            await journal.intend(f"k{number}")
        journal.settle("k0", state=State.ACCEPTED, whatsapp_message_id=71)
        journal.settle("k1", state=State.ACCEPTED)
        journal.settle(
            "k2", state=State.REJECTED, error="RejectedError", error_code="131026"
        )
        for number in (3, 4):
            await journal.intend(f"k{number}")


@pytest.fixture(autouse=True)
def _journal(autocalls: Autocalls) -> None:
    assert autocalls("--version").status == 0  # it runs in an empty folder
    asyncio.run(make_journal())


def states() -> dict[str, int]:
    async def read() -> Counter[State]:
        async with SqliteJournal("run.db") as journal:
            return Counter(await journal.counts())

    return {state.value: n for state, n in asyncio.run(read()).items() if n}


def test_people_see_counts_reasons_and_unknowns_with_masked_numbers(
    autocalls: Autocalls,
) -> None:
    ended = autocalls("journal", "show", "run.db")

    assert ended.status == 0
    lines = [" ".join(line.split()) for line in ended.out.splitlines()]
    assert any(line.startswith("accepted 2 33.3%") for line in lines)
    assert any("rejected RejectedError 131026 1" in line for line in lines)
    assert "+1415•••0003" in ended.out
    assert "k3" in ended.out
    assert "autocalls journal resolve run.db" in ended.out
    assert "+14155550003" not in ended.out
    assert "secret" not in ended.out


def test_programs_get_the_same_as_json(autocalls: Autocalls) -> None:
    shown = json.loads(autocalls("journal", "show", "run.db", "--json").out)

    assert shown["messages"] == 6
    assert shown["states"] == {
        "accepted": 2,
        "rejected": 1,
        "unsent": 0,
        "unknown": 2,
        "in flight": 0,
        "new": 1,
    }
    assert shown["reasons"][0] == {
        "state": "unknown",
        "error": "UnknownOutcomeError",
        "error_code": None,
        "count": 2,
    }
    assert [u["key"] for u in shown["unknown"]] == ["k3", "k4"]
    assert {u["recipient"] for u in shown["unknown"]} == {
        "+1415•••0003",
        "+1415•••0004",
    }


def rows_of(text: str, file_format: str) -> list[dict[str, Any]]:
    if file_format == "csv":
        return list(csv.DictReader(io.StringIO(text)))
    return [json.loads(line) for line in text.splitlines()]


@pytest.mark.parametrize("file_format", ["csv", "jsonl"])
def test_entries_are_exported_to_a_file_and_to_standard_output_alike(
    file_format: str, autocalls: Autocalls
) -> None:
    piped = autocalls("journal", "export", "run.db", "--format", file_format)
    filed = autocalls("journal", "export", "run.db", "--out", f"out.{file_format}")

    rows = rows_of(piped.out, file_format)
    assert rows == rows_of(Path(f"out.{file_format}").read_text(), file_format)
    assert [row["recipient_phone"] for row in rows] == PEOPLE
    assert [row["state"] for row in rows] == [
        *["accepted"] * 2,
        "rejected",
        *["unknown"] * 2,
        "new",
    ]
    assert str(rows[0]["whatsapp_message_id"]) == "71"
    assert rows[2]["error_code"] == "131026"
    assert "secret" not in piped.out
    assert filed.out == f"6 messages written to out.{file_format}\n"


def test_only_some_states_are_exported(autocalls: Autocalls) -> None:
    ended = autocalls(
        "journal", "export", "run.db", "--state", "unknown", "--state", "new"
    )

    assert [row["key"] for row in rows_of(ended.out, "csv")] == ["k3", "k4", "k5"]


@pytest.mark.parametrize(
    ("decision", "after", "words"),
    [
        pytest.param(
            "accepted",
            {"accepted": 3, "rejected": 1, "unknown": 1, "new": 1},
            "1 unknown message taken as accepted",
            id="accepted",
        ),
        pytest.param(
            "new",
            {"accepted": 2, "rejected": 1, "unknown": 1, "new": 2},
            "1 unknown message to be sent again by the next run",
            id="new",
        ),
    ],
)
def test_a_chosen_unknown_is_settled(
    decision: str, after: dict[str, int], words: str, autocalls: Autocalls
) -> None:
    ended = autocalls("journal", "resolve", "run.db", "--key", "k3", "--as", decision)

    assert ended.status == 0
    assert ended.out == f"{words}\n"
    assert states() == after


def test_all_unknowns_are_settled_and_programs_are_told(autocalls: Autocalls) -> None:
    ended = autocalls(
        "journal", "resolve", "run.db", "--all", "--as", "accepted", "--yes", "--json"
    )

    assert json.loads(ended.out) == {"resolved": 2, "as": "accepted"}
    assert states() == {"accepted": 4, "rejected": 1, "new": 1}


class Terminal(io.StringIO):
    """Standard input where somebody types."""

    def isatty(self) -> bool:
        """Say that it is one."""
        return True


@pytest.mark.parametrize(
    ("answer", "status", "unknown_count"),
    [
        pytest.param("y\n", 0, 0, id="yes"),
        pytest.param("n\n", 1, 2, id="no"),
        pytest.param("\n", 1, 2, id="nothing"),
    ],
)
def test_on_a_terminal_it_asks_before_it_settles(
    answer: str,
    status: int,
    unknown_count: int,
    autocalls: Autocalls,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sys, "stdin", Terminal(answer))

    ended = autocalls("journal", "resolve", "run.db", "--all", "--as", "new")

    assert ended.status == status
    assert "Send 2 messages again? Whoever got one gets it twice." in ended.err
    assert states().get("unknown", 0) == unknown_count


def borrow_database() -> None:
    database = sqlite3.connect("other.db")
    database.execute("CREATE TABLE other (x)")
    database.close()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        pytest.param(("show", "no.db"), "no.db: there is no such file", id="none"),
        pytest.param(("show", "other.db"), "another program's database", id="foreign"),
        pytest.param(
            ("resolve", "run.db", "--as", "new"), "--key KEY for each", id="which"
        ),
        pytest.param(
            ("resolve", "run.db", "--as", "new", "--all", "--key", "k3"),
            "--key KEY for each",
            id="both",
        ),
        pytest.param(
            ("resolve", "run.db", "--as", "new", "--key", "k3", "--key", "k0"),
            "'k0' is accepted; it cannot be resolved",
            id="not unknown",
        ),
        pytest.param(
            ("export", "run.db", "--out", "run.txt"), "must end in", id="ending"
        ),
        pytest.param(
            ("export", "no.db", "--out", "a.csv"),
            "no.db: there is no such file",
            id="export none",
        ),
        pytest.param(
            ("export", "run.db", "--out", "no/a.csv"), "cannot write no/a", id="place"
        ),
        pytest.param(
            ("report", "run.db", "--html", "run.db"), "the same file", id="page is it"
        ),
    ],
)
def test_what_cannot_be_done_is_a_clear_line_and_changes_nothing(
    arguments: tuple[str, ...], words: str, autocalls: Autocalls
) -> None:
    borrow_database()

    ended = autocalls("journal", *arguments)

    assert ended.status == 2
    assert words in ended.complaint
    assert states()["unknown"] == 2
    assert not Path("no.db").exists()
    assert not Path("a.csv").exists()


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a full device")
def test_an_export_to_a_full_disk_is_told(autocalls: Autocalls) -> None:
    Path("out.jsonl").symlink_to("/dev/full")

    ended = autocalls(
        "journal", "export", "run.db", "--out", "out.jsonl", "--overwrite"
    )

    assert ended.status == 1
    assert "cannot write out.jsonl: No space left on device" in ended.complaint


def test_a_report_has_the_numbers_and_writes_a_page_without_texts_or_whole_numbers(
    autocalls: Autocalls,
) -> None:
    people = autocalls("journal", "report", "run.db", "--html", "report.html")
    program = autocalls("journal", "report", "run.db", "--json")

    page = Path("report.html").read_text("utf-8")
    assert people.status == program.status == 0
    assert "first handed over" in people.out
    assert json.loads(program.out)["attempts"] == 5
    assert "+1415•••0003" in page
    assert "131026" in page
    assert "secret" not in page
    assert not [phone for phone in PEOPLE if phone in page]


def test_a_page_that_cannot_be_written_is_told(autocalls: Autocalls) -> None:
    ended = autocalls("journal", "report", "run.db", "--html", "no/report.html")

    assert ended.status == 1
    assert "cannot write no/report.html: No such file" in ended.complaint


def test_a_page_replaces_another_only_if_asked(autocalls: Autocalls) -> None:
    Path("report.html").write_text("mine")
    command = ("journal", "report", "run.db", "--html", "report.html")

    first = autocalls(*command)
    kept = Path("report.html").read_text()
    second = autocalls(*command, "--overwrite")

    assert (first.status, second.status) == (2, 0)
    assert kept == "mine"
    assert Path("report.html").read_text("utf-8").startswith("<!doctype html>")


async def add_unknowns(number: int) -> None:
    async with SqliteJournal("run.db") as journal:
        for index in range(number):
            await journal.admit(f"m{index}", content="x", recipient_phone=PEOPLE[0])
            await journal.intend(f"m{index}")


def test_many_unknowns_are_counted_and_the_command_for_all_is_told(
    autocalls: Autocalls,
) -> None:
    asyncio.run(add_unknowns(30))

    ended = autocalls("journal", "show", "run.db")

    assert "m17" in ended.out
    assert "m18" not in ended.out
    assert "and 12 more: autocalls journal export run.db --state unknown" in ended.out
