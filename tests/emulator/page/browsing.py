"""One browser for all tests of the page, and the thread that it lives in.

Playwright's calls that block leave their event loop running in their thread, where no
async test could run afterwards: so they have a thread of their own.
"""

import re
import shutil
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Protocol
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

# A sandbox that has ended before its page: no fault of the page's.
_GONE = re.compile("net::ERR_(CONNECTION_|EMPTY_RESPONSE)")

Started = tuple[ThreadPoolExecutor, BrowserContext]

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
    """Start a browser, and one window of it for all tests: a new one costs 0.2 s.

    All that touches it runs in the thread that is given.
    """
    with ThreadPoolExecutor(1, thread_name_prefix="browser") as thread:
        playwright = thread.submit(sync_playwright().start).result()
        try:
            browser = thread.submit(
                playwright.chromium.launch, executable_path=path, args=list(FLAGS)
            ).result()
            yield thread, thread.submit(_open_window, browser).result()
            thread.submit(browser.close).result()
        finally:
            thread.submit(playwright.stop).result()


def _open_window(browser: Browser) -> BrowserContext:
    window = browser.new_context(
        locale="en-GB",
        timezone_id="UTC",
        reduced_motion="reduce",
        permissions=["clipboard-read", "clipboard-write"],
    )
    window.set_default_timeout(_PATIENCE_MS)
    return window


@define(slots=False)  # playwright marks the methods that it calls
class Tabs:
    """Opens tabs, and hears what they complain about.

    Attributes:
        complaints: What the browser's console said, scripts that failed, and requests
            to hosts other than the page's own.
    """

    window: BrowserContext
    complaints: list[str] = field(factory=list)
    _home: str = ""
    _opened: list[Page] = field(factory=list)

    def open(
        self,
        url: str,
        *,
        width: int = 1400,
        height: int = 860,
    ) -> Page:
        """Open the page, and wait until it is live."""
        self._home = url
        page = self.blank(width=width, height=height)
        page.goto(url, wait_until="commit")
        page.wait_for_selector(".link.live")
        return page

    def blank(self, *, width: int = 1400, height: int = 860) -> Page:
        """Open an empty tab."""
        page = self.window.new_page()
        self._opened.append(page)
        page.set_viewport_size({"width": width, "height": height})
        page.on("console", self._hear_console)
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("request", self._hear_request)
        return page

    def _hear_console(self, message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"} and not _GONE.search(message.text):
            self.complaints.append(f"{message.type}: {message.text}")

    def _hear_request(self, request: Request) -> None:
        home, host = (urlsplit(url).netloc for url in (self._home, request.url))
        if host and home and host != home:
            self.complaints.append(f"a request to {request.url}")

    def close(self) -> None:
        """Close them all."""
        for page in self._opened:
            page.close()
        self._opened.clear()
