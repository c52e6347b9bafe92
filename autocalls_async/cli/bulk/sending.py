"""A campaign on its way: sent, noted, told, and concluded in a line."""

import asyncio
import itertools
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path

from attrs import define, evolve, field

from autocalls_async.campaign.progress import Progress
from autocalls_async.campaign.run import Run
from autocalls_async.cli.bulk.counting import RequestCounter
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
from autocalls_async.cli.bulk.people import remarks_on_fates
from autocalls_async.cli.bulk.rules.given import AGREED_RATE, GivenRules
from autocalls_async.cli.bulk.rules.words import name_rules
from autocalls_async.cli.bulk.telling import (
    describe_standing,
    tell_conflict,
    tell_remarks,
)
from autocalls_async.cli.choices import Repeats
from autocalls_async.cli.connection import open_for_bulk
from autocalls_async.cli.journal.commands import read_tally, write_page
from autocalls_async.cli.journal.costs import costs_of
from autocalls_async.cli.rows.outcomes_file import WriteRecord
from autocalls_async.cli.tables.lines import FileError
from autocalls_async.cli.terminal.failures import CommandError, Status, describe
from autocalls_async.cli.terminal.outcomes import explain, outcome_record
from autocalls_async.cli.terminal.progress import (
    every,
    outcome_table,
    reason_table,
    show_progress,
)
from autocalls_async.cli.terminal.screen import Screen
from autocalls_async.cli.terminal.stopping import Stopping
from autocalls_async.cli.terminal.words import count, quote
from autocalls_async.http.loop import utc_now
from autocalls_async.journal import Journal, JournalError, SqliteJournal, State
from autocalls_async.journal.entry import MAY_LEAVE
from autocalls_async.model.errors import AutocallsError, RunStoppedError
from autocalls_async.model.outcomes import Accepted, Outcome
from autocalls_async.webhooks.deliveries import Deliveries
from autocalls_async.webhooks.stores.errors import DeliveryStoreError

# What the second Ctrl-C leaves to the messages that have left.
_DRAIN_SECONDS = 0.2


