"""The right text: places, defaults, what is shown first, and what stops a run."""

import json
from pathlib import Path

import pytest
from xlsxwriter import Workbook

from autocalls_async.emulator import Template
from tests.cli.conftest import CLOSED, OPEN, Autocalls, Service

FAST = ("--rate", "200", "--rate-is-agreed")


def write(*lines: str, name: str = "rows.csv") -> str:
    Path(name).write_text("\n".join(lines) + "\n", encoding="utf-8")
    return name


def received(service: Service) -> list[str | None]:
    return [message.message for message in service.emulator.accepted]


NAMED = ("recipient_phone,Name", f"{OPEN},Ana")


def test_two_braces_mean_a_column_as_in_other_tools(
    autocalls: Autocalls, service: Service
) -> None:
    text = "Hi {{name}}, {{ NAME }}, {Name}"

    ended = autocalls("bulk", write(*NAMED), *FAST, "--message", text)

    assert ended.status == 0
    assert received(service) == ["Hi Ana, Ana, Ana"]


@pytest.mark.parametrize(
    "text", ["Hi {{nme}}", "Hi {nme}", "Hi {{1}}", "Hi {{name}", "Hi {name", "Hi {}"]
)
def test_braces_that_would_reach_people_stop_the_run(
    text: str, autocalls: Autocalls, service: Service
) -> None:
    ended = autocalls("bulk", write(*NAMED), *FAST, "--message", text)

    assert ended.status == 2
    assert "--message" in ended.complaint
    assert service.emulator.requests == []


@pytest.mark.parametrize(
    "text",
    [
        "Hi [name]",
        "Hi [[Name]]",
        "Hi <name>",
        "Hi << name >>",
        "Hi \u00abname\u00bb",
        "100% for %NAME%",
        "Hi %(name)s",
        "Hi *|NAME|*",
        "Hi __name__",
        "Hi $name,",
        "Hi \uff5bname\uff5d",
        "{name}, is this [name]?",
    ],
)
def test_a_place_as_other_tools_write_it_stops_the_run(
    text: str, autocalls: Autocalls, service: Service
) -> None:
    free = autocalls("bulk", write(*NAMED), *FAST, "--message", text)
    variable = autocalls(
        "bulk", write(*NAMED), *FAST, "--template", "45", "--var", f"1={text}"
    )

    assert (free.status, variable.status) == (2, 2)
    assert "would reach people as it is" in free.complaint
    assert "is written {" in variable.complaint
    assert service.emulator.requests == []


def test_a_sign_that_other_tools_have_in_a_place_is_told(
    autocalls: Autocalls,
    service: Service,  # noqa: ARG001  # it is asked
) -> None:
    options = ("--dry-run", "--message", "Only ${name}")

    ended = autocalls("bulk", write(*NAMED), *options)

    told = " ".join(ended.out.split())
    assert "--message has a sign right before a column's place, as in ${name}" in told


def test_brackets_that_name_no_column_are_text(
    autocalls: Autocalls, service: Service
) -> None:
    text = "Hi {name} <3 [sic], $5, 100% yours, 5% now, __b__ & name"

    ended = autocalls("bulk", write(*NAMED), *FAST, "--message", text)

    assert ended.status == 0
    assert received(service) == [text.replace("{name}", "Ana")]


def test_such_a_place_in_a_columns_text_is_warned_of(
    autocalls: Autocalls, service: Service
) -> None:
    file = write("recipient_phone,name,message", f"{OPEN},Ana,Hi [name]")

    plain = autocalls("bulk", file, *FAST)
    filled = autocalls("bulk", file, "--dry-run", "--render-column")

    for told in (plain.err, " ".join(filled.out.split())):
        assert "as other tools write it in the text of column 'message'" in told
    assert received(service) == ["Hi [name]"]


OWN = ("recipient_phone,name,message", f'{OPEN},Ana,"Hi {{name}}, hello"')


def test_a_place_in_a_columns_text_is_warned_of_by_line_and_filled_where_asked(
    autocalls: Autocalls, service: Service
) -> None:
    file = write(*OWN)

    dry = autocalls("bulk", file, "--dry-run")
    plain = autocalls("bulk", file, *FAST)
    filled = autocalls("bulk", file, *FAST, "--render-column")

    assert (dry.status, plain.status, filled.status) == (0, 0, 0)
    assert "braces in the text of column 'message'" in " ".join(dry.out.split())
    assert "(line 2)" in plain.err
    assert "--render-column" in plain.err
    assert received(service) == ["Hi {name}, hello", "Hi Ana, hello"]
    assert "braces" not in filled.err


