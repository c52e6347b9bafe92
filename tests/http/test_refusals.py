"""What a reply shows, and the errors of the reference's tables."""

import json
from collections.abc import Mapping

import pytest

from autocalls_async.http.replies import (
    describe_answer,
    read_conversation,
    read_senders,
    read_sent,
    see,
)
from autocalls_async.http.reply import Reply
from autocalls_async.model import errors
from autocalls_async.model.answers import SentMessage
from autocalls_async.model.errors import (
    UnavailableError,
)
from autocalls_async.policy.verdict import DECISIONS, Again, Kind, Seen, Verdict
from tests.support import (
    PHONE,
    SAMPLES,
    refusal,
    reply,
    shows_a_secret,
)


def coded(code: str) -> dict[str, object]:
    return {"success": False, "error": "no", "error_code": code}


_LARAVEL = {"message": "no"}
_WHITE_LABEL = {"error": "no", "message": "no, really"}
_INVALID = {"message": "no", "errors": {"message": ["no"]}}
REFUSAL_ROWS: list[tuple[int, dict[str, object], str]] = [
    (400, {**_LARAVEL}, "InvalidRequestError"),
    (413, {**_LARAVEL}, "RejectedError"),
    (401, {**_LARAVEL}, "AuthenticationError"),
    (401, {**_WHITE_LABEL}, "AuthenticationError"),
    (402, coded("INSUFFICIENT_BALANCE"), "InsufficientBalanceError"),
    (422, coded("INSUFFICIENT_BALANCE"), "InsufficientBalanceError"),
    (403, coded("SESSION_EXPIRED"), "TemplateRequiredError"),
    (403, {**_LARAVEL}, "PermissionDeniedError"),
    (404, coded("SENDER_NOT_FOUND"), "SenderNotFoundError"),
    (404, coded("TEMPLATE_NOT_FOUND"), "TemplateNotFoundError"),
    (404, {**_LARAVEL}, "NotFoundError"),
    (422, coded("INVALID_PHONE"), "InvalidPhoneError"),
    (422, {**_INVALID}, "InvalidRequestError"),
    (422, coded("SENDER_OFFLINE"), "SenderOfflineError"),
    (422, coded("TEMPLATE_NOT_APPROVED"), "TemplateUnusableError"),
    (422, coded("TEMPLATE_NOT_SYNCED"), "TemplateUnusableError"),
    (422, coded("TEMPLATE_MISMATCH"), "TemplateUnusableError"),
    (422, coded("NO_ASSISTANT_CONFIGURED"), "TemplateUnusableError"),
    (422, coded("MESSAGING_LIMIT_UNAVAILABLE"), "TemplateUnusableError"),
    (422, coded("VOICE_CALL_LIMIT_NOT_MET"), "TemplateUnusableError"),
    (422, coded("TWILIO_ERROR_63016"), "InvalidRequestError"),
    (422, coded("UNKNOWN_ERROR"), "InvalidRequestError"),
    (429, {**_LARAVEL}, "RateLimitedError"),
    (429, {**_WHITE_LABEL, "retry_after": 60}, "RateLimitedError"),
    (503, coded("SENDER_OFFLINE"), "SenderOfflineError"),
    (401, coded("NEW_CODE"), "AuthenticationError"),
    (402, coded("NEW_CODE"), "InsufficientBalanceError"),
    (403, coded("NEW_CODE"), "PermissionDeniedError"),
    (404, coded("NEW_CODE"), "NotFoundError"),
    (409, coded("NEW_CODE"), "RejectedError"),
    (422, coded("NEW_CODE"), "InvalidRequestError"),
    (429, coded("NEW_CODE"), "RateLimitedError"),
]


def _row_id(row: tuple[int, dict[str, object], str]) -> str:
    return f"{row[0]} {row[1].get('error_code', ' '.join(row[1]))}"


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [pytest.param(*row, id=_row_id(row)) for row in REFUSAL_ROWS],
)
def test_each_documented_refusal_is_an_error_of_its_class(
    status: int, body: dict[str, object], kind: str
) -> None:
    seen = see(reply(status, body))
    error = refusal(reply(status, body))

    assert type(error) is getattr(errors, kind)
    assert error.error_code == body.get("error_code")
    assert error.service_message == "no"
    assert seen is (Seen.RATE_LIMITED if status == 429 else Seen.REFUSED)
    decision = DECISIONS[Kind.SEND, seen]
    assert decision.verdict is Verdict.REFUSED
    assert decision.again is (Again.YES if status == 429 else Again.NO)


