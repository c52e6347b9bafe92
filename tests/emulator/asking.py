"""Asking the emulator over HTTP, without the client that it is there to test."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import aiohttp
from attrs import frozen
from yarl import URL

from autocalls_async.emulator import Emulator

PHONE = "+14155550123"
FREEFORM = {"sender_id": 12, "recipient_phone": PHONE, "message": "hi"}
TEMPLATE = {
    "sender_id": 12,
    "recipient_phone": PHONE,
    "template_id": 45,
    "variables": {"1": "Ana", "2": "Monday", "3": "10:00"},
}

SEND_FREEFORM = "/user/whatsapp/send-freeform"
SEND_TEMPLATE = "/user/whatsapp/send"
SENDERS = "/user/whatsapp/senders"
TEMPLATES = "/user/whatsapp/senders/12/templates"
ME = "/user/me"

HEADERS = {"Authorization": "Bearer 1|key", "Accept": "application/json"}

_SAMPLES = Path(__file__).parents[1] / "samples"


def status_of(phone: str = PHONE, sender_id: int = 12) -> str:
    """Return the path that asks for a window."""
    phone = phone.replace("+", "%2B")
    where = "/user/whatsapp/session-status"
    return f"{where}?sender_id={sender_id}&recipient_phone={phone}"


def sample(name: str) -> Any:  # noqa: ANN401 - whatever the JSON is
    """Read one documented body."""
    return json.loads((_SAMPLES / f"{name}.json").read_text())


@frozen
class Answer:
    """What came back."""

    status: int
    body: Any
    headers: Mapping[str, str]


@frozen
class Caller:
    """Sends requests to one emulator."""

    emulator: Emulator
    session: aiohttp.ClientSession

    async def get(self, path: str) -> Answer:
        """Ask for a path."""
        return await self.ask("GET", path)

    async def post(self, path: str, body: object) -> Answer:
        """Post a JSON body."""
        return await self.ask("POST", path, data=json.dumps(body).encode())

    async def ask(
        self,
        method: str,
        path: str,
        *,
        data: bytes | None = None,
        headers: Mapping[str, str] = HEADERS,
        content_type: str = "application/json",
    ) -> Answer:
        """Send anything."""
        async with self.session.request(
            method,
            # Encoded by hand already: what is written here goes over the wire.
            URL(self.emulator.base_url + path, encoded=True),
            data=data,
            headers={**headers, "Content-Type": content_type},
            allow_redirects=False,
        ) as response:
            raw = await response.read()
            is_json = response.content_type == "application/json"
            body = json.loads(raw) if is_json else raw.decode()
            return Answer(response.status, body, response.headers)
