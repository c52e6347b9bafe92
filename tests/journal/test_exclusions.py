"""A list of those who must get nothing more."""

import sqlite3
import stat
from pathlib import Path

import pytest

from autocalls_async import AutocallsClient, ExcludedError, ExclusionList
from autocalls_async.emulator import Emulator
from autocalls_async.journal import JournalError
from autocalls_async.journal.exclusions import is_list
from tests.people import ANA, STRANGER, hellos


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Say where the list is."""
    return tmp_path / "exclusions.db"


def test_who_is_added_is_in_it_for_good(file: Path) -> None:
    with ExclusionList(file) as exclusions:
        added = [exclusions.add(ANA, reason="wrote stop") for _ in range(2)]
        exclusions.add("+5215512345678")

    with ExclusionList(file) as exclusions:
        listed = list(exclusions)
        found = [p in exclusions for p in (ANA, "+525512345678", STRANGER, "x", 7)]
        size = len(exclusions)

    assert added == [True, False]
    assert [one.phone for one in listed] == [ANA, "+5215512345678"]
    assert listed[0].reason == "wrote stop"
    assert found == [True, True, False, False, False]
    assert size == 2
    assert ANA not in repr(listed)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert is_list(file)


def test_who_is_removed_is_no_more(file: Path) -> None:
    with ExclusionList(file) as exclusions:
        exclusions.add(ANA)
        removed = [exclusions.remove(ANA) for _ in range(2)]
        is_left = ANA in exclusions

    assert (removed, is_left) == ([True, False], False)


def test_several_use_it_at_once(file: Path) -> None:
    with ExclusionList(file) as one, ExclusionList(file) as other:
        one.add(ANA)
        assert ANA in other


def test_what_is_no_number_is_refused_unshown(file: Path) -> None:
    with ExclusionList(file) as exclusions:
        for change in (exclusions.add, exclusions.remove):
            with pytest.raises(ValueError, match="phone must be") as caught:
                change("415 555 0123")
            assert "415 555 0123" not in str(caught.value)
        with pytest.raises(ValueError, match="reason"):
            exclusions.add(ANA, reason="\ud800")


def test_a_file_that_is_no_list_is_left_alone(tmp_path: Path) -> None:
    other = tmp_path / "other.db"
    with sqlite3.connect(other) as db:
        db.execute("CREATE TABLE t (x)")
    db.close()
    nonsense = tmp_path / "nonsense.db"
    nonsense.write_bytes(b"nonsense" * 100)

    for path, told in ((other, "no list"), (nonsense, "database"), (tmp_path, "open")):
        with pytest.raises(JournalError, match=told):
            ExclusionList(path)
        assert not is_list(path)


def test_a_list_that_is_closed_says_so(file: Path) -> None:
    exclusions = ExclusionList(file)
    exclusions.close()
    exclusions.close()

    with pytest.raises(JournalError):
        exclusions.add(ANA)


async def test_a_campaign_leaves_them_out(
    client: AutocallsClient, emulator: Emulator, file: Path
) -> None:
    emulator.customer_writes(STRANGER)
    with ExclusionList(file) as exclusions:
        exclusions.add(STRANGER)
        outcomes = [
            outcome
            async for outcome in client.send_many(
                hellos([ANA, STRANGER]), exclude=exclusions
            )
        ]

    errors = [getattr(outcome, "error", None) for outcome in outcomes]
    assert any(isinstance(error, ExcludedError) for error in errors)
    assert [m.recipient_phone for m in emulator.accepted] == [ANA]
