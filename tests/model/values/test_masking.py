"""How a number and a code look where people read them."""

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autocalls_async.model.values.masking import (
    forgetful,
    forgetful_class,
    mask_phone,
    mask_phone_repr,
    show_code,
)
from tests.support import phones

WITHHELD = "code withheld"


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        pytest.param("+14155550123", "+1415•••0123", id="e164"),
        pytest.param("4155550123", "415•••0123", id="national"),
        pytest.param("(415) 555-0123", "(415•••0123", id="punctuated"),
        pytest.param("+123456789012345", "+1234•••2345", id="longest"),
        pytest.param("+1234567", "+1•••567", id="shortest"),
        pytest.param("12345678", "1•••5678", id="eight digits"),
        pytest.param("tel:+14155550123;x", "tel:+1415•••0123;x", id="in a text"),
        pytest.param("911", "911", id="too short for a phone"),
        pytest.param("123456", "123456", id="six digits"),
        pytest.param("", "", id="empty"),
        pytest.param("nobody", "nobody", id="no digits"),
        pytest.param("٤١٥٥٥٥٠١٢٣", "٤١٥•••٠١٢٣", id="arabic digits"),
    ],
)
def test_a_number_shows_its_ends_alone(value: str, shown: str) -> None:
    assert mask_phone(value) == shown
    assert mask_phone_repr(value) == repr(shown)


@given(phones())
def test_no_whole_number_comes_through(phone: str) -> None:
    shown = mask_phone(phone)

    assert phone not in shown
    assert phone[1:] not in shown
    head, tail = shown.split("•••")
    assert phone.startswith(head)
    assert phone.endswith(tail)
    assert len(head) + len(tail) <= len(phone) - 3


@given(st.text())
def test_seven_digits_never_come_through_whole_however_they_are_written(
    value: str,
) -> None:
    digits = [c for c in value if c.isdigit()]

    shown = [c for c in mask_phone(value) if c.isdigit()]

    hidden_count = len(digits) - len(shown)
    assert hidden_count >= 3 if len(digits) >= 7 else hidden_count == 0


@pytest.mark.parametrize(
    ("code", "shown"),
    [
        pytest.param("SESSION_EXPIRED", "SESSION_EXPIRED", id="known"),
        pytest.param("TWILIO_ERROR_63016", "TWILIO_ERROR_63016", id="with a number"),
        pytest.param("newCode", "newCode", id="unheard of"),
        pytest.param("A" * 64, "A" * 64, id="longest"),
        pytest.param("A" * 65, WITHHELD, id="too long"),
        pytest.param("", WITHHELD, id="empty"),
        pytest.param("+14155550123", WITHHELD, id="a number"),
        pytest.param("INVALID_14155550123", WITHHELD, id="a number in a code"),
        pytest.param("P1_4_1_5_5_5_5", WITHHELD, id="a number with underscores"),
        pytest.param("CODE\n", WITHHELD, id="newline"),
        pytest.param("\x1b[31mCODE", WITHHELD, id="ansi escape"),
        pytest.param("7|hunter2hunter2", WITHHELD, id="a key"),
        pytest.param("two words", WITHHELD, id="words"),
        pytest.param("CÖDE", WITHHELD, id="not ascii"),
    ],
)
def test_a_code_is_shown_only_if_it_is_one(code: str, shown: str) -> None:
    assert show_code(code) == shown


@given(st.text())
def test_nothing_but_a_short_identifier_is_shown_as_a_code(code: str) -> None:
    shown = show_code(code)

    assert shown == WITHHELD or re.fullmatch("[A-Za-z][A-Za-z0-9_]*", shown)
    assert sum(c.isdigit() for c in shown) < 7


@pytest.mark.parametrize("arguments", [("+14155550123",), ("+14155550123", 7)])
def test_what_is_refused_is_in_no_frame_of_the_error(
    arguments: tuple[Any, ...],
) -> None:
    @forgetful
    def refuse(phone: str) -> None:
        msg = f"no: {len(phone)} characters"
        raise ValueError(msg)

    with pytest.raises((ValueError, TypeError)) as caught:
        refuse(*arguments)

    frames = [entry.frame.f_locals for entry in caught.traceback[1:]]
    assert len(frames) == 1
    assert "4155550123" not in repr(frames)
    assert caught.value.__context__ is None


def picky() -> type:
    """Make a class that takes no phone, and forgets it."""

    @forgetful_class
    class Picky:
        def __init__(self, phone: str) -> None:
            if phone:
                msg = "no"
                raise ValueError(msg)
            self.phone = phone

    return Picky


def test_a_class_shows_in_no_frame_what_it_refuses() -> None:
    with pytest.raises(ValueError, match="no") as caught:
        picky()("+14155550123")

    frames = [entry.frame.f_locals for entry in caught.traceback[1:]]
    assert "4155550123" not in repr(frames)


def test_a_class_that_forgets_takes_and_refuses_as_others_do() -> None:
    kind = picky()

    assert (kind.__name__, kind("").phone) == ("Picky", "")
    with pytest.raises(ValueError, match=r"^no$"):
        kind("+14155550123")


def test_what_is_accepted_is_returned() -> None:
    assert forgetful(len)("abc") == 3
    assert forgetful(len).__annotations__ == {}
    assert forgetful(mask_phone).__name__ == "mask_phone"
    assert forgetful(mask_phone).__annotations__ == {"value": str, "return": str}
