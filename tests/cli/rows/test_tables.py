"""Tables as spreadsheets and other programs write them."""

import datetime as dt
import gzip
import io
from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from python_calamine import CalamineWorkbook
from xlsxwriter import Workbook

from autocalls_async.cli.choices import FileFormat
from autocalls_async.cli.rows.phones import PhoneReader, read_phones
from autocalls_async.cli.tables.headings import fold
from autocalls_async.cli.tables.lines import FileError, check_encoding
from autocalls_async.cli.tables.table import TableSource, read_table

PHONE = "+4915123456789"
KNOWN = {"recipient_phone", "message"}
FOUND = [(2, {"recipient_phone": PHONE, "message": "Grüße, Anna"})]


def read(
    content: bytes | str,
    *,
    file_format: FileFormat = FileFormat.CSV,
    encoding: str | None = None,
    sheet: str | None = None,
) -> list[tuple[int, object]]:
    data = content.encode() if isinstance(content, str) else content
    source = TableSource(file_format=file_format, encoding=encoding, sheet=sheet)
    table = read_table(io.BytesIO(data), source, known=KNOWN)
    return [
        (line, cells if isinstance(cells, str) else table.cells(cells))
        for line, cells in table.rows()
    ]


def lines(separator: str, end: str = "\r\n", quote: str = "") -> str:
    cells = (("recipient_phone", "message"), (PHONE, "Grüße, Anna"))
    rows = (separator.join(f"{quote}{c}{quote}" for c in row) for row in cells)
    return "".join(row + end for row in rows)


def test_headings_of_turkish_are_one_in_capitals_and_small() -> None:
    headings = ("isim", "\u0130S\u0130M", "telefon numaras\u0131", "TELEFON NUMARASI")

    folded = [fold(heading) for heading in headings]

    assert folded == ["isim", "isim", "telefon numarasi", "telefon numarasi"]


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"], ids=["LF", "CR LF", "CR"])
@pytest.mark.parametrize("quote", ["", '"'], ids=["bare", "quoted"])
@pytest.mark.parametrize("separator", [";", "\t", "|"])
def test_known_headings_tell_what_separates_columns(
    separator: str, quote: str, end: str
) -> None:
    assert read(lines(separator, end, quote)) == FOUND
    assert read("\ufeff" + lines(separator, end, quote)) == FOUND


@pytest.mark.parametrize(
    ("first", "separator"),
    [
        pytest.param("sep=;\r\n", ";", id="Excel's line"),
        pytest.param('"sep=;"\r\n', ";", id="quoted"),
        pytest.param("SEP=\t\n", "\t", id="a tab"),
        pytest.param("sep=^\n", "^", id="one that nobody knows"),
        pytest.param("sep=,\r\n", ";", id="a wrong one"),
        pytest.param("sep=,;\r\n", ";", id="saved again"),
        pytest.param("\ufeffsep=;\n", ";", id="behind a mark"),
        pytest.param("\n\nsep=;\n\n", ";", id="between empty lines"),
    ],
)
def test_a_line_that_says_the_separator_is_heard(first: str, separator: str) -> None:
    (found,) = read(first + lines(separator))

    assert found[1] == FOUND[0][1]
    assert found[0] == first.count("\n") + 2


@pytest.mark.parametrize(
    "content",
    [
        pytest.param('recipient_phone, message\n{}, "Hi, {}"\n', id="cells"),
        pytest.param('"recipient_phone", "message"\n"{}", "Hi, {}"\n', id="all"),
        pytest.param('recipient_phone; message\n{}; "Hi, {}"\n', id="semicolons"),
        pytest.param('recipient_phone,message\n{},"Hi, {}"\n\x1a', id="Ctrl-Z"),
        pytest.param(
            'recipient_phone,message\n{},"Hi, {}"\n' + "\0" * 50, id="zero bytes"
        ),
    ],
)
def test_what_old_and_other_programs_write_is_read(content: str) -> None:
    found = read(content.format(PHONE, "Anna"))

    assert found == [(2, {"recipient_phone": PHONE, "message": "Hi, Anna"})]


