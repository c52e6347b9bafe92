"""A campaign on its way: each message sent, noted and written."""

import asyncio
import itertools
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from autocalls_async.campaign.run import Run
from autocalls_async.cli.bulk.conclusion import Conclusion, Results
from autocalls_async.cli.bulk.intake.inventory import (
    MOST_BAD_ROWS,
    Inventory,
    admit,
    compare,
    know_all_of,
)
from autocalls_async.cli.bulk.intake.register import Choice
from autocalls_async.cli.bulk.intake.spool import Spool, SpooledRows
from autocalls_async.cli.bulk.options import Campaign
from autocalls_async.cli.bulk.repeats import remarks_on_fates
from autocalls_async.cli.bulk.rules.given import GivenRules
from autocalls_async.cli.bulk.telling import (
    describe_standing,
    tell_conflict,
    tell_remarks,
)
from autocalls_async.cli.choices import Repeats
from autocalls_async.cli.connection import open_for_bulk
from autocalls_async.cli.rows.outcomes_file import WriteRecord
from autocalls_async.cli.tables.lines import FileError
from autocalls_async.cli.terminal.failures import CommandError, os_reason
from autocalls_async.cli.terminal.outcomes import outcome_record
from autocalls_async.cli.terminal.progress import every, show_progress
from autocalls_async.cli.terminal.screen import Screen
from autocalls_async.cli.terminal.stopping import Stopping
from autocalls_async.clock import utc_now
from autocalls_async.engine.telemetry.event_log import log_event
from autocalls_async.engine.telemetry.records import Checked, Event, HandedOver
from autocalls_async.journal import Journal, JournalError, SqliteJournal
from autocalls_async.model.errors import AutocallsError, RunStoppedError
from autocalls_async.model.later import Later
from autocalls_async.model.outcomes import Outcome

if TYPE_CHECKING:
    from autocalls_async.cli.bulk import reporting as _reporting
    from autocalls_async.webhooks import deliveries as _deliveries
else:
    # most campaigns keep no receipts and write no page
    _reporting = Later("autocalls_async.cli.bulk.reporting")
    _deliveries = Later("autocalls_async.webhooks.deliveries")

# What the second Ctrl-C leaves to the messages that have left.
_DRAIN_SECONDS = 0.2


