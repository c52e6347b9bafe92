"""Any answer at all gives a typed value or an error of ours."""

import json
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from math import isfinite
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from autocalls_async.http.replies import (
    read_account,
    read_conversation,
    read_senders,
    read_sent,
    read_templates,
    see,
)
from autocalls_async.http.reply import Reply
from autocalls_async.model.answers import ConversationStatus, SentMessage, SessionStatus
from autocalls_async.model.errors import (
    AutocallsError,
    InvalidRequestError,
    RateLimitedError,
    RejectedError,
    TemplateRequiredError,
)
from autocalls_async.model.listings import Account, Sender, Template
from autocalls_async.policy.verdict import Seen
from tests.needs import examples
from tests.support import (
    PHONE,
    SAMPLES,
    TEXT,
    is_exactly,
    json_values,
    mutated_samples,
    refusal,
    reply,
    shows_a_secret,
)

statuses = st.integers(100, 599) | st.integers(0, 999)
_date_parts = st.sampled_from(
    (
        *("Mon,", "Mon", "1", "31", "Jan", "Feb", "2026", "9999", "99999", "-1", "²"),
        *("00:00:00", "24:61:61", "1:2", ":::", "1.2.3", "GMT", "EST", "+0000", "-"),
        *("-2359", "+999999999", "9" * 30, ",", "(", ")", "\x00", "1-Jan-26", "am"),
    )
)
_dates = st.lists(_date_parts, max_size=8).map(" ".join)
_header_texts = st.text(st.characters(exclude_categories=())) | _dates
headers_ = st.dictionaries(
    st.sampled_from(("date", "retry-after", "content-type", "x-other")), _header_texts
)
bodies = (
    st.none()
    | st.binary()
    | json_values.map(lambda value: json.dumps(value).encode())
    | mutated_samples()
)

READERS: tuple[tuple[Callable[[Reply], object], Any], ...] = (
    (read_sent, SentMessage),
    (read_conversation, ConversationStatus),
    (read_senders, tuple[Sender, ...]),
    (read_templates, tuple[Template, ...]),
    (read_account, Account),
)


def assert_all_readers_cope(answer: Reply) -> None:
    for read, shape in READERS:
        with suppress(AutocallsError):
            assert is_exactly(read(answer), shape)
    assert_the_refusal_is_sound(refusal(answer))
    assert isinstance(see(answer), Seen)
    told_at, seconds = answer.told_at(), answer.retry_after()
    assert told_at is None or is_exactly(told_at, datetime)
    assert seconds is None or (isfinite(seconds) and seconds >= 0)


def assert_the_refusal_is_sound(error: RejectedError) -> None:
    assert is_exactly(error.error_code, str | None)
    assert is_exactly(error.service_message, str | None)
    assert str(error).isprintable()
    assert not shows_a_secret(str(error))
    match error:
        case TemplateRequiredError():
            assert is_exactly(error.session_status, SessionStatus | None)
        case InvalidRequestError():
            listed = tuple(error.errors.values())
            assert is_exactly(listed, tuple[tuple[str, ...], ...])
        case RateLimitedError():
            assert is_exactly(error.retry_after, float | None)
        case _:
            assert isinstance(error, RejectedError)


@settings(max_examples=examples(500))
@given(status=statuses, headers=headers_, body=bodies)
@example(status=200, headers={"date": "Mon, 1 Jan 9999 99:00:00 GMT"}, body=b"{}")
def test_any_answer_gives_a_typed_value_or_an_error_of_ours(
    status: int, headers: dict[str, str], body: bytes | None
) -> None:
    assert_all_readers_cope(Reply(status=status, headers=headers, body=body))


@settings(max_examples=examples(500))
@given(status=st.sampled_from((200, 403, 422, 429, 503)), body=mutated_samples())
def test_any_change_to_a_real_answer_gives_a_typed_value_or_an_error_of_ours(
    status: int, body: bytes
) -> None:
    assert_all_readers_cope(Reply(status=status, body=body))


