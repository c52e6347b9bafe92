"""Another process with a journal: `python -m tests.journal.process hold|write FILE`.

One that holds says so, and waits to be ended. One that writes sends thousands
of messages to nobody, and prints the key of each once its intent is confirmed.
"""

import asyncio
import os
import sys

from autocalls_async.journal import Draft, SqliteJournal, State

WORKER_COUNT = 8
MESSAGE_COUNT = 6_000


async def hold(path: str) -> None:
    """Own the journal until the end of the process."""
    async with SqliteJournal(path):
        print("held", flush=True)  # noqa: T201  # whoever started us reads it
        await asyncio.to_thread(sys.stdin.read)


async def write(path: str) -> None:
    """Hand all messages over, several at a time."""
    keys = iter([f"k{n}" for n in range(MESSAGE_COUNT)])

    async def work(journal: SqliteJournal) -> None:
        for key in keys:
            await journal.intend(key)
            os.write(1, f"{key}\n".encode())
            await asyncio.sleep(0)
            journal.settle(key, state=State.ACCEPTED)

    async with SqliteJournal(path) as journal:
        drafts = [
            Draft(key=f"k{n}", content="{}" * 200, recipient_phone="+14155550123")
            for n in range(MESSAGE_COUNT)
        ]
        await journal.admit_many(drafts)
        async with asyncio.TaskGroup() as workers:
            for _ in range(WORKER_COUNT):
                workers.create_task(work(journal))


if __name__ == "__main__":
    asyncio.run({"hold": hold, "write": write}[sys.argv[1]](sys.argv[2]))
