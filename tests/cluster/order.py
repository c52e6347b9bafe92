"""Order over both lanes: `python -m tests.cluster.order --seeds 50`.

Bulk and replies go to the same few people, while the worker that sends is killed once
and hands over in an orderly way once. Whatever came to somebody must have come in the
order in which it was put in. A line of JSON for each seed, and one for all.
"""

import argparse
import asyncio
import json
from collections import Counter
from typing import Any

from autocalls_async import FreeformMessage
from autocalls_async.cli.cluster.postgres import Server, find_programs
from tests.cluster.world import World, open_world, until

RATE = 40
MESSAGES = 64
PEOPLE = 8
_IDS = "SELECT content::json ->> 'message', id FROM autocalls.message"


async def run(server: Server, *, seed: int) -> dict[str, Any]:
    """Run one seed, and return what came of it."""
    async with open_world(server, seed=seed, rate=RATE) as world:
        world.start(2, "--rate", str(RATE))
        await world.until_started()
        putting = asyncio.create_task(_put(world))
        changes = world.draw.sample(["kill", "hand-over"], 2)
        for number, change in enumerate(changes):
            await _until_accepted(world, world.draw.randint(2, 24) + 24 * number)
            await _change(world, change)
        await putting
        await world.until_done()
        verdict = await world.verdict()
        found = {name: verdict[name] for name in ("accepted", "unknown", "doubles")}
        breaks = await order_breaks(world)
        return {"seed": seed, "changes": changes, **found, "order breaks": breaks}


async def order_breaks(world: World) -> int:
    """Count messages to somebody that came before one put in earlier."""
    ids: dict[str | None, int] = dict(await world.database.fetch(_IDS))
    last, breaks = Counter[str](), 0
    for one in world.emulator.accepted:
        row_id = ids[one.message]
        breaks += last[one.recipient_phone] > row_id
        last[one.recipient_phone] = max(row_id, last[one.recipient_phone])
    return breaks


async def _put(world: World) -> None:
    """Put in bulk some at a time, and replies to the same people in between."""
    numbers = list(range(MESSAGES))
    while numbers:
        lane = world.draw.choice(["bulk", "interactive"])
        count = 1 if lane == "interactive" else world.draw.randint(1, 8)
        batch = [
            FreeformMessage(
                recipient_phone=f"+1415555{world.draw.randrange(PEOPLE):04d}",
                message=f"{lane} #{number}",
            )
            for number in numbers[:count]
        ]
        del numbers[:count]
        await world.cluster.enqueue_many(
            batch,
            account="acme",
            lane="interactive" if lane == "interactive" else "bulk",
        )
        await asyncio.sleep(world.draw.uniform(0.0, 0.1))


async def _until_accepted(world: World, count: int) -> None:
    async def has_come_so_far() -> bool:
        return len(world.emulator.accepted) >= count

    await until(has_come_so_far)


async def _change(world: World, change: str) -> None:
    """Have another worker send."""

    async def is_held() -> bool:
        return await world.holder() is not None

    await until(is_held)
    worker = await world.holder()
    assert worker is not None
    if change == "kill":
        worker.kill()
    else:
        await asyncio.to_thread(worker.end)
    worker.start()


def main() -> None:
    """Run the seeds, and say how often the order broke."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--seeds", type=int, default=50)
    parser.add_argument("--first", type=int, default=1)
    given = parser.parse_args()
    programs = find_programs()
    assert programs is not None, "PostgreSQL is not installed"
    total = Counter[str]()
    with Server(programs) as server:
        for seed in range(given.first, given.first + given.seeds):
            found = asyncio.run(run(server, seed=seed))
            print(json.dumps(found), flush=True)  # noqa: T201  # a command
            names = ("accepted", "unknown", "doubles", "order breaks")
            total.update({name: found[name] for name in names})
    print(json.dumps({"seeds": given.seeds, **total}))  # noqa: T201  # a command
    raise SystemExit(1 if total["order breaks"] or total["doubles"] else 0)


if __name__ == "__main__":
    main()
