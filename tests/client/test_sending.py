"""One message: what reaches the service, and what the caller is told."""

import asyncio
import json
from decimal import Decimal

import pytest

from autocalls_async import (
    AutocallsClient,
    RejectedError,
    RetryPolicy,
    SentMessage,
    TemplateMessage,
    TemplateRequiredError,
    UnavailableError,
    UnknownOutcomeError,
    UnsentError,
)
from autocalls_async.clock import utc_now
from autocalls_async.emulator import (
    Delay,
    Emulator,
    Endpoint,
    Garble,
    HangUpAfter,
    HangUpBefore,
    Refuse,
)
from tests.people import ANA, SENDER, STRANGER, hello


async def test_free_text_is_accepted_and_tells_the_key_of_its_webhooks(
    client: AutocallsClient, emulator: Emulator
) -> None:
    sent = await client.send_freeform(ANA, "Your table is ready", timeout=8.0)

    (accepted,) = emulator.accepted
    assert sent.whatsapp_message_id == accepted.whatsapp_message_id
    assert (accepted.recipient_phone, accepted.message) == (ANA, "Your table is ready")
    assert sent.session_status is not None
    assert sent.session_status.can_send_freeform is True


async def test_a_template_goes_to_somebody_who_never_wrote(
    client: AutocallsClient, emulator: Emulator
) -> None:
    variables = {"customer_name": "Ana", "date": "Monday", "time": "10:00"}

    sent = await client.send_template(
        STRANGER, template_id=45, variables=variables, recipient_name="Ana"
    )

    (accepted,) = emulator.accepted
    assert sent.status == "queued"
    assert accepted.template_id == 45
    assert accepted.variables == variables
    assert accepted.recipient_name == "Ana"
    assert emulator.requests_by_endpoint() == {Endpoint.SEND_TEMPLATE: 1}


async def test_a_message_may_name_its_own_sender(
    client: AutocallsClient, emulator: Emulator
) -> None:
    message = TemplateMessage(recipient_phone=ANA, template_id=46, sender_id=15)

    await client.send(message)

    assert [accepted.sender_id for accepted in emulator.accepted] == [15]


async def test_the_request_is_as_documented_to_the_letter(
    client: AutocallsClient, emulator: Emulator
) -> None:
    await client.send_freeform(ANA, "ñ 😀")
    await client.send_template(ANA, template_id=46)

    status, freeform, template = emulator.requests
    assert status.target == (
        "/api/user/whatsapp/session-status?sender_id=12&recipient_phone=%2B14155550123"
    )
    assert freeform.body == {
        "sender_id": 12,
        "recipient_phone": ANA,
        "message": "ñ 😀",
    }
    assert template.body == {
        "sender_id": 12,
        "recipient_phone": ANA,
        "template_id": 46,
    }
    for request in emulator.requests:
        assert request.headers["accept"] == "application/json"
        assert request.headers["authorization"] == "Bearer 1|key-that-nobody-sees"
    assert emulator.undocumented_fields == set()


async def test_the_listings_are_typed(
    client: AutocallsClient, emulator: Emulator
) -> None:
    emulator.set_sender_status(15, "offline")

    senders = await client.senders()
    all_senders = await client.senders(include_offline=True)
    templates = await client.templates()
    all_templates = await client.templates(include_unapproved=True)
    account = await client.account()

    assert [sender.id for sender in senders] == [12]
    assert [sender.id for sender in all_senders] == [12, 15]
    assert [template.id for template in templates] == [45, 46]
    assert len(all_templates) == 3
    assert account.total_balance == Decimal("100.0")


CASES = [
    pytest.param(fault, error, code, posts, id=name)
    for name, fault, error, code, posts in [
        ("hang up before acting", HangUpBefore(), UnknownOutcomeError, None, 1),
        ("hang up after acting", HangUpAfter(), UnknownOutcomeError, None, 1),
        ("500", Refuse(500, {"message": "Server Error"}), UnknownOutcomeError, None, 1),
        ("502", Refuse(502, "<html>"), UnknownOutcomeError, None, 1),
        ("503 without a code", Refuse(503, "<html>"), UnknownOutcomeError, None, 1),
        ("504", Refuse(504, "<html>"), UnknownOutcomeError, None, 1),
        (
            "500 with a code",
            Refuse(500, {"error_code": "UNKNOWN_ERROR"}),
            UnknownOutcomeError,
            "UNKNOWN_ERROR",
            1,
        ),
        (
            "301",
            Refuse(301, "", {"Location": "/login"}),
            UnknownOutcomeError,
            None,
            1,
        ),
        (
            "307",
            Refuse(307, "", {"Location": "/api/user/whatsapp/send-freeform"}),
            UnknownOutcomeError,
            None,
            1,
        ),
        ("a proxy's 408", Refuse(408, "<html>"), UnknownOutcomeError, None, 1),
        ("a page with 200", Refuse(200, "<html>"), UnknownOutcomeError, None, 1),
        ("204", Refuse(204, b""), UnknownOutcomeError, None, 1),
        (
            "200 that says it failed",
            Refuse(200, {"success": False}),
            UnknownOutcomeError,
            None,
            1,
        ),
    ]
]


