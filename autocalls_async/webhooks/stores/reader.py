"""A file of receipts looked at by who blocks: nothing of it is changed."""

import sqlite3
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Self

from autocalls_async.webhooks.stores.protocol import Receipt
from autocalls_async.webhooks.stores.tables import Tables, to_store_error


class ReceiptReader:
    """Reads receipts, also while others are taken in.

    Args:
        path: The file; it must be there.

    Raises:
        DeliveryStoreError: It cannot be read.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        failure: sqlite3.Error | None = None
        try:
            self._tables = Tables(path)
        except sqlite3.Error as error:
            failure = error
        if failure is not None:
            raise to_store_error(self._path, failure)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._tables.close()

    def standings(self, ids: Collection[int]) -> Mapping[int, Receipt]:
        """Return of each message the receipt that counts, where there is one.

        Raises:
            DeliveryStoreError: It cannot be read any further.
        """
        failure = None
        try:
            return self._tables.standings(ids)
        except sqlite3.Error as error:
            failure = error
        raise to_store_error(self._path, failure)
