"""How long one reply takes, from the call to its answer, over a network.

    python -m benchmarks.latency [--samples 10] [--round-trip 0.05] [--json out.json]

The server is on this machine, behind a proxy that is a round trip away
(`delay_proxy`), once plain and once with TLS. One round trip is the floor: a
connection that stands costs none, a new one costs one more, and a TLS handshake
another; asking for the messaging window is a request of its own.

Each sample is a client of its own, which does what its row says and then sends
one message; the row has the milliseconds of that one. Ours has its default
settings: 5 a second, connections of its own, the window asked for where none is
known. Beside it are aiohttp, httpx and slack_sdk as they are, with one session
that all their requests share; they know no windows, so their rows are fewer.

- *repeated*: 2 seconds after another message was answered. At once after
  `note_inbound` is the same, 2 seconds after another, with the note just before.
- *a client that was idle*: nothing was sent before. A quarter of a second is less
  than any bot takes to think; 20 seconds is what a language model may take.
- *the first of all* asks for the window, and nothing stands yet; after `warm()` a
  connection stands for that, and one for the message.

All samples of a round, of all rows, run in one process, in an order that is drawn
by lot, a fifth of a second apart. The process has sent before: what is made at
the first answer of a process is made.

Noise: a timer is up to a millisecond late at each of the proxy's two sides, and a
busy machine adds some more; the median moves by two. All else of a row's distance
from 50, 100 or 150 is round trips that were or were not saved.
"""

import argparse
import asyncio
import gc
import json
import os
import ssl
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from enum import Enum
from importlib.util import find_spec
from itertools import count
from pathlib import Path
from random import Random

import aiohttp
from attrs import frozen

from autocalls_async import AutocallsClient
from benchmarks.contenders import SENDER, TEXT
from benchmarks.delay_proxy import delay_proxy
from benchmarks.fast_server import ROOT, beside, cores, pin
from benchmarks.spread import Spread

# ruff: noqa: PLC0415  # the peers may be missing, and are slow to import

SAMPLES = 10
ROUND_TRIP_SECONDS = 0.05
APART_SECONDS = 0.2
SETTLED_SECONDS = 2.0
THOUGHT_SECONDS = 0.25
LONG_SECONDS = 20.0

CERTIFICATES = ROOT / "tests" / "promises" / "faults" / "certificates"
"""Of 127.0.0.1, signed by the tests' own authority."""

_PHONES = map("+4930{}".format, count(1_000_000))


class Wire(Enum):
    """What lies on the connection."""

    PLAIN = "http"
    TLS = "https"


Reply = Callable[[], Awaitable[object]]
"""The one message that is measured."""

Open = Callable[[str], AbstractAsyncContextManager[Reply]]
"""Do what the row says, up to its reply, with a server at this URL."""


@frozen(kw_only=True)
class Row:
    """One thing that is measured.

    Attributes:
        goal: Milliseconds over TLS, 50 ms away, where there is a goal.
        module: What must be installed for it, beside what we need ourselves.
    """

    title: str
    open: Open
    goal: float | None = None
    module: str | None = None


# Ours


Prepare = Callable[[AutocallsClient, str], Awaitable[None]]


def _ours(prepare: Prepare) -> Open:
    @asynccontextmanager
    async def opened(url: str) -> AsyncIterator[Reply]:
        async with AutocallsClient(
            "1|key", base_url=f"{url}/api", sender_id=SENDER
        ) as client:
            phone = next(_PHONES)
            await prepare(client, phone)
            yield lambda: client.send_freeform(phone, TEXT)

    return opened


async def _after_another(client: AutocallsClient, phone: str) -> None:
    await client.send_freeform(phone, TEXT)
    await asyncio.sleep(SETTLED_SECONDS)


async def _noted_after_another(client: AutocallsClient, phone: str) -> None:
    await _after_another(client, next(_PHONES))
    client.windows.note_inbound(phone)


def _noted_before(seconds: float) -> Prepare:
    async def prepare(client: AutocallsClient, phone: str) -> None:
        client.windows.note_inbound(phone)
        await asyncio.sleep(seconds)

    return prepare


async def _unknown_after_another(client: AutocallsClient, _: str) -> None:
    await client.send_freeform(next(_PHONES), TEXT)
    await asyncio.sleep(THOUGHT_SECONDS)  # the pace's gap is over, and binds nobody


