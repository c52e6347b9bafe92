"""A FastAPI service that awaits one send inside a request handler.

    AUTOCALLS_API_KEY='1|...' AUTOCALLS_SENDER_ID=12 AUTOCALLS_WEBHOOK_SECRETS=... \
        uvicorn --app-dir examples fastapi_service:app

    curl localhost:8000/messages -H 'Content-Type: application/json' \
        -d '{"recipient_phone": "+14155550123", "message": "Your table is ready"}'

What the caller is told is in `answer_to`. One worker process an account: two
would each send at the whole limit.
"""

import logging
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from math import ceil
from typing import Annotated, Any

from attrs import asdict
from fastapi import Depends, FastAPI, HTTPException, Request
from fastapi.responses import JSONResponse
from pydantic import BaseModel

from autocalls_async import (
    AutocallsClient,
    AutocallsError,
    Deliveries,
    FreeformMessage,
    InvalidRequestError,
    QueueFullError,
    RateLimitedError,
    SenderOfflineError,
    TemplateRequiredError,
    UnknownOutcomeError,
    UnsentError,
)
from autocalls_async.webhooks import (
    MessageStatus,
    Receiver,
    Webhooks,
    starlette_routes,
)

log = logging.getLogger(__name__)


@asynccontextmanager
async def lifespan(service: FastAPI) -> AsyncIterator[None]:
    """Keep one client for the life of the service; on the way out it drains."""
    deliveries = Deliveries(os.environ.get("RECEIPTS", "receipts.db"))
    async with AutocallsClient.from_env(
        timeout=8.0, max_queued=30, deliveries=deliveries
    ) as client:
        service.state.client = client
        async with make_hooks(client) as hooks:
            service.router.routes.extend(starlette_routes(hooks))
            yield


def make_hooks(client: AutocallsClient) -> Webhooks:
    """Say what is done when a receipt comes, to /hooks/receipts."""
    hooks = Webhooks(Receiver.from_env(), client)

    @hooks.on_status("failed", "undelivered")
    async def failed(event: MessageStatus) -> None:
        log.warning(
            "message %d failed: %s", event.whatsapp_message_id, event.error_code
        )

    return hooks


app = FastAPI(lifespan=lifespan)


async def get_client(request: Request) -> AutocallsClient:
    """Return the service's client; `async`, so that no thread touches it."""
    client: AutocallsClient = request.app.state.client
    return client


Client = Annotated[AutocallsClient, Depends(get_client)]


class Order(BaseModel):
    """What a caller asks for."""

    recipient_phone: str
    message: str


@app.post("/messages", status_code=201)
async def send(order: Order, client: Client) -> dict[str, Any]:
    """Send one text, within the client's 8 seconds."""
    try:
        message = FreeformMessage(
            recipient_phone=order.recipient_phone, message=order.message
        )
    except ValueError as error:  # which rule the number or the text breaks
        raise HTTPException(422, str(error)) from error
    sent = await client.send(message)
    return {"outcome": "accepted", "whatsapp_message_id": sent.whatsapp_message_id}


@app.get("/messages/{number}")
async def stands(number: int, client: Client) -> dict[str, Any]:
    """Say where a message stands at its recipient's, as receipts tell."""
    delivery = await client.deliveries.get(number)
    return {"status": None if delivery is None else delivery.status}


@app.get("/health")
async def health(client: Client) -> dict[str, Any]:
    """Say how busy the queue is."""
    return asdict(client.queue)


@app.exception_handler(AutocallsError)
async def explain(_request: Request, error: AutocallsError) -> JSONResponse:
    """Turn what became of the message into an answer."""
    log.warning("%s", error)  # it shows neither key nor text nor a whole number
    status, outcome = answer_to(error)
    headers = {"Retry-After": str(ceil(pause_after(error)))} if status == 503 else {}
    return JSONResponse({"outcome": outcome}, status_code=status, headers=headers)


def answer_to(error: AutocallsError) -> tuple[int, str]:
    """Choose the status; 503 alone invites the caller to ask again."""
    match error:
        case UnknownOutcomeError():
            # Not a 504: callers and proxies repeat those, and this must not be.
            return 202, "unknown"
        case TemplateRequiredError():  # the caller may choose a template instead
            return 409, "template_required"
        case InvalidRequestError():
            return 422, "refused"
        case UnsentError() | RateLimitedError() | SenderOfflineError():
            return 503, "unsent"
    return 502, "refused"  # key, balance, sender: ours to mend, see the log


def pause_after(error: AutocallsError) -> float:
    """Say in how many seconds the same request may succeed."""
    match error:
        case QueueFullError(wait_seconds=float(seconds)):
            return max(seconds, 1.0)
        case RateLimitedError(retry_after=float(seconds)):
            return max(seconds, 1.0)
        case SenderOfflineError():  # its status is synced every five minutes
            return 300.0
    return 5.0
