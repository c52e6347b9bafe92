"""Values: checked where they are made, immutable, quiet."""

import copy
import pickle
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import attrs
import pytest
from attrs.exceptions import FrozenInstanceError
from hypothesis import given
from hypothesis import strategies as st

from autocalls_async.model.answers import ConversationStatus, SentMessage, SessionStatus
from autocalls_async.model.checks import check_id, check_phone
from autocalls_async.model.listings import Account, Sender, Template
from autocalls_async.model.messages import (
    FreeformMessage,
    Message,
    TemplateMessage,
    check_message,
)
from autocalls_async.model.values.frozen import FrozenDict
from tests.support import PHONE, TEXT, json_values, phones, shows_a_secret

NAME = "Ana Lúcia"
EMAIL = "ana@example.com"
BODY = "Hi {{1}}, about your test"
NOON = datetime(2026, 2, 24, 12, tzinfo=UTC)
EXTRA = FrozenDict({"note": TEXT, "to": PHONE})
HALF = "half of a surrogate pair"

STATUS = SessionStatus(
    is_open=True,
    can_send_freeform=True,
    requires_template=False,
    message=TEXT,
    minutes_remaining=5,
    expires_at=NOON,
    extra=EXTRA,
)
VALUES = {
    "freeform": FreeformMessage(recipient_phone=PHONE, message=TEXT, sender_id=12),
    "template": TemplateMessage(
        recipient_phone=PHONE,
        template_id=45,
        variables={"1": TEXT},
        recipient_name=NAME,
    ),
    "session status": STATUS,
    "conversation": ConversationStatus(
        has_conversation=True, session_status=STATUS, customer_name=NAME, extra=EXTRA
    ),
    "sent": SentMessage(whatsapp_message_id=890, session_status=STATUS, extra=EXTRA),
    "sender": Sender(id=12, phone_number=PHONE, display_name="Acme", extra=EXTRA),
    "template of a sender": Template(
        id=45, name="reminder", body_text=BODY, variables=("name",), extra=EXTRA
    ),
    "account": Account(
        name=NAME, email=EMAIL, total_balance=Decimal("1.5"), extra=EXTRA
    ),
}

each_value = pytest.mark.parametrize("value", VALUES.values(), ids=VALUES.keys())


def freeform(**changes: Any) -> FreeformMessage:  # noqa: ANN401  # a caller's mistake
    return FreeformMessage(**{"recipient_phone": PHONE, "message": TEXT} | changes)


def template(**changes: Any) -> TemplateMessage:  # noqa: ANN401  # a caller's mistake
    facts: dict[str, Any] = {"recipient_phone": PHONE, "template_id": 45}
    return TemplateMessage(**facts | changes)


@pytest.mark.parametrize("make", [freeform, template])
@pytest.mark.parametrize(
    ("phone", "shown"),
    [
        pytest.param("4155550123", "'415•••0123'", id="no plus"),
        pytest.param("+04155550123", "'+0415•••0123'", id="leading zero"),
        pytest.param("+1 415 555 0123", "'+1 415•••0123'", id="spaces"),
        pytest.param("+1-415-555-0123", "'+1-415•••0123'", id="dashes"),
        pytest.param("+14155550123\n", r"'+1415•••0123\n'", id="newline"),
        pytest.param("+1234567890123456", "'+1234•••3456'", id="sixteen digits"),
        pytest.param("+123456", "'+123456'", id="six digits"),
        pytest.param("+٤١٥٥٥٥٠١٢٣٤", "'+٤١٥٥•••١٢٣٤'", id="arabic digits"),
        pytest.param("", "''", id="empty"),
        pytest.param("+", "'+'", id="plus alone"),
        pytest.param("\ud800", "1 characters that are no number", id="half surrogate"),
        pytest.param(14155550123, "a value of type int", id="int"),
        pytest.param(b"+14155550123", "a value of type bytes", id="bytes"),
        pytest.param(None, "a value of type NoneType", id="none"),
    ],
)
def test_a_recipient_that_is_not_e164_is_refused_and_shown_masked(
    make: Callable[..., Message], phone: object, shown: str
) -> None:
    with pytest.raises(ValueError, match=r"recipient_phone must be E\.164") as caught:
        make(recipient_phone=phone)

    assert str(caught.value).endswith(f"; got {shown}")


@pytest.mark.parametrize("phone", ["+1234567", "+14155550123", "+123456789012345"])
def test_an_e164_number_is_taken(phone: str) -> None:
    check_phone("phone", phone)

    assert freeform(recipient_phone=phone).recipient_phone == phone
    assert template(recipient_phone=phone).recipient_phone == phone


