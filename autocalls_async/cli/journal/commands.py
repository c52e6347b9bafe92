"""`autocalls journal`: what became of a campaign, and what to do about unknowns."""

import asyncio
import sys
from collections.abc import Callable, Coroutine, Iterable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, TypeVar

import typer
from attrs import evolve

from autocalls_async.cli.choices import Doubtful, Resolution
from autocalls_async.cli.journal.costs import cost_record, costs_of
from autocalls_async.cli.journal.options import Export, Reporting, Resolve
from autocalls_async.cli.journal.receipts import COLUMNS as RECEIPT_COLUMNS
from autocalls_async.cli.journal.receipts import (
    read_funnel,
    receipt_record,
    with_receipts,
)
from autocalls_async.cli.journal.report import Report
from autocalls_async.cli.journal.showing import read_journal, tell_doubt
from autocalls_async.cli.journal.tally import Tally, facts_of
from autocalls_async.cli.journal.views import (
    COLUMNS,
    entry_record,
    make_sections,
    pace_record,
    show_next_steps,
    to_record,
    to_standard_output,
)
from autocalls_async.cli.options import AccountConnection
from autocalls_async.cli.rows.outcomes_file import (
    OutcomesFile,
    WriteRecord,
    check_apart,
    check_page,
    check_place,
)
from autocalls_async.cli.terminal.failures import CommandError, Status, os_reason
from autocalls_async.cli.terminal.screen import Screen
from autocalls_async.cli.terminal.tables import fact_table
from autocalls_async.cli.terminal.words import count
from autocalls_async.journal import Entry, SqliteJournal, State
from autocalls_async.journal.storage.reading import JournalReader

T = TypeVar("T")


def show_report(wanted: Reporting, screen: Screen) -> int:
    """Show a journal's report, and write its page.

    Raises:
        CommandError: The page cannot be written.
        JournalError: There is no journal, or it cannot be read.
    """
    path, page = wanted.journal, wanted.html
    if page is not None:
        check_apart({"the journal": path, "--html": page})
        check_page(page, overwrite=wanted.overwrite)
    tally, holder = read_journal(path, screen)
    report = _report(path, tally)
    funnel = None if wanted.receipts is None else read_funnel(path, wanted.receipts)
    costs = costs_of(tally, wanted.price, funnel)
    bill = [] if costs is None else costs.facts()
    if page is not None:
        # Few commands make a page, and none should wait for Jinja2 in vain.
        from autocalls_async.cli.journal.page import write_page  # noqa: PLC0415

        steps = [] if funnel is None else funnel.facts()
        write_page(page, report, more=[*steps, *bill])
    if screen.as_json:
        record = {} if funnel is None else {"receipts": funnel.to_record()}
        priced = {} if costs is None else {"costs": costs.to_record()}
        pace = pace_record(report)
        screen.emit(to_record(path, tally, holder) | pace | record | priced)
        return Status.OK
    facts = fact_table(f"Report of {path}", [*facts_of(report), *bill])
    tables = () if funnel is None else (funnel.to_table(),)
    screen.show(facts, *make_sections(path, tally), *tables)
    show_next_steps(path, tally, holder, screen)
    return Status.OK


def export(wanted: Export, screen: Screen) -> int:
    """Write a journal's entries, to a file or to standard output.

    Raises:
        CommandError: The file cannot be written.
        JournalError: There is no journal, or it cannot be read.
    """
    path, out = wanted.journal, wanted.out
    if out is None:
        with JournalReader(path) as journal:
            tell_doubt(journal, screen)
            write = to_standard_output(screen, wanted.format, columns=_columns(wanted))
            _copy_entries(journal, wanted, write)
        return Status.OK
    check_place(out, source=path, overwrite=wanted.overwrite)
    with ExitStack() as stack:
        journal = stack.enter_context(JournalReader(path))
        tell_doubt(journal, screen)
        made = OutcomesFile(out, overwrite=wanted.overwrite, columns=_columns(wanted))
        file = stack.enter_context(made)
        try:
            number = _copy_entries(journal, wanted, file.write)
        except OSError as error:
            msg = f"cannot write {out}: {os_reason(error)}"
            raise CommandError(msg, status=Status.FAILED) from error
    screen.say(f"{count(number, 'message')} written to {out}")
    return Status.OK


def resolve(wanted: Resolve, connection: AccountConnection, screen: Screen) -> int:
    """Settle messages as the user decided, or by evidence.

    Raises:
        CommandError: The options do not say which, or the user said no.
        JournalError: There is no journal, or it cannot be read or written.
        JournalStateError: One of the messages is in another state.
        ValueError: What was rejected was not accepted.
    """
    if wanted.by_evidence:
        return _resolve_by_evidence(wanted, connection, screen)
    path, decision = wanted.journal, _decision(wanted)
    chosen = _choose(wanted)
    what = f"{wanted.state.value} message"
    if chosen and not wanted.yes and sys.stdin.isatty():
        messages = count(len(chosen), "message")
        confirm(_QUESTIONS[wanted.state, decision].format(messages))

    async def work(journal: SqliteJournal) -> int:
        if wanted.state is Doubtful.REJECTED:
            return await journal.resolve(chosen, state=State.NEW, was=State.REJECTED)
        if decision is Resolution.NEW:
            return await journal.resolve(chosen, state=State.NEW)
        return await journal.resolve(chosen, state=State.ACCEPTED)

    number = _own(path, work)
    if screen.as_json:
        screen.emit({"resolved": number, "as": decision.value})
    screen.say(f"{count(number, what)} {_DONE[decision]}")
    return Status.OK


