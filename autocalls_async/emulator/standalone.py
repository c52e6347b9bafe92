"""The emulator as a process of its own."""

import asyncio
import json
import os
import random
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

from attrs import field, frozen

from autocalls_async.emulator.faults import Endpoint
from autocalls_async.emulator.handles.controls import Customer
from autocalls_async.emulator.limits import RateLimit
from autocalls_async.emulator.server import Emulator
from autocalls_async.emulator.world.settings import SandboxOptions

_WITH_PAGE: SandboxOptions = {"page": True}


@frozen(kw_only=True)
class Stand:
    """What an emulator is that stands by itself.

    Args:
        host: The address to listen on, as a number.
        port: The port; 0 takes a free one.
        api_key: The only key that is let in; None lets any key in.
        rate_limit: How sends are counted; None counts without a limit.
        rate: How many sends a second are admitted.
        balance: What is on the account.
        cost: The price of a message.
        customer_count: How many ready-made customers there are.
        has_templates: Whether there are ready-made templates.
        latency: The fewest and most seconds that a request takes each way.
        state: A snapshot to begin with.
        record: Where to record what is written; a new file.
        sandbox: The sandbox's own arguments, as those of `Emulator`.
    """

    host: str = "127.0.0.1"
    port: int = 8080
    api_key: str | None = field(default=None, repr=False)
    rate_limit: RateLimit | None = RateLimit.SLIDING_LOG
    rate: int = 5
    balance: Decimal = Decimal(100)
    cost: Decimal = Decimal("0.05")
    customer_count: int = 12
    has_templates: bool = True
    latency: tuple[float, float] | None = None
    state: Mapping[str, Any] | None = field(default=None, repr=False)
    record: Path | None = None
    sandbox: SandboxOptions = field(factory=_WITH_PAGE.copy, repr=False)

    def make(self) -> Emulator:
        """Return the emulator, not yet started.

        Raises:
            ValueError: An argument can't be used.
        """
        emulator = Emulator(
            host=self.host,
            port=self.port,
            api_key=self.api_key,
            rate_limit=self.rate_limit,
            rate=self.rate,
            balance=self.balance,
            cost=self.cost,
            record_requests=False,
            record_accepted=False,
            **self.sandbox,
        )
        if self.latency is not None:
            shortest, longest = self.latency

            def wait(_: Endpoint) -> float:
                return random.uniform(shortest, longest)  # noqa: S311  # no secret

            emulator.before_counting = emulator.after_counting = wait
        return emulator


async def serve(
    stand: Stand,
    ready: Callable[[Emulator, Sequence[Customer]], None],
    *,
    save: Path | None = None,
) -> None:
    """Run an emulator until cancelled.

    Args:
        stand: What it is.
        ready: Told when it listens, with its ready-made customers.
        save: Where its state goes when it ends.

    Raises:
        OSError: The port is taken, the host is not one of this machine, or a
            file can't be written.
        ValueError: An argument or the snapshot can't be used.
    """
    emulator = stand.make()
    async with emulator:
        customers = prepare(emulator, stand)
        ready(emulator, customers)
        try:
            await asyncio.Event().wait()
        finally:
            if save is not None:
                write_state(save, emulator.snapshot())


def prepare(emulator: Emulator, stand: Stand) -> Sequence[Customer]:
    """Give an emulator what it is to begin with; return its ready-made customers."""
    customers: Sequence[Customer] = ()
    if stand.state is not None:
        emulator.restore(stand.state)
    else:
        customers = emulator.populate(stand.customer_count)
        if not stand.has_templates:
            emulator.account.remove_templates()
    emulator.sandbox.mark_start()
    if stand.record is not None:
        emulator.sandbox.record(stand.record)
    return customers


def read_state(path: Path) -> dict[str, Any]:
    """Read a snapshot.

    Raises:
        OSError: It can't be read.
        ValueError: It is no JSON object.
    """
    try:
        state = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        msg = f"{path} is no snapshot: {error}"
        raise ValueError(msg) from None
    if not isinstance(state, dict):
        msg = f"{path} is no snapshot: it holds no object"
        raise ValueError(msg)
    return state


def write_state(path: Path, state: Mapping[str, Any]) -> None:
    """Write a snapshot, whole or not at all, readable for its owner alone.

    Raises:
        OSError: It can't be written.
    """
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
    with os.fdopen(os.open(beside, flags, 0o600), "w", encoding="utf-8") as file:
        json.dump(state, file, ensure_ascii=False, indent=1)
    beside.replace(path)