def test_a_blank_cell_is_named_by_line_and_can_have_a_word(
    autocalls: Autocalls, service: Service
) -> None:
    blanks = ("", " ", "\u00a0", "NULL", "nan", "None", "#N/A", "#NV", "\u200b")
    phones = [f"+1415555{i:04d}" for i in range(len(blanks) + 1)]
    service.do(lambda e: [e.customer_writes(phone) for phone in phones])
    rows = [f"{p},{name}" for p, name in zip(phones, (*blanks, " Ben "), strict=True)]
    file = write("recipient_phone,name", *rows)

    dry = autocalls("bulk", file, "--dry-run", "--message", "Hi {name}, welcome")
    sent = autocalls("bulk", file, *FAST, "--message", "Hi {name|there}, welcome")

    assert (dry.status, sent.status) == (0, 0)
    shown = " ".join(dry.out.split())
    assert "9 rows have a blank 'name'" in shown
    assert "lines 2, 3, 4, 5, 6, 7, 8, 9, 10)" in shown
    assert received(service) == ["Hi there, welcome"] * 9 + ["Hi Ben, welcome"]
    assert "blank" not in sent.err


@pytest.mark.parametrize(
    "name",
    [
        *("-", "--", "\u2013", "?", ".", "n/a", "\\N", "undefined"),
        *("(blank)", "(Leer)", "[null]", "########"),
    ],
)
@pytest.mark.usefixtures("service")
def test_what_stands_for_nothing_is_blank(name: str, autocalls: Autocalls) -> None:
    ended = autocalls(
        *("bulk", write("recipient_phone,name", f"{OPEN},{name}"), "--dry-run"),
        *("--message", "Hi {name}"),
    )

    assert "1 row has a blank 'name'" in " ".join(ended.out.split())


@pytest.mark.parametrize("name", ["N", "Nan", "Null", "Bo.", "A-", "#1", "Leer", "Na"])
@pytest.mark.usefixtures("service")
def test_people_whose_names_look_like_nothing_are_people(
    name: str, autocalls: Autocalls
) -> None:
    ended = autocalls(
        *("bulk", write("recipient_phone,name", f"{OPEN},{name}"), "--dry-run"),
        *("--message", "Hi {name}"),
    )

    assert "blank" not in ended.out


def test_a_number_whose_digits_a_spreadsheet_lost_is_not_sent(
    autocalls: Autocalls, service: Service
) -> None:
    book = Workbook("ids.xlsx")
    sheet = book.add_worksheet()
    sheet.write_row(0, 0, ("recipient_phone", "id"))
    sheet.write_row(1, 0, (OPEN, 12345678901234567890))
    book.close()
    text = write("recipient_phone,id", f"{OPEN},1.23457E+19", name="ids.csv")

    lost = autocalls("bulk", "ids.xlsx", *FAST, "--message", "No. {id}")
    told = autocalls("bulk", text, "--dry-run", "--message", "No. {id}")

    assert lost.status == 2
    assert "column 'id' has lost digits" in lost.err
    assert "a trace of damage in 'id'" in " ".join(told.out.split())
    assert service.emulator.accepted == []


def test_a_blank_that_is_meant_is_not_warned_of(
    autocalls: Autocalls, service: Service
) -> None:
    file = write("recipient_phone,title,name", f"{OPEN},,Ana")

    meant = autocalls("bulk", file, *FAST, "--message", "Hi {title|}{name}")
    warned = autocalls("bulk", file, *FAST, "--message", "Hi {title}{name}")

    assert received(service) == ["Hi Ana", "Hi Ana"]
    assert "blank" not in meant.err
    assert "1 row has a blank 'title'" in warned.err


def test_a_text_may_come_from_a_file(autocalls: Autocalls, service: Service) -> None:
    Path("text.txt").write_bytes("\ufeffHallo {name},\r\nGrüße\r\n".encode())

    ended = autocalls("bulk", write(*NAMED), *FAST, "--message-file", "text.txt")
    both = autocalls(
        "bulk", "rows.csv", "--message-file", "text.txt", "--message", "Hi"
    )
    missing = autocalls("bulk", "rows.csv", "--message-file", "no.txt")
    Path("blank.txt").write_text("\n \n")
    blank = autocalls("bulk", "rows.csv", "--message-file", "blank.txt")

    assert ended.status == 0
    assert received(service) == ["Hallo Ana,\nGrüße"]
    assert [e.status for e in (both, missing, blank)] == [2, 2, 2]
    assert "cannot read no.txt" in missing.complaint
    assert "holds no text" in blank.complaint


