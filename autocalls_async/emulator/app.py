"""The HTTP of the emulator: from a request on the wire to its answer.

The order matters: a request arrives whole and is recorded; its key is looked
at; a send is counted by the rate limiter; a planned fault strikes; the service
acts; the answer goes out.
"""

import asyncio
from collections.abc import Callable
from typing import cast

from aiohttp import ClientPayloadError, web
from attrs import define, field

from autocalls_async.emulator import answers
from autocalls_async.emulator.answers import Answer
from autocalls_async.emulator.clock import Clock
from autocalls_async.emulator.conversations import Conversations, Told
from autocalls_async.emulator.faults import (
    Delay,
    Endpoint,
    Fault,
    FaultPlan,
    Garble,
    HangUpAfter,
    HangUpBefore,
    Refuse,
    Stall,
)
from autocalls_async.emulator.limits import Limit
from autocalls_async.emulator.records import RecordedRequest, Watcher
from autocalls_async.emulator.routes import Route, find_route
from autocalls_async.emulator.service import RULES, Service
from autocalls_async.emulator.validation import (
    Fields,
    read_fields,
    read_json,
    read_query,
)
from autocalls_async.emulator.world.world import World

Latency = Callable[[Endpoint], float]

_SENDS = {Endpoint.SEND_FREEFORM, Endpoint.SEND_TEMPLATE}


class _HangUp(Exception):  # noqa: N818 - not an error: it does what was planned
    """The connection is to be closed without an answer."""