def test_a_quoted_word_behind_a_blank_in_a_text_is_no_cell() -> None:
    ((_, found),) = read(f'recipient_phone,message\n{PHONE},Hi "you" and "me"\n')

    assert found == {"recipient_phone": PHONE, "message": 'Hi "you" and "me"'}


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
def test_utf_16_without_its_mark_is_told_by_its_name(encoding: str) -> None:
    content = lines("\t").encode(encoding)

    with pytest.raises(FileError, match=f"give --encoding {encoding};"):
        read(content)
    assert read(content, encoding=encoding) == FOUND


@pytest.mark.parametrize(
    "encoding", ["utf-8-sig", "utf-16", "utf-32"], ids=["UTF-8", "UTF-16", "UTF-32"]
)
def test_a_mark_tells_the_encoding_whatever_was_said(encoding: str) -> None:
    content = lines("\t").encode(encoding)

    assert read(content) == FOUND
    assert read(content, encoding="cp1252") == FOUND


def test_a_mark_may_have_its_bytes_the_other_way_round_and_be_there_twice() -> None:
    swapped = b"\xfe\xff" + lines("\t").encode("utf-16-be")

    assert read(swapped) == FOUND
    assert read("\ufeff\ufeff" + lines(";", quote='"')) == FOUND


@pytest.mark.parametrize("encoding", ["cp1252", "latin-1", "utf-16-le", "mac-roman"])
def test_another_encoding_can_be_named(encoding: str) -> None:
    content = lines(";").encode(encoding)

    assert read(content, encoding=encoding) == FOUND
    with pytest.raises(FileError, match="--encoding"):
        read(content)


@pytest.mark.parametrize(
    ("content", "encoding", "reason"),
    [
        pytest.param(b"a,b\n1,\x81\n", "cp1252", "line 2 is not CP1252", id="cp1252"),
        pytest.param(
            b"\xff\xfea\0,\0b\0\n\0\0\xd8a\0", None, "UTF-16", id="half a character"
        ),
        pytest.param(b"a,b\n1,\xff\n", "ascii", "line 2 is not ASCII", id="ascii"),
    ],
)
def test_what_is_no_text_in_its_encoding_is_refused(
    content: bytes, encoding: str | None, reason: str
) -> None:
    with pytest.raises(FileError, match=reason):
        read(content, encoding=encoding)


@pytest.mark.parametrize("encoding", ["cp1252", "latin-1", "mac-roman", "cp1251"])
def test_utf_8_is_not_read_as_another_encoding(encoding: str) -> None:
    with pytest.raises(FileError, match=r"line 2 is UTF-8.*leave --encoding out"):
        read("recipient_phone,message\n+14155550123,Grüße\n", encoding=encoding)


@pytest.mark.parametrize("encoding", ["gbk", "shift-jis", "cp932"])
def test_letters_of_two_bytes_may_look_like_utf_8(encoding: str) -> None:
    content = b"recipient_phone,message\n+14155550123,\xc4\xa3\n"

    assert read(content, encoding=encoding)[0][0] == 2


@pytest.mark.parametrize("name", ["klingon", "hex", "", "a\0b", "undefined"])
def test_an_encoding_that_is_none_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="--encoding must be an encoding"):
        check_encoding(name)


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(f"Recipient_Phone , MESSAGE\n{PHONE},hi\n", id="case and blanks"),
        pytest.param(f"recipient_phone,message,,\n{PHONE},hi,,\n", id="empty columns"),
        pytest.param(f"recipient_phone,message\n{PHONE},hi,, \n", id="surplus cells"),
        pytest.param(f"recipient_phone,message,x\n{PHONE},hi\n", id="a short row"),
        pytest.param(
            f"recipient_phone,message\n , \n\u00a0,\n{PHONE},hi\n", id="rows of blanks"
        ),
        pytest.param(
            f",recipient_phone,message\n0,{PHONE},hi\n", id="a frame's own numbers"
        ),
        pytest.param(
            f"x,recipient_phone,message,x\n1,{PHONE},hi,2\n", id="another one twice"
        ),
        pytest.param(
            f"\uff52ecipient\uff3fphone,message\u200b\n{PHONE},hi\n", id="full width"
        ),
        pytest.param(
            f'recipient_phone,message,"a\nb"\n{PHONE},hi,\n', id="a line end in one"
        ),
    ],
)
def test_headings_and_rows_have_the_shapes_that_spreadsheets_give(content: str) -> None:
    (found,) = (cells for _, cells in read(content))

    assert isinstance(found, dict)
    assert (found["recipient_phone"], found["message"]) == (PHONE, "hi")


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        pytest.param(f"{PHONE},Hi,,Anna", "it has 4 values", id="surplus"),
        pytest.param(f"{PHONE},Hi, Anna", "a value in column 3", id="without name"),
    ],
)
def test_a_value_that_belongs_to_no_column_is_told(row: str, reason: str) -> None:
    ((line, found),) = read(f"recipient_phone,message,\n{row}\n")

    assert line == 2
    assert isinstance(found, str)
    assert reason in found


