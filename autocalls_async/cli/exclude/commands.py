"""What the commands of `autocalls exclude` do."""

from collections.abc import Sequence
from pathlib import Path

from autocalls_async.cli.terminal.failures import CommandError, Status
from autocalls_async.cli.terminal.screen import Screen
from autocalls_async.cli.terminal.words import count, plain
from autocalls_async.journal.exclusions import ExclusionList
from autocalls_async.model.checks import check_phone


def add_excluded(
    path: Path, phones: Sequence[str], reason: str | None, screen: Screen
) -> int:
    """Add numbers: all, or none where one is unusable.

    Raises:
        ValueError: One is no number in E.164.
        JournalError: The list cannot be used.
    """
    for phone in phones:
        check_phone("PHONE", phone)
    with ExclusionList(path) as exclusions:
        added = sum([exclusions.add(phone, reason=reason) for phone in phones])
        total = len(exclusions)
    if screen.as_json:
        screen.emit({"added": added, "excluded": total})
    screen.say(f"{count(added, 'number')} added; {total:,} in {path}")
    return Status.OK


def remove_excluded(path: Path, phones: Sequence[str], screen: Screen) -> int:
    """Remove numbers: all, or none where one is unusable.

    Raises:
        CommandError: There is no such list.
        ValueError: One is no number in E.164.
        JournalError: The list cannot be used.
    """
    _check_is_there(path)
    for phone in phones:
        check_phone("PHONE", phone)
    with ExclusionList(path) as exclusions:
        removed = sum([exclusions.remove(phone) for phone in phones])
        total = len(exclusions)
    if screen.as_json:
        screen.emit({"removed": removed, "excluded": total})
    screen.say(f"{count(removed, 'number')} taken off; {total:,} in {path}")
    return Status.OK


def list_excluded(path: Path, screen: Screen) -> int:
    """Show all, the oldest first.

    Raises:
        CommandError: There is no such list.
        JournalError: The list cannot be used.
    """
    _check_is_there(path)
    with ExclusionList(path) as exclusions:
        for one in exclusions:
            at = f"{one.added_at:%Y-%m-%d %H:%M}"
            if screen.as_json:
                screen.emit(
                    {"phone": one.phone, "added_at": one.added_at, "reason": one.reason}
                )
            else:
                screen.put_text(
                    f"{one.phone}  {at}  {plain(one.reason or '')}".rstrip()
                )
    return Status.OK


def _check_is_there(path: Path) -> None:
    if not path.is_file():
        msg = f"there is no {path}: `autocalls exclude add` makes it"
        raise CommandError(msg)
