"""What is read as a row, what is not, and how that is told."""

import csv
import io
from collections.abc import Callable
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autocalls_async.cli.choices import FileFormat
from autocalls_async.cli.rows.reader import BadRow, Row, RowReader
from autocalls_async.cli.tables.lines import MAX_LINE_LENGTH, FileError
from autocalls_async.cli.tables.table import TableSource, format_of
from autocalls_async.cli.texts.places import parse_text_template
from autocalls_async.cli.texts.rendering import FreeText
from autocalls_async.model.messages import FreeformMessage

PHONE = "+14155550123"


def read(
    content: str | bytes,
    file_format: FileFormat = FileFormat.CSV,
    *,
    text: str | None = None,
    sender_id: int | None = 12,
) -> list[Row | BadRow]:
    data = content.encode() if isinstance(content, str) else content
    content_of = FreeText(None if text is None else parse_text_template(text))
    reader = RowReader(
        source=TableSource(file_format=file_format),
        content=content_of,
        sender_id=sender_id,
    )
    return list(reader.read(io.BytesIO(data)))


def read_jsonl(content: str, *, text: str | None = None) -> list[Row | BadRow]:
    return read(content, FileFormat.JSONL, text=text)


def only_reason(rows: list[Row | BadRow]) -> str:
    (row,) = rows
    assert isinstance(row, BadRow)
    return row.reason


def texts(rows: list[Row | BadRow]) -> list[str]:
    messages = [row.message for row in rows if isinstance(row, Row)]
    return [m.message for m in messages if isinstance(m, FreeformMessage)]


def test_a_csv_row_becomes_a_message_with_the_line_it_begins_on() -> None:
    content = (
        f'recipient_phone,message,sender_id\n{PHONE},"two\nlines",\n\n{PHONE},one,15\n'
    )

    rows = read(content)

    assert rows == [
        Row(
            line_number=2,
            message=FreeformMessage(
                recipient_phone=PHONE, message="two\nlines", sender_id=12
            ),
        ),
        Row(
            line_number=5,
            message=FreeformMessage(recipient_phone=PHONE, message="one", sender_id=15),
        ),
    ]