@define
class App:
    """Answers requests, one call of `handle` each."""

    service: Service
    faults: FaultPlan
    clock: Clock
    api_key: str | None
    limit: Limit
    rate: int
    before_counting: Latency | None = None
    after_counting: Latency | None = None
    _tasks: set[asyncio.Task[object]] = field(init=False, factory=set)

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answer one request, or hang up on it."""
        # aiohttp runs each handler in a task of its own.
        task = cast("asyncio.Task[object]", asyncio.current_task())
        self._tasks.add(task)
        try:
            return await self._answer(request)
        except _HangUp:
            if request.transport is not None:
                request.transport.abort()
            # Goes nowhere, but aiohttp wants a response of every handler.
            return web.Response()
        finally:
            self._tasks.discard(task)

    async def stop(self) -> None:
        """End all requests that are still being handled."""
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _answer(self, request: web.BaseRequest) -> web.StreamResponse:
        raw = await _read_whole(request)
        path, _, query = request.raw_path.partition("?")
        if path == "/":
            return web.Response(text="ok")  # to whoever asks for its health
        route = find_route(request.method, path)
        await _pause(self.before_counting, route.endpoint)
        record, fields = self._record(request, route, raw=raw, query=query)
        watcher = self.service.records.watcher
        if watcher is None:
            answer = await self._answer_of(request, route, record, fields)
        else:
            answer = await self._answer_to(watcher, request, route, record, fields)
        record.status = answer.status
        body, content_type = answer.payload()
        return web.Response(
            body=body,
            status=answer.status,
            content_type=content_type,
            headers=answer.headers,
        )

    def _record(
        self, request: web.BaseRequest, route: Route, *, raw: bytes, query: str
    ) -> tuple[RecordedRequest, Fields]:
        is_json = "json" in request.headers.get("Content-Type", "")
        body = read_json(raw) if raw and is_json else None
        records = self.service.records
        headers: dict[str, str] = {}
        if records.keep_requests:
            headers = {name.lower(): text for name, text in request.headers.items()}
        record = RecordedRequest(
            endpoint=route.endpoint,
            method=request.method,
            target=request.raw_path,
            headers=headers,
            body=body,
            at=self.service.elapsed(),
        )
        records.note_request(record)
        if records.watcher is not None:
            records.watcher.arrived(record, request.headers, raw)
        if raw:
            return record, read_fields(body)
        return record, read_query(query, RULES.get(route.endpoint, {}))

    async def _answer_to(
        self,
        watcher: Watcher,
        request: web.BaseRequest,
        route: Route,
        record: RecordedRequest,
        fields: Fields,
    ) -> Answer:
        """Answer, and tell whoever watches what became of the request."""
        answer = None
        try:
            answer = await self._answer_of(request, route, record, fields)
        finally:
            watcher.ended(record, answer)
        return answer

    async def _answer_of(
        self,
        request: web.BaseRequest,
        route: Route,
        record: RecordedRequest,
        fields: Fields,
    ) -> Answer:
        answer = self._refuse_early(request, route, record)
        if answer is None:
            record.fault = self.faults.take(route.endpoint)
            answer = await self._act(route, record, fields)
        if not _wants_json(request):
            return answers.for_a_browser(answer, origin=f"http://{request.host}")
        return answer

    def _refuse_early(
        self, request: web.BaseRequest, route: Route, record: RecordedRequest
    ) -> Answer | None:
        if route.endpoint is Endpoint.OTHER:
            return _no_such_route(request, route)
        if route.endpoint is Endpoint.HISTORY:
            return None  # documented without a key: its UUID opens it
        if not self._knows_key(request.headers.get("Authorization", "")):
            return answers.UNAUTHENTICATED
        if route.endpoint in _SENDS:
            return self._count(record)
        return None

    def _knows_key(self, authorization: str) -> bool:
        scheme, _, key = authorization.partition(" ")
        if scheme.lower() != "bearer" or not key.strip():
            return False
        return self.api_key is None or key == self.api_key

    def _count(self, record: RecordedRequest) -> Answer | None:
        """Count one send; return what it gets if it came too fast."""
        now = self.service.elapsed()
        records = self.service.records
        records.busiest.count(now)
        record.limiter = verdict = self.limit.admit(now)
        if verdict.admitted:
            return None
        records.rejected_count += 1
        return answers.too_many(verdict, limit=self.rate, wall=self.service.wall())

    async def _act(
        self, route: Route, record: RecordedRequest, fields: Fields
    ) -> Answer:
        """Act as the fault allows, and take the time it says."""
        fault, watcher = record.fault, self.service.records.watcher
        if fault is not None and watcher is not None:
            watcher.struck(record)
        if isinstance(fault, Refuse):
            answer = Answer(fault.status, fault.body, fault.headers)
        else:
            await self._suffer_before(fault)
            if watcher is not None:
                watcher.acting(record)
            answer = self.service.act(route.endpoint, fields, path_id=route.path_id)
        await _pause(self.after_counting, route.endpoint)
        await self._suffer_after(fault)
        return (
            Answer(answer.status, fault.body) if isinstance(fault, Garble) else answer
        )

    async def _suffer_before(self, fault: Fault | None) -> None:
        """Let go wrong what does so before the service acts."""
        match fault:
            case HangUpBefore():
                raise _HangUp
            case Delay(seconds=seconds, after_acting=False):
                await self.clock.sleep(seconds)
            case Stall(after_acting=False):
                await _for_ever()

    async def _suffer_after(self, fault: Fault | None) -> None:
        """Let go wrong what does so once the service has acted."""
        match fault:
            case HangUpAfter():
                raise _HangUp
            case Delay(seconds=seconds, after_acting=True):
                await self.clock.sleep(seconds)
            case Stall(after_acting=True):
                await _for_ever()


async def _read_whole(request: web.BaseRequest) -> bytes:
    """Read the body; one that breaks off is no request at all."""
    try:
        return await request.read()
    except (ConnectionError, ClientPayloadError, web.RequestPayloadError):
        raise _HangUp from None
    except RuntimeError:  # aiohttp's, where the connection was lost before the read
        raise _HangUp from None


def make_app(
    world: World, *, api_key: str | None, tell: Callable[[int, str], Told]
) -> App:
    """Return the HTTP of a world.

    Args:
        world: What it acts on.
        api_key: The only key that is let in; None lets any key in.
        tell: Returns the messages of a sender and a customer.
    """
    clock = world.clock
    conversations = Conversations(world.tenant, tell, clock.date_at, clock.time)
    return App(
        service=Service(
            world.tenant, world.records, clock.time, clock.date, conversations
        ),
        faults=world.plan,
        clock=clock,
        api_key=api_key,
        limit=world.limit,
        rate=world.rate,
    )


def _no_such_route(request: web.BaseRequest, route: Route) -> Answer:
    where = request.raw_path.partition("?")[0].lstrip("/")
    if not route.allowed:
        return Answer(404, {"message": f"The route {where} could not be found."})
    text = (
        f"The {request.method} method is not supported for route {where}."
        f" Supported methods: {route.allowed}."
    )
    return Answer(405, {"message": text}, {"Allow": route.allowed})


def _wants_json(request: web.BaseRequest) -> bool:
    """Whether the first type that a request accepts is JSON, as Laravel asks."""
    first = request.headers.get("Accept", "").partition(",")[0]
    return "/json" in first or "+json" in first


async def _pause(latency: Latency | None, endpoint: Endpoint) -> None:
    if latency is not None:
        await asyncio.sleep(latency(endpoint))


async def _for_ever() -> None:
    await asyncio.get_running_loop().create_future()
