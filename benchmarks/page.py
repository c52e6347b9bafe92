"""How quick the sandbox's page is: `python -m benchmarks.page`, with Chromium.

- *Reply*: a person types and presses Enter; a bot on the real client gets the
  message, and answers; the time until its reply is on the screen. Median of 20.
- *Crowd*: 20,000 messages in 2,000 chats; the time from asking for the page until
  it is live and shows chats, that of a search, each until it is painted, and the
  longest task of the page's thread under 100 messages a second for 10 s.
- *Tabs*: how many of 20 tabs of one browser are live, and get a message.

Times are of the page's own clock. Whatever else the machine does is in them.
"""

import json
import shutil
import statistics
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from aiohttp import web
from anyio.from_thread import start_blocking_portal
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from autocalls_async import AutocallsClient
from autocalls_async.emulator import Emulator
from autocalls_async.testing import live

ROUNDS = 20
CHATS, EACH = 2_000, 10
LOAD_SECONDS, LOAD_RATE = 10, 100
TABS = 20
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
WATCH_TASKS = """
window.tasks = [];
new PerformanceObserver((list) => {
  for (const task of list.getEntries()) window.tasks.push(Math.round(task.duration));
}).observe({ type: "longtask", buffered: true });
"""
# From a change until what follows from it was painted.
SEARCH = """async (text) => {
  const field = document.querySelector(".search input");
  const begun = performance.now();
  field.value = text;
  field.dispatchEvent(new Event("input", { bubbles: true }));
  await new Promise((done) => requestAnimationFrame(() => setTimeout(done)));
  return performance.now() - begun;
}"""
# From Enter to the reply's bubble, seen by whoever watches the page change.
TYPE = """(text) => new Promise((done) => {
  const field = document.querySelector(".composer textarea");
  const reply = `You wrote: ${text}`;
  const isThere = () => [...document.querySelectorAll(".bubble.business .text")]
    .some((one) => one.textContent === reply);
  field.value = text;
  field.dispatchEvent(new Event("input", { bubbles: true }));
  setTimeout(() => {
    const begun = performance.now();
    new MutationObserver((_, watcher) => {
      if (!isThere()) return;
      watcher.disconnect();
      requestAnimationFrame(() => setTimeout(() => done(performance.now() - begun)));
    }).observe(document.body, { childList: true, subtree: true });
    field.dispatchEvent(new KeyboardEvent("keydown", { key: "Enter", bubbles: true }));
  }, 150);
})"""


def site(emulator: Emulator) -> str:
    """Return where the page is."""
    return emulator.base_url.removesuffix("api")


def fresh(browser: Browser) -> BrowserContext:
    """Open a browser's window that remembers nothing."""
    return browser.new_context(viewport={"width": 1400, "height": 860})


def open_page(context: BrowserContext, emulator: Emulator) -> Page:
    """Open the page, and wait until it is live and shows a chat."""
    page = context.new_page()
    page.add_init_script(WATCH_TASKS)
    page.goto(site(emulator))
    page.wait_for_selector(".link.live")
    page.wait_for_selector(".chat")
    return page


@contextmanager
def answered() -> Iterator[Emulator]:
    """Run a sandbox, and an echo bot on the real client in a thread of its own."""
    clients: list[AutocallsClient] = []

    async def take(request: web.Request) -> web.Response:
        event = await request.json()
        phone, sender = event["customer_phone"], event["sender_id"]
        clients[0].windows.note_inbound(phone, sender_id=sender)
        text = f"You wrote: {event['message']}"
        await clients[0].send_freeform(phone, text, sender_id=sender)
        return web.Response(status=204)

    async def serve() -> tuple[web.AppRunner, int]:
        app = web.Application()
        app.router.add_post("/inbound", take)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        return runner, int(runner.addresses[0][1])

    async def make_client(base_url: str) -> AutocallsClient:
        return AutocallsClient("1|key", base_url=base_url)

    with start_blocking_portal() as portal, ExitStack() as stack:
        runner, port = portal.call(serve)
        stack.callback(portal.call, runner.cleanup)
        inbound = f"http://127.0.0.1:{port}/inbound"
        emulator = stack.enter_context(live(Emulator(page=True, inbound=inbound)))
        client = portal.call(make_client, emulator.base_url)
        entered = portal.wrap_async_context_manager(client)
        clients.append(stack.enter_context(entered))
        yield emulator


