"""The commands that make one call, against the emulator."""

import io
import json
import socket
import sqlite3
import sys
from contextlib import closing
from pathlib import Path

import pytest

from autocalls_async.emulator import (
    Emulator,
    Endpoint,
    HangUpAfter,
    Refuse,
    Sender,
    Template,
)
from tests.cli.conftest import CLOSED, OPEN, Autocalls, Service
from tests.ports import closed_port


def test_a_sent_message_is_told_with_the_id_that_webhooks_use(
    autocalls: Autocalls, service: Service
) -> None:
    ended = autocalls("send", OPEN, "hello")

    assert ended.status == 0
    (message,) = service.emulator.accepted
    number = message.whatsapp_message_id
    assert ended.out == f"accepted: {OPEN}, whatsapp_message_id {number}\n"
    assert ended.err == ""


def test_a_template_is_sent_with_its_variables(
    autocalls: Autocalls, service: Service
) -> None:
    variables = ("--var", "1=Ana", "--var", "2=a=b", "--var", "3=x")

    ended = autocalls("template", CLOSED, "45", *variables, "--name", "Ana", "--json")

    assert ended.status == 0
    (message,) = service.emulator.accepted
    assert message.variables == {"1": "Ana", "2": "a=b", "3": "x"}
    assert message.recipient_name == "Ana"
    told = json.loads(ended.out)
    assert told["outcome"] == "accepted"
    assert told["whatsapp_message_id"] == message.whatsapp_message_id


VARIABLES = ("--var", "1=Ana", "--var", "date=Mon")


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        pytest.param(VARIABLES, "lacks a text for variable 3 (time)", id="missing"),
        pytest.param((*VARIABLES, "--var", "3="), "variable 3", id="blank"),
        pytest.param(
            (*VARIABLES, "--var", "3=x", "--var", "4=y"), "no variable 4", id="surplus"
        ),
        pytest.param((*VARIABLES, "--var", "3=a\nb"), "holds a line break", id="odd"),
    ],
)
def test_a_templates_variables_are_looked_at_before_it_is_sent(
    arguments: tuple[str, ...],
    complaint: str,
    autocalls: Autocalls,
    service: Service,
) -> None:
    ended = autocalls("template", CLOSED, "appointment_reminder", *arguments)

    assert ended.status == 2
    assert complaint in ended.complaint
    assert service.emulator.accepted == []
    assert len(service.emulator.requests) <= 1


def test_a_template_may_be_sent_by_its_name(
    autocalls: Autocalls, service: Service
) -> None:
    name = "appointment_reminder"

    ended = autocalls("template", CLOSED, name, *VARIABLES, "--var", "3=10:00")
    unknown = autocalls("template", CLOSED, "appointment")

    assert (ended.status, unknown.status) == (0, 2)
    assert [m.template_id for m in service.emulator.accepted] == [45]
    assert "has no template 'appointment'" in unknown.complaint


@pytest.mark.usefixtures("service")
def test_a_closed_window_is_a_refusal(autocalls: Autocalls) -> None:
    ended = autocalls("send", CLOSED, "hello")

    assert ended.status == 1
    assert ended.out == ""
    assert ended.err.startswith("autocalls: rejected to +1415•••0102: the 24-hour")
    assert ended.err.count("\n") == 1


@pytest.mark.usefixtures("service")
def test_a_refusal_is_told_to_programs_as_well(autocalls: Autocalls) -> None:
    ended = autocalls("template", OPEN, "47", "--var", "1=Ana", "--json")

    assert ended.status == 1
    told = json.loads(ended.out)
    assert told["outcome"] == "rejected"
    assert told["error"] == "TemplateUnusableError"
    assert told["error_code"] == "TEMPLATE_NOT_APPROVED"
    assert "the service says: Template is not approved" in told["detail"]
    assert ended.err == f"autocalls: {told['detail']}\n"


def test_a_lost_answer_is_told_as_unknown(
    autocalls: Autocalls, service: Service
) -> None:
    service.do(lambda e: e.fail_next(1, HangUpAfter(), endpoint=Endpoint.SEND_FREEFORM))

    ended = autocalls("send", OPEN, "hello", "--json")

    assert ended.status == 1
    assert json.loads(ended.out)["outcome"] == "unknown"
    assert "may have been delivered" in ended.err
    assert len(service.emulator.accepted) == 1


def test_an_accepted_message_without_details_is_accepted(
    autocalls: Autocalls, service: Service
) -> None:
    answer = Refuse(200, {"success": True})
    service.do(lambda e: e.fail_next(1, answer, endpoint=Endpoint.SEND_FREEFORM))

    ended = autocalls("send", OPEN, "hello")

    assert ended.status == 0
    assert ended.out == f"accepted: {OPEN}, details unknown\n"


