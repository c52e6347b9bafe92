"""How requests travel: connections, sessions lent and owned, hostile answers."""

import asyncio
import gzip
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import aiohttp
import pytest
from aiohttp import web

from autocalls_async import (
    AutocallsClient,
    RetryPolicy,
    SentMessage,
    UnavailableError,
    UnknownOutcomeError,
    UnsentError,
)
from autocalls_async.emulator import Emulator, HangUpAfter
from tests.people import ANA, SENDER, hello, hellos, open_windows, people

Handler = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]


@asynccontextmanager
async def serving(handler: Handler) -> AsyncIterator[str]:
    """Serve every path with one handler, and give the base URL."""
    server = web.Server(handler)
    runner = web.ServerRunner(server)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        host, port = runner.addresses[0][:2]
        yield f"http://{host}:{port}"
    finally:
        await runner.cleanup()


def client_of(base_url: str, **settings: object) -> AutocallsClient:
    """Make a client that checks no windows and gives up soon."""
    defaults = {"sender_id": SENDER, "window_check": "never"}
    retry = RetryPolicy(max_attempts=2)
    return AutocallsClient(
        "key",
        base_url=base_url,
        **{"retry": retry, **defaults, **settings},  # type: ignore[arg-type]  # as in the calls
    )


async def test_each_send_has_a_fresh_connection_and_reads_keep_theirs() -> None:
    connections: dict[str, list[object]] = {"POST": [], "GET": []}

    async def note(request: web.BaseRequest) -> web.Response:
        connections[request.method].append(request.transport)
        return web.json_response({"success": True, "data": []})

    async with serving(note) as base_url, client_of(base_url) as client:
        for _ in range(3):
            await client.send(hello())
            await client.senders()

    assert len(set(map(id, connections["POST"]))) == 3
    assert len(set(map(id, connections["GET"]))) == 1


async def test_a_redirect_is_never_followed() -> None:
    seen: list[str] = []

    async def redirect(request: web.BaseRequest) -> web.Response:
        seen.append(f"{request.method} {request.path}")
        return web.Response(status=302, headers={"Location": "/login"})

    async with serving(redirect) as base_url, client_of(base_url) as client:
        with pytest.raises(UnknownOutcomeError):
            await client.send(hello())
        with pytest.raises(UnavailableError):
            await client.account()

    assert seen == ["POST /user/whatsapp/send-freeform", "GET /user/me"]


async def test_cookies_are_not_kept() -> None:
    cookies: list[str | None] = []

    async def set_cookie(request: web.BaseRequest) -> web.Response:
        cookies.append(request.headers.get("Cookie"))
        response = web.json_response({"success": True})
        response.set_cookie("session", "1")
        return response

    async with serving(set_cookie) as base_url, client_of(base_url) as client:
        for _ in range(2):
            await client.send(hello())

    assert cookies == [None, None]


async def test_a_body_that_unpacks_without_end_is_not_read_to_its_end() -> None:
    bomb = gzip.compress(b" " * 50_000_000)

    async def explode(_: web.BaseRequest) -> web.Response:
        return web.Response(
            body=bomb,
            headers={"Content-Encoding": "gzip", "Content-Type": "application/json"},
        )

    async with serving(explode) as base_url, client_of(base_url) as client:
        sent = await client.send(hello())
        with pytest.raises(UnavailableError, match="too long"):
            await client.account()

    assert sent == SentMessage()  # a 200 is a 200


async def test_a_lent_session_keeps_every_promise_and_stays_open(
    emulator: Emulator,
) -> None:
    recipients = people(10)
    open_windows(emulator, [ANA, *recipients])

    async with aiohttp.ClientSession(
        cookies={"spy": "1"},
        headers={"X-Spy": "1"},
        raise_for_status=True,
        timeout=aiohttp.ClientTimeout(total=0.001),
    ) as lent:
        async with AutocallsClient(
            "key", base_url=emulator.base_url, sender_id=SENDER, session=lent
        ) as client:
            outcomes = [o async for o in client.send_many(hellos(recipients))]
            emulator.fail_next(1, HangUpAfter())
            with pytest.raises(UnknownOutcomeError):
                await client.send_freeform(ANA, "hi", window_check="never")
        is_still_open = not lent.closed
        async with lent.get(
            f"{emulator.base_url}/user/me",
            headers={"Accept": "application/json"},
            timeout=aiohttp.ClientTimeout(total=5),
            raise_for_status=False,
        ) as answer:
            status = answer.status

    assert len(outcomes) == 10
    assert len(emulator.accepted) == 11
    assert emulator.most_sends_in_any_second() <= 5
    assert is_still_open
    assert status == 401  # our key stays with us
    for request in emulator.requests[:-1]:
        assert "cookie" not in request.headers
        assert "x-spy" not in request.headers


