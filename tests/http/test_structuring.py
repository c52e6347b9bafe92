"""Typed values from JSON: each has its type or is refused; nothing is lost."""

import json
import sys
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime
from decimal import Decimal
from types import FrameType
from typing import Any

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from autocalls_async.http.replies import make_ready
from autocalls_async.http.structuring import Unreadable, _converter, structure
from autocalls_async.model.answers import ConversationStatus, SentMessage, SessionStatus
from autocalls_async.model.listings import Account, Conversation, Sender, Template
from autocalls_async.model.values.frozen import FrozenDict
from tests.support import SAMPLES, is_exactly, json_values, keys


@pytest.fixture(autouse=True)
def _made_anew() -> None:
    """Have what reads JSON made by each test, and not by one of before.

    It takes 2 ms, and what makes it is tried by all of them.
    """
    _converter.cache_clear()


CLOSED = {"is_open": False, "can_send_freeform": False, "requires_template": True}


def refused(value: object, shape: type[object]) -> bool:
    with pytest.raises(Unreadable):
        structure(value, shape)
    return True


ANSWER = json.loads(SAMPLES["send-freeform.200.json"])


def looks_into_cattrs() -> int:
    """Read a documented answer; count the calls of what is not ours."""
    looks = 0

    def count_look(frame: FrameType, event: str, _arg: object) -> None:
        nonlocal looks
        looks += event == "call" and "cattrs" in frame.f_code.co_filename

    sys.setprofile(count_look)
    structure(ANSWER, SentMessage)
    sys.setprofile(None)
    return looks


def test_a_documented_answer_needs_one_look_into_cattrs_and_one_for_each_object() -> (
    None
):
    first = looks_into_cattrs()

    assert first > looks_into_cattrs() == 3  # its fields are read by functions of ours


def test_what_reads_answers_can_be_made_before_the_first_one_comes() -> None:
    make_ready()

    assert looks_into_cattrs() == 3


@pytest.mark.parametrize(
    "value",
    [
        pytest.param("false", id="text false"),
        pytest.param("true", id="text true"),
        pytest.param(0, id="zero"),
        pytest.param(1, id="one"),
        pytest.param(None, id="null"),
        pytest.param([], id="list"),
        pytest.param({}, id="object"),
    ],
)
def test_only_a_bool_says_whether_free_text_may_be_sent(value: object) -> None:
    assert refused(CLOSED | {"can_send_freeform": value}, SessionStatus)


def test_a_window_that_does_not_say_whether_free_text_may_be_sent_is_refused() -> None:
    assert refused({"is_open": True, "requires_template": False}, SessionStatus)


@pytest.mark.parametrize("can_send", [True, False])
@pytest.mark.parametrize(
    "others",
    [
        pytest.param({}, id="neither"),
        pytest.param({"is_open": None}, id="null"),
        pytest.param({"is_open": "true", "requires_template": 0}, id="other types"),
    ],
)
def test_a_window_that_says_whether_free_text_may_be_sent_is_usable(
    others: dict[str, object], can_send: bool
) -> None:
    status = structure({"can_send_freeform": can_send} | others, SessionStatus)

    assert status.can_send_freeform is status.is_open is can_send
    assert status.requires_template is not can_send
    assert status.extra == others


@pytest.mark.parametrize(
    ("value", "shape"),
    [
        pytest.param({"id": None}, Sender, id="null for a required int"),
        pytest.param({}, Sender, id="nothing for a required int"),
        pytest.param([], Account, id="list for account"),
        pytest.param(None, Account, id="null for account"),
        pytest.param({}, tuple[Sender, ...], id="object for rows"),
        pytest.param("ab", tuple[Sender, ...], id="text for rows"),
        pytest.param([[]], tuple[Sender, ...], id="list for a row"),
        pytest.param(CLOSED, ConversationStatus, id="one level off"),
    ],
)
def test_what_has_another_type_is_refused(value: object, shape: type[object]) -> None:
    assert refused(value, shape)


