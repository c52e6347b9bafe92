"""What spreadsheets and habits did to campaigns once, each with the right value."""

import csv
import io
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeAlias

import pytest
from python_calamine import CalamineWorkbook
from xlsxwriter import Workbook

from autocalls_async.emulator import Emulator
from autocalls_async.testing import live
from tests.cli.conftest import Autocalls, Ended

ANNA, BERT, CORA = "+4915123456789", "+4915123456788", "+4915123456787"
FAST = ("--rate", "500", "--rate-is-agreed")

Got: TypeAlias = list[tuple[str, str | None]]
Bulk: TypeAlias = Callable[..., tuple[Ended, Got]]


@pytest.fixture
def emulator(monkeypatch: pytest.MonkeyPatch) -> Iterator[Emulator]:
    """Return a service where everybody's window is open."""
    with live(Emulator(rate_limit=None, everyone_is_open=True)) as emulator:
        monkeypatch.setenv("AUTOCALLS_API_KEY", "1|k")
        monkeypatch.setenv("AUTOCALLS_BASE_URL", emulator.base_url)
        monkeypatch.setenv("AUTOCALLS_SENDER_ID", "12")
        yield emulator


@pytest.fixture
def bulk(autocalls: Autocalls, emulator: Emulator) -> Bulk:
    """Run a campaign; give how it ended, and what was accepted of it."""

    def run(
        content: str | bytes, *options: str, name: str = "in.csv"
    ) -> tuple[Ended, Got]:
        data = content.encode() if isinstance(content, str) else content
        Path(name).write_bytes(data)
        before = len(emulator.accepted)
        ended = autocalls("bulk", name, *FAST, *options)
        accepted = emulator.accepted[before:]
        return ended, [(m.recipient_phone, m.message) for m in accepted]

    return run


def phones(*numbers: str) -> str:
    """Return a file of numbers, each with the same text."""
    lines = io.StringIO()
    csv.writer(lines).writerows([("recipient_phone", "message")])
    csv.writer(lines).writerows((number, "Hi") for number in numbers)
    return lines.getvalue()


def hi(*numbers: str) -> Got:
    return [(number, "Hi") for number in numbers]


# Numbers


NO_PLUS = ("4915123456789", "4917698765432", "01512 3456789")
FOREIGN = ("33612345678", "447400123456", "48512345678")


@pytest.mark.parametrize(
    ("numbers", "region", "shown"),
    [
        pytest.param(NO_PLUS, "DE", "2 numbers", id="code without plus"),
        pytest.param(FOREIGN, "DE", "3 numbers", id="foreign"),
        pytest.param(FOREIGN, "AT", "3 numbers", id="foreign in Austria"),
        pytest.param([f"{n}.0" for n in NO_PLUS[:2]], "DE", "2 numbers", id="floats"),
    ],
)
def test_numbers_without_a_plus_are_one_error_that_says_what_settles_all(
    numbers: tuple[str, ...], region: str, shown: str, bulk: Bulk
) -> None:
    ended, got = bulk(phones(*numbers), "--region", region)
    dry, _ = bulk(phones(*numbers), "--region", region, "--dry-run")

    assert (ended.status, dry.status, got) == (2, 2, [])
    assert ended.err.count("\n") == 1
    assert f"in.csv: {shown} that lost a plus or a 0" in ended.complaint
    assert "--numbers international" in ended.complaint
    assert "line 2: recipient_phone" in ended.complaint


def test_what_settles_all_does(bulk: Bulk) -> None:
    first = ("--region", "DE", "--numbers", "international")

    settled, got = bulk(phones(*NO_PLUS), *first, "--repeats", "all")
    foreign, there = bulk(phones(*FOREIGN), *first)

    assert (settled.status, foreign.status) == (0, 0)
    assert sorted(got) == hi(ANNA, ANNA, "+4917698765432")
    assert there == hi(*(f"+{number}" for number in FOREIGN))


def test_many_such_numbers_are_counted_and_three_are_named(bulk: Bulk) -> None:
    many = [f"49151234567{n:02d}" for n in range(40)]

    ended, _ = bulk(phones(*many, "415"), "--region", "DE")

    assert "40 numbers that lost a plus" in ended.complaint
    assert "line 4:" in ended.complaint
    assert "line 5:" not in ended.err
    assert "1 of 41 rows cannot be sent" in ended.complaint
    assert ended.err.count("\n") == 2


