"""Which operation a path and a method name.

Pure: no I/O, no clock, no asyncio.
"""

import re
from urllib.parse import unquote

from attrs import frozen

from autocalls_async.emulator.faults import Endpoint

_ROUTES: dict[str, tuple[str, Endpoint]] = {
    "/api/user/whatsapp/send-freeform": ("POST", Endpoint.SEND_FREEFORM),
    "/api/user/whatsapp/send": ("POST", Endpoint.SEND_TEMPLATE),
    "/api/user/whatsapp/session-status": ("GET", Endpoint.SESSION_STATUS),
    "/api/user/whatsapp/senders": ("GET", Endpoint.SENDERS),
    "/api/user/me": ("GET", Endpoint.ME),
    "/api/user/conversations": ("GET", Endpoint.CONVERSATIONS),
}
_PATHS_WITH_AN_ID: tuple[tuple[re.Pattern[str], str, Endpoint], ...] = (
    (
        re.compile(r"/api/user/whatsapp/senders/([^/]+)/templates"),
        "GET",
        Endpoint.TEMPLATES,
    ),
    (re.compile(r"/api/conversations/([^/]+)"), "GET", Endpoint.HISTORY),
    (
        re.compile(r"/api/automate/conversations/([^/]+)/disable-ai"),
        "POST",
        Endpoint.DISABLE_AI,
    ),
    (
        re.compile(r"/api/automate/conversations/([^/]+)/enable-ai"),
        "POST",
        Endpoint.ENABLE_AI,
    ),
)


@frozen
class Route:
    """What a request asks for."""

    endpoint: Endpoint
    allowed: str = ""
    """The method of a path that is known; empty for an unknown path."""

    path_id: str | None = None
    """The id in the path, where there is one."""


def find_route(method: str, path: str) -> Route:
    """Return the operation; `OTHER` for what the service does not know."""
    path_id = None
    allowed, endpoint = _ROUTES.get(path, ("", Endpoint.OTHER))
    if not allowed:
        allowed, endpoint, path_id = _find_route_with_id(path)
    if method != allowed:
        return Route(Endpoint.OTHER, allowed)
    return Route(endpoint, allowed, path_id)


def _find_route_with_id(path: str) -> tuple[str, Endpoint, str | None]:
    for pattern, method, endpoint in _PATHS_WITH_AN_ID:
        match = pattern.fullmatch(path)
        if match is not None:
            return method, endpoint, unquote(match[1])
    return "", Endpoint.OTHER, None
