"""Whom a receiver believes, and what it reads."""

import traceback
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autocalls_async.webhooks import (
    ConversationEnded,
    MessageStatus,
    OtherEvent,
    Receiver,
    WebhookError,
)
from autocalls_async.webhooks.receiving.reading import read_ended
from tests.support import SAMPLES, json_values, mutated_samples
from tests.webhooks.bodies import (
    NEW,
    OLD,
    PHONE,
    SECRET,
    SENDER,
    UUID,
    digest,
    ended,
    receipt,
    signed,
)
from tests.webhooks.posts import POSTS, SECRETS, Post

RECEIVER = Receiver(SECRETS)
ONE_FOR_ALL = Receiver(SECRET)


def test_there_are_thirty_posts() -> None:
    assert len(POSTS) == 30
    assert len({post.name for post in POSTS}) == 30


@pytest.mark.parametrize("post", POSTS, ids=lambda post: post.name)
def test_each_post_gets_the_answer_that_it_deserves(post: Post) -> None:
    headers = dict(post.headers)
    if len(headers) < len(post.headers):  # a server that puts two into one
        headers = {post.headers[0][0]: ", ".join(value for _, value in post.headers)}

    try:
        RECEIVER.parse(post.raw, headers)
        status = 204
    except WebhookError as error:
        status = error.status

    assert status == post.status


def test_a_documented_receipt_is_read() -> None:
    raw = SAMPLES["webhook.message-status-failed.json"]

    event = ONE_FOR_ALL.parse(raw, signed(raw))

    assert event == MessageStatus(
        whatsapp_message_id=891,
        status="failed",
        sender_id=42,
        recipient_phone="+1234567890",
        sender_phone="+19876543210",
        at=datetime(2026, 6, 8, 9, 32, tzinfo=UTC),
        error_code=63016,
        error_message="Template message 24h window expired",
        message_sid="SMxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
        assistant_id="f9e8d7c6-b5a4-3210-fedc-ba9876543210",
        extra={
            "error_description": "Template message 24h window expired - customer must "
            "reply first"
        },
    )


def test_the_carriers_own_time_is_preferred() -> None:
    raw = SAMPLES["webhook.message-status-delivered.json"]

    event = ONE_FOR_ALL.parse(raw, signed(raw))

    assert isinstance(event, MessageStatus)
    assert event.at == datetime(2026, 6, 8, 9, 30, tzinfo=UTC)
    assert event.conversation_id == UUID


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        pytest.param({"whatsapp_message_id": "890"}, 890, id="digits in quotes"),
        pytest.param({"whatsapp_message_id": 2**80}, 2**80, id="beyond a bigint"),
        pytest.param({"timestamp": "soon", "provider_timestamp": 1}, 890, id="no time"),
        pytest.param({"to": None, "from": 4}, 890, id="no numbers"),
        pytest.param({"error_code": "131x"}, 890, id="an odd code"),
    ],
)
def test_one_odd_field_spoils_no_receipt(fields: dict[str, Any], expected: int) -> None:
    raw = receipt(**{"number": 890} | {}) if not fields else receipt(890, **fields)

    event = ONE_FOR_ALL.parse(raw, signed(raw))

    assert isinstance(event, MessageStatus)
    assert event.whatsapp_message_id == expected


def test_only_the_word_true_makes_a_test() -> None:
    for value, is_test in ((True, True), ("true", False), (1, False), (None, False)):
        raw = receipt(test=value)
        event = ONE_FOR_ALL.parse(raw, signed(raw))
        assert isinstance(event, MessageStatus)
        assert event.is_test is is_test


@given(st.binary(max_size=300) | mutated_samples())
def test_whatever_is_signed_is_an_event(raw: bytes) -> None:
    event = ONE_FOR_ALL.parse(raw, signed(raw))

    assert isinstance(event, MessageStatus | OtherEvent)


@given(st.dictionaries(st.text(max_size=8), json_values) | st.just({}))
def test_any_field_of_a_receipt_may_be_anything(fields: dict[str, Any]) -> None:
    raw = receipt(**{k: v for k, v in fields.items() if k not in {"number", "status"}})

    event = ONE_FOR_ALL.parse(raw, signed(raw))

    assert isinstance(event, MessageStatus | OtherEvent)


@given(st.binary(max_size=50), st.text(max_size=80))
def test_no_header_makes_it_raise_anything_else(raw: bytes, header: str) -> None:
    with pytest.raises(WebhookError) as caught:
        ONE_FOR_ALL.parse(raw, {"X-Signature-256": header})

    assert caught.value.status == 401


def test_every_secret_of_a_sender_lets_it_in() -> None:
    raw = receipt()

    for secret in (NEW, OLD):
        assert RECEIVER.parse(raw, signed(raw, secret)) == ONE_FOR_ALL.parse(
            raw, signed(raw)
        )


