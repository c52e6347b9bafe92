"""`autocalls journal copy`, `adopt`, and `resolve` of what was refused."""

import asyncio
import shutil
from pathlib import Path
from typing import Any

import pytest

from autocalls_async.journal import SqliteJournal, State
from autocalls_async.journal.keys import to_content
from autocalls_async.model.messages import FreeformMessage
from tests.cli.conftest import OPEN, Autocalls
from tests.journal.support import states

ENDS: dict[str, tuple[Any, str | None]] = {
    "a": (State.ACCEPTED, None),
    "b": (State.REJECTED, "TEMPLATE_NOT_APPROVED"),
    "c": (State.REJECTED, "INVALID_PHONE"),
    "d": (State.UNKNOWN, None),
    "e": (State.NEW, None),
}


async def fill(journal: SqliteJournal) -> None:
    for key, (state, code) in ENDS.items():
        message = FreeformMessage(recipient_phone=OPEN, message=key)
        content = to_content(message, 12)
        await journal.admit(key, content=content, recipient_phone=OPEN)
        if state is not State.NEW:
            await journal.intend(key)
            journal.settle(
                key, state=state, error=code and "RejectedError", error_code=code
            )


async def make() -> None:
    async with SqliteJournal("run.db") as journal:
        await fill(journal)


async def make_a_copy_of_a_run() -> None:
    async with SqliteJournal("run.db") as journal:
        await fill(journal)
        await journal.flush()
        await asyncio.sleep(1.2)  # until it is in the main file
        shutil.copy("run.db", "copy.db")


def held(path: str = "run.db") -> dict[str, State]:
    async def read() -> dict[str, State]:
        async with SqliteJournal(path) as journal:
            return await states(journal)

    return asyncio.run(read())


@pytest.mark.parametrize(
    ("options", "resolved"),
    [
        pytest.param(("--error", "TEMPLATE_NOT_APPROVED"), "b", id="code"),
        pytest.param(("--error", "rejectederror"), "bc", id="name"),
        pytest.param(("--error", "invalid_phone", "--error", "X"), "c", id="two"),
        pytest.param((), "bc", id="all"),
        pytest.param(("--key", "c"), "c", id="key"),
    ],
)
def test_what_was_refused_is_made_new(
    options: tuple[str, ...], resolved: str, autocalls: Autocalls
) -> None:
    asyncio.run(make())
    command = ("journal", "resolve", "run.db", "--state", "rejected", "--as", "new")

    ended = autocalls(*command, *options)

    assert ended.status == 0
    number = len(resolved)
    noun = "message" if number == 1 else "messages"
    assert f"{number} rejected {noun} to be sent again by the next run" in ended.out
    assert held() == {
        key: State.NEW if key in resolved else state for key, (state, _) in ENDS.items()
    }


@pytest.mark.parametrize(
    ("options", "told"),
    [
        pytest.param(("--state", "rejected", "--as", "accepted"), "not acc", id="as"),
        pytest.param(("--as", "new"), "--key KEY for each, or --all", id="which"),
        pytest.param(("--as", "new", "--key", "d", "--error", "X"), "not both", id="2"),
        pytest.param(
            ("--state", "rejected", "--as", "new", "--key", "d"), "is unknown", id="d"
        ),
    ],
)
def test_what_cannot_be_resolved_is_told(
    options: tuple[str, ...], told: str, autocalls: Autocalls
) -> None:
    asyncio.run(make())

    ended = autocalls("journal", "resolve", "run.db", *options)

    assert ended.status == 2
    assert told in ended.complaint
    assert held() == {key: state for key, (state, _) in ENDS.items()}


def test_a_copy_is_whole_and_replaces_nothing(autocalls: Autocalls) -> None:
    asyncio.run(make())

    ended = autocalls("journal", "copy", "run.db", "copy.db")
    again = autocalls("journal", "copy", "run.db", "copy.db")
    nowhere = autocalls("journal", "copy", "run.db", "no/copy.db")
    missing = autocalls("journal", "copy", "none.db", "other.db")

    assert (ended.status, ended.out) == (0, "journal run.db copied to copy.db\n")
    assert held("copy.db") == held()
    assert (again.status, nowhere.status, missing.status) == (2, 1, 2)
    assert again.complaint == "autocalls: copy.db exists already: name another file"
    assert "cannot write no/copy.db: No such file" in nowhere.complaint
    assert "there is no such file" in missing.complaint


@pytest.mark.needs("the real clock")
@pytest.mark.real_time
@pytest.mark.parametrize("as_unknown", [False, True])
def test_a_copy_of_a_run_is_shown_refused_and_adopted(
    as_unknown: bool, autocalls: Autocalls, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AUTOCALLS_API_KEY", "1|k")
    asyncio.run(make_a_copy_of_a_run())
    Path("rows.csv").write_text(f"recipient_phone,message,sender_id\n{OPEN},e,12\n")
    dry = ("bulk", "rows.csv", "--journal", "copy.db", "--dry-run")

    shown = autocalls("journal", "show", "copy.db")
    refused = autocalls(*dry)
    option = ("--as-unknown",) if as_unknown else ()
    adopted = autocalls("journal", "adopt", "copy.db", *option, "--yes")
    again = autocalls("journal", "adopt", "copy.db", "--yes")

    doubt = "copy.db: it is a copy of a journal that was open, and may lack"
    assert shown.status == 0
    assert doubt in shown.err
    assert refused.status == 2
    assert doubt in refused.complaint
    assert adopted.status == 0
    assert held("copy.db")["e"] is (State.UNKNOWN if as_unknown else State.NEW)
    assert ("1 message that may have been sent since" in adopted.out) is as_unknown
    assert again.status == 2
    assert "there is nothing to adopt" in again.complaint
