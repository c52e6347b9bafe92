"""`autocalls emulator`: the simulated service as a process."""

import asyncio
import webbrowser
from collections.abc import Coroutine, Sequence

from autocalls_async.cli.emulator.options import Simulation
from autocalls_async.cli.emulator.stands import make_stand
from autocalls_async.cli.terminal.failures import CommandError, Status, os_reason
from autocalls_async.cli.terminal.screen import Screen
from autocalls_async.cli.terminal.stopping import Stopping
from autocalls_async.emulator import Customer, Emulator, serve

# What a program can use where any key is let in.
_ANY_KEY = "1|any-key"


def run_emulator(simulation: Simulation, screen: Screen) -> int:
    """Serve the emulator until somebody ends it.

    Raises:
        CommandError: It cannot listen there, or a file can't be used.
        ValueError: An option can't be used.
    """
    api_key = simulation.account.api_key or _ANY_KEY

    def ready(emulator: Emulator, customers: Sequence[Customer]) -> None:
        if screen.as_json:
            screen.emit(_describe(emulator, api_key))
        _announce(emulator, customers, screen, api_key)
        if simulation.open:
            webbrowser.open(emulator.page_url)

    try:
        stand = make_stand(simulation)
        return asyncio.run(until_stopped(serve(stand, ready, save=simulation.save)))
    except OSError as error:
        raise CommandError(explain_start(error, simulation)) from error


def explain_start(error: OSError, simulation: Simulation) -> str:
    """Return which file, or which address, could not be used."""
    address = simulation.address
    if error.filename is not None:
        return f"cannot use {error.filename}: {os_reason(error)}"
    where = f"{address.host}:{address.port}"
    return f"cannot listen on {where}: {os_reason(error)}; --port 0 takes a free one"


async def until_stopped(service: Coroutine[None, None, None]) -> int:
    """Let something go on until it is told to end, and return the exit status."""
    task = asyncio.create_task(service)

    def stop() -> None:
        task.cancel()

    async with Stopping(stop) as stopping:
        await asyncio.wait([task])
    if not task.cancelled():
        task.result()  # raises what kept it from listening
    return stopping.exit_status or Status.OK


def _describe(emulator: Emulator, api_key: str) -> dict[str, str | None]:
    return {
        "page": emulator.page_url,
        "base_url": emulator.base_url,
        "control": f"{emulator.page_url}_sandbox/v1",
        "api_key": api_key,
        "webhook_secret": emulator.webhook_secret,
    }


def _announce(
    emulator: Emulator, customers: Sequence[Customer], screen: Screen, api_key: str
) -> None:
    screen.say(f"page      {emulator.page_url}")
    screen.say(f"base URL  {emulator.base_url}")
    if emulator.webhook_secret is not None:
        screen.say(f"secret    {emulator.webhook_secret}  (signs the receipts)")
    screen.say()
    screen.say("senders 12 and 15; templates 45, 46 and 47 (pending)")
    for customer in customers[:_SHOWN]:
        screen.say(f"{customer.recipient_phone}  {_describe_window(customer)}")
    if len(customers) > _SHOWN:
        screen.say(f"and {len(customers) - _SHOWN} more customers")
    screen.say()
    screen.say("In the shell of your program:")
    for name, value in (
        ("AUTOCALLS_BASE_URL", emulator.base_url),
        ("AUTOCALLS_API_KEY", f"'{api_key}'"),
        ("AUTOCALLS_SENDER_ID", "12"),
    ):
        screen.say(f"export {name}={value}")


_SHOWN = 12


def _describe_window(customer: Customer) -> str:
    match customer.seconds_remaining:
        case None:
            return "has never written"
        case 0.0:
            return "window closed"
        case seconds:
            minutes = int(seconds // 60)
            return f"window open for {minutes // 60} h {minutes % 60:02d} min"
