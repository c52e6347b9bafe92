"""The campaign example: its exit status, its progress and its file of outcomes."""

import asyncio
import csv
import os
import signal
from pathlib import Path

import pytest

from autocalls_async.emulator import Emulator, Endpoint, HangUpAfter
from tests.examples.conftest import Load
from tests.people import STRANGER, open_windows, people


@pytest.fixture
async def recipients(emulator: Emulator) -> list[str]:
    """Make up twelve people who have just written to us."""
    made_up = people(12)
    open_windows(emulator, made_up)
    return made_up


@pytest.fixture
def source(tmp_path: Path, recipients: list[str]) -> Path:
    """Write down who is written to."""
    path = tmp_path / "people.csv"
    rows = [f"{recipient},Ana" for recipient in recipients]
    path.write_text("\n".join(["recipient_phone,name", *rows, ""]))
    return path


@pytest.fixture
def destination(tmp_path: Path) -> Path:
    """Say where the outcomes go."""
    return tmp_path / "outcomes.csv"


def outcomes(path: Path) -> dict[str, str]:
    """Read the file of outcomes."""
    with path.open(newline="") as file:
        return {r["recipient_phone"]: r["outcome"] for r in csv.DictReader(file)}


def is_there(path: Path) -> bool:
    """Say whether a file was made."""
    return path.exists()


async def test_a_campaign_that_is_accepted_whole_exits_with_0(
    load: Load,
    emulator: Emulator,
    source: Path,
    destination: Path,
    recipients: list[str],
    capsys: pytest.CaptureFixture[str],
) -> None:
    status = await load("campaign").main([str(source), str(destination)])

    assert status == 0
    assert outcomes(destination) == dict.fromkeys(recipients, "accepted")
    assert emulator.accepted[0].message == "Hi Ana, your table is ready."
    assert "of 12, " in capsys.readouterr().out


async def test_what_was_not_accepted_is_in_the_file_and_in_the_status(
    load: Load, emulator: Emulator, source: Path, destination: Path
) -> None:
    with source.open("a") as file:
        file.write(f"{STRANGER},Bo\n")
    emulator.fail_next(1, HangUpAfter(), endpoint=Endpoint.SEND_FREEFORM)

    status = await load("campaign").main([str(source), str(destination)])

    kinds = sorted(outcomes(destination).values())
    assert status == 1
    assert outcomes(destination)[STRANGER] == "rejected"
    assert kinds == ["accepted"] * 11 + ["rejected", "unknown"]


async def test_ctrl_c_ends_it_in_good_order(
    load: Load, emulator: Emulator, source: Path, destination: Path
) -> None:
    main = load("campaign").main([str(source), str(destination)])
    running = asyncio.create_task(main)
    await asyncio.sleep(1.5)

    os.kill(os.getpid(), signal.SIGINT)
    status = await running

    kinds = list(outcomes(destination).values())
    assert status == 1
    assert len(kinds) == 12
    assert kinds.count("accepted") == len(emulator.accepted)
    assert kinds.count("unsent") == 12 - len(emulator.accepted) > 0


async def test_a_bad_row_is_named_and_nothing_is_sent(
    load: Load,
    emulator: Emulator,
    source: Path,
    destination: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    with source.open("a") as file:
        file.write("4155550123,Bo\n")

    status = await load("campaign").main([str(source), str(destination)])

    assert status == 2
    assert "people.csv, line 14: recipient_phone must be" in capsys.readouterr().err
    assert emulator.requests == []


async def test_a_wrong_key_is_found_before_anything_is_sent(
    load: Load, source: Path, destination: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with Emulator(api_key="another key") as strict:
        monkeypatch.setenv("AUTOCALLS_BASE_URL", strict.base_url)

        status = await load("campaign").main([str(source), str(destination)])

    assert status == 2
    assert [request.status for request in strict.requests] == [401]
    assert not is_there(destination)
