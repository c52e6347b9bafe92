"""A journal, and copies of it in which bytes flipped."""

from collections.abc import Iterator
from pathlib import Path
from random import Random

from autocalls_async.journal import SettledState, SqliteJournal, State
from autocalls_async.journal.keys import to_content
from autocalls_async.model.messages import FreeformMessage

TEXT = "your biopsy is benign"
WORDS = ("biopsy", "benign")
PEOPLE = [f"+1415555{number:04}" for number in range(10, 40)]


async def make(path: Path) -> None:
    """Write a journal with some messages in each state."""
    ends: tuple[SettledState, ...] = (
        State.ACCEPTED,
        State.REJECTED,
        State.UNSENT,
        State.UNKNOWN,
    )
    async with SqliteJournal(path) as journal:
        for number, phone in enumerate(PEOPLE):
            message = FreeformMessage(recipient_phone=phone, message=TEXT)
            content = to_content(message, 12)
            key = f"row {number}"
            await journal.admit(key, content=content, recipient_phone=phone)
            if number % 5 < 4:
                await journal.intend(key, fell_back=number % 2 == 0)
                journal.settle(
                    key,
                    state=ends[number % 5],
                    whatsapp_message_id=number,
                    error="RejectedError",
                    error_code="131026",
                    detail="it said no",
                )


def flipped(whole: bytes, *, seed: int, count: int) -> Iterator[bytes]:
    """Yield copies with a few other bytes, half of them where the rows are."""
    rng = Random(seed)
    rows = [at for at in range(len(whole)) if whole.startswith(b"+1415", at)]
    for number in range(count):
        copied = bytearray(whole)
        for _ in range(rng.randint(2, 5)):
            at = rng.choice(rows) + rng.randint(-40, 60) if number % 2 else 0
            at = at if 0 < at < len(whole) else rng.randrange(len(whole))
            copied[at] = rng.choice((copied[at] ^ 1 << rng.randrange(8), 0xFF, 0))
        yield bytes(copied)


def shows_a_secret(text: str) -> bool:
    """Say whether there is a message's text or a number's in it."""
    return any(word in text for word in (*WORDS, "1415555", "4155550"))
