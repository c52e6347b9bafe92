"""`autocalls doctor`: what works and what does not, and never a secret."""

import json
import re
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest

from autocalls_async.emulator import Endpoint, HangUpAfter, Refuse
from tests.cli.conftest import Autocalls, Service
from tests.ports import closed_port

pytestmark = pytest.mark.real_time


def lines_of(text: str) -> dict[str, str]:
    """Return each line's mark and text by its name."""
    told = {}
    for line in text.splitlines():
        mark, _, rest = line.partition(" ")
        name, _, seen = rest.strip().partition(": ")
        told[name] = f"{mark} {seen}"
    return told


@pytest.mark.usefixtures("service")
def test_all_is_well(autocalls: Autocalls) -> None:
    ended = autocalls("doctor")

    told = lines_of(ended.out)
    assert ended.status == 0
    assert all(line.startswith("ok ") for line in told.values())
    assert list(told) == [
        "versions",
        "extras",
        "environment",
        "address",
        "encryption",
        "clock",
        "key",
        "balance",
        "senders",
        "rate",
    ]
    assert (
        "AUTOCALLS_API_KEY, AUTOCALLS_BASE_URL, AUTOCALLS_SENDER_ID set"
        in (told["environment"])
    )
    assert told["senders"] == "ok 2, 2 of them online; the default, 12, is"


def test_nothing_is_sent_and_nobody_is_named(
    autocalls: Autocalls, service: Service
) -> None:
    ended = autocalls("doctor", "--json")

    told = json.loads(ended.out)
    assert told["ok"] is True
    assert told["key"] == {"ok": True, "seen": "accepted"}
    assert service.emulator.accepted == []
    assert set(service.emulator.requests_by_endpoint()) == {
        Endpoint.ME,
        Endpoint.OTHER,  # a look at the way, without a key
        Endpoint.SENDERS,
    }


@pytest.mark.parametrize(
    ("sender", "seen"),
    [
        ("99", "FAIL 2, 2 of them online; the default, 99, is not among them"),
        ("15", "FAIL 2, 1 of them online; the default, 15, is offline"),
    ],
)
def test_a_sender_that_cannot_send_is_found(
    autocalls: Autocalls, service: Service, sender: str, seen: str
) -> None:
    if sender == "15":
        service.emulator.account.set_sender_status(15, "offline")

    ended = autocalls("doctor", "--sender-id", sender)

    assert ended.status == 1
    assert lines_of(ended.out)["senders"] == seen


def test_without_a_default_sender_that_is_said(
    autocalls: Autocalls, service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AUTOCALLS_SENDER_ID")
    service.emulator.balance = service.emulator.balance * 0

    ended = autocalls("doctor")

    told = lines_of(ended.out)
    assert "no default is set (AUTOCALLS_SENDER_ID)" in told["senders"]
    assert told["balance"] == "FAIL 0.0"
    assert ended.status == 1


@pytest.mark.parametrize(
    ("status", "name", "words"),
    [
        (401, "key", "FAIL"),
        (403, "key", "ok accepted, but it may not look at the account"),
    ],
)
def test_what_the_service_refuses_is_told(
    autocalls: Autocalls, service: Service, status: int, name: str, words: str
) -> None:
    body = {"message": "Ana Example, +14155550123"}
    service.emulator.fail_next(1, Refuse(status, body), endpoint=Endpoint.ME)

    ended = autocalls("doctor")

    assert lines_of(ended.out)[name].startswith(words)
    assert "Ana" not in ended.out
    assert "0123" not in ended.out


def test_senders_that_cannot_be_listed_are_told(
    autocalls: Autocalls, service: Service
) -> None:
    service.emulator.fail_next(9, HangUpAfter(), endpoint=Endpoint.SENDERS)

    ended = autocalls("doctor", "--timeout", "2")

    assert ended.status == 1
    assert lines_of(ended.out)["senders"].startswith("FAIL ")


@pytest.mark.usefixtures("service")
def test_no_key_is_told_last(
    autocalls: Autocalls, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AUTOCALLS_API_KEY")
    monkeypatch.setenv("HTTPS_PROXY", "http://user:secret@proxy")

    ended = autocalls("doctor")

    told = lines_of(ended.out)
    assert told["key"].startswith("FAIL there is no API key")
    assert told["environment"].endswith("HTTPS_PROXY set, and not used")
    assert "secret" not in ended.out


@pytest.mark.parametrize(
    ("url", "seen"),
    [
        ("http://app.autocalls.ai/api", "FAIL base_url must be https for a public"),
        ("http://nobody.invalid.localhost:1/api", "FAIL nobody.invalid.localhost:1: "),
    ],
)
def test_an_address_that_is_none_is_told(
    autocalls: Autocalls, url: str, seen: str
) -> None:
    ended = autocalls("doctor", "--base-url", url, "--timeout", "2")

    assert ended.status == 1
    assert lines_of(ended.out)["address"].startswith(seen)


def test_who_is_not_there_is_told(autocalls: Autocalls) -> None:
    with closed_port() as port:
        url = f"http://127.0.0.1:{port}/api"
        ended = autocalls("doctor", "--base-url", url)

    assert "Connection refused" in lines_of(ended.out)["address"]
    assert "key" not in lines_of(ended.out)


@pytest.mark.usefixtures("service")
def test_a_server_without_tls_is_told_as_one(
    autocalls: Autocalls, service: Service
) -> None:
    url = service.emulator.base_url.replace("http:", "https:")

    ended = autocalls("doctor", "--base-url", url)

    assert "no trusted connection: " in lines_of(ended.out)["address"]


class _Answer(BaseHTTPRequestHandler):
    """Says what time it is at the service's."""

    ahead: timedelta | None = timedelta()

    def answer(self) -> None:
        """Give the time, and nothing else."""
        self.send_response_only(404)
        if self.ahead is not None:
            at = datetime.now(UTC) + self.ahead
            self.send_header("Date", format_datetime(at, usegmt=True))
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Write nothing."""


@pytest.mark.parametrize(
    ("ahead", "seen"),
    [
        (timedelta(), "ok agrees with the service's to a second or two"),
        (timedelta(seconds=30), r"ok (29|30) s behind the service's"),
        (timedelta(hours=-1), r"FAIL 3,60[01] s ahead of the service's"),
        (None, "ok the service's answer has no date to compare with"),
    ],
    ids=["right", "half a minute", "an hour", "no date"],
)
def test_a_clock_that_is_wrong_is_told(
    autocalls: Autocalls, ahead: timedelta | None, seen: str
) -> None:
    handler = type("Answer", (_Answer,), {"ahead": ahead, "do_HEAD": _Answer.answer})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        url = f"http://127.0.0.1:{server.server_port}/api"
        ended = autocalls("doctor", "--base-url", url)
        server.shutdown()

    assert re.fullmatch(seen, lines_of(ended.out)["clock"])
