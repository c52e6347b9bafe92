"""What the tests of the journals share."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import TypeAlias

from autocalls_async.journal import Entry, Journal, State

PHONE = "+14155550123"
TEXT = "the result of your test is positive"
CONTENT = f'{{"message":"{TEXT}"}}'

MakeJournal: TypeAlias = Callable[[], Journal]
"""Gives the journal of one test, each time as after a restart."""

LetPass: TypeAlias = Callable[[float], Awaitable[None]]
"""Lets so many seconds pass for the journal of a test."""


@asynccontextmanager
async def opened(journal: Journal) -> AsyncIterator[Journal]:
    """Open a journal, and close it in the end."""
    await journal.open()
    try:
        yield journal
    finally:
        await journal.aclose()


async def add(journal: Journal, *keys: str) -> None:
    """Add messages."""
    for key in keys:
        await journal.admit(key, content=CONTENT, recipient_phone=PHONE)


async def bring(journal: Journal, key: str, state: State) -> None:
    """Add a message and bring it to a state."""
    await add(journal, key)
    if state is State.NEW:
        return
    await journal.intend(key)
    if state is not State.IN_FLIGHT:
        journal.settle(key, state=state)


async def look(journal: Journal, key: str) -> Entry:
    """Return one entry."""
    return {entry.key: entry async for entry in journal.entries()}[key]


async def states(journal: Journal) -> dict[str, State]:
    """Return the state of each message, in the order of addition."""
    return {entry.key: entry.state async for entry in journal.entries()}


def shows_a_secret(text: str) -> bool:
    """Say whether a text shows what no log may hold."""
    return any(secret in text for secret in (PHONE, PHONE[1:], PHONE[2:], TEXT))
