"""`autocalls journal`: what became of a campaign, and what to do about unknowns."""

import asyncio
import csv
import sys
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager
from enum import StrEnum
from pathlib import Path
from typing import Any, TypeVar

import typer

from autocalls_async.cli.failures import CommandError, Status, describe
from autocalls_async.cli.outcomes_file import OutcomesFile, WriteRecord, check_place
from autocalls_async.cli.resuming import ORDER
from autocalls_async.cli.rows import FileFormat
from autocalls_async.cli.screen import STYLES, Screen, fact_table, make_table
from autocalls_async.cli.tally import Tally, facts_of
from autocalls_async.cli.words import count, plain, quote
from autocalls_async.journal import Entry, SqliteJournal, State
from autocalls_async.masking import mask_phone
from autocalls_async.report import Report, render_report, show_instant

T = TypeVar("T")

_MOST_SHOWN = 20

COLUMNS = (
    "key",
    "recipient_phone",
    "state",
    "whatsapp_message_id",
    "attempt_count",
    "added_at",
    "handed_over_at",
    "settled_at",
    "error",
    "error_code",
    "detail",
)


class Decision(StrEnum):
    """What a user can decide about an unknown message."""

    ACCEPTED = "accepted"
    NEW = "new"


def show(path: Path, screen: Screen) -> int:
    """Show what a journal holds.

    Raises:
        CommandError: There is none.
        JournalError: It cannot be read.
    """
    tally = _use(path, read_tally)
    if screen.as_json:
        screen.emit(_record(path, tally))
        return Status.OK
    screen.show(_state_table(path, tally), *_reason_tables(tally))
    _show_unknowns(path, tally, screen)
    return Status.OK


def show_report(
    path: Path, screen: Screen, *, page: Path | None, overwrite: bool
) -> int:
    """Show a journal's report, and write its page.

    Raises:
        CommandError: There is no journal, or the page cannot be written.
        JournalError: It cannot be read.
    """
    if page is not None:
        check_page(page, overwrite=overwrite)
    tally = _use(path, read_tally)
    report = tally.report(path.name)
    if page is not None:
        write_page(page, report)
    if screen.as_json:
        screen.emit(_record(path, tally) | _pace(report))
        return Status.OK
    facts = fact_table(f"Report of {path}", facts_of(report))
    screen.show(facts, _state_table(path, tally), *_reason_tables(tally))
    _show_unknowns(path, tally, screen)
    return Status.OK


def export(
    path: Path,
    screen: Screen,
    *,
    out: Path | None,
    file_format: FileFormat,
    states: Sequence[State],
    overwrite: bool,
) -> int:
    """Write a journal's entries, to a file or to standard output.

    Raises:
        CommandError: There is no journal, or the file cannot be written.
        JournalError: It cannot be read.
    """

    async def write_to(journal: SqliteJournal, write: WriteRecord) -> int:
        number = 0
        async for entry in journal.entries(*states):
            write(_entry_record(entry))
            number += 1
        return number

    if out is None:
        write = _standard_output(screen, file_format)
        _use(path, lambda journal: write_to(journal, write))
        return Status.OK
    check_place(out, source=path, overwrite=overwrite)
    _check_there(path)
    with OutcomesFile(out, overwrite=overwrite, columns=COLUMNS) as file:
        try:
            number = _use(path, lambda journal: write_to(journal, file.write))
        except OSError as error:
            msg = f"cannot write {out}: {describe(error)}"
            raise CommandError(msg, status=Status.FAILED) from error
    screen.say(f"{count(number, 'message')} written to {out}")
    return Status.OK


def resolve(
    path: Path,
    screen: Screen,
    *,
    keys: Sequence[str],
    take_all: bool,
    decision: Decision,
    yes: bool,
) -> int:
    """Settle unknown messages as the user decided.

    Raises:
        CommandError: There is no journal, or the options do not say which.
        JournalError: It cannot be read or written.
        JournalStateError: One of the messages is not unknown.
    """
    if bool(keys) == take_all:
        msg = "say which unknown messages: --key KEY for each, or --all"
        raise CommandError(msg)

    async def work(journal: SqliteJournal) -> int:
        chosen = list(dict.fromkeys(keys))
        if take_all:
            chosen = [entry.key async for entry in journal.entries(State.UNKNOWN)]
        if chosen and not yes and sys.stdin.isatty():
            _confirm(decision, len(chosen))
        if decision is Decision.NEW:
            return await journal.resolve(chosen, state=State.NEW)
        return await journal.resolve(chosen, state=State.ACCEPTED)

    number = _use(path, work)
    if screen.as_json:
        screen.emit({"resolved": number, "as": decision.value})
    what = {
        Decision.ACCEPTED: "taken as accepted",
        Decision.NEW: "to be sent again by the next run",
    }
    screen.say(f"{count(number, 'unknown message')} {what[decision]}")
    return Status.OK


def check_page(path: Path, *, overwrite: bool) -> None:
    """Find out, before any work, what would keep a page from being written.

    Raises:
        CommandError: Something is there already.
    """
    if path.exists() and not overwrite:
        msg = f"{path} exists already: name another file, or give --overwrite"
        raise CommandError(msg)


