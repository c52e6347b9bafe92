"""Ctrl-C, SIGTERM and SIGHUP: an orderly end that still tells every outcome."""

import asyncio
import json
import os
import select
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from autocalls_async.cli.terminal.stopping import Stopping
from autocalls_async.emulator import Delay, Emulator, Endpoint, Fault, Stall
from tests.cli.conftest import OPEN, Autocalls, Service
from tests.ports import own_port

pytestmark = [
    pytest.mark.real_time,
    pytest.mark.skipif(os.name == "nt", reason="signals there are another matter"),
]


@pytest.fixture(autouse=True)
def heard() -> Iterator[None]:
    """Let a closed terminal be heard of, also where `nohup` runs the tests."""
    before = signal.signal(signal.SIGHUP, signal.SIG_DFL)
    yield
    signal.signal(signal.SIGHUP, before)


def write_rows(count: int) -> str:
    rows = (f"{OPEN},m{i},{i}" for i in range(count))
    lines = ["recipient_phone,message,key", *rows]
    Path("rows.csv").write_text("\n".join(lines))
    return "rows.csv"


def outcomes() -> list[str]:
    lines = Path("out.jsonl").read_text().splitlines()
    return [json.loads(line)["outcome"] for line in lines]


class AtSend:
    """Interrupts this process when the service gets a certain send.

    Args:
        number: Which one.
        signals: What comes, each a moment after the other.
        fault: How that send goes on.
    """

    def __init__(
        self, number: int, signals: Sequence[signal.Signals], fault: Fault
    ) -> None:
        self._number = number
        self._signals = signals
        self._fault = fault
        self._seen_count = 0

    def __call__(self, endpoint: Endpoint) -> Fault | None:
        """Choose the fault of one request."""
        if endpoint is not Endpoint.SEND_FREEFORM:
            return None
        self._seen_count += 1
        if self._seen_count != self._number:
            return None
        for number in self._signals:
            os.kill(os.getpid(), number)
            time.sleep(0.2)
        return self._fault


def interrupt(service: Service, at: AtSend) -> None:
    def plan(emulator: Emulator) -> None:
        emulator.choose_fault = at

    service.do(plan)


@pytest.mark.parametrize(
    ("number", "status"),
    [
        pytest.param(signal.SIGINT, 130, id="Ctrl-C"),
        pytest.param(signal.SIGTERM, 143, id="SIGTERM"),
        pytest.param(signal.SIGHUP, 129, id="SIGHUP"),
    ],
)
def test_the_first_signal_waits_for_what_has_left_and_withdraws_the_rest(
    number: signal.Signals, status: int, autocalls: Autocalls, service: Service
) -> None:
    interrupt(service, AtSend(3, [number], Delay(0.3)))
    file = write_rows(100)

    ended = autocalls(
        "bulk", file, "--rate", "20", "--rate-is-agreed", "--out", "out.jsonl"
    )

    assert ended.status == status
    assert outcomes().count("accepted") == len(service.emulator.accepted) >= 3
    assert set(outcomes()) == {"accepted", "unsent"}
    not_sent = 100 - outcomes().count("accepted")
    assert ended.complaint == (
        f"autocalls: interrupted; {not_sent} of 100 messages not sent"
    )
    assert "stopping: what has left is waited for" in ended.err
    assert "Outcomes" in ended.out


def test_the_second_signal_stops_at_once_and_tells_what_is_unknown(
    autocalls: Autocalls, service: Service
) -> None:
    interrupt(service, AtSend(3, [signal.SIGINT, signal.SIGINT], Stall()))
    file = write_rows(100)
    started = time.monotonic()

    ended = autocalls(
        "bulk", file, "--rate", "20", "--rate-is-agreed", "--out", "out.jsonl"
    )

    assert ended.status == 130
    assert time.monotonic() - started < 5
    assert outcomes().count("unknown") == 1
    assert "1 unknown" in ended.err


def test_an_interrupted_send_tells_what_became_of_it(
    autocalls: Autocalls, service: Service
) -> None:
    interrupt(service, AtSend(1, [signal.SIGINT], Stall(after_acting=True)))

    ended = autocalls("send", OPEN, "hi", "--json")

    assert ended.status == 130
    assert json.loads(ended.out)["outcome"] == "unknown"
    assert ended.complaint.startswith("autocalls: interrupted; unknown to +1415•••")


