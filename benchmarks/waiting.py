"""What the queue costs: time, memory, an interactive message's wait.

    python -m benchmarks.waiting [--most 1000000] [--only run wait lanes]

**run**: messages through `send_many` without a limit worth the name, beside
`asyncio.gather` over an aiolimiter. HTTP would cost 0.5 ms a message and hide
all else, so both meet a stand-in at the transport's port that answers 200 at
once; what is above it is real. Each figure is a process of its own; memory is
its peak of resident memory over what it had before the first message. The
messages come from a generator, each to another recipient: what `send_many`
holds is mostly the 15,000 windows that it remembers, from 15,000 messages on.
A million takes four minutes, and 2.5 GB for `asyncio.gather`; `--most 100000`
half a minute.

**wait**: seconds from the call to the arrival at the service, of 200 replies at
random moments while 10,000 bulk messages are queued. Over real HTTP to the
emulator, 5 to 60 ms away, in virtual time. Beside it all go through one
`AsyncLimiter(1, 0.2)`, first come first served.

**lanes**: microseconds of one operation of the queue itself at a given length:
a push and the pop that follows, with another recipient each; and a removal
from the midst.

Seconds and microseconds are of this machine, and a busy one adds up to a half:
compare within one run, and how they grow. Memory moves by a megabyte or two.
Waits are in virtual time and repeat exactly. Linux only, for its memory counts.
"""

import argparse
import asyncio
import json
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping
from math import inf
from pathlib import Path
from random import Random
from unittest.mock import patch

import aiohttp
from aiolimiter import AsyncLimiter

from autocalls_async import AutocallsClient, FreeformMessage, SendLimit
from autocalls_async.emulator import Emulator
from autocalls_async.http.reply import Reply
from autocalls_async.http.requests import Request, send_request
from autocalls_async.policy.lanes import Lane, Lanes
from autocalls_async.testing import run as run_in_virtual_time
from benchmarks.fast_server import ROOT
from benchmarks.service import SENDER, make_service

UNLIMITED = 1_000_000
BODY = json.dumps(
    {
        "success": True,
        "conversation_id": 1234,
        "message_id": 567,
        "whatsapp_message_id": 890,
        "message_sid": None,
        "session_status": {
            "is_open": True,
            "can_send_freeform": True,
            "requires_template": False,
            "message": "Session open.",
            "minutes_remaining": 1425,
            "expires_at": "2026-02-25T10:30:00+00:00",
        },
    }
).encode()


class AnsweringLine:
    """Stands at the place of a connection, and answers at once."""

    expires_at = inf

    def __init__(self, reply: Reply) -> None:
        self._reply = reply

    def check(self) -> None:
        """Find nothing wrong."""

    def on_loss(self, _tell: Callable[[], None]) -> None:
        """Lose nothing."""

    async def ask(self, _request: Request) -> Reply:
        """Accept it."""
        return self._reply

    def close(self) -> None:
        """Close nothing."""


class AnsweringTransport:
    """Stands at the transport's port, and answers at once."""

    pool_size = inf

    def __init__(self, **_settings: object) -> None:
        """Take what the real one takes."""

    async def connect(self, _request: Request, **_how: object) -> AnsweringLine:
        """Connect at once."""
        return AnsweringLine(Reply(status=200, body=BODY))

    async def aclose(self) -> None:
        """Close nothing."""


def _phone(number: int) -> str:
    return f"+4930{1_000_000 + number}"


def _messages(count: int) -> Iterator[FreeformMessage]:
    for number in range(count):
        yield FreeformMessage(recipient_phone=_phone(number), message="hello")


# run


async def _send_many(count: int) -> None:
    with patch("autocalls_async.client.wiring.Transport", AnsweringTransport):
        client = AutocallsClient(
            "key",
            sender_id=SENDER,
            send_limit=SendLimit(UNLIMITED, per=1.0),
            window_check="never",
        )
    async with client:
        done = 0
        async for _ in client.send_many(_messages(count)):
            done += 1
    assert done == count


