"""A journal as people and programs are shown it."""

import csv
from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from autocalls_async.cli.choices import FileFormat
from autocalls_async.cli.journal.report import Report, show_instant
from autocalls_async.cli.journal.tally import ORDER, Tally
from autocalls_async.cli.rows.outcomes_file import WriteRecord
from autocalls_async.cli.rows.private import guard_cells
from autocalls_async.cli.terminal.outcomes import OUTCOME_STYLES
from autocalls_async.cli.terminal.screen import Screen
from autocalls_async.cli.terminal.tables import make_table
from autocalls_async.cli.terminal.words import plain, quote
from autocalls_async.journal import Entry, JournalLockedError, State
from autocalls_async.model.values.masking import mask_phone

if TYPE_CHECKING:
    from rich.table import Table

_MOST_SHOWN = 20

COLUMNS = (
    "key",
    "recipient_phone",
    "state",
    "whatsapp_message_id",
    "attempt_count",
    "added_at",
    "handed_over_at",
    "fell_back",
    "settled_at",
    "error",
    "error_code",
    "detail",
)


def make_sections(path: Path, tally: Tally) -> Iterator["Table"]:
    """Return its states, why messages were not accepted, and the unknown ones."""
    yield _state_table(path, tally)
    if tally.reasons:
        yield _reason_table(tally)
    if tally.unknowns:
        yield _unknown_table(tally)


def show_next_steps(
    path: Path, tally: Tally, holder: JournalLockedError | None, screen: Screen
) -> None:
    """Say who is at work on it, and how to settle its unknowns."""
    if holder is not None or tally.unknowns:
        screen.say()
    if holder is not None:
        who = "another process" if holder.pid is None else f"process {holder.pid}"
        screen.say(f"{who} is at work on it: this is how far it has come")
    if not tally.unknowns:
        return
    more = tally.states[State.UNKNOWN] - min(len(tally.unknowns), _MOST_SHOWN)
    if more:
        command = quote("autocalls", "journal", "export", str(path))
        screen.say(f"and {more:,} more: {command} --state unknown")
    command = quote("autocalls", "journal", "resolve", str(path))
    screen.say(f"to settle them: {command} --all --as accepted (or --as new: again)")


def _state_table(path: Path, tally: Tally) -> "Table":
    columns = ("state", "messages", "share")
    table = make_table(str(path), columns, numbers=columns[1:])
    total = tally.states.total()
    for state in ORDER:
        number = tally.states[state]
        if state is State.IN_FLIGHT and not number:
            continue  # only while a campaign is under way
        style = OUTCOME_STYLES.get(state.value, "") if number else "dim"
        share = f"{number / total:.1%}" if total else "-"
        table.add_row(state.value, f"{number:,}", share, style=style)
    table.add_row("together", f"{total:,}", "", style="bold")
    return table


def _reason_table(tally: Tally) -> "Table":
    columns = ("state", "error", "code", "messages")
    table = make_table("Why not accepted", columns, numbers=("messages",))
    for (state, error, code), number in tally.reasons.most_common(_MOST_SHOWN):
        table.add_row(state.value, plain(error), plain(code) or "-", f"{number:,}")
    return table


def _unknown_table(tally: Tally) -> "Table":
    columns = ("recipient", "handed over", "key")
    table = make_table("Unknown: may have been delivered", columns)
    for entry in tally.unknowns[:_MOST_SHOWN]:
        at = show_instant(entry.handed_over_at)
        # Whole, since `resolve` wants it so.
        table.add_row(mask_phone(entry.recipient_phone), at, plain(entry.key))
    return table


def to_record(
    path: Path, tally: Tally, holder: JournalLockedError | None
) -> dict[str, Any]:
    """Return what programs are told of a journal."""
    return {
        "journal": str(path),
        "in_use": holder is not None,
        "process": holder and holder.pid,
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


def pace_record(report: Report) -> dict[str, Any]:
    """Return what a report says beyond that."""
    return {
        "attempts": report.attempt_count,
        "started_at": report.started_at,
        "ended_at": report.ended_at,
        "active_seconds": report.active_seconds,
        "rate": report.rate,
    }


def entry_record(entry: Entry) -> dict[str, Any]:
    """Return a message by the names in `COLUMNS`, without what it said."""
    record = {name: getattr(entry, name) for name in COLUMNS}
    times = ("added_at", "handed_over_at", "settled_at")
    return record | {name: _iso(record[name]) for name in times}


def _iso(at: datetime | None) -> str | None:
    return None if at is None else at.isoformat()


def to_standard_output(
    screen: Screen, file_format: FileFormat, *, columns: Sequence[str] = COLUMNS
) -> WriteRecord:
    """Begin to write records there."""
    if file_format is FileFormat.JSONL:
        return screen.emit
    if file_format is FileFormat.XLSX:
        msg = "a workbook needs a place of its own: give --out x.xlsx"
        raise ValueError(msg)
    writer = csv.DictWriter(_Lines(screen), columns, lineterminator="")
    writer.writeheader()
    return lambda record: writer.writerow(guard_cells(record))


class _Lines:
    """What a CSV writer writes to."""

    def __init__(self, screen: Screen) -> None:
        self._screen = screen

    def write(self, line: str) -> None:
        self._screen.put_text(line)
