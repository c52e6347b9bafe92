"""Everything that an emulator with a page answers: page, control API and service."""

import asyncio
import inspect
import json
from collections.abc import Callable
from typing import cast
from urllib.parse import parse_qsl, unquote

from aiohttp import ClientPayloadError, web
from attrs import define, field

from autocalls_async.emulator.app import App
from autocalls_async.emulator.control import account, actions, customers, looking
from autocalls_async.emulator.control.calls import CALLS, Asked, Call, Desk
from autocalls_async.emulator.control.fields import WrongError, read
from autocalls_async.emulator.control.files import SAFE_HEADERS, page, page_file
from autocalls_async.emulator.control.guard import READS, Guard, make_guard
from autocalls_async.emulator.control.openapi import describe
from autocalls_async.emulator.control.sockets import serve_feed
from autocalls_async.emulator.sandbox.box import Sandbox

__all__ = ["CALLS", "V1", "Site"]

V1 = "/_sandbox/v1/"
_FILES = "/_sandbox/page/"
_MOST_BYTES = 64 * 1024 * 1024  # a snapshot of 100,000 messages is half of it

# Each notes its calls as it is imported.
_ROOMS = (account, actions, customers, looking)


@define
class Site:
    """Takes each request to where it belongs."""

    box: Sandbox
    app: App
    base_url: Callable[[], str]
    host: str
    _guard: Guard = field(init=False)
    _tasks: set[asyncio.Task[object]] = field(init=False, factory=set)

    def __attrs_post_init__(self) -> None:
        self._guard = make_guard(self.host, self.box.settings.allow_hosts)

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answer one request."""
        path = request.raw_path.partition("?")[0]
        if path != "/" and not path.startswith("/_sandbox/"):
            return await self.app.handle(request)
        if path == "/" and not _wants_page(request):
            return web.Response(text="ok")
        # aiohttp runs each handler in a task of its own.
        task = cast("asyncio.Task[object]", asyncio.current_task())
        self._tasks.add(task)
        try:
            return await self._answer(request, path)
        except WrongError as wrong:
            return _refuse(wrong)
        except (ConnectionError, ClientPayloadError):
            return web.Response()  # nobody is there any more
        finally:
            self._tasks.discard(task)

    async def stop(self) -> None:
        """End what is still being answered: the feeds, above all."""
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _answer(self, request: web.BaseRequest, path: str) -> web.StreamResponse:
        is_feed = path == f"{V1}feed"
        self._guard.check(request.method, request.headers, socket=is_feed)
        if is_feed:
            return await serve_feed(self.box, request)
        if path == f"{V1}openapi.json":
            return _json(describe(CALLS.all))
        if path.startswith(V1):
            return await self._call(request, path[len(V1) :])
        if request.method in READS and path == "/":
            return page()
        if request.method in READS and path.startswith(_FILES):
            return page_file(unquote(path[len(_FILES) :]))
        msg = f"there is nothing at {unquote(path)!r} by {request.method}"
        raise WrongError(msg, status=404)

    async def _call(self, request: web.BaseRequest, path: str) -> web.Response:
        calls = CALLS.find(path)
        if not calls:
            msg = f"no call {unquote(path)!r}; {V1}openapi.json has them all"
            raise WrongError(msg, status=404)
        method = "GET" if request.method == "HEAD" else request.method
        if method not in calls:
            msg = f"{unquote(path)!r} takes {', '.join(sorted(calls))}"
            raise WrongError(msg, status=405)
        call, places = calls[method]
        asked = await _read_asked(request, call, places)
        answer = call.act(
            Desk(box=self.box, app=self.app, base_url=self.base_url), asked
        )
        if inspect.isawaitable(answer):
            answer = await answer
        if isinstance(answer, web.Response):
            return answer
        return _json(answer, status=call.status)


async def _read_asked(
    request: web.BaseRequest, call: Call, places: dict[str, str]
) -> Asked:
    path = read(
        {name: unquote(text) for name, text in places.items()}, call.path_fields
    )
    query = dict(parse_qsl(request.raw_path.partition("?")[2], keep_blank_values=True))
    if "phone" in query:  # a bare plus is a space in a query
        query["phone"] = query["phone"].replace(" ", "+")
    body: object = {}
    if request.method not in READS:
        if request.content_type != "application/json":
            msg = "a write needs the header Content-Type: application/json"
            raise WrongError(msg, "Content-Type", 415)
        body = await _read_body(request)
    return Asked(
        path=read(path, call.path_fields),
        query=read(dict(query), call.query),
        body=_read_fields(body, call),
    )


def _read_fields(body: object, call: Call) -> dict[str, object]:
    if not isinstance(body, dict):
        msg = f"the body must be an object; got {type(body).__name__}"
        raise WrongError(msg)
    if call.free_body:
        return body
    return read(body, call.body or {})


async def _read_body(request: web.BaseRequest) -> object:
    raw = bytearray()
    async for chunk in request.content.iter_any():
        raw += chunk
        if len(raw) > _MOST_BYTES:
            msg = f"a body has at most {_MOST_BYTES:,} bytes"
            raise WrongError(msg, status=413)
    if not raw:
        return {}
    try:
        return json.loads(raw)
    except (ValueError, RecursionError):
        msg = "the body is not JSON"
        raise WrongError(msg) from None


def _json(body: object, *, status: int = 200) -> web.Response:
    return web.Response(
        body=json.dumps(body, ensure_ascii=False).encode(),
        status=status,
        content_type="application/json",
        headers={**SAFE_HEADERS, "Cache-Control": "no-store"},
    )


def _refuse(wrong: WrongError) -> web.Response:
    body = {"error": str(wrong), "field": wrong.name, **wrong.more}
    return _json(body, status=wrong.status)


def _wants_page(request: web.BaseRequest) -> bool:
    return "text/html" in request.headers.get("Accept", "")
