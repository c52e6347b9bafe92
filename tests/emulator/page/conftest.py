"""A browser for the tests of the page, and sandboxes for it to look at."""

import inspect
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, Route

import autocalls_async.emulator
from autocalls_async.emulator import Emulator
from autocalls_async.testing import live
from tests.emulator.page.browsing import NAMES, Pure, Tabs, browsing, find_browser

PAGE = Path(autocalls_async.emulator.__file__).parent / "page"
_PURE = "http://pure.test"


@pytest.fixture(scope="session")
def browser_thread() -> Iterator[tuple[ThreadPoolExecutor, Browser]]:
    """Start the one browser of all tests."""
    path = find_browser()
    if path is None:
        pytest.fail(f"no browser is installed: none of {', '.join(NAMES)} is found")
    with browsing(path) as started:
        yield started


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    """Run a test that asks for the browser in the browser's thread."""
    if "browser_thread" not in pyfuncitem.fixturenames:
        return None
    thread, _ = pyfuncitem.funcargs["browser_thread"]
    names = inspect.signature(pyfuncitem.obj).parameters
    arguments = {name: pyfuncitem.funcargs[name] for name in names}
    thread.submit(pyfuncitem.obj, **arguments).result()
    return True


@pytest.fixture
def tabs(browser_thread: tuple[ThreadPoolExecutor, Browser]) -> Iterator[Tabs]:
    """Open tabs for one test, in which nothing may go wrong unseen."""
    thread, browser = browser_thread
    opened = Tabs(browser)
    yield opened
    thread.submit(opened.close).result()
    assert opened.complaints == []


@pytest.fixture
def sandbox() -> Iterator[Emulator]:
    """Start an emulator with its page, by the real clock."""
    with live(Emulator(page=True)) as started:
        yield started


@pytest.fixture(scope="session")
def pure(
    browser_thread: tuple[ThreadPoolExecutor, Browser],
) -> Iterator[Pure]:
    """Run a function over the page's pure modules, in the browser without a server.

    It is given the modules `state`, `words` and `geometry`, and an argument.
    """
    thread, browser = browser_thread
    tabs = Tabs(browser)

    def serve(route: Route) -> None:
        path = PAGE / route.request.url.removeprefix(f"{_PURE}/")
        kind = "text/html" if path == PAGE else "text/javascript"
        route.fulfill(body="" if path == PAGE else path.read_bytes(), content_type=kind)

    def start() -> Page:
        page = tabs.blank()
        page.route("**/*", serve)
        page.goto(f"{_PURE}/")
        return page

    page = thread.submit(start).result()

    def run(function: str, argument: object = None) -> object:
        return page.evaluate(
            """async ([source, argument]) => {
              const names = ["state", "words", "geometry"];
              const found = await Promise.all(names.map((name) => import(`/${name}.js`)));
              const modules = Object.fromEntries(names.map((name, at) => [name, found[at]]));
              return (0, eval)(`(${source})`)(modules, argument);
            }""",
            [function, argument],
        )

    yield run
    thread.submit(tabs.close).result()
    assert tabs.complaints == []
