"""What the commands of `autocalls cluster` do."""

import asyncio
import sys
from collections.abc import Awaitable, Callable
from typing import TypeVar

import typer

from autocalls_async.cli.choices import Resolution
from autocalls_async.cli.cluster.options import Resolving, SharedTable, Working
from autocalls_async.cli.terminal.failures import CommandError, Status, os_reason
from autocalls_async.cli.terminal.screen import Screen
from autocalls_async.cli.terminal.stopping import Stopping
from autocalls_async.cli.terminal.tables import make_table
from autocalls_async.cli.terminal.words import count, duration
from autocalls_async.cluster import Cluster, Worker, migrate, read_accounts
from autocalls_async.cluster.records import ClusterStatus, Standing
from autocalls_async.journal.keys import show_key
from autocalls_async.model.values.masking import mask_phone

T = TypeVar("T")


def dsn_of(place: SharedTable) -> str:
    """Return where the database is.

    Raises:
        CommandError: Nobody says.
    """
    if place.dsn:
        return place.dsn
    msg = "there is no database: set AUTOCALLS_CLUSTER_DSN or give --dsn"
    raise CommandError(msg)


def ask_cluster(place: SharedTable, question: Callable[[Cluster], Awaitable[T]]) -> T:
    """Ask a cluster something.

    Raises:
        CommandError: Nobody says where it is.
        ClusterError: It cannot be used.
    """
    dsn = dsn_of(place)

    async def call() -> T:
        async with Cluster(dsn) as cluster:
            return await question(cluster)

    return asyncio.run(call())


def migrate_database(place: SharedTable, screen: Screen) -> int:
    """Bring the schema up to date."""
    taken = migrate(dsn_of(place))
    if screen.as_json:
        screen.emit({"applied": taken})
    what = ", ".join(map(str, taken))
    screen.say(f"applied: {what}" if taken else "it is up to date")
    return Status.OK


def show_cluster(place: SharedTable, screen: Screen) -> int:
    """Show who holds what."""
    status = ask_cluster(place, lambda cluster: cluster.status())
    if screen.as_json:
        screen.emit(status.to_dict())
        return Status.OK
    _show(status, screen)
    return Status.OK


def _show(status: ClusterStatus, screen: Screen) -> None:
    workers = make_table("Workers", ("id", "host", "pid", "lease"), numbers=("id",))
    for worker in status.workers:
        lease = duration(worker.lease_seconds)
        workers.add_row(str(worker.id), worker.host, str(worker.pid), lease)
    columns = ("account", "held by", "interactive", "bulk", "oldest", "paused")
    accounts = make_table("Accounts", columns, numbers=("interactive", "bulk"))
    for one in status.accounts:
        holder = f"{one.holder_host} {one.holder_pid}" if one.holder_pid else "-"
        waits = (f"{one.interactive:,}", f"{one.bulk:,}", duration(one.oldest_wait))
        accounts.add_row(one.name, holder, *waits, one.paused or "")
    screen.show(workers, accounts)
    if status.unknown:
        screen.say(f"{count(status.unknown, 'message')} unknown: cluster unknown list")


def add(place: SharedTable, account: str, screen: Screen) -> int:
    """Make an account known."""
    ask_cluster(place, lambda cluster: cluster.add_account(account))
    return _did(screen, account, "known")


def pause(place: SharedTable, account: str, why: str, screen: Screen) -> int:
    """Pause an account."""
    ask_cluster(place, lambda cluster: cluster.pause(account, why=why))
    return _did(screen, account, "paused")


def resume(place: SharedTable, account: str, screen: Screen) -> int:
    """Let an account go on."""
    ask_cluster(place, lambda cluster: cluster.resume(account))
    return _did(screen, account, "resumed")


def _did(screen: Screen, account: str, what: str) -> int:
    if screen.as_json:
        screen.emit({"account": account, "is": what})
    screen.say(f"{account} is {what}")
    return Status.OK


def list_unknown(place: SharedTable, account: str | None, screen: Screen) -> int:
    """List what is unknown."""
    found = ask_cluster(place, lambda cluster: _all_unknown(cluster, account))
    if screen.as_json:
        for one in found:
            screen.emit(_record(one))
        return Status.OK
    table = make_table("Unknown", ("account", "key", "recipient", "handed over", "why"))
    for one in found:
        at = one.handed_over_at.isoformat(" ", "seconds") if one.handed_over_at else "-"
        phone = mask_phone(one.recipient)
        table.add_row(one.account, show_key(one.key), phone, at, one.detail or "")
    screen.show(table)
    return Status.OK


async def _all_unknown(cluster: Cluster, account: str | None) -> list[Standing]:
    return [one async for one in cluster.unknown(account)]


def _record(one: Standing) -> dict[str, object]:
    at = one.handed_over_at
    return {
        "account": one.account,
        "key": one.key,
        "recipient_phone": one.recipient,
        "handed_over_at": None if at is None else at.isoformat(),
        "detail": one.detail,
    }


def resolve(wanted: Resolving, screen: Screen) -> int:
    """Settle unknown messages as the user decided.

    Raises:
        CommandError: The options do not say which, or the user said no.
        JournalStateError: One of the messages is not unknown.
    """
    if bool(wanted.key) == wanted.all:
        msg = "say which unknown messages: --key KEY for each, or --all"
        raise CommandError(msg)

    async def settle(cluster: Cluster) -> int:
        unknown = await _all_unknown(cluster, wanted.account)
        keys = [one.key for one in unknown] if wanted.all else list(wanted.key or ())
        if not keys:
            return 0
        _confirm(wanted, len(keys))
        state = wanted.decision.value
        return await cluster.resolve(keys, state=state, account=wanted.account)

    number = ask_cluster(wanted.place, settle)
    if screen.as_json:
        screen.emit({"resolved": number, "as": wanted.decision.value})
    is_new = wanted.decision is Resolution.NEW
    what = "to be sent again" if is_new else "taken as accepted"
    screen.say(f"{count(number, 'unknown message')} {what}")
    return Status.OK


def _confirm(wanted: Resolving, number: int) -> None:
    if wanted.yes or not sys.stdin.isatty():
        return
    is_new = wanted.decision is Resolution.NEW
    what = "Send again" if is_new else "Take as accepted"
    if not typer.confirm(f"{what}: {count(number, 'message')}?", err=True):
        msg = "nothing was changed"
        raise CommandError(msg, status=Status.FAILED)


def work(wanted: Working, screen: Screen) -> int:
    """Send for accounts until SIGTERM.

    Raises:
        CommandError: The accounts cannot be read.
        ClusterError: The database cannot be used.
    """
    dsn = dsn_of(wanted.place)
    try:
        accounts = read_accounts(wanted.accounts)
    except OSError as error:
        msg = f"cannot read {wanted.accounts}: {os_reason(error)}"
        raise CommandError(msg) from error

    async def run() -> int:
        worker = Worker(
            dsn,
            accounts,
            max_accounts=wanted.max_accounts,
            direct=wanted.direct,
            lease_seconds=wanted.lease,
        )
        async with Stopping(worker.stop) as stopping:
            screen.say(f"working for {count(len(accounts), 'account')}")
            await worker.run(handle_signals=False)
        return stopping.exit_status or Status.OK

    return asyncio.run(run())
