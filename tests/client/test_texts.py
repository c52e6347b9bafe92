"""What errors say to people: whom we talked to, and advice once, at the end."""

import re
from pathlib import Path

import pytest

from autocalls_async import (
    AutocallsClient,
    AutocallsError,
    Outcome,
    RetryPolicy,
    Run,
    RunStoppedError,
    Unsent,
)
from autocalls_async.emulator import (
    Delay,
    Emulator,
    Endpoint,
    HangUpAfter,
    Refuse,
    refuse_with_code,
)
from autocalls_async.journal import JournalError, MemoryJournal
from tests.people import ANA, SENDER, STRANGER, hellos, open_windows, people

POST = Endpoint.SEND_FREEFORM
CHECK = Endpoint.SESSION_STATUS


def host(emulator: Emulator) -> str:
    """Name the emulator as an error does."""
    return emulator.base_url.split("/")[2]


def masked(error: AutocallsError, emulator: Emulator) -> str:
    """Return an error's text, with names in place of what differs each time."""
    text = str(error).replace(host(emulator), "HOST")
    return re.sub(r"\+\d{4}•••\d{4}", "THEM", text)


async def collect(run: Run, outcomes: list[Outcome]) -> None:
    """Take a run's outcomes, until it raises."""
    async for outcome in run:
        outcomes.append(outcome)  # noqa: PERF401  # kept where the run raises


TABLE = [
    pytest.param(
        *(Refuse(401, {"message": "Unauthenticated."}), POST),
        "rejected to THEM: the API key was not accepted (401 from HOST); "
        "check AUTOCALLS_API_KEY and base_url",
        id="key",
    ),
    pytest.param(
        *(refuse_with_code(402, "INSUFFICIENT_BALANCE"), POST),
        "rejected to THEM: the account's balance is used up (402 INSUFFICIENT_BALANCE "
        "from HOST); top it up",
        id="balance",
    ),
    pytest.param(
        *(refuse_with_code(403, "SESSION_EXPIRED"), POST),
        "rejected to THEM: the 24-hour messaging window is closed (403 "
        "SESSION_EXPIRED from HOST); send a template, or wait until the recipient "
        "writes",
        id="window",
    ),
    pytest.param(
        *(Refuse(405, "<html>"), POST),
        "unknown to THEM: a web page came in place of the API's answer (405 from "
        "HOST); it may have been delivered, so look for its delivery webhook before "
        "sending it again",
        id="page",
    ),
    pytest.param(
        *(HangUpAfter(), POST),
        "unknown to THEM: the connection was closed without an answer (at HOST); it "
        "may have been delivered, so look for its delivery webhook before sending it "
        "again",
        id="hang-up",
    ),
    pytest.param(
        *(Delay(60.0), POST),
        "unknown to THEM: its time was up before an answer came (at HOST); it may "
        "have been delivered, so look for its delivery webhook before sending it "
        "again",
        id="time",
    ),
    pytest.param(
        *(Refuse(502, "<html>"), CHECK),
        "unsent to THEM: its window could not be checked: the service "
        "or a proxy before it broke down (502 from HOST); it is safe to send "
        "it again",
        id="check broke down",
    ),
    pytest.param(
        *(Refuse(429, {}), CHECK),
        "unsent to THEM: its window could not be checked: the "
        "service's rate limit was hit (429 from HOST); it is safe to send it again",
        id="check too fast",
    ),
]


@pytest.mark.parametrize(("fault", "endpoint", "text"), TABLE)
async def test_a_send_says_what_happened_whom_we_talked_to_and_what_to_do(
    emulator: Emulator, fault: Refuse, endpoint: Endpoint, text: str
) -> None:
    emulator.customer_writes(ANA)
    emulator.fail_next(99, fault, endpoint=endpoint)

    async with AutocallsClient(
        "key",
        base_url=emulator.base_url,
        sender_id=SENDER,
        retry=RetryPolicy(max_attempts=2),
        window_check="always" if endpoint is CHECK else "never",
    ) as client:
        with pytest.raises(AutocallsError) as caught:
            await client.send_freeform(ANA, "hi")

    assert masked(caught.value, emulator) == text
    assert caught.value.advice == text.rpartition("; ")[2]


@pytest.mark.parametrize(
    ("fault", "remedy"),
    [
        pytest.param(Refuse(401, {}), "check AUTOCALLS_API_KEY and base_url", id="key"),
        pytest.param(
            refuse_with_code(402, "INSUFFICIENT_BALANCE"), "top it up", id="balance"
        ),
        pytest.param(
            refuse_with_code(503, "SENDER_OFFLINE"),
            "reconnect it in the panel, and allow 5 minutes for it to be synced",
            id="offline",
        ),
    ],
)
async def test_a_run_that_was_stopped_gives_the_advice_once(
    client: AutocallsClient, emulator: Emulator, fault: Refuse, remedy: str
) -> None:
    recipients = people(30)
    open_windows(emulator, recipients)
    emulator.fail_next(999, fault, endpoint=POST)
    outcomes: list[Outcome] = []

    with pytest.raises(RunStoppedError) as caught:
        await collect(client.send_many(hellos(recipients)), outcomes)

    unsent = [o.error for o in outcomes if isinstance(o, Unsent)]
    stopped = masked(caught.value, emulator)
    assert stopped.startswith("stopped after 30 messages: rejected to THEM: the ")
    assert stopped.endswith(f"from HOST); {remedy}")
    assert stopped.count("; ") == 1
    for error in unsent:
        text = masked(error, emulator)
        assert text.startswith("unsent to THEM: the run stopped: rejected to THEM: ")
        assert text.endswith(f"from HOST); {remedy}, then send it again")
        assert text.count("; ") == 1
    assert len(unsent) > 20


async def test_a_journal_that_fails_gives_its_advice_and_no_other(
    client: AutocallsClient,
) -> None:
    class Full(MemoryJournal):
        async def intend(self, key: str, **facts: bool) -> None:
            await super().intend(key, **facts)
            detail = "the disk is full; free some space"
            raise JournalError(path=Path("run.db"), detail=detail)

    async with Full() as journal:
        run = client.send_many(hellos([ANA]), journal=journal)
        (outcome,) = [outcome async for outcome in run]

    assert isinstance(outcome, Unsent)
    assert str(outcome.error).endswith("; free some space, then send it again")
    assert str(outcome.error).count("; ") == 1


async def test_a_read_names_its_host(
    client: AutocallsClient, emulator: Emulator
) -> None:
    emulator.fail_next(1, Refuse(200, {"data": 1}), endpoint=Endpoint.SENDERS)
    emulator.fail_next(1, Delay(60.0), endpoint=Endpoint.ME)

    with pytest.raises(AutocallsError) as unreadable:
        await client.senders()
    with pytest.raises(AutocallsError) as late:
        await client.account(timeout=1.0)

    assert masked(unreadable.value, emulator) == (
        "no usable answer: the answer is not what the API documents (200 from HOST); "
        "it is safe to ask again"
    )
    assert masked(late.value, emulator) == (
        "no usable answer: the call's time was up (at HOST); it is safe to ask again"
    )


async def test_our_own_check_names_no_host(
    client: AutocallsClient, emulator: Emulator
) -> None:
    with pytest.raises(AutocallsError) as caught:
        await client.send_freeform(STRANGER, "hi")

    assert masked(caught.value, emulator) == (
        "rejected to THEM: the 24-hour messaging window is closed; send a template, "
        "or wait until the recipient writes"
    )
