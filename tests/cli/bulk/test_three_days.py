"""A campaign over three days, on the one clock of sender and service.

It is killed twice: at an instant its files are kept as they are, what it does after
that is thrown away, and the files, the same ones on the disk, hold again what they held
then.
"""

import asyncio
from collections import Counter
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import cast

import pytest
from attrs import evolve, frozen

from autocalls_async import SendingHours
from autocalls_async.cli.bulk.file import reader_of, take_in_all
from autocalls_async.cli.bulk.intake.spool import Spool
from autocalls_async.cli.bulk.options import BulkConnection, Campaign
from autocalls_async.cli.bulk.repeats import choice_of
from autocalls_async.cli.bulk.reporting import read_tally
from autocalls_async.cli.bulk.rules.given import read_rules
from autocalls_async.cli.bulk.rules.options import RuleOptions
from autocalls_async.cli.bulk.sending import CampaignRun
from autocalls_async.cli.choices import Changed
from autocalls_async.cli.terminal.screen import Screen
from autocalls_async.emulator import Emulator, Endpoint, Stall
from autocalls_async.journal import SqliteJournal, State
from autocalls_async.testing import VirtualTimeLoop
from tests.needs import MINUTES
from tests.people import SENDER, people

MONDAY = datetime(2026, 11, 30, tzinfo=UTC)
HOURS = SendingHours("09:00-12:00", days="mon-fri", tz="Europe/Berlin")
PER_DAY = 20
ZONES = ("", "America/New_York")
PEOPLE = people(60)
ZONE_OF = {phone: ZONES[index % 2] for index, phone in enumerate(PEOPLE)}
STOPS_AT = MONDAY + timedelta(days=1, hours=10)
LEFT_OUT = (PEOPLE[0], PEOPLE[57], PEOPLE[59])  # the first had a message on Monday


@frozen
class Sandbox:
    """A folder of files, and the clock of its campaign."""

    folder: Path
    emulator: Emulator

    def campaign(self, text: str) -> Campaign:
        """Return what is sent, as its user types it."""
        return Campaign(
            file=str(self.folder / "rows.csv"),
            template="45",
            var=[f"1={text}", "2=Monday", "3=10:00"],
            journal=self.folder / "journal" / "run.db",
            changed=Changed.SKIP,
            rules=RuleOptions(
                exclude=[self.folder / "stop.csv"],
                hours=HOURS.hours,
                days=HOURS.days,
                tz=HOURS.tz,
                per_day=str(PER_DAY),
            ),
            connection=BulkConnection(
                api_key="key", sender_id=SENDER, base_url=self.emulator.base_url
            ),
        )

    async def send(self, text: str) -> None:
        """Run the campaign to its end."""
        campaign, screen = self.campaign(text), Screen(as_json=False)
        reader = evolve(reader_of(campaign), reads_zone=True)
        with Spool() as spool:
            found = take_in_all(campaign, reader, spool, screen)
            await CampaignRun(
                campaign,
                choice=choice_of(campaign),
                found=found,
                rules=read_rules(
                    campaign.rules, price=None, phones=reader.phones, tell=screen.warn
                ),
                spool=spool,
                open_writers=dict,
                screen=screen,
            ).deliver()

    async def send_until(self, at: datetime, text: str = "Hi") -> None:
        """Run the campaign, and kill it at this time."""
        running = asyncio.create_task(self.send(text))
        await until(at)
        kept = self._files()
        while (again := self._files()) != kept:  # a commit was being written
            kept = again
        running.cancel()
        with suppress(asyncio.CancelledError):
            await running
        for path in set(self._files()) | set(kept):
            if path not in kept:
                path.unlink()
                continue
            with path.open("r+b" if path.exists() else "wb") as file:
                file.write(kept[path])
                file.truncate()

    def _files(self) -> dict[Path, bytes]:
        found = sorted((self.folder / "journal").iterdir(), reverse=True)
        return {p: p.read_bytes() for p in found if not p.name.endswith("-shm")}

    def sent(self) -> list[tuple[datetime, str]]:
        """Return what the service took in: when, and to whom."""
        begins_at = clock().begins_at
        return [
            (begins_at + timedelta(seconds=one.at), one.recipient_phone)
            for one in self.emulator.accepted
        ]


def clock() -> VirtualTimeLoop:
    return cast("VirtualTimeLoop", asyncio.get_running_loop())


async def until(at: datetime) -> None:
    await asyncio.sleep((at - clock().utc_now()).total_seconds())


