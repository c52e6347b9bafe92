"""What a shell or a debugger shows of a client, a run and a plan."""

from decimal import Decimal

import pytest

from autocalls_async import AutocallsClient, Message, TemplateMessage
from autocalls_async.emulator import Emulator
from tests.people import ANA, STRANGER, hello, hellos, open_windows, people

KEY = "1|key-that-nobody-sees"


async def test_a_client_says_whose_it_is_and_whether_it_is_open(
    client: AutocallsClient, emulator: Emulator
) -> None:
    host = emulator.base_url.split("/")[2]

    before = repr(client)
    await client.aclose()

    assert before == f"<AutocallsClient of {host}, sender 12, open>"
    assert repr(client) == f"<AutocallsClient of {host}, sender 12, closed>"


def test_a_client_can_be_shown_outside_an_event_loop() -> None:
    client = AutocallsClient(KEY)

    assert repr(client) == "<AutocallsClient of app.autocalls.ai, open>"


def test_a_client_that_is_refused_can_be_shown() -> None:
    with pytest.raises(ValueError, match="timeout") as caught:
        AutocallsClient(KEY, timeout=-1)

    owners = [entry.frame.f_locals.get("self") for entry in caught.traceback]
    clients = [owner for owner in owners if isinstance(owner, AutocallsClient)]
    assert {repr(client) for client in clients} == {"<AutocallsClient, not made>"}


async def test_a_run_says_how_far_it_has_come(
    client: AutocallsClient, emulator: Emulator
) -> None:
    recipients = people(3)
    open_windows(emulator, recipients[:2])
    run = client.send_many(hellos(recipients))

    shown = [repr(run)]
    async for _ in run:
        shown.append(repr(run))  # noqa: PERF401  # as it goes
    shown.append(repr(run))

    nothing = "0 taken, 0 accepted, 0 rejected, 0 unsent, 0 unknown"
    end = "3 taken, 2 accepted, 1 rejected, 0 unsent, 0 unknown"
    assert shown[0] == f"<Run, not begun: iterate over it; {nothing}>"
    assert shown[1].startswith("<Run, under way; 3 taken, ")
    assert shown[-1] == f"<Run, ended; {end}>"


async def test_a_plan_can_be_printed(client: AutocallsClient) -> None:
    variables = {"customer_name": "Ana", "date": "May 1"}
    messages: list[Message] = [
        hello(ANA, "the text that nobody sees"),
        hello(STRANGER),
        TemplateMessage(recipient_phone=ANA, template_id=45, variables=variables),
    ]

    plan = await client.plan(messages, price=Decimal("0.05"))

    lines = str(plan).splitlines()
    assert repr(plan) == "<Plan of 3 messages: not ready, 1 error, 1 warning>"
    assert lines[:5] == [
        "3 messages (2 free text, 1 template), 1 s at the pace of now",
        "sender 12: 3 messages to 2 recipients, online",
        "template 45 of sender 12: 1 message, approved",
        "windows: 1 open, 0 closing, 1 closed, 0 unknown (2 of 2)",
        f"balance {plan.balance}, cost 0.15",
    ]
    assert lines[5:-1] == [f"{f.severity.value}: {f.text}" for f in plan.findings]
    assert lines[-1] == "not ready, 1 error, 1 warning"
    for hidden in ("nobody sees", ANA[1:], STRANGER[1:], "May 1"):
        assert hidden not in f"{plan}{plan!r}"


async def test_an_empty_plan_says_that_it_is_not_ready(client: AutocallsClient) -> None:
    plan = await client.plan([])

    assert repr(plan) == "<Plan of 0 messages: not ready, 1 error>"
    assert str(plan).splitlines()[-1] == "not ready, 1 error"
