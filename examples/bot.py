"""A bot that answers at once, while a campaign runs on the same account.

    AUTOCALLS_API_KEY='1|...' AUTOCALLS_SENDER_ID=12 AUTOCALLS_WEBHOOK_SECRETS=... \
        AUTOCALLS_INBOUND_TOKEN=... python examples/bot.py numbers.txt 46

`numbers.txt` has one recipient a line; each gets template 46 in the bulk lane.
Replies are interactive: each waits behind at most one message of the campaign.

The service posts receipts to `http://<this host>:8080/hooks/receipts`. It has no
webhook for inbound messages; let an automation flow post them to `/hooks/inbound`, with
`Authorization: Bearer <the token>` and these fields:

    {"phone": "+14155550123", "text": "Are you open?", "sender_id": 12}

Where the sender's own assistant is on, people are answered twice: switch it off in the
panel, or with `client.conversations.disable_ai()`.
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
    Deliveries,
    ExclusionList,
    Run,
    RunStoppedError,
    TemplateMessage,
    UnknownOutcomeError,
)
from autocalls_async.webhooks import (
    Chat,
    InboundMessage,
    MessageStatus,
    Receiver,
    Webhooks,
    aiohttp_routes,
)

log = logging.getLogger("bot")


def make_hooks(client: AutocallsClient, stopped: ExclusionList) -> Webhooks:
    """Say what the bot does when something comes."""
    token = os.environ["AUTOCALLS_INBOUND_TOKEN"]
    hooks = Webhooks(Receiver.from_env(), client, inbound_token=token)

    @hooks.on_message  # at most once, and one person's messages in their order
    async def answer(event: InboundMessage, chat: Chat) -> None:
        if event.text.strip().lower() == "stop":
            stopped.add(event.phone, reason="wrote stop")
        try:
            await chat.send(f"You wrote: {event.text[:4000]}")
        except UnknownOutcomeError as error:
            log.warning("not repeated, as it may have arrived: %s", error)
        except AutocallsError as error:
            log.warning("not answered: %s", error)

    @hooks.on_status("failed", "undelivered")
    async def failed(event: MessageStatus) -> None:
        log.warning(
            "message %d failed: %s", event.whatsapp_message_id, event.error_code
        )

    return hooks


@asynccontextmanager
async def listening(hooks: Webhooks, *, port: int) -> AsyncIterator[None]:
    """Take webhooks in; what was left when the bot last ended is handled first."""
    app = web.Application()
    app.router.add_routes(aiohttp_routes(hooks))
    runner = web.AppRunner(app)
    await runner.setup()
    try:
        await hooks.start()
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
    deliveries = Deliveries("receipts.db")
    with ExclusionList("exclusions.db") as stopped:
        await serve(messages, deliveries, stopped, stop, port=port)


async def serve(
    messages: list[TemplateMessage],
    deliveries: Deliveries,
    stopped: ExclusionList,
    stop: asyncio.Event,
    *,
    port: int,
) -> None:
    """Run both until somebody says stop."""
    async with AutocallsClient.from_env(deliveries=deliveries) as client:
        run = client.send_many(messages, exclude=stopped)
        hooks = make_hooks(client, stopped)
        async with asyncio.TaskGroup() as tasks, listening(hooks, port=port):
            tasks.create_task(announce(run))
            await stop.wait()
            run.stop()
    print(f"campaign: {run.progress.accepted} of {len(messages)} accepted")


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO)
    asyncio.run(main(sys.argv[1:]))
