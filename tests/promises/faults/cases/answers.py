"""Faults in an answer: its status line, its header, its body."""

from functools import partial

from tests.promises.faults.cases.case import (
    ACCEPTED,
    READ,
    UNKNOWN,
    UNREADABLE,
    Case,
    each_end,
)
from tests.promises.faults.scripts import (
    JSON,
    a_moment,
    answers,
    bare,
    chunked,
    coded,
    drips,
    explode,
    good,
    half,
    head,
    in_order,
    longer,
    packed,
    page,
    reset,
    says,
    serve,
)

# Status line and header fields

_line = partial(Case, "status line")
_field = partial(Case, "header")
_OK = b"HTTP/1.1 200 OK\r\n"
_BAD_LINES = {
    "two words": b"HTTP/1.1 OK",
    "another protocol": b"SSH-2.0-OpenSSH_9.6",
    "a version of the future": b"HTTP/7.1 200 OK",
    "letters for a status": b"HTTP/1.1 abc OK",
    "a status of four figures": b"HTTP/1.1 2000 OK",
    "a negative status": b"HTTP/1.1 -200 OK",
}
_BAD_FIELDS = {
    "no colon": "broken",
    "no name": ": value",
    "space before the colon": "X-A : b",
    "NUL": "X-A: a\0b",
    "CR in it": "X-A: a\rb",
    "overlong line": f"X-A: {'a' * 100_000}",
    "200 fields too many": "\r\n".join(f"X-{n}: a" for n in range(200)),
    "length below 0": "Content-Length: -1",
    "length in letters": "Content-Length: many",
    "length with a plus": "Content-Length: +5",
    "empty length": "Content-Length:",
    "two lengths that differ": "Content-Length: 5\r\nContent-Length: 6",
    "length and chunks": "Content-Length: 5\r\nTransfer-Encoding: chunked",
}
HEAD: tuple[Case, ...] = (
    *each_end(_line, "half of it", lambda end: answers(b"HTTP/1.1 20", end)),
    *(
        _line(words, answers(line + b"\r\nContent-Length: 0\r\n\r\n"))
        for words, line in _BAD_LINES.items()
    ),
    _line("none, as in HTTP/0.9", answers(lambda body: body)),
    _line(
        "empty lines before it",
        answers(lambda body: b"\r\n\r\n" + coded("200 OK", body)),
        ACCEPTED,
        READ,
    ),
    _line("one byte a second", drips(good())),
    *each_end(_field, "the status line only", lambda end: answers(_OK, end)),
    *each_end(_field, "half of one", lambda end: answers(_OK + b"Content-Le", end)),
    *each_end(
        _field,
        "no blank line",
        lambda end: answers(_OK + b"Content-Length: 2\r\n", end),
    ),
    *(
        _field(words, answers(head("200 OK", JSON, field)))
        for words, field in _BAD_FIELDS.items()
    ),
    _field("one byte a second, without end", drips(_OK + b"X-A: " + b"a" * 5_000)),
)


# The body of a 200

_body = partial(Case, "body of a 200")
_UNREADABLE_BODIES = {
    "empty": b"",
    "text": b"ok",
    "half a JSON": b'{"success": tr',
    "a list": b"[1]",
    "null": b"null",
    "NaN": b'{"success": NaN}',
    "deep JSON": b"[" * 100_000,
    "not UTF-8": b"\xff\xfe{}",
    "a key twice": b'{"success": true, "success": true}',
}
BODY: tuple[Case, ...] = (
    _body("all is well", serve, ACCEPTED, READ),
    *each_end(
        _body, "half of it", lambda end: answers(half(longer(4000)), end), ACCEPTED
    ),
    *each_end(
        _body,
        "none of it",
        lambda end: answers(bare("200 OK", JSON, "Content-Length: 500"), end),
        ACCEPTED,
    ),
    _body("longer than its length", answers(longer(-5))),
    *each_end(
        _body, "a cut chunk", lambda end: answers(half(chunked()), end), ACCEPTED
    ),
    *each_end(_body, "no last chunk", lambda end: answers(chunked(), end), ACCEPTED),
    _body("a chunk with a bad size", answers(chunked(size="zz"))),
    _body("a chunk with a negative size", answers(chunked(size="-5"))),
    _body("a chunk with a huge size", answers(chunked(size="f" * 17))),
    _body(
        "a chunk with a bad size, a moment after the header",
        answers(
            head("200 OK", JSON, "Transfer-Encoding: chunked"),
            in_order(a_moment, says(b"zz\r\n{}\r\n0\r\n\r\n")),
        ),
        ACCEPTED,
    ),
    _body("chunks, all is well", answers(chunked(b"0\r\n\r\n")), ACCEPTED, READ),
    _body("gzip, all is well", answers(packed(1)), ACCEPTED, READ),
    _body("half a gzip", answers(packed(0.5)), ACCEPTED, UNREADABLE),
    _body("a gigabyte of gzip", explode, ACCEPTED),
    *(
        _body(
            f"called {coding} and is plain",
            answers(good("200 OK", f"Content-Encoding: {coding}")),
            ACCEPTED,
        )
        for coding in ("gzip", "deflate")
    ),
    _body(
        "called rot13 and is plain",
        answers(good("200 OK", "Content-Encoding: rot13")),
        ACCEPTED,
        READ,
    ),
    _body(
        "one byte a second, for less than a minute",
        drips(lambda body: body, at_once=head("200 OK", JSON, "Connection: close")),
        ACCEPTED,
        READ,
    ),
    _body(
        "one byte a second, for more than a minute",
        drips(bytes(1000), at_once=head("200 OK", JSON, "Content-Length: 1000")),
        ACCEPTED,
    ),
    _body("two MiB", answers(coded("200 OK", b" " * 2**21)), ACCEPTED),
    *(
        _body(words, answers(coded("200 OK", body)), ACCEPTED, UNREADABLE)
        for words, body in _UNREADABLE_BODIES.items()
    ),
    _body("a page", answers(page("200 OK")), UNKNOWN, UNREADABLE),
    _body(
        "success: false",
        answers(coded("200 OK", b'{"success": false}')),
        UNKNOWN,
        UNREADABLE,
    ),
    _body(
        'success: "true"',
        answers(coded("200 OK", b'{"success": "true"}')),
        UNKNOWN,
        UNREADABLE,
    ),
    _body(
        "HTTP/1.0, until FIN",
        answers(lambda body: b"HTTP/1.0 200 OK\r\n\r\n" + body),
        ACCEPTED,
        READ,
    ),
    _body(
        "HTTP/1.0, until RST",
        answers(
            lambda body: b"HTTP/1.0 200 OK\r\n\r\n" + body, in_order(a_moment, reset)
        ),
        ACCEPTED,
        READ,
    ),
    _body(
        "HTTP/1.0, with its length",
        answers(lambda body: coded("200 OK", body).replace(b"/1.1", b"/1.0")),
        ACCEPTED,
        READ,
    ),
)
