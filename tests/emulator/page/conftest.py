"""A browser for the tests of the page, and sandboxes for it to look at."""

import inspect
from collections.abc import Iterator
from pathlib import Path
from typing import cast

import pytest
from playwright.sync_api import Page, Route

import autocalls_async.emulator
from tests.emulator.page.browsing import (
    NAMES,
    Pure,
    Started,
    Tabs,
    browsing,
    find_browser,
)

PAGE = Path(autocalls_async.emulator.__file__).parent / "page"
TESTS = Path(__file__).parent / "pure"
_PURE = "http://pure.test"
_CALL = """async ([module, name, given]) => (await import(module))[name](...given)"""


@pytest.fixture(scope="session")
def browser_thread() -> Iterator[Started]:
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
    thread, _ = cast("Started", pyfuncitem.funcargs["browser_thread"])
    names = inspect.signature(pyfuncitem.obj).parameters
    arguments = {name: pyfuncitem.funcargs[name] for name in names}
    thread.submit(pyfuncitem.obj, **arguments).result()
    return True


@pytest.fixture
def tabs(browser_thread: Started) -> Iterator[Tabs]:
    """Open tabs for one test, in which nothing may go wrong unseen."""
    thread, window = browser_thread
    opened = Tabs(window)
    yield opened
    thread.submit(opened.close).result()
    assert opened.complaints == []


@pytest.fixture(scope="session")
def pure(browser_thread: Started) -> Iterator[Pure]:
    """Call functions of the page's pure modules, in the browser without a server."""
    thread, window = browser_thread
    tabs = Tabs(window)

    def serve(route: Route) -> None:
        path = route.request.url.removeprefix(_PURE)
        whole = TESTS / path[6:] if path.startswith("/test/") else PAGE / path[1:]
        body = "" if path == "/" else whole.read_bytes()
        kind = "text/html" if path == "/" else "text/javascript"
        route.fulfill(body=body, content_type=kind)

    def start() -> Page:
        page = tabs.blank()
        page.route("**/*", serve)
        page.goto(f"{_PURE}/")
        return page

    page = thread.submit(start).result()

    def call(module: str, name: str, *arguments: object) -> object:
        return page.evaluate(_CALL, [module, name, arguments])

    yield call
    thread.submit(tabs.close).result()
    assert tabs.complaints == []
