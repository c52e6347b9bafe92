"""A program of a user's: a bot on the real client, which answers what is forwarded."""

from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, asynccontextmanager, contextmanager

from aiohttp import web
from anyio.from_thread import start_blocking_portal
from attrs import define, field

from autocalls_async import AutocallsClient
from autocalls_async.emulator import Emulator
from autocalls_async.testing import live
from tests.emulator.page.talking import KEY

SIGNING = "a-secret-that-nobody-shall-see-whole"


@define
class Bot:
    """Echoes each message; receipts are counted, and answered as the test likes."""

    port: int = 0
    receipt_status: int = 204
    receipts: list[dict[str, object]] = field(factory=list)
    ended: list[dict[str, object]] = field(factory=list)
    clients: list[AutocallsClient] = field(factory=list)

    @property
    def url(self) -> str:
        """Where the bot listens."""
        return f"http://127.0.0.1:{self.port}"

    async def take_receipt(self, request: web.Request) -> web.Response:
        """Note a receipt."""
        signature = request.headers["X-Signature-256"]
        self.receipts.append({**await request.json(), "signature": signature})
        return web.Response(status=self.receipt_status)

    async def take_end(self, request: web.Request) -> web.Response:
        """Note a conversation that ended."""
        self.ended.append(await request.json())
        return web.Response(status=204)

    async def take_message(self, request: web.Request) -> web.Response:
        """Answer a customer."""
        event = await request.json()
        [client] = self.clients
        client.windows.note_inbound(
            event["customer_phone"], sender_id=event["sender_id"]
        )
        await client.send_freeform(
            event["customer_phone"],
            f"You wrote: {event['message']}",
            sender_id=event["sender_id"],
        )
        return web.Response(status=204)

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[None]:
        """Take in what is posted to `/inbound`, `/receipts` and `/ended`."""
        app = web.Application()
        app.router.add_post("/inbound", self.take_message)
        app.router.add_post("/receipts", self.take_receipt)
        app.router.add_post("/ended", self.take_end)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", self.port)
        await site.start()
        self.port = runner.addresses[0][1]
        try:
            yield
        finally:
            await runner.cleanup()


@contextmanager
def answered() -> Iterator[tuple[Emulator, Bot]]:
    """Run a sandbox with its page, and a bot in a thread of its own that answers."""
    bot = Bot()
    with start_blocking_portal() as portal, ExitStack() as stack:
        enter = portal.wrap_async_context_manager
        stack.enter_context(enter(bot.listening()))
        emulator = Emulator(
            page=True,
            inbound=f"{bot.url}/inbound",
            webhook=f"{bot.url}/receipts",
            ended=f"{bot.url}/ended",
            webhook_secret=SIGNING,
        )
        stack.enter_context(live(emulator))
        client = portal.call(make_client, emulator.base_url)
        bot.clients.append(stack.enter_context(enter(client)))
        yield emulator, bot


async def make_client(base_url: str) -> AutocallsClient:
    """Make a client where its event loop runs."""
    return AutocallsClient(KEY, base_url=base_url)
