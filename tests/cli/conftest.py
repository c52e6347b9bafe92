"""The command as its user meets it: arguments in, two streams and a status out."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import TypeVar
from zlib import crc32

import pytest
import typer.main
from attrs import frozen

from autocalls_async.cli import main
from autocalls_async.emulator import Emulator
from autocalls_async.testing import live

T = TypeVar("T")

KEY = "7|topsecret"
OPEN = "+14155550101"
CLOSED = "+14155550102"


def phone_for(text: str) -> str:
    """Return somebody's number: another one for another text."""
    return f"+1415{1_000_000 + crc32(text.encode()) % 9_000_000}"


@frozen
class Service:
    """An emulator on a thread and a loop of its own, since the command blocks."""

    emulator: Emulator

    def do(self, step: Callable[[Emulator], T]) -> T:
        """Do something to the emulator."""
        return step(self.emulator)


@contextmanager
def serving(
    monkeypatch: pytest.MonkeyPatch, *, everyone_is_open: bool = False
) -> Iterator[Service]:
    """Run a service that the environment names."""
    emulator = Emulator(rate=1000, everyone_is_open=everyone_is_open)
    with live(emulator) as emulator:
        emulator.customer_writes(OPEN)
        emulator.expire_window(CLOSED)
        monkeypatch.setenv("AUTOCALLS_API_KEY", KEY)
        monkeypatch.setenv("AUTOCALLS_BASE_URL", emulator.base_url)
        monkeypatch.setenv("AUTOCALLS_SENDER_ID", "12")
        yield Service(emulator)


@pytest.fixture
def service(monkeypatch: pytest.MonkeyPatch) -> Iterator[Service]:
    """Return a service that the environment names, with one open window."""
    with serving(monkeypatch) as service:
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
