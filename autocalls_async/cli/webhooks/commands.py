"""What the commands of `autocalls webhooks` do."""

import asyncio
import os

from aiohttp import web

from autocalls_async.cli.terminal.failures import CommandError, Status, describe
from autocalls_async.cli.terminal.screen import Screen, fact_table
from autocalls_async.cli.terminal.stopping import Stopping
from autocalls_async.cli.terminal.words import plain
from autocalls_async.cli.webhooks.options import Serve, Verify
from autocalls_async.model.values.masking import mask_phone
from autocalls_async.webhooks.covers import aiohttp_routes
from autocalls_async.webhooks.deliveries import Deliveries
from autocalls_async.webhooks.hooks import Webhooks
from autocalls_async.webhooks.receiving.events import (
    MessageStatus,
    OtherEvent,
    WebhookError,
)
from autocalls_async.webhooks.receiving.receiver import Receiver


def serve(wanted: Serve, screen: Screen) -> int:
    """Take webhooks in until a signal comes.

    Raises:
        CommandError: It cannot listen there.
        ValueError: The secrets are missing or unusable.
        DeliveryStoreError: The file cannot be used.
    """
    receiver = Receiver.from_env()
    try:
        return asyncio.run(_serve(wanted, receiver, screen))
    except OSError as error:
        where = f"{wanted.host}:{wanted.port}"
        msg = f"cannot listen on {where}: {describe(error)}"
        raise CommandError(msg) from error


async def _serve(wanted: Serve, receiver: Receiver, screen: Screen) -> int:
    deliveries = Deliveries(wanted.receipts)
    hooks = Webhooks(
        receiver, deliveries=deliveries, inbound_token=wanted.inbound_token
    )
    app = web.Application()
    app.router.add_routes(aiohttp_routes(hooks))
    runner = web.AppRunner(app, access_log=None)  # it would hold the token
    ended = asyncio.Event()
    async with Stopping(ended.set) as stopping:
        try:
            await hooks.start()
            await runner.setup()
            await web.TCPSite(runner, wanted.host, wanted.port).start()
            _announce(wanted, runner, screen)
            await ended.wait()
        finally:
            await runner.cleanup()
            await deliveries.aclose()
    return stopping.exit_status or Status.OK


def _announce(wanted: Serve, runner: web.AppRunner, screen: Screen) -> None:
    host, port = runner.addresses[0][:2]
    url = f"http://{host}:{port}/hooks/receipts"
    if screen.as_json:
        screen.emit({"url": url, "receipts": str(wanted.receipts)})
    screen.say(f"taking receipts at {url} into {wanted.receipts}; Ctrl-C ends it")


def verify(wanted: Verify, screen: Screen) -> int:
    """Say whether a body fits its signature, and what it tells.

    Raises:
        CommandError: It does not fit, or cannot be read.
        ValueError: The secrets are missing or unusable.
    """
    given = os.environ.get(wanted.secret_env, "")
    if not given.strip():
        msg = f"{wanted.secret_env} is not set: it must hold the signing secret"
        raise CommandError(msg)
    receiver = Receiver.from_env({"AUTOCALLS_WEBHOOK_SECRETS": given})
    try:
        raw = wanted.file.read_bytes()
    except OSError as error:
        msg = f"cannot read {wanted.file}: {describe(error)}"
        raise CommandError(msg) from error
    try:
        event = receiver.parse(raw, {"X-Signature-256": wanted.signature})
    except WebhookError as error:
        raise CommandError(str(error), status=Status.FAILED) from error
    _show(event, screen)
    return Status.OK


def _show(event: MessageStatus | OtherEvent, screen: Screen) -> None:
    if isinstance(event, OtherEvent):
        if screen.as_json:
            screen.emit({"signed": True, "event": event.event, "readable": False})
        screen.say("signed, but not a receipt that this version can read")
        return
    if screen.as_json:
        screen.emit({"signed": True, "readable": True} | event.to_dict())
        return
    facts = (
        ("message", str(event.whatsapp_message_id)),
        ("status", plain(event.status)),
        ("sender", str(event.sender_id)),
        ("recipient", mask_phone(plain(event.recipient_phone or "-"))),
        ("error code", "-" if event.error_code is None else str(event.error_code)),
        ("test", "yes" if event.is_test else "no"),
    )
    screen.show(fact_table("Signed", facts))
