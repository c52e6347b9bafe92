"""`autocalls journal show`: what a journal holds, without what tells of receipts."""

from pathlib import Path

from autocalls_async.cli.journal.tally import Tally
from autocalls_async.cli.journal.views import (
    make_sections,
    show_next_steps,
    to_record,
)
from autocalls_async.cli.terminal.failures import Status
from autocalls_async.cli.terminal.screen import Screen
from autocalls_async.journal import JournalLockedError
from autocalls_async.journal.storage.reading import JournalReader


def show(path: Path, screen: Screen) -> int:
    """Show what a journal holds.

    Raises:
        JournalError: There is none, or it cannot be read.
    """
    tally, holder = read_journal(path, screen)
    if screen.as_json:
        screen.emit(to_record(path, tally, holder))
        return Status.OK
    screen.show(*make_sections(path, tally))
    show_next_steps(path, tally, holder, screen)
    return Status.OK


def read_journal(path: Path, screen: Screen) -> tuple[Tally, JournalLockedError | None]:
    """Count a journal's entries beside its owner, and say who that is."""
    tally = Tally()
    with JournalReader(path) as journal:
        tell_doubt(journal, screen)
        for entry in journal.entries():
            tally.add(entry)
    return tally, journal.holder


def tell_doubt(journal: JournalReader, screen: Screen) -> None:
    """Say where a journal may lack what was sent."""
    if journal.doubt is not None:
        screen.warn(f"autocalls: {journal.doubt}")
