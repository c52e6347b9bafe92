"""What the commands of `autocalls webhooks` do."""

import asyncio
import os
import re
import sys
from contextlib import suppress
from pathlib import Path

from aiohttp import web

from autocalls_async.cli.terminal.failures import CommandError, Status, os_reason
from autocalls_async.cli.terminal.screen import Screen
from autocalls_async.cli.terminal.stopping import Stopping
from autocalls_async.cli.terminal.tables import fact_table
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

_SIGNATURE = re.compile(
    r"(?:x-signature-256:\s*)?(?:sha256=)?([0-9a-f]{64})", re.ASCII | re.IGNORECASE
)


def serve(wanted: Serve, screen: Screen) -> int:
    """Receive webhooks until a signal comes.

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
        msg = f"cannot listen on {where}: {os_reason(error)}"
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
    base = f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
    url = f"{base}/hooks/receipts"
    if screen.as_json:
        screen.emit({"url": url, "receipts": str(wanted.receipts)})
    screen.say(f"taking receipts at {url} into {wanted.receipts}; Ctrl-C ends it")
    if wanted.inbound_token is not None:
        screen.say(f"inbound messages: {base}/hooks/inbound (Authorization: Bearer)")
        screen.say(f"ends of conversations: {base}/hooks/ended/TOKEN")


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
    raw, signature = _read(wanted.file), _signature(wanted.signature)
    try:
        event = _parse(receiver, raw, signature)
    except WebhookError as error:
        msg = f"{error.reason}{_hint(receiver, raw, signature)}"
        raise CommandError(msg, status=Status.FAILED) from error
    _show(event, screen)
    return Status.OK


def _read(path: Path) -> bytes:
    try:
        return sys.stdin.buffer.read() if str(path) == "-" else path.read_bytes()
    except OSError as error:
        msg = f"cannot read {path}: {os_reason(error)}"
        raise CommandError(msg) from error


def _signature(given: str) -> str:
    """Return a signature, which may be given as the whole header, or as bare digits.

    Raises:
        CommandError: It is none.
    """
    found = _SIGNATURE.fullmatch(given.strip())
    if found is None:
        msg = "--signature must be what X-Signature-256 was: sha256= and 64 hex digits"
        raise CommandError(msg)
    return f"sha256={found[1]}"


def _parse(
    receiver: Receiver, raw: bytes, signature: str
) -> MessageStatus | OtherEvent:
    return receiver.parse(raw, {"X-Signature-256": signature})


def _hint(receiver: Receiver, raw: bytes, signature: str) -> str:
    """Return what an editor did to the body, if that is why it does not fit."""
    for body in (raw.rstrip(b"\r\n"), raw + b"\n", raw.removeprefix(b"\xef\xbb\xbf")):
        with suppress(WebhookError):
            _parse(receiver, body, signature)
            return "; it does with another line end: the file is not as it came"
    return ""


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
