"""`autocalls emulator replay`: does a bot still answer as it was recorded?"""

import asyncio
from collections.abc import Sequence
from pathlib import Path

from autocalls_async.cli.emulator.options import Address, Inbound
from autocalls_async.cli.emulator.stands import inbound_options
from autocalls_async.cli.terminal.failures import CommandError, Status, os_reason
from autocalls_async.cli.terminal.screen import Screen
from autocalls_async.cli.terminal.words import count
from autocalls_async.emulator import Replayed, Stand


def replay_record(
    path: Path,
    inbound: Inbound,
    address: Address,
    screen: Screen,
    *,
    timeout: float,
    ignore: Sequence[str],
) -> int:
    """Hold a recorded talk once more.

    Returns:
        The exit status: 0 only if the bot answered as it did.

    Raises:
        CommandError: The file or the address can't be used.
        ValueError: An option or the record can't be used.
    """
    if inbound.inbound is None:
        msg = "--inbound is needed: where your bot takes customers' messages"
        raise ValueError(msg)
    stand = Stand(
        host=address.host, port=address.port, sandbox=inbound_options(inbound)
    )
    emulator = stand.make()

    async def play() -> Replayed:
        async with emulator:
            screen.say(f"replaying {path}; the bot is to send to {emulator.base_url}")
            return await emulator.replay(path, timeout=timeout, ignore=ignore)

    try:
        replayed = asyncio.run(play())
    except OSError as error:
        where = error.filename or f"{address.host}:{address.port}"
        msg = f"cannot use {where}: {os_reason(error)}"
        raise CommandError(msg) from error
    return _tell(replayed, screen)


def _tell(replayed: Replayed, screen: Screen) -> int:
    messages = count(replayed.message_count, "message")
    if screen.as_json:
        screen.emit(
            {
                "same": replayed.is_same,
                "messages": replayed.message_count,
                "diffs": list(replayed.diffs),
            }
        )
    for diff in replayed.diffs:
        screen.say(diff)
    if replayed.is_same:
        screen.say(f"The bot answered as recorded: {messages}.")
        return Status.OK
    threads = count(len(replayed.diffs), "thread")
    screen.say(f"The bot answered otherwise in {threads}.")
    return Status.FAILED
