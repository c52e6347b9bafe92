"""Each store, for the suite that holds them to one behaviour."""

from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import TypeAlias

import pytest

from autocalls_async.webhooks.stores.memory import MemoryDeliveries
from autocalls_async.webhooks.stores.protocol import DeliveryStore
from autocalls_async.webhooks.stores.sqlite import SqliteDeliveries

MakeStore: TypeAlias = Callable[[], DeliveryStore]
"""Gives the store of one test, each time as to another process of its host."""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Say where the file of the store is."""
    return tmp_path / "receipts.db"


@pytest.fixture(params=["memory", "sqlite"])
def make_store(
    request: pytest.FixtureRequest, file: Path, now: Callable[[], datetime]
) -> MakeStore:
    """Return each store in turn."""
    if request.param == "sqlite":
        return lambda: SqliteDeliveries(file, now=now)
    store = MemoryDeliveries(now=now)
    return lambda: store