def test_a_refusal_names_its_status_and_host_and_how_often_it_was_tried() -> None:
    answer = Reply(status=422, headers={}, body=b"{}", host="a.example")

    error = refusal(answer)

    assert (error.status, error.host, error.attempts) == (422, "a.example", 2)
    assert error.recipient_phone == PHONE


@pytest.mark.parametrize("status", [500, 502, 503, 504])
@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"<html>Bad Gateway</html>", id="page"),
        pytest.param(b'{"message": "Server Error"}', id="laravel"),
        pytest.param(json.dumps(coded("UNKNOWN_ERROR")).encode(), id="some code"),
        pytest.param(None, id="broken off"),
    ],
)
def test_a_server_error_leaves_a_send_unknown_and_never_repeats_it(
    status: int, body: bytes | None
) -> None:
    seen = see(Reply(status=status, body=body))

    assert seen is Seen.SERVER_ERROR
    assert DECISIONS[Kind.SEND, seen].verdict is Verdict.UNKNOWN
    assert DECISIONS[Kind.SEND, seen].again is Again.NO


PAGE: Mapping[str, str] = {"content-type": "text/html; charset=utf-8"}


@pytest.mark.parametrize(
    ("answer", "seen"),
    [
        pytest.param(reply(200, {"success": True}), Seen.OK, id="success"),
        pytest.param(reply(200, {"data": []}), Seen.OK, id="says nothing of success"),
        pytest.param(reply(200, []), Seen.OK, id="json, but no object"),
        pytest.param(Reply(status=200, body=b"{"), Seen.OK, id="garbage"),
        pytest.param(Reply(status=200, body=b""), Seen.OK, id="empty"),
        pytest.param(Reply(status=200, body=None), Seen.OK, id="broken off"),
        pytest.param(
            Reply(status=200, body=b"<html>", headers=PAGE), Seen.OTHER, id="page"
        ),
        pytest.param(
            Reply(status=200, body=b"<html>", headers={"content-type": "Text/HTML"}),
            Seen.OTHER,
            id="page in capitals",
        ),
        pytest.param(
            reply(200, {"success": True}, content_type="text/html"),
            Seen.OK,
            id="mislabelled json",
        ),
        pytest.param(reply(200, {"success": False}), Seen.OK_BUT_FAILED, id="failed"),
        pytest.param(
            reply(200, {"success": "true"}), Seen.OK_BUT_FAILED, id="text for success"
        ),
        pytest.param(
            reply(200, {"success": 1}), Seen.OK_BUT_FAILED, id="one for success"
        ),
        pytest.param(
            reply(200, {"success": None}), Seen.OK_BUT_FAILED, id="null for success"
        ),
        *(
            pytest.param(
                reply(status, {"success": success, **names}),
                seen,
                id=f"{status} {what}",
            )
            for success, names, what, seen in (
                (True, {"whatsapp_message_id": 890}, "with an id", Seen.OK),
                (True, {"whatsapp_message_id": "890"}, "with digits", Seen.OK),
                (True, {"message_id": 567}, "with an inner id", Seen.OK),
                (True, {}, "without an id", Seen.OTHER),
                (True, {"whatsapp_message_id": "x"}, "with a text", Seen.OTHER),
                (True, {"conversation_id": 5}, "of a conversation", Seen.OTHER),
                (1, {"message_id": 567}, "with one for success", Seen.OTHER),
                (False, {"message_id": 567}, "that failed", Seen.OTHER),
                (None, {"message_id": 567}, "that does not say", Seen.OTHER),
            )
            for status in (201, 202)
        ),
        pytest.param(
            reply(203, {"success": True, "message_id": 1}), Seen.OTHER, id="203"
        ),
        pytest.param(Reply(status=201, body=None), Seen.OTHER, id="201 broken off"),
        pytest.param(
            Reply(status=202, body=b"<html>", headers=PAGE), Seen.OTHER, id="202 page"
        ),
        pytest.param(reply(302, {"success": True}), Seen.REDIRECT, id="302"),
        pytest.param(
            Reply(status=404, body=b"<html>", headers=PAGE),
            Seen.FOREIGN_REFUSAL,
            id="404 page",
        ),
        *(
            pytest.param(
                Reply(status=status, body=b"<html>", headers=PAGE),
                Seen.FOREIGN_REFUSAL,
                id=f"{status} page",
            )
            for status in (400, 408, 413)
        ),
        pytest.param(reply(400, _LARAVEL), Seen.REFUSED, id="400 by laravel"),
        pytest.param(reply(400, {"hint": "no"}), Seen.FOREIGN_REFUSAL, id="400 alien"),
        pytest.param(reply(503, coded("SENDER_OFFLINE")), Seen.REFUSED, id="offline"),
        pytest.param(
            reply(503, {"error_code": ["SENDER_OFFLINE"]}),
            Seen.SERVER_ERROR,
            id="offline in a list",
        ),
    ],
)
def test_a_reply_belongs_to_one_row_of_the_table(answer: Reply, seen: Seen) -> None:
    assert see(answer) is seen


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        pytest.param(
            Reply(status=status, body=b"<html>", headers=PAGE),
            "a web page came in place of the API's answer",
            id=f"{status} page",
        )
        for status in (200, 202, 401, 404, 413, 600)
    ]
    + [
        pytest.param(reply(status, body), words, id=f"{status}")
        for status, body, words in (
            (
                200,
                {"success": False},
                "the status of the answer says success, and its body does not",
            ),
            (204, {}, "the API documents no such answer"),
            (302, {}, "the answer was a redirect, and the API has none"),
            (413, {}, "somebody on the way refused, not the API"),
            (422, {"error_code": "NEW"}, "the answer was a refusal by the API"),
            (502, {}, "the service or a proxy before it broke down"),
        )
    ],
)
def test_an_answer_that_settles_nothing_is_called_by_its_name(
    answer: Reply, words: str
) -> None:
    assert describe_answer(answer, see(answer)) == words