@pytest.fixture
async def sandbox(emulator: Emulator, tmp_path: Path) -> Sandbox:
    """Write the files of a campaign, and let it be Monday morning."""
    rows = [f"{phone},{zone}" for phone, zone in ZONE_OF.items()]
    (tmp_path / "rows.csv").write_text("\n".join(["recipient_phone,time_zone", *rows]))
    (tmp_path / "stop.csv").write_text("phone\n")
    (tmp_path / "journal").mkdir()
    clock().begins_at = MONDAY.replace(hour=6) - timedelta(seconds=clock().time())
    return Sandbox(tmp_path, emulator)


async def live_three_days(sandbox: Sandbox) -> set[str]:
    """Send, be killed twice, exclude and mend; return who had the old text."""
    begin = MONDAY.replace(hour=8)  # nine o'clock in Berlin

    # Monday: killed after two seconds, with one message without an answer.
    stall = Stall(after_acting=True)
    clock().call_later(
        (begin - clock().utc_now()).total_seconds() + 1.5,
        lambda: sandbox.emulator.fail_next(1, stall, endpoint=Endpoint.SEND_TEMPLATE),
    )
    await sandbox.send_until(begin + timedelta(seconds=2))
    before_kill = len(sandbox.sent())
    assert 5 <= before_kill < PER_DAY

    # It goes on an hour later, and is killed on Tuesday while it sends.
    await until(begin + timedelta(hours=1))
    await sandbox.send_until(begin + timedelta(days=1, minutes=1, seconds=1))
    assert PER_DAY <= len(sandbox.sent()) < 2 * PER_DAY

    # Tuesday: it goes on once more, and three people say stop while it waits.
    clock().call_later(
        (STOPS_AT - clock().utc_now()).total_seconds(),
        (sandbox.folder / "stop.csv").write_text,
        "\n".join(("phone", *LEFT_OUT)),
    )
    await sandbox.send_until(begin + timedelta(days=2) - timedelta(hours=2))

    # Wednesday: the text is mended.
    sent_before = {phone for _, phone in sandbox.sent()}
    await sandbox.send("Hello")
    return sent_before


@MINUTES
async def test_three_days_with_two_kills_an_exclusion_and_a_mended_text(
    sandbox: Sandbox,
) -> None:
    sent_before = await live_three_days(sandbox)

    sent = sandbox.sent()
    whom = [phone for _, phone in sent]
    assert max(Counter(whom).values()) == 1, "nobody twice"
    late = [phone for at, phone in sent if at >= STOPS_AT]
    assert not set(late) & set(LEFT_OUT), "nobody who is left out"
    for at, phone in sent:
        assert HOURS.at_home(ZONE_OF[phone] or None).is_open(at), "none after hours"
    for first, _ in sent:
        day = {who for at, who in sent if first <= at <= first + timedelta(days=1)}
        assert len(day) <= PER_DAY, "so many new people in any 24 hours"
    assert max(at for at, _ in sent) < MONDAY + timedelta(days=3)
    texts = {
        one.recipient_phone: one.variables["1"] for one in sandbox.emulator.accepted
    }
    assert all(
        texts[phone] == ("Hi" if phone in sent_before else "Hello") for phone in texts
    )
    assert set(texts.values()) == {"Hi", "Hello"}
    await check_report(sandbox, whom, sent_before)


async def check_report(
    sandbox: Sandbox, whom: list[str], sent_before: set[str]
) -> None:
    """Make sure that it adds up."""
    path = sandbox.campaign("").journal
    assert path is not None
    async with SqliteJournal(path) as journal:
        report = (await read_tally(journal)).report("the campaign")
        entries = [entry async for entry in journal.entries()]
    unknown = {e.recipient_phone for e in entries if e.state is State.UNKNOWN}
    # A kill leaves what has no answer, and the one that was about to leave.
    assert 1 <= len(unknown) <= 4
    assert set(whom) | unknown == set(PEOPLE) - set(LEFT_OUT[1:])
    counts = report.counts
    assert counts[State.ACCEPTED] == len(set(whom) - unknown)
    assert counts[State.ACCEPTED] + counts[State.UNKNOWN] == len(PEOPLE) - 2
    left_out = [e for e in entries if e.error == "ExcludedError"]
    assert {e.recipient_phone for e in left_out} == set(LEFT_OUT[1:])
    # The old text of those who got, or are to get, the new one was never sent.
    old = [e for e in entries if e.state is State.NEW]
    assert {e.recipient_phone for e in old}.isdisjoint(sent_before)
    together = counts[State.ACCEPTED] + counts[State.UNKNOWN] + len(left_out)
    assert report.total == len(entries) == together + len(old)
