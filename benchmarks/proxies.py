"""Our pace before real proxies that limit: nginx and HAProxy, in real time.

    python -m benchmarks.proxies [--count 125] [--only "HAProxy stick table" ...]

The real client sends a campaign through a proxy on this machine to the emulator,
which counts nothing itself: what refuses is nginx's `limit_req` (5 a second with a
burst of 5, and with none) or an HAProxy stick table (`http_req_rate(1s) gt 5`). A
relay before the proxy makes the network: it holds back each piece of a connection,
each way. The slow service works 0.3 to 0.9 s behind the proxy.

A cell is the number of requests that got a 429, and goodput: accepted messages a
second as a share of 5. A message that got a 429 is sent again. The networks of a
proxy are measured at the same time, which takes a minute for 125 messages; it is
real time, so a run differs from the next by a 429 or two and a percent. A proxy
that is not installed is left out, and named (Debian: `apt install nginx haproxy`).
"""

import argparse
import asyncio
import shutil
import socket
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from decimal import Decimal
from pathlib import Path
from random import Random

from attrs import frozen

from autocalls_async import Accepted, AutocallsClient, FreeformMessage
from autocalls_async.emulator import Emulator
from autocalls_async.engine.telemetry.records import Answered
from autocalls_async.policy.verdict import Seen
from benchmarks.service import LATENCIES, RATE, SENDER

Draw = Callable[[Random], float]

_NGINX = """
daemon off;
master_process off;
pid {folder}/nginx.pid;
error_log {folder}/error.log;
events {{ worker_connections 256; }}
http {{
  access_log off;
  client_body_temp_path {folder}/body;
  proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi;
  scgi_temp_path {folder}/scgi;
  limit_req_zone $http_authorization zone=sends:1m rate=5r/s;
  limit_req_status 429;
  server {{
    listen 127.0.0.1:{front};
    location / {{
      limit_req zone=sends{burst};
      proxy_pass http://127.0.0.1:{behind};
    }}
  }}
}}
"""

_HAPROXY = """
defaults
  mode http
  timeout connect 5s
  timeout client 70s
  timeout server 70s
frontend front
  bind 127.0.0.1:{front}
  stick-table type string len 64 size 1k expire 10s store http_req_rate(1s)
  http-request track-sc0 hdr(authorization)
  http-request deny deny_status 429 if {{ sc_http_req_rate(0) gt 5 }}
  default_backend service
backend service
  server one 127.0.0.1:{behind}
"""


@frozen
class Proxy:
    """One way to run a proxy that limits."""

    program: str
    settings: str
    arguments: tuple[str, ...]
    """`{file}` stands for the file of settings."""

    burst: str = ""


_NGINX_ARGUMENTS = ("-p", "{folder}", "-c", "{file}", "-e", "{folder}/error.log")

PROXIES: Mapping[str, Proxy] = {
    "nginx, burst 5": Proxy("nginx", _NGINX, _NGINX_ARGUMENTS, " burst=5 nodelay"),
    "nginx, no burst": Proxy("nginx", _NGINX, _NGINX_ARGUMENTS),
    "HAProxy stick table": Proxy("haproxy", _HAPROXY, ("-db", "-q", "-f", "{file}")),
}


def _evenly(low: float, high: float) -> Draw:
    return lambda rng: rng.uniform(low, high)


@frozen
class Network:
    """How long each way takes, and the work behind the proxy."""

    way: Draw | None
    work: Draw | None = None


NETWORKS: Mapping[str, Network] = {
    "loopback": Network(None),
    "5-60 ms": Network(LATENCIES["5-60 ms"][0]),
    "20-200 ms": Network(LATENCIES["20-200 ms"][0]),
    "heavy tail": Network(LATENCIES["heavy tail"][0]),
    "slow service": Network(LATENCIES["5-60 ms"][0], _evenly(0.3, 0.9)),
}


@frozen
class Tally:
    """What came of one run."""

    refused: int
    goodput: float
    accepted: int
    received: int


def find_program(name: str) -> str | None:
    """Return where a proxy is installed, also where a user's path does not look."""
    return shutil.which(name) or shutil.which(name, path="/usr/sbin:/usr/local/sbin")


@asynccontextmanager
async def _running(proxy: Proxy, *, behind: int) -> AsyncIterator[int]:
    """Run a proxy before this port; give its own."""
    program = find_program(proxy.program)
    assert program is not None
    with tempfile.TemporaryDirectory() as folder:
        front, file = _free_port(), Path(folder) / "settings"
        file.write_text(
            proxy.settings.format(
                folder=folder, front=front, behind=behind, burst=proxy.burst
            )
        )
        arguments = [each.format(folder=folder, file=file) for each in proxy.arguments]
        process = await asyncio.create_subprocess_exec(program, *arguments)
        try:
            await _wait_for(front)
            yield front
        finally:
            process.terminate()
            await process.wait()


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as taker:
        port: int = taker.getsockname()[1]
        return port


