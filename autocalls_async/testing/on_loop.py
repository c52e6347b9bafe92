"""The fixture `emulator`, where pytest-asyncio is there to run it."""

from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

import pytest
from pytest_asyncio import fixture, is_async_test

if TYPE_CHECKING:
    from autocalls_async.emulator import Emulator

_SCOPES = ("function", "class", "module", "package", "session")


@fixture
async def emulator(request: pytest.FixtureRequest) -> AsyncIterator["Emulator"]:
    """Start an emulator of the API on the test's loop, and stop it after the test."""
    if trouble := _find_trouble(request.node, request.config):
        pytest.fail(trouble, pytrace=False)
    # Not before a test asks.
    from autocalls_async.emulator import Emulator  # noqa: PLC0415

    async with Emulator() as started:
        yield started


def _find_trouble(test: pytest.Item, config: pytest.Config) -> str | None:
    """Return why the test would wait for the emulator in vain, if it would."""
    if not is_async_test(test):
        return (
            "the fixture emulator answers only while its event loop runs, and"
            " pytest-asyncio does not run this test: ask for live_emulator, which"
            " has a thread of its own"
        )
    own, other = _scope_of_fixtures(config), _scope_of(test, config)
    if own == other:
        return None
    return (
        f"the fixture emulator runs on the event loop of the {own}, and this test on"
        f" that of the {other}, so nothing would be answered: write"
        f' @pytest.mark.asyncio(loop_scope="{own}") on the test, or'
        f" asyncio_default_fixture_loop_scope = {other} in pytest's settings, or ask"
        " for live_emulator, which has a thread of its own"
    )


def _scope_of_fixtures(config: pytest.Config) -> str:
    scope = str(config.getini("asyncio_default_fixture_loop_scope"))
    return scope if scope in _SCOPES else "function"  # as our fixture itself


def _scope_of(test: pytest.Item, config: pytest.Config) -> str:
    marker = test.get_closest_marker("asyncio")
    named = marker and (marker.kwargs.get("loop_scope") or marker.kwargs.get("scope"))
    return str(named or config.getini("asyncio_default_test_loop_scope"))
