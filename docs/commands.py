"""The page of the command line, made from the commands."""

import re
from collections.abc import Iterator
from typing import Any

import typer

from autocalls_async.cli.app import app
from autocalls_async.cli.terminal.guide import EXAMPLES, walk

CONNECTION = "Connection"


def command_page() -> str:
    """Return the commands, with their options and examples."""
    root = typer.main.get_command(app)
    commands = [(name, each) for name, each in walk(root) if name]
    runnable = [(name, each) for name, each in commands if name in EXAMPLES]
    parts = [
        "# The command line",
        _text(root.help),
        _contents(runnable),
        _connection(dict(commands)["send"]),
        *(_section(name, each) for name, each in runnable),
    ]
    return "\n\n".join(parts)


def _text(words: str | None) -> str:
    return re.sub(r"(?<!`)(--[a-z][a-z-]+)(?!`)", r"`\1`", words or "")


def _contents(commands: list[tuple[str, Any]]) -> str:
    rows = (_row(name, command) for name, command in commands)
    return "\n".join(["| command | what it does |", "| --- | --- |", *rows])


def _row(name: str, command: Any) -> str:  # noqa: ANN401  # typer's
    first = (command.help or "").partition("\n\n")[0].replace("\n", " ")
    return f"| [`{name}`](#{name.replace(' ', '-')}) | {_cell(first)} |"


def _connection(command: Any) -> str:  # noqa: ANN401  # typer's
    table = _table(p for p in command.params if _panel(p) == CONNECTION)
    return (
        "## Connection\n\nThese belong to every command that talks to the service.\n\n"
        f"{table}"
    )


def _section(name: str, command: Any) -> str:  # noqa: ANN401  # typer's
    shown = [p for p in command.params if not getattr(p, "hidden", False)]
    if {"api_key"} & {p.name for p in shown}:
        shown = [p for p in shown if _panel(p) != CONNECTION]
    lines = "\n".join(f"autocalls {line}" for line in EXAMPLES[name])
    parts = [f"## {name}", _text(command.help), f"```sh\n{lines}\n```"]
    panels = dict.fromkeys(_panel(p) for p in shown)
    if len(panels) < 4:
        return "\n\n".join([*parts, _table(shown)])
    for panel in panels:
        parts.append(f"**{panel or 'What to do'}**")
        parts.append(_table(p for p in shown if _panel(p) == panel))
    return "\n\n".join(parts)


def _panel(parameter: Any) -> str:  # noqa: ANN401  # typer's
    return getattr(parameter, "rich_help_panel", None) or ""


def _table(parameters: Any) -> str:  # noqa: ANN401  # typer's
    rows = (f"| {_name(p)} | {_meaning(p)} |" for p in parameters)
    return "\n".join(["| option | meaning |", "| --- | --- |", *rows])


def _name(parameter: Any) -> str:  # noqa: ANN401  # typer's
    if parameter.param_type_name == "argument":
        return f"`{(parameter.metavar or parameter.name).upper()}`"
    typed = parameter.metavar if parameter.metavar is not None else "…"
    return f"`{' '.join([parameter.opts[-1], typed]).strip()}`".replace("|", "\\|")


def _meaning(parameter: Any) -> str:  # noqa: ANN401  # typer's
    return _cell(" ".join(_words(parameter)))


def _words(parameter: Any) -> Iterator[str]:  # noqa: ANN401  # typer's
    yield _text(parameter.help)
    if parameter.envvar:
        yield f"Variable: `{parameter.envvar}`."
    default = parameter.default
    if isinstance(default, str | int | float) and not isinstance(default, bool):
        yield f"Default: `{getattr(default, 'value', default)}`."
    if parameter.required and parameter.param_type_name == "option":
        yield "Required."


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("{", "&#123;").replace("<", "&lt;")
