"""`autocalls bulk FILE`: every row checked, then sent, and every outcome told."""

import asyncio
from collections import Counter
from contextlib import ExitStack
from pathlib import Path
from typing import IO

from attrs import define, field

from autocalls_async.bulk import Progress, Run
from autocalls_async.cli.campaign import (
    STANDARD_INPUT,
    Campaign,
    Rows,
    Survey,
    open_rows,
    survey,
)
from autocalls_async.cli.connection import Connection, ask
from autocalls_async.cli.failures import CommandError, Status, describe
from autocalls_async.cli.outcomes_file import OutcomesFile, WriteRecord, check_place
from autocalls_async.cli.rows import BadRow, FileError, RowReader
from autocalls_async.cli.screen import (
    Screen,
    every,
    fact_table,
    outcome_table,
    reason_table,
)
from autocalls_async.cli.stopping import Stopping
from autocalls_async.cli.words import count, duration, explain, outcome_record
from autocalls_async.errors import (
    AutocallsError,
    PermissionDeniedError,
    RunStoppedError,
)
from autocalls_async.outcomes import Accepted, Outcome

# What the second Ctrl-C leaves to the messages that have left.
_DRAIN_SECONDS = 0.2


def bulk(campaign: Campaign, screen: Screen, *, dry_run: bool) -> int:
    """Check a campaign and, unless it is a dry run, send it.

    Returns:
        The exit status: 0 only if every message was accepted.

    Raises:
        CommandError: Nothing was sent, for the reason given.
        ValueError: The same.
    """
    reader = campaign.reader()
    if not dry_run:
        campaign.connection.check_key()
    if campaign.out is not None:
        source = None if campaign.file == STANDARD_INPUT else Path(campaign.file)
        check_place(campaign.out, source=source, overwrite=campaign.overwrite)
    with ExitStack() as stack:
        file = stack.enter_context(open_rows(campaign.file))
        found = _survey(campaign, reader, file, screen, remember=dry_run)
        if dry_run:
            return _show_survey(found, campaign, screen)
        _check_survey(found, campaign)
        _check_account(campaign.connection)
        writers: dict[str, WriteRecord] = {}
        if campaign.out is not None:
            out = OutcomesFile(campaign.out, overwrite=campaign.overwrite)
            writers[str(campaign.out)] = stack.enter_context(out).write
        if screen.as_json:
            writers["standard output"] = screen.emit
        rows = Rows(reader, file, total=found.good_count)
        return _Sending(campaign, rows, writers, screen).run()


# Before anything is sent


def _survey(
    campaign: Campaign,
    reader: RowReader,
    file: IO[bytes],
    screen: Screen,
    *,
    remember: bool,
) -> Survey:
    def tell(row: BadRow) -> None:
        screen.warn(f"{campaign.file}, line {row.line_number}: {row.reason}")

    try:
        return survey(reader, file, tell=tell, remember=remember)
    except FileError as error:
        msg = f"{campaign.file}: {error}"
        raise CommandError(msg) from error


def _check_survey(found: Survey, campaign: Campaign) -> None:
    if problem := _problem(found, campaign):
        msg = f"{problem}; nothing was sent"
        raise CommandError(msg)


def _problem(found: Survey, campaign: Campaign) -> str | None:
    """Say why this file cannot be sent."""
    if found.bad_count and not campaign.skip_bad:
        row_count = found.good_count + found.bad_count
        rows = count(row_count, "row")
        more = found.bad_count - len(found.bad_rows)
        unnamed = f" ({more:,} more than are named here)" if more else ""
        return (
            f"{campaign.file}: {found.bad_count:,} of {rows} cannot be sent{unnamed}; "
            "mend them, or give --skip-bad to send the rest"
        )
    if not found.good_count:
        return f"{campaign.file}: there is no row that can be sent"
    return None


def _show_survey(found: Survey, campaign: Campaign, screen: Screen) -> int:
    seconds = found.good_count / campaign.rate
    if screen.as_json:
        screen.emit(found.as_record() | {"seconds": seconds})
    facts = (
        ("rows", f"{found.good_count + found.bad_count:,}"),
        ("bad rows", f"{found.bad_count:,}"),
        ("recipients", f"{len(found.recipients):,}"),
        ("repeated messages", f"{found.repeated_count:,}"),
        ("time", f"about {duration(seconds)} at {campaign.rate} a second"),
    )
    screen.show(fact_table(f"Dry run of {campaign.file}: nothing was sent", facts))
    problem = _problem(found, campaign)
    if problem is None:
        return Status.OK
    screen.warn(f"autocalls: {problem}")
    return Status.UNUSABLE


