"""A bot that answers at once, while a campaign runs on the same account.

    AUTOCALLS_API_KEY='1|...' AUTOCALLS_SENDER_ID=12 \
        python examples/bot.py numbers.txt 46

`numbers.txt` has one recipient a line; each gets template 46 in the bulk lane.
Replies are interactive: each waits behind at most one message of the campaign.

The API documents no webhook for inbound messages; let an automation flow post
them to `http://<this host>:8080/inbound` with these fields:

    {"recipient_phone": "+14155550123", "message": "Are you open?"}
"""

import asyncio
import logging
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from aiohttp import web

from autocalls_async import (
    Accepted,
    AutocallsClient,
    AutocallsError,
    FreeformMessage,
    Run,
    RunStoppedError,
    TemplateMessage,
    UnknownOutcomeError,
)

log = logging.getLogger("bot")


async def answer(client: AutocallsClient, reply: FreeformMessage) -> None:
    """Write back; whatever fails is for a person to look at."""
    try:
        await client.send(reply)
    except UnknownOutcomeError as error:
        log.warning("not repeated, as it may have arrived: %s", error)
    except AutocallsError as error:
        log.warning("not answered: %s", error)


@asynccontextmanager
async def listening(client: AutocallsClient, *, port: int) -> AsyncIterator[None]:
    """Take inbound messages in, and answer each in a task of its own."""

    async def take(request: web.Request) -> web.Response:
        event = await request.json()
        try:
            reply = FreeformMessage(
                recipient_phone=str(event["recipient_phone"]),
                message=f"You wrote: {str(event['message'])[:4000]}",
            )
        except ValueError as error:
            raise web.HTTPUnprocessableEntity(text=str(error)) from error
        # They have just written: free text needs no check for 24 hours.
        client.windows.note_inbound(reply.recipient_phone)
        # Tasks begin in the order of their making, and the client keeps it:
        # two questions of one recipient are answered in their order.
        replies.create_task(answer(client, reply))
        return web.json_response({"taken": True})

    app = web.Application()
    app.router.add_post("/inbound", take)
    runner = web.AppRunner(app)
    await runner.setup()
    async with asyncio.TaskGroup() as replies:
        try:
            await web.TCPSite(runner, "127.0.0.1", port).start()
            yield
        finally:
            await runner.cleanup()


def read_announcements(path: str, template_id: int) -> list[TemplateMessage]:
    """Make every message before the first is sent, so that a bad line shows now."""
    lines = Path(path).read_text(encoding="utf-8").split()
    return [TemplateMessage(recipient_phone=p, template_id=template_id) for p in lines]


async def announce(run: Run) -> None:
    """Tell the log which message was not accepted, and why."""
    try:
        async for outcome in run:
            if not isinstance(outcome, Accepted):
                log.warning("%s", outcome.error)
    except RunStoppedError as error:
        log.warning("%s", error)


async def main(argv: list[str]) -> None:
    """Run the campaign and the bot until SIGTERM or Ctrl-C."""
    messages = read_announcements(argv[0], int(argv[1]))
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    port = int(os.environ.get("PORT", "8080"))
    async with AutocallsClient.from_env() as client:
        run = client.send_many(messages)
        async with asyncio.TaskGroup() as tasks, listening(client, port=port):
            tasks.create_task(announce(run))
            await stop.wait()
            run.stop()
    print(f"campaign: {run.progress.accepted} of {len(messages)} accepted")


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO)
    asyncio.run(main(sys.argv[1:]))