def test_what_is_no_number_at_home_is_settled_by_its_code_alone(bulk: Bulk) -> None:
    numbers = phones("447400123456", "4915123456789")

    ended, got = bulk(numbers, "--region", "US")
    settled, sent = bulk(numbers, "--region", "US", "--numbers", "international")

    assert (ended.status, got) == (2, [])
    assert "all are settled by --numbers international where each" in ended.complaint
    assert "or by" not in ended.complaint
    assert (settled.status, sent) == (0, hi("+447400123456", ANNA))


@pytest.mark.parametrize(
    ("region", "number", "sent_to"),
    [
        pytest.param("IT", "3331234567.0", "+393331234567", id="Italy"),
        pytest.param("AT", "664123456.0", "+43664123456", id="Austria"),
        pytest.param("AT", "+43664123456.0", "+43664123456", id="with a plus"),
    ],
)
def test_a_floats_tail_is_no_digit(
    region: str, number: str, sent_to: str, bulk: Bulk
) -> None:
    ended, got = bulk(phones(number), "--region", region)

    assert (ended.status, got) == (0, hi(sent_to))


@pytest.mark.parametrize(
    ("options", "number", "why"),
    [
        pytest.param(("--region", "DE"), "030 1234567/68", "two numbers", id="slash"),
        pytest.param(("--region", "DE"), "4,91512E+12", "a spreadsheet", id="exponent"),
        pytest.param((), "4.91512E+12", "a spreadsheet", id="without a region"),
    ],
)
def test_what_a_spreadsheet_or_a_habit_broke_is_refused_with_its_cause(
    options: tuple[str, ...], number: str, why: str, bulk: Bulk
) -> None:
    ended, got = bulk(phones(number), *options)

    assert (ended.status, got) == (2, [])
    assert why in ended.err


MARKS = ("\u202a+4915123456789\u202c", "+49 151 2345\u200b6789")
GUARDS = ("'+4915123456789", '="+4915123456788"', "\u2019+4915123456787")
OTHER_GUARDS = ("=+4915123456789", "tel:+4915123456788", "whatsapp:+4915123456787")
DIGITS = ("\uff0b\uff14\uff19 151 23456789", "+\u0664\u0669\u0661\u0665\u0661 23456788")


@pytest.mark.parametrize("options", [(), ("--region", "DE")], ids=["bare", "DE"])
@pytest.mark.parametrize(
    ("numbers", "sent_to"),
    [
        pytest.param(MARKS, [ANNA, ANNA], id="marks"),
        pytest.param(["+33\u202f6\u202f12\u202f34\u202f56\u202f78"], ["+33612345678"]),
        pytest.param(GUARDS, [ANNA, BERT, CORA], id="guards"),
        pytest.param(OTHER_GUARDS, [ANNA, BERT, CORA], id="other guards"),
        pytest.param(DIGITS, [ANNA, BERT], id="other digits"),
    ],
)
def test_what_nobody_sees_or_means_is_no_part_of_a_number(
    numbers: tuple[str, ...], sent_to: list[str], options: tuple[str, ...], bulk: Bulk
) -> None:
    for number, expected in zip(numbers, sent_to, strict=True):
        ended, got = bulk(phones(number), *options)

        assert (ended.status, got) == (0, hi(expected))


# Files


GREETING = "Grüße, Anna"


@pytest.mark.parametrize(
    ("content", "name"),
    [
        pytest.param(
            f"\ufeffrecipient_phone;message\r\n{ANNA};{GREETING}\r\n", "in.csv", id=";"
        ),
        pytest.param(f"recipient_phone\tmessage\n{ANNA}\t{GREETING}\n", "in.tsv"),
        pytest.param(
            f"sep=;\r\nrecipient_phone;message\r\n{ANNA};{GREETING}\r\n", "in.csv"
        ),
        pytest.param(
            f"recipient_phone\tmessage\r\n{ANNA}\t{GREETING}\r\n".encode("utf-16"),
            "in.txt",
        ),
    ],
    ids=["semicolon", "tab", "sep", "utf16"],
)
def test_a_file_is_read_as_what_it_plainly_is(
    content: str | bytes, name: str, bulk: Bulk
) -> None:
    ended, got = bulk(content, name=name)

    assert (ended.status, got) == (0, [(ANNA, GREETING)])