@given(phones().map(lambda phone: phone[1:]))
def test_a_refused_number_is_never_shown_whole(digits: str) -> None:
    with pytest.raises(ValueError, match=r"recipient_phone must be E\.164") as caught:
        freeform(recipient_phone=digits)

    assert digits not in str(caught.value)


@pytest.mark.parametrize(
    "character",
    [
        pytest.param("a", id="ascii"),
        pytest.param("é", id="two bytes"),
        pytest.param("\U0001f600", id="astral"),
    ],
)
def test_4096_code_points_pass_and_4097_do_not(character: str) -> None:
    assert len(freeform(message=character * 4096).message) == 4096

    with pytest.raises(ValueError, match="at most 4096 characters; got 4097"):
        freeform(message=character * 4097)


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        pytest.param("", "must not be blank", id="empty"),
        pytest.param(" \t\n\u2003\u00a0", "must not be blank", id="white space"),
        pytest.param(TEXT + "\ud83d", HALF, id="high surrogate"),
        pytest.param("\udc00" + TEXT, HALF, id="low surrogate"),
        pytest.param(
            TEXT.encode(), "must be text; got a value of type bytes", id="bytes"
        ),
        pytest.param(None, "must be text; got a value of type NoneType", id="none"),
        pytest.param([TEXT], "must be text; got a value of type list", id="list"),
    ],
)
def test_a_text_that_cannot_be_sent_is_refused_and_not_shown(
    text: object, rule: str
) -> None:
    with pytest.raises(ValueError, match=f"message .*{rule}") as caught:
        freeform(message=text)

    assert not shows_a_secret(repr(caught.value))


@pytest.mark.parametrize(
    ("make", "name"),
    [
        pytest.param(freeform, "sender_id", id="freeform's sender"),
        pytest.param(template, "sender_id", id="template's sender"),
        pytest.param(template, "template_id", id="template"),
    ],
)
@pytest.mark.parametrize(
    ("value", "shown"),
    [
        pytest.param(0, "0", id="zero"),
        pytest.param(-1, "-1", id="negative"),
        pytest.param(True, "True", id="bool"),
        pytest.param(1.0, "1.0", id="float"),
        pytest.param("12", "a value of type str", id="text"),
        pytest.param(-14155550123, "a value of type int", id="a phone number"),
        pytest.param(
            14155550123.0, "a value of type float", id="a phone number as float"
        ),
        pytest.param(-(10**5000), "a value of type int", id="huge"),
    ],
)
def test_an_id_is_a_whole_number_above_0(
    make: Callable[..., Message], name: str, value: object, shown: str
) -> None:
    with pytest.raises(ValueError, match=f"{name} must be a whole number") as caught:
        make(**{name: value})

    assert str(caught.value) == f"{name} must be a whole number above 0; got {shown}"


def test_only_a_sender_may_be_left_out() -> None:
    check_id("sender_id", 1)

    assert freeform(sender_id=None).sender_id is None
    assert template(sender_id=None).sender_id is None
    with pytest.raises(ValueError, match="template_id must be a whole number"):
        template(template_id=None)


@pytest.mark.parametrize(
    ("variables", "rule"),
    [
        pytest.param(None, "variables must map names to texts", id="none"),
        pytest.param(
            [("1", "a")],
            "variables must map names to texts; got a value of type list",
            id="pairs",
        ),
        pytest.param("1", "variables must map names to texts", id="text"),
        pytest.param({1: TEXT}, "variables must have texts for keys", id="int key"),
        pytest.param({"": TEXT}, "variables must have texts for keys", id="empty key"),
        pytest.param({"\ud800": TEXT}, "a key of variables must be valid", id="half"),
        pytest.param(
            {"1": 5},
            r"variables\['1'\] must be text; got a value of type int",
            id="int",
        ),
        pytest.param({"1": None}, r"variables\['1'\] must be text", id="no value"),
        pytest.param({"1": TEXT + "\ud800"}, HALF, id="half surrogate"),
        pytest.param({PHONE: 5}, r"variables\['\+1415•••0123'\]", id="a phone"),
    ],
)
def test_variables_map_names_to_texts(variables: object, rule: str) -> None:
    with pytest.raises(ValueError, match=rule) as caught:
        template(variables=variables)

    assert not shows_a_secret(repr(caught.value))


