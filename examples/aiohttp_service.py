"""An aiohttp.web service that reminds people, with a template where it must.

    AUTOCALLS_API_KEY='1|...' AUTOCALLS_SENDER_ID=12 REMINDER_TEMPLATE_ID=46 \
        python examples/aiohttp_service.py

    AUTOCALLS_WEBHOOK_SECRETS=... is the sender's signing secret: the service posts
    receipts to /hooks/receipts.

    curl localhost:8080/reminders --data-urlencode recipient_phone=+14155550123 \
        --data-urlencode 'message=See you at ten'

On SIGTERM the service takes no more requests, and the client drains.
"""

import logging
import os
from collections.abc import AsyncIterator

from aiohttp import web
from aiohttp.typedefs import Handler

from autocalls_async import (
    AutocallsClient,
    AutocallsError,
    Deliveries,
    FreeformMessage,
    RateLimitedError,
    SentMessage,
    TemplateRequiredError,
    UnknownOutcomeError,
    UnsentError,
)
from autocalls_async.webhooks import (
    MessageStatus,
    Receiver,
    Webhooks,
    aiohttp_routes,
)

log = logging.getLogger("reminders")

CLIENT = web.AppKey("client", AutocallsClient)
HOOKS = web.AppKey("hooks", Webhooks)
TEMPLATE_ID = web.AppKey("template_id", int)


async def keep_client(app: web.Application) -> AsyncIterator[None]:
    """Keep one client for the life of the service; on the way out it drains."""
    async with app[CLIENT]:
        await app[HOOKS].start()
        yield


def make_hooks(client: AutocallsClient) -> Webhooks:
    """Say what is done when a receipt comes."""
    hooks = Webhooks(Receiver.from_env(), client)

    @hooks.on_status("failed", "undelivered")
    async def failed(event: MessageStatus) -> None:
        log.warning(
            "message %d failed: %s", event.whatsapp_message_id, event.error_code
        )

    return hooks


async def remind(request: web.Request) -> web.Response:
    """Send one reminder."""
    order = await request.post()
    try:
        message = FreeformMessage(
            recipient_phone=str(order.get("recipient_phone")),
            message=str(order.get("message", "")),
        )
    except ValueError as error:  # which rule the number or the text breaks
        raise web.HTTPUnprocessableEntity(text=str(error)) from error
    sent = await send_reminder(request.app[CLIENT], message, request.app[TEMPLATE_ID])
    return web.json_response(
        {"outcome": "accepted", "whatsapp_message_id": sent.whatsapp_message_id},
        status=201,
    )


async def send_reminder(
    client: AutocallsClient, message: FreeformMessage, template_id: int
) -> SentMessage:
    """Send free text while the window is open, and the template otherwise."""
    try:
        return await client.send(message)
    except TemplateRequiredError:  # the text surely did not go out
        return await client.send_template(
            message.recipient_phone, template_id=template_id
        )


@web.middleware
async def explain(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Turn what became of the message into an answer."""
    try:
        return await handler(request)
    except AutocallsError as error:
        status = status_for(error)
        headers = {"Retry-After": "5"} if status == 503 else {}
        body = {"outcome": type(error).__name__, "detail": str(error)}
        return web.json_response(body, status=status, headers=headers)


def status_for(error: AutocallsError) -> int:
    """Choose the status; 503 alone invites the caller to ask again.

    An unknown outcome is a 202, "taken, and you will hear of it": callers and
    proxies repeat a 504, and this message must not be repeated blindly.
    """
    match error:
        case UnknownOutcomeError():
            return 202
        case RateLimitedError() | UnsentError():  # surely not sent
            return 503
    return 422  # refused: the class of the error, in the body, says why


def make_app() -> web.Application:
    """Put the service together."""
    app = web.Application(middlewares=[explain])
    app[CLIENT] = AutocallsClient.from_env(
        timeout=8.0,
        max_queued=30,
        deliveries=Deliveries(os.environ.get("RECEIPTS", "receipts.db")),
    )
    app[HOOKS] = make_hooks(app[CLIENT])
    app.router.add_routes(aiohttp_routes(app[HOOKS]))
    app[TEMPLATE_ID] = int(os.environ["REMINDER_TEMPLATE_ID"])
    app.cleanup_ctx.append(keep_client)
    app.router.add_post("/reminders", remind)
    return app


if __name__ == "__main__":
    web.run_app(make_app())
