"""Whole answers of every status."""

from functools import partial

from tests.promises.faults.cases.case import (
    ACCEPTED,
    ACCEPTED_LATER,
    READ,
    READ_LATER,
    UNANSWERED,
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
    drips,
    good,
    half,
    head,
    in_order,
    in_turn,
    page,
    refuses,
    serve,
    told,
    turns_away,
)

# Statuses

_status = partial(Case, "status")
_redirect = partial(Case, "redirect")
_LOCATIONS = {
    "to another path": "Location: /login",
    "to itself": "Location: ",
    "to another host": "Location: https://service.invalid/",
    "to a file": "Location: file:///etc/passwd",
    "nowhere": "X-A: b",
    "to no URL": "Location: http://[::1",
}
STATUS: tuple[Case, ...] = (
    *each_end(_status, "100", lambda end: answers(head("100 Continue"), end)),
    _status(
        "100, then 200",
        answers(lambda body: head("100 Continue") + coded("200 OK", body)),
        ACCEPTED,
        READ,
    ),
    _status(
        "103, then 200",
        answers(
            lambda body: head("103 Early Hints", "Link: </a>") + coded("200 OK", body)
        ),
        ACCEPTED,
        READ,
    ),
    _status("100 without end", drips(head("100 Continue") * 5)),
    _status(
        "101",
        answers(head("101 Switching Protocols", "Upgrade: x", "Connection: upgrade")),
        UNKNOWN,
        UNREADABLE,
    ),
    *(
        _status(status, answers(good(status)), ACCEPTED, UNREADABLE)
        for status in ("201 Created", "202 Accepted")
    ),
    *(
        _status(status, answers(good(status)), UNKNOWN, UNREADABLE)
        for status in (
            "206 Partial Content",
            "299 Fine",
            "600 What",
            "999 Stop",
        )
    ),
    *(
        _status(status, answers(head(status)), UNKNOWN, UNREADABLE)
        for status in ("204 No Content", "205 Reset Content", "304 Not Modified")
    ),
    *(
        _redirect(
            f"{status[:3]} {words}",
            answers(head(status, field, "Content-Length: 0")),
            UNKNOWN,
            UNREADABLE,
        )
        for status in ("302 Found", "307 Temporary Redirect")
        for words, field in _LOCATIONS.items()
    ),
    *(
        _redirect(
            f"{status[:3]} to another path",
            answers(head(status, "Location: /login", "Content-Length: 0")),
            UNKNOWN,
            UNREADABLE,
        )
        for status in (
            "300 Multiple Choices",
            "301 Moved Permanently",
            "303 See Other",
            "308 Permanent Redirect",
        )
    ),
)


# Refusals, by the API and by others

_refused = partial(Case, "refusal by the API")
_other = partial(Case, "refusal by another")
_limited = partial(Case, "429")
_broken = partial(Case, "5xx")

_REFUSALS = {
    "AuthenticationError": coded("401 Unauthorized", told("Unauthenticated.")),
    "InsufficientBalanceError": coded_error(
        "402 Payment Required", "INSUFFICIENT_BALANCE"
    ),
    "TemplateRequiredError": coded_error("403 Forbidden", "SESSION_EXPIRED"),
    "PermissionDeniedError": coded("403 Forbidden", told("no")),
    "SenderNotFoundError": coded_error("404 Not Found", "SENDER_NOT_FOUND"),
    "TemplateNotFoundError": coded_error("404 Not Found", "TEMPLATE_NOT_FOUND"),
    "InvalidPhoneError": coded_error("422 Unprocessable Content", "INVALID_PHONE"),
    "InvalidRequestError": coded("422 Unprocessable Content", told("no")),
    "TemplateUnusableError": coded_error(
        "422 Unprocessable Content", "TEMPLATE_MISMATCH"
    ),
    "SenderOfflineError": coded_error("503 Service Unavailable", "SENDER_OFFLINE"),
}

