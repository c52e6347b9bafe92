"""What other people's tracers take from us: no key, no text, no whole number."""

import json
import subprocess
import sys
from functools import cache
from typing import Any

import pytest

from tests.tracers.calls import CALLS

# What one process was told, another would have to be told again.
pytestmark = pytest.mark.xdist_group("tracers")


@cache
def exported() -> dict[str, Any]:
    """Let Sentry and OpenTelemetry listen to every call, once."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.tracers.listening"],
        capture_output=True,
        text=True,
        check=True,
    )
    found: dict[str, Any] = json.loads(done.stdout)
    return found


@pytest.mark.parametrize("name", CALLS)
def test_sentry_and_opentelemetry_are_told_no_secret(name: str) -> None:
    assert exported()[name]["found"] == []


def test_they_do_listen_and_would_tell() -> None:
    assert set(exported()["theirs"]["found"]) >= {
        "/attributes/http.url",  # OpenTelemetry's span
        "/breadcrumbs/values/data/http.query",
        "/spans/data/http.query",
        "tests.tracers.calls.theirs/vars/phone",
    }


@pytest.mark.parametrize("name", CALLS)
def test_something_of_each_call_is_exported(name: str) -> None:
    has_failed = not name.startswith("accepted")

    assert exported()[name]["items"] >= 1 + has_failed
