"""Workers in trouble: `python -m tests.cluster.trouble kill --seed 1 --messages 300`.

Each kind of trouble befalls three workers with a campaign, while replies come in, and
ends with what the table says held against what the service saw, as a line of JSON.
"""

import argparse
import asyncio
import json
import signal
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any, TypeAlias

from autocalls_async.cli.cluster.postgres import Server, find_programs
from tests.cluster.delaying import delaying
from tests.cluster.world import LEASE_SECONDS, WorkerProcess, World, open_world, until

Trouble: TypeAlias = Callable[[World], Awaitable[dict[str, Any]]]
MESSAGES_PER_KILL = 30
TROUBLES: dict[str, Trouble] = {}


def trouble(run: Trouble) -> Trouble:
    """Let a kind of trouble be asked for by its name."""
    TROUBLES[run.__name__] = run
    return run


@trouble
async def kill(world: World) -> dict[str, Any]:
    """Kill the holder about once every so many messages, and start it again."""
    in_flight: list[int] = []
    for number in range(world.message_count // world.messages_per_kill):
        at = (number + world.draw.uniform(0.2, 0.8)) * world.messages_per_kill
        await _until_sent(world, at)
        worker = await _the_holder(world)
        async with world.losing(in_flight):
            worker.kill()
        await asyncio.sleep(world.draw.uniform(0.0, 2.0))
        worker.start()
    return {"kills": len(in_flight), "in flight then": sum(in_flight)}


@trouble
async def stop(world: World) -> dict[str, Any]:
    """Stop the holder for 2 to 13 seconds, and let it go on."""
    in_flight: list[int] = []
    while await _has_work(world):
        await asyncio.sleep(world.draw.uniform(2.0, 5.0))
        if (worker := await world.holder()) is not None and await _has_work(world):
            async with world.losing(in_flight):
                worker.signal(signal.SIGSTOP)
            await asyncio.sleep(world.draw.uniform(2.0, 13.0))
            worker.signal(signal.SIGCONT)
    return {"stops": len(in_flight), "in flight then": sum(in_flight)}


@trouble
async def restart(world: World) -> dict[str, Any]:
    """Restart the database at once, as a crash does."""
    await asyncio.sleep(5)
    for action in (world.server.stop, world.server.start):
        await asyncio.to_thread(action)
    return {"restarts": 1}


@trouble
async def away(world: World) -> dict[str, Any]:
    """Have the database away for 20 seconds: nothing may leave meanwhile."""
    await asyncio.sleep(5)
    await asyncio.to_thread(world.server.stop)
    await asyncio.sleep(2)  # what was in flight has come by then
    before = len(world.emulator.accepted)
    await asyncio.sleep(18)
    during = len(world.emulator.accepted) - before
    await asyncio.to_thread(world.server.start)
    return {"sent while it was away": during}


@trouble
async def term(world: World) -> dict[str, Any]:
    """End the holder with SIGTERM now and then: it hands over."""
    count, statuses = 0, set[int]()
    while await _has_work(world):
        await asyncio.sleep(world.draw.uniform(2.0, 5.0))
        if (worker := await world.holder()) is not None and await _has_work(world):
            statuses.add(await asyncio.to_thread(worker.end))
            count += 1
            worker.start()
    return {"hand-overs": count, "exit statuses": sorted(statuses)}


@trouble
async def quiet(world: World) -> dict[str, Any]:
    """Have no trouble at all."""
    assert world.workers
    return {}


async def far(world: World, milliseconds: float) -> dict[str, Any]:
    """Have the database so far away from the workers."""
    seconds = milliseconds / 1000
    async with delaying(world.server.port, round_trip=seconds) as port:
        world.way = world.dsn.replace(f":{world.server.port}/", f":{port}/")
        world.start(2)
        await world.until_started()
        await world.campaign(100)
        await world.until_done()
        found = await world.verdict()
        for worker in world.workers:
            await asyncio.to_thread(worker.end)
        return {"milliseconds": milliseconds, **found}


async def look(world: World, where: str) -> dict[str, Any]:
    """Stop the holder just before or after a last look, until another took over."""
    world.start(1, "--stop", f"{where}:15")
    first = world.workers[0]
    await world.campaign(60)

    async def is_stopped() -> bool:
        return first.is_stopped

    await until(is_stopped)
    sent = len(world.emulator.accepted)
    world.start(1)
    stopped_at = time.monotonic()

    async def is_taken_over() -> bool:
        return len(world.emulator.accepted) >= sent + 10

    await until(is_taken_over)
    took = time.monotonic() - stopped_at
    first.signal(signal.SIGCONT)
    await world.until_done()
    await asyncio.sleep(2)
    return {"taken over after": round(took, 1), **await world.verdict()}


async def run(
    server: Server,
    kind: str,
    *,
    seed: int,
    messages: int,
    every: int = MESSAGES_PER_KILL,
    replies: bool = True,
) -> dict[str, Any]:
    """Run one kind of trouble, and return what came of it."""
    async with open_world(server, seed=seed) as world:
        world.message_count, world.messages_per_kill = messages, every
        if kind.startswith("look-"):
            return await look(world, kind.removeprefix("look-"))
        if kind.startswith("far-"):
            return await far(world, float(kind.removeprefix("far-")))
        world.start(3)
        await world.until_started()
        await world.campaign(messages, people=max(messages - 20, 1))
        replying = _answer(world, messages) if replies else _none()
        answering = asyncio.create_task(replying)
        facts = await TROUBLES[kind](world)
        await world.until_done()
        answering.cancel()
        await asyncio.wait([answering])
        await asyncio.sleep(LEASE_SECONDS / 2)
        return {"trouble": kind, "seed": seed, **facts, **await world.verdict()}


async def _until_sent(world: World, count: float) -> None:
    """Wait until so many messages of the campaign have come."""

    async def are_sent() -> bool:
        return len(world.emulator.accepted) - len(world.replied) >= count

    await until(are_sent, seconds=300)


async def _the_holder(world: World) -> WorkerProcess:
    """Wait until a worker holds the account, and return it."""
    await until(world.holder)
    worker = await world.holder()
    assert worker is not None
    return worker


async def _answer(world: World, messages: int) -> None:
    """Have people write, some of whom are in the campaign."""
    tasks = set[asyncio.Task[None]]()
    try:
        for number in range(10_000, 20_000):
            await asyncio.sleep(world.draw.uniform(0.5, 4.0))
            phone = f"+1415555{world.draw.randrange(messages):04d}"
            tasks.add(asyncio.create_task(world.reply(number, phone)))
    finally:
        await asyncio.wait(tasks, timeout=20)


async def _none() -> None:
    """Have nobody write."""


async def _has_work(world: World) -> bool:
    with suppress(Exception):
        (account,) = (await world.cluster.status()).accounts
        return account.bulk + account.interactive > 10
    return True


def main() -> None:
    """Run what was asked for, and print a line for each seed."""
    parser = argparse.ArgumentParser()
    kinds = [*TROUBLES, "look-before", "look-after", "far-1", "far-5", "far-20"]
    parser.add_argument("kind", choices=kinds)
    parser.add_argument("--seed", type=int, nargs="+", default=[1])
    parser.add_argument("--messages", type=int, default=300)
    parser.add_argument(
        "--every",
        type=int,
        default=MESSAGES_PER_KILL,
        help="the holder is killed once in so many messages: 10 times in 300 as it is,"
        " and 20 times with 15",
    )
    given = parser.parse_args()
    programs = find_programs()
    assert programs is not None, "PostgreSQL is not installed"
    for seed in given.seed:
        with Server(programs) as server:
            found = run(
                server,
                given.kind,
                seed=seed,
                messages=given.messages,
                every=given.every,
            )
            print(json.dumps(asyncio.run(found)), flush=True)  # noqa: T201  # a command


if __name__ == "__main__":
    main()
