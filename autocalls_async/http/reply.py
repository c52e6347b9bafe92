"""One reply to a request of ours, as it came.

Pure: no I/O, no clock, no asyncio. What it tells is read by `http.replies`.
"""

import json
from codecs import BOM_UTF8
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from autocalls_async.model.values.frozen import FrozenDict
from autocalls_async.policy.pauses import read_date, read_pause


def _refuse_constant(_: str) -> None:
    raise ValueError


def _without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) != len(pairs):  # two readers could take two meanings
        raise ValueError
    return result


_SPACE = " \t\n\r"
"""What may stand around JSON."""

_DECODER = json.JSONDecoder(
    parse_constant=_refuse_constant, object_pairs_hook=_without_duplicates
)


def read_json(body: bytes | None) -> dict[str, Any] | None:
    """Return the JSON object that bytes hold; `None` where they hold none."""
    if body is None:
        return None
    try:
        text = body.removeprefix(BOM_UTF8).decode().strip(_SPACE)
        value, end = _DECODER.raw_decode(text)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) and end == len(text) else None


class Reply:
    """The answer to one request.

    Attributes:
        headers: By names in lower case.
        body: `None` where it broke off or was too large to be read.
        host: Whom we were talking to, for people.
        content: The JSON object in the body, `None` where it holds none.
    """

    __slots__ = ("body", "content", "headers", "host", "status")

    def __init__(
        self,
        *,
        status: int,
        headers: Mapping[str, str] = FrozenDict(),  # immutable
        body: bytes | None = b"",
        host: str | None = None,
    ) -> None:
        self.status: int = status
        self.headers: Mapping[str, str] = headers
        self.body: bytes | None = body
        self.host: str | None = host
        self.content: dict[str, Any] | None = read_json(body)

    def first_text(self, *keys: str) -> str | None:
        """Return the first text that stands in the body under one of these keys."""
        body = self.content or {}
        return next((body[key] for key in keys if isinstance(body.get(key), str)), None)

    def told_at(self) -> datetime | None:
        """Return the service's own time of answering, from its `Date` header."""
        return read_date(self.headers.get("date"))

    def retry_after(self) -> float | None:
        """Return the seconds that the service asks us to wait, if it does."""
        in_body = (self.content or {}).get("retry_after")
        # Of another refusal it tells nothing.
        is_reset_told = self.status == 429
        return read_pause(self.headers, in_body=in_body, is_reset_told=is_reset_told)
