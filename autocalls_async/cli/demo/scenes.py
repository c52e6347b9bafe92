"""The scenes beside the campaign: a lost answer, a reply in between, a kill."""

import asyncio
import os
import sys
from collections import Counter
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from attrs import define, field, frozen

from autocalls_async.cli.demo.plan import ASKING, SENDER_ID, Script
from autocalls_async.client.client import AutocallsClient
from autocalls_async.emulator import Emulator, Endpoint, Fault, HangUpAfter
from autocalls_async.model.errors import UnsentError

_TEXT = "Your order is on its way."
_LOST_AFTER = 5
_ASKED_AFTER = 8
_KILLED_AFTER = 4
# Long enough for a slow machine to start Python and what it needs, twice.
_START_SECONDS = 60.0


@define
class LostAnswer:
    """Takes one message in, in the midst of a campaign, and loses the answer."""

    emulator: Emulator
    count: int = field(init=False, default=0)

    def choose(self, endpoint: Endpoint) -> Fault | None:
        """Return what strikes a request."""
        is_text = endpoint is Endpoint.SEND_FREEFORM
        if self.count or not is_text or self.emulator.accepted_count < _LOST_AFTER:
            return None
        self.count += 1
        return HangUpAfter()


@frozen(kw_only=True)
class Overtaken:
    """How a reply went that was sent in the midst of a campaign."""

    waiting_count: int
    """How many messages of the campaign were to be sent still."""

    passed_count: int
    """How many of them were accepted before it nevertheless."""

    seconds: float

    def describe(self) -> str:
        """Return it as a line."""
        return (
            f"overtook {self.waiting_count - self.passed_count} of"
            f" {self.waiting_count} that waited, accepted in {self.seconds:.1f} s"
        )

    def as_record(self) -> dict[str, Any]:
        """Return it for a program."""
        return {
            "waiting": self.waiting_count,
            "passed": self.passed_count,
            "seconds": round(self.seconds, 3),
        }


async def overtake(
    client: AutocallsClient, emulator: Emulator, *, total: int
) -> Overtaken | None:
    """Let somebody write in the midst of a campaign, and answer them.

    Returns:
        How it went; None where the campaign was over too soon.
    """
    try:
        await emulator.wait_for_message(count=max(1, min(_ASKED_AFTER, total // 2)))
        emulator.customer_writes(ASKING, "Are you open today?")
        client.windows.note_inbound(ASKING)
        before, began = emulator.accepted_count, asyncio.get_running_loop().time()
        sent = await client.send_freeform(ASKING, "Until ten tonight.")
    except (TimeoutError, UnsentError):
        return None
    seconds = asyncio.get_running_loop().time() - began
    ids = [message.whatsapp_message_id for message in emulator.accepted]
    return Overtaken(
        waiting_count=max(0, total - before),
        passed_count=ids.index(sent.whatsapp_message_id or 0) - before,
        seconds=seconds,
    )


@frozen(kw_only=True)
class Survived:
    """What became of a campaign whose process was killed, and that went on."""

    total: int
    first_count: int
    """How many had their message when the process was killed."""

    once_count: int
    twice_count: int
    statuses: tuple[int, int]
    """How the two processes ended."""

    @property
    def missing_count(self) -> int:
        """How many have none: it may have been under way, so it is not repeated."""
        return self.total - self.once_count - self.twice_count

    @property
    def is_right(self) -> bool:
        """Whether it was killed midway, and nobody was written to twice or left out.

        One message may have been under way when the process was killed.
        """
        was_midway = 0 < self.first_count < self.total
        return was_midway and not self.twice_count and self.missing_count <= 1

    def describe(self) -> str:
        """Return it as a line."""
        left = self.missing_count
        return (
            f"after {self.first_count} of {self.total}; the next run sent"
            f" {self.once_count - self.first_count}, {self.twice_count} arrived twice"
            + (f", {left} is unknown" if left else "")
        )

    def as_record(self) -> dict[str, Any]:
        """Return it for a program."""
        return {
            "recipients": self.total,
            "before": self.first_count,
            "once": self.once_count,
            "twice": self.twice_count,
            "missing": self.missing_count,
        }


async def kill_and_go_on(plan: Script, emulator: Emulator) -> Survived:
    """Kill the process of a campaign that keeps a journal, and run it once more."""
    with TemporaryDirectory(prefix="autocalls-demo-") as folder:
        command = _write_campaign(plan, Path(folder))
        environment = _environment(emulator)
        doomed = await _start(command, environment)
        killing = asyncio.create_task(_kill_midway(doomed, emulator))
        await doomed.wait()
        killing.cancel()
        await asyncio.gather(killing, return_exceptions=True)
        first = _count(plan, emulator)
        second = await _start(command, environment)
        await second.wait()
    counts = _count(plan, emulator)
    return Survived(
        total=plan.killed_count,
        first_count=len(first),
        once_count=sum(number == 1 for number in counts.values()),
        twice_count=sum(number > 1 for number in counts.values()),
        statuses=(doomed.returncode or 0, second.returncode or 0),
    )


async def _kill_midway(process: asyncio.subprocess.Process, emulator: Emulator) -> None:
    await emulator.wait_for_message(
        contains=_TEXT, count=_KILLED_AFTER, timeout=_START_SECONDS
    )
    process.kill()


async def _start(
    command: list[str], environment: dict[str, str]
) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        *command,
        env=environment,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )


def _write_campaign(plan: Script, folder: Path) -> list[str]:
    """Write the rows of the campaign; return the command that sends them."""
    rows = "".join(f"{phone},{_TEXT}\n" for phone in plan.killed)
    file = folder / "orders.csv"
    file.write_text(f"recipient_phone,message\n{rows}", encoding="utf-8")
    journal = str(folder / "orders.db")
    bulk = ["-m", "autocalls_async", "bulk", str(file), "--journal", journal]
    return [sys.executable, *bulk, "--rate", str(min(plan.rate, 5))]


def _environment(emulator: Emulator) -> dict[str, str]:
    """Return an environment in which no account is named but the demo's own."""
    others = {k: v for k, v in os.environ.items() if not k.startswith("AUTOCALLS_")}
    return {
        **others,
        "AUTOCALLS_API_KEY": "demo-key",
        "AUTOCALLS_BASE_URL": emulator.base_url,
        "AUTOCALLS_SENDER_ID": str(SENDER_ID),
    }


def _count(plan: Script, emulator: Emulator) -> Counter[str]:
    killed = set(plan.killed)
    phones = (message.recipient_phone for message in emulator.accepted)
    return Counter(phone for phone in phones if phone in killed)
