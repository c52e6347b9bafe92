"""`Webhooks` in a web framework: thin covers, each with the framework as it is used.

```python
app.router.add_routes(aiohttp_routes(hooks))               # aiohttp
app = Starlette(routes=starlette_routes(hooks))            # Starlette
app.router.routes.extend(starlette_routes(hooks))          # FastAPI
urlpatterns = [*django_urls(hooks)]                        # Django
```

Frameworks that block, such as Flask, take the receiver that blocks, and so does Django
under WSGI:

```python
hooks = BlockingWebhooks(receiver, client)                 # a BlockingClient


@app.post("/hooks/<path:rest>")
def take(rest: str) -> tuple[str, int, dict[str, str]]:
    raw = request.stream.read(hooks.most_bytes(request.path) + 1)
    answer = hooks.handle(request.path, request.headers, raw)
    return answer.body, answer.status, answer.headers
```
"""

from collections.abc import AsyncIterable, Callable, Coroutine
from typing import TYPE_CHECKING, Any, Protocol

from autocalls_async.model.later import Later
from autocalls_async.model.values.naming import show_in
from autocalls_async.webhooks.hooks import Answer, Webhooks
from autocalls_async.webhooks.receiving.signatures import Headers

if TYPE_CHECKING:
    from aiohttp import web as _web
    from django import http as _http
    from django import urls as _urls
    from starlette import requests as _requests
    from starlette import responses as _responses
    from starlette import routing as _routing
else:  # whoever uses a framework has it
    _web = Later("aiohttp.web")
    _http = Later("django.http")
    _urls = Later("django.urls")
    _requests = Later("starlette.requests")
    _responses = Later("starlette.responses")
    _routing = Later("starlette.routing")

_PIECE = 64 * 1024


class Blocks(Protocol):
    """A receiver that blocks: a `BlockingWebhooks`."""

    @property
    def prefix(self) -> str:
        """Of its routes."""

    def most_bytes(self, path: str) -> int:
        """Return how much of a body may matter."""

    def handle(self, path: str, headers: Headers, raw: bytes) -> Answer:
        """Handle one webhook, and return what to answer."""


def aiohttp_routes(hooks: Webhooks) -> "list[_web.RouteDef]":
    """Return the routes of a receiver for aiohttp's `Application.add_routes()`."""

    async def take(request: "_web.Request") -> "_web.Response":
        path = _path(hooks, request.match_info["rest"])
        pieces = request.content.iter_chunked(_PIECE)
        raw = await _read(pieces, hooks.most_bytes(path))
        answer = await hooks.handle(path, request.headers, raw)
        return _web.Response(
            status=answer.status, text=answer.body, headers=answer.headers
        )

    return [_web.post(f"{hooks.prefix}/{{rest:.*}}", take)]


def starlette_routes(hooks: Webhooks) -> "list[_routing.BaseRoute]":
    """Return the routes of a receiver for Starlette and FastAPI."""

    async def take(request: "_requests.Request") -> "_responses.Response":
        path = _path(hooks, request.path_params["rest"])
        raw = await _read(request.stream(), hooks.most_bytes(path))
        answer = await hooks.handle(path, request.headers, raw)
        return _responses.Response(answer.body, answer.status, headers=answer.headers)

    return [_routing.Route(f"{hooks.prefix}/{{rest:path}}", take, methods=["POST"])]


def django_urls(hooks: "Webhooks | Blocks") -> "list[_urls.URLPattern]":
    """Return the routes of a receiver for Django's `urlpatterns`.

    Under WSGI each request has an event loop of its own: give a `BlockingWebhooks` of
    `autocalls_async.blocking` there, which works under ASGI as well, or `Webhooks` that
    have begun in a loop that stays.
    """
    from django.views.decorators.csrf import csrf_exempt  # noqa: PLC0415  # needs settings
    from django.views.decorators.http import require_POST  # noqa: PLC0415

    take = _django_async(hooks) if isinstance(hooks, Webhooks) else _django(hooks)
    prefix = hooks.prefix.lstrip("/")
    # What stands at the root of the site has no slash before it there.
    pattern = f"{prefix}/<path:rest>" if prefix else "<path:rest>"
    return [_urls.path(pattern, csrf_exempt(require_POST(take)))]


def _django(hooks: Blocks) -> "Callable[..., _http.HttpResponse]":
    def take(request: "_http.HttpRequest", rest: str) -> "_http.HttpResponse":
        path = _path(hooks, rest)
        raw = request.read(hooks.most_bytes(path) + 1)
        return _to_django(hooks.handle(path, request.headers, raw))

    return take


def _django_async(
    hooks: Webhooks,
) -> "Callable[..., Coroutine[Any, Any, _http.HttpResponse]]":
    from django.core.exceptions import ImproperlyConfigured  # noqa: PLC0415
    from django.core.handlers.wsgi import WSGIRequest  # noqa: PLC0415

    async def take(request: "_http.HttpRequest", rest: str) -> "_http.HttpResponse":
        if isinstance(request, WSGIRequest) and not hooks.has_begun:
            msg = (
                "under WSGI this request's event loop ends with it: give django_urls() "
                "a BlockingWebhooks of autocalls_async.blocking"
            )
            raise ImproperlyConfigured(msg)
        path = _path(hooks, rest)
        raw = request.read(hooks.most_bytes(path) + 1)
        return _to_django(await hooks.handle(path, request.headers, raw))

    return take


def _to_django(answer: Answer) -> "_http.HttpResponse":
    return _http.HttpResponse(answer.body, status=answer.status, headers=answer.headers)


def _path(hooks: "Webhooks | Blocks", rest: str) -> str:
    """Return the path as `handle()` knows it, wherever the routes were mounted."""
    return f"{hooks.prefix}/{rest}"


async def _read(pieces: AsyncIterable[bytes], most: int) -> bytes:
    """Read a body, and one byte more than may matter at most."""
    raw = bytearray()
    async for piece in pieces:
        raw += piece
        if len(raw) > most:
            break
    return bytes(raw[: most + 1])


show_in(
    "autocalls_async.webhooks",
    *("aiohttp_routes", "django_urls", "starlette_routes"),
    of=globals(),
)
