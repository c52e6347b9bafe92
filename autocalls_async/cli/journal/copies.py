"""`autocalls journal copy` and `adopt`: copies that hold all, and others taken over."""

import sys
from datetime import UTC, datetime
from pathlib import Path

from autocalls_async.cli.journal.commands import confirm
from autocalls_async.cli.terminal.failures import CommandError, Status, os_reason
from autocalls_async.cli.terminal.screen import Screen
from autocalls_async.cli.terminal.words import count, quote
from autocalls_async.journal.storage.copying import adopt, copy_journal


def copy_whole(journal: Path, copy: Path, screen: Screen) -> int:
    """Copy a journal, whoever has it.

    Raises:
        CommandError: The copy cannot be written there.
        JournalError: There is no journal, or it cannot be read.
    """
    try:
        was_open = copy_journal(journal, copy)
    except FileExistsError:
        msg = f"{copy} exists already: name another file"
        raise CommandError(msg) from None
    except OSError as error:
        msg = f"cannot write {copy}: {os_reason(error)}"
        raise CommandError(msg, status=Status.FAILED) from error
    screen.say(f"journal {journal} copied to {copy}")
    if was_open:
        command = quote("autocalls", "journal", "adopt", str(copy))
        screen.offer(
            "it was not closed, and may go on; before anything is sent by the copy",
            command,
        )
    return Status.OK


def adopt_copy(journal: Path, screen: Screen, *, as_unknown: bool, yes: bool) -> int:
    """Take a copy for a journal of its own.

    Raises:
        CommandError: The user said no.
        JournalError: It is whole, or cannot be used.
    """
    if not yes and sys.stdin.isatty():
        question = (
            "Send nothing of it until what may have been sent is resolved?"
            if as_unknown
            else "Send by it? Whoever was sent a message since gets it twice."
        )
        confirm(question)
    adopted = adopt(journal, at=datetime.now(UTC), as_unknown=as_unknown)
    lost = count(adopted.lost_count, "message")
    screen.say(f"journal {journal} adopted; {lost} in flight then, now unknown")
    if as_unknown:
        doubted = count(adopted.doubted_count, "message")
        screen.say(f"{doubted} that may have been sent since, now unknown")
        shown = quote("autocalls", "journal", "resolve", str(journal))
        screen.offer("to send them after all", f"{shown} --all --as new")
    return Status.OK