@pytest.mark.parametrize(("fault", "error", "code", "posts"), CASES)
async def test_what_cannot_be_known_is_called_unknown_and_never_repeated(
    client: AutocallsClient,
    emulator: Emulator,
    fault: Refuse | HangUpAfter,
    error: type[UnknownOutcomeError],
    code: str | None,
    posts: int,
) -> None:
    emulator.fail_next(1, fault, endpoint=Endpoint.SEND_FREEFORM)

    with pytest.raises(error, match="may have been delivered") as caught:
        await client.send_freeform(ANA, "hi")

    assert caught.value.error_code == code
    assert caught.value.attempts == 1
    assert emulator.requests_by_endpoint()[Endpoint.SEND_FREEFORM] == posts


async def test_a_200_that_cannot_be_read_is_accepted_without_details(
    client: AutocallsClient, emulator: Emulator
) -> None:
    emulator.fail_next(1, Garble(), endpoint=Endpoint.SEND_FREEFORM)

    sent = await client.send_freeform(ANA, "hi")

    assert sent == SentMessage()
    assert len(emulator.accepted) == 1


async def test_a_refused_connection_is_tried_again_and_then_surely_unsent(
    emulator: Emulator,
) -> None:
    async with Emulator() as gone:
        nowhere = gone.base_url
    retry = RetryPolicy(max_attempts=3)

    async with AutocallsClient(
        "key", base_url=nowhere, sender_id=SENDER, retry=retry, window_check="never"
    ) as client:
        with pytest.raises(
            UnsentError, match=r"refused \(at 127\.0\.0\.1:\d+\); it is safe"
        ) as caught:
            await client.send_freeform(ANA, "hi")

    assert caught.value.attempts == 0
    assert emulator.accepted == []


async def test_a_429_is_waited_out_for_as_long_as_the_service_asks(
    client: AutocallsClient, emulator: Emulator
) -> None:
    loop = asyncio.get_running_loop()
    too_many = Refuse(429, {"message": "Too Many Attempts."}, {"Retry-After": "7"})
    emulator.fail_next(1, too_many, endpoint=Endpoint.SEND_FREEFORM)

    await client.send_freeform(ANA, "hi")

    first, second = (r for r in emulator.requests if r.method == "POST")
    assert 7.0 <= second.at - first.at < 10.0
    assert loop.time() > 7.0
    assert len(emulator.accepted) == 1


async def test_a_429_in_the_white_label_form_is_waited_out_too(
    client: AutocallsClient, emulator: Emulator
) -> None:
    body = json.loads('{"error": "Rate limit exceeded", "retry_after": 9}')
    emulator.fail_next(1, Refuse(429, body), endpoint=Endpoint.SEND_FREEFORM)

    await client.send_freeform(ANA, "hi")

    first, second = (r for r in emulator.requests if r.method == "POST")
    assert 9.0 <= second.at - first.at < 12.0


async def test_a_429_that_outlasts_the_budget_is_told_at_once(
    client: AutocallsClient, emulator: Emulator
) -> None:
    too_many = Refuse(429, {}, {"Retry-After": "60"})
    emulator.fail_next(1, too_many, endpoint=Endpoint.SEND_FREEFORM)

    with pytest.raises(RejectedError, match="rate limit") as caught:
        await client.send_freeform(ANA, "hi", timeout=8.0)

    assert caught.value.status == 429
    assert caught.value.attempts == 1
    assert asyncio.get_running_loop().time() < 2.0


