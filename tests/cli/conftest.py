"""The command as its user meets it: arguments in, two streams and a status out."""

import asyncio
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Self, TypeVar

import pytest
from attrs import frozen

from autocalls_async.cli import main
from autocalls_async.emulator import Emulator

T = TypeVar("T")

KEY = "7|topsecret"
OPEN = "+14155550101"
CLOSED = "+14155550102"


class Service:
    """An emulator on a thread and a loop of its own, since the command blocks."""

    def __init__(self) -> None:
        self.emulator = Emulator(rate=1000)
        self._loop = asyncio.SelectorEventLoop()
        self._thread = threading.Thread(target=self._loop.run_forever)

    def __enter__(self) -> Self:
        self._thread.start()
        future = asyncio.run_coroutine_threadsafe(
            self.emulator.__aenter__(), self._loop
        )
        future.result()
        return self

    def __exit__(self, *_: object) -> None:
        closing = self.emulator.__aexit__(None, None, None)
        asyncio.run_coroutine_threadsafe(closing, self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def do(self, step: Callable[[Emulator], T]) -> T:
        """Do something to the emulator, where its clock is."""

        async def call() -> T:
            return step(self.emulator)

        return asyncio.run_coroutine_threadsafe(call(), self._loop).result()


@pytest.fixture
def service(monkeypatch: pytest.MonkeyPatch) -> Iterator[Service]:
    """Give a service that the environment names, with one open window."""
    with Service() as service:
        service.do(lambda emulator: emulator.customer_writes(OPEN))
        service.do(lambda emulator: emulator.expire_window(CLOSED))
        monkeypatch.setenv("AUTOCALLS_API_KEY", KEY)
        monkeypatch.setenv("AUTOCALLS_BASE_URL", service.emulator.base_url)
        monkeypatch.setenv("AUTOCALLS_SENDER_ID", "12")
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


@pytest.fixture
def autocalls(
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
