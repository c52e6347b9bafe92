"""How a shared database is named; a password is in no text."""

from collections.abc import Callable
from typing import Any

import pytest

from autocalls_async.cluster import (
    Cluster,
    PostgresDeliveries,
    Worker,
    migrate,
)
from autocalls_async.cluster.protocol.dsn import check_dsn, place_of

SHIBBOLETH = "hunter2hunter2"


@pytest.mark.parametrize(
    "dsn",
    [
        pytest.param("", id="empty"),
        pytest.param("  ", id="blank"),
        pytest.param(f"mysql://app:{SHIBBOLETH}@host/name", id="another database"),
        pytest.param(f"host=h password {SHIBBOLETH}", id="no pairs"),
        pytest.param(f"postgresql://app:{SHIBBOLETH}%zz@host/name", id="a percent"),
        pytest.param(f"postgresql://app:x@{SHIBBOLETH}@host/name", id="an at"),
        pytest.param(f"postgresql://app:{SHIBBOLETH}/x@host/name", id="a slash"),
        pytest.param(
            f"postgresql://app:12/{SHIBBOLETH}@host/name", id="digits, a slash"
        ),
        pytest.param(f"postgresql://app:{SHIBBOLETH}@host:65536/name", id="port above"),
        pytest.param(f"postgresql://app:{SHIBBOLETH}@host:0/name", id="port below"),
        pytest.param(f"postgresql://app@h/n?passwd={SHIBBOLETH}", id="no such word"),
        pytest.param(7, id="no text"),
    ],
)
@pytest.mark.parametrize(
    "use",
    [
        pytest.param(Cluster, id="Cluster"),
        pytest.param(lambda dsn: Worker(dsn, {}), id="Worker"),
        pytest.param(PostgresDeliveries, id="PostgresDeliveries"),
        pytest.param(migrate, id="migrate"),
        pytest.param(lambda dsn: Cluster("postgresql:///x", direct=dsn), id="direct"),
    ],
)
def test_a_dsn_that_cannot_be_read_is_refused_before_anybody_connects(
    use: Callable[[Any], object], dsn: object
) -> None:
    with pytest.raises(ValueError, match=r"^(dsn|direct) must be") as refused:
        use(dsn)

    assert SHIBBOLETH not in str(refused.value)
    assert refused.value.__cause__ is None


@pytest.mark.parametrize(
    ("dsn", "said"),
    [
        pytest.param(
            f"postgresql://app:{SHIBBOLETH}@db.example:6432/shop",
            "db.example:6432 (database 'shop', user 'app')",
            id="all of it",
        ),
        pytest.param("postgresql://a,b:6432/", "a:5432,b:6432", id="two hosts"),
        pytest.param("host=a,b port=7000", "a:7000,b:7000", id="one port for two"),
        pytest.param("postgresql:///", "port 5432 of this machine", id="nothing"),
        pytest.param("host=::1", "::1:5432", id="an IPv6 address"),
    ],
)
def test_a_place_is_named_without_its_password(
    monkeypatch: pytest.MonkeyPatch, dsn: str, said: str
) -> None:
    monkeypatch.delenv("PGHOST", raising=False)
    monkeypatch.delenv("PGPORT", raising=False)

    assert place_of(check_dsn("dsn", dsn)) == said
