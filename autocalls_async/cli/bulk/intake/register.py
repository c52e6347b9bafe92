"""Who gets which row: the rows held against each other, and against a journal.

What is known of each row is in a private database without a name, which is gone with
the process: no more than a page of it is in memory, however many rows there are.
"""

import sqlite3
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, contextmanager
from enum import StrEnum
from typing import Any, NamedTuple

from attrs import frozen

from autocalls_async.cli.bulk.intake.notices import Lines
from autocalls_async.cli.choices import Changed, Repeats
from autocalls_async.cli.tables.lines import FileError
from autocalls_async.journal import Entry, State
from autocalls_async.journal.entry import MAY_CHANGE, MAY_HAVE_REACHED, MAY_LEAVE


class Fate(StrEnum):
    """Why a row is not sent, where that is not its state in the journal."""

    KEY_TAKEN = "key taken"  # by an earlier row
    KEY_USED = "key used"  # somebody had, or may have had, another message by it
    SAME = "same"  # an earlier row is the same message
    REPEATED = "repeated"  # its person has an earlier row, or had a message
    CHANGED = "changed"  # its person had, or may have had, another text


class Conflict(NamedTuple):
    """A row whose key stands for another message.

    Attributes:
        first_line: The row that has it; `None` where the journal has.
    """

    line_number: int
    key: str
    first_line: int | None


@frozen(kw_only=True)
class Choice:
    """What is done with rows that somebody has to decide about.

    Attributes:
        repeats: Rows for somebody who has an earlier one.
        changed: Rows for somebody who had another text.
        retried: What was rejected for these reasons: codes, or names of errors.
    """

    repeats: Repeats | None = None
    changed: Changed | None = None
    retried: frozenset[str] = frozenset()