@pytest.mark.parametrize(
    ("value", "shape"),
    [
        *(
            pytest.param({"whatsapp_message_id": text}, SentMessage, id=f"id {text!r}")
            for text in ("", " 890", "890\n", "+890", "-890", "8_90", "890.0", "8e2")
        ),
        pytest.param({"message_id": "\u0668\u0669"}, SentMessage, id="other digits"),
        pytest.param({"message_id": "9" * 30}, SentMessage, id="text of no bigint"),
        pytest.param({"message_id": "9" * 9999}, SentMessage, id="a very long text"),
        pytest.param({"whatsapp_message_id": 1.0}, SentMessage, id="float for int"),
        pytest.param({"whatsapp_message_id": 1.9}, SentMessage, id="fraction for int"),
        pytest.param({"whatsapp_message_id": True}, SentMessage, id="bool for int"),
        pytest.param({"message_sid": 5}, SentMessage, id="int for text"),
        pytest.param({"session_status": []}, SentMessage, id="list for object"),
        pytest.param({"id": 1, "variables": "name"}, Template, id="text for list"),
        pytest.param({"id": 1, "variables": {}}, Template, id="object for list"),
        pytest.param({"id": 1, "variables": [1]}, Template, id="ints for texts"),
        pytest.param({"id": 1, "variables": None}, Template, id="null for list"),
        *(
            pytest.param({"total_balance": text}, Account, id=f"balance {text!r}")
            for text in ("", "1,5", " 1.5", "1.5 ", "1e3", "+1", ".5", "1.", "NaN", "-")
        ),
        pytest.param({"total_balance": "9" * 9999}, Account, id="a very long number"),
        pytest.param({"total_balance": True}, Account, id="bool for number"),
        pytest.param({"total_balance": float("inf")}, Account, id="infinity"),
        pytest.param({"total_balance": float("nan")}, Account, id="nan"),
    ],
)
def test_an_optional_field_of_another_type_is_kept_apart(
    value: dict[str, object], shape: type[Any]
) -> None:
    result = structure(value, shape)

    odd = {name: odd for name, odd in value.items() if name != "id"}
    assert repr(dict(result.extra)) == repr(odd)
    assert all(getattr(result, name) in (None, ()) for name in odd)
    assert is_exactly(result, shape)


@pytest.mark.parametrize(
    ("text", "instant"),
    [
        pytest.param("2026-02-25T10:30:00+00:00", (2026, 2, 25, 10, 30), id="utc"),
        pytest.param("2026-02-25T10:30:00Z", (2026, 2, 25, 10, 30), id="zulu"),
        pytest.param("2026-02-25T10:30:00+05:30", (2026, 2, 25, 5, 0), id="east"),
        pytest.param("2026-02-25T10:30:00-08:00", (2026, 2, 25, 18, 30), id="west"),
    ],
)
def test_an_instant_is_in_utc(text: str, instant: tuple[int, ...]) -> None:
    status = structure(CLOSED | {"expired_at": text}, SessionStatus)

    year, month, day, hour, minute = instant
    assert status.expired_at == datetime(year, month, day, hour, minute, tzinfo=UTC)
    assert is_exactly(status, SessionStatus)


@pytest.mark.parametrize(
    "value",
    [
        pytest.param("2026-02-25T10:30:00", id="no offset"),
        pytest.param("2026-02-25", id="no time"),
        pytest.param("tomorrow", id="words"),
        pytest.param("", id="empty"),
        pytest.param("\ud800", id="half surrogate"),
        pytest.param("0001-01-01T00:00:00+23:59", id="before all time"),
        pytest.param("9999-12-31T23:59:59-23:59", id="after all time"),
        pytest.param(1_772_015_400, id="unix seconds"),
    ],
)
def test_what_is_no_instant_is_kept_apart(value: object) -> None:
    status = structure(CLOSED | {"expires_at": value}, SessionStatus)

    assert status.expires_at is None
    assert status.extra == {"expires_at": value}


@pytest.mark.parametrize(
    ("number", "balance"),
    [
        pytest.param(100.67447094, "100.67447094", id="fraction"),
        pytest.param(0.1, "0.1", id="no binary shadow"),
        pytest.param(100, "100", id="whole"),
        pytest.param(-3.5, "-3.5", id="in debt"),
    ],
)
def test_a_balance_is_the_decimal_that_was_written(number: float, balance: str) -> None:
    assert structure({"total_balance": number}, Account) == Account(
        total_balance=Decimal(balance)
    )


@pytest.mark.parametrize("text", ["12.50", "0.00", "-3.20", "7", "12345678901234.5678"])
def test_a_balance_in_quotes_is_the_decimal_that_was_written(text: str) -> None:
    account = structure({"total_balance": text}, Account)

    assert str(account.total_balance) == text
    assert account.extra == {}


