"""The rules for what callers give: each is kept or refused, and told in one way."""

import math
import sys
import traceback
import xml.dom
from datetime import UTC, datetime, timedelta
from enum import Enum
from typing import Any

import pytest
from attrs import field, frozen
from hypothesis import given
from hypothesis import strategies as st

from autocalls_async.model.checks import (
    Check,
    _say_number,
    _say_text,
    check_count,
    check_id,
    check_key,
    check_message_text,
    check_pause,
    check_period,
    check_phone,
    check_recipient_name,
    check_seconds,
    check_text,
    check_uuid,
    choose,
    choose_sender,
    is_count,
    is_e164,
    is_id,
    is_key,
    is_message_text,
    is_number,
    is_pause,
    is_period,
    is_recipient_name,
    is_seconds,
    is_text,
    is_uuid,
    is_whole,
    read_age_seconds,
    read_inbound_phone,
    show_number,
)
from autocalls_async.model.later import Later, find_later
from tests.support import PHONE, TEXT

HUGE = 10**400  # too large for a float, and for Python to write it out lightly
HALF = "\ud800"


@pytest.mark.parametrize(
    ("is_kept", "kept", "broken"),
    [
        pytest.param(
            is_e164,
            [PHONE, "+1234567", "+123456789012345"],
            ["+123456", "+1234567890123456", "+0234567", PHONE[1:], f"{PHONE}\n", None],
            id="phone",
        ),
        pytest.param(
            is_number, [0, -1, 1.5, math.inf], [True, False, "1", None], id="number"
        ),
        pytest.param(is_count, [1, 2**63, HUGE], [0, -1, True, 1.0, "1"], id="count"),
        pytest.param(is_whole, [0, 1, HUGE], [-1, True, 1.0, "1"], id="whole"),
        pytest.param(is_id, [1, 2**63 - 1], [0, -1, 2**63, True, 1.0, "1"], id="id"),
        pytest.param(
            is_seconds,
            [1, 0.001, sys.float_info.max, math.inf],
            [0, 0.0, -1, -math.inf, math.nan, HUGE, True, "1", None],
            id="seconds",
        ),
        pytest.param(
            is_period,
            [1, 0.001, sys.float_info.max],
            [0, 0.0, -1, math.inf, math.nan, HUGE, True, "1", None],
            id="period",
        ),
        pytest.param(
            is_pause,
            [0, 0.0, 1, 0.001, sys.float_info.max],
            [-0.001, math.inf, math.nan, HUGE, True, "1", None],
            id="pause",
        ),
        pytest.param(
            is_text, ["", TEXT, "é😀"], [HALF, TEXT.encode(), None], id="text"
        ),
        pytest.param(
            is_message_text,
            ["a", "😀" * 4096, " a "],
            ["", " \u200b\ufeff\n", "a" * 4097, HALF, b"a", None],
            id="message",
        ),
        pytest.param(
            is_recipient_name, ["", "a" * 255], ["a" * 256, HALF, None], id="name"
        ),
        pytest.param(
            is_key, ["a", "row 17", "ключ", "k" * 255], ["", "k" * 256, 17], id="key"
        ),
    ],
)
def test_a_rule_is_kept_or_broken(is_kept: Any, kept: Any, broken: Any) -> None:  # noqa: ANN401  # of any type
    assert [value for value in kept if not is_kept(value)] == []
    assert [value for value in broken if is_kept(value)] == []