def test_a_backslash_and_an_n_is_warned_of(
    autocalls: Autocalls, service: Service
) -> None:
    text = r"Hi {name}\nYour table is ready"

    dry = autocalls("bulk", write(*NAMED), "--dry-run", "--message", text)
    ended = autocalls("bulk", write(*NAMED), *FAST, "--message", text)

    assert "--message holds a backslash" in " ".join(dry.out.split())
    assert "--message holds a backslash" in ended.err
    assert received(service) == [r"Hi Ana\nYour table is ready"]


@pytest.mark.parametrize(
    "name",
    [
        pytest.param("JÃ¼rg", id="UTF-8 as cp1252"),
        pytest.param("J\ufffdrg", id="undecoded"),
        pytest.param("O\u0092Neill", id="C1"),
        pytest.param("Wroc\u00b3aw", id="cp1250 as cp1252"),
        pytest.param("f\u0178r", id="Mac as cp1252"),
        pytest.param("Ana_x000D_", id="workbook"),
        pytest.param("A &amp; B", id="HTML"),
        pytest.param("Привет".encode("cp1251").decode("cp1252"), id="Russian"),
        pytest.param("Müller".encode("cp1252").decode("cp1251"), id="as Russian"),
    ],
)
@pytest.mark.usefixtures("service")
def test_a_trace_of_damage_is_warned_of(name: str, autocalls: Autocalls) -> None:
    rows = json.dumps({"recipient_phone": OPEN, "name": name, "message": name})
    file = write(rows, name="rows.jsonl")

    filled = autocalls("bulk", file, *FAST, "--message", "Hi {name}")
    own = autocalls("bulk", file, "--dry-run")

    assert "1 row has a trace of damage in 'name'" in filled.err
    assert "a trace of damage in 'message'" in " ".join(own.out.split())


def test_a_control_character_is_refused_with_its_row(
    autocalls: Autocalls, service: Service
) -> None:
    rows = json.dumps({"recipient_phone": OPEN, "name": "Ana\x07", "message": "a\0b"})
    file = write(rows, name="rows.jsonl")

    filled = autocalls("bulk", file, *FAST, "--message", "Hi {name}")
    own = autocalls("bulk", file, *FAST)
    variable = autocalls("bulk", file, *FAST, "--template", "45", "--var", "1={name}")

    assert (filled.status, own.status, variable.status) == (2, 2, 2)
    assert (
        "rows.jsonl, line 1: message must hold no control character; U+0007"
        in filled.err
    )
    assert (
        "rows.jsonl, line 1: message must hold no control character; U+0000" in own.err
    )
    assert "variable '1' holds a control character" in variable.err
    assert service.emulator.requests == []


@pytest.mark.parametrize(
    "name",
    [
        "Jürg",
        "Ærøskøbing",
        "R&D; more",
        "Ana 🎉",
        "Ã",
        "créée",
        "SMS\u043a\u0430",
        "Þýðing",
    ],
)
@pytest.mark.usefixtures("service")
def test_a_name_that_is_whole_is_not_warned_of(name: str, autocalls: Autocalls) -> None:
    rows = json.dumps({"recipient_phone": OPEN, "name": name})

    ended = autocalls(
        "bulk", write(rows, name="rows.jsonl"), *FAST, "--message", "Hi {name}"
    )

    assert ended.status == 0
    assert "damage" not in ended.err


# Templates


ODD = ["Anna\nMeyer", "Anna\tM", "Anna     M", "x" * 1025]


def write_names(*names: str) -> str:
    rows = [
        {"recipient_phone": f"+1415555011{number}", "name": name}
        for number, name in enumerate(names)
    ]
    return write(*map(json.dumps, rows), name="rows.jsonl")


REMINDER = ("--template", "45", "--var", "1={name}", "--var", "2=Mon", "--var", "3=9")


def test_a_variable_that_whatsapp_does_not_take_is_named_and_can_be_flattened(
    autocalls: Autocalls, service: Service
) -> None:
    file = write_names(*ODD)

    refused = autocalls("bulk", file, *FAST, *REMINDER)
    rest = autocalls("bulk", write_names(*ODD[:3]), *FAST, *REMINDER, "--flatten")

    assert refused.status == 2
    for line, why in enumerate(("a line break", "a tab", "more than four spaces"), 1):
        assert f"line {line}: variable '1' holds {why}" in refused.err
    assert refused.err.count("--flatten") == 3
    assert "line 4: variable '1' has 1,025 characters" in refused.err
    assert rest.status == 0
    names = [message.variables["1"] for message in service.emulator.accepted]
    assert names == ["Anna Meyer", "Anna M", "Anna M"]