@given(st.lists(json_values))
def test_any_rows_give_typed_values_or_an_error_of_ours(rows: list[object]) -> None:
    assert_all_readers_cope(reply(200, {"data": rows}))


_DEEP = 100_000
_PHONE_JSON = json.dumps({"error_code": PHONE, "error": TEXT, "message": TEXT}).encode()


@pytest.mark.parametrize("status", [200, 403, 422, 429, 500])
@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b"[" * _DEEP, id="open lists"),
        pytest.param(b"[" * _DEEP + b"]" * _DEEP, id="nested lists"),
        pytest.param(b'{"data":' * _DEEP, id="open objects"),
        pytest.param(b'{"a":' * _DEEP + b"1" + b"}" * _DEEP, id="nested objects"),
        pytest.param(b'{"message_id": 1' + b"0" * 4000 + b"}", id="long int"),
        pytest.param(b'{"message_id": 1' + b"0" * 9000 + b"}", id="too long int"),
        pytest.param(b'{"total_balance": 1e999}', id="float too large"),
        pytest.param(b'{"total_balance": NaN}', id="nan"),
        pytest.param(b'{"retry_after": Infinity}', id="infinity"),
        pytest.param(b'{"retry_after": -Infinity}', id="minus infinity"),
        pytest.param(b'{"message_sid": "\xff\xfe"}', id="not utf-8"),
        pytest.param(b'{"message_sid": "\\ud800"}', id="half surrogate"),
        pytest.param('{"status": "queued"}'.encode("utf-16"), id="utf-16"),
        pytest.param(b"\xef\xbb\xbf", id="byte order mark alone"),
        pytest.param(b"\x00" * 9, id="zeros"),
        pytest.param(_PHONE_JSON, id="secrets"),
    ],
)
def test_a_hostile_body_gives_a_typed_value_or_an_error_of_ours(
    body: bytes, status: int
) -> None:
    assert_all_readers_cope(Reply(status=status, body=body))


def test_a_key_that_stands_twice_makes_a_body_unreadable() -> None:
    answer = Reply(status=200, body=b'{"success": false, "success": true}')

    assert answer.content is None


@pytest.mark.parametrize("name", ["NaN", "Infinity", "-Infinity"])
def test_a_body_with_what_is_not_json_is_unreadable(name: str) -> None:
    assert Reply(status=200, body=f'{{"x": {name}}}'.encode()).content is None


@pytest.mark.parametrize(
    ("body", "content"),
    [
        pytest.param(b" \r\n{}\t", {}, id="space of JSON"),
        pytest.param(b"\x0b{}", None, id="another space before"),
        pytest.param("{}\u00a0".encode(), None, id="another space behind"),
        pytest.param(b"{} {}", None, id="two objects"),
    ],
)
def test_a_body_is_one_object_with_no_more_than_space_around_it(
    body: bytes, content: dict[str, object] | None
) -> None:
    assert Reply(status=200, body=body).content == content


@pytest.mark.parametrize("body", [None, b"", b"{}"])
def test_a_body_that_broke_off_is_told_from_one_that_is_empty(
    body: bytes | None,
) -> None:
    assert Reply(status=200, body=body).body == body
    assert Reply(status=200).body == b""


def test_a_byte_order_mark_does_no_harm() -> None:
    body = b"\xef\xbb\xbf" + SAMPLES["me.200.json"]

    assert read_account(Reply(status=200, body=body)) == Account(
        name="Your Name",
        email="example@example.com",
        total_balance=Decimal("100.67447094"),
    )


@given(st.datetimes(min_value=datetime(1970, 1, 1), timezones=st.just(UTC)))  # noqa: DTZ001  # hypothesis adds the zone
def test_any_date_a_server_writes_is_read(at: datetime) -> None:
    at = at.replace(microsecond=0)

    header = at.strftime("%a, %d %b %Y %H:%M:%S GMT")

    told_at = Reply(status=200, headers={"date": header}).told_at()
    assert told_at is not None
    assert abs(told_at - at) < timedelta(seconds=1)