def _check_account(connection: Connection) -> None:
    """Find a wrong key or address before the first message meets it."""
    try:
        ask(connection, lambda client: client.account())
    except PermissionDeniedError:
        pass  # a key that may not look at the account may still send
    except AutocallsError as error:
        msg = f"{explain(error)}; nothing was sent"
        raise CommandError(msg, status=Status.FAILED) from error
    except CommandError as error:
        msg = f"{error}; nothing was sent"
        raise CommandError(msg, status=error.status) from error.__cause__


# Sending


@define(kw_only=True)
class _Results:
    """What came of a campaign.

    Attributes:
        ended_by: What ended it before its last row.
        troubles: Where outcomes could not be written, and why.
    """

    progress: Progress = field(factory=Progress)
    reasons: Counter[tuple[str, str]] = field(factory=Counter)
    ended_by: RunStoppedError | FileError | None = None
    troubles: list[str] = field(factory=list)


class _Sending:
    """One campaign on its way."""

    def __init__(
        self,
        campaign: Campaign,
        rows: Rows,
        writers: dict[str, WriteRecord],
        screen: Screen,
    ) -> None:
        self._campaign = campaign
        self._rows = rows
        self._writers = writers
        self._screen = screen
        self._results = _Results()

    def run(self) -> int:
        """Send it all, say what came of it, and give the exit status."""
        signalled = asyncio.run(self._send())
        self._show()
        return self._conclude(signalled)

    async def _send(self) -> int | None:
        client = self._campaign.connection.open_for_bulk(
            rate=self._campaign.rate, drain_timeout=_DRAIN_SECONDS
        )
        with self._screen.watch(total=len(self._rows)) as watch:
            async with client:
                run = client.send_many(self._rows)

                def stop() -> None:
                    watch.say(
                        "stopping: what has left is waited for; "
                        "once more to stop at once"
                    )
                    run.stop()

                async with Stopping(stop, client.aclose) as stopping:
                    with every(watch.seconds, lambda: watch.update(run.progress)):
                        await self._take(run)
            self._results.progress = run.progress
            watch.update(run.progress)
        return stopping.exit_status

    async def _take(self, run: Run) -> None:
        try:
            async for outcome in run:
                self._note(outcome, run)
        except (RunStoppedError, FileError) as error:
            self._results.ended_by = error

    def _note(self, outcome: Outcome, run: Run) -> None:
        results = self._results
        if not isinstance(outcome, Accepted):
            code = outcome.error.error_code or ""
            results.reasons[type(outcome.error).__name__, code] += 1
        line_number = self._rows.line_number(outcome.message)
        record = outcome_record(outcome, line_number=line_number)
        for name, write in list(self._writers.items()):
            try:
                write(record)
            except OSError as error:
                del self._writers[name]
                results.troubles.append(f"cannot write {name}: {describe(error)}")
                run.stop()

    def _show(self) -> None:
        results = self._results
        tables = [outcome_table(results.progress)]
        if results.reasons:
            tables.append(reason_table(results.reasons))
        self._screen.show(*tables)
        self._screen.say()

    def _conclude(self, signalled: int | None) -> int:
        """Say in a line how it ended."""
        progress, total = self._results.progress, len(self._rows)
        why = self._why_stopped(signalled)
        if why is None and progress.accepted == total:
            self._screen.say(f"All of {count(total, 'message')} accepted.", "green")
            return Status.OK
        if why is None:
            refused_count = total - progress.accepted
            text = f"{refused_count:,} of {count(total, 'message')} not accepted"
        else:
            unsent_count = total - progress.taken + progress.unsent
            text = f"{why}; {unsent_count:,} of {count(total, 'message')} not sent"
        self._screen.warn(f"autocalls: {text}")
        return signalled if why and signalled else Status.FAILED

    def _why_stopped(self, signalled: int | None) -> str | None:
        error = self._results.ended_by
        if self._results.troubles:
            why = [*self._results.troubles, "the last outcomes are not there"]
            return "; ".join(why)
        if error is None:
            return None
        if isinstance(error, FileError):
            return f"stopped: {self._campaign.file}: {error}"
        if error.cause is None:
            return "interrupted" if signalled else "stopped"
        return f"stopped: {explain(error.cause)}"