async def _nothing_before(_client: AutocallsClient, _: str) -> None:
    """Send as the first thing that this client does."""


async def _warmed(client: AutocallsClient, _: str) -> None:
    await client.warm()
    await asyncio.sleep(1.0)  # the proxy's own handshake takes no time on plain TCP


OURS = {
    "repeated": Row(
        title="repeated: 2 s after another", open=_ours(_after_another), goal=56
    ),
    "noted": Row(
        title="at once after `note_inbound`, 2 s after another",
        open=_ours(_noted_after_another),
        goal=56,
    ),
    "noted-thought": Row(
        title="0.25 s after `note_inbound`, a client that was idle",
        open=_ours(_noted_before(THOUGHT_SECONDS)),
        goal=56,
    ),
    "noted-long": Row(
        title="20 s after `note_inbound`, a client that was idle",
        open=_ours(_noted_before(LONG_SECONDS)),
        goal=56,
    ),
    "noted-idle": Row(
        title="at once after `note_inbound`, a client that was idle",
        open=_ours(_noted_before(0.0)),
    ),
    "unknown": Row(
        title="its window is unknown, just after another",
        open=_ours(_unknown_after_another),
        goal=110,
    ),
    "first": Row(
        title="the first of all, its window unknown",
        open=_ours(_nothing_before),
        goal=215,
    ),
    "warmed": Row(
        title="the first of all, 1 s after `warm()`, its window unknown",
        open=_ours(_warmed),
        goal=110,
    ),
}


# The others


Session = Callable[[str], AbstractAsyncContextManager[Reply]]


@asynccontextmanager
async def _aiohttp(url: str) -> AsyncIterator[Reply]:
    headers = {"Accept": "application/json", "Authorization": "Bearer 1|key"}
    target = f"{url}/api/user/whatsapp/send-freeform"
    async with aiohttp.ClientSession(headers=headers) as session:

        async def send() -> object:
            async with session.post(target, json=_body()) as response:
                return await response.json()

        yield send


@asynccontextmanager
async def _httpx(url: str) -> AsyncIterator[Reply]:
    import httpx

    headers = {"Accept": "application/json", "Authorization": "Bearer 1|key"}
    target = f"{url}/api/user/whatsapp/send-freeform"
    async with httpx.AsyncClient(headers=headers, verify=_trust()) as client:

        async def send() -> object:
            return (await client.post(target, json=_body())).json()

        yield send


@asynccontextmanager
async def _slack(url: str) -> AsyncIterator[Reply]:
    from slack_sdk.web.async_client import AsyncWebClient

    async with aiohttp.ClientSession() as session:
        client = AsyncWebClient("xoxb-key", base_url=f"{url}/slack/", session=session)
        yield lambda: client.chat_postMessage(channel="C1", text=TEXT)


def _body() -> Mapping[str, object]:
    return {"sender_id": SENDER, "recipient_phone": next(_PHONES), "message": TEXT}


def _trust() -> ssl.SSLContext:
    return ssl.create_default_context(cafile=CERTIFICATES / "authority.pem")


def _after(seconds: float | None, session: Session) -> Open:
    """Send another one so long before; `None` means that none was sent before."""

    @asynccontextmanager
    async def opened(url: str) -> AsyncIterator[Reply]:
        async with session(url) as send:
            if seconds is not None:
                await send()
                await asyncio.sleep(seconds)
            yield send

    return opened


def _peers() -> Iterator[tuple[str, Row]]:
    sessions = {
        "aiohttp": (_aiohttp, None),
        "httpx": (_httpx, "httpx"),
        "slack_sdk": (_slack, "slack_sdk"),
    }
    moments = {
        "repeated": ("2 s after another", SETTLED_SECONDS),
        "long": ("20 s after another", LONG_SECONDS),
        "first": ("the first of all", None),
    }
    for moment, (when, seconds) in moments.items():
        for name, (session, module) in sessions.items():
            opened = _after(seconds, session)
            row = Row(title=f"{name}, {when}", open=opened, module=module)
            yield f"{name}-{moment}", row


ROWS: Mapping[str, Row] = {**OURS, **dict(_peers())}


def installed() -> list[str]:
    """Return the names of the rows that can be measured here."""
    return [n for n, row in ROWS.items() if not row.module or find_spec(row.module)]