@pytest.mark.parametrize(
    ("shape", "names"),
    [
        (SentMessage, ("whatsapp_message_id", "message_id", "conversation_id")),
        (ConversationStatus, ("conversation_id",)),
        (SessionStatus, ("minutes_remaining",)),
        (Sender, ("id", "messaging_limit")),
        (Template, ("id",)),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_digits_in_quotes_are_a_whole_number_wherever_one_is_documented(
    shape: type[attrs.AttrsInstance], names: tuple[str, ...]
) -> None:
    needed = {"has_conversation": False, "session_status": CLOSED, "id": 1} | CLOSED

    result = structure(needed | dict.fromkeys(names, "890"), shape)

    assert [getattr(result, name) for name in names] == [890 for _ in names]
    assert is_exactly(result, shape)
    assert not any(name in getattr(result, "extra", {}) for name in names)


def test_every_whole_number_of_the_api_may_be_in_quotes() -> None:
    kinds = [SessionStatus, ConversationStatus, SentMessage, Sender, Template, Account]
    whole = {
        f"{kind.__name__}.{a.name}"
        for kind in kinds
        for a in attrs.fields(kind)
        if a.type in (int, int | None)
    }

    assert len(whole) == 8  # those of the table above


@pytest.mark.parametrize(
    ("value", "shape", "cause"),
    [
        ("a", int, "expected int, got str"),
        (5, str, "expected str, got int"),
        (True, Decimal, "expected a number, got bool"),
        (1e999, Decimal, "expected a finite number"),
        (5, datetime, "expected ISO 8601, got int"),
        ("2026-11-27T12:00:00", datetime, "expected an offset"),
        ([], Account, "expected an object, got list"),
        ({}, tuple[Sender, ...], "expected a list, got dict"),
        ("a", Mapping[str, Any], "expected an object, got str"),
    ],
)
def test_what_cannot_be_read_has_its_cause(
    value: object, shape: type[object], cause: str
) -> None:
    with pytest.raises(Unreadable) as caught:
        structure(value, shape)

    assert str(caught.value.__cause__) == cause


@pytest.mark.parametrize(
    ("value", "read", "extra"),
    [
        pytest.param({"a": 1}, {"a": 1}, {}, id="an object"),
        pytest.param([], {}, {}, id="an empty one, as PHP writes it"),
        pytest.param([1], {}, {"variables": [1]}, id="a list"),
        pytest.param("a", {}, {"variables": "a"}, id="a text"),
    ],
)
def test_an_object_of_any_fields_is_kept_as_it_came(
    value: object, read: dict[str, object], extra: dict[str, object]
) -> None:
    found = structure({"id": "a", "variables": value}, Conversation)

    assert (found.variables, found.extra) == (read, extra)


@pytest.mark.parametrize("read", [None, (), (1, 2)])
def test_a_list_that_need_not_be_there_has_rows_of_its_type(
    read: tuple[int, ...] | None,
) -> None:
    shape: Any = tuple[int, ...] | None

    assert structure(None if read is None else list(read), shape) == read
    assert refused(["a"], shape)


def test_a_null_for_what_may_be_missing_is_nothing() -> None:
    nothing = {"message_id": None, "message_sid": None, "session_status": None}
    undated = CLOSED | {"expires_at": None}

    assert structure(nothing, SentMessage) == SentMessage()
    assert structure(undated, SessionStatus) == structure(CLOSED, SessionStatus)
    assert structure({"total_balance": None}, Account) == Account()


def test_no_answer_can_say_what_only_we_know() -> None:
    theirs = {"fell_back": True, "extra": {"cost": 0.05}}

    sent = structure({"message_id": 567} | theirs, SentMessage)

    assert sent == SentMessage(message_id=567, extra=FrozenDict(theirs))


def test_fields_that_are_not_known_are_kept_apart() -> None:
    value = {"success": True, "message_id": 567, "cost": 0.05, "extra": [1]}

    sent = structure(value, SentMessage)

    assert sent == SentMessage(
        message_id=567, extra=FrozenDict({"cost": 0.05, "extra": [1]})
    )


def test_fields_of_the_wrong_type_do_not_spoil_what_fits() -> None:
    value = {"success": True, "message_id": 567, "whatsapp_message_id": "x9", "a": 1}

    sent = structure(value, SentMessage)

    assert sent == SentMessage(
        message_id=567, extra=FrozenDict({"a": 1, "whatsapp_message_id": "x9"})
    )


@pytest.mark.parametrize(
    "shape",
    [SessionStatus, ConversationStatus, SentMessage, Sender, Template, Account],
    ids=lambda shape: shape.__name__,
)
@given(data=st.data())
def test_any_json_is_refused_or_has_exactly_the_declared_types(
    shape: type[attrs.AttrsInstance], data: st.DataObject
) -> None:
    names = st.sampled_from([field.name for field in attrs.fields(shape)])
    value = data.draw(json_values | st.dictionaries(names | keys, json_values))

    with suppress(Unreadable):
        assert is_exactly(structure(value, shape), shape)


@given(st.dictionaries(keys, json_values))
def test_what_fits_of_any_object_has_exactly_the_declared_types_and_loses_nothing(
    value: dict[str, Any],
) -> None:
    sent = structure(value, SentMessage)

    assert is_exactly(sent, SentMessage)
    taken = value.keys() - sent.extra.keys() - {"success", "session_status"}
    assert all(str(getattr(sent, name)) == str(value[name]) for name in taken)