async def _gather(count: int) -> None:
    transport = AnsweringTransport()
    limiter = AsyncLimiter(UNLIMITED, 1.0)

    async def one(message: FreeformMessage) -> object:
        request = send_request(message, sender_id=SENDER)
        async with limiter:
            line = await transport.connect(request)
            reply = await line.ask(request)
        return json.loads(reply.body or b"")

    replies = await asyncio.gather(*map(one, _messages(count)))
    assert len(replies) == count


RUNS: Mapping[str, Callable[[int], Awaitable[None]]] = {
    "send_many": _send_many,
    "gather": _gather,
}


def _measure_here(name: str, count: int) -> None:
    """Run one, and print its seconds and megabytes for the process above."""

    async def warm_and_run() -> tuple[float, float]:
        await RUNS[name](100)
        before, began = _peak_megabytes(), time.perf_counter()
        await RUNS[name](count)
        return time.perf_counter() - began, _peak_megabytes() - before

    print(json.dumps(asyncio.run(warm_and_run())))


def _peak_megabytes() -> float:
    """Tell the most resident memory that this process ever had."""
    status = Path("/proc/self/status").read_text()
    line = next(line for line in status.splitlines() if line.startswith("VmHWM:"))
    return int(line.split()[1]) / 1024


def _measure(name: str, count: int) -> tuple[float, float]:
    command = [sys.executable, "-m", "benchmarks.waiting", "--here", name, str(count)]
    answer = subprocess.run(  # noqa: S603  # ourselves
        command, check=True, cwd=ROOT, stdout=subprocess.PIPE, text=True
    )
    seconds, megabytes = json.loads(answer.stdout)
    return seconds, megabytes


def report_runs(most: int) -> Iterator[str]:
    """Yield the lines of the first table, up to so many messages."""
    yield "| messages | `send_many` | | `asyncio.gather` | |"
    yield "| ---: | ---: | ---: | ---: | ---: |"
    for count in (1_000, 10_000, 100_000, 300_000, 1_000_000):
        if count <= most:
            cells = []
            for name in RUNS:
                seconds, megabytes = _measure(name, count)
                cells.append(f"{seconds:.1f} s | {megabytes:.1f} MB")
            yield f"| {count:,} | {' | '.join(cells)} |"


# wait


class _Watch:
    """Notes when each reply arrives at the service."""

    def __init__(self) -> None:
        self.asked: dict[str, float] = {}

    def waits(self, emulator: Emulator) -> list[float]:
        """Tell how long each reply was on its way, in order of length."""
        arrived = {
            str(request.body["recipient_phone"]): request.at
            for request in emulator.requests
            if isinstance(request.body, dict) and request.status == 200
        }
        return sorted(arrived[phone] - at for phone, at in self.asked.items())


Send = Callable[[str], Awaitable[object]]


async def _reply_now_and_then(send: Send, watch: _Watch, count: int) -> None:
    """Send replies at random moments, each without awaiting those before."""
    rng, loop = Random(7), asyncio.get_running_loop()
    async with asyncio.TaskGroup() as group:
        for number in range(count):
            await asyncio.sleep(rng.uniform(1.0, 2.0))
            phone = f"+33{100_000_000 + number}"
            watch.asked[phone] = loop.time()
            group.create_task(_awaited(send(phone)))


async def _awaited(awaitable: Awaitable[object]) -> None:
    await awaitable


async def _wait_with_lanes(bulk: int, replies: int) -> list[float]:
    watch = _Watch()
    async with make_service("sliding log", "5-60 ms", seed=1) as emulator:
        async with AutocallsClient(
            "key",
            base_url=emulator.base_url,
            sender_id=SENDER,
            window_check="never",
            timeout=86_400,
            drain_timeout=0.1,
        ) as client:

            async def send(phone: str, lane: str = "interactive") -> object:
                return await client.send_freeform(phone, "hello", lane=lane)  # type: ignore[arg-type]  # one of the two

            queued = [
                asyncio.create_task(send(_phone(number), "bulk"))
                for number in range(bulk)
            ]
            await _reply_now_and_then(send, watch, replies)
        await asyncio.gather(*queued, return_exceptions=True)
    return watch.waits(emulator)