_TABLES = """
PRAGMA journal_mode = OFF;
PRAGMA synchronous = OFF;
CREATE TABLE listed ( -- the rows of the file
  line INTEGER PRIMARY KEY,
  key TEXT NOT NULL,
  identity TEXT NOT NULL,
  person TEXT NOT NULL,
  has_own_key INTEGER NOT NULL,
  state TEXT NOT NULL DEFAULT 'new', -- that of its message in the journal
  fate TEXT
);
CREATE TABLE kept ( -- the messages of the journal
  key TEXT PRIMARY KEY,
  identity TEXT NOT NULL,
  person TEXT NOT NULL,
  has_own_key INTEGER NOT NULL,
  state TEXT NOT NULL,
  error TEXT,
  error_code TEXT
) WITHOUT ROWID;
CREATE TABLE may_leave (state TEXT PRIMARY KEY);
CREATE TABLE may_have_reached (state TEXT PRIMARY KEY);
CREATE TABLE may_change (state TEXT PRIMARY KEY);
CREATE TABLE retried (reason TEXT PRIMARY KEY);

CREATE VIEW leaving AS
  SELECT * FROM listed WHERE fate IS NULL AND state IN may_leave;
CREATE VIEW had AS SELECT * FROM kept WHERE state IN may_have_reached;
CREATE VIEW by_key AS
  SELECT line, first_value(identity) OVER same AS first_identity,
    row_number() OVER same AS place
  FROM listed WINDOW same AS (PARTITION BY key ORDER BY line);
CREATE VIEW by_person AS
  SELECT line, person, key, has_own_key,
    row_number() OVER (PARTITION BY person ORDER BY line) AS place
  FROM listed WHERE fate IS NULL OR fate = 'same';
CREATE VIEW meant AS -- people whose rows each have a key of their own
  SELECT person FROM by_person GROUP BY person
  HAVING count(*) > 1 AND min(has_own_key) AND count(DISTINCT key) = count(*);
"""
_INDEXES = """
CREATE INDEX listed_by_key ON listed (key, line);
CREATE INDEX listed_by_person ON listed (person, line);
CREATE INDEX kept_by_person ON kept (person);
"""
_FIND_SAME = """
UPDATE listed SET fate = iif(identity = first_identity, 'same', 'key taken')
FROM by_key WHERE by_key.line = listed.line AND place > 1
"""
# Equal rows that are all to be sent are told apart by their place among them.
_TELL_APART = """
UPDATE listed SET key = key || '.' || place, fate = NULL
FROM by_key WHERE by_key.line = listed.line AND place > 1
  AND fate = 'same' AND NOT has_own_key
"""
_REPEATED = "SELECT line FROM by_person WHERE place > 1 AND person NOT IN meant"
_MEANT = "SELECT line FROM by_person WHERE place > 1 AND person IN meant"
_FIND_STATES = """
UPDATE listed SET
  state = iif(kept.identity <> listed.identity AND kept.state IN may_change,
    'new', kept.state),
  fate = iif(kept.identity <> listed.identity AND kept.state IN may_have_reached,
    'key used', fate)
FROM kept WHERE kept.key = listed.key AND fate IS NULL
"""
_RETRY = """
UPDATE listed SET state = 'new'
FROM kept WHERE kept.key = listed.key AND fate IS NULL AND listed.state = 'rejected'
  AND ('all' IN retried OR lower(kept.error_code) IN retried
    OR lower(kept.error) IN retried)
"""
_ONE_EACH = """
UPDATE listed SET fate = 'repeated'
WHERE fate IS NULL AND state NOT IN may_have_reached AND (
  person IN (SELECT person FROM had) OR
  line > (SELECT min(line) FROM listed AS other
    WHERE other.person = listed.person AND other.fate IS NULL))
"""
# A row with a key of its own is another message than one with another such key.
_FIND_CHANGED = """
UPDATE listed SET fate = 'changed' WHERE line IN (
  SELECT line FROM leaving JOIN had USING (person)
  WHERE NOT (had.has_own_key AND leaving.has_own_key)
    AND had.key NOT IN (SELECT key FROM listed))
"""
# Numbers of rows are such keys, and a row put in at the top renames all messages.
_RENAMED = """
SELECT line FROM leaving WHERE has_own_key AND identity IN (
  SELECT identity FROM had WHERE key NOT IN (SELECT key FROM listed))
"""
_CONFLICTS = """
SELECT line, key, iif(fate = 'key used', NULL, (
  SELECT min(line) FROM listed AS first WHERE first.key = listed.key))
FROM listed WHERE fate IN ('key used', 'key taken') ORDER BY line
"""
_RETRIED_KEYS = """
SELECT key FROM leaving JOIN kept USING (key, identity)
WHERE kept.state = 'rejected'
"""
_REASONS = """
SELECT coalesce(kept.error_code, kept.error, '-'), count(*)
FROM listed JOIN kept USING (key) WHERE kept.state = 'rejected' GROUP BY 1
"""
_UNMET = """
SELECT reason FROM retried WHERE reason <> 'all' AND reason NOT IN (
  SELECT lower(reason) FROM (
    SELECT error_code AS reason FROM listed JOIN kept USING (key)
      WHERE kept.state = 'rejected'
    UNION SELECT error FROM listed JOIN kept USING (key)
      WHERE kept.state = 'rejected')
  WHERE reason IS NOT NULL) ORDER BY reason
"""
_STATES = "SELECT state, count(*) FROM listed WHERE fate IS NULL GROUP BY state"
_HELD = "SELECT state, count(*) FROM kept GROUP BY state"
_OTHERS = "SELECT count(*) FROM kept WHERE key NOT IN (SELECT key FROM listed)"
_LEFT_BEHIND = """
SELECT count(*) FROM kept
WHERE state IN may_leave AND key NOT IN (SELECT key FROM leaving)
"""


_STATE_SETS = {
    "INSERT INTO may_leave VALUES (?)": MAY_LEAVE,
    "INSERT INTO may_have_reached VALUES (?)": MAY_HAVE_REACHED,
    "INSERT INTO may_change VALUES (?)": MAY_CHANGE,
}


