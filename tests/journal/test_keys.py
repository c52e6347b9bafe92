"""Contents and keys: the same on each machine, on each day."""

import json
from typing import Any

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from autocalls_async.journal.keys import (
    QuietKey,
    derive_key,
    from_content,
    show_key,
    to_content,
)
from autocalls_async.model.messages import (
    FreeformMessage,
    Message,
    TemplateFallback,
    TemplateMessage,
)
from tests.support import PHONE, TEXT, phones

_texts = st.text(
    st.characters(codec="utf-8", exclude_categories=["Cc"], include_characters="\t\n"),
    min_size=1,
    max_size=30,
)
_ids = st.integers(1, 2**63 - 1)
_variables = st.dictionaries(_texts, _texts, max_size=4)
_fallbacks = st.builds(TemplateFallback, template_id=_ids, variables=_variables)
messages: st.SearchStrategy[Message] = st.builds(
    FreeformMessage,
    recipient_phone=phones(),
    message=_texts.map(lambda text: f"{text}."),  # blank ones are refused
    sender_id=st.none() | _ids,
    fallback=st.none() | _fallbacks,
) | st.builds(
    TemplateMessage,
    recipient_phone=phones(),
    template_id=_ids,
    variables=_variables,
    recipient_name=st.none() | _texts,
    sender_id=st.none() | _ids,
)

GREETING = FreeformMessage(recipient_phone=PHONE, message='¡Hola, "Ana"! 👋')
REMINDER = TemplateMessage(
    recipient_phone=PHONE,
    template_id=45,
    variables={"2": "noon", "1": "Ana"},
    recipient_name="Ana",
    sender_id=99,
)


@pytest.mark.parametrize(
    ("message", "content", "key"),
    [
        pytest.param(
            GREETING,
            '{"kind":"freeform","message":"¡Hola, \\"Ana\\"! 👋",'
            '"recipient_phone":"+14155550123","sender_id":12}',
            "fe0f2ce4108498f3",
            id="freeform",
        ),
        pytest.param(
            REMINDER,
            '{"kind":"template","recipient_name":"Ana",'
            '"recipient_phone":"+14155550123","sender_id":12,"template_id":45,'
            '"variables":{"1":"Ana","2":"noon"}}',
            "9a360574071d701e",
            id="template",
        ),
        pytest.param(
            TemplateMessage(recipient_phone=PHONE, template_id=45),
            '{"kind":"template","recipient_phone":"+14155550123",'
            '"sender_id":12,"template_id":45}',
            "cb3adbb419e20ded",
            id="template without the optional fields",
        ),
    ],
)
def test_content_and_key_are_the_same_for_ever(
    message: Message, content: str, key: str
) -> None:
    assert to_content(message, 12) == content
    assert derive_key(content) == key


@given(messages, _ids)
def test_a_message_comes_back_from_its_content_with_its_sender(
    message: Message, sender_id: int
) -> None:
    content = to_content(message, sender_id)

    restored = from_content(content)

    assert restored.sender_id == sender_id
    assert to_content(restored, 1) == to_content(message, 1)
    assert type(restored) is type(message)


def _without_fallback(content: str) -> Message:
    message = from_content(content)
    if isinstance(message, FreeformMessage):
        return evolve(message, fallback=None)
    return message


@given(messages, messages, _ids, _ids)
def test_messages_have_equal_keys_that_differ_in_nothing_but_their_fallback(
    one: Message, other: Message, sender_id: int, other_id: int
) -> None:
    content, other_content = to_content(one, sender_id), to_content(other, other_id)

    is_same = _without_fallback(content) == _without_fallback(other_content)

    assert (derive_key(content) == derive_key(other_content)) is is_same


@given(st.builds(FreeformMessage, recipient_phone=phones(), message=st.just("hi")))
def test_a_fallback_changes_no_key(message: FreeformMessage) -> None:
    with_one = evolve(message, fallback=TemplateFallback(template_id=46))

    assert derive_key(to_content(message, 1)) == derive_key(to_content(with_one, 1))


def _changed(**changes: object) -> str:
    fields: dict[str, Any] = json.loads(to_content(REMINDER, 12)) | changes
    return json.dumps(fields)


def _freeform(**changes: object) -> str:
    fields: dict[str, Any] = json.loads(to_content(GREETING, 12)) | changes
    return json.dumps(fields)


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(TEXT, id="no JSON"),
        pytest.param("[]", id="no object"),
        pytest.param("{}", id="no kind"),
        pytest.param(_changed(kind="voice"), id="a later kind"),
        pytest.param(_changed(kind=["freeform"]), id="a kind of another type"),
        pytest.param(_changed(surprise={"template_id": 1}), id="a later field"),
        pytest.param(_freeform(fallback={"template": 1}), id="a later fallback"),
        pytest.param(_freeform(fallback=TEXT), id="no fallback"),
        pytest.param(_changed(kind="freeform"), id="another kind's fields"),
        pytest.param(_changed(variables=TEXT), id="a value of another type"),
        pytest.param(_changed(recipient_phone=TEXT), id="no phone number"),
    ],
)
def test_what_is_no_content_is_refused_quietly(content: str) -> None:
    with pytest.raises(ValueError, match="must") as caught:
        from_content(content)

    assert TEXT not in str(caught.value)


@pytest.mark.parametrize(
    ("key", "shown"),
    [
        pytest.param("row-17", "'row-17'", id="as it is"),
        pytest.param("45fc99b2b0ab5c79", "'45fc99b2b0ab5c79'", id="derived"),
        pytest.param(PHONE, "'+1415•••0123'", id="a number"),
        pytest.param("1415555012312345", "'1415•••2345'", id="digits alone"),
        pytest.param(f"ana {PHONE} #2", "'ana +1415•••0123 #2'", id="a number inside"),
        pytest.param("(415) 555-0123", "'(415•••0123'", id="a number for people"),
        pytest.param("a\n\x1b[31m", r"'a\n\x1b[31m'", id="control characters"),
    ],
)
def test_a_key_is_shown_without_whole_numbers(key: str, shown: str) -> None:
    assert show_key(key) == shown


def test_a_key_on_its_way_to_a_journal_is_itself_but_for_its_repr() -> None:
    key = QuietKey("+14155550123/may")

    assert key == "+14155550123/may"
    assert hash(key) == hash("+14155550123/may")
    assert repr([key]) == f"[{show_key('+14155550123/may')}]"
    assert "14155550123" not in repr(key)


def test_a_content_whose_number_is_none_has_a_key_all_the_same() -> None:
    without = _freeform(recipient_phone=5, fallback=None)
    with_one = _freeform(recipient_phone=5, fallback={"template_id": 46})

    assert derive_key(without) == derive_key(with_one)
