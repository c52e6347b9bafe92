"""A campaign from a CSV, with progress, a file of outcomes, and an exit status.

    AUTOCALLS_API_KEY='1|...' AUTOCALLS_SENDER_ID=12 \
        python examples/campaign.py people.csv outcomes.csv

`people.csv` has the columns `recipient_phone` and `name`. The exit status is 0
if all were accepted, 1 if some were not, and 2 if nothing was tried. Ctrl-C
stops in good order: what has left is waited for, the rest is told as unsent.

`autocalls bulk` does the same, and more; this shows how little it takes.
"""

import asyncio
import csv
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from autocalls_async import (
    Accepted,
    AutocallsClient,
    AutocallsError,
    FreeformMessage,
    Outcome,
    Run,
    RunStoppedError,
)


def read_messages(path: str) -> list[FreeformMessage]:
    """Make every message before the first is sent: a bad row costs nothing yet.

    Raises:
        ValueError: A row cannot be sent; it is named by its line.
        OSError: The file cannot be read.
    """
    messages = []
    with Path(path).open(newline="", encoding="utf-8-sig") as file:
        reader = csv.DictReader(file)
        for row in reader:
            try:
                message = FreeformMessage(
                    recipient_phone=row["recipient_phone"],
                    message=f"Hi {row['name']}, your table is ready.",
                )
            except (KeyError, ValueError) as error:
                msg = f"{path}, line {reader.line_num}: {error}"
                raise ValueError(msg) from error
            messages.append(message)
    return messages


def as_row(outcome: Outcome) -> tuple[object, ...]:
    """Return what became of one message; an unknown one is not to be sent again."""
    kind = type(outcome).__name__.lower()
    if isinstance(outcome, Accepted):
        key = outcome.sent.whatsapp_message_id
        return outcome.message.recipient_phone, kind, key, ""
    return outcome.message.recipient_phone, kind, "", outcome.error


@contextmanager
def open_outcomes(path: str) -> Iterator[Callable[[Outcome], object]]:
    """Begin a new file of outcomes; one that is there already is left alone."""
    with Path(path).open("x", newline="", encoding="utf-8", buffering=1) as file:
        writer = csv.writer(file)
        writer.writerow(("recipient_phone", "outcome", "whatsapp_message_id", "detail"))
        yield lambda outcome: writer.writerow(as_row(outcome))


async def show_progress(run: Run) -> None:
    """Write a line a second."""
    while True:
        await asyncio.sleep(1.0)
        now = run.progress
        left = f"about {now.eta:.0f} s left" if now.eta is not None else ""
        print(f"{now.done} of {now.total}, {now.rate:.1f} a second, {left}")


async def send_all(
    client: AutocallsClient,
    messages: list[FreeformMessage],
    tell: Callable[[Outcome], object],
) -> bool:
    """Send them, and say whether all were accepted."""
    run = client.send_many(messages)
    asyncio.get_running_loop().add_signal_handler(signal.SIGINT, run.stop)
    progress = asyncio.create_task(show_progress(run))
    try:
        async for outcome in run:
            tell(outcome)
    except RunStoppedError as error:  # after the last outcome
        print(error, file=sys.stderr)
    finally:
        progress.cancel()
        with suppress(asyncio.CancelledError):
            await progress
    print(run.progress)
    return run.progress.accepted == len(messages)


async def main(argv: list[str]) -> int:
    """Run the campaign and give the exit status."""
    source, destination = argv
    try:
        messages = read_messages(source)
        async with AutocallsClient.from_env() as client:
            await client.account()  # a wrong key or address shows here
            with open_outcomes(destination) as tell:
                return 0 if await send_all(client, messages, tell) else 1
    except (ValueError, OSError, AutocallsError) as error:
        print(error, file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(asyncio.run(main(sys.argv[1:])))
