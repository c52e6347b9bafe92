"""A campaign with a journal, and what it is put through: it goes on where it was."""

import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from autocalls_async.emulator import Delay, Emulator, Endpoint, Fault
from autocalls_async.journal import State
from autocalls_async.journal.storage.reading import JournalReader
from tests.cli.conftest import Autocalls, Service
from tests.disks import build_synced, cut_power, remount, small_disk

pytestmark = [
    pytest.mark.needs("the real clock"),
    pytest.mark.real_time,
    pytest.mark.skipif(os.name == "nt", reason="it has neither SIGKILL nor flock()"),
]

MESSAGES = 40
RUN = Path("run.db")


@pytest.fixture
def rows(service: Service, autocalls: Autocalls) -> Path:  # noqa: ARG001  # they set the scene
    """Write a file of people who get a template, which needs no open window."""
    file = Path("rows.csv")
    phones = (f"+4930{1_000_000 + number}\n" for number in range(MESSAGES))
    file.write_text("recipient_phone\n" + "".join(phones))
    return file.resolve()


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """Return a small disk of its own."""
    with small_disk(tmp_path / "disk", size="2m") as folder:
        yield folder


def at_send(service: Service, number: int, act: Callable[[], Fault | None]) -> None:
    """Do something when the service gets a certain send."""
    seen = iter(range(1, 10_000))

    def choose(endpoint: Endpoint) -> Fault | None:
        is_it = endpoint is Endpoint.SEND_TEMPLATE and next(seen) == number
        return act() if is_it else None

    def plan(emulator: Emulator) -> None:
        emulator.choose_fault = choose

    service.do(plan)


def states(journal: Path) -> Counter[State]:
    with JournalReader(journal) as reader:
        return Counter(entry.state for entry in reader.entries())


def in_flight(journal: Path) -> set[str]:
    """Return what the next owner will take for unknown."""
    if not journal.exists():
        return set()
    with JournalReader(journal) as reader:
        return {entry.key for entry in reader.entries(State.UNKNOWN)}


def command(rows: Path, journal: Path) -> tuple[str, ...]:
    return ("bulk", str(rows), "--template", "46", "--journal", str(journal))