class Register:
    """What is known of each row.

    Raises:
        FileError: There is no room for it; all that is asked of it raises it, too.
    """

    def __init__(self) -> None:
        self._db = sqlite3.connect("", isolation_level=None)
        with _keeping():
            self._db.executescript(_TABLES)
            for sql, states in _STATE_SETS.items():
                self._db.executemany(sql, [(state.value,) for state in states])

    def close(self) -> None:
        """Close it, and with that throw it away."""
        self._db.close()

    def add(self, line_number: int, key: str, identity: str, person: str) -> None:
        """Add a row that can be sent; lines come in their order."""
        row = (line_number, key, identity, person, key != identity)
        with _keeping():
            self._db.execute(
                "INSERT INTO listed (line, key, identity, person, has_own_key)"
                " VALUES (?, ?, ?, ?, ?)",
                row,
            )

    def know(self, entry: Entry) -> None:
        """Add what the journal holds of a message."""
        identity = entry.identity
        has_own_key = entry.key.partition(".")[0] != identity
        row = (entry.key, identity, entry.person, has_own_key)
        with _keeping():
            self._db.execute(
                "INSERT INTO kept VALUES (?, ?, ?, ?, ?, ?, ?)",
                (*row, entry.state.value, entry.error, entry.error_code),
            )

    # Before a choice is made

    def look(self, *, keys_matter: bool) -> None:
        """Hold the rows against each other; before anything else is asked.

        Args:
            keys_matter: One key stands for one message, as for a journal.
        """
        with _keeping():
            self._db.executescript(_INDEXES)
            self._db.execute(_FIND_SAME)
            if not keys_matter:
                sql = "UPDATE listed SET fate = NULL WHERE fate = ?"
                self._db.execute(sql, (Fate.KEY_TAKEN.value,))

    @property
    def repeated(self) -> Lines:
        """Rows for somebody who has an earlier one, unless that is surely meant."""
        return self._lines(_REPEATED)

    @property
    def meant(self) -> Lines:
        """Rows for somebody who has an earlier one, each with a key of its own."""
        return self._lines(_MEANT)

    # Once it is

    def judge(self, choice: Choice) -> None:
        """Find out what becomes of each row, after all of the journal was taken in."""
        reasons = [(reason.lower(),) for reason in choice.retried]
        with _keeping():
            if choice.repeats is Repeats.ALL:
                self._db.execute(_TELL_APART)
            self._db.execute(_FIND_STATES)
            self._db.executemany("INSERT INTO retried VALUES (?)", reasons)
            self._db.execute(_RETRY)
            if choice.repeats is Repeats.FIRST:
                self._db.execute(_ONE_EACH)
            if choice.changed is not Changed.SEND:
                self._db.execute(_FIND_CHANGED)
            if choice.changed is Changed.SKIP:
                sql = f"UPDATE listed SET fate = ? WHERE line IN ({_RENAMED})"  # noqa: S608
                self._db.execute(sql, (Fate.CHANGED.value,))

    @property
    def renamed(self) -> Lines:
        """Rows that are what somebody had by another key, which no row has now."""
        return self._lines(_RENAMED)

    @property
    def states(self) -> Counter[State]:
        """How many of the rows are in each state, but for those with a fate."""
        return self._count(_STATES)

    @property
    def held(self) -> Counter[State]:
        """How many messages the journal holds in each state."""
        return self._count(_HELD)

    @property
    def other_count(self) -> int:
        """How many of those no row is."""
        return self._number(_OTHERS)

    @property
    def left_behind_count(self) -> int:
        """How many could leave by the journal that this run leaves there."""
        return self._number(_LEFT_BEHIND)

    def rows_with(self, fate: Fate) -> Lines:
        """Return the rows of a fate."""
        return self._lines("SELECT line FROM listed WHERE fate = ?", fate.value)

    def conflicts(self) -> Iterator[Conflict]:
        """Yield the rows whose key stands for another message."""
        for row in self._each(_CONFLICTS):
            yield Conflict(*row)

    def retried_keys(self) -> Iterator[str]:
        """Yield the keys of what was rejected and is sent again."""
        for (key,) in self._each(_RETRIED_KEYS):
            yield key

    def reasons(self) -> Counter[str]:
        """Return why rows were rejected, by code or else by error, and how often."""
        return Counter(dict(self._each(_REASONS)))

    def unmet(self) -> list[str]:
        """Return the reasons that were to be retried, and no row was rejected for."""
        return [reason for (reason,) in self._each(_UNMET)]

    def wanted(self) -> Iterator[tuple[int, str]]:
        """Yield the lines of the rows to be sent, and their keys, in order."""
        yield from self._each("SELECT line, key FROM leaving ORDER BY line")

    def _count(self, sql: str) -> Counter[State]:
        return Counter({State(state): count for state, count in self._each(sql)})

    def _number(self, sql: str) -> int:
        return int(next(self._each(sql))[0])

    def _lines(self, sql: str, *values: object) -> Lines:
        lines = Lines()
        for (line_number,) in self._each(f"{sql} ORDER BY line", *values):
            lines.add(line_number)
        return lines

    def _each(self, sql: str, *values: object) -> Iterator[Any]:
        with _keeping(), closing(self._db.execute(sql, values)) as rows:
            yield from rows


@contextmanager
def _keeping() -> Iterator[None]:
    """Say for what it is that there is no room."""
    try:
        yield
    except sqlite3.Error as error:
        # Its own words name tables of ours, and nothing that is in them.
        msg = f"the rows cannot be kept aside: {error}; see TMPDIR"
        raise FileError(msg) from error
