"""A service for campaigns: to many people, whose windows are open."""

from collections.abc import Iterator

import pytest

from tests.cli.conftest import Service, is_real, serving


@pytest.fixture
def service(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Service]:
    """Return a service in which all windows are open but that of `CLOSED`."""
    in_thread = is_real(request)
    with serving(monkeypatch, everyone_is_open=True, in_thread=in_thread) as service:
        yield service
