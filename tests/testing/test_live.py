"""An emulator in a thread of its own: who blocks may ask it, and any thread turn it."""

import socket
import threading
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest

from autocalls_async.emulator import Emulator, Endpoint, Refuse
from autocalls_async.testing import live


def ask(emulator: Emulator) -> int:
    """Ask, blocking, who owns the key; give the answer's status."""
    headers = {"Authorization": "Bearer any-key", "Accept": "application/json"}
    request = Request(f"{emulator.base_url}/user/me", headers=headers)  # noqa: S310  # ours
    with urlopen(request) as answer:  # noqa: S310  # ours
        return int(answer.status)


def test_it_answers_whoever_blocks(live_emulator: Emulator) -> None:
    assert ask(live_emulator) == 200
    assert live_emulator.requests_by_endpoint() == {Endpoint.ME: 1}


def test_a_control_turned_in_this_thread_is_there_at_the_next_request(
    live_emulator: Emulator,
) -> None:
    live_emulator.fail_next(1, Refuse(418, {}))

    with pytest.raises(HTTPError, match="418") as told:
        ask(live_emulator)
    told.value.close()

    assert ask(live_emulator) == 200


def test_it_takes_settings_and_leaves_no_thread_and_no_port() -> None:
    before = threading.active_count()

    with live(Emulator(api_key="another")) as emulator:
        port = int(emulator.base_url.split(":")[2].split("/")[0])
        with pytest.raises(HTTPError, match="401") as told:
            ask(emulator)
        told.value.close()

    assert threading.active_count() == before
    assert emulator.requests[0].status == 401
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port))


def test_a_port_that_is_taken_is_told_and_leaves_no_thread() -> None:
    before = threading.active_count()

    with live() as first:
        port = int(first.base_url.split(":")[2].split("/")[0])
        with pytest.raises(OSError, match="in use"), live(Emulator(port=port)):
            pass

    assert threading.active_count() == before
