"""Each row of the reference's error tables, over HTTP."""

from decimal import Decimal

import aiohttp
import pytest

from autocalls_async.emulator import Emulator, Template
from tests.emulator.asking import (
    FREEFORM,
    HEADERS,
    ME,
    PHONE,
    SEND_FREEFORM,
    SEND_TEMPLATE,
    SENDERS,
    TEMPLATE,
    TEMPLATES,
    Caller,
    status_of,
)

HTML = HEADERS | {"Accept": "text/html"}


@pytest.mark.parametrize(
    ("authorization", "status"),
    [
        pytest.param("Bearer 1|right", 200, id="the key"),
        pytest.param("bearer 1|right", 200, id="the scheme in small letters"),
        pytest.param("Bearer 1|wrong", 401, id="another key"),
        pytest.param("Bearer ", 401, id="an empty key"),
        pytest.param("Basic 1|right", 401, id="another scheme"),
        pytest.param("", 401, id="nothing"),
    ],
)
async def test_only_the_right_key_is_let_in(
    session: aiohttp.ClientSession, authorization: str, status: int
) -> None:
    async with Emulator(api_key="1|right") as emulator:
        caller = Caller(emulator, session)

        headers = HEADERS | {"Authorization": authorization}
        answer = await caller.ask("GET", ME, headers=headers)

    assert answer.status == status


async def test_a_send_with_a_bad_key_is_not_counted(
    session: aiohttp.ClientSession,
) -> None:
    async with Emulator(api_key="1|right") as emulator:
        caller = Caller(emulator, session)

        answers = [await caller.post(SEND_FREEFORM, FREEFORM) for _ in range(7)]

    assert [answer.status for answer in answers] == [401] * 7
    assert emulator.seen.most_sends_in_any_second() == 0


@pytest.mark.parametrize(
    ("field", "value"),
    [
        pytest.param("message", None, id="no message"),
        pytest.param("message", "  ", id="blank message"),
        pytest.param("message", "x" * 4097, id="long message"),
        pytest.param("sender_id", "12", id="sender in quotes"),
        pytest.param("recipient_phone", 14155550123, id="phone as a number"),
    ],
)
async def test_a_bad_field_is_named(caller: Caller, field: str, value: object) -> None:
    answer = await caller.post(SEND_FREEFORM, FREEFORM | {field: value})

    assert answer.status == 422
    assert list(answer.body["errors"]) == [field]
    assert answer.body["message"] == answer.body["errors"][field][0]


@pytest.mark.parametrize(
    ("data", "content_type"),
    [
        pytest.param(b"{", "application/json", id="half an object"),
        pytest.param(b"[]", "application/json", id="a list"),
        pytest.param(b"", "application/json", id="nothing"),
        pytest.param(b'{"sender_id": 12}', "text/plain", id="JSON under another name"),
    ],
)
async def test_a_body_that_cannot_be_read_has_no_fields(
    caller: Caller, data: bytes, content_type: str
) -> None:
    answer = await caller.ask(
        "POST", SEND_FREEFORM, data=data, content_type=content_type
    )

    assert answer.status == 422
    assert list(answer.body["errors"]) == ["sender_id", "recipient_phone", "message"]


@pytest.mark.parametrize(
    ("path", "body", "faults"),
    [
        pytest.param(SEND_FREEFORM, FREEFORM, "sender", id="freeform: sender"),
        pytest.param(SEND_FREEFORM, FREEFORM, "offline", id="freeform: offline"),
        pytest.param(SEND_FREEFORM, FREEFORM, "phone", id="freeform: phone"),
        pytest.param(SEND_FREEFORM, FREEFORM, "balance", id="freeform: balance"),
        pytest.param(SEND_FREEFORM, FREEFORM, "window", id="freeform: window"),
        pytest.param(SEND_TEMPLATE, TEMPLATE, "sender", id="template: sender"),
        pytest.param(SEND_TEMPLATE, TEMPLATE, "offline", id="template: offline"),
        pytest.param(SEND_TEMPLATE, TEMPLATE, "template", id="template: template"),
        pytest.param(SEND_TEMPLATE, TEMPLATE, "phone", id="template: phone"),
        pytest.param(SEND_TEMPLATE, TEMPLATE, "balance", id="template: balance"),
    ],
)
async def test_of_several_things_wrong_the_first_in_order_is_told(
    emulator: Emulator, caller: Caller, path: str, body: dict[str, object], faults: str
) -> None:
    order = ["sender", "offline", "template", "phone", "balance", "window"]
    wrong = set(order[order.index(faults) :])
    changes: dict[str, object] = {}
    if "offline" in wrong:
        emulator.account.set_sender_status(12, "offline")
    if "sender" in wrong:
        changes["sender_id"] = 99
    if "template" in wrong and path == SEND_TEMPLATE:
        changes["template_id"] = 99
    if "phone" in wrong:
        changes["recipient_phone"] = "+1 415"
    if "balance" in wrong:
        emulator.account.balance = Decimal(0)

    answer = await caller.post(path, body | changes)

    offline = 503 if path == SEND_FREEFORM else 422
    assert (answer.status, answer.body["error_code"]) == {
        "sender": (404, "SENDER_NOT_FOUND"),
        "offline": (offline, "SENDER_OFFLINE"),
        "template": (404, "TEMPLATE_NOT_FOUND"),
        "phone": (422, "INVALID_PHONE"),
        "balance": (402, "INSUFFICIENT_BALANCE"),
        "window": (403, "SESSION_EXPIRED"),
    }[faults]
    assert emulator.accepted == []