async def test_a_lent_sessions_middleware_cannot_repeat_a_send(
    emulator: Emulator,
) -> None:
    emulator.customer_writes(ANA)

    async def twice(
        request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType
    ) -> aiohttp.ClientResponse:
        await handler(request)
        return await handler(request)

    async with (
        aiohttp.ClientSession(middlewares=(twice,)) as lent,
        client_of(emulator.base_url, session=lent) as client,
    ):
        await client.send(hello())

    assert len(emulator.accepted) == 1


async def test_a_lent_sessions_trace_hooks_cannot_delay_what_has_its_turn(
    emulator: Emulator,
) -> None:
    emulator.customer_writes(ANA)
    seen: list[object] = []

    async def note(*event: object) -> None:
        seen.append(event)
        await asyncio.sleep(100)

    trace = aiohttp.TraceConfig()
    trace.on_request_headers_sent.append(note)
    trace.on_request_chunk_sent.append(note)
    async with (
        aiohttp.ClientSession(trace_configs=[trace]) as lent,
        client_of(emulator.base_url, session=lent) as client,
    ):
        await client.send(hello(), timeout=10)

    assert seen == []


async def test_a_lent_session_that_is_closed_makes_sends_surely_unsent(
    emulator: Emulator,
) -> None:
    lent = aiohttp.ClientSession()
    async with client_of(emulator.base_url, session=lent) as client:
        emulator.customer_writes(ANA)
        await client.send(hello())
        await lent.close()

        with pytest.raises(UnsentError, match="session is closed"):
            await client.send(hello())

    async with client_of(emulator.base_url, session=lent) as client:
        with pytest.raises(UnsentError, match="session is closed"):
            await client.send(hello())
    assert len(emulator.accepted) == 1


async def test_a_lent_limiter_is_asked_for_each_send_one_at_a_time(
    emulator: Emulator,
) -> None:
    class Ledger:
        def __init__(self) -> None:
            self.count = 0
            self.is_asked = False

        async def acquire(self) -> None:
            assert not self.is_asked
            self.is_asked = True
            await asyncio.sleep(1.0)
            self.is_asked = False
            self.count += 1

    ledger = Ledger()
    recipients = people(10)
    open_windows(emulator, recipients)

    async with client_of(emulator.base_url, limiter=ledger) as client:
        outcomes = [o async for o in client.send_many(hellos(recipients))]

    assert len(outcomes) == len(emulator.accepted) == ledger.count == 10
    assert asyncio.get_running_loop().time() >= 10.0


async def test_a_lent_limiter_that_breaks_leaves_messages_unsent(
    emulator: Emulator,
) -> None:
    class Broken:
        async def acquire(self) -> None:
            msg = "the lights are out"
            raise ConnectionError(msg)

    async with client_of(emulator.base_url, limiter=Broken()) as client:
        with pytest.raises(UnsentError, match="ConnectionError") as caught:
            await client.send(hello())
        with pytest.raises(UnsentError, match="ConnectionError"):
            await client.send(hello())

    assert isinstance(caught.value.__cause__, ConnectionError)
    assert emulator.requests == []


