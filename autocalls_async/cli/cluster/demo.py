"""`autocalls cluster demo`: three workers, one killed, and the books held together."""

import asyncio
import os
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from attrs import frozen

from autocalls_async.cli.cluster.postgres import Server, find_programs
from autocalls_async.cli.terminal.failures import CommandError, Status
from autocalls_async.cli.terminal.screen import Screen
from autocalls_async.cli.terminal.tables import fact_table
from autocalls_async.cli.terminal.words import count
from autocalls_async.cluster import Cluster, migrate
from autocalls_async.emulator import Emulator
from autocalls_async.model.messages import FreeformMessage
from autocalls_async.model.outcomes import Accepted, Outcome, Unknown

ACCOUNT, CAMPAIGN, WORKER_COUNT = "demo", "demo", 3
_KEY = "AUTOCALLS_DEMO_KEY"
_DONE_SECONDS = 180.0


@frozen(kw_only=True)
class Books:
    """What the table says, and what the service saw."""

    outcomes: list[Outcome]
    seen: list[tuple[str, str | None]]
    too_fast_count: int

    @property
    def claimed(self) -> Counter[tuple[str, str | None]]:
        """What is claimed as accepted, by whom it was for and what it said."""
        return Counter(_identity(o) for o in self.outcomes if isinstance(o, Accepted))

    @property
    def twice(self) -> int:
        """Messages that arrived more than once."""
        return sum(number - 1 for number in Counter(self.seen).values())

    @property
    def unknown(self) -> int:
        """Messages of which the table says that nobody knows."""
        return sum(isinstance(outcome, Unknown) for outcome in self.outcomes)

    def differences(self, total: int) -> list[str]:
        """Return where they disagree; what is unknown may have arrived or not."""
        seen = Counter(self.seen)
        unsure = {_identity(o) for o in self.outcomes if isinstance(o, Unknown)}
        never = self.claimed - seen
        untold = [one for one in (seen - self.claimed).elements() if one not in unsure]
        found = [f"{one[0]}: claimed and never received" for one in never.elements()]
        found += [f"{one[0]}: received and not claimed" for one in untold]
        if len(self.outcomes) != total:
            found.append(f"{total} messages have {len(self.outcomes)} outcomes")
        return found

    def to_record(self, total: int) -> dict[str, Any]:
        """Return it for a program."""
        differences = self.differences(total)
        return {
            "agree": not differences and not self.twice,
            "accepted": self.claimed.total(),
            "unknown": self.unknown,
            "received": len(self.seen),
            "received_twice": self.twice,
            "refused_as_too_fast": self.too_fast_count,
            "differences": differences,
        }


def _identity(outcome: Outcome) -> tuple[str, str | None]:
    message = outcome.message
    return message.recipient_phone, getattr(message, "message", None)


def demonstrate(total: int, screen: Screen) -> int:
    """Run it, and show what came out.

    Returns:
        The exit status: 0 only if table and service agree on every message.

    Raises:
        CommandError: PostgreSQL is not on this machine.
    """
    programs = find_programs()
    if programs is None:
        msg = "PostgreSQL's programs (initdb, pg_ctl) are not on this machine"
        raise CommandError(msg)
    screen.say(
        f"This starts a PostgreSQL server, a simulated WhatsApp service and "
        f"{WORKER_COUNT} workers on this machine, sends {total} messages to invented "
        "recipients, and kills the worker that sends them half-way. Nothing leaves "
        "this machine, and all of it is thrown away."
    )
    with Server(programs) as server, tempfile.TemporaryDirectory() as folder:
        migrate(server.dsn())
        books = asyncio.run(_run(server.dsn(), total, Path(folder), screen))
    record = books.to_record(total)
    if screen.as_json:
        screen.emit(record)
    _show(record, screen)
    return Status.OK if record["agree"] else Status.FAILED


async def _run(dsn: str, total: int, folder: Path, screen: Screen) -> Books:
    messages = [
        FreeformMessage(
            recipient_phone=f"+1415555{i:04d}", message=f"Table {i + 1} is ready."
        )
        for i in range(total)
    ]
    async with Emulator(everyone_is_open=True) as emulator, Cluster(dsn) as cluster:
        accounts = folder / "accounts.toml"
        accounts.write_text(
            f'[{ACCOUNT}]\napi_key_env = "{_KEY}"\nsender_id = 12\n'
            f'base_url = "{emulator.base_url}"\n'
        )
        await cluster.add_account(ACCOUNT)
        await cluster.enqueue_many(messages, account=ACCOUNT, campaign=CAMPAIGN)
        with _workers(dsn, accounts) as workers:
            await _kill_holder(cluster, workers, total // 2, screen)
            async with asyncio.timeout(_DONE_SECONDS):
                outcomes = [one async for one in cluster.outcomes(CAMPAIGN)]
        seen = [(one.recipient_phone, one.message) for one in emulator.accepted]
        return Books(
            outcomes=outcomes, seen=seen, too_fast_count=emulator.rejected_count
        )


@contextmanager
def _workers(dsn: str, accounts: Path) -> Iterator[dict[int, subprocess.Popen[bytes]]]:
    words = [sys.executable, "-m", "autocalls_async", "worker"]
    words += ["--accounts", str(accounts), "--lease", "6"]
    environ = {**os.environ, "AUTOCALLS_CLUSTER_DSN": dsn, _KEY: "demo-key"}
    started = [
        subprocess.Popen(words, env=environ, stderr=subprocess.DEVNULL)  # noqa: S603  # our own words
        for _ in range(WORKER_COUNT)
    ]
    try:
        yield {process.pid: process for process in started}
    finally:
        for process in started:
            process.terminate()
        for process in started:
            process.wait(30)


async def _kill_holder(
    cluster: Cluster,
    workers: dict[int, subprocess.Popen[bytes]],
    after: int,
    screen: Screen,
) -> None:
    """Kill who sends, once so many messages have ended."""
    pid = None
    async with asyncio.timeout(_DONE_SECONDS):
        while pid not in workers:
            await asyncio.sleep(0.2)
            if (await cluster.progress(CAMPAIGN)).done >= after:
                pid = (await cluster.status()).accounts[0].holder_pid
    workers[pid].kill()
    screen.say(f"worker {pid} is killed; another takes over")


def _show(record: dict[str, Any], screen: Screen) -> None:
    facts = [(name.replace("_", " "), record[name]) for name in list(record)[1:-1]]
    screen.show(fact_table("What the service saw, and what the table says", facts))
    for difference in record["differences"]:
        screen.warn(difference)
    number = count(record["unknown"], "message")
    if record["unknown"]:
        screen.say(f"{number} in flight at the kill: unknown, and not sent again")
    screen.say("the books agree" if record["agree"] else "the books disagree")
