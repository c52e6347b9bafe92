"""How a command ends: in its exit status."""

from collections.abc import Callable
from typing import TYPE_CHECKING, NoReturn

import typer

if TYPE_CHECKING:
    from autocalls_async.cli.terminal.screen import Screen


def finish(work: Callable[["Screen"], int], *, as_json: bool) -> NoReturn:
    """Do a command's work, and end the process with its status."""
    # A command that only tells about itself draws nothing.
    from autocalls_async.cli.terminal.failures import guard  # noqa: PLC0415
    from autocalls_async.cli.terminal.screen import Screen  # noqa: PLC0415

    screen = Screen(as_json=as_json)
    raise typer.Exit(guard(lambda: work(screen), screen))