STATUS_TABLE = [
    pytest.param(OPEN, ["open for 23 h 59 min", "free text and templates"], id="open"),
    pytest.param(CLOSED, ["closed since 20", "templates only"], id="closed"),
    pytest.param("+14155550199", ["closed", "never"], id="stranger"),
]


@pytest.mark.usefixtures("service")
@pytest.mark.parametrize(("recipient", "words"), STATUS_TABLE)
def test_a_window_is_shown(
    recipient: str, words: list[str], autocalls: Autocalls
) -> None:
    ended = autocalls("status", recipient)

    assert ended.status == 0
    assert all(word in ended.out for word in words)


@pytest.mark.parametrize(
    ("arguments", "key", "found"),
    [
        pytest.param(("senders",), "senders", [12, 15], id="senders"),
        pytest.param(("templates",), "templates", [45, 46], id="templates"),
        pytest.param(("templates", "--all"), "templates", [45, 46, 47], id="all"),
    ],
)
@pytest.mark.usefixtures("service")
def test_a_list_is_json_for_programs(
    arguments: tuple[str, ...], key: str, found: list[int], autocalls: Autocalls
) -> None:
    ended = autocalls(*arguments, "--json")

    assert ended.status == 0
    assert [item["id"] for item in json.loads(ended.out)[key]] == found


def test_a_list_is_a_table_for_people(autocalls: Autocalls, service: Service) -> None:
    strange = Sender(id=99, phone_number="+1", display_name="[red]\x1b[2J")
    service.do(lambda e: e.add_sender(strange))

    senders = autocalls("senders")
    templates = autocalls("templates")

    assert senders.status == templates.status == 0
    assert "10,000" in senders.out
    assert "unlimited" in senders.out
    assert "[red]\ufffd[2J" in senders.out
    assert "appointment_reminder" in templates.out


def test_a_stream_without_accents_gets_the_rest(
    autocalls: Autocalls, service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer = Refuse(200, {"name": "José", "email": None, "total_balance": 1})
    service.do(lambda e: e.fail_next(1, answer))
    out = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(out, encoding="ascii"))

    ended = autocalls("account")
    sys.stdout.flush()

    assert ended.status == 0
    assert b"Jos?" in out.getvalue()


def drop_all(emulator: Emulator) -> None:
    for number in (12, 15):
        emulator.set_sender_status(number, "offline")
    answer = Refuse(200, {"data": []})
    emulator.fail_next(1, answer, endpoint=Endpoint.TEMPLATES)


def test_an_empty_list_says_so(autocalls: Autocalls, service: Service) -> None:
    service.do(drop_all)

    assert "none is online; see --all" in autocalls("senders").out
    assert "offline" in autocalls("senders", "--all").out
    assert "none is approved; see --all" in autocalls("templates").out


@pytest.mark.usefixtures("service")
def test_the_account_and_a_window_are_shown_to_people_and_programs(
    autocalls: Autocalls,
) -> None:
    account = autocalls("account")
    account_json = json.loads(autocalls("account", "--json").out)
    status_json = json.loads(autocalls("status", OPEN, "--json").out)

    assert "Your Name" in account.out
    assert "100.0" in account.out
    assert account_json["total_balance"] == 100
    assert status_json["recipient_phone"] == OPEN
    assert status_json["session_status"]["is_open"] is True


@pytest.mark.usefixtures("service")
@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        pytest.param(("send", "415", "x"), "must be E.164", id="phone"),
        pytest.param(("send", OPEN, " "), "must not be blank", id="blank"),
        pytest.param(("status", "415"), "must be E.164", id="status phone"),
        pytest.param(("account", "--timeout", "0"), "more than 0", id="timeout"),
        pytest.param(
            ("account", "--base-url", "http://example.com"), "https", id="plain http"
        ),
        pytest.param(("account", "--api-key", "a b"), "printable", id="key"),
        pytest.param(("template", OPEN, "45", "--var", "1"), "1=Ana", id="no equals"),
        pytest.param(("template", OPEN, "45", "--var", "=x"), "1=Ana", id="no name"),
        pytest.param(
            ("template", OPEN, "45", "--var", "1=a", "--var", "1=b"), "twice", id="two"
        ),
    ],
)
def test_unusable_input_is_a_clear_line_and_status_2(
    arguments: tuple[str, ...], words: str, autocalls: Autocalls
) -> None:
    ended = autocalls(*arguments)

    assert ended.status == 2
    assert ended.err.startswith("autocalls: ")
    assert words in ended.err
    assert ended.err.count("\n") == 1


