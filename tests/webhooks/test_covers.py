"""The same posts get the same answers in each web framework."""

import asyncio
import sys
import types
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from threading import Thread
from typing import Any, TypeAlias

import flask
import httpx
import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer
from django.conf import settings
from fastapi import FastAPI
from starlette.applications import Starlette
from starlette.routing import Mount

from autocalls_async import Deliveries
from autocalls_async.blocking import BlockingClient, BlockingWebhooks
from autocalls_async.webhooks import (
    Receiver,
    Webhooks,
    aiohttp_routes,
    django_urls,
    starlette_routes,
)
from tests.webhooks.bodies import ended, inbound
from tests.webhooks.conftest import TOKEN
from tests.webhooks.posts import POSTS, SECRETS

Headers: TypeAlias = Sequence[tuple[str, str]]
Ask: TypeAlias = Callable[[str, Headers, bytes], Awaitable[tuple[int, Any]]]
"""Posts a body to a path, and gives the status and the headers of the answer."""


def _encoded(headers: Headers) -> list[tuple[bytes, bytes]]:
    return [(name.encode(), value.encode()) for name, value in headers]


@asynccontextmanager
async def _in_asgi(app: Any) -> AsyncIterator[Ask]:  # noqa: ANN401  # any ASGI application
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://x") as caller:

        async def ask(path: str, headers: Headers, raw: bytes) -> tuple[int, Any]:
            answer = await caller.post(path, content=raw, headers=_encoded(headers))
            return answer.status_code, answer.headers

        yield ask


@asynccontextmanager
async def _in_aiohttp(hooks: Webhooks) -> AsyncIterator[Ask]:
    app = web.Application()
    app.router.add_routes(aiohttp_routes(hooks))
    server = TestServer(app)
    await server.start_server()
    # httpx lets a header stand twice, and hold bytes that are not ASCII.
    async with server, httpx.AsyncClient(base_url=str(server.make_url("/"))) as caller:

        async def ask(path: str, headers: Headers, raw: bytes) -> tuple[int, Any]:
            answer = await caller.post(path, content=raw, headers=_encoded(headers))
            return answer.status_code, answer.headers

        yield ask


@asynccontextmanager
async def _in_fastapi(hooks: Webhooks) -> AsyncIterator[Ask]:
    app = FastAPI()
    app.router.routes.extend(starlette_routes(hooks))
    async with _in_asgi(app) as ask:
        yield ask


@asynccontextmanager
async def _in_starlette(hooks: Webhooks) -> AsyncIterator[Ask]:
    async with _in_asgi(Starlette(routes=starlette_routes(hooks))) as ask:
        yield ask


def _set_up_django(hooks: Webhooks | BlockingWebhooks) -> None:
    import django  # noqa: PLC0415  # it must be told its settings first
    from django.urls import clear_url_caches  # noqa: PLC0415

    if not settings.configured:
        settings.configure(
            ROOT_URLCONF="hooks_of_a_test",
            ALLOWED_HOSTS=["*"],
            SECRET_KEY="x",  # noqa: S106  # of nobody
        )
        django.setup()
    urls = types.ModuleType("hooks_of_a_test")
    urls.urlpatterns = django_urls(hooks)  # type: ignore[attr-defined]  # Django's own way
    sys.modules["hooks_of_a_test"] = urls
    clear_url_caches()


def _django_app(hooks: Webhooks | BlockingWebhooks) -> Any:  # noqa: ANN401  # an ASGI application
    from django.core.asgi import get_asgi_application  # noqa: PLC0415  # as said

    _set_up_django(hooks)
    return get_asgi_application()


@asynccontextmanager
async def _in_django(hooks: Webhooks) -> AsyncIterator[Ask]:
    async with _in_asgi(_django_app(hooks)) as ask:
        yield ask


@contextmanager
def _blocking() -> Iterator[BlockingWebhooks]:
    with BlockingClient("1|k", deliveries=Deliveries()) as client:
        yield BlockingWebhooks(Receiver(SECRETS), client, inbound_token=TOKEN)


@asynccontextmanager
async def _in_django_blocking(_: Webhooks) -> AsyncIterator[Ask]:
    with _blocking() as hooks:
        async with _in_asgi(_django_app(hooks)) as ask:
            yield ask


@asynccontextmanager
async def _in_django_wsgi(hooks: Webhooks | BlockingWebhooks) -> AsyncIterator[Ask]:
    """Stand in the server of Django's `runserver`."""
    from django.core.servers.basehttp import WSGIRequestHandler, WSGIServer  # noqa: PLC0415
    from django.core.wsgi import get_wsgi_application  # noqa: PLC0415

    _set_up_django(hooks)
    server = WSGIServer(("127.0.0.1", 0), WSGIRequestHandler)
    server.set_app(get_wsgi_application())
    thread = Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        url = f"http://127.0.0.1:{server.server_port}"
        async with httpx.AsyncClient(base_url=url) as caller:

            async def ask(path: str, headers: Headers, raw: bytes) -> tuple[int, Any]:
                answer = await caller.post(path, content=raw, headers=_encoded(headers))
                return answer.status_code, answer.headers

            yield ask
    finally:
        await asyncio.to_thread(server.shutdown)
        thread.join()
        server.server_close()


@asynccontextmanager
async def _in_django_wsgi_blocking(_: Webhooks) -> AsyncIterator[Ask]:
    with _blocking() as hooks:
        async with _in_django_wsgi(hooks) as ask:
            yield ask


@asynccontextmanager
async def _in_django_wsgi_begun(hooks: Webhooks) -> AsyncIterator[Ask]:
    await hooks.start()  # in this loop, which stays
    async with _in_django_wsgi(hooks) as ask:
        yield ask