def test_a_row_chooses_its_template(autocalls: Autocalls, service: Service) -> None:
    file = write(
        "recipient_phone,name,template_id,message",
        f"{CLOSED},Ana,48.0,",
        "+14155550103,Bo,46,",
        f"{OPEN},Cy,,Hi Cy",
    )
    more = Template(id=48, name="hi", body_text="Hi {{1}}", variables=("name",))
    service.do(lambda e: e.account.add_template(more))

    ended = autocalls("bulk", file, *FAST, "--var", "1={name}")

    assert ended.status == 0
    accepted = service.emulator.accepted
    assert sorted((m.template_id or 0, m.message or "") for m in accepted) == [
        (0, "Hi Cy"),
        (46, ""),
        (48, ""),
    ]
    (hi,) = (m for m in accepted if m.template_id == 48)
    assert hi.variables == {"1": "Ana"}


def test_variables_need_a_template(autocalls: Autocalls, service: Service) -> None:
    ended = autocalls("bulk", write(*NAMED), "--message", "Hi", "--var", "1={name}")
    bad = write("recipient_phone,template_id", f"{CLOSED},welcome")
    named = autocalls("bulk", bad, *FAST)

    assert (ended.status, named.status) == (2, 2)
    assert "--var needs --template, or a column template_id" in ended.complaint
    assert "line 2: template_id must be a whole number" in named.err
    assert service.emulator.accepted == []


def test_a_template_has_a_name(autocalls: Autocalls, service: Service) -> None:
    german = Template(id=50, name="welcome_message", language="de", body_text="Moin")
    file = write("recipient_phone", CLOSED)

    one = autocalls("bulk", file, *FAST, "--template", "welcome_message")
    service.do(lambda e: e.account.add_template(german))
    two = autocalls("bulk", file, *FAST, "--template", "welcome_message")
    told = autocalls(
        "bulk", file, *FAST, "--template", "welcome_message", "--language", "de"
    )
    none = autocalls("bulk", file, *FAST, "--template", "welcome")

    assert [e.status for e in (one, two, told, none)] == [0, 2, 0, 2]
    assert "'en' (46), 'de' (50)" in two.complaint
    assert "has no template 'welcome'; it has 'appointment_reminder'" in none.complaint
    assert [m.template_id for m in service.emulator.accepted] == [46, 50]


# What is shown, and tried, first


def test_a_dry_run_shows_the_first_messages_as_they_will_arrive(
    autocalls: Autocalls, service: Service
) -> None:
    text = autocalls("bulk", write(*NAMED), "--dry-run", "--message", "Hi {name}!")
    template = autocalls("bulk", write_names("Ana", "Bo"), "--dry-run", *REMINDER)
    two = autocalls(
        *("bulk", write_names("Ana", "Bo"), "--dry-run", *REMINDER),
        *("--preview", "2", "--json"),
    )

    assert "The first message as it will arrive" in text.out
    assert "Hi Ana!" in text.out
    shown = " ".join(template.out.split())
    assert "Hi Ana, this is a reminder for your appointment on Mon at 9." in shown
    assert "Hi Bo" not in shown
    record = json.loads(two.out)
    assert [row["line"] for row in record["preview"]] == [1, 2]
    assert record["preview"][1]["text"].startswith("Hi Bo, this is a reminder")
    assert service.emulator.accepted == []


def test_row_1_can_be_sent_to_one_number_alone(
    autocalls: Autocalls, service: Service
) -> None:
    file = write("recipient_phone,name", f"{CLOSED},Ana", f"{OPEN},Bo")
    options = ("--message", "Hi {name}!", "--journal", "run.db")

    ended = autocalls("bulk", file, *options, "--test-to", OPEN)

    assert ended.status == 0
    (sent,) = service.emulator.accepted
    assert (sent.recipient_phone, sent.message) == (OPEN, "Hi Ana!")
    assert f"line 2 was sent to {OPEN} alone" in ended.out
    assert "to send it to all: autocalls bulk rows.csv" in ended.out
    assert "--test-to" not in ended.out
    assert not Path("run.db").exists()


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        pytest.param(("--test-to", "415"), "--test-to must be E.164", id="no number"),
        pytest.param(("--test-to", OPEN, "--dry-run"), "not both", id="dry run"),
    ],
)
def test_a_trial_needs_a_number(
    options: tuple[str, ...], complaint: str, autocalls: Autocalls, service: Service
) -> None:
    ended = autocalls("bulk", write(*NAMED), "--message", "Hi", *options)

    assert ended.status == 2
    assert complaint in ended.complaint
    assert service.emulator.requests == []