@pytest.mark.parametrize(
    ("check", "value", "told"),
    [
        pytest.param(
            check_phone,
            "(415) 555-0123",
            "must be E.164, such as '+14155550123'; got '(415•••0123'",
            id="phone",
        ),
        pytest.param(
            check_phone,
            "Ana",
            "must be E.164, such as '+14155550123'; got 3 characters that "
            "are no number",
            id="words for a phone",
        ),
        pytest.param(check_id, 0, "must be a whole number above 0; got 0", id="id"),
        pytest.param(
            check_count, True, "must be a whole number above 0; got True", id="count"
        ),
        pytest.param(
            check_period,
            0,
            "must be seconds, more than 0 and finite; got 0",
            id="period",
        ),
        pytest.param(
            check_pause, -1, "must be seconds, 0 or more and finite; got -1", id="pause"
        ),
        pytest.param(
            check_seconds, -1, "must be seconds, more than 0; got -1", id="seconds"
        ),
        pytest.param(
            check_seconds,
            HUGE,
            "must be seconds, more than 0; got a value of type int",
            id="more seconds than a float holds",
        ),
        pytest.param(check_text, 5, "must be text; got a value of type int", id="text"),
        pytest.param(check_message_text, "", "must not be blank", id="blank message"),
        pytest.param(
            check_message_text,
            "Hi\tAna\r\n\0",
            "must hold no control character; U+0000 is character 9",
            id="NUL",
        ),
        pytest.param(
            check_message_text,
            "\x1b[31mHi",
            "must hold no control character; U+001B is character 1",
            id="escape",
        ),
        pytest.param(
            check_message_text,
            "a" * 4097,
            "must have at most 4096 characters; got 4097",
            id="long message",
        ),
        pytest.param(
            check_recipient_name,
            HALF,
            "must be valid Unicode; it holds half of a surrogate pair",
            id="half of a pair",
        ),
        pytest.param(
            check_recipient_name,
            "a" * 256,
            "must have at most 255 characters; got 256",
            id="long name",
        ),
        pytest.param(check_key, "", "must not be empty", id="empty key"),
        pytest.param(
            check_key,
            "k" * 256,
            "must have at most 255 characters; got 256",
            id="long key",
        ),
    ],
)
def test_a_refusal_names_the_argument_and_the_rule(
    check: Check[Any], value: object, told: str
) -> None:
    with pytest.raises(ValueError, match="it must") as caught:
        check("it", value)

    assert str(caught.value) == f"it {told}"


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        pytest.param(999_999, "999999", id="six digits"),
        pytest.param(1_000_000, "a value of type int", id="seven digits"),
        pytest.param(-1_000_000, "a value of type int", id="seven digits below 0"),
        pytest.param(-0.5, "-0.5", id="fraction"),
        pytest.param(999_999.5, "999999.5", id="six digits and a half"),
        pytest.param(1e6, "a value of type float", id="seven digits as float"),
        pytest.param(14155550123.0, "a value of type float", id="a phone's"),
        pytest.param(math.nan, "nan", id="nan"),
        pytest.param(-math.inf, "-inf", id="infinite"),
        pytest.param("12", "a value of type str", id="text"),
        pytest.param(None, "a value of type NoneType", id="none"),
    ],
)
def test_a_number_is_shown_unless_it_may_be_a_phones(value: object, shown: str) -> None:
    assert show_number(value) == shown


@given(st.floats() | st.integers() | st.booleans() | st.text() | st.none())
def test_what_is_taken_for_seconds_is_a_float_above_0(value: object) -> None:
    assert not is_seconds(value) or check_seconds("timeout", value) > 0


@pytest.mark.parametrize("value", [0, 0.0, -0.0])
def test_no_seconds_at_all_are_taken_only_where_they_may_be(value: float) -> None:
    assert check_seconds("drain_timeout", value, may_be_zero=True) == 0.0
    assert check_seconds("drain_timeout", 2, may_be_zero=True) == 2.0

    with pytest.raises(ValueError, match="more than 0"):
        check_seconds("timeout", value)
    for other in (False, None, "", -1):
        with pytest.raises(ValueError, match="drain_timeout must be seconds"):
            check_seconds("drain_timeout", other, may_be_zero=True)


@frozen
class Box:
    """Anything."""

    inside: object


@pytest.mark.parametrize(
    ("check", "value"),
    [
        pytest.param(check_phone, PHONE[1:], id="phone"),
        pytest.param(check_id, -int(PHONE), id="number"),
        pytest.param(check_key, Box(PHONE), id="object"),
        pytest.param(check_text, TEXT + HALF, id="text"),
    ],
)
def test_no_frame_of_a_refusal_holds_what_was_refused(
    check: Check[Any], value: object
) -> None:
    with pytest.raises(ValueError, match="it must") as caught:
        check("it", value)

    ours = [frame for frame, _ in traceback.walk_tb(caught.tb)][1:]
    assert len(ours) == 1
    assert value not in ours[0].f_locals.values()


class Speed(Enum):
    """How fast."""

    SLOW = "slow"
    FAST = "fast"


def test_a_choice_is_one_of_those_that_there_are() -> None:
    assert choose(Speed, "speed", "fast") is Speed.FAST
    assert choose(Speed, "speed", Speed.SLOW) is Speed.SLOW

    with pytest.raises(ValueError, match="speed must") as caught:
        choose(Speed, "speed", "faster")
    assert str(caught.value) == "speed must be one of 'slow', 'fast'; got 'faster'"
    assert caught.value.__cause__ is None


def test_a_sender_is_the_one_given_or_the_default() -> None:
    assert choose_sender(12, 15) == 12
    assert choose_sender(None, 15) == 15

    with pytest.raises(ValueError, match="sender_id is") as missing:
        choose_sender(None, None)
    assert str(missing.value) == (
        "sender_id is missing: give one here, or a default to the client"
    )
    with pytest.raises(ValueError, match="sender_id must") as wrong:
        choose_sender(0, 15)
    assert str(wrong.value) == "sender_id must be a whole number above 0; got 0"


def test_an_age_counts_from_an_aware_time_and_is_never_below_0() -> None:
    now = datetime(2026, 2, 24, 12, tzinfo=UTC)

    assert read_age_seconds("at", now - timedelta(hours=1), now=now) == 3600.0
    assert read_age_seconds("at", now, now=now) == 0.0
    assert read_age_seconds("at", now + timedelta(hours=1), now=now) == 0.0

    with pytest.raises(ValueError, match="at must") as kind:
        read_age_seconds("at", "now", now=now)
    assert str(kind.value) == ("at must be an aware datetime; got a value of type str")
    with pytest.raises(ValueError, match="at must") as naive:
        read_age_seconds("at", now.replace(tzinfo=None), now=now)
    assert str(naive.value) == (
        "at must be aware, such as datetime.now(UTC); it has no time zone"
    )


