"""What is said where TLS does not come about, by real servers."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import pytest

from autocalls_async import (
    AutocallsClient,
    RunStoppedError,
    UnavailableError,
    UnreachableError,
)
from tests.people import ANA, SENDER, hellos, people

CERTIFICATES = Path(__file__).parents[1] / "promises" / "faults" / "certificates"


def server(certificate: str, newest: ssl.TLSVersion | None = None) -> ssl.SSLContext:
    """Return a server's side of TLS."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(
        CERTIFICATES / f"{certificate}.pem", CERTIFICATES / "key.pem"
    )
    if newest is not None:
        context.maximum_version = newest
    return context


def trusting(certificate: str = "authority") -> ssl.SSLContext:
    """Return a client's side of TLS that trusts a certificate."""
    return ssl.create_default_context(cafile=CERTIFICATES / f"{certificate}.pem")


PLAIN = b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n"
NO_HANDSHAKE = b"\x15\x03\x03\0\x02\x02\x28"  # alerts, as servers write them
NO_SUCH_VERSION = b"\x15\x03\x03\0\x02\x02\x46"


@asynccontextmanager
async def listening(
    tls: ssl.SSLContext | None, answer: bytes = PLAIN
) -> AsyncIterator[int]:
    """Answer whatever comes so, in TLS or plainly."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(65_536)
        writer.write(answer)
        writer.close()

    listener = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=tls)
    try:
        yield listener.sockets[0].getsockname()[1]
    finally:
        listener.close()
        await listener.wait_closed()


@asynccontextmanager
async def talking(
    port: int, tls: ssl.SSLContext, host: str = "127.0.0.1"
) -> AsyncIterator[AutocallsClient]:
    """Make a client whose connections are made with this side of TLS."""
    connector = aiohttp.TCPConnector(ssl=tls)
    async with (
        aiohttp.ClientSession(connector=connector) as session,
        AutocallsClient(
            "key",
            base_url=f"https://{host}:{port}/api",
            sender_id=SENDER,
            session=session,
            window_check="never",
        ) as client,
    ):
        yield client


CASES = [
    pytest.param(
        *(None, trusting, "the server does not speak TLS on this port"),
        "check the scheme and the port of base_url",
        id="plain port",
    ),
    pytest.param(
        *(lambda: server("self-signed"), trusting),
        "the server's certificate is signed by itself alone",
        "check base_url, or name a further authority in SSL_CERT_FILE",
        id="self-signed",
    ),
    pytest.param(
        *(lambda: server("unknown-authority"), trusting),
        "the server's certificate is signed by an authority that this machine does "
        "not trust",
        "check base_url, or name a further authority in SSL_CERT_FILE",
        id="unknown authority",
    ),
    pytest.param(
        *(lambda: server("expired"), trusting),
        "the server's certificate has expired",
        "check base_url and this machine's clock",
        id="expired",
    ),
    pytest.param(
        *(lambda: server("wrong-name"), trusting),
        "the server's certificate is for another host",
        "check base_url",
        id="another host",
    ),
]


@pytest.mark.parametrize(("serving", "trust", "words", "remedy"), CASES)
async def test_tls_that_does_not_come_about_is_named_and_not_tried_again(
    serving: Callable[[], ssl.SSLContext] | None,
    trust: Callable[[], ssl.SSLContext],
    words: str,
    remedy: str,
) -> None:
    began_at = asyncio.get_running_loop().time()

    async with listening(serving and serving()) as port, talking(port, trust()) as us:
        with pytest.raises(UnreachableError) as send:
            await us.send_freeform(ANA, "hi")
        with pytest.raises(UnavailableError) as read:
            await us.account()
        with pytest.raises(RunStoppedError) as run:
            _ = [o async for o in us.send_many(hellos(people(50)))]

    seen = f"{words} (at 127.0.0.1:{port})"
    unsent = f"unsent to +1415•••0123: {seen}"
    assert str(send.value) == f"{unsent}; {remedy}, then send it again"
    assert str(read.value) == f"no usable answer: {seen}; {remedy}, then ask again"
    assert str(run.value).endswith(f"{seen}; {remedy}")
    assert send.value.host == read.value.host == f"127.0.0.1:{port}"
    assert asyncio.get_running_loop().time() < began_at + 1.0


@pytest.mark.parametrize(
    ("alert", "words"),
    [
        pytest.param(
            NO_SUCH_VERSION,
            "the server speaks no version of TLS that this machine takes",
            id="version",
        ),
        pytest.param(
            NO_HANDSHAKE, "the server refused the TLS handshake", id="handshake"
        ),
    ],
)
async def test_a_server_that_refuses_the_handshake_is_named_and_not_tried_again(
    alert: bytes, words: str
) -> None:
    async with listening(None, alert) as port, talking(port, trusting()) as us:
        with pytest.raises(UnreachableError, match=words) as send:
            await us.send_freeform(ANA, "hi")

    assert "check base_url" in send.value.advice


async def test_a_server_that_hangs_up_in_the_handshake_is_tried_again() -> None:
    old = server("right", ssl.TLSVersion.TLSv1_2)  # asyncio's writes no alert
    ours = trusting()
    ours.minimum_version = ssl.TLSVersion.TLSv1_3

    async with listening(old) as port, talking(port, ours) as us:
        with pytest.raises(UnreachableError) as send:
            await us.send_freeform(ANA, "hi")

    assert "the connection was closed while it was made" in send.value.summary
    assert send.value.advice == "it is safe to send it again"


async def test_a_certificate_that_is_named_as_an_authority_is_trusted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(CERTIFICATES / "self-signed.pem"))
    context = ssl.create_default_context()

    async with listening(server("self-signed")) as port, talking(port, context) as us:
        with pytest.raises(UnavailableError) as read:
            await us.account()

    assert read.value.status == 400
    assert read.value.advice == "it is safe to ask again"