async def _wait_for(port: int) -> None:
    """Wait until somebody listens, for ten seconds at most."""
    async with asyncio.timeout(10):
        while True:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    return
            await asyncio.sleep(0.02)


class _Relay:
    """Passes each connection on to a port, and holds back what it says."""

    def __init__(self, port: int, way: Draw, rng: Random) -> None:
        self._port = port
        self._way = way
        self._rng = rng

    async def serve(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        """Relay one connection until both sides have ended."""
        there, back = await asyncio.open_connection("127.0.0.1", self._port)
        async with asyncio.TaskGroup() as group:
            group.create_task(self._pump(reader, back))
            group.create_task(self._pump(there, writer))

    async def _pump(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        try:
            while piece := await reader.read(65_536):
                await asyncio.sleep(self._way(self._rng))
                writer.write(piece)
        except ConnectionError:  # the other side has gone, and so will this
            pass
        finally:
            writer.close()


@asynccontextmanager
async def _far_away(port: int, network: Network, seed: int) -> AsyncIterator[int]:
    if network.way is None:
        yield port
        return
    relay = _Relay(port, network.way, Random(seed))
    async with await asyncio.start_server(relay.serve, "127.0.0.1", 0) as server:
        yield server.sockets[0].getsockname()[1]


def _messages(count: int) -> Iterator[FreeformMessage]:
    for number in range(count):
        phone = f"+4930{1_000_000 + number}"
        yield FreeformMessage(recipient_phone=phone, message="hello")


async def measure(proxy: Proxy, network: Network, *, count: int, seed: int) -> Tally:
    """Send a campaign through a proxy."""
    refused = 0

    def watch(record: object) -> None:
        nonlocal refused
        refused += isinstance(record, Answered) and record.seen is Seen.RATE_LIMITED

    async with AsyncExitStack() as stack:
        emulator = Emulator(
            rate_limit=None, balance=Decimal(10**9), everyone_is_open=True
        )
        if (work := network.work) is not None:
            rng = Random(seed + 1)
            emulator.after_counting = lambda _: work(rng)
        await stack.enter_async_context(emulator)
        behind = int(emulator.base_url.rpartition(":")[2].partition("/")[0])
        path = emulator.base_url.partition(f":{behind}")[2]
        front = await stack.enter_async_context(_running(proxy, behind=behind))
        port = await stack.enter_async_context(_far_away(front, network, seed))
        client = await stack.enter_async_context(
            AutocallsClient(
                "1|key",
                base_url=f"http://127.0.0.1:{port}{path}",
                sender_id=SENDER,
                window_check="never",
                observer=watch,
            )
        )
        outcomes = [each async for each in client.send_many(_messages(count))]
    times = [message.at for message in emulator.accepted]
    return Tally(
        refused=refused,
        goodput=(len(times) - 1) / (max(times) - min(times)) / RATE,
        accepted=sum(isinstance(outcome, Accepted) for outcome in outcomes),
        received=len(times),
    )


async def _row(name: str, count: int) -> str:
    tallies = await asyncio.gather(
        *(
            measure(PROXIES[name], network, count=count, seed=2 * seed)
            for seed, network in enumerate(NETWORKS.values())
        )
    )
    cells = [
        f"{tally.refused}, {tally.goodput:.0%}"
        + ("" if tally.accepted == tally.received == count else f" ({tally})")
        for tally in tallies
    ]
    return f"| {' | '.join([name, *cells])} |"


def report(names: list[str], count: int) -> Iterator[str]:
    """Yield the lines of the table, and name what is not installed."""
    yield f"| 429s of {count}, goodput | {' | '.join(NETWORKS)} |"
    yield f"| {' | '.join(['---'] * (1 + len(NETWORKS)))} |"
    missing = [name for name in names if not find_program(PROXIES[name].program)]
    for name in names:
        if name not in missing:
            yield asyncio.run(_row(name, count))
    if missing:
        yield f"\nLeft out, not installed: {', '.join(missing)}"


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description="Send through real proxies.")
    parser.add_argument("--count", type=int, default=125, help="messages of a run")
    parser.add_argument("--only", nargs="+", choices=PROXIES, default=list(PROXIES))
    arguments = parser.parse_args()
    for line in report(arguments.only, arguments.count):
        print(line, flush=True)


if __name__ == "__main__":
    main()