async def test_a_template_of_another_sender_is_not_found(
    emulator: Emulator, caller: Caller
) -> None:
    emulator.account.add_template(
        Template(id=50, name="x", body_text="x", sender_id=15)
    )

    by_12 = await caller.post(SEND_TEMPLATE, TEMPLATE | {"template_id": 50})
    by_15 = await caller.post(
        SEND_TEMPLATE, TEMPLATE | {"template_id": 50, "sender_id": 15}
    )

    assert (by_12.status, by_15.status) == (404, 200)


@pytest.mark.parametrize(
    ("path", "status", "error_code"),
    [
        pytest.param(
            status_of().replace("%2B", "+"), 422, "INVALID_PHONE", id="a bare plus"
        ),
        pytest.param(status_of("+0"), 422, "INVALID_PHONE", id="a bad phone"),
        pytest.param(
            TEMPLATES.replace("12", "99"), 404, "SENDER_NOT_FOUND", id="no sender"
        ),
        pytest.param(
            TEMPLATES.replace("12", "x"), 404, "SENDER_NOT_FOUND", id="a word for an id"
        ),
    ],
)
async def test_a_read_that_asks_wrongly_is_told_why(
    caller: Caller, path: str, status: int, error_code: str
) -> None:
    answer = await caller.get(path)

    assert (answer.status, answer.body["error_code"]) == (status, error_code)


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        pytest.param("GET", "/user/nothing", 404, id="an unknown path"),
        pytest.param("GET", f"{SEND_TEMPLATE}/", 404, id="a slash too many"),
        pytest.param("GET", SEND_TEMPLATE, 405, id="an unknown method"),
        pytest.param("POST", TEMPLATES, 405, id="a post to a listing"),
    ],
)
async def test_what_the_service_does_not_know_is_said_in_laravels_words(
    caller: Caller, method: str, path: str, status: int
) -> None:
    answer = await caller.ask(method, path)

    assert answer.status == status
    assert list(answer.body) == ["message"]
    assert ("Allow" in answer.headers) is (status == 405)


@pytest.mark.parametrize(
    ("headers", "path", "status", "location"),
    [
        pytest.param({"Accept": "*/*"}, ME, 302, "/login", id="no key"),
        pytest.param(HTML, f"{SENDERS}?status=x", 302, "", id="a field that fails"),
        pytest.param(HTML, ME, 200, None, id="nothing wrong"),
        pytest.param(HTML, "/x", 404, None, id="an unknown path"),
        pytest.param(HTML, status_of("+0"), 422, None, id="an error with a code"),
    ],
)
async def test_without_accept_a_frameworks_error_comes_as_html(
    caller: Caller,
    headers: dict[str, str],
    path: str,
    status: int,
    location: str | None,
) -> None:
    answer = await caller.ask("GET", path, headers=headers)

    origin = caller.emulator.base_url.removesuffix("/api")
    assert answer.status == status
    assert answer.headers.get("Location") == (
        None if location is None else origin + location
    )


async def test_a_429_without_accept_keeps_its_headers(caller: Caller) -> None:
    for _ in range(5):
        await caller.post(SEND_FREEFORM, FREEFORM)

    answer = await caller.ask("POST", SEND_FREEFORM, headers=HTML)

    assert answer.status == 429
    assert answer.body == "<h1>Too Many Attempts.</h1>"
    assert answer.headers["Retry-After"] == "1"


async def test_both_kinds_of_send_share_one_limit(
    emulator: Emulator, caller: Caller
) -> None:
    emulator.customer_writes(PHONE)
    mixed = [(SEND_FREEFORM, FREEFORM), (SEND_TEMPLATE, TEMPLATE)] * 3

    answers = [await caller.post(path, body) for path, body in mixed]

    assert [answer.status for answer in answers] == [200] * 5 + [429]
    assert emulator.seen.rejected_count == 1
    assert emulator.seen.accepted_count == 5


async def test_reads_have_no_limit(emulator: Emulator, caller: Caller) -> None:
    answers = [await caller.get(ME) for _ in range(20)]

    assert {answer.status for answer in answers} == {200}
    assert emulator.seen.most_sends_in_any_second() == 0


async def test_no_limit_lets_all_in_and_still_counts(
    session: aiohttp.ClientSession,
) -> None:
    async with Emulator(rate_limit=None) as emulator:
        caller = Caller(emulator, session)

        answers = [await caller.post(SEND_TEMPLATE, TEMPLATE) for _ in range(20)]

    assert {answer.status for answer in answers} == {200}
    assert emulator.seen.most_sends_in_any_second() == 20


THREE = {"1": "Ana", "2": "Monday", "3": "10:00"}


@pytest.mark.parametrize(
    ("variables", "field"),
    [
        pytest.param({"1": "Ana", "3": "10:00"}, "variables.2", id="one missing"),
        pytest.param(None, "variables.1", id="none given"),
        pytest.param(THREE | {"2": "  "}, "variables.2", id="blank"),
        pytest.param(THREE | {"1": "Anna\nMeyer"}, "variables.1", id="line end"),
        pytest.param(THREE | {"1": "Anna\tM"}, "variables.1", id="tab"),
        pytest.param(THREE | {"1": "Anna     M"}, "variables.1", id="five spaces"),
        pytest.param(THREE | {"1": "x" * 1025}, "variables.1", id="long"),
    ],
)
async def test_a_template_wants_its_variables_as_meta_takes_them(
    caller: Caller, variables: dict[str, str] | None, field: str
) -> None:
    answer = await caller.post(SEND_TEMPLATE, TEMPLATE | {"variables": variables})

    assert answer.status == 422
    assert field in answer.body["errors"]
    assert caller.emulator.accepted == []


async def test_variables_may_have_their_names(caller: Caller) -> None:
    named = {"customer_name": "Ana", "date": "Monday", "time": "at    10"}

    answer = await caller.post(SEND_TEMPLATE, TEMPLATE | {"variables": named})

    assert answer.status == 200
