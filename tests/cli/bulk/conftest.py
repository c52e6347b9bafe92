"""A service for campaigns: to many people, whose windows are open."""

from collections.abc import Iterator

import pytest

from tests.cli.conftest import Service, serving


@pytest.fixture
def service(monkeypatch: pytest.MonkeyPatch) -> Iterator[Service]:
    """Return a service in which all windows are open but that of `CLOSED`."""
    with serving(monkeypatch, everyone_is_open=True) as service:
        yield service
