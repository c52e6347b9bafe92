"""The commands of `autocalls cluster`; each imports what it needs in its body."""

from importlib.util import find_spec
from typing import Annotated

import typer

from autocalls_async.cli.cluster import options
from autocalls_async.cli.options import Json
from autocalls_async.cli.terminal.commands import finish
from autocalls_async.cli.terminal.spread import spread

cluster_app: typer.Typer = typer.Typer(
    no_args_is_help=True,
)
unknown_app: typer.Typer = typer.Typer(
    no_args_is_help=True, help="Messages of which nobody knows if they were delivered."
)
cluster_app.add_typer(unknown_app, name="unknown")


@cluster_app.callback()
def need_extra() -> None:
    """Send from many processes through one PostgreSQL; `autocalls worker` sends."""
    missing = [name for name in ("procrastinate", "psycopg") if not _is_there(name)]
    if missing:
        text = f"{missing[0]} is missing: pip install 'autocalls-async[cluster]'"
        typer.echo(f"autocalls: {text}", err=True)
        raise typer.Exit(2)


def _is_there(name: str) -> bool:
    try:
        return find_spec(name) is not None
    except ValueError:  # its place in sys.modules is taken by nothing
        return False


_ALL = typer.Option(help="Only this account's.")


@cluster_app.command("migrate")
@spread
def migrate_command(place: options.SharedTable, *, json: Json = False) -> None:
    """Make the schema `autocalls`, or bring it up to date. Safe to repeat."""
    from autocalls_async.cli.cluster.commands import migrate_database

    finish(lambda screen: migrate_database(place, screen), as_json=json)


@cluster_app.command("status")
@spread
def cluster_status_command(place: options.SharedTable, *, json: Json = False) -> None:
    """Show the workers, who holds which account, and what waits."""
    from autocalls_async.cli.cluster.commands import show_cluster

    finish(lambda screen: show_cluster(place, screen), as_json=json)


@cluster_app.command("add")
@spread
def add_command(
    account: options.Account, *, place: options.SharedTable, json: Json = False
) -> None:
    """Make an account known. Its API key is the workers' alone."""
    from autocalls_async.cli.cluster.commands import add

    finish(lambda screen: add(place, account, screen), as_json=json)


@cluster_app.command("pause")
@spread
def pause_command(
    account: options.Account,
    *,
    place: options.SharedTable,
    why: Annotated[str, typer.Option(help="Told to who sends.")] = "a user paused it",
    json: Json = False,
) -> None:
    """Have nobody send for an account until `resume`."""
    from autocalls_async.cli.cluster.commands import pause

    finish(lambda screen: pause(place, account, why, screen), as_json=json)


@cluster_app.command("resume")
@spread
def resume_command(
    account: options.Account, *, place: options.SharedTable, json: Json = False
) -> None:
    """Let an account's messages go on."""
    from autocalls_async.cli.cluster.commands import resume

    finish(lambda screen: resume(place, account, screen), as_json=json)


@cluster_app.command("send")
@spread
def cluster_send_command(handing: options.Handing, *, json: Json = False) -> None:
    """Hand a file of messages over to the workers. Every row is checked first."""
    from autocalls_async.cli.cluster.sending import hand_over

    finish(lambda screen: hand_over(handing, screen), as_json=json)


@cluster_app.command("demo")
def cluster_demo_command(
    *, json: Json = False, messages: options.DemoMessages = 40
) -> None:
    """Watch three workers, one of which is killed: on this machine, in a minute.

    It makes a PostgreSQL server of its own in a temporary folder, where its programs
    are on the machine, and a simulated service. Exit status 0 only if the books agree.
    """
    from autocalls_async.cli.cluster.demo import demonstrate

    finish(lambda screen: demonstrate(messages, screen), as_json=json)


@unknown_app.command("list")
@spread
def list_command(
    place: options.SharedTable,
    *,
    account: Annotated[str | None, _ALL] = None,
    json: Json = False,
) -> None:
    """List the unknown messages, with when they were handed over."""
    from autocalls_async.cli.cluster.commands import list_unknown

    finish(lambda screen: list_unknown(place, account, screen), as_json=json)


@unknown_app.command("resolve")
@spread
def resolve_command(wanted: options.Resolving, *, json: Json = False) -> None:
    """Settle unknown messages: as accepted, or as new, to be sent again."""
    from autocalls_async.cli.cluster.commands import resolve

    finish(lambda screen: resolve(wanted, screen), as_json=json)
