"""Campaigns through the emulator, settled by evidence: what is settled wrongly.

    .venv/bin/python -m tests.webhooks.evidence.played --count 300

Each has a journal and a store of receipts. The sandbox loses answers, and the message
with them or not, and tells by signed receipts how far the rest came. Assistants and
colleagues write to the same people, and so does another program, with equal texts:
one that notes what it sends in the same store, or, with `--apart`, one that does not.
Some receivers are away for a while. All of it is in virtual time.
"""

import argparse
import asyncio
import logging
import random
from collections import Counter
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory

from aiohttp import web
from aiohttp.test_utils import TestServer
from attrs import define, field

from autocalls_async import (
    AutocallsClient,
    Deliveries,
    FreeformMessage,
    Message,
    TemplateMessage,
    UnknownOutcomeError,
)
from autocalls_async.cli.journal.settling import settle
from autocalls_async.cli.options import Connection
from autocalls_async.emulator import (
    Emulator,
    Endpoint,
    Fault,
    HangUpAfter,
    HangUpBefore,
)
from autocalls_async.journal import SqliteJournal, State
from autocalls_async.testing import run
from autocalls_async.webhooks import Receiver, Webhooks
from autocalls_async.webhooks.evidence.evidence import Proof
from tests.webhooks.bodies import SECRET, SENDER

PEOPLE = tuple(f"+1415555{number:04}" for number in range(2))
TEXTS = ("Welcome", "Your table is ready", "See you at ten")
KINDS = {"ours": 6, "other program": 2, "assistant": 1, "colleague": 1}
TEMPLATE = 46
LOST = 0.3
_MEMORY = Path("/dev/shm")  # noqa: S108  # no disk has to take 1,000 commits each

Told = Counter[tuple[str, bool]]
"""How many unknown messages there were of each verdict, and whether they arrived."""


@define
class World:
    """One campaign, and all who write to its people.

    Attributes:
        folder: Where its journal and its receipts are.
        arrived: Of our messages by key, whether they did.
    """

    draw: random.Random
    folder: Path
    emulator: Emulator
    ours: AutocallsClient
    others: AutocallsClient
    by_hand: AutocallsClient
    arrived: dict[str, bool] = field(factory=dict)

    async def happen(self) -> None:
        """Let some hours of messages pass."""
        for number in range(self.draw.randrange(8, 20)):
            await asyncio.sleep(self.draw.choice((0.3, 4, 30, 200, 1000)))
            phone = self.draw.choice(PEOPLE)
            kind = self.draw.choices(list(KINDS), list(KINDS.values()))[0]
            if kind == "ours":
                await self._send_ours(self._message(phone, key=str(number)))
            elif kind == "other program":
                message = self._message(phone)
                self._lose(message)
                with suppress(UnknownOutcomeError):
                    await self.others.send(message)
            else:
                text = f"{kind} says {self.draw.random()}"
                await self.by_hand.send(_freeform(phone, text))

    async def _send_ours(self, message: Message) -> None:
        fault = self._lose(message)
        journal = self.folder / "run.db"
        async for _ in self.ours.send_many([message], journal=journal):
            self.arrived[message.key or ""] = not isinstance(fault, HangUpBefore)

    def _lose(self, message: Message) -> Fault | None:
        """Let its answer be lost, perhaps, and perhaps the message with it."""
        if self.draw.random() >= LOST:
            return None
        fault = HangUpAfter() if self.draw.random() < 0.5 else HangUpBefore()
        is_text = isinstance(message, FreeformMessage)
        endpoint = Endpoint.SEND_FREEFORM if is_text else Endpoint.SEND_TEMPLATE
        self.emulator.fail_next(1, fault, endpoint=endpoint)
        return fault

    def _message(self, phone: str, *, key: str | None = None) -> Message:
        if self.draw.random() >= 0.1:
            return _freeform(phone, self.draw.choice(TEXTS), key=key)
        return TemplateMessage(recipient_phone=phone, template_id=TEMPLATE, key=key)


def _freeform(phone: str, text: str, *, key: str | None = None) -> FreeformMessage:
    return FreeformMessage(recipient_phone=phone, message=text, key=key)


