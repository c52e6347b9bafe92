"""What goes into a row's message: templates' variables, keys and numbers."""

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autocalls_async.cli.choices import FileFormat
from autocalls_async.cli.rows.phones import PhoneReader, check_region
from autocalls_async.cli.rows.reader import BadRow, Row, RowReader
from autocalls_async.cli.tables.lines import FileError
from autocalls_async.cli.tables.table import TableSource
from autocalls_async.cli.texts.rendering import TemplateText, parse_template
from autocalls_async.model.checks import check_phone
from autocalls_async.model.messages import TemplateMessage
from autocalls_async.phones import parse_phone

PHONE = "+14155550123"


def reader_of(file_format: FileFormat, *pairs: str) -> RowReader:
    source = TableSource(file_format=file_format)
    return RowReader(source=source, content=parse_template(45, pairs), sender_id=12)


def read(reader: RowReader, content: str) -> list[Row | BadRow]:
    return list(reader.read(io.BytesIO(content.encode())))


def test_a_templates_variables_take_the_rows_columns() -> None:
    reader = reader_of(FileFormat.CSV, "1={name}", "code=No. {n}", "2=fixed")

    (row,) = read(reader, f"recipient_phone,name,n,key\n{PHONE},Ana,7,k1\n")

    assert isinstance(row, Row)
    assert row.message == TemplateMessage(
        recipient_phone=PHONE,
        template_id=45,
        variables={"1": "Ana", "code": "No. 7", "2": "fixed"},
        sender_id=12,
        key="k1",
    )


def test_a_missing_column_of_a_template_is_an_error_of_the_file() -> None:
    reader = reader_of(FileFormat.CSV, "1={nmae}")

    with pytest.raises(FileError, match="line 1: there is no column 'nmae'"):
        read(reader, f"recipient_phone,name\n{PHONE},Ana\n")


def test_a_json_row_without_the_column_is_bad() -> None:
    reader = reader_of(FileFormat.JSONL, "1={name}")
    lines = f'{{"recipient_phone":"{PHONE}","name":"Ana"}}\n'

    _, bad = read(reader, lines + f'{{"recipient_phone":"{PHONE}"}}\n')

    assert isinstance(bad, BadRow)
    assert bad.line_number == 2
    assert "there is no column 'name'" in bad.reason


@pytest.mark.parametrize(
    ("cell", "key"),
    [
        pytest.param('"k1"', "k1", id="text"),
        pytest.param('" k1 "', "k1", id="blanks around"),
        pytest.param("17", "17", id="number"),
        pytest.param('" "', None, id="blank"),
        pytest.param("null", None, id="null"),
    ],
)
def test_a_row_may_have_a_key(cell: str, key: str | None) -> None:
    reader = reader_of(FileFormat.JSONL)

    (row,) = read(reader, f'{{"recipient_phone":"{PHONE}","key":{cell}}}')

    assert isinstance(row, Row)
    assert row.message.key == key


@pytest.mark.parametrize(
    ("cell", "reason"),
    [
        pytest.param("true", "key must be text", id="bool"),
        pytest.param('"' + "k" * 256 + '"', "at most 255", id="long"),
    ],
)
def test_a_key_that_cannot_be_one_is_a_bad_row(cell: str, reason: str) -> None:
    reader = reader_of(FileFormat.JSONL)

    (row,) = read(reader, f'{{"recipient_phone":"{PHONE}","key":{cell}}}')

    assert isinstance(row, BadRow)
    assert reason in row.reason


@pytest.mark.parametrize(
    ("phone", "region", "expected"),
    [
        pytest.param("(415) 555-0123", "US", PHONE, id="national"),
        pytest.param("1 415 555 0123", "US", PHONE, id="with its trunk"),
        pytest.param("+1 (415) 555-0123", "GB", PHONE, id="international"),
        pytest.param("0044 20 7183 8750", "GB", "+442071838750", id="00 as there"),
        pytest.param("0044 20 7183 8750", "US", "+442071838750", id="00 as elsewhere"),
        pytest.param("011 44 20 7183 8750", "US", "+442071838750", id="011"),
        pytest.param("020 7183 8750", "GB", "+442071838750", id="trunk 0"),
        pytest.param("030/901820", "DE", "+4930901820", id="slash"),
        pytest.param("+999123456789", "US", "+999123456789", id="E.164 stays"),
    ],
)
def test_numbers_as_people_keep_them_become_e164(
    phone: str, region: str, expected: str
) -> None:
    assert parse_phone(phone, region=region) == expected


@pytest.mark.parametrize(
    "phone",
    [
        pytest.param("555-0123", id="local"),
        pytest.param("415 555 0123 ext 5", id="extension"),
        pytest.param("1-800-FLOWERS", id="letters"),
        pytest.param("415-555-0123 / 415-555-0124", id="two"),
        pytest.param("415-555-0123, 0124", id="list"),
        pytest.param("00", id="prefix alone"),
        pytest.param("41555501.0", id="spreadsheet's decimal"),
        pytest.param("", id="empty"),
        pytest.param(None, id="null"),
        pytest.param(4155550123, id="number"),
    ],
)
def test_what_is_no_number_there_or_several_is_refused(phone: object) -> None:
    with pytest.raises(
        ValueError, match="recipient_phone must be a phone number of US"
    ):
        parse_phone(phone, region="US")


@given(st.text(alphabet="0123456789+-() /."), st.sampled_from(["US", "GB", "DE", "BR"]))
def test_whatever_is_taken_is_e164(phone: str, region: str) -> None:
    found: str | None
    try_it = RowReader(
        source=TableSource(file_format=FileFormat.CSV),
        content=TemplateText(template_id=45, variables={}),
        sender_id=12,
        phones=PhoneReader(region=region),
    )

    (row,) = read(try_it, f'recipient_phone,x\n"{phone}",x\n')

    found = row.message.recipient_phone if isinstance(row, Row) else None
    if found is not None:
        check_phone("recipient_phone", found)


def test_a_region_is_known_by_two_letters() -> None:
    assert check_region("us") == "US"
    with pytest.raises(ValueError, match="--region must be the two letters"):
        check_region("USA")
