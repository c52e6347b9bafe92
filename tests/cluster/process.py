"""A worker as a process of its own: `python -m tests.cluster.process DSN BASE_URL`.

`--stop before|after:N` stops it with SIGSTOP just before, or just after, its N-th last
look at the lease: the worst moments there are.
"""

import argparse
import asyncio
import os
import signal

from autocalls_async import SendLimit
from autocalls_async.cluster import AccountSettings, Worker
from autocalls_async.cluster.protocol.journal import PostgresJournal


def stop_at(where: str, number: int) -> None:
    """Stop this process at a last look, each message having had its intent noted."""
    look = PostgresJournal.may_leave
    seen: list[str] = []

    def may_leave(self: PostgresJournal, key: str) -> bool:
        is_last = str(key) in self._intended_at and key not in seen
        if is_last:
            seen.append(key)
        is_it = is_last and len(seen) == number
        if is_it and where == "before":
            os.kill(os.getpid(), signal.SIGSTOP)
        found = look(self, key)
        if is_it and where == "after":
            os.kill(os.getpid(), signal.SIGSTOP)
        return found

    PostgresJournal.may_leave = may_leave  # type: ignore[method-assign]


def main() -> None:
    """Work until SIGTERM."""
    parser = argparse.ArgumentParser()
    parser.add_argument("dsn")
    parser.add_argument("base_url")
    parser.add_argument("--key", required=True)
    parser.add_argument("--accounts", type=int, default=1)
    parser.add_argument("--lease", type=float, default=6.0)
    parser.add_argument("--rate", type=int, default=5)
    parser.add_argument("--stop", default="")
    given = parser.parse_args()
    if given.stop:
        where, _, number = given.stop.partition(":")
        stop_at(where, int(number))
    settings = AccountSettings(
        given.key,
        base_url=given.base_url,
        sender_id=12,
        send_limit=SendLimit(given.rate),
    )
    names = (
        ["acme"] if given.accounts == 1 else [f"a{i}" for i in range(given.accounts)]
    )
    worker = Worker(
        given.dsn,
        dict.fromkeys(names, settings),
        max_accounts=given.accounts,
        lease_seconds=given.lease,
    )
    asyncio.run(worker.run())


if __name__ == "__main__":
    main()
