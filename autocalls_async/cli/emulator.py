"""`autocalls emulator`: the simulated service as a process."""

import asyncio
from collections.abc import Coroutine

from autocalls_async.cli.options import Simulation
from autocalls_async.cli.terminal.failures import CommandError, Status, describe
from autocalls_async.cli.terminal.screen import Screen
from autocalls_async.cli.terminal.stopping import Stopping
from autocalls_async.emulator import RateLimit, serve


def run_emulator(simulation: Simulation, screen: Screen) -> int:
    """Serve the emulator until somebody ends it.

    Raises:
        CommandError: It cannot listen there.
    """

    def announce(line: str) -> None:
        _, is_address, base_url = line.partition("listening on ")
        if screen.as_json and is_address:
            screen.emit({"base_url": base_url})
        screen.say(line)

    service = serve(
        announce=announce,
        host=simulation.host,
        port=simulation.port,
        api_key=simulation.api_key,
        rate_limit=RateLimit(simulation.rate_limit),
    )
    try:
        return asyncio.run(_until_stopped(service))
    except OSError as error:
        where = f"{simulation.host}:{simulation.port}"
        msg = f"cannot listen on {where}: {describe(error)}"
        raise CommandError(msg) from error


async def _until_stopped(service: Coroutine[None, None, None]) -> int:
    task = asyncio.create_task(service)

    def stop() -> None:
        task.cancel()

    async with Stopping(stop) as stopping:
        await asyncio.wait([task])
    if not task.cancelled():
        task.result()  # raises what kept it from listening
    return stopping.exit_status or Status.OK
