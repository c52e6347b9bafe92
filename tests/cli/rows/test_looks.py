"""What a sheet shows beside its values: rows it hides, zeros before a number."""

import io
import re
import zipfile
from collections.abc import Callable

import pytest
from xlsxwriter import Workbook

from autocalls_async.cli.choices import FileFormat, HiddenRows
from autocalls_async.cli.rows.phones import PhoneReader, read_phones
from autocalls_async.cli.rows.reader import BadRow, Row, RowReader
from autocalls_async.cli.tables.looks import read_looks
from autocalls_async.cli.tables.table import TableSource
from autocalls_async.cli.texts.places import NoticeKind, parse_text_template
from autocalls_async.cli.texts.rendering import FreeText

ANNA, BERT = "+4915123456789", "+4915123456788"
XLSX = TableSource(file_format=FileFormat.XLSX)
XML = "xl/worksheets/sheet1.xml"


def workbook(
    value: object, code: str = "General", *, left: int = 0, hides: bool = False
) -> bytes:
    """Make a sheet with two people and a column `n`, of which row 3 may be hidden."""
    stream = io.BytesIO()
    book = Workbook(stream, {"in_memory": True})
    sheet, style = book.add_worksheet("People"), book.add_format({"num_format": code})
    sheet.write_row(0, left, ("recipient_phone", "n"))
    for row, phone in enumerate((ANNA, BERT), start=1):
        sheet.write(row, left, phone)
        sheet.write(row, left + 1, value, style)
    if hides:
        sheet.set_row(2, None, None, {"hidden": True})
    book.close()
    return stream.getvalue()


def read(
    content: bytes, hidden_rows: HiddenRows | None = None, phone: str | None = None
) -> list[Row | BadRow]:
    phones = PhoneReader(region="GB", name=phone or "recipient_phone")
    reader = RowReader(
        source=XLSX,
        content=FreeText(parse_text_template("{n}")),
        sender_id=12,
        phones=phones,
        hidden_rows=hidden_rows,
    )
    return list(reader.read(io.BytesIO(content)))


def texts(found: list[Row | BadRow]) -> list[str]:
    return [
        getattr(row.message, "message", "") for row in found if isinstance(row, Row)
    ]


@pytest.mark.parametrize("left", [0, 2, 27])
def test_zeros_that_a_sheet_shows_before_a_number_stay(left: int) -> None:
    assert texts(read(workbook(1067, "00000", left=left))) == ["01067", "01067"]


def test_a_number_shown_with_its_trunk_0_is_one_at_home() -> None:
    found = read(workbook(7400123456, "00000000000"), phone="n")

    assert [getattr(row, "given_phone", None) for row in found] == ["07400123456"] * 2


@pytest.mark.parametrize("code", ['"+"0', "+0", r"\+00 000 00000000", '"+"## (###) #'])
def test_a_number_shown_with_a_plus_has_one(code: str) -> None:
    found = read(workbook(4915123456789, code), phone="n")

    assert [getattr(row, "given_phone", "") for row in found] == [None, None]
    assert all(isinstance(row, Row) for row in found)


@pytest.mark.parametrize(
    ("value", "code", "text"),
    [
        pytest.param(12, '0.00 "EUR"', "12", id="a price"),
        pytest.param(1, "0%", "1", id="all of it"),
        pytest.param(1200, "#,##0", "1200", id="thousands"),
        pytest.param(612345678, '0#" "##" "##" "##" "##', "612345678", id="a phone"),
        pytest.param(12345, "00000.0", "12345", id="zeros and decimals"),
    ],
)
def test_a_number_that_is_shown_otherwise_is_told(
    value: float, code: str, text: str
) -> None:
    (first, _) = read(workbook(value, code))

    assert isinstance(first, Row)
    assert texts([first]) == [text]
    assert [notice.kind for notice in first.notices] == [NoticeKind.SHOWN]


@pytest.mark.parametrize("code", ["General", "0", "@", "0_)", "#0"])
def test_a_number_that_is_shown_as_it_is_is_not_told(code: str) -> None:
    (first, _) = read(workbook(1067, code))

    assert isinstance(first, Row)
    assert (texts([first]), first.notices) == (["1067"], ())


def test_a_row_that_the_sheet_hides_is_bad_until_somebody_chose() -> None:
    content = workbook("x", hides=True)

    _, hidden = read(content)

    assert isinstance(hidden, BadRow)
    assert hidden.line_number == 3
    assert "--hidden-rows skip" in hidden.reason
    assert texts(read(content, HiddenRows.SKIP)) == ["x"]
    assert texts(read(content, HiddenRows.SEND)) == ["x", "x"]


def test_who_is_excluded_in_a_hidden_row_is_excluded() -> None:
    file = io.BytesIO(workbook("x", hides=True))

    found = list(read_phones(file, XLSX, phones=PhoneReader()))

    assert found == [(2, frozenset({ANNA})), (3, frozenset({BERT}))]


def without(part: str) -> Callable[[bytes], bytes]:
    """Take a part out of a workbook."""

    def change(content: bytes) -> bytes:
        stream = io.BytesIO()
        with (
            zipfile.ZipFile(io.BytesIO(content)) as old,
            zipfile.ZipFile(stream, "w") as new,
        ):
            for name in old.namelist():
                if name != part:
                    new.writestr(name, old.read(name))
        return stream.getvalue()

    return change


def test_cells_may_leave_out_where_they_are() -> None:
    stream = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(workbook(1067, "00000", hides=True))) as old,
        zipfile.ZipFile(stream, "w") as new,
    ):
        for name in old.namelist():
            new.writestr(name, re.sub(rb' r="[A-Z]*[0-9]+"', b"", old.read(name)))

    looks = read_looks(stream, "People")

    assert looks.hidden == {3}
    assert looks.codes == {(2, 1): "00000", (3, 1): "00000"}


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(without("xl/styles.xml"), id="no styles"),
        pytest.param(without(XML), id="no sheet"),
        pytest.param(lambda content: content[:200], id="cut off"),
        pytest.param(lambda _: b"", id="empty"),
    ],
)
def test_what_is_not_there_tells_nothing(change: Callable[[bytes], bytes]) -> None:
    content = change(workbook(1067, "00000", hides=True))

    assert read_looks(io.BytesIO(content), "People").codes == {}
    assert read_looks(io.BytesIO(workbook(1)), "Nobody").hidden == set()
