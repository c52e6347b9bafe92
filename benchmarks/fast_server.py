"""A server that costs a fraction of any client, in a process of its own.

It reads just enough of HTTP/1.1 to find where a request ends, and answers with
fixed bytes, by path. No request is answered before it is whole, and none is
pipelined. It shares no code with any client.

`GET /count` tells how many messages have arrived, and the CPU seconds so far.
Any other `GET` asks for a messaging window, which is open, and counts as none.
"""

import asyncio
import json
import os
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.request import urlopen

from attrs import frozen

ROOT = Path(__file__).resolve().parents[1]

_WINDOW = {
    "is_open": True,
    "can_send_freeform": True,
    "requires_template": False,
    "message": "Session open (23 hr 45 min remaining). Unlimited free-form messages.",
    "minutes_remaining": 1425,
    "expires_at": "2099-02-25T10:30:00+00:00",
}
_ANSWERS: dict[tuple[bytes, bytes], object] = {
    (b"GET", b"/api/"): {"has_conversation": True, "session_status": _WINDOW},
    (b"POST", b"/api/"): {
        "success": True,
        "conversation_id": 1234,
        "message_id": 567,
        "whatsapp_message_id": 890,
        "message_sid": "SM" + 32 * "0",
        "session_status": _WINDOW,
    },
    (b"POST", b"/slack/"): {
        "ok": True,
        "channel": "C0000000001",
        "ts": "1503435956.000247",
        "message": {
            "text": "hello",
            "username": "bot",
            "bot_id": "B0000000001",
            "type": "message",
            "subtype": "bot_message",
            "ts": "1503435956.000247",
        },
    },
    (b"POST", b"/2010-04-01/"): {  # twilio's
        "account_sid": "AC" + 32 * "0",
        "api_version": "2010-04-01",
        "body": "hello",
        "date_created": "Thu, 24 Aug 2023 05:01:45 +0000",
        "date_sent": None,
        "date_updated": "Thu, 24 Aug 2023 05:01:45 +0000",
        "direction": "outbound-api",
        "error_code": None,
        "error_message": None,
        "from": "+15557122661",
        "messaging_service_sid": None,
        "num_media": "0",
        "num_segments": "1",
        "price": None,
        "price_unit": None,
        "sid": "SM" + 32 * "0",
        "status": "queued",
        "subresource_uris": {"media": "/2010-04-01/Media.json"},
        "to": "+15558675310",
        "uri": "/2010-04-01/Message.json",
    },
    (b"POST", b"/telegram/"): {
        "ok": True,
        "result": {
            "message_id": 1,
            "from": {"id": 1, "is_bot": True, "first_name": "b", "username": "b_bot"},
            "chat": {"id": 1, "first_name": "A", "type": "private"},
            "date": 1700000000,
            "text": "hello",
        },
    },
    (b"POST", b"/graph/"): {  # Meta's, for pywa
        "messaging_product": "whatsapp",
        "contacts": [{"input": "4930123456", "wa_id": "4930123456"}],
        "messages": [{"id": "wamid.0000000000000000000000000000"}],
    },
}


def _whole(body: bytes, *, closes: bool) -> bytes:
    end = b"Connection: close\r\n" if closes else b""
    head = (
        b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n"
    )
    return head % len(body) + end + b"\r\n" + body


_BYTES = {
    asked: tuple(_whole(json.dumps(answer).encode(), closes=end) for end in (0, 1))
    for asked, answer in _ANSWERS.items()
}


class _Answering(asyncio.Protocol):
    """One connection."""

    count = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._got = b""

    def data_received(self, data: bytes) -> None:
        self._got = got = self._got + data if self._got else data
        end = got.find(b"\r\n\r\n")
        if end < 0:
            return
        head = got[:end].lower()
        at = head.find(b"\r\ncontent-length:")
        length = int(head[at + 17 :].split(b"\r\n", 1)[0]) if at >= 0 else 0
        if len(got) < end + 4 + length:
            return
        self._got = b""
        method, path, _ = got.split(b" ", 2)
        self._answer(method, path, closes=b"\r\nconnection: close" in head)

    def _answer(self, method: bytes, path: bytes, *, closes: bool) -> None:
        answers = _BYTES.get((method, path[: path.find(b"/", 1) + 1]))
        if answers:
            _Answering.count += method == b"POST"
            self._transport.write(answers[closes])
        else:
            told = {"count": _Answering.count, "cpu_seconds": time.process_time()}
            self._transport.write(_whole(json.dumps(told).encode(), closes=closes))
        if closes:
            self._transport.close()


async def _serve(certificate: Path | None) -> None:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(
        _Answering, "127.0.0.1", 0, backlog=1024, ssl=_tls(certificate)
    )
    print(server.sockets[0].getsockname()[1], flush=True)
    # Whoever started it holds the other end; it ends with them.
    await loop.run_in_executor(None, sys.stdin.read)
    server.close()


def _tls(certificate: Path | None) -> ssl.SSLContext | None:
    if certificate is None:
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, certificate.with_name("key.pem"))
    return context


@frozen
class Count:
    """What the server has seen so far."""

    count: int
    cpu_seconds: float


@frozen
class FastServer:
    """A running one."""

    url: str

    def seen(self) -> Count:
        """Ask it for its counts."""
        with urlopen(f"{self.url}/count") as answer:  # noqa: S310  # this machine
            return Count(**json.load(answer))


def cores() -> tuple[int, int] | None:
    """Return the core of the client and that of the server, if there are two."""
    if not hasattr(os, "sched_getaffinity"):
        return None
    free = sorted(os.sched_getaffinity(0))
    return (free[0], free[-1]) if len(free) > 1 else None


def pin(core: int | None) -> None:
    """Stay on this core, where there is a choice."""
    if core is not None:
        os.sched_setaffinity(0, {core})


@contextmanager
def beside(module: str, *arguments: object) -> Iterator[int]:
    """Run a module that serves, in another process and on the other core.

    It prints its port, and ends when its standard input does.
    """
    core = pair[1] if (pair := cores()) else ""
    command = [sys.executable, "-m", module, str(core), *map(str, arguments)]
    with subprocess.Popen(  # noqa: S603  # ourselves
        command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        yield int(process.stdout.readline())
        process.stdin.close()


@contextmanager
def fast_server() -> Iterator[FastServer]:
    """Run the server until the end."""
    with beside("benchmarks.fast_server") as port:
        yield FastServer(f"http://127.0.0.1:{port}")


if __name__ == "__main__":
    on, *certificates = sys.argv[1:]
    pin(int(on) if on else None)
    asyncio.run(_serve(Path(certificates[0]) if certificates else None))