@define(kw_only=True)
class _Results:
    """What came of a campaign.

    Attributes:
        fallback_count: Messages that went by their template.
        ended_by: What ended it before its last row.
        troubles: Where outcomes could not be written, and why.
        counts: What the journal holds after it, by state.
        report_trouble: Why its report could not be written.
    """

    progress: Progress = field(factory=Progress)
    reasons: Counter[tuple[str, str]] = field(factory=Counter)
    fallback_count: int = 0
    ended_by: RunStoppedError | FileError | JournalError | None = None
    troubles: list[str] = field(factory=list)
    counts: Counter[State] = field(factory=Counter)
    report_trouble: str | None = None


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
        self._results = _Results()
        self._requests = RequestCounter()
        receipts = campaign.receipts
        self._deliveries = None if receipts is None else Deliveries(receipts)

    def run(self) -> int:
        """Send it all, say what came of it, and give the exit status.

        Raises:
            CommandError: Nothing was sent, for the reason given.
        """
        path = self._campaign.journal
        signalled = asyncio.run(self.deliver())
        self._show()
        status = self._conclude(signalled)
        if path is not None:
            self._advise(path)
        self._tell_places()
        if self._results.report_trouble is not None:
            self._screen.warn(f"autocalls: {self._results.report_trouble}")
            return status or Status.FAILED
        return status

    async def deliver(self) -> int | None:
        """Send it all; return the exit status of the signal that stopped it, if any.

        Raises:
            CommandError: Nothing was sent, for the reason given.
        """
        path = self._campaign.journal
        with self._messages:
            async with self._receipts():
                if path is not None:
                    return await self._send_noting(path)
                with self._nothing_sent():
                    self._judge()
                return await self._send(None)

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

    def _tell_places(self) -> None:
        out, page = self._campaign.out, self._campaign.report
        if out is not None and str(out) in self._writers:
            self._screen.say(f"written: {out}")
        if page is not None and self._results.report_trouble is None:
            self._screen.say(f"written: {page}")

    # With a journal

    async def _send_noting(self, path: Path) -> int | None:
        journal = SqliteJournal(path, now=utc_now)
        with self._nothing_sent():
            lost_count = await journal.open()
        try:
            with self._nothing_sent():
                await self._take_stock(journal, path, lost_count)
            signalled = await self._send(journal) if len(self._messages) else None
            try:
                self._results.counts = Counter(await journal.counts())
                await self._write_report(journal, path)
            except JournalError as error:
                self._results.ended_by = self._results.ended_by or error
        finally:
            # The run has told what could not be kept.
            with suppress(JournalError):
                await journal.aclose()
        return signalled

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

    async def _write_report(self, journal: SqliteJournal, path: Path) -> None:
        page = self._campaign.report
        if page is None:
            return
        tally = await read_tally(journal)
        report = evolve(
            tally.report(path.name, requests=self._requests.counts),
            rules=name_rules(self._campaign),
            limit=max(AGREED_RATE, self._campaign.rate),
        )
        costs = costs_of(tally, self._campaign.price)
        try:
            write_page(page, report, more=[] if costs is None else costs.facts())
        except CommandError as error:
            self._results.report_trouble = str(error)

    @contextmanager
    def _nothing_sent(self) -> Iterator[None]:
        try:
            yield
        except FileError as error:
            msg = f"{self._campaign.file}: {error}; nothing was sent"
            raise CommandError(msg) from error
        except (JournalError, DeliveryStoreError) as error:
            msg = f"{error}; nothing was sent"
            raise CommandError(msg) from error

    def _advise(self, path: Path) -> None:
        """Say what is left, and which commands go on from here."""
        left_count = self._left_count()
        if left_count:
            left = count(left_count, "message")
            what = f"{left} left to send; to go on{self._what_to_raise()}"
            self._screen.offer(what, self._campaign.command())
        if rejected_count := self._results.counts[State.REJECTED]:
            rejected = count(rejected_count, "message")
            shown = quote("autocalls", "journal", "export", str(path))
            what = f"{rejected} rejected; to list them"
            self._screen.offer(what, f"{shown} --state rejected")
            again = f"{self._campaign.command()} --retry-rejected all"
            self._screen.offer("to send them again, once that is mended", again)
        if unknown_count := self._results.counts[State.UNKNOWN]:
            unknown = count(unknown_count, "message")
            shown = quote("autocalls", "journal", "show", str(path))
            self._screen.offer(f"{unknown} unknown; to see them", shown)
            if (receipts := self._campaign.receipts) is not None:
                settle = ("--by-evidence", "--receipts", str(receipts))
                command = quote("autocalls", "journal", "resolve", str(path), *settle)
                self._screen.offer("to settle them, in 15 minutes", command)

    def _what_to_raise(self) -> str:
        """Say which bound has to be raised before there is a use in going on."""
        most, spent = self._rules.at_most, self._results.counts
        has_left = spent[State.ACCEPTED] + spent[State.UNKNOWN]
        if most is None or has_left < most:
            return ""
        option = "--at-most" if self._campaign.rules.budget is None else "--budget"
        return f", with a higher {option}"

    def _left_count(self) -> int:
        """Return how many could still be sent, but for those who are left out."""
        results = self._results
        left = sum(results.counts[state] for state in MAY_LEAVE)
        left -= results.progress.excluded
        return left - self._found.left_behind_count

    # Each message

    async def _send(self, journal: Journal | None) -> int | None:
        self._writers = self._open_writers()
        client = open_for_bulk(
            self._campaign.connection,
            rate=self._campaign.rate,
            drain_timeout=_DRAIN_SECONDS,
            observer=self._requests,
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
        return stopping.exit_status

    async def _take(self, run: Run) -> None:
        try:
            async for outcome in run:
                self._note(outcome, run)
        except (RunStoppedError, FileError, JournalError) as error:
            self._results.ended_by = error

    def _note(self, outcome: Outcome, run: Run) -> None:
        results = self._results
        if isinstance(outcome, Accepted):
            results.fallback_count += outcome.sent.fell_back
        else:
            code = outcome.error.error_code or ""
            results.reasons[type(outcome.error).__name__, code] += 1
        line_number = self._messages.line_number(outcome)
        record = outcome_record(outcome, line_number=line_number)
        for name, write in list(self._writers.items()):
            try:
                write(record)
            except OSError as error:
                del self._writers[name]
                results.troubles.append(f"cannot write {name}: {describe(error)}")
                run.stop()

    # The end

    def _show(self) -> None:
        results = self._results
        if not len(self._messages):
            return
        tables = [outcome_table(results.progress)]
        if results.reasons:
            tables.append(reason_table(results.reasons))
        self._screen.show(*tables)
        self._screen.say()
        kinds = (f"{kind} {number:,}" for kind, number in self._requests.counts.items())
        self._screen.say(f"requests: {', '.join(kinds)}")
        if self._campaign.fallback_template is not None:
            self._screen.say(self._fallback_line())

    def _fallback_line(self) -> str:
        number = self._results.fallback_count
        text_count = self._results.progress.accepted - number
        template_id = self._campaign.fallback_template
        return f"{text_count:,} went as free text, {number:,} by template {template_id}"

    def _conclude(self, signalled: int | None) -> int:
        """Say in a line how it ended."""
        before_count = self._found.states[State.ACCEPTED]
        accepted_count = before_count + self._results.progress.accepted
        total = count(self._found.total, "message")
        why = self._why_stopped(signalled)
        excluded = self._results.progress.excluded
        if why is None and not self._found.total:
            self._screen.say("Nothing is left to send.", "green")
            return Status.OK
        if why is None and accepted_count + excluded == self._found.total:
            earlier = f", {before_count:,} of them earlier" if before_count else ""
            left_out = f"; {excluded:,} left out as excluded" if excluded else ""
            which = f"{accepted_count:,} of {total}" if excluded else f"All of {total}"
            self._screen.say(f"{which} accepted{earlier}{left_out}.", "green")
            return Status.OK
        if why is None:
            text = f"{self._found.total - accepted_count:,} of {total} not accepted"
            if unknown_count := self._unknown_count():
                text += f", {unknown_count:,} of them unknown"
            if excluded:
                text += f", {excluded:,} of them excluded"
        else:
            text = f"{why}; {self._unsent_count():,} of {total} not sent"
        self._screen.warn(f"autocalls: {text}")
        return signalled if why and signalled else Status.FAILED

    def _unknown_count(self) -> int:
        results = self._results
        return results.progress.unknown + self._found.states[State.UNKNOWN]

    def _unsent_count(self) -> int:
        if self._campaign.journal is not None:
            return self._left_count()
        progress = self._results.progress
        return self._found.total - progress.taken + progress.unsent

    def _why_stopped(self, signalled: int | None) -> str | None:
        error = self._results.ended_by
        if self._results.troubles:
            why = [*self._results.troubles, "the last outcomes are not there"]
            return "; ".join(why)
        match error:
            case None:
                return None
            case FileError():
                return f"stopped: {self._campaign.file}: {error}"
            case JournalError():
                return f"stopped: {error}"
        if error.cause is None:
            return "interrupted" if signalled else f"stopped: {error.detail}"
        return f"stopped: {_explain_stop(error, error.cause)}"


def _explain_stop(error: RunStoppedError, cause: AutocallsError) -> str:
    says_more = error.detail != cause.summary
    return f"{error.detail}; {error.remedy}" if says_more else explain(cause)