class Taking:
    """Takes receipts in, but for a while in some campaigns."""

    def __init__(self, store: Path) -> None:
        self._store = store
        self._hooks: Webhooks | None = None
        self._deliveries: Deliveries | None = None

    async def take(self, request: web.Request) -> web.Response:
        """Answer a webhook."""
        if self._hooks is None:
            return web.Response(status=503)
        raw = await request.read()
        answer = await self._hooks.handle(request.path, request.headers, raw)
        return web.Response(status=answer.status, headers=answer.headers)

    async def begin(self) -> None:
        """Take in from now on."""
        self._deliveries = Deliveries(self._store)
        self._hooks = Webhooks(Receiver(SECRET), deliveries=self._deliveries)
        await self._hooks.start()

    async def end(self) -> None:
        """Take nothing in from now on."""
        deliveries, self._deliveries, self._hooks = self._deliveries, None, None
        if deliveries is not None:
            await deliveries.aclose()

    async def be_away(self, begin: float, seconds: float) -> None:
        """Take nothing in for a while."""
        await asyncio.sleep(begin)
        await self.end()
        await asyncio.sleep(seconds)
        await self.begin()


@asynccontextmanager
async def _receivers(taking: Taking) -> AsyncIterator[str]:
    app = web.Application()
    app.router.add_post("/hooks/receipts", taking.take)
    server = TestServer(app)
    await server.start_server()
    async with server:
        await taking.begin()
        try:
            yield str(server.make_url("/hooks/receipts"))
        finally:
            await taking.end()


async def play(seed: int, folder: Path, *, is_apart: bool = False) -> Told:
    """Play one campaign, and settle it twice: by default, then what is likely."""
    draw = random.Random(seed)
    store = folder / "receipts.db"
    taking = Taking(store)
    async with (
        _receivers(taking) as webhook,
        Emulator(
            rate_limit=None,
            everyone_is_open=True,
            webhook=webhook,
            webhook_secret=SECRET,
            receipt_steps="delivered",
        ) as emulator,
        _client(emulator, store) as ours,
        _client(emulator, None if is_apart else store) as others,
        _client(emulator, None) as by_hand,
        asyncio.TaskGroup() as tasks,
    ):
        for phone in PEOPLE:
            emulator.customer_writes(phone, text="Hello")
        if draw.random() < 0.2:
            tasks.create_task(taking.be_away(draw.uniform(0, 3000), 600))
        world = World(
            draw=draw,
            folder=folder,
            emulator=emulator,
            ours=ours,
            others=others,
            by_hand=by_hand,
        )
        await world.happen()
        await asyncio.sleep(1000)  # the last one's time is over
        return await _settle(world)


def _client(emulator: Emulator, store: Path | None) -> AutocallsClient:
    return AutocallsClient(
        "1|k",
        base_url=emulator.base_url,
        sender_id=SENDER,
        window_check="never",
        deliveries=None if store is None else Deliveries(store),
    )


async def _settle(world: World) -> Told:
    """Count what was settled by default, what more with `--take likely`, what not."""
    told: Told = Counter()
    if not world.arrived:
        return told
    connection = Connection(api_key="1|k", base_url=world.emulator.base_url)
    journal, store = world.folder / "run.db", world.folder / "receipts.db"
    unknown = await _unknown(journal)
    for name, wanted in (
        ("sure", {Proof.SURE}),
        ("likely", {Proof.SURE, Proof.LIKELY}),
    ):
        await settle(journal, store, connection, wanted, reads_history=True)
        left = await _unknown(journal)
        told.update((name, world.arrived[key]) for key in unknown - left)
        unknown = left
    told.update(("none", world.arrived[key]) for key in unknown)
    return told


async def _unknown(journal: Path) -> set[str]:
    async with SqliteJournal(journal) as opened:
        return {entry.key async for entry in opened.entries(State.UNKNOWN)}


def play_all(seeds: Iterable[int], *, is_apart: bool = False) -> Told:
    """Play campaigns, each in a folder of its own."""
    told: Told = Counter()
    for seed in seeds:
        with TemporaryDirectory(dir=_MEMORY if _MEMORY.is_dir() else None) as folder:
            told += run(play(seed, Path(folder), is_apart=is_apart))
    return told


def main() -> None:
    """Play campaigns, and tell what was settled wrongly."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=300)
    parser.add_argument("--apart", action="store_true")
    given = parser.parse_args()
    logging.disable()  # it tells of each unknown message
    told = play_all(range(given.count), is_apart=given.apart)
    sure, likely = told["sure", False], told["likely", False]
    lines = [
        f"{name:7} arrived {told[name, True]:5}  did not {told[name, False]:5}"
        for name in ("sure", "likely", "none")
    ]
    wrong = f"{sure} settled wrongly by default, {sure + likely} with --take likely"
    print(*lines, f"{given.count} campaigns: {wrong}", sep="\n")  # noqa: T201  # a command


if __name__ == "__main__":
    main()
