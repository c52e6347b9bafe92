"""The commands of `autocalls emulator`; each imports what it needs in its body."""

import typer

from autocalls_async.cli.emulator import options
from autocalls_async.cli.options import Json
from autocalls_async.cli.terminal.commands import PlainGroup, finish
from autocalls_async.cli.terminal.spread import spread

emulator_app: typer.Typer = typer.Typer(cls=PlainGroup, invoke_without_command=True)


@emulator_app.callback()
@spread
def emulator_command(
    context: typer.Context, *, simulation: options.Simulation, json: Json = False
) -> None:
    """Serve a simulated service with a page to look into it, until Ctrl-C.

    In the page one writes as the customer and watches the replies, the 24-hour
    window, receipts and limits; clock, faults and account can be turned, there and
    by HTTP. Nothing leaves this machine but what goes to the URLs given here.
    """
    if context.invoked_subcommand is not None:
        return
    from autocalls_async.cli.emulator.serving import run_emulator

    finish(lambda screen: run_emulator(simulation, screen), as_json=json)


@emulator_app.command("replay")
@spread
def replay_command(
    record: options.RecordFile,
    *,
    inbound: options.Inbound,
    address: options.Address,
    timeout: options.ReplyTimeout = 10.0,
    ignore: options.Ignore = None,
    json: Json = False,
) -> None:
    """Hold a recorded talk once more, and compare what your bot answers.

    Its customers write to --inbound again; the bot answers to the address given
    here. Exit status 1 and a diff if it answers otherwise.
    """
    from autocalls_async.cli.emulator.replaying import replay_record

    finish(
        lambda screen: replay_record(
            record, inbound, address, screen, timeout=timeout, ignore=ignore or ()
        ),
        as_json=json,
    )