def write_page(path: Path, report: Report) -> None:
    """Write a report's page.

    Raises:
        CommandError: It cannot be written.
    """
    try:
        path.write_text(render_report(report, facts=facts_of(report)), "utf-8")
    except OSError as error:
        msg = f"cannot write {path}: {describe(error)}"
        raise CommandError(msg, status=Status.FAILED) from error


async def read_tally(journal: SqliteJournal) -> Tally:
    """Count a journal's entries."""
    tally = Tally()
    async for entry in journal.entries():
        tally.add(entry)
    return tally


# The journal


def _check_there(path: Path) -> None:
    if not path.exists():
        msg = f"there is no journal {path}"
        raise CommandError(msg)


@asynccontextmanager
async def _opened(path: Path) -> AsyncIterator[SqliteJournal]:
    _check_there(path)  # opening would make one
    async with SqliteJournal(path) as journal:
        yield journal


def _use(path: Path, work: Callable[[SqliteJournal], Coroutine[Any, Any, T]]) -> T:
    async def use() -> T:
        async with _opened(path) as journal:
            return await work(journal)

    return asyncio.run(use())


def _confirm(decision: Decision, number: int) -> None:
    messages = count(number, "message")
    question = {
        Decision.ACCEPTED: f"Take {messages} as accepted, never to be sent?",
        Decision.NEW: f"Send {messages} again? Whoever got one gets it twice.",
    }
    if not typer.confirm(question[decision], err=True):
        msg = "nothing was changed"
        raise CommandError(msg, status=Status.FAILED)


# What is shown


def _state_table(path: Path, tally: Tally) -> Any:  # noqa: ANN401  # rich's
    columns = ("state", "messages", "share")
    table = make_table(str(path), columns, numbers=columns[1:])
    total = tally.states.total()
    for state in ORDER:
        number = tally.states[state]
        if state is State.IN_FLIGHT:
            continue  # whoever opens a journal takes these for unknown
        style = STYLES.get(state.value, "") if number else "dim"
        share = f"{number / total:.1%}" if total else "-"
        table.add_row(state.value, f"{number:,}", share, style=style)
    table.add_row("together", f"{total:,}", "", style="bold")
    return table


def _reason_tables(tally: Tally) -> list[Any]:
    if not tally.reasons:
        return []
    columns = ("state", "error", "code", "messages")
    table = make_table("Why not accepted", columns, numbers=("messages",))
    for (state, error, code), number in tally.reasons.most_common(_MOST_SHOWN):
        table.add_row(state.value, error, plain(code) or "-", f"{number:,}")
    return [table]


def _show_unknowns(path: Path, tally: Tally, screen: Screen) -> None:
    if not tally.unknowns:
        return
    table = make_table(
        "Unknown: may have been delivered", ("recipient", "handed over", "key")
    )
    for entry in tally.unknowns[:_MOST_SHOWN]:
        at = show_instant(entry.handed_over_at)
        # Whole, since `resolve` wants it so.
        table.add_row(mask_phone(entry.recipient_phone), at, plain(entry.key))
    screen.show(table)
    screen.say()
    more = tally.states[State.UNKNOWN] - min(len(tally.unknowns), _MOST_SHOWN)
    if more:
        command = quote(
            "autocalls", "journal", "export", str(path), "--state", "unknown"
        )
        screen.say(f"and {more:,} more: {command}")
    command = quote("autocalls", "journal", "resolve", str(path))
    screen.say(f"to settle them: {command} --all --as accepted (or --as new: again)")


def _record(path: Path, tally: Tally) -> dict[str, Any]:
    return {
        "journal": str(path),
        "messages": tally.states.total(),
        "states": {state.value: tally.states[state] for state in ORDER},
        "reasons": [
            {"state": state, "error": error, "error_code": code or None, "count": n}
            for (state, error, code), n in tally.reasons.most_common()
        ],
        "unknown": [
            {
                "key": entry.key,
                "recipient": mask_phone(entry.recipient_phone),
                "handed_over_at": entry.handed_over_at,
            }
            for entry in tally.unknowns
        ],
    }


def _pace(report: Report) -> dict[str, Any]:
    return {
        "attempts": report.attempt_count,
        "started_at": report.started_at,
        "ended_at": report.ended_at,
        "active_seconds": report.active_seconds,
        "rate": report.rate,
    }


def _entry_record(entry: Entry) -> dict[str, Any]:
    record = {name: getattr(entry, name) for name in COLUMNS}
    times = ("added_at", "handed_over_at", "settled_at")
    return record | {name: _iso(record[name]) for name in times}


def _iso(at: Any) -> str | None:  # noqa: ANN401  # one of the entry's times
    return None if at is None else at.isoformat()


def _standard_output(screen: Screen, file_format: FileFormat) -> WriteRecord:
    if file_format is FileFormat.JSONL:
        return screen.emit
    writer = csv.DictWriter(_Lines(screen), COLUMNS, lineterminator="")
    writer.writeheader()
    return writer.writerow


class _Lines:
    """What a CSV writer writes to."""

    def __init__(self, screen: Screen) -> None:
        self._screen = screen

    def write(self, line: str) -> None:
        self._screen.put(line)