async def test_the_environments_proxy_is_used_only_if_wanted(
    emulator: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    async def proxy(request: web.BaseRequest) -> web.Response:
        asked.append(request.raw_path)
        return web.json_response({"name": "by proxy"})

    async with serving(proxy) as address:
        monkeypatch.setenv("http_proxy", address)
        monkeypatch.delenv("no_proxy", raising=False)
        monkeypatch.delenv("NO_PROXY", raising=False)
        async with client_of(emulator.base_url) as client:
            direct = await client.account()
        async with client_of(emulator.base_url, trust_env=True) as client:
            by_proxy = await client.account()

    assert direct.name != "by proxy"
    assert by_proxy.name == "by proxy"
    assert asked == [f"{emulator.base_url}/user/me"]


async def test_one_proxy_for_all_is_used_where_the_scheme_has_none(
    emulator: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    async def proxy(request: web.BaseRequest) -> web.Response:
        asked.append(request.raw_path)
        return web.json_response({"name": "by proxy"})

    for name in ("http_proxy", "HTTP_PROXY", "no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    async with serving(proxy) as address:
        monkeypatch.setenv("ALL_PROXY", address)
        async with client_of(emulator.base_url) as client:
            direct = await client.account()
        async with client_of(emulator.base_url, trust_env=True) as client:
            by_proxy = await client.account()

    assert direct.name != "by proxy"
    assert by_proxy.name == "by proxy"
    assert asked == [f"{emulator.base_url}/user/me"]


async def test_a_long_header_of_a_proxy_makes_no_unknown() -> None:
    async def answer(_: web.BaseRequest) -> web.Response:
        headers = {"X-Trace": "a" * 30_000}
        return web.json_response({"success": True}, headers=headers)

    async with serving(answer) as base_url, client_of(base_url) as client:
        sent = await client.send(hello())

    assert sent == SentMessage()


async def test_an_answer_that_drips_for_ever_ends_by_the_clock() -> None:
    async def drip(request: web.BaseRequest) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Length": "100000"})
        await response.prepare(request)
        while True:
            await response.write(b" ")
            await asyncio.sleep(1)

    async with serving(drip) as base_url, client_of(base_url) as client:
        sent = await client.send(hello(), timeout=300)

    assert sent == SentMessage()
    assert asyncio.get_running_loop().time() <= 62


async def test_an_answer_in_any_json_is_read_or_refused_by_name() -> None:
    bodies = [b"null", b"[]", b"3", b'"x"', b"{", b"[" * 100_000, b"\xff\xfe", b"NaN"]
    remaining = iter(bodies)

    async def answer(_: web.BaseRequest) -> web.Response:
        return web.Response(body=next(remaining), content_type="application/json")

    async with serving(answer) as base_url, client_of(base_url) as client:
        for _ in bodies:
            with pytest.raises(UnavailableError):
                await client.account()

    assert next(remaining, None) is None


async def test_the_senders_key_is_in_no_traceback_of_ours(emulator: Emulator) -> None:
    emulator.fail_next(99, HangUpAfter())

    async with AutocallsClient(
        "1|secret-key", base_url=emulator.base_url, sender_id=SENDER
    ) as client:
        with pytest.raises(UnavailableError) as caught:
            await client.account()

    chain = []
    error: BaseException | None = caught.value
    while error is not None:
        chain.append(repr(error))
        error = error.__cause__
    assert "secret-key" not in json.dumps(chain)
    assert "secret-key" not in repr(client.__dict__)


async def test_a_lent_session_closed_while_a_question_waits_for_it_is_told(
    emulator: Emulator,
) -> None:
    emulator.after_counting = lambda _: 2.0
    lent = aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=1))
    async with client_of(emulator.base_url, session=lent) as client:
        asked = [asyncio.create_task(client.account()) for _ in range(2)]
        await asyncio.sleep(0.2)
        await lent.close()
        await asyncio.wait(asked)

    # Nobody cancelled it: a TaskGroup would take that for a quiet end.
    assert [question.cancelled() for question in asked] == [False, False]


async def test_a_proxy_that_never_answers_is_given_up_after_a_minute(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def say_nothing(
        reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        await reader.read()  # until it is closed
        writer.close()

    once = RetryPolicy(max_attempts=1)
    loop = asyncio.get_running_loop()
    async with await asyncio.start_server(say_nothing, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        monkeypatch.setenv("https_proxy", f"http://127.0.0.1:{port}")
        async with client_of("https://calls.test", trust_env=True, retry=once) as it:
            began_at = loop.time()
            with pytest.raises(UnavailableError):
                await it.account(timeout=300)

            assert 60 <= loop.time() - began_at < 62