def flask_app(hooks: BlockingWebhooks) -> flask.Flask:
    """Follow the recipe of `webhooks.covers`."""
    app = flask.Flask("bot")

    @app.post("/hooks/<path:rest>")
    def take(rest: str) -> tuple[str, int, dict[str, str]]:
        assert rest
        request = flask.request
        raw = request.stream.read(hooks.most_bytes(request.path) + 1)
        answer = hooks.handle(request.path, request.headers, raw)
        return answer.body, answer.status, answer.headers

    return app


@asynccontextmanager
async def _in_flask(_: Webhooks) -> AsyncIterator[Ask]:
    with _blocking() as hooks:
        caller = flask_app(hooks).test_client()

        def post(path: str, headers: Headers, raw: bytes) -> tuple[int, Any]:
            # A WSGI server gives bytes that are not ASCII as Latin-1.
            named = [(n, v.encode().decode("latin-1")) for n, v in headers]
            answer = caller.post(path, data=raw, headers=named)
            return answer.status_code, answer.headers

        async def ask(path: str, headers: Headers, raw: bytes) -> tuple[int, Any]:
            return await asyncio.to_thread(post, path, headers, raw)

        yield ask


FRAMEWORKS = {
    "aiohttp": _in_aiohttp,
    "FastAPI": _in_fastapi,
    "Starlette": _in_starlette,
    "Django": _in_django,
    "Django, blocking": _in_django_blocking,
    "Django under WSGI": _in_django_wsgi_blocking,
    "Django under WSGI, begun elsewhere": _in_django_wsgi_begun,
    "Flask": _in_flask,
}


@pytest.fixture
async def hooks() -> AsyncIterator[Webhooks]:
    """Make a receiver without a client."""
    deliveries = Deliveries()
    yield Webhooks(Receiver(SECRETS), deliveries=deliveries, inbound_token=TOKEN)
    await deliveries.aclose()


@pytest.mark.real_time  # blocking threads are nobody's the virtual clock knows
@pytest.mark.parametrize("framework", FRAMEWORKS)
async def test_each_post_gets_its_answer(framework: str, hooks: Webhooks) -> None:
    async with FRAMEWORKS[framework](hooks) as ask:
        answers = {
            post.name: (await ask("/hooks/receipts", post.headers, post.raw))[0]
            for post in POSTS
        }

    assert answers == {post.name: post.status for post in POSTS}


@pytest.mark.real_time
@pytest.mark.parametrize("framework", FRAMEWORKS)
async def test_the_other_routes_and_headers_are_there(
    framework: str, hooks: Webhooks
) -> None:
    bearer = (("Authorization", f"Bearer {TOKEN}"),)
    long = ended(formatted_transcript="x" * 3_000_000)

    async with FRAMEWORKS[framework](hooks) as ask:
        statuses = [
            (await ask("/hooks/inbound", bearer, inbound()))[0],
            (await ask("/hooks/inbound", (), inbound()))[0],
            (await ask(f"/hooks/ended/{TOKEN}", (), long))[0],
            (await ask("/hooks/ended/guess", (), ended()))[0],
            (await ask("/hooks/elsewhere", (), b""))[0],
        ]
        misfit = next(post for post in POSTS if post.status == 429)
        _, headers = await ask("/hooks/receipts", misfit.headers, misfit.raw)

    assert statuses == [204, 401, 204, 404, 404]
    assert headers["Retry-After"] == "30"


async def test_only_posts_are_taken(hooks: Webhooks) -> None:
    app = web.Application()
    app.router.add_routes(aiohttp_routes(hooks))
    server = TestServer(app)

    async with TestClient(server) as caller:
        statuses = [(await caller.get("/hooks/receipts")).status]
    for asgi in (Starlette(routes=starlette_routes(hooks)), _django_app(hooks)):
        transport = httpx.ASGITransport(asgi)
        async with httpx.AsyncClient(transport=transport, base_url="http://x") as c:
            statuses.append((await c.get("/hooks/receipts")).status_code)

    assert statuses == [405, 405, 405]


async def test_routes_can_be_mounted_anywhere() -> None:
    deliveries = Deliveries()
    at_root = Webhooks(Receiver(SECRETS), deliveries=deliveries, prefix="")
    app = Starlette(routes=[Mount("/below", routes=starlette_routes(at_root))])
    good = POSTS[0]

    async with _in_asgi(app) as ask:
        below, _ = await ask("/below/receipts", good.headers, good.raw)
    async with _in_asgi(_django_app(at_root)) as ask:
        root, _ = await ask("/receipts", good.headers, good.raw)

    assert (below, root) == (204, 204)
    await deliveries.aclose()


@pytest.mark.real_time
async def test_under_wsgi_it_is_said_that_the_loop_would_end(hooks: Webhooks) -> None:
    good = POSTS[0]

    async with _in_django_wsgi(hooks) as ask:
        status, _ = await ask("/hooks/receipts", good.headers, good.raw)
        await hooks.start()
        begun, _ = await ask("/hooks/receipts", good.headers, good.raw)

    assert (status, begun) == (500, 204)


def test_where_its_loop_has_ended_a_receiver_is_away() -> None:
    hooks = Webhooks(Receiver(SECRETS), deliveries=Deliveries())
    good = POSTS[0]
    asyncio.run(hooks.start())

    answer = asyncio.run(hooks.handle("/hooks/receipts", dict(good.headers), good.raw))

    assert (answer.status, answer.headers["Retry-After"]) == (503, "30")
