"""The files of the page, and the policy that the browser is held to."""

import base64
import hashlib
import re
from pathlib import Path

from aiohttp import web

_PAGE = (Path(__file__).parent.parent / "page").resolve()
_TYPES = {
    ".html": "text/html",
    ".css": "text/css",
    ".js": "text/javascript",
    ".mjs": "text/javascript",
    ".svg": "image/svg+xml",
    ".json": "application/json",
    ".txt": "text/plain",
}
_INLINE = re.compile(rb'<script type="importmap">(.*?)</script>', re.DOTALL)

SAFE_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}


def page() -> web.Response:
    """Return the page itself."""
    return _respond(_PAGE / "index.html")


def page_file(name: str) -> web.Response:
    """Return one of the page's files; a 404 for anything else."""
    try:
        path = (_PAGE / name).resolve()
    except ValueError:  # such as a null in the name
        return _missing()
    is_ours = path.is_relative_to(_PAGE) and path.suffix in _TYPES
    return _respond(path) if is_ours else _missing()


def _respond(path: Path) -> web.Response:
    try:
        content = path.read_bytes()
    except OSError:
        return _missing()
    headers = {
        **SAFE_HEADERS,
        "Cache-Control": "no-cache",
        "Content-Security-Policy": _policy(content),
        "Cross-Origin-Opener-Policy": "same-origin",
        "Cross-Origin-Resource-Policy": "same-origin",
    }
    return web.Response(
        body=content,
        content_type=_TYPES[path.suffix],
        charset="utf-8",
        headers=headers,
    )


def _policy(content: bytes) -> str:
    """Allow what this server has, and the inline maps that stand in the page."""
    hashes = [
        f"'sha256-{base64.b64encode(hashlib.sha256(inline).digest()).decode()}'"
        for inline in _INLINE.findall(content)
    ]
    return "; ".join(
        (
            "default-src 'none'",
            " ".join(("script-src 'self'", *hashes)),
            "style-src 'self'",
            "img-src 'self'",
            "connect-src 'self'",
            "base-uri 'none'",
            "form-action 'none'",
            "frame-ancestors 'none'",
        )
    )


def _missing() -> web.Response:
    return web.Response(status=404, text="no such file\n", headers=SAFE_HEADERS)
