"""The command as its user meets it: arguments in, two streams and a status out."""

import asyncio
import signal
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any, TypeVar
from zlib import crc32

import pytest
import typer.main
from attrs import frozen

from autocalls_async.cli import main
from autocalls_async.emulator import Emulator
from autocalls_async.testing import VirtualTimeLoop, live

T = TypeVar("T")

KEY = "7|topsecret"
OPEN = "+14155550101"
CLOSED = "+14155550102"


def phone_for(text: str) -> str:
    """Return somebody's number: another one for another text."""
    return f"+1415{1_000_000 + crc32(text.encode()) % 9_000_000}"


@frozen
class Service:
    """An emulator that a command asks."""

    emulator: Emulator

    def do(self, step: Callable[[Emulator], T]) -> T:
        """Do something to the emulator."""
        return step(self.emulator)


@contextmanager
def in_virtual_time(emulator: Emulator, patch: pytest.MonkeyPatch) -> Iterator[None]:
    """Run it on one loop with the commands, whose clock jumps over what they wait for.

    Between commands it stands still.
    """
    with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:

        def run(main: Coroutine[Any, Any, T]) -> T:
            try:
                return runner.run(main)
            finally:  # as the end of a loop of its own does
                for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
                    runner.get_loop().remove_signal_handler(number)

        patch.setattr("asyncio.run", run)
        run(emulator.__aenter__())
        yield
        run(emulator.__aexit__(None, None, None))


@contextmanager
def serving(
    monkeypatch: pytest.MonkeyPatch,
    *,
    everyone_is_open: bool = False,
    in_thread: bool = False,
) -> Iterator[Service]:
    """Run a service that the environment names.

    Args:
        monkeypatch: What changes the environment.
        everyone_is_open: Whether all windows are open but that of `CLOSED`.
        in_thread: Let it answer others than commands in this thread, in real time.
    """
    emulator = Emulator(rate=1000, everyone_is_open=everyone_is_open)
    with live(emulator) if in_thread else in_virtual_time(emulator, monkeypatch):
        emulator.customer_writes(OPEN)
        emulator.expire_window(CLOSED)
        monkeypatch.setenv("AUTOCALLS_API_KEY", KEY)
        monkeypatch.setenv("AUTOCALLS_BASE_URL", emulator.base_url)
        monkeypatch.setenv("AUTOCALLS_SENDER_ID", "12")
        yield Service(emulator)


def is_real(request: pytest.FixtureRequest) -> bool:
    """Whether a test wants a service that others than its commands can ask."""
    return request.node.get_closest_marker("real_time") is not None


@pytest.fixture
def service(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Service]:
    """Return a service that the environment names, with one open window."""
    with serving(monkeypatch, in_thread=is_real(request)) as service:
        yield service


@frozen
class Ended:
    """How a command ended."""

    status: int
    out: str
    err: str

    @property
    def complaint(self) -> str:
        """The last line on standard error."""
        return self.err.splitlines()[-1] if self.err else ""


Autocalls = Callable[..., Ended]


@pytest.fixture(scope="session")
def made_once() -> Iterator[None]:
    """Let typer make the commands of the functions once: 11 ms in each run of one."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("typer.main.get_command", cache(typer.main.get_command))
        yield


@pytest.fixture
def autocalls(
    made_once: None,  # noqa: ARG001  # it is
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> Autocalls:
    """Run the command in this process, in an empty folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "100")

    def run(*arguments: str) -> Ended:
        status = main(arguments)
        streams = capsys.readouterr()
        for stream in streams:
            assert "topsecret" not in stream
            assert "Traceback" not in stream
        return Ended(status, streams.out, streams.err)

    return run
