"""Files with people's numbers are their owner's alone, and nothing in them runs."""

import asyncio
import csv
import io
import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autocalls_async.cli.choices import FileFormat
from autocalls_async.cli.rows.private import bare_cell, guard_cells
from autocalls_async.cli.rows.reader import Row, RowReader
from autocalls_async.cli.tables.table import TableSource
from autocalls_async.emulator import Endpoint, Refuse
from autocalls_async.journal import SqliteJournal, State
from tests.cli.conftest import OPEN, Autocalls, Service

STEERING = "\x1b[31mred\x1b]0;title\x07\x9b2J\u202eabc\u2066\r\x08"
FORMULA = '=HYPERLINK("https://evil.example","x")'


@pytest.fixture
def _loose() -> Iterator[None]:
    """Let new files be readable for everybody, unless they ask for less."""
    before = os.umask(0)
    yield
    os.umask(before)


def mode_of(name: str) -> int:
    return Path(name).stat().st_mode & 0o777


def write_rows(*keys: str) -> None:
    with Path("rows.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(("recipient_phone", "message", "key"))
        for number, key in enumerate(keys):
            writer.writerow((OPEN, f"hello {number}", key))


async def make_journal(*keys: str, code: str = "131026") -> None:
    async with SqliteJournal("run.db") as journal:
        for key in keys:
            await journal.admit(key, content="secret", recipient_phone=OPEN)
            await journal.intend(key)
            journal.settle(
                key,
                state=State.UNKNOWN if len(key) % 2 else State.REJECTED,
                error="RejectedError",
                error_code=code,
                detail=code,
            )


@pytest.mark.usefixtures("service", "_loose")
def test_each_new_file_with_recipients_is_its_owners_alone(
    autocalls: Autocalls,
) -> None:
    write_rows("a", "b")

    autocalls(
        *("bulk", "rows.csv", "--out", "out.csv", "--journal", "run.db"),
        *("--report", "page.html"),
    )
    autocalls("bulk", "rows.csv", "--out", "out.jsonl")
    autocalls("journal", "export", "run.db", "--out", "export.csv")
    autocalls("journal", "export", "run.db", "--out", "export.jsonl")
    autocalls("journal", "report", "run.db", "--html", "report.html")

    assert {
        path.name: oct(path.stat().st_mode & 0o777) for path in Path().iterdir()
    } == {"rows.csv": "0o666"} | dict.fromkeys(
        (
            *("out.csv", "out.jsonl", "page.html", "run.db", "run.db.lock"),
            *("export.csv", "export.jsonl", "report.html"),
        ),
        "0o600",
    )


@pytest.mark.usefixtures("_loose")
@pytest.mark.parametrize("mode", [0o600, 0o640])
def test_a_file_that_is_replaced_keeps_the_mode_that_its_owner_chose(
    autocalls: Autocalls, mode: int
) -> None:
    for name in ("export.csv", "report.html"):
        Path(name).touch()
        Path(name).chmod(mode)
    asyncio.run(make_journal("a"))

    autocalls("journal", "export", "run.db", "--out", "export.csv", "--overwrite")
    autocalls("journal", "report", "run.db", "--html", "report.html", "--overwrite")

    assert (mode_of("export.csv"), mode_of("report.html")) == (mode, mode)
    assert OPEN in Path("export.csv").read_text()


@given(text=st.text(alphabet="'=+-@\t\r\na1", max_size=6))
def test_whatever_is_guarded_is_read_back_the_same(text: str) -> None:
    guarded = guard_cells({"key": text})["key"]

    assert bare_cell(guarded) == text
    assert not guarded.startswith(tuple("=+-@\t\r\n"))


@pytest.mark.parametrize(
    ("column", "cell", "written"),
    [
        pytest.param("recipient_phone", OPEN, OPEN, id="a number"),
        pytest.param("recipient_phone", "+1+cmd|x", "'+1+cmd|x", id="no number"),
        pytest.param("key", OPEN, f"'{OPEN}", id="a number as a key"),
        pytest.param("error_code", FORMULA, f"'{FORMULA}", id="a formula"),
        pytest.param("detail", "-1", "'-1", id="minus"),
        pytest.param("key", "row-7", "row-7", id="in the middle"),
        pytest.param("line", 7, 7, id="no text"),
        pytest.param("detail", None, None, id="nothing"),
    ],
)
def test_cells_are_guarded_by_their_column(
    column: str, cell: object, written: object
) -> None:
    assert guard_cells({column: cell}) == {column: written}


def test_a_code_of_the_service_runs_in_no_spreadsheet(
    autocalls: Autocalls, service: Service
) -> None:
    fault = Refuse(422, {"success": False, "error_code": FORMULA, "message": "no"})
    send = Endpoint.SEND_FREEFORM
    service.do(lambda emulator: emulator.fail_next(1, fault, endpoint=send))
    write_rows("a")

    autocalls("bulk", "rows.csv", "--out", "out.csv")

    (row,) = csv.DictReader(Path("out.csv").read_text().splitlines(keepends=True))
    assert row["error_code"] == f"'{FORMULA}"
    assert row["recipient_phone"] == OPEN


@pytest.mark.parametrize("out", [(), ("--out", "export.csv")])
def test_a_guarded_key_is_read_again_as_the_key_it_was(
    autocalls: Autocalls, out: tuple[str, ...]
) -> None:
    keys = [FORMULA, "+1", "@a", "'=b", "-c", "plain", OPEN]
    asyncio.run(make_journal(*keys))

    ended = autocalls("journal", "export", "run.db", *out)
    exported = Path("export.csv").read_text() if out else ended.out
    cells = [row["key"] for row in csv.DictReader(io.StringIO(exported))]

    assert cells == [f"'{key}" if key != "plain" else key for key in keys]
    table = io.StringIO()
    writer = csv.writer(table)
    writer.writerow(("recipient_phone", "message", "key"))
    writer.writerows((OPEN, "hi", cell) for cell in cells)
    reader = RowReader(source=TableSource(file_format=FileFormat.CSV), sender_id=12)
    data = io.BytesIO(table.getvalue().encode())
    rows = [row for row in reader.read(data) if isinstance(row, Row)]
    assert [row.message.key for row in rows] == keys


def test_an_export_as_json_lines_is_exact(autocalls: Autocalls) -> None:
    asyncio.run(make_journal(FORMULA))

    ended = autocalls("journal", "export", "run.db", "--format", "jsonl")

    assert json.loads(ended.out)["key"] == FORMULA


def steers(text: str) -> bool:
    return any(not c.isprintable() for c in text.replace("\n", ""))


@pytest.mark.usefixtures("service")
@pytest.mark.parametrize(
    "arguments",
    [
        ("journal", "show", "run.db"),
        ("journal", "report", "run.db"),
        ("journal", "show", f"{STEERING}.db"),
        ("journal", "show", f"no{STEERING}.db"),
        ("journal", "export", f"no{STEERING}.db"),
        ("journal", "export", "run.db", "--out", f"{STEERING}.csv"),
        ("journal", "export", "run.db", "--out", f"{STEERING}.txt"),
        ("journal", "report", "run.db", "--html", f"no/{STEERING}.html"),
        ("journal", "resolve", "run.db", "--key", STEERING, "--as", "new"),
        ("journal", "resolve", "run.db", "--all", "--as", STEERING),
        ("bulk", f"{STEERING}.csv"),
        ("bulk", f"{STEERING}.csv", "--dry-run"),
        ("bulk", f"no{STEERING}.csv"),
        ("bulk", "rows.csv", "--out", f"{STEERING}.csv"),
        ("bulk", "rows.csv", "--text", STEERING, "--dry-run"),
        ("bulk", "rows.csv", "--journal", f"other{STEERING}.db"),
        ("bulk", "rows.csv", "--journal", f"other{STEERING}.db", "--dry-run"),
        ("bulk", "rows.csv", f"--{STEERING}"),
        ("bulk", "rows.csv", "--template", STEERING),
        (STEERING,),
        ("send", STEERING, "hi"),
    ],
    ids=lambda arguments: " ".join(arguments).replace(STEERING, "S").replace("/", "-"),
)
def test_nothing_that_steers_a_terminal_is_shown(
    autocalls: Autocalls, arguments: tuple[str, ...]
) -> None:
    write_rows(f"k{STEERING}", "k")
    Path(f"{STEERING}.csv").write_bytes(Path("rows.csv").read_bytes())
    keys = (f"a{STEERING}", f"ab{STEERING}")
    asyncio.run(make_journal(*keys, code=f"c{STEERING}"))
    Path(f"{STEERING}.db").write_bytes(Path("run.db").read_bytes())

    ended = autocalls(*arguments)

    assert ended.out + ended.err
    assert not steers(ended.out + ended.err)


def test_an_export_steers_no_terminal_and_is_exact_elsewhere(
    autocalls: Autocalls, monkeypatch: pytest.MonkeyPatch
) -> None:
    asyncio.run(make_journal(f"k{STEERING}"))

    piped = autocalls("journal", "export", "run.db")
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    shown = autocalls("journal", "export", "run.db")

    assert STEERING in piped.out
    assert not steers(shown.out)
    assert "red" in shown.out