# Measuring


async def _sample(row: Row, url: str, *, wait: float) -> float:
    """Return the milliseconds of the row's one reply."""
    await asyncio.sleep(wait)
    loop = asyncio.get_running_loop()
    async with row.open(url) as reply:
        began = loop.time()
        await reply()
        return (loop.time() - began) * 1000


async def _measure_here(
    names: list[str], urls: Mapping[str, str], samples: int
) -> Mapping[str, Mapping[str, list[float]]]:
    turns = [(wire, name) for wire in urls for name in names]
    for wire, name in turns:  # what a process makes once is made
        if name in {"first", "aiohttp-first"}:
            await _sample(ROWS[name], urls[wire], wait=0.0)
    gc.collect()
    gc.freeze()
    turns *= samples
    Random(1).shuffle(turns)
    found = await asyncio.gather(
        *(
            _sample(ROWS[name], urls[wire], wait=number * APART_SECONDS)
            for number, (wire, name) in enumerate(turns)
        )
    )
    measured: dict[str, dict[str, list[float]]] = {}
    for (wire, name), milliseconds in zip(turns, found, strict=True):
        measured.setdefault(wire, {}).setdefault(name, []).append(milliseconds)
    return measured


def measure(
    names: list[str],
    *,
    samples: int = SAMPLES,
    round_trip: float = ROUND_TRIP_SECONDS,
) -> Mapping[str, Mapping[str, list[float]]]:
    """Return the milliseconds of each sample, by wire and by row's name."""
    with (
        beside("benchmarks.fast_server") as plain,
        beside("benchmarks.fast_server", CERTIFICATES / "right.pem") as encrypted,
        delay_proxy(plain, round_trip=round_trip) as far_plain,
        delay_proxy(encrypted, round_trip=round_trip) as far_encrypted,
    ):
        ports = {Wire.PLAIN: far_plain, Wire.TLS: far_encrypted}
        urls = {
            wire.name: f"{wire.value}://127.0.0.1:{port}"
            for wire, port in ports.items()
        }
        words = [json.dumps(names), json.dumps(urls), str(samples)]
        answer = subprocess.run(  # noqa: S603  # ourselves
            [sys.executable, "-m", "benchmarks.latency", "--here", *words],
            check=True,
            cwd=ROOT,
            # aiohttp reads whom to trust when it is imported.
            env={**os.environ, "SSL_CERT_FILE": str(CERTIFICATES / "authority.pem")},
            stdout=subprocess.PIPE,
            text=True,
        )
    measured: Mapping[str, Mapping[str, list[float]]] = json.loads(answer.stdout)
    return measured


def report(measured: Mapping[str, Mapping[str, list[float]]]) -> Iterator[str]:
    """Yield the lines of the table."""
    yield "| ms of one reply | plain, median (least to most) | TLS | goal, TLS |"
    yield "| --- | ---: | ---: | ---: |"
    plain, encrypted = measured[Wire.PLAIN.name], measured[Wire.TLS.name]
    for name, row in ROWS.items():
        if name in plain:
            cells = (
                f"ours, {row.title}" if name in OURS else row.title,
                f"{Spread.of(plain[name]):.0f}",
                f"{Spread.of(encrypted[name]):.0f}",
                f"≤ {row.goal:.0f}" if row.goal else "",
            )
            yield f"| {' | '.join(cells)} |"


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description="Measure one reply's time.")
    parser.add_argument("--samples", type=int, default=SAMPLES)
    parser.add_argument("--round-trip", type=float, default=ROUND_TRIP_SECONDS)
    parser.add_argument("--only", nargs="+", choices=ROWS, default=installed())
    parser.add_argument("--json", type=Path, help="write every sample to this file")
    parser.add_argument("--here", nargs=3, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.here:
        pin(pair[0] if (pair := cores()) else None)
        names, urls, samples = map(json.loads, arguments.here)
        print(json.dumps(asyncio.run(_measure_here(names, urls, samples))))
        return
    measured = measure(
        arguments.only, samples=arguments.samples, round_trip=arguments.round_trip
    )
    print("\n".join(report(measured)))
    if arguments.json:
        arguments.json.write_text(json.dumps(measured, indent=1))


if __name__ == "__main__":
    main()