def test_an_odd_character_in_a_text_is_no_line_end() -> None:
    text = "a\u2028b\u2029c\x85d\x0be\x0cf"

    ((line, found),) = read(f"recipient_phone;message\n{PHONE};{text}\n")

    assert (line, found) == (2, {"recipient_phone": PHONE, "message": text})


# Workbooks


def workbook(*sheets: Iterable[Iterable[object]], names: Iterable[str] = ()) -> bytes:
    stream = io.BytesIO()
    book = Workbook(stream, {"in_memory": True})
    titles = [*names, *(f"Sheet{i}" for i in range(len(sheets)))]
    day = book.add_format({"num_format": "dd.mm.yyyy"})
    for title, rows in zip(titles, sheets, strict=False):
        sheet = book.add_worksheet(title)
        for number, row in enumerate(rows):
            for index, cell in enumerate(row):
                style = [day] if isinstance(cell, dt.date) else []
                if cell is not None:
                    sheet.write(number, index, cell, *style)
    book.close()
    return stream.getvalue()


HEADER = ("Recipient_Phone", "message", "n")


def read_book(content: bytes, sheet: str | None = None) -> list[tuple[int, object]]:
    return read(content, file_format=FileFormat.XLSX, sheet=sheet)


def test_a_sheets_cells_are_what_they_are() -> None:
    when = dt.date(2026, 11, 26)
    rows = [(), (), HEADER, (4915123456789, "Jörg", when), (), (PHONE, "=1+1", 1.5)]

    found = read_book(workbook(rows))

    assert found == [
        (4, {"recipient_phone": 4915123456789.0, "message": "Jörg", "n": when}),
        (6, {"recipient_phone": PHONE, "message": 0.0, "n": 1.5}),
    ]


def test_a_row_number_is_the_one_that_people_see() -> None:
    content = workbook([HEADER, (PHONE, "a"), (None, " "), (PHONE, "b")])

    assert [line for line, _ in read_book(content)] == [2, 4]


@pytest.mark.parametrize(
    ("sheets", "sheet"),
    [
        pytest.param(([HEADER, (PHONE, "hi")], []), None, id="the other is empty"),
        pytest.param(
            ([("Notes",), ("of ours",)], [HEADER, (PHONE, "hi")]), None, id="by heading"
        ),
        pytest.param(
            ([HEADER, (PHONE, "x")], [HEADER, (PHONE, "hi")]), "kunden", id="by name"
        ),
        pytest.param(
            ([HEADER, (PHONE, "x")], [HEADER, (PHONE, "hi")]), "2", id="by number"
        ),
    ],
)
def test_the_sheet_that_is_meant_is_read(
    sheets: tuple[list[tuple[object, ...]], ...], sheet: str | None
) -> None:
    ((line, found),) = read_book(workbook(*sheets, names=["Alt", "Kunden"]), sheet)

    assert line == 2
    assert found == {"recipient_phone": PHONE, "message": "hi", "n": ""}