def start(
    rows: Path, journal: Path = RUN, *, preload: Path | None = None
) -> "subprocess.Popen[str]":
    words = (*command(rows, journal), "--rate", "50", "--rate-is-agreed")
    return subprocess.Popen(  # noqa: S603  # ourselves
        [sys.executable, "-m", "autocalls_async", *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=os.environ | ({"LD_PRELOAD": str(preload)} if preload else {}),
        text=True,
    )


def wait_for(service: Service, accepted_count: int) -> None:
    while len(service.emulator.accepted) < accepted_count:
        time.sleep(0.002)


def test_a_campaign_survives_kills_and_nobody_is_written_to_twice(
    rows: Path, service: Service
) -> None:
    def be_slow(emulator: Emulator) -> None:
        emulator.after_counting = lambda _: 0.05

    service.do(be_slow)
    lost: set[str] = set()

    for goal in (8, 20):
        with start(rows) as process:
            wait_for(service, goal)
            process.kill()
        time.sleep(0.1)  # what was on the wire arrives
        lost |= in_flight(RUN)
    with start(rows) as process:
        _, said = process.communicate()

    found = states(RUN)
    assert service.emulator.duplicates() == []
    assert found.total() == MESSAGES
    assert set(found) <= {State.ACCEPTED, State.UNKNOWN}
    assert found[State.UNKNOWN] == len(lost)
    assert "Traceback" not in said
    assert process.returncode == (1 if lost else 0)


def test_a_campaign_survives_a_power_cut(
    rows: Path, service: Service, tmp_path: Path
) -> None:
    journal = tmp_path / "journal" / "run.db"
    journal.parent.mkdir()

    with start(rows, journal, preload=build_synced(tmp_path)) as process:
        wait_for(service, 12)
        process.kill()
    time.sleep(0.1)  # what was on the wire arrives
    cut_power(journal.parent)
    with start(rows, journal) as process:
        process.communicate()

    found = states(journal)
    assert service.emulator.duplicates() == []
    assert found[State.ACCEPTED] + found[State.UNKNOWN] == MESSAGES
    # What was not synced are the latest answers, never an intent.
    assert found[State.ACCEPTED] >= MESSAGES // 2


def test_a_second_process_is_told_who_is_at_work(
    rows: Path, service: Service, autocalls: Autocalls
) -> None:
    at_send(service, 3, lambda: Delay(10))

    with start(rows) as process:
        wait_for(service, 2)
        refused = autocalls(*command(rows, RUN))
        resolved = autocalls("journal", "resolve", "run.db", "--all", "--as", "new")
        shown = autocalls("journal", "show", "run.db")
        process.kill()

    for ended in (refused, resolved):
        assert ended.status == 2
        assert f"process {process.pid}" in ended.complaint
    assert shown.status == 0
    assert f"process {process.pid} is at work on it" in shown.out


def test_a_stopped_campaign_goes_on(
    rows: Path, service: Service, autocalls: Autocalls
) -> None:
    at_send(service, 5, lambda: os.kill(os.getpid(), signal.SIGTERM))

    stopped = autocalls(*command(rows, RUN), "--rate", "50", "--rate-is-agreed")
    after = states(RUN)
    ended = autocalls(*command(rows, RUN), "--rate", "200", "--rate-is-agreed")

    assert stopped.status == 143
    assert "left to send; to go on: autocalls bulk" in stopped.out
    assert after.keys() == {State.ACCEPTED, State.NEW}
    assert ended.status == 0
    assert states(RUN) == {State.ACCEPTED: MESSAGES}
    assert service.emulator.duplicates() == []


def test_a_disk_that_fills_stops_a_campaign_that_goes_on_when_there_is_room(
    rows: Path, service: Service, autocalls: Autocalls, disk: Path
) -> None:
    journal, filler = disk / "run.db", disk / "filler"

    def fill() -> None:
        with suppress(OSError), filler.open("wb") as file:
            while True:
                file.write(bytes(4096))
                file.flush()

    at_send(service, 6, fill)

    stopped = autocalls(*command(rows, journal), "--rate", "50", "--rate-is-agreed")
    sent_before = len(service.emulator.accepted)
    filler.unlink()
    ended = autocalls(*command(rows, journal), "--rate", "200", "--rate-is-agreed")

    assert stopped.status == 1
    assert "full" in stopped.err
    assert 6 <= sent_before < MESSAGES
    assert service.emulator.duplicates() == []
    found = states(journal)
    assert found[State.ACCEPTED] + found[State.UNKNOWN] == MESSAGES
    assert found[State.UNKNOWN] <= 5  # sent, but there was no room to note the answer
    assert ended.status == (1 if found[State.UNKNOWN] else 0)


def test_a_journal_that_cannot_be_written_sends_nothing(
    rows: Path, service: Service, autocalls: Autocalls, disk: Path
) -> None:
    journal = disk / "run.db"
    at_send(service, 5, lambda: os.kill(os.getpid(), signal.SIGTERM))
    autocalls(*command(rows, journal), "--rate", "50", "--rate-is-agreed")
    sent_before = len(service.emulator.accepted)
    remount(disk, "ro")

    refused = autocalls(*command(rows, journal))
    sent_meanwhile = len(service.emulator.accepted) - sent_before
    shown = autocalls("journal", "show", str(journal), "--json")
    remount(disk, "rw")
    ended = autocalls(*command(rows, journal), "--rate", "200", "--rate-is-agreed")

    assert refused.status == 2
    assert "Read-only file system" in refused.complaint
    assert "nothing was sent" in refused.complaint
    assert sent_meanwhile == 0
    assert json.loads(shown.out)["states"]["accepted"] == sent_before
    assert ended.status == 0
    assert service.emulator.duplicates() == []
    assert states(journal) == {State.ACCEPTED: MESSAGES}
