"""What may be posted to the route of receipts, and the answer that it deserves."""

import json
from collections.abc import Iterator

from attrs import frozen

from tests.webhooks.bodies import (
    NEW,
    OLD,
    OTHERS,
    SECRET,
    SENDER,
    digest,
    receipt,
    signed,
)

SECRETS = {SENDER: [NEW, OLD], 15: OTHERS, 16: SECRET}
"""Those of the receiver that all of them are posted to."""


@frozen
class Post:
    """A body with its headers, and the status that answers it."""

    name: str
    raw: bytes
    headers: tuple[tuple[str, str], ...]
    status: int
    repeats: bool = False


def _post(name: str, raw: bytes, header: str | None, status: int) -> Post:
    headers = () if header is None else (("X-Signature-256", header),)
    return Post(name, raw, headers, status)


def _made(name: str, raw: bytes, secret: str, status: int) -> Post:
    return _post(name, raw, signed(raw, secret)["X-Signature-256"], status)


def _good() -> Iterator[Post]:
    raw = receipt(1)
    whole = f"sha256={digest(raw, NEW)}"
    yield _made("the new secret", raw, NEW, 204)
    yield _made("the old secret", receipt(2), OLD, 204)
    yield _made("a repeat", raw, NEW, 204)
    yield _made("an unknown status", receipt(3, "warning"), NEW, 204)
    yield _made("a failure", receipt(4, "failed", error_code=63016), NEW, 204)
    yield _made("digits in quotes", receipt(5, error_code="131026"), NEW, 204)
    yield _made("the test button", receipt(6, test=True), NEW, 204)
    yield _made("unknown fields", receipt(7, new_field={"a": [1]}), NEW, 204)
    yield _made("letters of the world", receipt(8, to="+14155550123 ☕"), NEW, 204)
    yield _post("the header in capitals", raw, whole.upper(), 204)
    yield Post("its name in small letters", raw, (("x-signature-256", whole),), 204)


def _signed_nonsense() -> Iterator[Post]:
    yield _made("signed, and no object", b"[]", NEW, 204)
    yield _made("signed, and not UTF-8", b"\xff\xfe{}", NEW, 204)
    yield _made("signed, and empty", b"", NEW, 204)
    yield _made("signed, and deep", b"[" * 20_000, NEW, 204)
    yield _made("signed, of another kind", b'{"event": "poll"}', NEW, 204)
    yield _made("signed, without an id", receipt(None), NEW, 204)


def _misfits() -> Iterator[Post]:
    raw = receipt(9)
    spaced = json.dumps(json.loads(raw), indent=1).encode()
    header = signed(raw, NEW)["X-Signature-256"]
    unknown = receipt(9, sender={"id": 99})
    yield _post("tampered with", raw + b" ", header, 429)
    yield _post("serialised anew", spaced, header, 429)
    yield _made("another's secret", raw, OTHERS, 429)
    yield _made("nobody's secret", raw, "guessed", 429)
    yield _made("an unknown sender", unknown, NEW, 429)
    yield _post("no JSON, signed by nobody", b"{", f"sha256={'0' * 64}", 429)


def _unsigned() -> Iterator[Post]:
    raw = receipt(10)
    right = digest(raw, NEW)
    good = f"sha256={right}"
    yield _post("no header", raw, None, 401)
    yield _post("an empty header", raw, "", 401)
    yield _post("not ASCII", raw, f"sha256=é{right[1:]}", 401)
    yield _post("another hash", raw, f"sha1={right[:40]}", 401)
    yield _post("a digit too few", raw, good[:-1], 401)
    twice = (("X-Signature-256", good), ("X-Signature-256", good))
    yield Post("two headers", raw, twice, 401)
    yield _made("2 MiB", b" " * 2 * 1024 * 1024, NEW, 413)


POSTS = [*_good(), *_signed_nonsense(), *_misfits(), *_unsigned()]
