"""For tests of programs that send: an emulator, and a clock that jumps.

This module is a pytest plugin, there as soon as the package is installed. It
changes no test that asks for none of it:

- The fixture `emulator` starts an `Emulator` of the API for one test.
- The marker `virtual_time` runs an async test, and its fixtures, on a loop
  whose clock jumps over the time in which nothing happens: an hour of sends at
  5 a second takes seconds, and is the same each time.

```python
@pytest.mark.virtual_time
async def test_a_campaign_is_paced(emulator: Emulator) -> None:
    async with AutocallsClient("key", base_url=emulator.base_url) as client:
        ...
```

Both need pytest-asyncio. To run a module in virtual time, write
`pytestmark = pytest.mark.virtual_time` in it; to run every test so, give the
loop to pytest-asyncio in `conftest.py`:

```python
def pytest_asyncio_loop_factories(config, item):
    return {"virtual": VirtualTimeLoop}
```

Outside pytest, `run(main())` stands in for `asyncio.run(main())`. What the loop
can and can't see is said in `autocalls_async.testing.virtual_time`.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import pytest

from autocalls_async.testing.virtual_time import (
    StalledError,
    VirtualTimeLoop,
    run,
    wall_clock,
)

_async_fixture: Callable[..., Any] = pytest.fixture
# Without it, pytest tells whoever asks for an async fixture what is missing.
with suppress(ImportError):
    from pytest_asyncio import fixture as _async_fixture

if TYPE_CHECKING:
    from autocalls_async.emulator import Emulator

__all__ = ["StalledError", "VirtualTimeLoop", "emulator", "run", "wall_clock"]


@_async_fixture
async def emulator() -> AsyncIterator["Emulator"]:
    """Start an emulator of the API, and stop it after the test."""
    # Not before a test asks: pytest loads this module in every run.
    from autocalls_async.emulator import Emulator  # noqa: PLC0415

    async with Emulator() as started:
        yield started


def pytest_configure(config: pytest.Config) -> None:
    """Make the marker known."""
    config.addinivalue_line(
        "markers",
        "virtual_time: run on a loop whose clock jumps (needs pytest-asyncio)",
    )


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_generate_tests(metafunc: pytest.Metafunc) -> Iterator[None]:
    """Give the virtual-time loop to each test that is marked so."""
    if not metafunc.definition.get_closest_marker("virtual_time"):
        return (yield)
    if not hasattr(metafunc.config.hook, "pytest_asyncio_loop_factories"):
        msg = "the marker virtual_time needs pytest-asyncio 1.5 or later"
        raise pytest.UsageError(msg)
    # pytest-asyncio asks for loops here, and holds whoever answers at all to
    # an answer for every test; so we answer for this one test only.
    plugins = metafunc.config.pluginmanager
    plugins.register(_LOOPS)
    try:
        return (yield)
    finally:
        plugins.unregister(_LOOPS)


class _VirtualTimeLoops:
    """The answer to pytest-asyncio's question on which loops a test runs."""

    @pytest.hookimpl(tryfirst=True, optionalhook=True)
    def pytest_asyncio_loop_factories(
        self,
    ) -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
        return {"virtual": VirtualTimeLoop}


_LOOPS = _VirtualTimeLoops()