@pytest.mark.parametrize("written", [PHONE, PHONE[1:]])
def test_who_wrote_is_read_with_and_without_the_plus(written: str) -> None:
    assert read_inbound_phone("recipient_phone", written) == PHONE


def test_a_module_is_imported_when_something_of_it_is_asked_for() -> None:
    later: Any = Later("colorsys")
    assert "rgb_to_hsv" not in vars(later)

    there = later.rgb_to_hsv

    assert there is sys.modules["colorsys"].rgb_to_hsv
    assert vars(later)["rgb_to_hsv"] is there


def test_a_package_imports_a_name_of_its_own_where_it_is_asked_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    package = xml
    monkeypatch.setattr(package, "Node", None, raising=False)
    find = find_later("xml", {"dom": "Other Node", "sax": "parse"})

    there = find("Node")

    assert there is xml.dom.Node
    assert vars(package)["Node"] is there
    with pytest.raises(AttributeError) as caught:
        find("node")
    assert str(caught.value) == "module 'xml' has no attribute 'node'"


_ID = "9b2f5a3e-1c4d-4e5f-8a6b-0123456789aF"


def test_a_uuid_is_whole_and_of_its_form() -> None:
    assert is_uuid(_ID)
    broken = [_ID[:-1], f"{_ID}0", _ID.replace("-", ""), f" {_ID}", "", 5, None]
    assert [value for value in broken if is_uuid(value)] == []


@pytest.mark.parametrize(
    ("value", "told"),
    [
        pytest.param(_ID[1:], "35 characters", id="text"),
        pytest.param(5, "a value of type int", id="a number"),
    ],
)
def test_what_is_no_uuid_is_not_shown(value: object, told: str) -> None:
    refusal = check_uuid.refusal("conversation_id", value)

    rule = "conversation_id must be a UUID, such as the `id` of a listed conversation"
    assert refusal == f"{rule}; got {told}"


@pytest.mark.parametrize(
    ("value", "told"),
    [
        pytest.param("abcd", "must have at most 3 characters; got 4", id="long"),
        pytest.param("abc", "must not be blank", id="as long as it may be"),
        pytest.param(5, "must be text; got a value of type int", id="no text"),
        pytest.param(
            math.nan,
            "must be text; got a value of type float: NaN, an empty cell of a table",
            id="a cell",
        ),
        pytest.param(
            HALF,
            "must be valid Unicode; it holds half of a surrogate pair",
            id="half a letter",
        ),
        pytest.param(
            "a\x1b",
            "must hold no control character; U+001B is character 2",
            id="a control character",
        ),
    ],
)
def test_a_text_that_breaks_its_rule_is_told_which(value: object, told: str) -> None:
    assert _say_text(3, "blank")(value) == told


def test_a_text_without_a_bound_may_be_long() -> None:
    assert _say_text()("a" * 10_000) == "must not be "


def test_a_number_that_breaks_its_rule_is_shown() -> None:
    assert _say_number("a whole number above 0")(-1) == (
        "must be a whole number above 0; got -1"
    )


@pytest.mark.parametrize(
    ("value", "told"),
    [
        pytest.param(
            "14155550123.0",
            "'1415•••123.0'; a decimal's .0: read the table's column as text"
            " (dtype=str)",
            id="a decimal's text",
        ),
        pytest.param(
            14155550123.0,
            "a value of type float: read the table's column as text (dtype=str)",
            id="a decimal",
        ),
        pytest.param(
            math.nan,
            "a value of type float: NaN, an empty cell of a table",
            id="a cell",
        ),
    ],
)
def test_a_phone_out_of_a_table_says_how_to_read_it(value: object, told: str) -> None:
    refusal = check_phone.refusal("phone", value)

    assert refusal.partition("; got ")[2] == told


def test_a_rule_that_is_made_asks_and_says_as_it_was_told() -> None:
    rule = Check(is_count, lambda value: f"must be a count; got {value}")

    assert rule("size", 3) == 3
    with pytest.raises(ValueError, match=r"^size must be a count; got 0$"):
        rule("size", 0)


def test_a_field_is_checked_by_its_value() -> None:
    asked: list[object] = []

    def is_asked(value: object) -> bool:
        asked.append(value)
        return True

    rule = Check[object](is_asked, str)  # type: ignore[arg-type]  # no guard

    @frozen
    class Box:
        size: object = field(validator=rule.on_field)
        lid: object = field(default=None, validator=rule.on_optional_field)

    Box(1, 2)
    Box(3)

    assert asked == [1, 2, 3]


def test_a_sender_is_told_as_it_was_given() -> None:
    with pytest.raises(ValueError, match=r"^sender_id must .* got -1$"):
        choose_sender(-1, 5)
    assert choose_sender(None, 5) == 5
    assert choose_sender(4, 5) == 4
