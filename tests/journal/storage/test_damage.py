"""Bytes that flipped in a journal's file: nothing of what is in it gets out."""

import asyncio
import traceback
from collections.abc import Coroutine, Iterator
from datetime import datetime
from pathlib import Path

import pytest

from autocalls_async.campaign.ledger import Ledger
from autocalls_async.journal import Draft, JournalError, State
from autocalls_async.journal.storage.reading import JournalReader
from autocalls_async.model.errors import AutocallsError
from autocalls_async.testing import run
from tests.journal.storage.damage import PEOPLE, TEXT, flipped, make, shows_a_secret
from tests.needs import examples, some_at_once

FLIP_COUNT = examples(70)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """Return a whole journal's bytes."""
    path = tmp_path_factory.mktemp("whole") / "run.db"
    run(make(path))
    return path.read_bytes()


def all_of(error: BaseException) -> Iterator[BaseException]:
    """Yield an error, and all that hangs on it."""
    seen: set[int] = set()
    left: list[BaseException | None] = [error]
    while left:
        each = left.pop()
        if each is not None and id(each) not in seen:
            seen.add(id(each))
            left += [each.__cause__, each.__context__]
            yield each


def ignore(sender_id: int, recipient: str, /, *, at: datetime) -> None:
    """Take no note of a fallback."""


async def use(path: Path) -> None:
    """Do all that a run does with a journal, until it refuses."""
    ledger = Ledger(path)
    await ledger.open(ignore)
    try:
        journal = ledger.journal
        await journal.counts()
        await journal.admit_many(
            Draft(key=f"row {n}", content=TEXT, recipient_phone=PEOPLE[0])
            for n in (100, 101)
        )
        keys = [entry.key async for entry in journal.entries()]
        await asyncio.gather(*map(journal.intend, keys), return_exceptions=True)
        for key in keys:
            journal.settle(key, state=State.ACCEPTED)
    finally:
        await ledger.aclose()


async def read(path: Path) -> None:
    """Read a journal as `autocalls journal` does."""
    with JournalReader(path) as journal:
        list(journal.entries())


def error_of(work: Coroutine[object, object, None]) -> BaseException | None:
    """Return what it raises."""

    async def try_it() -> list[BaseException | None]:
        return list(await asyncio.gather(work, return_exceptions=True))

    return run(try_it())[0]


@pytest.mark.parametrize("seed", some_at_once(range(4), (0).__eq__))
def test_no_error_shows_what_is_in_a_damaged_file(
    whole: bytes, tmp_path: Path, seed: int
) -> None:
    refused = 0

    for number, damaged in enumerate(flipped(whole, seed=seed, count=FLIP_COUNT)):
        path = tmp_path / f"{number}.db"
        path.write_bytes(damaged)
        for error in (error_of(read(path)), error_of(use(path))):
            if error is None:
                continue
            refused += isinstance(error, JournalError)
            assert isinstance(error, AutocallsError | ValueError)
            shown = "".join(traceback.format_exception(error))
            for each in all_of(error):
                assert not shows_a_secret(f"{shown} {each} {each!r} {each.args}"), shown

    assert refused > FLIP_COUNT / 4
