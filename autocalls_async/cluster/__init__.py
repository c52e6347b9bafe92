"""Many hosts: one account's limit, order and truth over any number of processes.

It needs the extra `cluster` and a PostgreSQL that all of them reach:

    pip install 'autocalls-async[cluster]'
    autocalls cluster migrate --dsn postgresql://…
    autocalls worker --dsn postgresql://… --accounts accounts.toml

Any process puts messages into a table, in its own transaction if it likes; workers
send them. Each account is held by one worker at a time, under a lease and a fencing
epoch, so that limit, order and "at most once" are those of one process. A worker that
vanishes leaves what was in flight unknown, and another goes on.

    async with Cluster("postgresql://…") as cluster:
        sent = await cluster.send(message, account="acme", key="order-7", timeout=20)

What it stands on:

- PostgreSQL 13 or later. A failover to an asynchronous replica may lose intents, and
  with them the truth: have `synchronous_commit` and a synchronous standby.
- PgBouncer in transaction mode may carry the pools; notices and leases need the server
  itself: give it as `direct`.
- A key is known for as long as its row, 30 days, and afterwards as a digest. Contents
  are forgotten after 7 days. Rows that wait are kept.
- API keys are the workers' and never enter the database; texts and numbers do.
"""

from autocalls_async.cluster.accounts import read_accounts
from autocalls_async.cluster.cluster import Cluster
from autocalls_async.cluster.deliveries import PostgresDeliveries
from autocalls_async.cluster.holder.worker import Worker
from autocalls_async.cluster.outgoing import UnknownAccountError
from autocalls_async.cluster.protocol.errors import ClusterError
from autocalls_async.cluster.protocol.migrations import migrate
from autocalls_async.cluster.records import (
    AccountStatus,
    ClusterStatus,
    Enqueued,
    MessageRef,
    Standing,
    WorkerStatus,
)
from autocalls_async.cluster.sending import UndecidedError
from autocalls_async.http.accounts import AccountSettings

__all__ = [
    "AccountSettings",
    "AccountStatus",
    "Cluster",
    "ClusterError",
    "ClusterStatus",
    "Enqueued",
    "MessageRef",
    "PostgresDeliveries",
    "Standing",
    "UndecidedError",
    "UnknownAccountError",
    "Worker",
    "WorkerStatus",
    "migrate",
    "read_accounts",
]
