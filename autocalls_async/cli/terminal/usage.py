"""The commands together: their help in panels, and complaints that can be printed."""

from typing import Any

import typer
from typer.core import TyperGroup

from autocalls_async.cli.terminal.guide import arrange
from autocalls_async.cli.terminal.words import printable

# The class above it, which typer names nowhere: it brings click with it, under one
# name or another.
_UsageError: type[Any] = typer.BadParameter.__bases__[0]


class PrintableGroup(TyperGroup):
    """A group of commands whose complaints cannot steer a terminal."""

    def __init__(self, **settings: Any) -> None:  # noqa: ANN401  # typer's
        super().__init__(**settings)
        arrange(self, "")

    def make_context(self, *args: Any, **kwargs: Any) -> Any:  # noqa: ANN401  # typer's
        """Read the words that come before a command."""
        try:
            return super().make_context(*args, **kwargs)
        except _UsageError as error:
            _make_printable(error)
            raise

    def invoke(self, ctx: Any) -> Any:  # noqa: ANN401  # typer's
        """Read the words of a command, and run it."""
        try:
            return super().invoke(ctx)
        except _UsageError as error:
            _make_printable(error)
            raise


def _make_printable(error: BaseException) -> None:
    error.message = printable(error.message)  # type: ignore[attr-defined]  # click's