@pytest.mark.parametrize(
    ("content", "sheet", "reason"),
    [
        pytest.param(
            workbook([HEADER], [HEADER]), None, "name one with --sheet", id="two"
        ),
        pytest.param(workbook([HEADER]), "Kunden", "no sheet 'Kunden'", id="other"),
        pytest.param(workbook([], []), None, "it is empty", id="empty ones"),
        pytest.param(workbook([]), None, "it is empty", id="an empty one"),
        pytest.param(b"recipient_phone,message\n", None, "no workbook", id="CSV"),
        pytest.param(b"", None, "no workbook", id="nothing"),
        pytest.param(workbook([HEADER])[:-200], None, "no workbook", id="cut off"),
    ],
)
def test_what_is_no_sheet_is_told(
    content: bytes, sheet: str | None, reason: str
) -> None:
    with pytest.raises(FileError, match=reason):
        read_book(content, sheet)


@given(st.binary(max_size=200))
def test_any_bytes_are_a_workbook_or_refused(content: bytes) -> None:
    with pytest.raises(FileError):
        read_book(content)


def test_the_workbooks_are_real() -> None:
    assert CalamineWorkbook.from_filelike(io.BytesIO(workbook([], []))).sheet_names


@pytest.mark.parametrize(
    ("content", "what"),
    [
        pytest.param(workbook([HEADER]), "a workbook", id="xlsx"),
        pytest.param(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1...", "a workbook", id="xls"),
        pytest.param(gzip.compress(b"recipient_phone"), "compressed", id="gzip"),
        pytest.param(b"%PDF-1.7\n", "a PDF", id="PDF"),
    ],
)
def test_a_file_by_the_name_of_another_kind_is_told_what_it_is(
    content: bytes, what: str
) -> None:
    with pytest.raises(FileError, match=f"it is {what}"):
        read(content)


# Numbers alone


DE = PhoneReader(region="DE", name="Mobile")


@pytest.mark.parametrize(
    "content",
    [
        pytest.param("Name;MOBILE\nAnna;0151 23456789\n", id="a table"),
        pytest.param("0151 23456789\n\n", id="a list"),
        pytest.param("\ufeff0151 23456789\r\n", id="a marked list"),
        pytest.param('"0151 23456789"', id="quoted"),
    ],
)
def test_numbers_alone_are_read_from_a_table_or_a_list(content: str) -> None:
    source = TableSource(file_format=FileFormat.CSV)

    found = list(read_phones(io.BytesIO(content.encode()), source, phones=DE))

    assert [numbers for _, numbers in found] == [frozenset({PHONE})]


def test_a_number_that_could_be_two_is_both_and_what_is_none_is_told() -> None:
    source = TableSource(file_format=FileFormat.CSV)
    file = io.BytesIO(b"Mobile\n4915123456789\nAnna\n")

    (first, both), (second, bad) = read_phones(file, source, phones=DE)

    assert (first, second) == (2, 3)
    assert both == frozenset({PHONE, "+494915123456789"})
    assert isinstance(bad, ValueError)
    with pytest.raises(FileError, match="no column 'Mobile'; there is 'Name'"):
        list(read_phones(io.BytesIO(b"Name,Town\nAnna,Rom\n"), source, phones=DE))


def test_the_only_column_holds_the_numbers_whatever_its_heading() -> None:
    source = TableSource(file_format=FileFormat.CSV)
    with_heading = io.BytesIO(f"telephone\n{PHONE}\n".encode())
    mistyped = io.BytesIO(f"+49 151 234\n{PHONE}\n".encode())

    assert list(read_phones(with_heading, source, phones=DE)) == [
        (2, frozenset({PHONE}))
    ]
    with pytest.raises(FileError, match="no column 'Mobile'"):  # it is no heading
        list(read_phones(mistyped, source, phones=DE))


def test_numbers_may_stand_in_json_lines_and_workbooks() -> None:
    lines = TableSource(file_format=FileFormat.JSONL)
    book = TableSource(file_format=FileFormat.XLSX)
    file = io.BytesIO(f'{{"Mobile": "{PHONE}"}}\n[]\n'.encode())

    (_, good), (_, bad) = read_phones(file, lines, phones=DE)
    content = io.BytesIO(workbook([("Mobile",), (PHONE,)]))
    ((_, same),) = read_phones(content, book, phones=DE)

    assert good == same == frozenset({PHONE})
    assert isinstance(bad, ValueError)