def test_an_encoding_is_named_and_never_guessed(bulk: Bulk) -> None:
    content = f'recipient_phone,message\r\n{ANNA},"{GREETING}"\r\n'.encode("cp1252")

    refused, nothing = bulk(content)
    ended, got = bulk(content, "--encoding", "cp1252")
    wrong, _ = bulk(content, "--encoding", "klingon")
    sheet, _ = bulk(content, "--sheet", "1")

    assert (refused.status, nothing) == (2, [])
    assert "--encoding cp1252" in refused.complaint
    assert (ended.status, got) == (0, [(ANNA, GREETING)])
    assert (wrong.status, sheet.status) == (2, 2)


@pytest.mark.parametrize(
    ("content", "options"),
    [
        pytest.param(f"recipient_phone,message,,\n{ANNA},Hi,,\n", (), id="empty"),
        pytest.param(f"recipient_phone,message\n{ANNA},Hi,,\n", (), id="trailing"),
        pytest.param(f"Recipient_Phone,Message\n{ANNA},Hi\n", (), id="case"),
        pytest.param(
            f"First Name,Phone\nHi,{ANNA}\n",
            ("--phone-column", "phone", "--message", "{first name}"),
            id="phone column",
        ),
        pytest.param(
            f"Text;Handy\nHi;{ANNA}\n",
            ("--phone-column", "Handy", "--text-column", "Text"),
            id="text column",
        ),
    ],
)
def test_headings_are_taken_as_people_write_them(
    content: str, options: tuple[str, ...], bulk: Bulk
) -> None:
    ended, got = bulk(content, *options)

    assert (ended.status, got) == (0, hi(ANNA))


@pytest.mark.parametrize(
    ("content", "hint"),
    [
        ("Phone;message\n1;2\n", "--phone-column"),
        (f"recipient_phone;Text\n{ANNA};Hi\n", "--text-column"),
    ],
)
def test_a_heading_that_is_not_there_names_the_option_that_does(
    content: str, hint: str, bulk: Bulk
) -> None:
    ended, got = bulk(content)

    assert (ended.status, got) == (2, [])
    assert hint in ended.complaint


def test_a_workbook_with_lost_pluses_is_settled_and_sent(bulk: Bulk) -> None:
    stream = io.BytesIO()
    book = Workbook(stream, {"in_memory": True})
    sheet = book.add_worksheet("Kunden")
    for number, row in enumerate(
        [("Handy", "Name"), (4915123456789, "Jörg"), (4915123456788, "Zoë")]
    ):
        sheet.write_row(number, 0, row)
    book.close()
    options = [
        *("--phone-column", "handy", "--message", "Grüß Gott {NAME}"),
        *("--region", "DE"),
    ]

    refused, nothing = bulk(stream.getvalue(), *options, name="in.xlsx")
    ended, got = bulk(
        stream.getvalue(), *options, "--numbers", "international", name="in.xlsx"
    )

    assert "line 2: 4915123456789 is +4915123456789" in ended.out
    assert (refused.status, nothing) == (2, [])
    assert "in.xlsx: 2 numbers that lost a plus or a 0" in refused.complaint
    assert (ended.status, got) == (
        0,
        [(ANNA, "Grüß Gott Jörg"), (BERT, "Grüß Gott Zoë")],
    )


# Outcomes


def test_outcomes_survive_a_round_trip_through_a_spreadsheet(bulk: Bulk) -> None:
    ended, _ = bulk(phones(ANNA, BERT), "--out", "out.xlsx")

    cells = CalamineWorkbook.from_path("out.xlsx").get_sheet_by_index(0).to_python()
    again, got = bulk(Path("out.xlsx").read_bytes(), "--message", "Hi", name="b.xlsx")

    assert (ended.status, again.status) == (0, 0)
    assert cells[0][:3] == ["line", "recipient_phone", "outcome"]
    assert [row[1] for row in cells[1:]] == [ANNA, BERT]
    assert all(isinstance(row[3], str) for row in cells)
    assert got == hi(ANNA, BERT)
    assert Path("out.xlsx").stat().st_mode & 0o777 == 0o600