@pytest.mark.parametrize(
    "secrets",
    [
        pytest.param("", id="empty"),
        pytest.param(" ", id="blank"),
        pytest.param([], id="none"),
        pytest.param({}, id="of nobody"),
        pytest.param({12: []}, id="none of a sender"),
        pytest.param({12: ["good", ""]}, id="one empty"),
        pytest.param({12: ("good",), 15: ""}, id="a sender's empty"),
        pytest.param({"12": "good"}, id="a sender that is no id"),
        pytest.param({12: b"good"}, id="bytes"),
        pytest.param(None, id="nothing"),
    ],
)
def test_a_secret_that_lets_anybody_in_is_refused(secrets: Any) -> None:  # noqa: ANN401  # as said
    with pytest.raises(ValueError, match="secret"):
        Receiver(secrets)


@pytest.mark.parametrize(
    ("given", "fits"),
    [
        pytest.param("one-for-all", {"one-for-all"}, id="one"),
        pytest.param("a+b/c==", {"a+b/c=="}, id="one with signs of base64"),
        pytest.param(f"{SENDER}=new,old;15=s15", {"new", "old"}, id="each sender's"),
        pytest.param(f" {SENDER} = new , old ; ", {"new", "old"}, id="with spaces"),
    ],
)
def test_the_environment_tells_the_secrets(given: str, fits: set[str]) -> None:
    receiver = Receiver.from_env({"AUTOCALLS_WEBHOOK_SECRETS": given})

    raw = receipt()
    for secret in fits:
        receiver.parse(raw, signed(raw, secret))
    with pytest.raises(WebhookError, match="fits no secret"):
        receiver.parse(raw, signed(raw, "s15"))


@pytest.mark.parametrize(
    "given",
    [
        pytest.param(None, id="not set"),
        pytest.param("  ", id="blank"),
        pytest.param("12=", id="empty"),
        pytest.param("12=a,;15=b", id="one empty"),
        pytest.param("12=hidden;hidden", id="half and half"),
        pytest.param("12=hidden;12=hidden-too", id="a sender twice"),
    ],
)
def test_an_unusable_environment_is_refused_unshown(given: str | None) -> None:
    environ = {} if given is None else {"AUTOCALLS_WEBHOOK_SECRETS": given}

    with pytest.raises(ValueError, match=r"(?i)secret") as caught:
        Receiver.from_env(environ)

    assert "hidden" not in str(caught.value)


def test_the_process_environment_is_the_usual_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("AUTOCALLS_WEBHOOK_SECRETS", SECRET)

    raw = receipt()

    assert isinstance(Receiver.from_env().parse(raw, signed(raw)), MessageStatus)


def test_a_secret_may_come_from_a_file_with_its_line_end() -> None:
    raw = receipt()

    event = Receiver({12: [f"{SECRET}\n"]}).parse(raw, signed(raw))

    assert isinstance(event, MessageStatus)


@pytest.mark.parametrize(
    ("raw", "headers", "told"),
    [
        pytest.param("hidden", {}, "raw", id="a text"),
        pytest.param(None, {}, "raw", id="nothing"),
        pytest.param(b"hidden", None, "headers", id="no headers"),
        pytest.param(b"hidden", [("X-Signature-256", "x")], "headers", id="a list"),
    ],
)
def test_what_is_no_request_is_the_programs_error(
    raw: Any,  # noqa: ANN401  # as said
    headers: Any,  # noqa: ANN401
    told: str,
) -> None:
    with pytest.raises(ValueError, match=told) as caught:
        RECEIVER.parse(raw, headers)

    assert "hidden" not in str(caught.value)


@pytest.mark.parametrize("value", [b"sha256=00", None, 5])
def test_a_header_that_is_no_text_is_no_signature(value: Any) -> None:  # noqa: ANN401
    with pytest.raises(WebhookError, match="no signature"):
        RECEIVER.parse(receipt(), {"X-Signature-256": value, 5: "x"})  # type: ignore[dict-item]


def test_nothing_shows_what_nobody_may_see() -> None:
    raw = receipt(9)
    event = RECEIVER.parse(raw, signed(raw, NEW))
    other = RECEIVER.parse(
        b'{"event": "+14155550123"}', signed(b'{"event": "+14155550123"}', NEW)
    )
    with pytest.raises(WebhookError) as caught:
        RECEIVER.parse(raw, signed(raw, "wrong"))

    shown = (
        f"{event!r} {other!r} {RECEIVER!r} {caught.value} {caught.value!r}"
        + "".join(traceback.format_exception(caught.value))
    )
    for secret in ("nobody-sees", UUID, PHONE, PHONE[1:], digest(raw, NEW)):
        assert secret not in shown
    assert "+1415•••0123" in shown


@pytest.mark.parametrize("given", [[], {}, "x", None, [1]])
def test_an_empty_object_may_be_an_empty_list_to_php(given: object) -> None:
    event = read_ended(ended(extracted_variables=given, transcript={}))

    assert isinstance(event, ConversationEnded)
    assert (event.extracted_variables, event.transcript) == ({}, ())