class CampaignRun:
    """One campaign on its way.

    Args:
        campaign: What is to be sent, and how.
        choice: What is done with rows that somebody has to decide about.
        found: What is known of its rows.
        rules: Whom it may write to, when, and how much.
        spool: Where they are.
        open_writers: Opens where each outcome is written, by name; asked once
            nobody else is at work on the journal.
        screen: Where people are told.
    """

    def __init__(
        self,
        campaign: Campaign,
        *,
        choice: Choice,
        found: Inventory,
        rules: GivenRules,
        spool: Spool,
        open_writers: Callable[[], dict[str, WriteRecord]],
        screen: Screen,
    ) -> None:
        self._campaign = campaign
        self._choice = choice
        self._found = found
        self._rules = rules
        self._spool = spool
        self._messages = SpooledRows(spool)
        self._open_writers = open_writers
        self._writers: dict[str, WriteRecord] = {}
        self._screen = screen
        self._results = Results()
        receipts = campaign.receipts
        self._deliveries = (
            None if receipts is None else _deliveries.Deliveries(receipts)
        )

    def run(self) -> int:
        """Send it all, say what came of it, and give the exit status.

        Raises:
            CommandError: Nothing was sent, for the reason given.
        """
        asyncio.run(self.deliver())
        return Conclusion(
            campaign=self._campaign,
            found=self._found,
            rules=self._rules,
            results=self._results,
            screen=self._screen,
        ).tell()

    async def deliver(self) -> None:
        """Send it all.

        Raises:
            CommandError: Nothing was sent, for the reason given.
        """
        path = self._campaign.journal
        with self._messages:
            async with self._receipts():
                if path is not None:
                    await self._send_noting(path)
                else:
                    with self._nothing_sent():
                        self._judge()
                    await self._send(None)

    @asynccontextmanager
    async def _receipts(self) -> AsyncIterator[None]:
        """Have the store of receipts open, if there is to be one."""
        if self._deliveries is None:
            yield
            return
        try:
            with self._nothing_sent():
                await self._deliveries.open()
            yield
        finally:
            await self._deliveries.aclose()

    # With a journal

    async def _send_noting(self, path: Path) -> None:
        journal = SqliteJournal(path, now=utc_now)
        with self._nothing_sent():
            lost_count = await journal.open()
        try:
            with self._nothing_sent():
                await self._take_stock(journal, path, lost_count)
            if len(self._messages):
                await self._send(journal)
            try:
                self._results.counts = Counter(await journal.counts())
                await self._write_report(journal)
            except JournalError as error:
                self._results.ended_by = self._results.ended_by or error
        finally:
            # The run has told what could not be kept.
            with suppress(JournalError):
                await journal.aclose()

    async def _take_stock(self, journal: Journal, path: Path, lost_count: int) -> None:
        """Hold the rows against the journal, add what is new, and say so."""
        await know_all_of(journal, self._spool)
        self._found.lost_count = lost_count
        self._judge()
        file = self._campaign.file
        for line in describe_standing(self._found, file=file, journal=path):
            self._screen.say(line)
        await admit(self._spool, journal)
        self._results.counts = Counter(await journal.counts())

    def _judge(self) -> None:
        """Find out what becomes of each row, and say so.

        Raises:
            CommandError: Somebody has to decide about some.
        """
        campaign, screen = self._campaign, self._screen
        compare(self._found, self._spool, self._choice)
        conflicts = self._spool.register.conflicts()
        for conflict in itertools.islice(conflicts, MOST_BAD_ROWS):
            tell_conflict(conflict, campaign, screen)
        tell_remarks(remarks_on_fates(self._found, self._choice), campaign, screen)

    async def _write_report(self, journal: SqliteJournal) -> None:
        page = self._campaign.report
        if page is None:
            return
        try:
            await _reporting.write_report(
                journal, self._campaign, requests=self._results.request_counts
            )
        except CommandError as error:
            self._results.report_trouble = str(error)
        else:
            self._results.written.append(page)

    @contextmanager
    def _nothing_sent(self) -> Iterator[None]:
        try:
            yield
        except FileError as error:
            msg = f"{self._campaign.file}: {error}; nothing was sent"
            raise CommandError(msg) from error
        except AutocallsError as error:
            msg = f"{error}; nothing was sent"
            raise CommandError(msg) from error

    # Each message

    async def _send(self, journal: Journal | None) -> None:
        self._results.given_count = len(self._messages)
        self._writers = self._open_writers()
        client = open_for_bulk(
            self._campaign.connection,
            rate=self._campaign.rate,
            drain_timeout=_DRAIN_SECONDS,
            observer=self._observe,
            deliveries=self._deliveries,
        )
        with show_progress(self._screen, total=len(self._messages)) as display:
            async with client:
                run = client.send_many(
                    self._messages,
                    journal=journal,
                    once_per_recipient=self._choice.repeats is Repeats.FIRST,
                    **self._rules.for_run(),
                )

                def stop() -> None:
                    run.stop()
                    display.say(
                        "stopping: what has left is waited for; "
                        "once more to stop at once"
                    )

                async with Stopping(stop, client.aclose) as stopping:
                    with every(display.seconds, lambda: display.update(run.progress)):
                        await self._take(run)
            self._results.progress = run.progress
            display.update(run.progress)
        self._results.signalled = stopping.exit_status
        out = self._campaign.out
        if out is not None and str(out) in self._writers:
            self._results.written.append(out)

    def _observe(self, event: Event) -> None:
        """Count requests by kind; a check that had to be repeated counts once."""
        match event:
            case HandedOver():
                self._results.request_counts["sends"] += 1
            case Checked(was_asked=True):
                self._results.request_counts["window checks"] += 1
        log_event(event)

    async def _take(self, run: Run) -> None:
        try:
            async for outcome in run:
                self._note(outcome, run)
        except (RunStoppedError, FileError, JournalError) as error:
            self._results.ended_by = error

    def _note(self, outcome: Outcome, run: Run) -> None:
        self._results.note(outcome)
        line_number = self._messages.line_number(outcome)
        record = outcome_record(outcome, line_number=line_number)
        for name, write in list(self._writers.items()):
            try:
                write(record)
            except OSError as error:
                del self._writers[name]
                self._results.troubles.append(
                    f"cannot write {name}: {os_reason(error)}"
                )
                run.stop()
