"""Which webhook a path means, who knows the token, and what is told of the rest."""

import logging
import re
from hmac import compare_digest

from autocalls_async.clock import loop_time
from autocalls_async.model.checks import check_text
from autocalls_async.model.values.masking import forgetful
from autocalls_async.webhooks.receiving.events import WebhookError
from autocalls_async.webhooks.receiving.receiver import MOST_BYTES

log: logging.Logger = logging.getLogger("autocalls_async.webhooks")

ENDED_BYTES = 16 * 1024 * 1024
"""Of a conversation's end: it has the whole transcript."""

QUIET_SECONDS = 60.0
"""What is turned away is told so often at most: anybody can post anything."""

ROUTES = ("receipts", "inbound", "ended")
_PREFIX = re.compile(r"(/[A-Za-z0-9._~-]*)+", re.ASCII)
_TOKEN = re.compile(r"[A-Za-z0-9._~-]+", re.ASCII)


class Door:
    """The routes of a receiver, and its token.

    Raises:
        ValueError: The token or the prefix cannot stand in a path.
    """

    @forgetful
    def __init__(self, prefix: str, token: str | None) -> None:
        check_text("inbound_token", "-" if token is None else token)
        if token is not None and not _TOKEN.fullmatch(token):
            msg = "inbound_token must be letters, digits and ._~-, and not empty"
            raise ValueError(msg)
        check_text("prefix", prefix)
        if prefix and not _PREFIX.fullmatch(prefix):
            msg = f"prefix must be a path such as '/hooks', or empty; got {prefix!r}"
            raise ValueError(msg)
        self.prefix: str = prefix.rstrip("/")
        self._token = None if token is None else token.encode()
        self._told: dict[str, float] = {}

    def route(self, path: str) -> tuple[str, str]:
        """Return the route of a path, empty where it is none, and its token."""
        if not path.startswith(f"{self.prefix}/"):
            return "", ""
        route, _, token = path.removeprefix(f"{self.prefix}/").partition("/")
        is_one = route == "ended" if token else route in ROUTES
        return (route, token) if is_one else ("", "")

    @property
    def has_token(self) -> bool:
        """Whether there are inbound and conversation-ended webhooks."""
        return self._token is not None

    def knows(self, token: str) -> bool:
        """Whether this is the token."""
        given = token.encode("utf-8", "backslashreplace")
        return self._token is not None and compare_digest(given, self._token)

    def knows_header(self, value: str | None) -> bool:
        """Whether an `Authorization` header holds the token."""
        kind, _, token = (value or "").partition(" ")
        return kind.lower() == "bearer" and self.knows(token.strip())

    def most_bytes(self, path: str) -> int:
        """Return how much of a body may matter."""
        route, token = self.route(path)
        return ENDED_BYTES if route == "ended" and self.knows(token) else MOST_BYTES

    def tell(self, path: str, error: WebhookError) -> None:
        """Log what is turned away; a token is masked."""
        route, token = self.route(path)
        where = f"{self.prefix}/{route or '•••'}{'/•••' if token else ''}"
        self.tell_once(f"{where} {error.status}", f"turned away at {where}: {error}")

    def tell_once(self, kind: str, text: str) -> None:
        """Log something of a kind, once a minute."""
        now = loop_time()
        if now >= self._told.get(kind, now):
            self._told[kind] = now + QUIET_SECONDS
            log.warning("%s", text)
