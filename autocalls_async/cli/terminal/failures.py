"""How a command fails: one clear line, and the right exit status."""

import os
import socket
from collections.abc import Callable
from enum import IntEnum

from autocalls_async.cli.terminal.outcomes import error_record, explain_error
from autocalls_async.cli.terminal.screen import Screen
from autocalls_async.journal import JournalError
from autocalls_async.model.errors import AutocallsError


class Status(IntEnum):
    """What a command's exit status means."""

    OK = 0
    FAILED = 1
    """The service refused or could not be reached, or a message was not accepted."""

    UNUSABLE = 2
    """The input cannot be used: an option, a file, a missing key."""

    INTERRUPTED = 130
    """Ctrl-C; 143 stands for SIGTERM, 129 for SIGHUP."""


class CommandError(Exception):
    """A command cannot go on; the text says why, for the one who gave it."""

    def __init__(self, text: str, *, status: int = Status.UNUSABLE) -> None:
        super().__init__(text)
        self.status = status


def guard(work: Callable[[], int], screen: Screen) -> int:
    """Do a command's work, and turn what goes wrong into a line and a status."""
    try:
        return work()
    except BrokenPipeError:
        return Status.FAILED  # whoever read our output has left
    except KeyboardInterrupt:
        return fail(screen, "interrupted", Status.INTERRUPTED)
    except (AutocallsError, CommandError, OSError, ValueError) as error:
        text, status = _judge(error)
        return fail(screen, text, status, _record(error))


def _judge(error: Exception) -> tuple[str, int]:
    match error:
        case JournalError():
            return str(error), Status.UNUSABLE
        case AutocallsError():
            return explain_error(error), Status.FAILED
        case CommandError():
            return str(error), error.status
        case OSError():
            return (
                f"cannot write standard output: {os_reason(error)}",
                Status.FAILED,
            )
    return str(error), Status.UNUSABLE


def _record(error: Exception) -> dict[str, object] | None:
    known = (error, error.__cause__)
    told = next((e for e in known if isinstance(e, AutocallsError)), None)
    return None if told is None else error_record(told)


def fail(
    screen: Screen, text: str, status: int, record: dict[str, object] | None = None
) -> int:
    """Say why a command failed.

    Returns:
        The exit status.
    """
    screen.warn(f"autocalls: {text}")
    if screen.as_json:
        screen.emit(record or {"outcome": "failed", "detail": text})
    return status


def os_reason(error: OSError) -> str:
    """Return what the system would not do, in its own words: `Permission denied`."""
    if isinstance(error, socket.gaierror):  # its numbers are no system's
        return str(error.strerror)
    return os.strerror(error.errno) if error.errno else str(error)