@pytest.mark.parametrize("status", [408, 409, 499])
def test_a_gateways_words_for_a_lost_request_are_no_refusal_by_the_api(
    status: int,
) -> None:
    for word in ("error", "message"):
        assert see(reply(status, {word: "timed out"})) is Seen.FOREIGN_REFUSAL


@pytest.mark.parametrize("word", ["error", "message", "error_code"])
def test_any_sign_of_the_api_makes_another_refusal_its_own(word: str) -> None:
    assert see(reply(413, {word: "too large"})) is Seen.REFUSED


def _expected(status: int, *, refused: Seen, ok: Seen) -> Seen:
    by_status = {200: ok, 429: Seen.RATE_LIMITED}
    by_status |= dict.fromkeys((401, 402, 403, 404, 422), Seen.REFUSED)
    by_hundreds = {3: Seen.REDIRECT, 4: refused, 5: Seen.SERVER_ERROR}
    return by_status.get(status, by_hundreds.get(status // 100, Seen.OTHER))


@pytest.mark.parametrize(
    ("content", "refused", "ok"),
    [
        pytest.param(None, Seen.FOREIGN_REFUSAL, Seen.OK, id="no body"),
        pytest.param(coded("NEW"), Seen.REFUSED, Seen.OK_BUT_FAILED, id="envelope"),
        pytest.param({"x": 1}, Seen.FOREIGN_REFUSAL, Seen.OK, id="other json"),
    ],
)
def test_every_status_has_its_row(content: object, refused: Seen, ok: Seen) -> None:
    seen = {status: see(reply(status, content)) for status in range(100, 600)}

    assert seen == {
        status: _expected(status, refused=refused, ok=ok) for status in range(100, 600)
    }


def test_a_closed_window_written_as_text_is_not_an_open_one() -> None:
    body = json.loads(SAMPLES["session-status.200-open.json"])
    body["session_status"]["can_send_freeform"] = "false"

    with pytest.raises(UnavailableError) as caught:
        read_conversation(reply(200, body))

    assert caught.value.detail == "the answer is not what the API documents"


def test_an_accepted_send_with_an_unreadable_answer_is_accepted_all_the_same() -> None:
    for body in (b"", b"{", b"[]", b'"ok"', None):
        assert read_sent(Reply(status=200, body=body)) == SentMessage()


def test_an_accepted_send_keeps_what_can_be_read() -> None:
    body = json.loads(SAMPLES["send-freeform.200.json"])
    body["session_status"]["can_send_freeform"] = "false"
    body["message_id"] = "x567"

    sent = read_sent(reply(200, body))

    assert (sent.whatsapp_message_id, sent.conversation_id) == (890, 1234)
    assert (sent.message_id, sent.session_status) == (None, None)
    assert sent.extra == {key: body[key] for key in ("message_id", "session_status")}


def test_an_unreadable_listing_keeps_its_status_and_not_its_words() -> None:
    answer = reply(200, {"data": [{"id": PHONE}]})

    with pytest.raises(UnavailableError) as caught:
        read_senders(answer)

    assert (caught.value.status, caught.value.attempts) == (200, 1)
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__
    assert not shows_a_secret(repr(answer))