def test_a_json_line_becomes_a_message() -> None:
    content = (
        f'{{"recipient_phone": "{PHONE}", "message": "hi", "sender_id": 15}}\n'
        "\n"
        f'{{"recipient_phone": "{PHONE}", "message": "ho"}}'
    )

    rows = read_jsonl(content)

    assert [row.line_number for row in rows] == [1, 3]
    assert texts(rows) == ["hi", "ho"]


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(f"\ufeffrecipient_phone,message\n{PHONE},hi\n", id="a mark first"),
        pytest.param(f"recipient_phone,message\r\n{PHONE},hi\r\n", id="CR LF"),
        pytest.param(f"recipient_phone,message\n{PHONE},hi", id="no last line end"),
        pytest.param(f" recipient_phone , message\n {PHONE} ,hi\n", id="spaces"),
        pytest.param(f"message,x,recipient_phone\nhi,,{PHONE}\n", id="other order"),
        pytest.param(
            f"recipient_phone,message\n{PHONE},hi\n,\n", id="empty cells last"
        ),
    ],
)
def test_spreadsheets_may_write_csv_in_their_ways(content: str) -> None:
    assert texts(read(content)) == ["hi"]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        pytest.param("4155550123,hi,", "must be E.164", id="phone without plus"),
        pytest.param(",hi,", "must be E.164", id="no phone"),
        pytest.param(f"{PHONE},,", "must not be blank", id="no message"),
        pytest.param(f"{PHONE},{'x' * 4097},", "at most 4096", id="long message"),
        pytest.param(f"{PHONE},hi,1,2", "it has 4 values", id="a cell too many"),
        pytest.param(f"{PHONE},hi,x", "sender_id must be", id="sender no number"),
        pytest.param(f"{PHONE},hi,0", "sender_id must be", id="sender zero"),
        pytest.param(f"{PHONE},hi,²", "sender_id must be", id="sender no digit"),
        pytest.param(f"{PHONE},hi,{'9' * 30}", "sender_id must", id="sender endless"),
    ],
)
def test_a_bad_csv_row_is_told_with_its_line(line: str, reason: str) -> None:
    content = f"recipient_phone,message,sender_id\n{PHONE},fine,1\n{line}\n"

    _, bad = read(content)

    assert isinstance(bad, BadRow)
    assert bad.line_number == 3
    assert reason in bad.reason


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        pytest.param(
            f'{{"recipient_phone":"{PHONE}","recipient_phone":"+14155550124"}}',
            "column 'recipient_phone' is there twice",
            id="a name twice",
        ),
        pytest.param("{", "it is not JSON", id="no JSON"),
        pytest.param("[1]", "got a list", id="a list"),
        pytest.param("[" * 100_000, "nested too deeply", id="deep"),
        pytest.param('{"x": NaN}', "NaN is no number", id="NaN"),
        pytest.param("9" * 5000, "", id="endless number"),
        pytest.param('{"message": "hi"}', "no column 'recipient_phone'", id="no phone"),
        pytest.param(
            f'{{"recipient_phone": "{PHONE}"}}', "no column 'message'", id="no message"
        ),
        pytest.param(
            '{"recipient_phone": 14155550123, "message": "hi"}', "E.164", id="a number"
        ),
        pytest.param(
            f'{{"recipient_phone": "{PHONE}", "message": ["hi"]}}',
            "message must be text",
            id="message no text",
        ),
        pytest.param(
            f'{{"recipient_phone": "{PHONE}", "message": "\\ud800"}}',
            "valid Unicode",
            id="half a character",
        ),
        pytest.param(
            f'{{"recipient_phone": "{PHONE}", "message": "hi", "sender_id": true}}',
            "sender_id must be",
            id="sender no number",
        ),
    ],
)
def test_a_bad_json_line_is_told_and_the_next_is_read(line: str, reason: str) -> None:
    good = f'{{"recipient_phone": "{PHONE}", "message": "fine"}}'

    bad, fine = read_jsonl(f"{line}\n{good}\n")

    assert isinstance(bad, BadRow)
    assert reason in bad.reason
    assert texts([fine]) == ["fine"]


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        pytest.param("", "it is empty", id="empty"),
        pytest.param(
            "a,b\n",
            "no column 'recipient_phone' or 'message'; there is 'a', 'b'",
            id="a",
        ),
        pytest.param("recipient_phone,x\n", "no column 'message'", id="no message"),
        pytest.param("recipient_phone,message,message\n", "there twice", id="twice"),
        pytest.param(
            f"recipient_phone,message\n{PHONE},caf\xe9\n".encode("latin-1"),
            "line 2 is not UTF-8",
            id="latin-1",
        ),
        pytest.param(
            "recipient_phone,message\n".encode("utf-16-le"),
            "--encoding utf-16-le",
            id="utf-16 without its mark",
        ),
        pytest.param(
            f'recipient_phone,message\n{PHONE},"open\n{PHONE},x\n',
            "line 2 is not CSV",
            id="open quote",
        ),
        pytest.param(
            f"recipient_phone,message\n{PHONE}," + "x" * MAX_LINE_LENGTH,
            "line 2 has more than",
            id="endless line",
        ),
        pytest.param(
            ",".join(f"c{i}" for i in range(30)), "'c19' and 10 more", id="many columns"
        ),
    ],
)
def test_a_file_that_cannot_be_read_on_is_refused_as_a_whole(
    content: str | bytes, reason: str
) -> None:
    with pytest.raises(FileError, match=reason):
        read(content)


def test_without_any_sender_a_csv_file_needs_that_column() -> None:
    with pytest.raises(FileError, match="no column 'sender_id'"):
        read("recipient_phone,message\n", sender_id=None)


