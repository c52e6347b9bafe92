"""The commands of `autocalls exclude`; each imports what it needs in its body."""

from pathlib import Path
from typing import Annotated

import typer

from autocalls_async.cli.options import Json
from autocalls_async.cli.terminal.commands import finish

exclude_app: typer.Typer = typer.Typer(
    no_args_is_help=True,
    help="Keep the list of those who must get nothing more: `bulk --exclude FILE`.",
)

Phones = Annotated[
    list[str], typer.Argument(metavar="PHONE...", help="E.164, such as +14155550123.")
]
List = Annotated[Path, typer.Option(metavar="FILE", help="The list, or where to be.")]
Reason = Annotated[str | None, typer.Option(metavar="TEXT", help="Why; kept beside.")]
_LIST = Path("exclusions.db")


@exclude_app.command("add")
def exclude_add_command(
    phones: Phones, *, file: List = _LIST, reason: Reason = None, json: Json = False
) -> None:
    """Add numbers, for good; the list is made where there is none."""
    from autocalls_async.cli.exclude.commands import add_excluded

    finish(lambda screen: add_excluded(file, phones, reason, screen), as_json=json)


@exclude_app.command("remove")
def exclude_remove_command(
    phones: Phones, *, file: List = _LIST, json: Json = False
) -> None:
    """Remove numbers from the list."""
    from autocalls_async.cli.exclude.commands import remove_excluded

    finish(lambda screen: remove_excluded(file, phones, screen), as_json=json)


@exclude_app.command("list")
def exclude_list_command(*, file: List = _LIST, json: Json = False) -> None:
    """Show who is on the list, with whole numbers: it is data."""
    from autocalls_async.cli.exclude.commands import list_excluded

    finish(lambda screen: list_excluded(file, screen), as_json=json)
