"""Who was written to in a run without a journal: each person once.

Blocking, for some microseconds a person. Hashes alone are kept, in a private file
without a name: no more than a page of them is in memory.
"""

import hashlib
import sqlite3

from autocalls_async.model.persons import person_of

_TABLE = "CREATE TABLE person (hash INTEGER PRIMARY KEY)"
_ADD = "INSERT INTO person VALUES (?) ON CONFLICT DO NOTHING"


class OnceEach:
    """Tells who comes for the first time: each person once."""

    def __init__(self) -> None:
        self._db = sqlite3.connect("", isolation_level=None)
        self._db.execute("PRAGMA journal_mode = OFF")
        self._db.execute("PRAGMA synchronous = OFF")
        self._db.execute(_TABLE)

    def is_first(self, recipient_phone: str) -> bool:
        """Return whether nobody of this number came before, and remember them.

        Raises:
            OSError: There is no room to remember them.
        """
        person = person_of(recipient_phone).encode()
        hashed = int.from_bytes(hashlib.sha256(person).digest()[:8], signed=True)
        try:
            return self._db.execute(_ADD, (hashed,)).rowcount == 1
        except sqlite3.Error as error:
            msg = f"who was written to cannot be remembered ({error}); see TMPDIR"
            raise OSError(msg) from None

    def close(self) -> None:
        """Forget them."""
        self._db.close()
