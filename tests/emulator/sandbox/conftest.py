"""A sandbox, its control API, and a program that is called by it."""

import json
from collections.abc import AsyncIterator, Callable, Mapping
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from attrs import define, field, frozen

from autocalls_async.emulator import Emulator


@frozen
class Heard:
    """One request that a program got from the sandbox."""

    path: str
    raw: bytes
    headers: Mapping[str, str]
    at: float

    @property
    def body(self) -> Any:  # noqa: ANN401 - whatever the JSON is
        """Its JSON."""
        return json.loads(self.raw)


@define
class Program:
    """Somebody's program: it hears what the sandbox calls out."""

    now: Callable[[], float]
    url: str = ""
    answers: list[int] = field(factory=list)
    """What to answer, one after another; afterwards 204."""

    heard: list[Heard] = field(factory=list)

    async def handle(self, request: web.Request) -> web.Response:
        """Hear one request."""
        raw = await request.read()
        self.heard.append(Heard(request.path, raw, request.headers, self.now()))
        return web.Response(status=self.answers.pop(0) if self.answers else 204)


@pytest.fixture
async def program() -> AsyncIterator[Program]:
    """Start a program that the sandbox can call."""
    import asyncio  # noqa: PLC0415

    program = Program(asyncio.get_running_loop().time)
    app = web.Application()
    app.router.add_post("/{tail:.*}", program.handle)
    async with TestServer(app) as server:
        program.url = str(server.make_url("/")).rstrip("/")
        yield program


@frozen
class Control:
    """Speaks to one control API."""

    emulator: Emulator
    session: aiohttp.ClientSession

    @property
    def base(self) -> str:
        """Where the calls are."""
        return f"{self.emulator.page_url}_sandbox/v1/"

    async def get(self, path: str) -> Any:  # noqa: ANN401 - whatever the JSON is
        """Return what a call answers."""
        status, body = await self.ask("GET", path)
        assert status == 200, body
        return body

    async def write(self, method: str, path: str, /, **body: object) -> Any:  # noqa: ANN401 - whatever the JSON is
        """Return what a write answers."""
        status, answer = await self.ask(method, path, body)
        assert status in {200, 201}, answer
        return answer

    async def ask(
        self,
        method: str,
        path: str,
        body: object = None,
        headers: Mapping[str, str] | None = None,
    ) -> tuple[int, Any]:
        """Return status and JSON of an answer."""
        raw = None if body is None else json.dumps(body).encode()
        kind = {} if body is None else {"Content-Type": "application/json"}
        async with self.session.request(
            method, self.base + path, data=raw, headers={**kind, **(headers or {})}
        ) as response:
            return response.status, await response.json()


@pytest.fixture
async def box(program: Program) -> AsyncIterator[Emulator]:
    """Start an emulator with a page that calls out to the program."""
    async with Emulator(
        page=True,
        webhook=f"{program.url}/receipts",
        webhook_secret="s3cret",  # noqa: S106 - a test's
        inbound=f"{program.url}/inbound",
        inbound_token="t0ken",  # noqa: S106 - a test's
        ended=f"{program.url}/ended",
    ) as emulator:
        yield emulator


@pytest.fixture
async def control(box: Emulator, session: aiohttp.ClientSession) -> Control:
    """Return somebody who turns the sandbox over HTTP."""
    return Control(box, session)