async def test_a_read_is_repeated_through_trouble(
    client: AutocallsClient, emulator: Emulator
) -> None:
    emulator.fail_next(1, Refuse(502, "<html>"), endpoint=Endpoint.ME)
    emulator.fail_next(1, HangUpBefore(), endpoint=Endpoint.ME)
    emulator.fail_next(1, Refuse(429, {}), endpoint=Endpoint.ME)

    account = await client.account()

    assert account.total_balance is not None
    assert emulator.requests_by_endpoint()[Endpoint.ME] >= 4


async def test_a_read_that_gets_no_usable_answer_says_so(
    client: AutocallsClient, emulator: Emulator
) -> None:
    emulator.fail_next(99, Refuse(502, "<html>"), endpoint=Endpoint.ME)

    with pytest.raises(UnavailableError, match="broke down") as caught:
        await client.account()

    seen = f"(502 from {emulator.base_url.split('/')[2]})"
    assert str(caught.value).endswith(f" {seen}; it is safe to ask again")

    assert emulator.requests_by_endpoint()[Endpoint.ME] > 1


async def test_a_read_ends_with_its_budget(
    client: AutocallsClient, emulator: Emulator
) -> None:
    emulator.fail_next(1, Delay(20.0), endpoint=Endpoint.ME)

    with pytest.raises(UnavailableError, match="time was up"):
        await client.account(timeout=5.0)

    assert asyncio.get_running_loop().time() == pytest.approx(5.0, abs=0.2)


async def test_an_answer_that_comes_too_late_leaves_the_outcome_unknown(
    client: AutocallsClient, emulator: Emulator
) -> None:
    emulator.fail_next(1, Delay(20.0), endpoint=Endpoint.SEND_FREEFORM)

    with pytest.raises(UnknownOutcomeError, match="before an answer came"):
        await client.send_freeform(ANA, "hi", timeout=5.0)

    assert asyncio.get_running_loop().time() == pytest.approx(5.0, abs=0.2)


async def test_a_refusal_of_the_check_is_the_answer_to_the_send(
    client: AutocallsClient, emulator: Emulator
) -> None:
    with pytest.raises(RejectedError) as caught:
        await client.send_freeform(ANA, "hi", sender_id=99)

    assert caught.value.error_code == "SENDER_NOT_FOUND"
    assert emulator.requests_by_endpoint() == {Endpoint.SESSION_STATUS: 1}


async def test_a_window_that_cannot_be_checked_leaves_the_message_unsent(
    client: AutocallsClient, emulator: Emulator
) -> None:
    down = Refuse(502, "<html>")
    emulator.fail_next(99, down, endpoint=Endpoint.SESSION_STATUS)

    with pytest.raises(UnsentError, match="window could not be checked"):
        await client.send_freeform(ANA, "hi")

    assert Endpoint.SEND_FREEFORM not in emulator.requests_by_endpoint()


async def test_no_error_shows_key_text_or_whole_number(
    client: AutocallsClient, emulator: Emulator
) -> None:
    text = "the text that nobody sees"
    echo = {"error": f"{text} to {ANA}", "error_code": f"E {ANA}", "message": text}
    emulator.fail_next(1, Refuse(422, echo), endpoint=Endpoint.SEND_FREEFORM)

    with pytest.raises(RejectedError) as caught:
        await client.send(hello(message=text))

    shown = f"{caught.value} {caught.value!r} {caught.value.args}"
    assert "+1415•••0123" in shown
    for hidden in (text, ANA, ANA[1:], "nobody-sees"):
        assert hidden not in shown
    assert caught.value.service_message == f"{text} to {ANA}"
    assert caught.value.recipient_phone == ANA


async def test_a_closed_window_needs_a_template(
    client: AutocallsClient, emulator: Emulator
) -> None:
    with pytest.raises(TemplateRequiredError, match="send a template") as caught:
        await client.send_freeform(STRANGER, "hi")

    assert caught.value.session_status is not None
    assert caught.value.session_status.requires_template is True
    assert emulator.requests_by_endpoint() == {Endpoint.SESSION_STATUS: 1}


async def test_an_unknown_outcome_says_when_it_left_and_how_to_find_out(
    client: AutocallsClient, emulator: Emulator
) -> None:
    before = utc_now()
    emulator.fail_next(1, HangUpAfter(), endpoint=Endpoint.SEND_FREEFORM)

    with pytest.raises(UnknownOutcomeError, match="delivery webhook") as caught:
        await client.send_freeform(ANA, "hi")

    assert caught.value.handed_over_at is not None
    assert before <= caught.value.handed_over_at <= utc_now()
    assert caught.value.recipient_phone == ANA