def measure_reply(browser: Browser) -> dict[str, float]:
    """Return the milliseconds from Enter to the bot's reply on the screen."""
    with answered() as emulator:
        emulator.customer_writes("+14155550123", name="Ana Lima")
        page = open_page(fresh(browser), emulator)
        page.locator(".chat").click()
        page.wait_for_selector(".composer")
        # At most five a second are let in: the first is not held up by one before.
        taken = []
        for number in range(ROUNDS):
            taken.append(page.evaluate(TYPE, f"message {number}"))
            time.sleep(0.25)
        page.context.close()
    return {
        "median": statistics.median(taken),
        "least": min(taken),
        "most": max(taken),
    }


def crowded() -> Emulator:
    """Return a sandbox in which many have written."""
    emulator = Emulator(page=True, keep=CHATS * EACH)
    for each in range(EACH):
        for at in range(CHATS):
            phone, text = f"+1415556{at:04d}", f"message {each} of {at}"
            emulator.customer_writes(phone, name=f"Customer {at}", text=text)
    return emulator


def load(emulator: Emulator) -> float:
    """Let many write, at an even pace; return how many did, a second."""
    begun = time.monotonic()
    total = LOAD_SECONDS * LOAD_RATE
    for number in range(total):
        phone = f"+1415556{number * 7 % CHATS:04d}"
        emulator.customer_writes(phone, text=f"load {number}")
        time.sleep(max(0.0, begun + (number + 1) / LOAD_RATE - time.monotonic()))
    return total / (time.monotonic() - begun)


def measure_crowd(browser: Browser) -> dict[str, object]:
    """Return how the page does with many chats and messages."""
    with live(crowded()) as emulator:
        page = open_page(fresh(browser), emulator)
        alive = page.evaluate("performance.now()")
        page.wait_for_timeout(2000)
        at_start = page.evaluate("window.tasks.splice(0)")
        searches = {
            text: page.evaluate(SEARCH, text)
            for text in ("Customer 1234", "message 3 of 777", "message", "nobody")
        }
        page.evaluate(SEARCH, "")
        page.locator(".chat").first.click()
        page.evaluate("window.tasks.splice(0)")
        rates: list[float] = []
        loader = threading.Thread(target=lambda: rates.append(load(emulator)))
        loader.start()
        while loader.is_alive():
            page.wait_for_timeout(200)
        page.wait_for_selector(f"text=load {LOAD_SECONDS * LOAD_RATE - 1}")
        result = {
            "live": alive,
            "tasks over 50 ms at the start": at_start,
            "search": searches,
            "messages a second": rates[0],
            "tasks over 50 ms under load": page.evaluate("window.tasks"),
            "elements": page.evaluate("document.querySelectorAll('*').length"),
        }
        page.context.close()
    return result


def measure_tabs(browser: Browser) -> dict[str, int]:
    """Return how many tabs are live, and how many get a message."""
    with live(Emulator(page=True)) as emulator:
        emulator.customer_writes("+14155550123", name="Ana Lima")
        context = fresh(browser)
        pages = [open_page(context, emulator) for _ in range(TABS)]
        emulator.customer_writes("+14155550123", text="Everybody?")
        got = 0
        for page in pages:
            page.wait_for_selector(".chat:has-text('Everybody?')", timeout=5000)
            got += 1
        alive = sum(page.locator(".link.live").count() for page in pages)
        context.close()
    return {"live": alive, "got the message": got}


def main() -> None:
    """Measure, and print."""
    path = shutil.which("chromium") or shutil.which("google-chrome")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=FLAGS)
        figures = {
            "reply, ms": measure_reply(browser),
            "crowd, ms": measure_crowd(browser),
            "tabs": measure_tabs(browser),
        }
        browser.close()
    print(json.dumps(figures, indent=2, default=lambda value: round(value, 1)))


if __name__ == "__main__":
    main()