@pytest.mark.parametrize("value", [None, TEXT, PHONE, {"message": TEXT}])
def test_what_is_no_message_is_refused_and_not_shown(value: object) -> None:
    with pytest.raises(ValueError, match="must be a FreeformMessage or") as caught:
        check_message(value)

    assert not shows_a_secret(str(caught.value))


@pytest.mark.parametrize("make", [freeform, template])
def test_a_message_is_one(make: Callable[..., Message]) -> None:
    message = make()

    check_message(message)

    assert isinstance(message, Message)


def test_a_recipients_name_has_at_most_255_characters() -> None:
    assert template(recipient_name="n" * 255).recipient_name == "n" * 255

    with pytest.raises(ValueError, match="recipient_name must have at most 255"):
        template(recipient_name="n" * 256)
    with pytest.raises(ValueError, match="recipient_name must be text; got"):
        template(recipient_name=5)


def test_a_caller_who_changes_the_variables_does_not_change_the_message() -> None:
    variables = {"1": "Ana"}
    message = template(variables=variables)

    variables["1"] = "Bob"

    assert message.variables == {"1": "Ana"}


@each_value
def test_a_value_cannot_be_changed(value: Any) -> None:  # noqa: ANN401  # any of them
    name = attrs.fields(type(value))[0].name

    with pytest.raises(FrozenInstanceError):
        setattr(value, name, getattr(value, name))


@each_value
def test_a_value_equals_its_copies_and_hashes_alike(value: Any) -> None:  # noqa: ANN401  # any of them
    protocols = range(pickle.HIGHEST_PROTOCOL + 1)

    copies = [pickle.loads(pickle.dumps(value, p)) for p in protocols]  # noqa: S301  # our own bytes
    copies += [copy.copy(value), copy.deepcopy(value), attrs.evolve(value)]

    assert all(each == value for each in copies)
    assert {hash(each) for each in copies} == {hash(value)}


@each_value
def test_a_repr_shows_neither_text_nor_number_nor_person(value: object) -> None:
    shown = repr(value) + str(value)

    assert not shows_a_secret(shown)
    assert not any(words in shown for words in (NAME, EMAIL, BODY))


def test_a_repr_still_says_whom_and_which() -> None:
    assert repr(VALUES["freeform"]) == (
        "FreeformMessage(recipient_phone='+1415•••0123', sender_id=12, fallback=None)"
    )
    assert "phone_number='+1415•••0123'" in repr(VALUES["sender"])
    assert "phone_number=None" in repr(Sender(id=1))


@given(st.dictionaries(st.text(), json_values))
def test_a_frozen_dict_is_a_mapping_that_shows_its_size_alone(
    items: dict[str, Any],
) -> None:
    frozen = FrozenDict(items)

    assert list(frozen) == list(items)
    assert all(frozen[key] is items[key] for key in items)
    assert hash(frozen) == hash(FrozenDict(items))
    assert repr(frozen) == f"<{len(items)} items>"


def test_a_frozen_dict_takes_no_new_items() -> None:
    frozen: Any = FrozenDict({"a": 1})

    with pytest.raises(TypeError):
        frozen["a"] = 2
    with pytest.raises(TypeError):
        del frozen["a"]
    assert frozen == {"a": 1}
    assert FrozenDict() == {}


@given(phone=json_values, text=json_values, sender_id=json_values)
def test_whatever_else_a_caller_gives_is_a_value_error_that_names_the_field(
    phone: object, text: object, sender_id: object
) -> None:
    with pytest.raises(ValueError, match=r"recipient_phone|message|sender_id"):
        freeform(recipient_phone=phone, message=text, sender_id=sender_id)


@given(json_values.filter(lambda value: not isinstance(value, dict)))
def test_whatever_a_caller_gives_as_variables_must_be_a_mapping(
    variables: object,
) -> None:
    with pytest.raises(ValueError, match="variables must map names to texts"):
        template(variables=variables)


@given(st.dictionaries(st.text(min_size=1), st.text()))
def test_any_texts_by_name_are_variables(variables: dict[str, str]) -> None:
    assert template(variables=variables).variables == variables


def test_what_is_no_message_is_told_by_its_type() -> None:
    with pytest.raises(ValueError, match="a message") as caught:
        check_message(b"hello")

    assert str(caught.value) == (
        "a message must be a FreeformMessage or a TemplateMessage; "
        "got a value of type bytes"
    )


def test_frozen_mappings_are_told_apart_by_their_hashes() -> None:
    maps = [FrozenDict({name: 1}) for name in ("a", "b", "c", "d")]

    assert len({hash(each) for each in maps}) > 1
    assert hash(FrozenDict({"a": 1})) == hash(maps[0])
