"""What is made of a request's fields, with plain values."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autocalls_async.emulator.validation import (
    FREEFORM_RULES,
    SENDERS_RULES,
    STATUS_RULES,
    TEMPLATE_RULES,
    check_fields,
    errors_body,
    is_phone,
    read_fields,
    read_json,
    read_query,
    undocumented,
)

GOOD = {"sender_id": 12, "recipient_phone": "+14155550123", "message": "hi"}
GOOD_TEMPLATE = {"sender_id": 12, "recipient_phone": "+14155550123", "template_id": 45}

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=10,
)


@pytest.mark.parametrize(
    ("change", "field", "text"),
    [
        pytest.param(
            {"message": None},
            "message",
            "The message field is required.",
            id="null",
        ),
        pytest.param(
            {"message": " \t\u3000\u200b"},
            "message",
            "The message field is required.",
            id="blank",
        ),
        pytest.param(
            {"message": 5},
            "message",
            "The message field must be a string.",
            id="number for a text",
        ),
        pytest.param(
            {"message": "é" * 4097},
            "message",
            "The message field must not be greater than 4096 characters.",
            id="too long",
        ),
        pytest.param(
            {"sender_id": "12"},
            "sender_id",
            "The sender id field must be an integer.",
            id="text for a number",
        ),
        pytest.param(
            {"sender_id": True},
            "sender_id",
            "The sender id field must be an integer.",
            id="truth for a number",
        ),
        pytest.param(
            {"sender_id": 12.0},
            "sender_id",
            "The sender id field must be an integer.",
            id="fraction for a number",
        ),
        pytest.param(
            {"recipient_phone": 14155550123},
            "recipient_phone",
            "The recipient phone field must be a string.",
            id="number for a phone",
        ),
    ],
)
def test_a_freeform_field_that_fails_is_named_in_laravels_words(
    change: dict[str, object], field: str, text: str
) -> None:
    fields = read_fields(GOOD | change)

    assert check_fields(fields, FREEFORM_RULES) == {field: [text]}


@pytest.mark.parametrize(
    ("change", "errors"),
    [
        pytest.param({"recipient_name": None}, {}, id="null for an optional one"),
        pytest.param({"recipient_name": "A" * 255}, {}, id="longest name"),
        pytest.param(
            {"recipient_name": "A" * 256},
            {
                "recipient_name": [
                    "The recipient name field must not be greater than 255 characters."
                ]
            },
            id="name too long",
        ),
        pytest.param({"variables": {}}, {}, id="no variables"),
        pytest.param({"variables": {"1": "Ana", "date": "May"}}, {}, id="variables"),
        pytest.param(
            {"variables": ["Ana"]},
            {"variables": ["The variables field must be an array."]},
            id="a list of variables",
        ),
        pytest.param(
            {"variables": {"1": 5}},
            {"variables.1": ["The variables.1 field must be a string."]},
            id="a number for a variable",
        ),
        pytest.param(
            {"variables": {"1": "  "}},
            {"variables.1": ["The variables.1 field must be a string."]},
            id="a blank variable",
        ),
        pytest.param(
            {"template_id": None},
            {"template_id": ["The template id field is required."]},
            id="no template",
        ),
    ],
)
def test_the_fields_of_a_template_are_held_against_their_rules(
    change: dict[str, object], errors: dict[str, list[str]]
) -> None:
    fields = read_fields(GOOD_TEMPLATE | change)

    assert check_fields(fields, TEMPLATE_RULES) == errors


@pytest.mark.parametrize(
    ("status", "errors"),
    [
        pytest.param("online", {}, id="online"),
        pytest.param("all", {}, id="all"),
        pytest.param(None, {}, id="left out"),
        pytest.param(
            "every", {"status": ["The selected status is invalid."]}, id="unknown"
        ),
    ],
)
def test_a_listing_has_its_choices(
    status: str | None, errors: dict[str, list[str]]
) -> None:
    assert check_fields({"status": status}, SENDERS_RULES) == errors


def test_4096_code_points_pass_and_are_counted_after_trimming() -> None:
    fields = read_fields(GOOD | {"message": f"  {'😀' * 4096}\n"})

    assert check_fields(fields, FREEFORM_RULES) == {}
    assert fields["message"] == "😀" * 4096


@pytest.mark.parametrize(
    ("missing", "summary"),
    [
        pytest.param(["message"], "The message field is required.", id="one"),
        pytest.param(
            ["recipient_phone", "message"],
            "The recipient phone field is required. (and 1 more error)",
            id="two",
        ),
        pytest.param(
            ["sender_id", "recipient_phone", "message"],
            "The sender id field is required. (and 2 more errors)",
            id="three",
        ),
    ],
)
def test_the_first_error_is_the_message_and_the_others_are_counted(
    missing: list[str], summary: str
) -> None:
    fields = {name: value for name, value in GOOD.items() if name not in missing}

    body = errors_body(check_fields(fields, FREEFORM_RULES))

    assert body["message"] == summary
    assert list(check_fields(fields, FREEFORM_RULES)) == missing


def test_fields_that_no_page_documents_are_named() -> None:
    assert undocumented({"message": "hi", "to": "x"}, FREEFORM_RULES) == {"to"}


@pytest.mark.parametrize(
    ("phone", "good"),
    [
        pytest.param("+14155550123", True, id="as documented"),
        pytest.param("+123456789012345", True, id="fifteen digits"),
        pytest.param("+1234567890123456", False, id="sixteen digits"),
        pytest.param("4155550123", False, id="no plus"),
        pytest.param("+04155550123", False, id="leading zero"),
        pytest.param("+1 415 5550123", False, id="spaces"),
        pytest.param("+1٤155550123", False, id="other digits"),
        pytest.param("+14155550123\n", False, id="a line's end"),
    ],
)
def test_a_phone_is_e164_or_it_is_not(phone: str, good: bool) -> None:
    assert is_phone(phone) is good


@pytest.mark.parametrize(
    ("raw", "value"),
    [
        pytest.param(b'{"a": 1}', {"a": 1}, id="an object"),
        pytest.param(b"[1]", [1], id="a list"),
        pytest.param(b'"\\u00e9"', "é", id="an escape"),
        pytest.param(b"", None, id="nothing"),
        pytest.param(b"{", None, id="half an object"),
        pytest.param(b'{"a": NaN}', None, id="not a number"),
        pytest.param(b"\xff", None, id="not UTF-8"),
        pytest.param(b'"\\ud800"', None, id="half a surrogate pair"),
        pytest.param(b"[" * 100_000, None, id="too deep"),
    ],
)
def test_a_body_is_read_as_strictly_as_php_does(raw: bytes, value: object) -> None:
    assert read_json(raw) == value


@pytest.mark.parametrize(
    ("query", "fields"),
    [
        pytest.param("", {}, id="none"),
        pytest.param(
            "sender_id=12&recipient_phone=%2B14155550123",
            {"sender_id": 12, "recipient_phone": "+14155550123"},
            id="as documented",
        ),
        pytest.param(
            "recipient_phone=+14155550123",
            {"recipient_phone": "14155550123"},
            id="a bare plus is a space",
        ),
        pytest.param(
            "sender_id=twelve", {"sender_id": "twelve"}, id="a word for a number"
        ),
        pytest.param("status=", {"status": None}, id="an empty value"),
    ],
)
def test_a_query_is_decoded_as_a_form(query: str, fields: dict[str, object]) -> None:
    assert read_query(query, STATUS_RULES) == fields


@given(value=json_values)
def test_any_body_gives_fields_that_can_be_checked(value: object) -> None:
    errors = check_fields(read_fields(value), FREEFORM_RULES)

    assert set(errors) <= set(FREEFORM_RULES)
