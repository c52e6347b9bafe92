"""Tests of the FastAPI service, written as FastAPI's own documentation writes them.

    pytest examples/test_fastapi_service.py

`TestClient` blocks, and runs the service in a thread and on an event loop of its
own. So does `live_emulator`, a fixture that comes with the package: the service
sends to it over a real socket, and its controls can be turned from the test.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from fastapi_service import app

from autocalls_async.emulator import Emulator, Endpoint, HangUpAfter

ANA = "+14155550123"
ORDER = {"recipient_phone": ANA, "message": "Your table is ready"}


@pytest.fixture
def caller(
    live_emulator: Emulator, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Iterator[TestClient]:
    """Start the service with the emulator in place of the API."""
    monkeypatch.setenv("AUTOCALLS_API_KEY", "any-key")
    monkeypatch.setenv("AUTOCALLS_BASE_URL", live_emulator.base_url)
    monkeypatch.setenv("AUTOCALLS_SENDER_ID", "12")
    monkeypatch.setenv("AUTOCALLS_WEBHOOK_SECRETS", "any-secret")
    monkeypatch.setenv("RECEIPTS", str(tmp_path / "receipts.db"))
    with TestClient(app) as opened:
        yield opened


def test_an_order_is_sent(caller: TestClient, live_emulator: Emulator) -> None:
    live_emulator.customer_writes(ANA)

    answer = caller.post("/messages", json=ORDER)

    (accepted,) = live_emulator.accepted
    assert answer.status_code == 201
    assert accepted.message == "Your table is ready"


def test_a_closed_window_is_told(caller: TestClient, live_emulator: Emulator) -> None:
    live_emulator.expire_window(ANA)

    answer = caller.post("/messages", json=ORDER)

    assert (answer.status_code, answer.json()) == (
        409,
        {"outcome": "template_required"},
    )
    assert live_emulator.accepted == []


def test_a_lost_answer_is_not_sent_again(
    caller: TestClient, live_emulator: Emulator
) -> None:
    live_emulator.customer_writes(ANA)
    live_emulator.fail_next(1, HangUpAfter(), endpoint=Endpoint.SEND_FREEFORM)

    answer = caller.post("/messages", json=ORDER)

    assert (answer.status_code, answer.json()) == (202, {"outcome": "unknown"})
    assert len(live_emulator.accepted) == 1
