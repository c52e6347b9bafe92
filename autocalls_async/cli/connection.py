"""From options to a client, and a call whose Ctrl-C still tells what happened."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, Unpack

from autocalls_async.cli.options import Connection
from autocalls_async.cli.terminal.failures import CommandError, Status
from autocalls_async.cli.terminal.outcomes import explain_error
from autocalls_async.cli.terminal.stopping import Stopping
from autocalls_async.client.client import AutocallsClient
from autocalls_async.client.settings import ClientSettings
from autocalls_async.engine.telemetry.records import Observer
from autocalls_async.model.answers import SentMessage
from autocalls_async.model.errors import (
    AutocallsError,
    PermissionDeniedError,
    UnavailableError,
    UnsentError,
)
from autocalls_async.model.messages import Message
from autocalls_async.policy.pace import SendLimit
from autocalls_async.policy.retry import RetryPolicy

if TYPE_CHECKING:
    from autocalls_async.webhooks.deliveries import Deliveries

T = TypeVar("T")

_QUICK = RetryPolicy(max_attempts=3)
"""Of a single call: somebody waits, and a wrong port shall be told in seconds."""

# What Ctrl-C leaves to a message that has left: mostly enough for its answer.
_DRAIN_SECONDS = 1.0


def check_sender(connection: Connection) -> None:
    """Make sure that there is a sender.

    Raises:
        CommandError: There is none.
    """
    if connection.sender_id is None:
        msg = "there is no sender: set AUTOCALLS_SENDER_ID or give --sender-id"
        raise CommandError(msg)


def check_key(connection: Connection) -> str:
    """Return the key.

    Raises:
        CommandError: There is none.
    """
    if key := (connection.api_key or "").strip():
        return key
    msg = "there is no API key: set AUTOCALLS_API_KEY (or give --api-key)"
    raise CommandError(msg)


def open_for_bulk(
    connection: Connection,
    *,
    rate: int,
    drain_timeout: float,
    observer: Observer,
    deliveries: "Deliveries | None",
) -> AutocallsClient:
    """Make a client for a campaign, which is patient."""
    return _make(
        connection,
        deliveries=deliveries,
        send_limit=SendLimit(rate),
        drain_timeout=drain_timeout,
        observer=observer,
    )


def open_for_questions(
    connection: Connection, *, deliveries: "Deliveries"
) -> AutocallsClient:
    """Make a client that asks what became of messages."""
    return _make(connection, retry=_QUICK, deliveries=deliveries)


def _open(
    connection: Connection, *, rate: int = 5, deliveries: "Deliveries | None" = None
) -> AutocallsClient:
    """Make a client for single calls, at the rate of a campaign that is planned."""
    return _make(
        connection,
        deliveries=deliveries,
        retry=_QUICK,
        drain_timeout=_DRAIN_SECONDS,
        send_limit=SendLimit(rate),
    )


def _make(
    connection: Connection, **settings: Unpack[ClientSettings]
) -> AutocallsClient:
    settings["base_url"] = connection.base_url
    settings["sender_id"] = connection.sender_id
    settings["timeout"] = connection.timeout
    return AutocallsClient(check_key(connection), **settings)


def _out_of_reach(connection: Connection, error: AutocallsError) -> CommandError:
    """Return an error that says where the service was looked for."""
    text = f"{explain_error(error)} (the base URL is {connection.base_url})"
    return CommandError(text, status=Status.FAILED)


def ask(
    connection: Connection,
    question: Callable[[AutocallsClient], Coroutine[Any, Any, T]],
    *,
    rate: int = 5,
) -> T:
    """Make one call that changes nothing.

    Args:
        connection: How the service is reached.
        question: The call.
        rate: Sends a second, where a campaign is planned.

    Raises:
        CommandError: The service was out of reach.
        AutocallsError: It refused.
    """

    async def call() -> T:
        async with _open(connection, rate=rate) as client:
            return await question(client)

    try:
        return asyncio.run(call())
    except UnavailableError as error:
        raise _out_of_reach(connection, error) from error


async def look_at_account(client: AutocallsClient) -> None:
    """Find a wrong key or address.

    Raises:
        AutocallsError: The service refused, or was out of reach.
    """
    # A key that may not look at the account may still send.
    with suppress(PermissionDeniedError):
        await client.account()


@asynccontextmanager
async def _noting(path: Path | None) -> AsyncIterator["Deliveries | None"]:
    """Have a store of receipts open, if there is to be one.

    Raises:
        CommandError: It cannot be used.
    """
    if path is None:
        yield None
        return
    # Most calls note nothing.
    from autocalls_async.webhooks.deliveries import Deliveries  # noqa: PLC0415
    from autocalls_async.webhooks.stores.errors import (  # noqa: PLC0415
        DeliveryStoreError,
    )

    deliveries = Deliveries(path)
    try:
        await deliveries.open()
    except DeliveryStoreError as error:
        await deliveries.aclose()
        msg = f"{error}; nothing was sent"
        raise CommandError(msg) from error
    try:
        yield deliveries
    finally:
        await deliveries.aclose()


def send(
    connection: Connection, message: Message, *, receipts: Path | None = None
) -> tuple[SentMessage, int]:
    """Send one message, and tell what became of it even after Ctrl-C.

    Args:
        connection: How the service is reached.
        message: What to send.
        receipts: Where to note that it was handed over.

    Returns:
        What the service said, and the exit status.

    Raises:
        CommandError: The service was out of reach, a signal came, or the file of
            receipts cannot be used.
        AutocallsError: The service refused, or nobody knows.
    """

    async def call() -> tuple[SentMessage, int]:
        async with (
            _noting(receipts) as deliveries,
            _open(connection, deliveries=deliveries) as client,
            Stopping(client.aclose) as stopping,
        ):
            try:
                sent = await client.send(message)
            except AutocallsError as error:
                if stopping.exit_status is None:
                    raise
                text = f"interrupted; {explain_error(error)}"
                raise CommandError(text, status=stopping.exit_status) from error
        return sent, stopping.exit_status or Status.OK

    try:
        return asyncio.run(call())
    except UnsentError as error:
        raise _out_of_reach(connection, error) from error