async def _wait_in_line(bulk: int, replies: int) -> list[float]:
    watch, limiter = _Watch(), AsyncLimiter(1, 0.2)
    headers = {"Accept": "application/json", "Authorization": "Bearer key"}
    async with make_service("leaky bucket, burst 5", "5-60 ms", seed=1) as emulator:
        url = f"{emulator.base_url}/user/whatsapp/send-freeform"
        async with aiohttp.ClientSession(headers=headers) as session:

            async def send(phone: str) -> None:
                body = {"sender_id": SENDER, "recipient_phone": phone, "message": "hi"}
                async with limiter, session.post(url, json=body) as response:
                    assert response.status == 200

            async with asyncio.TaskGroup() as group:
                for number in range(bulk):
                    group.create_task(send(_phone(number)))
                await _reply_now_and_then(send, watch, replies)
    return watch.waits(emulator)


def report_waits(bulk: int = 10_000, replies: int = 200) -> Iterator[str]:
    """Yield the lines of the second table."""
    yield f"| reply's wait behind {bulk:,} bulk messages | p50 | p99 |"
    yield "| --- | ---: | ---: |"
    for name, measure in (
        ("our lanes", _wait_with_lanes),
        ("`AsyncLimiter(1, 0.2)`, first in first out", _wait_in_line),
    ):
        waits = run_in_virtual_time(measure(bulk, replies))
        half, worst = waits[replies // 2], waits[replies * 99 // 100 - 1]
        yield f"| {name} | {half:.2f} s | {worst:.2f} s |"


# lanes


def _fill(length: int) -> Lanes[int]:
    lanes: Lanes[int] = Lanes()
    for number in range(length):
        lanes.push(number, lane=Lane.BULK, recipient=number)
    return lanes


def _microseconds(operation: Callable[[int], object], times: int) -> float:
    began = time.perf_counter()
    for number in range(times):
        operation(number)
    return (time.perf_counter() - began) / times * 1e6


def report_lanes(most: int, times: int = 20_000) -> Iterator[str]:
    """Yield the lines of the third table, up to such a length."""
    yield "| queue's length | push and pop | remove |"
    yield "| ---: | ---: | ---: |"
    for length in (100, 1_000, 10_000, 100_000, 1_000_000):
        if length <= most:
            through, removal = _measure_lanes(length, times)
            yield f"| {length:,} | {through:.1f} µs | {removal:.1f} µs |"


def _measure_lanes(length: int, times: int) -> tuple[float, float]:
    lanes, rng = _fill(length), Random(1)

    def pass_through(number: int) -> None:
        lanes.push(number, lane=Lane.BULK, recipient=length + number)
        ticket = lanes.pop(Lane.BULK)
        assert ticket
        lanes.done(ticket)

    through = _microseconds(pass_through, times)
    # As many as are removed are put in before, so that the length stays near.
    tickets = [
        lanes.push(number, lane=Lane.BULK, recipient=2 * length + times + number)
        for number in range(min(times, length))
    ]
    rng.shuffle(tickets)
    removal = _microseconds(lambda n: lanes.remove(tickets[n]), len(tickets))
    return through, removal


def main() -> None:
    """Print the tables."""
    parts: Mapping[str, Callable[[int], Iterator[str]]] = {
        "run": report_runs,
        "wait": lambda _: report_waits(),
        "lanes": report_lanes,
    }
    parser = argparse.ArgumentParser(description="Measure the queue.")
    parser.add_argument("--most", type=int, default=1_000_000, help="messages")
    parser.add_argument("--only", nargs="+", choices=parts, default=list(parts))
    parser.add_argument("--here", nargs=2, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.here:
        name, count = arguments.here
        _measure_here(name, int(count))
        return
    for part in arguments.only:
        for line in parts[part](arguments.most):
            print(line, flush=True)
        print()


if __name__ == "__main__":
    main()
