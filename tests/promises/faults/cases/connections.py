"""Faults before a connection stands."""

from functools import partial

from tests.promises.faults.cases.case import (
    ACCEPTED,
    ACCEPTED_LATER,
    READ,
    READ_LATER,
    UNKNOWN,
    UNREADABLE,
    UNSENT,
    UNSENT_AT_ONCE,
    Case,
    each_end,
)
from tests.promises.faults.scripts import (
    answers,
    close,
    connects,
    half,
    head,
    in_order,
    in_turn,
    longer,
    page,
    reset,
    says,
    serve,
    speaks_tls,
)
from tests.promises.faults.server import Wire
from tests.promises.faults.ways import (
    EXPIRED,
    HANDSHAKE,
    NO_NAME,
    NO_PORT,
    NO_PROXY,
    NO_ROOM,
    PROXY,
    TLS,
    TUNNEL,
    UNKNOWN_AUTHORITY,
    WRONG_NAME,
)

# Before a connection stands

_name = partial(Case, "name")
_connect = partial(Case, "connect")
_proxy = partial(Case, "proxy", way=TUNNEL)
_forward = partial(Case, "proxy", way=PROXY)
_handshake = partial(Case, "TLS handshake", way=HANDSHAKE)
_certificate = partial(
    Case, "TLS certificate", script=serve, send=UNSENT_AT_ONCE, read=UNREADABLE
)
_tls = partial(Case, "TLS", way=TLS)

BEFORE: tuple[Case, ...] = (
    _name("does not exist", serve, UNSENT, way=NO_NAME),
    _connect("refused", serve, UNSENT, way=NO_PORT),
    # The virtual clock waits for the kernel here, 3 real seconds an attempt.
    _connect("not answered", serve, UNSENT_AT_ONCE, None, way=NO_ROOM, max_attempts=1),
    _proxy("is down", serve, UNSENT, way=NO_PROXY),
    *each_end(_proxy, "CONNECT is read", lambda end: connects(b"", end), UNSENT),
    *each_end(
        _proxy,
        "half an answer to CONNECT",
        lambda end: connects(b"HTTP/1.1 200 Conn", end),
        UNSENT,
    ),
    _proxy(
        "garbage in answer to CONNECT", connects(b"SSH-2.0-OpenSSH\r\n\r\n"), UNSENT
    ),
    *(
        _proxy(
            f"CONNECT answered with {status}",
            connects(page(status)),
            UNSENT_AT_ONCE,
            UNREADABLE,
        )
        for status in (
            "302 Found",
            "403 Forbidden",
            "407 Proxy Authentication Required",
            "502 Bad Gateway",
            "503 Service Unavailable",
        )
    ),
    *each_end(
        _proxy,
        "it connects, the client's hello",
        lambda end: connects(head("200 OK"), Wire.read_some, end),
        UNSENT,
    ),
    _proxy(
        "it connects to a wrong name",
        connects(head("200 OK"), speaks_tls("wrong-name")),
        UNSENT_AT_ONCE,
        UNREADABLE,
    ),
    _proxy(
        "it connects, all is well",
        connects(head("200 OK"), speaks_tls(), serve),
        ACCEPTED,
        READ,
    ),
    _proxy(
        "it connects, FIN in the handshake once, then all is well",
        in_turn(
            connects(head("200 OK"), Wire.read_some),
            connects(head("200 OK"), speaks_tls(), serve),
        ),
        ACCEPTED_LATER,
        READ_LATER,
    ),
    *each_end(
        _proxy,
        "it connects, the request is read",
        lambda end: connects(head("200 OK"), speaks_tls(), answers(then=end)),
    ),
    _forward("it forwards, all is well", serve, ACCEPTED, READ),
    _forward(
        "it answers the request with 407",
        answers(page("407 Proxy Authentication Required")),
        UNKNOWN,
        UNREADABLE,
    ),
    _forward("it answers the request with 502", answers(page("502 Bad Gateway"))),
    *each_end(
        _handshake,
        "the client's hello",
        lambda end: in_order(Wire.read_some, end),
        UNSENT,
    ),
    _handshake("FIN before it", close, UNSENT),
    _handshake("RST before it", reset, UNSENT),
    _handshake(
        "an alert",
        in_order(Wire.read_some, says(b"\x15\x03\x03\0\x02\x02\x28")),
        UNSENT_AT_ONCE,
        UNREADABLE,
    ),
    _handshake(
        "a plain answer",
        in_order(Wire.read_some, says(page("400 Bad Request"))),
        UNSENT_AT_ONCE,
        UNREADABLE,
    ),
    _certificate("for another name", way=WRONG_NAME),
    _certificate("by an unknown authority", way=UNKNOWN_AUTHORITY),
    _certificate("of the past", way=EXPIRED),
    _tls("all is well", serve, ACCEPTED, READ, kept=READ),
    *each_end(_tls, "the request is read", lambda end: answers(then=end)),
    *each_end(
        _tls,
        "half the answer's body",
        lambda end: answers(half(longer(4000)), end),
        ACCEPTED,
    ),
)