_TOO_MANY = Ends("RateLimitedError", 3)
_WAIT = coded("429 Too Many Requests", told("Too Many Attempts."), "Retry-After: 1")
_REFUSAL_STATUSES = (
    "401 Unauthorized",
    "402 Payment Required",
    "403 Forbidden",
    "404 Not Found",
    "422 Unprocessable Content",
)
REFUSED: tuple[Case, ...] = (
    *(
        _refused(
            f"{answer[9:12].decode()}, {name}", refuses(answer), Ends(name), Ends(name)
        )
        for name, answer in _REFUSALS.items()
    ),
    _refused(
        "422 with SENDER_OFFLINE",
        refuses(coded_error("422 Unprocessable Content", "SENDER_OFFLINE")),
        Ends("SenderOfflineError"),
        Ends("SenderOfflineError"),
    ),
    _refused(
        "422 with a code of the future",
        refuses(coded_error("422 Unprocessable Content", "TWILIO_ERROR_63016")),
        Ends("InvalidRequestError"),
        Ends("InvalidRequestError"),
    ),
    _refused(
        "402, half its body",
        refuses(
            half(
                coded_error(
                    "402 Payment Required", "INSUFFICIENT_BALANCE", more="x" * 500
                )
            )
        ),
        Ends("InsufficientBalanceError"),
        UNANSWERED,
    ),
    _refused(
        "405 in JSON",
        refuses(coded("405 Method Not Allowed", told("no"))),
        Ends("RejectedError"),
        Ends("RejectedError"),
    ),
    *(
        _other(f"{status}, a page", answers(page(status)), UNKNOWN, UNREADABLE)
        for status in (
            "400 Bad Request",
            "408 Request Timeout",
            "409 Conflict",
            "411 Length Required",
            "413 Content Too Large",
            "414 URI Too Long",
            "421 Misdirected Request",
            "425 Too Early",
            "431 Request Header Fields Too Large",
            "499 Client Closed Request",
        )
    ),
    _other("400, empty", answers(coded("400 Bad Request", b"")), UNKNOWN, UNREADABLE),
    _other(
        "408 in a gateway's JSON, after it forwarded",
        answers(coded("408 Request Timeout", told("The upstream is slow"))),
        UNKNOWN,
        UNREADABLE,
    ),
    *(
        _other(f"{status}, a page", refuses(page(status)), UNKNOWN, UNREADABLE)
        for status in _REFUSAL_STATUSES
    ),
    # Firewalls look at answers too, and put a page of theirs in the place of one.
    *(
        _other(
            f"{status}, a firewall's page, after the service acted",
            answers(page(status)),
            UNKNOWN,
            UNREADABLE,
        )
        for status in _REFUSAL_STATUSES
    ),
    _limited("and wait a second", turns_away(_WAIT), _TOO_MANY, _TOO_MANY),
    _limited(
        "and wait a minute",
        turns_away(
            coded(
                "429 Too Many Requests",
                b'{"error": "no", "message": "no", "retry_after": 60}',
            )
        ),
        _TOO_MANY,
        _TOO_MANY,
    ),
    _limited("a page", turns_away(page("429 Too Many Requests")), _TOO_MANY, _TOO_MANY),
    _limited("half its body", turns_away(half(_WAIT)), _TOO_MANY, UNANSWERED),
    _limited(
        "wait until a date",
        turns_away(
            page("429 Too Many Requests", "Retry-After: Tue, 01 Jan 2030 00:00:09 GMT")
        ),
        _TOO_MANY,
        _TOO_MANY,
    ),
    _limited(
        "once, then well", in_turn(turns_away(_WAIT), serve), ACCEPTED_LATER, READ_LATER
    ),
    _limited(
        "once, then silence",
        in_turn(turns_away(_WAIT), answers()),
        Ends("Unknown", 2),
        UNANSWERED,
    ),
    _limited(
        "once, then FIN before it is read",
        in_turn(turns_away(_WAIT), in_order(a_moment, close)),
        Ends("Unsent", 3),  # it waits for its turn on a connection that goes bad
        UNANSWERED,
    ),
    *(
        _broken(f"{status}, a page", answers(page(status)))
        for status in (
            "500 Internal Server Error",
            "501 Not Implemented",
            "502 Bad Gateway",
            "503 Service Unavailable",
            "504 Gateway Timeout",
            "507 Insufficient Storage",
            "511 Network Authentication Required",
            "520 Unknown",
            "599 What",
        )
    ),
    *(
        _broken(f"{status}, in JSON", answers(coded(status, told("Server Error"))))
        for status in (
            "500 Internal Server Error",
            "502 Bad Gateway",
            "503 Service Unavailable",
            "504 Gateway Timeout",
        )
    ),
    _broken(
        "500 with a refusal's code",
        answers(coded_error("500 Internal Server Error", "INSUFFICIENT_BALANCE")),
    ),
    _broken(
        "503 with a code of the future",
        answers(coded_error("503 Service Unavailable", "NEW_CODE")),
    ),
    _broken(
        "503, and wait", answers(page("503 Service Unavailable", "Retry-After: 5"))
    ),
    _broken(
        "503 with SENDER_OFFLINE, half its body",
        refuses(
            half(
                coded_error("503 Service Unavailable", "SENDER_OFFLINE", more="x" * 500)
            )
        ),
    ),
)