def test_unusable_input_is_told_to_programs_as_well(autocalls: Autocalls) -> None:
    ended = autocalls("account", "--api-key", "x", "--timeout", "0", "--json")

    assert ended.status == 2
    assert json.loads(ended.out)["detail"] in ended.err


@pytest.mark.parametrize("command", ["account", "senders"])
def test_a_missing_key_says_which_variable_to_set(
    command: str, autocalls: Autocalls, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AUTOCALLS_API_KEY", " ")

    ended = autocalls(command)

    assert ended.status == 2
    assert "AUTOCALLS_API_KEY" in ended.complaint


@pytest.mark.usefixtures("service")
@pytest.mark.parametrize(
    "arguments",
    [("send", OPEN, "hi"), ("status", OPEN), ("templates",), ("template", OPEN, "45")],
    ids=lambda arguments: arguments[0],
)
def test_a_missing_sender_says_which_variable_to_set(
    arguments: tuple[str, ...],
    autocalls: Autocalls,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("AUTOCALLS_SENDER_ID")

    ended = autocalls(*arguments)

    assert ended.status == 2
    assert "AUTOCALLS_SENDER_ID" in ended.complaint


@pytest.mark.parametrize(
    "arguments",
    [("account",), ("send", OPEN, "hi", "--sender-id", "12")],
    ids=lambda arguments: arguments[0],
)
def test_a_wrong_port_is_told_in_seconds(
    arguments: tuple[str, ...], autocalls: Autocalls
) -> None:
    with closed_port() as port:
        url = f"http://127.0.0.1:{port}/api"
        ended = autocalls(*arguments, "--base-url", url, "--api-key", "x")

    assert ended.status == 1
    assert "connection refused" in ended.complaint
    assert url in ended.complaint


@pytest.mark.usefixtures("service")
def test_a_wrong_base_url_is_told(autocalls: Autocalls, service: Service) -> None:
    ended = autocalls("account", "--base-url", service.emulator.base_url + "/v2")

    assert ended.status == 1
    assert "check base_url" in ended.complaint


def test_a_port_that_is_taken_is_told(autocalls: Autocalls) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        ended = autocalls("emulator", "--port", str(port))

    assert ended.status == 2
    assert ended.complaint.startswith(f"autocalls: cannot listen on 127.0.0.1:{port}: ")


@pytest.mark.usefixtures("service")
def test_a_listing_in_a_pipe_is_values_and_tabs(autocalls: Autocalls) -> None:
    ended = autocalls("senders", "--all")

    heading, *rows = [line.split("\t") for line in ended.out.splitlines()]
    assert heading[:2] == ["id", "number"]
    assert [row[0] for row in rows] == ["12", "15"]
    assert {len(row) for row in rows} == {len(heading)}


def test_a_template_of_several_lines_is_one_line_in_a_pipe(
    autocalls: Autocalls, service: Service
) -> None:
    text = "Hello {{1}},\n\tyour table is ready"
    service.emulator.account.add_template(
        Template(id=99, sender_id=12, name="lines", body_text=text)
    )

    ended = autocalls("templates")

    (row,) = [line for line in ended.out.splitlines() if line.startswith("99\t")]
    assert row.endswith("\tHello {{1}}, your table is ready")


@pytest.mark.parametrize(
    "command",
    [
        pytest.param(("send", OPEN, "Hi"), id="text"),
        pytest.param(
            ("template", OPEN, "45", *(f"--var={n}=x" for n in (1, 2, 3))),
            id="template",
        ),
        pytest.param(("bulk", "in.csv", "--test-to", OPEN), id="trial"),
    ],
)
def test_what_was_handed_over_is_noted_among_the_receipts(
    command: tuple[str, ...], autocalls: Autocalls, service: Service
) -> None:
    Path("in.csv").write_text(f"recipient_phone,message\n{CLOSED},Hi\n")

    ended = autocalls(*command, "--receipts", "receipts.db")

    assert ended.status == 0
    (accepted,) = service.emulator.accepted
    with closing(sqlite3.connect("receipts.db")) as file:
        (noted,) = file.execute("SELECT whatsapp_message_id FROM sends").fetchall()
    assert noted == (str(accepted.whatsapp_message_id),)


def test_receipts_that_cannot_be_noted_keep_a_message_from_leaving(
    autocalls: Autocalls, service: Service
) -> None:
    Path("receipts.db").write_text("no database, but long enough to be looked at" * 9)

    ended = autocalls("send", OPEN, "Hi", "--receipts", "receipts.db")

    assert ended.status == 2
    assert "nothing was sent" in ended.complaint
    assert service.emulator.requests == []
