"""One browser for all tests of the page, and the thread that it lives in.

Playwright's calls that block leave their event loop running in their thread, where no
async test could run afterwards: so they have a thread of their own.
"""

import shutil
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Literal, Protocol
from urllib.parse import urlsplit

from attrs import define, field
from playwright.sync_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Page,
    Request,
    expect,
    sync_playwright,
)

NAMES = ("chromium", "chromium-browser", "google-chrome")
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
_PATIENCE_MS = 15_000

Started = tuple[ThreadPoolExecutor, Browser]

expect.set_options(timeout=_PATIENCE_MS)


class Pure(Protocol):
    """Calls a function of a module in the browser, and gives what it returns."""

    def __call__(self, module: str, name: str, /, *arguments: object) -> object:
        """Call it."""


def find_browser() -> str | None:
    """Return the path of a Chromium on this machine, if there is one."""
    return next((path for name in NAMES if (path := shutil.which(name))), None)


@contextmanager
def browsing(path: str) -> Iterator[Started]:
    """Start a browser; all that touches it runs in the thread that is given."""
    with ThreadPoolExecutor(1, thread_name_prefix="browser") as thread:
        playwright = thread.submit(sync_playwright().start).result()
        try:
            browser = thread.submit(
                playwright.chromium.launch, executable_path=path, args=list(FLAGS)
            ).result()
            yield thread, browser
            thread.submit(browser.close).result()
        finally:
            thread.submit(playwright.stop).result()


@define(slots=False)  # playwright marks the methods that it calls
class Tabs:
    """Opens tabs, and hears what they complain about.

    Attributes:
        complaints: What the browser's console said, scripts that failed, and requests
            to hosts other than the page's own.
    """

    browser: Browser
    complaints: list[str] = field(factory=list)
    _home: str = ""
    _contexts: list[BrowserContext] = field(factory=list)

    def open(
        self,
        url: str,
        *,
        width: int = 1400,
        height: int = 860,
        scheme: Literal["light", "dark"] = "light",
    ) -> Page:
        """Open a page where nothing is remembered, and wait until it is live."""
        self._home = url
        page = self.blank(width=width, height=height, scheme=scheme)
        page.goto(url)
        expect(page.locator(".link.live")).to_be_visible()
        return page

    def blank(
        self,
        *,
        width: int = 1400,
        height: int = 860,
        scheme: Literal["light", "dark"] = "light",
    ) -> Page:
        """Open an empty tab."""
        context = self.browser.new_context(
            viewport={"width": width, "height": height},
            color_scheme=scheme,
            locale="en-GB",
            reduced_motion="reduce",
            timezone_id="UTC",
        )
        context.set_default_timeout(_PATIENCE_MS)
        self._contexts.append(context)
        page = context.new_page()
        self.watch(page)
        return page

    def watch(self, page: Page) -> None:
        """Hear what a tab complains about."""
        page.on("console", self._hear_console)
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("request", self._hear_request)

    def _hear_console(self, message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"}:
            self.complaints.append(f"{message.type}: {message.text}")

    def _hear_request(self, request: Request) -> None:
        home, host = (urlsplit(url).netloc for url in (self._home, request.url))
        if host and home and host != home:
            self.complaints.append(f"a request to {request.url}")

    def close(self) -> None:
        """Close all tabs."""
        for context in self._contexts:
            context.close()
        self._contexts.clear()