def test_without_any_sender_a_row_needs_one() -> None:
    content = f"recipient_phone,message,sender_id\n{PHONE},hi,\n"

    rows = read(content, sender_id=None)

    assert "no sender_id" in only_reason(rows)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("Hi {name}!", "Hi Ana!", id="a column"),
        pytest.param("{ name }", "Ana", id="spaces around"),
        pytest.param("{name}{name}", "AnaAna", id="twice"),
        pytest.param("{{name}} {name}", "Ana Ana", id="as in other tools"),
        pytest.param("{{ name }}{NAME}", "AnaAna", id="other case"),
        pytest.param("{first.name}", "x", id="a point in its name"),
        pytest.param("plain", "plain", id="none"),
    ],
)
def test_a_text_takes_columns_by_their_plain_names(text: str, expected: str) -> None:
    content = f"recipient_phone,name,first.name\n{PHONE},Ana,x\n"

    assert texts(read(content, text=text)) == [expected]


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("{name.upper}", id="attribute"),
        pytest.param("{name[0]}", id="index"),
        pytest.param("{name!r}", id="conversion"),
        pytest.param("{name:>10}", id="format"),
        pytest.param("{nmae}", id="misspelt"),
    ],
)
def test_a_text_reaches_nothing_but_columns(text: str) -> None:
    with pytest.raises(FileError, match=r"there is no column .*'name'"):
        read("recipient_phone,name\n", text=text)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        pytest.param("{", "'{' stands alone", id="opened"),
        pytest.param("Hi {name", "'{' stands alone", id="not closed"),
        pytest.param("name}", "'}' stands alone", id="closed"),
        pytest.param("{}", "no name", id="empty"),
        pytest.param("{ }", "no name", id="blank"),
    ],
)
def test_a_malformed_text_is_refused(text: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        parse_text_template(text)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        pytest.param('"Ana"', "Ana", id="text"),
        pytest.param("7", "7", id="number"),
        pytest.param("1.50", "1.50", id="price, as it was written"),
    ],
)
def test_json_values_go_into_a_text(value: str, expected: str) -> None:
    content = f'{{"recipient_phone": "{PHONE}", "x": {value}}}'

    assert texts(read_jsonl(content, text="{x}")) == [expected]


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        pytest.param("null", "null", id="null"),
        pytest.param("true", "bool", id="bool"),
        pytest.param("[1]", "list", id="list"),
        pytest.param("{}", "dict", id="object"),
    ],
)
def test_other_json_values_do_not_go_into_a_text(value: str, kind: str) -> None:
    content = f'{{"recipient_phone": "{PHONE}", "x": {value}}}'

    assert kind in only_reason(read_jsonl(content, text="{x}"))


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        pytest.param("a.csv", FileFormat.CSV, id="csv"),
        pytest.param("A.CSV", FileFormat.CSV, id="capitals"),
        pytest.param("a.jsonl", FileFormat.JSONL, id="jsonl"),
        pytest.param("a.b.ndjson", FileFormat.JSONL, id="ndjson"),
    ],
)
def test_the_ending_tells_the_format(name: str, expected: FileFormat) -> None:
    assert format_of(name) is expected


@pytest.mark.parametrize("name", ["a.doc", "csv", "a.json", ""])
def test_another_ending_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="must end in"):
        format_of(name)


@given(st.text())
def test_a_text_without_braces_means_itself_and_no_other_reaches_people(
    text: str,
) -> None:
    bare = text.replace("{", "").replace("}", "")

    assert parse_text_template(bare).render({}) == bare
    with suppress(ValueError):
        assert parse_text_template(text).columns or text == bare


@pytest.mark.parametrize("cell", [r"\N", "n/a", "undefined", "-", "(leer)", "#N/A"])
def test_a_text_that_stands_for_nothing_is_not_sent(cell: str) -> None:
    (found,) = read(f"recipient_phone,message\n{PHONE},{cell}\n")

    assert isinstance(found, BadRow)
    assert "says nothing" in found.reason or "must not be blank" in found.reason


CELL = st.text(
    st.characters(
        codec="utf-8", exclude_categories=["Cc"], include_characters="\t\n\r\x85"
    )
).map(lambda text: "x" + text)


@given(st.lists(st.tuples(CELL, CELL), max_size=5))
def test_what_a_csv_writer_writes_is_read_back(rows: list[tuple[str, str]]) -> None:
    stream = io.StringIO(newline="")
    writer = csv.writer(stream)
    writer.writerow(["recipient_phone", "message", "other"])
    writer.writerows([PHONE, message, other] for message, other in rows)

    found = read(stream.getvalue())

    assert texts(found) == [message for message, _ in rows]
    numbers = [row.line_number for row in found]
    assert numbers == sorted(set(numbers))


def prefixed(head: bytes) -> Callable[[bytes], bytes]:
    return lambda tail: head + tail


ANY_BYTES = st.binary() | st.binary().map(
    prefixed(b"recipient_phone,message\n+14155550123,")
)


@given(ANY_BYTES, st.sampled_from(FileFormat))
def test_any_bytes_are_rows_bad_rows_or_a_refused_file(
    content: bytes, file_format: FileFormat
) -> None:
    reader = RowReader(source=TableSource(file_format=file_format), sender_id=12)
    rows: list[Row | BadRow] = []

    with suppress(FileError):
        rows.extend(reader.read(io.BytesIO(content)))

    assert len(rows) <= content.count(b"\n") + 1
