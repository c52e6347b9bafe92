"""A dry run beside a journal: what is done already, and nothing changed."""

import asyncio
import json
import os
from pathlib import Path

import pytest

from autocalls_async.journal import SqliteJournal
from tests.cli.conftest import CLOSED, OPEN, Autocalls, Ended, Service, phone_for

DRY = ("--dry-run",)


def write(*lines: str) -> str:
    Path("rows.csv").write_text("\n".join(lines) + "\n")
    return "rows.csv"


def write_rows(*recipients: str) -> str:
    return write("recipient_phone,message", *(f"{phone},hi" for phone in recipients))


@pytest.mark.usefixtures("service")
def test_a_dry_run_makes_no_journal_and_skips_what_it_would_skip(
    autocalls: Autocalls,
) -> None:
    file = write_rows(OPEN, OPEN)
    journal = ("--journal", "run.db", "--repeats", "first")

    ended = autocalls("bulk", file, *journal, *DRY)

    assert ended.status == 0
    assert "journal run.db is new\n1 of 1 message in rows.csv will be sent" in ended.out
    assert "warning left out by --repeats first: 1 row (line 3)" in (
        " ".join(ended.out.split())
    )
    assert "--journal run.db --repeats first" in ended.out
    assert sorted(path.name for path in Path.cwd().iterdir()) == ["rows.csv"]


@pytest.mark.usefixtures("service")
def test_what_an_earlier_run_has_seen_to_is_told_and_only_the_rest_planned(
    autocalls: Autocalls,
) -> None:
    autocalls("bulk", write_rows(OPEN), "--journal", "run.db")
    file = write_rows(OPEN, CLOSED)

    ended = autocalls("bulk", file, "--journal", "run.db", *DRY, "--json")

    record = json.loads(ended.out)
    assert "not sent again: 1 accepted" in ended.err
    assert record["journal"]["to_send"] == 1
    assert record["journal"]["states"] == {"accepted": 1, "new": 1}
    assert record["plan"]["message_count"] == 1
    assert record["plan"]["windows"]["closed"] == 1


def test_nothing_left_to_send_is_told_without_asking_the_service(
    autocalls: Autocalls, service: Service
) -> None:
    file = write_rows(OPEN)
    autocalls("bulk", file, "--journal", "run.db")
    asked = len(service.emulator.requests)

    ended = autocalls("bulk", file, "--journal", "run.db", *DRY)

    assert ended.status == 0
    assert ended.out.endswith("Nothing is left to send.\n")
    assert len(service.emulator.requests) == asked


@pytest.mark.usefixtures("service")
def test_rows_with_another_messages_key_are_all_named(autocalls: Autocalls) -> None:
    others = (phone_for("b"), phone_for("c"))
    file = write(
        "recipient_phone,message,key",
        *(f"{phone},{phone},1" for phone in (OPEN, *others)),
    )

    ended = autocalls("bulk", file, "--journal", "run.db", *DRY)

    assert ended.status == 2
    assert "rows.csv, line 3: its key '1' is that of line 2" in ended.err
    assert "rows.csv, line 4: its key '1' is that of line 2" in ended.err
    assert ended.complaint == (
        "autocalls: not ready: 2 rows have the key of another message (lines 3, 4); "
        "give each its own"
    )


@pytest.mark.parametrize(
    ("journal", "complaint"),
    [
        pytest.param("no/run.db", "there is no folder no", id="no folder"),
        pytest.param("rows.csv", "name the same file", id="no journal"),
    ],
)
def test_a_journal_that_cannot_be_used_is_told(
    journal: str, complaint: str, autocalls: Autocalls, service: Service
) -> None:
    ended = autocalls("bulk", write_rows(OPEN), "--journal", journal, *DRY)

    assert ended.status == 2
    assert complaint in ended.complaint
    assert service.emulator.requests == []


@pytest.mark.usefixtures("service")
def test_a_journal_is_left_as_it_was(autocalls: Autocalls) -> None:
    file = write_rows(OPEN)
    autocalls("bulk", file, "--journal", "run.db")
    before = {path.name: path.read_bytes() for path in Path.cwd().iterdir()}

    ended = autocalls("bulk", write_rows(OPEN), "--journal", "run.db", *DRY)

    assert ended.status == 0
    assert {path.name: path.read_bytes() for path in Path.cwd().iterdir()} == before


def test_a_journal_in_use_is_named_with_who_uses_it(
    autocalls: Autocalls, service: Service
) -> None:
    file = write_rows(OPEN)

    async def hold() -> Ended:
        async with SqliteJournal("run.db"):
            return await asyncio.to_thread(
                autocalls, "bulk", file, "--journal", "run.db", *DRY
            )

    ended = asyncio.run(hold())

    assert ended.status == 2
    assert f"in use by process {os.getpid()} on host" in ended.complaint
    assert "1, none bad" in ended.out
    assert service.emulator.requests == []
