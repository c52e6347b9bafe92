"""For tests of programs that send: an emulator, and a clock that jumps.

This module is a pytest plugin, there as soon as the package is installed. It
changes no test that asks for none of it, and imports nothing until one does:

- The fixture `emulator` starts an `Emulator` of the API for one async test, on
  that test's event loop.
- The fixture `live_emulator` starts one in a thread of its own, for a test that
  is not async (FastAPI's `TestClient`, `requests`) or a loop of any other kind.
- The fixture `sandbox` is a `live_emulator` with a page, for tests with a browser.
- The marker `virtual_time` runs an async test, and its fixtures, on a loop
  whose clock jumps over the time in which nothing happens: an hour of sends at
  5 a second takes seconds, and is the same each time.

```python
@pytest.mark.virtual_time
async def test_a_campaign_is_paced(emulator: Emulator) -> None:
    async with AutocallsClient("key", base_url=emulator.base_url) as client:
        ...
```

All but `live_emulator` and `sandbox` need pytest-asyncio. To run a module in
virtual time, write `pytestmark = pytest.mark.virtual_time` in it; to run every test
so, give the loop to pytest-asyncio in `conftest.py`:

```python
def pytest_asyncio_loop_factories(config, item):
    return {"virtual": VirtualTimeLoop}
```

Outside pytest, `run(main())` stands in for `asyncio.run(main())`, and
`with live(Emulator(rate=50)) as emulator:` for `live_emulator`. What the loop can
and can't see is said in `autocalls_async.testing.virtual_time`.
"""

from collections.abc import Callable, Iterator, Mapping
from importlib import import_module
from inspect import iscoroutinefunction
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from asyncio import AbstractEventLoop

    from autocalls_async.emulator import Emulator
    from autocalls_async.testing.in_thread import live
    from autocalls_async.testing.on_loop import emulator
    from autocalls_async.testing.virtual_time import (
        StalledError,
        VirtualTimeLoop,
        run,
        wall_clock,
    )

__all__ = [
    "StalledError",
    "VirtualTimeLoop",
    "emulator",
    "live",
    "live_emulator",
    "run",
    "sandbox",
    "wall_clock",
]

_HOME_OF = {
    "StalledError": "virtual_time",
    "VirtualTimeLoop": "virtual_time",
    "emulator": "on_loop",
    "live": "in_thread",
    "run": "virtual_time",
    "wall_clock": "virtual_time",
}

if not TYPE_CHECKING:  # a checker shall find a name that is misspelt

    def __getattr__(name: str) -> object:
        """Import a name's module; pytest loads this one in every run."""
        if name not in _HOME_OF:
            msg = f"module {__name__!r} has no attribute {name!r}"
            raise AttributeError(msg)
        return getattr(import_module(f"{__name__}.{_HOME_OF[name]}"), name)


@pytest.fixture
def live_emulator(request: pytest.FixtureRequest) -> Iterator["Emulator"]:
    """Start an emulator of the API in a thread of its own, by the real clock."""
    if iscoroutinefunction(request.function) and _is_marked(request.node):
        pytest.fail(
            "live_emulator lives by the real clock, over which virtual_time would"
            " jump: ask for the fixture emulator, or leave the marker out",
            pytrace=False,
        )
    from autocalls_async.testing.in_thread import live  # noqa: PLC0415

    with live() as started:
        yield started


@pytest.fixture
def sandbox() -> Iterator["Emulator"]:
    """Start an emulator with its page, in a thread of its own, by the real clock.

    For tests with a browser: `page.goto(sandbox.page_url)`.
    """
    from autocalls_async.emulator import Emulator  # noqa: PLC0415
    from autocalls_async.testing.in_thread import live  # noqa: PLC0415

    with live(Emulator(page=True)) as started:
        yield started


def pytest_configure(config: pytest.Config) -> None:
    """Make the marker known, and the fixture that fits what is installed."""
    config.addinivalue_line(
        "markers",
        "virtual_time: run on a loop whose clock jumps (needs pytest-asyncio)",
    )
    home = "on_loop" if _has_loops(config) else "without_loop"
    config.pluginmanager.register(import_module(f"{__name__}.{home}"))


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_generate_tests(metafunc: pytest.Metafunc) -> Iterator[None]:
    """Run each test that is marked so on the virtual-time loop."""
    if not (_is_marked(metafunc.definition) and _has_loops(metafunc.config)):
        return (yield)
    # pytest-asyncio asks for loops here, and holds whoever answers at all to
    # an answer for every test; so we answer for this one test only.
    plugins = metafunc.config.pluginmanager
    plugins.register(_LOOPS)
    try:
        return (yield)
    finally:
        plugins.unregister(_LOOPS)


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_call(item: pytest.Item) -> None:
    """Fail an async test that is marked where nothing can run it so."""
    is_async = iscoroutinefunction(getattr(item, "function", None))
    if is_async and _is_marked(item) and not _has_loops(item.config):
        pytest.fail(
            "the marker virtual_time needs pytest-asyncio 1.5 or later", pytrace=False
        )


class _VirtualTimeLoops:
    """The answer to pytest-asyncio's question on which loops a test runs."""

    @pytest.hookimpl(tryfirst=True, optionalhook=True)
    def pytest_asyncio_loop_factories(
        self,
    ) -> Mapping[str, Callable[[], "AbstractEventLoop"]]:
        from autocalls_async.testing.virtual_time import (  # noqa: PLC0415
            VirtualTimeLoop,
        )

        return {"virtual": VirtualTimeLoop}


_LOOPS = _VirtualTimeLoops()


def _is_marked(test: pytest.Item) -> bool:
    return test.get_closest_marker("virtual_time") is not None


def _has_loops(config: pytest.Config) -> bool:
    """Whether pytest-asyncio is there, and asks on which loops a test runs."""
    return hasattr(config.hook, "pytest_asyncio_loop_factories")
