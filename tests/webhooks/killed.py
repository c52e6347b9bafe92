"""A receiver in a process of its own, which is killed where its caller says.

    python -m tests.webhooks.killed FILE LOG WHERE NUMBER

It goes on with what was left, takes one receipt and one inbound message in, and is
killed "before" their handlers, "in" them, or "never".
"""

import asyncio
import os
import signal
import sys
from pathlib import Path

from autocalls_async import AutocallsClient, Deliveries
from autocalls_async.webhooks import (
    Chat,
    InboundMessage,
    MessageStatus,
    Receiver,
    Webhooks,
)
from autocalls_async.webhooks.handlers.workshop import Workshop
from tests.webhooks.bodies import SECRET, SENDER, inbound, receipt, signed

TOKEN = "token-of-nobody"  # noqa: S105  # as it says


def die() -> None:
    """End as a kill does."""
    os.kill(os.getpid(), signal.SIGKILL)


class Log:
    """What handlers did: it survives."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def write(self, *words: object) -> None:
        """Write a line, for good."""
        with self._path.open("a") as file:
            file.write(" ".join(map(str, words)) + "\n")
            file.flush()
            os.fsync(file.fileno())

    def has(self, *words: object) -> bool:
        """Whether there is such a line."""
        is_there = self._path.exists()
        return is_there and " ".join(map(str, words)) in self._path.read_text().split(
            "\n"
        )


def make_hooks(client: AutocallsClient, log: Log, where: str) -> Webhooks:
    """Make a receiver whose handlers die at their first run."""
    hooks = Webhooks(Receiver(SECRET), client, inbound_token=TOKEN)

    @hooks.on_status()
    async def status(event: MessageStatus) -> None:
        is_first = not log.has("status", event.whatsapp_message_id)
        log.write("status", event.whatsapp_message_id)
        if where == "in status" and is_first:
            die()
        log.write("status done", event.whatsapp_message_id)

    @hooks.on_message
    async def message(event: InboundMessage, _: Chat) -> None:
        log.write("message", event.text)
        if where == "in message":
            die()
        log.write("message done", event.text)

    return hooks


async def main(file: str, log: Log, where: str, number: int) -> None:
    """Go on with what was left, take two events in, and maybe die."""
    async with AutocallsClient(
        "1|key",
        base_url="http://127.0.0.1:9/api",
        sender_id=SENDER,
        deliveries=Deliveries(file),
    ) as client:
        hooks = make_hooks(client, log, where)
        # What was left is handled to its end first: it dies at the new ones alone.
        await hooks.start()
        await asyncio.sleep(0.2)
        if where == "before":
            Workshop.begin = lambda *_: die()  # type: ignore[method-assign]  # a kill
        if number and where != "in message":
            raw = receipt(number, "delivered")
            await hooks.handle("/hooks/receipts", signed(raw), raw)
        if number and where != "in status":
            bearer = {"Authorization": f"Bearer {TOKEN}"}
            await hooks.handle("/hooks/inbound", bearer, inbound(str(number)))
        await asyncio.sleep(1)
        for one in await hooks.unfinished():
            log.write("unfinished", one.message.text)


if __name__ == "__main__":
    asyncio.run(
        main(sys.argv[1], Log(Path(sys.argv[2])), sys.argv[3], int(sys.argv[4]))
    )
