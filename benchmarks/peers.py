"""Other messaging services' asyncio clients, sending to our server as to their own.

Each is set up as its documentation says for many messages over kept connections,
with as many of them as may be in flight.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp

from benchmarks.contenders import (
    PHONES,
    SENDER,
    TEXT,
    Connections,
    Contender,
    SendAll,
    by_workers,
)

# ruff: noqa: PLC0415  # any of them may be missing, and each is slow to import

_MOST = len(PHONES)


@asynccontextmanager
async def _slack(url: str, _: Connections) -> AsyncIterator[SendAll]:
    from slack_sdk.web.async_client import AsyncWebClient

    async with aiohttp.ClientSession() as session:
        client = AsyncWebClient("xoxb-key", base_url=f"{url}/slack/", session=session)

        async def send(phone: str) -> object:
            answer = await client.chat_postMessage(channel=phone, text=TEXT)
            return answer["ts"]

        yield by_workers(send)


@asynccontextmanager
async def _twilio(url: str, _: Connections) -> AsyncIterator[SendAll]:
    from twilio.http.async_http_client import AsyncTwilioHttpClient
    from twilio.rest import Client

    async with AsyncTwilioHttpClient() as http:
        client = Client("AC" + 32 * "0", "token", http_client=http)
        client.api.base_url = url

        async def send(phone: str) -> object:
            sent = await client.messages.create_async(
                to=phone, from_="+15557122661", body=TEXT
            )
            return sent.sid

        yield by_workers(send)


@asynccontextmanager
async def _aiogram(url: str, _: Connections) -> AsyncIterator[SendAll]:
    from aiogram import Bot
    from aiogram.client.session.aiohttp import AiohttpSession
    from aiogram.client.telegram import TelegramAPIServer

    server = TelegramAPIServer.from_base(f"{url}/telegram")
    async with Bot("1:key", session=AiohttpSession(api=server)) as bot:

        async def send(phone: str) -> object:
            return (await bot.send_message(int(phone), TEXT)).message_id

        yield by_workers(send)


@asynccontextmanager
async def _httpx(url: str, _: Connections) -> AsyncIterator[SendAll]:
    import httpx

    target = f"{url}/api/user/whatsapp/send-freeform"
    limits = httpx.Limits(max_connections=_MOST, max_keepalive_connections=_MOST)
    headers = {"Accept": "application/json", "Authorization": "Bearer 1|key"}
    async with httpx.AsyncClient(headers=headers, limits=limits) as client:

        async def send(phone: str) -> object:
            body = {"sender_id": SENDER, "recipient_phone": phone, "message": TEXT}
            answer = await client.post(target, json=body)
            return answer.raise_for_status().json()["success"]

        yield by_workers(send)


@asynccontextmanager
async def _pywa(url: str, _: Connections) -> AsyncIterator[SendAll]:
    import httpx
    from pywa_async import WhatsApp

    limits = httpx.Limits(max_connections=_MOST, max_keepalive_connections=_MOST)
    async with httpx.AsyncClient(limits=limits) as http:
        client = WhatsApp(phone_id="1", token="key", session=http)  # noqa: S106  # any
        http.base_url = httpx.URL(f"{url}/graph/")

        async def send(phone: str) -> object:
            return (await client.send_message(to=phone, text=TEXT)).id

        yield by_workers(send)


@asynccontextmanager
async def _telegram(url: str, _: Connections) -> AsyncIterator[SendAll]:
    from telegram import Bot
    from telegram.request import HTTPXRequest

    requests = HTTPXRequest(connection_pool_size=_MOST, pool_timeout=60.0)
    async with requests:  # the bot's own `async with` would ask who it is
        bot = Bot("1:key", base_url=f"{url}/telegram/bot", request=requests)

        async def send(phone: str) -> object:
            return (await bot.send_message(int(phone), TEXT)).message_id

        yield by_workers(send)


_KEPT = (Connections.KEPT,)

PEERS = {
    "slack": Contender(
        title="slack_sdk, shared session",
        open=_slack,
        package="slack-sdk",
        connections=_KEPT,
    ),
    "twilio": Contender(
        title="twilio, async", open=_twilio, package="twilio", connections=_KEPT
    ),
    "aiogram": Contender(
        title="aiogram", open=_aiogram, package="aiogram", connections=_KEPT
    ),
    "httpx": Contender(
        title="httpx", open=_httpx, package="httpx", connections=_KEPT, is_slow=True
    ),
    "pywa": Contender(
        title="pywa, async",
        open=_pywa,
        package="pywa",
        connections=_KEPT,
        is_slow=True,
    ),
    "telegram": Contender(
        title="python-telegram-bot",
        open=_telegram,
        package="python-telegram-bot",
        connections=_KEPT,
        is_slow=True,
    ),
}