_QUESTIONS = {
    (Doubtful.UNKNOWN, Resolution.ACCEPTED): "Take {} as accepted, never to be sent?",
    (Doubtful.UNKNOWN, Resolution.NEW): (
        "Send {} again? Whoever got one gets it twice."
    ),
    (Doubtful.REJECTED, Resolution.NEW): "Send {} again that the service refused?",
}
_DONE = {
    Resolution.ACCEPTED: "taken as accepted",
    Resolution.NEW: "to be sent again by the next run",
}


def _choose(wanted: Resolve) -> list[str]:
    """Return the keys of the messages that the options name."""
    is_rejected = wanted.state is Doubtful.REJECTED
    if is_rejected and wanted.decision is Resolution.ACCEPTED:
        msg = "what was rejected was not accepted: it can be sent again, --as new"
        raise CommandError(msg)
    if wanted.key and (wanted.all or wanted.error):
        msg = "say which messages: --key KEY for each, or --all or --error, not both"
        raise CommandError(msg)
    if wanted.key:
        return list(dict.fromkeys(wanted.key))
    if not (wanted.all or wanted.error or is_rejected):
        msg = "say which unknown messages: --key KEY for each, or --all"
        raise CommandError(msg)
    errors = {error.lower() for error in wanted.error or ()}
    with JournalReader(wanted.journal) as reader:
        entries = reader.entries(State(wanted.state.value))
        return [e.key for e in entries if not errors or errors & _names_of(e)]


def _names_of(entry: Entry) -> set[str]:
    return {name.lower() for name in (entry.error, entry.error_code) if name}


def _decision(wanted: Resolve) -> Resolution:
    if wanted.decision is None or wanted.take is not None:
        msg = "say how: --as accepted or --as new, or --by-evidence [--take likely]"
        raise CommandError(msg)
    return wanted.decision


def _resolve_by_evidence(
    wanted: Resolve, connection: AccountConnection, screen: Screen
) -> int:
    # It asks the service: no other command of a journal waits for a client.
    from autocalls_async.cli.journal.settling import settle_by_evidence  # noqa: PLC0415

    if wanted.decision or wanted.key or wanted.all or wanted.error:
        msg = "--by-evidence looks at every unknown message: no --as, --key or --all"
        raise CommandError(msg)
    return settle_by_evidence(
        wanted.journal,
        wanted.receipts,
        connection,
        screen,
        takes_likely=wanted.take is not None,
        reads_history=not wanted.no_history,
    )


# The journal


def _report(path: Path, tally: Tally) -> Report:
    report = tally.report(path.name)
    if under_way := tally.states[State.IN_FLIGHT]:
        counts = {**report.counts, State.IN_FLIGHT.value: under_way}
        return evolve(report, counts=counts)
    return report


def _columns(wanted: Export) -> tuple[str, ...]:
    receipts = () if wanted.receipts is None else RECEIPT_COLUMNS
    return (*COLUMNS, *receipts, *(() if wanted.price is None else ("cost",)))


def _copy_entries(journal: JournalReader, wanted: Export, write: WriteRecord) -> int:
    number = 0
    for record in _records(journal.entries(*map(State, wanted.state or ())), wanted):
        write(record)
        number += 1
    return number


def _records(entries: Iterable[Entry], wanted: Export) -> Iterator[dict[str, Any]]:
    price = wanted.price
    pairs = (
        ((entry, {}) for entry in entries)
        if wanted.receipts is None
        else (
            (entry, receipt_record(receipt))
            for entry, receipt in with_receipts(entries, wanted.receipts)
        )
    )
    for entry, received in pairs:
        priced = {} if price is None else cost_record(entry, price)
        yield entry_record(entry) | received | priced


def _own(path: Path, work: Callable[[SqliteJournal], Coroutine[Any, Any, T]]) -> T:
    with JournalReader(path):
        pass  # it is one: opening it to write would make one of anything

    async def use() -> T:
        async with SqliteJournal(path) as journal:
            return await work(journal)

    return asyncio.run(use())


def confirm(question: str) -> None:
    """Ask the user.

    Raises:
        CommandError: The answer was no, or none.
    """
    try:
        is_wanted = typer.confirm(question, err=True)
    except typer.Abort:  # Ctrl-C, or the end of the input
        is_wanted = False
    if not is_wanted:
        msg = "nothing was changed"
        raise CommandError(msg, status=Status.FAILED)
