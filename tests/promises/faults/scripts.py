"""What a fault server does with a connection, in parts that are put together.

An answer is bytes, or a function of the good body: of the one that this
request, and no other, deserves.
"""

import asyncio
import gzip
import json
import zlib
from collections.abc import Callable
from typing import TypeAlias

from tests.promises.faults.server import (
    MOMENT_SECONDS,
    Script,
    Treatment,
    Wire,
    good_answer,
)
from tests.promises.faults.ways import server_context

Answer: TypeAlias = bytes | Callable[[bytes], bytes]

JSON = "Content-Type: application/json"
HTML = "Content-Type: text/html; charset=utf-8"

close, reset, stall = Wire.close, Wire.reset, Wire.stall


# Answers


def head(status: str, *fields: str) -> bytes:
    """Write a status line and header fields, up to the blank line."""
    return "\r\n".join([f"HTTP/1.1 {status}", *fields, "", ""]).encode("latin-1")


def coded(status: str, body: bytes, *fields: str) -> bytes:
    """Write an answer in JSON."""
    return head(status, JSON, f"Content-Length: {len(body)}", *fields) + body


def told(text: str) -> bytes:
    """Write the body in which Laravel tells what is wrong."""
    return json.dumps({"message": text}).encode()


def coded_error(status: str, code: str, **more: object) -> bytes:
    """Write an error as the API does."""
    envelope = {"success": False, "error": "no", "error_code": code}
    return coded(status, json.dumps(envelope | more).encode())


def page(status: str, *fields: str) -> bytes:
    """Write an answer by somebody on the way: a page for people."""
    body = b"<html><body><h1>Something went wrong</h1></body></html>"
    return head(status, HTML, f"Content-Length: {len(body)}", *fields) + body


def good(status: str = "200 OK", *fields: str) -> Answer:
    """Write the right body under a status, with more header fields."""
    return lambda body: coded(status, body, *fields)


def bare(status: str, *fields: str) -> Answer:
    """Write the right body under header fields that are all given here."""
    return lambda body: head(status, *fields) + body


def longer(by_bytes: int) -> Answer:
    """Promise so much more than the right body; less, if below 0."""

    def write(body: bytes) -> bytes:
        return head("200 OK", JSON, f"Content-Length: {len(body) + by_bytes}") + body

    return write


def chunked(end: bytes = b"", *, size: str = "") -> Answer:
    """Write the right body as one chunk, and then `end`.

    Args:
        end: What follows the chunk; `0` and two line breaks would be right.
        size: What stands before the chunk in place of its size.
    """

    def write(body: bytes) -> bytes:
        line = size or f"{len(body):x}"
        start = head("200 OK", JSON, "Transfer-Encoding: chunked")
        return start + line.encode() + b"\r\n" + body + b"\r\n" + end

    return write


def packed(share: float) -> Answer:
    """Write so much of the right body packed, under the length of that share."""

    def write(body: bytes) -> bytes:
        data = gzip.compress(body, mtime=0)
        part = data[: round(len(data) * share)]
        return coded("200 OK", part, "Content-Encoding: gzip")

    return write


def half(answer: Answer) -> Answer:
    """Write an answer up to the middle of its body."""

    def write(body: bytes) -> bytes:
        start, blank_line, rest = spell(answer, body).partition(b"\r\n\r\n")
        return start + blank_line + rest[: len(rest) // 2]

    return write


def spell(answer: Answer, body: bytes) -> bytes:
    """Write an answer out."""
    return answer if isinstance(answer, bytes) else answer(body)


# Steps, and scripts made of them


def in_order(*steps: Script) -> Script:
    """Make a script of steps."""

    async def play(wire: Wire) -> None:
        for step in steps:
            await step(wire)

    return play


def says(data: bytes) -> Script:
    """Write bytes, whatever was read."""
    return lambda wire: wire.send(data)


async def a_moment(_: Wire) -> None:
    """Let all that is under way arrive."""
    await asyncio.sleep(MOMENT_SECONDS)


def reads(treatment: Treatment) -> Script:
    """Read a request to its end, and note it."""

    async def play(wire: Wire) -> None:
        await wire.read_request(treatment)

    return play


def answers(
    answer: Answer = b"",
    then: Script = close,
    *,
    treatment: Treatment = Treatment.ACTED,
) -> Script:
    """Read a request whole, treat it, answer, and end."""

    async def play(wire: Wire) -> None:
        arrival = await wire.read_request(treatment)
        await wire.send(spell(answer, arrival.good_body()))
        await then(wire)

    return play


def refuses(answer: Answer) -> Script:
    """Read a request whole, refuse it as the API does, and act on nothing."""
    return answers(answer, treatment=Treatment.REFUSED)


def turns_away(answer: Answer) -> Script:
    """Read a request whole, and answer it with a 429."""
    return answers(answer, treatment=Treatment.TURNED_AWAY)


def early(
    answer: bytes, *steps: Script, treatment: Treatment = Treatment.ACTED
) -> Script:
    """Answer when only the head was read, and then read the rest."""
    return in_order(Wire.read_head, says(answer), *steps, reads(treatment))


def drips(answer: Answer, *, at_once: bytes = b"") -> Script:
    """Read a request whole, and answer one byte a second."""

    async def play(wire: Wire) -> None:
        arrival = await wire.read_request()
        await wire.send(at_once)
        for byte in spell(answer, arrival.good_body()):
            await wire.send(bytes([byte]))
            await asyncio.sleep(1)

    return play


async def serve(wire: Wire) -> None:
    """Answer every request as the API does."""
    while True:
        arrival = await wire.read_request()
        await wire.send(good_answer(arrival.good_body()))


def in_turn(*scripts: Script) -> Script:
    """Play another script on each further connection, and in the end the last."""

    async def play(wire: Wire) -> None:
        await scripts[min(wire.number, len(scripts)) - 1](wire)

    return play


def connects(answer: bytes, *steps: Script) -> Script:
    """Play a proxy: read what it shall connect to, answer, and go on."""
    return in_order(Wire.read_connect, says(answer), *steps)


def speaks_tls(certificate: str = "right") -> Script:
    """Play the server's side of a handshake."""
    return lambda wire: wire.start_tls(server_context(certificate))


async def explode(wire: Wire) -> None:
    """Answer with a megabyte that unpacks to a gigabyte."""
    await wire.read_request()
    packer = zlib.compressobj(9, wbits=-zlib.MAX_WBITS)
    # After a full flush the packer knows nothing of what went before, so the
    # same bytes can be repeated without packing them anew.
    megabyte = packer.compress(bytes(2**20)) + packer.flush(zlib.Z_FULL_FLUSH)
    await wire.send(head("200 OK", JSON, "Content-Encoding: gzip"))
    await wire.send(b"\x1f\x8b\x08\0\0\0\0\0\0\xff")
    for _ in range(1024):
        await wire.send(megabyte)
