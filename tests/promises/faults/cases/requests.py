"""Faults while a request waits for its turn, and while it is read."""

from functools import partial

from tests.promises.faults.cases.case import (
    ACCEPTED,
    ACCEPTED_LATER,
    READ,
    READ_LATER,
    UNKNOWN,
    UNREADABLE,
    Case,
    Ends,
    each_end,
)
from tests.promises.faults.scripts import (
    a_moment,
    answers,
    close,
    coded,
    coded_error,
    early,
    in_order,
    in_turn,
    page,
    reset,
    says,
    serve,
    stall,
    told,
)
from tests.promises.faults.server import Script, Treatment, WarmUp, Wire
from tests.promises.faults.ways import (
    LENT,
)

# While the request waits on its connection for its turn

_SOMEBODY_ELSES = coded(
    "200 OK",
    b'{"success": true, "whatsapp_message_id": 999, "name": "somebody else",'
    b' "email": "x@y.z", "total_balance": 1}',
)


_NO_TROUBLE, _SECOND_TRY = (ACCEPTED, READ), (ACCEPTED_LATER, READ_LATER)


def _before_its_turn(
    fault: str,
    *steps: Script,
    fresh: tuple[Ends, Ends] = _SECOND_TRY,
    kept: tuple[Ends, Ends] = _SECOND_TRY,
) -> list[Case]:
    """Make a fresh and a kept connection go bad; later ones are served well."""
    script = in_turn(in_order(a_moment, *steps), serve)
    return [
        Case("before its turn", fault, script, *fresh, warm_up=WarmUp.CLOSED),
        Case(
            "on a lent, kept connection",
            fault,
            script,
            *kept,
            way=LENT,
            warm_up=WarmUp.KEPT,
        ),
    ]


WAITING: tuple[Case, ...] = (
    *_before_its_turn("FIN", close, kept=_NO_TROUBLE),
    *_before_its_turn("RST", reset, kept=_NO_TROUBLE),
    *_before_its_turn(
        "408, then FIN", says(page("408 Request Timeout")), kept=_NO_TROUBLE
    ),
    *_before_its_turn("400, then FIN", says(page("400 Bad Request")), kept=_NO_TROUBLE),
    *_before_its_turn("somebody else's 200", says(_SOMEBODY_ELSES), serve),
    *_before_its_turn(
        "somebody else's 200, then silence", says(_SOMEBODY_ELSES), stall
    ),
    *_before_its_turn(
        "somebody else's 402",
        says(coded_error("402 Payment Required", "INSUFFICIENT_BALANCE")),
        serve,
    ),
    *_before_its_turn(
        "somebody else's 429", says(coded("429 Too Many Requests", told("no"))), serve
    ),
    *_before_its_turn(
        "half a status line",
        says(b"HTTP/1.1 20"),
        serve,
        fresh=(ACCEPTED_LATER, READ_LATER),
        kept=_NO_TROUBLE,
    ),
)


# While the request is read

_reading = partial(Case, "request")
READING: tuple[Case, ...] = (
    *(
        _reading(f"{words} before it is read", in_order(a_moment, end))
        for words, end in (("FIN", close), ("RST", reset), ("silence", stall))
    ),
    *each_end(_reading, "its head is read", lambda end: in_order(Wire.read_head, end)),
    *each_end(
        _reading, "half its body is read", lambda end: in_order(Wire.read_half, end)
    ),
    *each_end(_reading, "all of it is read", lambda end: answers(then=end)),
    _reading(
        "200 before its body is read",
        early(coded("200 OK", b'{"success": true}')),
        ACCEPTED,
        READ,
    ),
    _reading("500 before its body is read", early(page("500 Internal Server Error"))),
    _reading(
        "400 before its body is read",
        early(page("400 Bad Request")),
        UNKNOWN,
        UNREADABLE,
    ),
    _reading(
        "413 before its body is read, then FIN",
        in_order(Wire.read_head, says(page("413 Content Too Large"))),
        UNKNOWN,
        UNREADABLE,
    ),
    _reading(
        "413 before its body is read, then RST",
        in_order(Wire.read_head, says(page("413 Content Too Large")), a_moment, reset),
        UNKNOWN,
        UNREADABLE,
    ),
    _reading(
        "429 before its body is read",
        early(
            coded("429 Too Many Requests", told("no")), treatment=Treatment.TURNED_AWAY
        ),
        Ends("RateLimitedError", 3),
        Ends("RateLimitedError", 3),
    ),
)
