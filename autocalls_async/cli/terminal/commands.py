"""Commands: their help in panels, complaints of one line, their end in a status."""

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NoReturn

import typer
from typer.core import TyperGroup

from autocalls_async.cli.terminal.guide import arrange
from autocalls_async.cli.terminal.words import printable
from autocalls_async.model.later import Later

if TYPE_CHECKING:
    from autocalls_async.cli.terminal import failures as _failures
    from autocalls_async.cli.terminal import screen as _screens
else:
    # a command that only tells about itself draws nothing
    _failures = Later("autocalls_async.cli.terminal.failures")
    _screens = Later("autocalls_async.cli.terminal.screen")

# The class above it, which typer names nowhere: it brings click with it, under one
# name or another.
_UsageError: type[Any] = typer.BadParameter.__bases__[0]

_OPENING = re.compile(r"Invalid value(?: for '([^']*)'(?: \(env var: '[^']*'\))?)?: ")


class PlainGroup(TyperGroup):
    """A group of commands that complain as they fail: in one line, and with 2.

    Typer's own frame of five lines wraps what one wants to copy, leaves out the
    value that was given, and cannot be searched for in a log.
    """

    def __init__(self, **settings: Any) -> None:  # noqa: ANN401  # typer's
        super().__init__(**settings)
        arrange(self, "")

    def make_context(self, *args: Any, **kwargs: Any) -> Any:  # noqa: ANN401  # typer's
        """Read the words that come before a command."""
        try:
            return super().make_context(*args, **kwargs)
        except _UsageError as error:
            raise _complain(error) from None

    def invoke(self, ctx: Any) -> Any:  # noqa: ANN401  # typer's
        """Read the words of a command, and run it."""
        try:
            return super().invoke(ctx)
        except _UsageError as error:
            raise _complain(error) from None


def _complain(error: Any) -> Exception:  # noqa: ANN401  # typer's
    """Say what is wrong with the words, and return what ends the command."""
    if type(error).__name__ == "NoArgsIsHelpError":  # the help is the complaint
        return error  # type: ignore[no-any-return]  # click's
    where = f" ({error.ctx.command_path} -h tells more)" if error.ctx else ""
    typer.echo(f"autocalls: {printable(explain_usage(error))}{where}", err=True)
    return typer.Exit(2)


def explain_usage(error: Any) -> str:  # noqa: ANN401  # typer's
    """Return what is wrong with the words of a command: the value and the rule."""
    found = getattr(error.__cause__, "errors", None)  # pydantic's, of newer typers
    if found is None:
        text = _OPENING.sub(_name_first, error.format_message().removesuffix("."))
        return text[:1].lower() + text[1:]
    first = found()[0]
    what, _, detail = first["msg"].partition(", ")
    if what == "Value error":  # a choice's, which names what it got
        return f"{_source(error)}: {detail.removesuffix('.')}"
    rule = what.removeprefix("Input should be ")
    return f"{_source(error)} must be {rule}; got {first['input']!r}"


def _name_first(opening: re.Match[str]) -> str:
    return f"{opening[1]}: " if opening[1] else ""


def _source(error: Any) -> str:  # noqa: ANN401  # typer's
    """Return where a value came from: the option, or the variable that it fills."""
    source = error.ctx.get_parameter_source(error.param.name)
    if source is not None and source.name == "ENVIRONMENT":
        return str(error.param.envvar)
    return str(error.param.opts[-1] if error.param.opts else error.param.name)


def finish(work: "Callable[[_screens.Screen], int]", *, as_json: bool) -> NoReturn:
    """Do a command's work, and end the process with its status."""
    screen = _screens.Screen(as_json=as_json)
    raise typer.Exit(_failures.guard(lambda: work(screen), screen))
