"""Which files one goes through, in the order in which they are entered.

    .venv/bin/python -m tests.entered

It prints them for one send, for a run of `send_many()` with a journal and for
`autocalls bulk --journal`, on the emulator, each with the first functions that were
called in it: a way to read the house. What is only imported is not entered.
"""

import asyncio
import os
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from types import FrameType

import autocalls_async
from autocalls_async import AutocallsClient, FreeformMessage
from autocalls_async.cli import main
from autocalls_async.emulator import Emulator
from autocalls_async.testing.in_thread import live

HOUSE = Path(str(autocalls_async.__file__)).parent
_OTHERS = ("emulator", "testing")  # the service, and what serves it here
_MOST_NAMED = 4
PHONES = tuple(f"+1415555{number:04}" for number in range(5))
KEY, SENDER = "1|abc", 12


class Entered:
    """The functions that were called, by their file within the house."""

    def __init__(self) -> None:
        self.functions: dict[str, dict[str, None]] = {}

    def note(self, frame: FrameType, event: str, _: object) -> None:
        """Note a call, as a profiler is told of it."""
        code = frame.f_code
        if event != "call" or not code.co_filename.startswith(f"{HOUSE}{os.sep}"):
            return
        file = Path(code.co_filename).relative_to(HOUSE)
        if file.parts[0] in _OTHERS or _is_import(frame):
            return
        self.functions.setdefault(file.as_posix(), {})[code.co_qualname] = None

    @contextmanager
    def noting(self) -> Iterator[None]:
        """Note what this thread calls, and those that it begins."""
        threading.setprofile(self.note)
        sys.setprofile(self.note)
        try:
            yield
        finally:
            sys.setprofile(None)
            threading.setprofile(None)


def _is_import(frame: FrameType) -> bool:
    """Whether a module of the house is being made just now."""
    outer: FrameType | None = frame
    while outer is not None:
        code = outer.f_code
        if code.co_name == "<module>" and code.co_filename.startswith(str(HOUSE)):
            return True
        outer = outer.f_back
    return False


async def _send(base_url: str, entered: Entered) -> None:
    async with AutocallsClient(KEY, base_url=base_url, sender_id=SENDER) as client:
        with entered.noting():
            await client.send_freeform(PHONES[0], "Your table is ready")


async def _run(base_url: str, entered: Entered, journal: Path) -> None:
    messages = [
        FreeformMessage(recipient_phone=phone, message="hi") for phone in PHONES
    ]
    with entered.noting():
        async with AutocallsClient(KEY, base_url=base_url, sender_id=SENDER) as client:
            async for _ in client.send_many(messages, journal=journal):
                pass


def enter_by_send(folder: Path) -> Entered:
    """Return what the call of one send enters, in a client that is open."""
    del folder
    entered = Entered()
    with live(Emulator(everyone_is_open=True)) as emulator:
        asyncio.run(_send(emulator.base_url, entered))
    return entered


def enter_by_run(folder: Path) -> Entered:
    """Return what a run with a journal enters, its client's opening and end too."""
    entered = Entered()
    with live(Emulator(everyone_is_open=True)) as emulator:
        asyncio.run(_run(emulator.base_url, entered, folder / "run.db"))
    return entered


def enter_by_bulk(folder: Path) -> Entered:
    """Return what `autocalls bulk --journal` enters."""
    entered = Entered()
    rows = folder / "rows.csv"
    lines = ("recipient_phone,message", *(f"{phone},hi" for phone in PHONES))
    rows.write_text("\n".join(lines), encoding="utf-8")
    words = ["bulk", str(rows), "--journal", str(folder / "bulk.db")]
    words += ["--api-key", KEY, "--sender-id", str(SENDER), "--base-url"]
    with live(Emulator(everyone_is_open=True)) as emulator, entered.noting():
        main([*words, emulator.base_url])
    return entered


WAYS: dict[str, Callable[[Path], Entered]] = {
    "one send": enter_by_send,
    "a run with a journal": enter_by_run,
    "bulk --journal": enter_by_bulk,
}


def tell(name: str, entered: Entered) -> None:
    """Print what was entered, in order."""
    print(f"\n{name}: {len(entered.functions)} files")  # noqa: T201  # a command
    for file, functions in entered.functions.items():
        first = ", ".join(list(functions)[:_MOST_NAMED])
        print(f"  {file:34} {first}")  # noqa: T201


if __name__ == "__main__":
    for name, enter in WAYS.items():
        with TemporaryDirectory() as folder:
            tell(name, enter(Path(folder)))
