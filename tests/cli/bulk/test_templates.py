"""Campaigns of templates, and of free text that falls back to one."""

import json
import shlex
from pathlib import Path

import pytest

from autocalls_async.emulator import Endpoint, Refuse
from tests.cli.conftest import CLOSED, OPEN, Autocalls, Service, phone_for

FAST = ("--rate", "200", "--rate-is-agreed")
VARIABLES = ("--var", "customer_name={name}", "--var", "2={day}", "--var", "3=ten")
FALLBACK = ("--fallback-template", "45", "--fallback-var", "1={name}")


def write_rows(*rows: str, columns: str = "recipient_phone,name,day") -> str:
    Path("rows.csv").write_text("\n".join([columns, *rows]) + "\n")
    return "rows.csv"


def test_a_template_takes_each_rows_columns(
    autocalls: Autocalls, service: Service
) -> None:
    file = write_rows(f"{OPEN},Ana,Monday", f"{CLOSED},Bo,Sunday")

    ended = autocalls("bulk", file, "--template", "45", *VARIABLES, *FAST)

    assert ended.status == 0
    assert {m.recipient_phone: m.variables for m in service.emulator.accepted} == {
        OPEN: {"customer_name": "Ana", "2": "Monday", "3": "ten"},
        CLOSED: {"customer_name": "Bo", "2": "Sunday", "3": "ten"},
    }


def test_a_closed_window_gets_the_template_and_the_end_says_how_many(
    autocalls: Autocalls, service: Service
) -> None:
    file = write_rows(f"{OPEN},Ana,", f"{CLOSED},Bo,Monday")
    more = ("--fallback-var", "2={day}", "--fallback-var", "3=ten")

    ended = autocalls(
        "bulk", file, "--message", "Hi {name}", *FALLBACK, *more, *FAST, "--json"
    )

    assert ended.status == 0
    sent = {m.recipient_phone: m for m in service.emulator.accepted}
    assert sent[OPEN].message == "Hi Ana"
    assert sent[CLOSED].template_id == 45
    assert sent[CLOSED].variables == {"1": "Bo", "2": "Monday", "3": "ten"}
    assert "1 went as free text, 1 by template 45" in ended.err
    fell_back = [json.loads(line)["fell_back"] for line in ended.out.splitlines()]
    assert sorted(fell_back) == [False, True]


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        pytest.param(
            ("--template", "45", "--message", "x"), "not both", id="text and template"
        ),
        pytest.param(("--var", "1=x"), "--var needs --template", id="var alone"),
        pytest.param(
            ("--fallback-var", "1=x"),
            "--fallback-var needs --fallback-template",
            id="fallback-var alone",
        ),
        pytest.param(
            ("--template", "45", "--fallback-template", "46"),
            "--fallback-template is for free text",
            id="fallback of a template",
        ),
        pytest.param(
            ("--fallback-template", "45", "--fallback-var", "1"),
            "--fallback-var must look like 1=Ana; got '1'",
            id="no pair",
        ),
        pytest.param(
            (*FALLBACK, "--fallback-var", "1=x"),
            "--fallback-var gives '1' twice",
            id="twice",
        ),
        pytest.param(
            ("--fallback-template", "45", "--fallback-var", "1={"),
            "stands alone in --fallback-var 1",
            id="brace",
        ),
        pytest.param(
            ("--message", "x", "--fallback-template", "45", "--fallback-var", "1={x}"),
            "rows.csv: line 1: there is no column 'x'",
            id="fallback's column",
        ),
        pytest.param(
            ("--template", "45", "--var", "1={x}", "--var", "2={y}"),
            "rows.csv: line 1: there is no column 'x' or 'y'",
            id="template's columns",
        ),
    ],
)
@pytest.mark.parametrize("dry", [(), ("--dry-run",)], ids=["sending", "dry run"])
def test_options_that_do_not_fit_are_told_before_anything_is_sent(
    options: tuple[str, ...],
    complaint: str,
    dry: tuple[str, ...],
    autocalls: Autocalls,
    service: Service,
) -> None:
    file = write_rows(f"{OPEN},Ana,Monday", columns="recipient_phone,name,message")

    ended = autocalls("bulk", file, *options, *dry)

    assert ended.status == 2
    assert complaint in ended.complaint
    assert service.emulator.requests == []


@pytest.mark.usefixtures("service")
def test_a_templates_id_is_above_0(autocalls: Autocalls) -> None:
    file = write_rows(f"{OPEN},Ana,Monday")

    ended = autocalls("bulk", file, "--template", "0")

    assert ended.status == 2
    assert "--template" in ended.err


def test_a_stopped_campaign_tells_the_command_with_its_fallback(
    autocalls: Autocalls, service: Service
) -> None:
    refusal = Refuse(401, {"message": "Unauthenticated."})
    service.do(lambda e: e.fail_next(1, refusal, endpoint=Endpoint.SEND_FREEFORM))
    people = [f"{phone_for(str(i))},P{i},Monday" for i in range(5)]
    file = write_rows(*people, f"{CLOSED},Bo,Sunday")
    options = ("--message", "{name}:\nit's ten", "--fallback-template", "45")
    pairs = ("1={name}", "2={day}", "3=ten")
    variables = [word for pair in pairs for word in ("--fallback-var", pair)]

    first = autocalls("bulk", file, *options, *variables, "--journal", "run.db")
    _, _, command = first.out.partition("to go on: ")
    again = autocalls(*read_command(command.splitlines()[0])[1:])

    assert (first.status, again.status) == (1, 0)
    assert "All of 6 messages accepted" in again.out
    (template,) = (m for m in service.emulator.accepted if m.template_id)
    assert template.variables == {"1": "Bo", "2": "Sunday", "3": "ten"}


def read_command(command: str) -> list[str]:
    """Take a command to pieces as a shell does."""
    quoted = command.replace(
        "$'{name}:\\x0ait\\'s ten'", shlex.quote("{name}:\nit's ten")
    )
    return shlex.split(quoted)


def test_a_variable_without_a_text_stops_the_run_before_anything_is_sent(
    autocalls: Autocalls, service: Service
) -> None:
    file = write_rows(f"{OPEN},Ana,Monday")
    options = ("--var", "1={name}", "--var", "3=10:00")

    ended = autocalls("bulk", file, *FAST, "--template", "45", *options)
    fallback = autocalls(
        *("bulk", file, *FAST, "--message", "Hi", "--fallback-template", "45"),
        *("--fallback-var", "1={name}"),
    )

    assert (ended.status, fallback.status) == (2, 2)
    assert "lacks a text for variable 2 (date)" in ended.complaint
    assert "nothing was sent" in ended.complaint
    assert "lacks a text for variable 2" in fallback.complaint
    assert service.emulator.accepted == []