def test_an_interrupted_send_that_is_answered_is_accepted_but_interrupted(
    autocalls: Autocalls, service: Service
) -> None:
    interrupt(service, AtSend(1, [signal.SIGINT], Delay(0.1)))

    ended = autocalls("send", OPEN, "hi")

    assert ended.status == 130
    assert ended.out.startswith("accepted: ")


def test_ctrl_c_while_rows_are_read_is_a_clear_line(autocalls: Autocalls) -> None:
    os.mkfifo("rows.csv")

    def feed() -> None:
        with Path("rows.csv").open("w") as pipe:
            pipe.write("recipient_phone,message,sender_id\n")
            pipe.flush()
            time.sleep(0.05)  # the command waits for more by then
            os.kill(os.getpid(), signal.SIGINT)

    feeder = threading.Thread(target=feed)
    feeder.start()
    ended = autocalls("bulk", "rows.csv", "--dry-run")
    feeder.join()

    assert ended.status == 130
    assert ended.err == "autocalls: interrupted\n"


def interrupt_when_it_listens(port: int) -> None:
    """Connect until somebody answers, then press Ctrl-C."""
    with socket.socket() as caller:
        while caller.connect_ex(("127.0.0.1", port)):
            time.sleep(0.02)
    os.kill(os.getpid(), signal.SIGINT)


@pytest.mark.parametrize("as_json", [False, True], ids=["people", "programs"])
def test_an_emulator_says_where_it_is_and_serves_until_it_is_stopped(
    as_json: bool, autocalls: Autocalls
) -> None:
    port = own_port()
    url = f"http://127.0.0.1:{port}/api"
    watcher = threading.Thread(target=interrupt_when_it_listens, args=(port,))

    watcher.start()
    ended = autocalls("emulator", "--port", str(port), *["--json"] * as_json)
    watcher.join()

    assert ended.status == 130
    said = ended.err if as_json else ended.out
    page = f"http://127.0.0.1:{port}/"
    assert said.startswith(f"page      {page}\nbase URL  {url}\n")
    assert "senders 12 and 15" in said
    assert f"\nexport AUTOCALLS_BASE_URL={url}\n" in said
    told = [json.loads(line) for line in ended.out.splitlines()] if as_json else []
    assert (
        told
        == [
            {
                "page": page,
                "base_url": url,
                "control": f"{page}_sandbox/v1",
                "api_key": "1|any-key",
                "webhook_secret": None,
            }
        ]
        * as_json
    )


def test_an_emulator_process_ends_in_good_order_on_sigterm() -> None:
    with subprocess.Popen(
        [sys.executable, "-m", "autocalls_async", "emulator", "--port", "0"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()
        process.send_signal(signal.SIGTERM)
        _, err = process.communicate(timeout=10)

    assert process.returncode == 143
    assert err == ""


def test_a_signal_behind_the_sending_lets_the_rest_be_told() -> None:
    async def send_and_tell() -> str:
        async with Stopping(lambda: None) as stopping:
            pass
        os.kill(os.getpid(), signal.SIGINT)
        await asyncio.sleep(0.05)
        return f"told, {stopping.exit_status}"

    assert asyncio.run(send_and_tell()) == "told, None"
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


@pytest.mark.needs("the real clock")
@pytest.mark.skipif(os.name == "nt", reason="it has no such terminals")
def test_a_terminal_that_is_closed_ends_a_campaign_in_good_order(
    service: Service, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import pty  # noqa: PLC0415  # there is none on Windows

    monkeypatch.chdir(tmp_path)
    words = ["-m", "autocalls_async", "bulk", write_rows(200), "--out", "out.jsonl"]
    child, terminal = pty.fork()
    if child == 0:
        os.execv(sys.executable, [sys.executable, *words])  # noqa: S606  # ourselves
    while len(service.emulator.accepted) < 3:
        if select.select([terminal], [], [], 0.05)[0]:
            os.read(terminal, 65_536)

    os.close(terminal)
    _, ended = os.waitpid(child, 0)

    assert os.waitstatus_to_exitcode(ended) == 129
    assert set(outcomes()) == {"accepted", "unsent"}
    assert outcomes().count("accepted") == len(service.emulator.accepted) < 200


def test_a_signal_that_was_to_be_ignored_is() -> None:
    heard: list[int] = []

    async def listen() -> int | None:
        async with Stopping(lambda: heard.append(1)) as stopping:
            os.kill(os.getpid(), signal.SIGHUP)
            await asyncio.sleep(0.05)
        return stopping.exit_status

    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    status = asyncio.run(listen())
    signal.signal(signal.SIGHUP, before)

    assert (heard, status) == ([], None)
