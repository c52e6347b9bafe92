"""The requests that arrived, as people may see them: with the key masked.

Pure: no I/O, no clock, no asyncio.
"""

from collections import deque
from collections.abc import Mapping
from urllib.parse import quote

from attrs import define, field

from autocalls_async.emulator.records import RecordedRequest

_SHOWN = 16_000
_SHORT = 6
"""Characters; a text that is shorter is nobody's secret, and found everywhere."""


@define(kw_only=True)
class Seen:
    """One request and what became of it."""

    id: int
    record: RecordedRequest
    headers: Mapping[str, str]
    target: str
    body: str = field(repr=False)
    began: float
    """On the event loop's clock."""

    secret: str = field(default="", repr=False)
    status: int | None = None
    answer: str | None = field(default=None, repr=False)
    answer_headers: Mapping[str, str] = field(factory=dict)
    seconds: float | None = None
    message: int | None = None
    """The number of the message that it brought."""

    is_pending: bool = False

    def hide(self, text: str) -> str:
        """Cut a text to what is shown, and mask the key in it."""
        return _hide(text, self.secret)[:_SHOWN]


@define
class RequestLog:
    """The newest requests, up to a bound."""

    keep: int
    last_id: int = 0
    _kept: deque[Seen] = field(init=False, factory=deque)

    def add(
        self,
        record: RecordedRequest,
        headers: Mapping[str, str],
        raw: bytes,
        *,
        began: float,
    ) -> Seen:
        """Take in a request."""
        self.last_id += 1
        secret = key_in(headers.get("Authorization", ""))
        seen = Seen(
            id=self.last_id,
            record=record,
            headers={
                name: _show_header(name, text, secret) for name, text in headers.items()
            },
            target=_hide(record.target, secret)[:_SHOWN],
            body=_hide(raw.decode(errors="replace"), secret)[:_SHOWN],
            began=began,
            secret=secret,
        )
        self._kept.append(seen)
        if len(self._kept) > self.keep:
            self._kept.popleft()
        return seen

    def all(self) -> list[Seen]:
        """Return the requests that are kept, oldest first."""
        return list(self._kept)

    def clear(self) -> None:
        """Keep none."""
        self._kept.clear()


def key_in(authorization: str) -> str:
    """Return the key of a header, whatever its scheme."""
    return authorization.rpartition(" ")[2].strip()


def mask_key(key: str) -> str:
    """Return what may be seen of a key: its end, where it is long enough."""
    return f"•••{key[-2:]}" if len(key) > _SHORT else "•••"


def _show_header(name: str, text: str, secret: str) -> str:
    if name.lower() in _SECRET_HEADERS:
        scheme, _, key = text.rpartition(" ")
        return f"{scheme} {mask_key(key)}".strip()
    return _hide(text, secret)


def _hide(text: str, secret: str) -> str:
    """Mask a key, as it is, as URLs have it, and what stands behind its pipe."""
    for form in (secret, quote(secret, safe=""), secret.partition("|")[2]):
        if len(form) > _SHORT:
            text = text.replace(form, mask_key(form))
    return text


_SECRET_HEADERS = frozenset(
    {"authorization", "proxy-authorization", "cookie", "x-api-key"}
)
