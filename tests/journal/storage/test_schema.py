"""A journal of the first schema: read as it is, and brought to this one."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from autocalls_async import FreeformMessage, TemplateFallback
from autocalls_async.journal import JournalError, SqliteJournal, State
from autocalls_async.journal.keys import derive_key, digest_of, to_content
from autocalls_async.journal.storage.reading import JournalReader
from tests.journal.support import PHONE, look, opened, states

SCHEMA = Path(__file__).with_name("first_schema.sql").read_text(encoding="utf-8")
MEXICO, OLD_MEXICO = "+525512345678", "+5215512345678"


def hello(
    phone: str = PHONE, text: str = "hi", *, template_id: int | None = None
) -> str:
    """Return a content, with a fallback where a template is named."""
    fallback = (
        None if template_id is None else TemplateFallback(template_id=template_id)
    )
    return to_content(
        FreeformMessage(recipient_phone=phone, message=text, fallback=fallback), 12
    )


def make_first(file: Path, *rows: tuple[str | None, str, str]) -> None:
    """Make a journal of the first schema, with a key or none, content and state."""
    with closing(sqlite3.connect(file, isolation_level=None)) as db:
        db.execute("PRAGMA journal_mode = WAL")
        db.executescript(SCHEMA)
        for key, content, state in rows:
            phone = MEXICO if MEXICO in content else PHONE
            phone = OLD_MEXICO if OLD_MEXICO in content else phone
            db.execute(
                "INSERT INTO messages (key, content, recipient_phone, state, added_at)"
                " VALUES (?, ?, ?, ?, 5)",
                (key or digest_of(content), content, phone, state),
            )


def schema_of(file: Path) -> list[tuple[str]]:
    """Return what SQLite says of a file's tables."""
    with closing(sqlite3.connect(file)) as db:
        sql = "SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL ORDER BY name"
        return db.execute(sql).fetchall()


async def test_a_journal_of_the_first_schema_goes_on_as_one_of_this(
    file: Path, tmp_path: Path
) -> None:
    plain, fallen, mexican = hello(), hello(template_id=45), hello(OLD_MEXICO)
    other = hello(text="other")
    make_first(
        file,
        (None, fallen, "accepted"),
        (None, other, "in flight"),
        (None, mexican, "unknown"),
        ("mine", plain, "rejected"),
    )

    async with opened(SqliteJournal(file)) as journal:
        found = await states(journal)
        kept = await look(journal, "mine")
        again = await journal.admit(
            derive_key(plain), content=plain, recipient_phone=PHONE
        )
    async with SqliteJournal(tmp_path / "fresh.db"):
        pass

    assert found == {
        derive_key(plain): State.ACCEPTED,
        derive_key(other): State.UNKNOWN,
        derive_key(hello(MEXICO)): State.UNKNOWN,
        "mine": State.REJECTED,
    }
    assert again is State.ACCEPTED
    assert (kept.content, kept.person) == (plain, PHONE)
    assert schema_of(file) == schema_of(tmp_path / "fresh.db")


async def test_of_two_that_are_one_now_the_one_that_was_had_stays(file: Path) -> None:
    bare, with_45, with_46 = hello(), hello(template_id=45), hello(template_id=46)
    make_first(file, (None, bare, "new"), (None, with_45, "unsent"))
    make_first(file.with_name("had"), (None, bare, "new"), (None, with_46, "accepted"))
    make_first(
        file.with_name("twice"), (None, with_45, "rejected"), (None, with_46, "unknown")
    )

    found = {}
    for name in (file.name, "had", "twice"):
        async with opened(SqliteJournal(file.with_name(name))) as journal:
            found[name] = await states(journal)

    assert found == {
        file.name: {derive_key(bare): State.NEW},
        "had": {derive_key(bare): State.ACCEPTED},
        "twice": {
            digest_of(with_45): State.REJECTED,
            derive_key(bare): State.UNKNOWN,
        },
    }


def test_a_reader_shows_it_as_it_will_be_and_leaves_it_as_it_is(file: Path) -> None:
    content = hello(template_id=45)
    make_first(file, (None, content, "in flight"), ("mine", hello(), "accepted"))
    before = file.read_bytes()

    with JournalReader(file) as reader:
        found = {entry.key: entry.state for entry in reader.entries()}
        assert reader.doubt is None

    assert found == {derive_key(content): State.UNKNOWN, "mine": State.ACCEPTED}
    assert file.read_bytes() == before
    assert not Path(f"{file}.lock").exists()


async def test_what_cannot_be_migrated_stays_as_it_was(file: Path) -> None:
    make_first(file, (None, hello(), "new"))
    with closing(sqlite3.connect(file, isolation_level=None)) as db:
        db.execute("UPDATE messages SET content = CAST(x'ff' AS TEXT)")
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    with pytest.raises(JournalError, match="SQLite refused it"):
        await SqliteJournal(file).open()

    with closing(sqlite3.connect(file)) as db:
        assert db.execute("PRAGMA user_version").fetchone() == (1,)
        assert db.execute("SELECT count(*) FROM messages").fetchone() == (1,)


async def test_a_content_that_says_nothing_of_a_sender_is_kept_all_the_same(
    file: Path,
) -> None:
    make_first(
        file,
        ("a", "no JSON", "new"),
        ("b", '{"sender_id": 18446744073709551616}', "accepted"),
        ("c", '["fallback":', "new"),
    )

    async with opened(SqliteJournal(file)) as journal:
        assert set(await states(journal)) == {"a", "b", "c"}
