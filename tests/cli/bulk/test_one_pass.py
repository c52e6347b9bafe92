"""A file of rows is read once; what it made is kept aside until it is sent."""

import io
import json
import os
import random
import sys
import tempfile
import tracemalloc
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any, Self

import pytest

from autocalls_async.cli.bulk.intake.inventory import Inventory, compare, take_in
from autocalls_async.cli.bulk.intake.register import Choice
from autocalls_async.cli.bulk.intake.spool import Spool, Spooled, SpooledRows
from autocalls_async.cli.choices import Changed, FileFormat, Repeats
from autocalls_async.cli.rows.reader import BadRow, Row, RowReader
from autocalls_async.cli.tables.lines import FileError
from autocalls_async.cli.tables.table import TableSource
from autocalls_async.emulator import Emulator, Endpoint
from autocalls_async.journal import Entry, State
from autocalls_async.model.answers import SentMessage
from autocalls_async.model.messages import (
    FreeformMessage,
    Message,
    TemplateFallback,
    TemplateMessage,
)
from autocalls_async.model.outcomes import Accepted
from autocalls_async.phones import parse_phone
from tests.cli.conftest import OPEN, Autocalls, Ended, Service, phone_for
from tests.disks import small_files
from tests.needs import MINUTES

FAST = ("--rate", "200", "--rate-is-agreed")
READER = RowReader(source=TableSource(file_format=FileFormat.CSV), sender_id=12)
TEXTS = [f"m{i}" for i in range(5)]


def write_rows(*messages: str) -> str:
    lines = ["recipient_phone,message", *(f"{phone_for(m)},{m}" for m in messages)]
    Path("rows.csv").write_text("\n".join(lines) + "\n")
    return "rows.csv"


def received(service: Service) -> list[str | None]:
    return [message.message for message in service.emulator.accepted]


# How often


class CountingFile(io.RawIOBase):
    """A file that can only be read on."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self.line_count = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def readable(self) -> bool:
        """Say that it can be read."""
        return True

    def readinto(self, buffer: Any, /) -> int:  # noqa: ANN401  # any writable buffer
        """Read on; the end of the file is nothing."""
        read = self._file.read(len(buffer))
        buffer[: len(read)] = read
        self.line_count += read.count(b"\n")
        return len(read)


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[CountingFile]:
    """Return each opening of the rows' file."""
    opened: list[CountingFile] = []
    true_open = Path.open

    def count(path: Path, *how: object, **more: object) -> object:
        if path.name != "rows.csv" or how != ("rb",):
            return true_open(path, *how, **more)  # type: ignore[call-overload]  # as it came
        opened.append(CountingFile(true_open(path, "rb")))
        return opened[-1]

    monkeypatch.setattr(Path, "open", count)
    return opened


@pytest.fixture
def parsed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return each number that is parsed."""
    parsed: list[str] = []

    def count(number: str, **how: Any) -> str:  # noqa: ANN401  # passed on
        parsed.append(number)
        return parse_phone(number, **how)

    monkeypatch.setattr("autocalls_async.cli.rows.phones.parse_phone", count)
    return parsed


@pytest.mark.parametrize(
    "options",
    [
        pytest.param((), id="plain"),
        pytest.param(("--journal", "run.db"), id="journal"),
        pytest.param(("--dry-run",), id="dry run"),
        pytest.param(("--dry-run", "--journal", "run.db"), id="dry run with journal"),
    ],
)
@pytest.mark.usefixtures("service")
def test_a_file_is_read_once_and_each_number_parsed_once(
    options: tuple[str, ...],
    autocalls: Autocalls,
    opened: list[CountingFile],
    parsed: list[str],
) -> None:
    numbers = [f"(415) 555-01{n:02}" for n in range(3, 8)]
    lines = ["recipient_phone,message", *(f"{number},hi" for number in numbers)]
    Path(file := "rows.csv").write_text("\n".join(lines) + "\n")
    opened.clear()

    ended = autocalls("bulk", file, *FAST, "--region", "US", *options)

    assert ended.status == 0
    assert [file.line_count for file in opened] == [6]
    assert parsed == numbers


# What happens meanwhile


@pytest.mark.parametrize(
    "options",
    [pytest.param((), id="plain"), pytest.param(("--journal", "run.db"), id="journal")],
)
def test_a_file_that_changes_after_it_was_checked_changes_nothing(
    options: tuple[str, ...], autocalls: Autocalls, service: Service
) -> None:
    file = write_rows(*TEXTS)

    def change(endpoint: Endpoint) -> None:
        if endpoint is Endpoint.ME:
            Path(file).write_text(f"recipient_phone,message\n{OPEN},changed\n")
        elif endpoint is Endpoint.SEND_FREEFORM:
            Path(file).unlink(missing_ok=True)

    def plan(emulator: Emulator) -> None:
        emulator.choose_fault = change

    service.do(plan)
    ended = autocalls("bulk", file, *FAST, *options)

    assert ended.status == 0
    assert received(service) == TEXTS
    assert "All of 5 messages accepted." in ended.out


@pytest.mark.skipif(os.name == "nt", reason="there are none")
@pytest.mark.usefixtures("service")
def test_standard_input_goes_on_by_a_journal(
    autocalls: Autocalls, monkeypatch: pytest.MonkeyPatch, service: Service
) -> None:
    data = f"recipient_phone,message\n{OPEN},a\n{OPEN},b\n{OPEN},a\n".encode()
    options = ("--format", "csv", "--journal", "run.db", "--repeats", "all")
    command = ("bulk", "-", *FAST, *options)

    def run() -> Ended:
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(data)))
        return autocalls(*command)

    first, again = run(), run()

    assert (first.status, again.status) == (0, 0)
    assert received(service) == ["a", "b", "a"]
    assert "0 of 3 messages in - will be sent; not sent again: 3 accepted" in again.out


def test_a_repeated_row_is_told_by_its_own_line(
    autocalls: Autocalls, service: Service
) -> None:
    file = write_rows("same", "same", "other")

    ended = autocalls("bulk", file, *FAST, "--json", "--repeats", "all")

    assert sorted(json.loads(line)["line"] for line in ended.out.splitlines()) == [
        2,
        3,
        4,
    ]
    assert received(service) == ["same", "same", "other"]


# The spool


@pytest.fixture
def spool() -> Iterator[Spool]:
    with Spool() as spool:
        yield spool


def take(text: str, spool: Spool) -> Inventory:
    told: list[BadRow] = []
    return take_in(READER, io.BytesIO(text.encode()), spool, tell=told.append)


@pytest.mark.parametrize(
    "message",
    [
        FreeformMessage(recipient_phone=OPEN, message="hi \u0085\u2028\n", sender_id=3),
        FreeformMessage(recipient_phone=OPEN, message="é", sender_id=3, key="k 1"),
        FreeformMessage(
            recipient_phone=OPEN,
            message="hi",
            sender_id=3,
            fallback=TemplateFallback(template_id=7, variables={"2": "b", "1": "a"}),
        ),
        TemplateMessage(
            recipient_phone=OPEN, template_id=7, sender_id=3, variables={"1": "{x}"}
        ),
    ],
    ids=["control", "key", "fallback", "template"],
)
def test_a_message_comes_back_as_it_was_kept(message: Message, spool: Spool) -> None:
    spool.add(Row(line_number=7, message=message))

    (kept,) = spool
    back = kept.message()

    assert kept.line_number == 7
    assert back.key == message.key or message.key is None
    assert (type(back), back.recipient_phone, back.sender_id) == (
        type(message),
        message.recipient_phone,
        3,
    )
    spool.add(Row(line_number=8, message=back))
    assert [row.content for row in spool] == [kept.content] * 2


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="it looks in /proc")
def test_what_is_kept_aside_is_its_owners_alone_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    open_files = Path("/proc/self/fd")

    with Spool() as spool:
        take(f"recipient_phone,message\n{OPEN},secret\n", spool)
        links = [fd for fd in open_files.iterdir() if fd.is_symlink()]
        ours = [fd for fd in links if str(fd.readlink()).startswith(str(tmp_path))]
        assert [fd.stat().st_mode & 0o777 for fd in ours] == [0o600]
        assert list(tmp_path.iterdir()) == []
        assert "secret" not in repr(list(spool))
        assert OPEN not in repr(list(spool))


def test_no_place_to_keep_rows_is_one_clear_line(
    autocalls: Autocalls, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "none"))

    ended = autocalls("bulk", write_rows("a"), "--dry-run", "--sender-id", "1")

    assert ended.status == 2
    assert ended.complaint == (
        "autocalls: the rows cannot be kept aside: No such file or directory; "
        "see TMPDIR"
    )


@pytest.mark.parametrize("text_length", [100, 4000])
@pytest.mark.usefixtures("service")
def test_a_full_disk_sends_nothing_and_says_so(
    text_length: int, autocalls: Autocalls, service: Service
) -> None:
    file = write_rows(*["x" * text_length] * 20)

    with small_files(1000):
        ended = autocalls("bulk", file, *FAST)

    assert ended.status == 2
    assert ended.complaint == (
        "autocalls: rows.csv: the rows cannot be kept aside: File too large; see TMPDIR"
    )
    assert received(service) == []


def test_only_what_is_to_be_sent_is_left_after_sifting(spool: Spool) -> None:
    rows = "".join(f"{phone_for(f'{i // 2}')},m{i}\n" for i in range(5))
    found = take(f"recipient_phone,message\n{rows}", spool)

    compare(found, spool, Choice(repeats=Repeats.FIRST))

    assert len(spool) == 3
    assert [row.line_number for row in spool] == [2, 4, 6]


def test_rows_are_kept_as_they_were_where_sifting_fails(spool: Spool) -> None:
    take(f"recipient_phone,message\n{OPEN},a\n{OPEN},b\n", spool)
    spool.register.close()

    with pytest.raises(FileError, match="the rows cannot be kept aside"):
        spool.sift()

    assert [row.line_number for row in spool] == [2, 3]


def test_an_outcome_is_told_by_the_line_of_its_message(spool: Spool) -> None:
    take(f"recipient_phone,message\n415,bad\n{OPEN},a\n{OPEN},a\n", spool)

    with SpooledRows(spool) as outgoing:
        first, second = outgoing

        assert len(outgoing) == 2
        assert first == second
        assert outgoing.line_number(outcome_of(second, 1)) == 4
        assert outgoing.line_number(outcome_of(first, 0)) == 3


def outcome_of(message: Message, index: int) -> Accepted:
    return Accepted(
        message=message, sent=SentMessage(whatsapp_message_id=7), index=index
    )


class Failing(io.BytesIO):
    """A file on a disk that has gone away."""

    def readinto(self, buffer: object, /) -> int:
        """Fail, as the system says it."""
        raise OSError(5, "x", buffer)


def test_a_file_that_cannot_be_read_on_is_named_for_what_it_is(spool: Spool) -> None:
    with pytest.raises(FileError, match="read any further: Input/output error"):
        take_in(READER, Failing(), spool, tell=print)


def known(row: Spooled, state: State, *, key: str | None = None) -> Entry:
    return Entry(
        key=key or row.key,
        content=row.content,
        recipient_phone=row.message().recipient_phone,
        state=state,
        added_at=datetime.now(UTC),
    )


# How much


def phones(count: int) -> Iterator[str]:
    chance = random.Random(1)
    for _ in range(count):
        yield f"+1415{chance.randrange(10**7):07d}"


@MINUTES
@pytest.mark.parametrize("with_journal", [False, True], ids=["plain", "journal"])
def test_many_rows_need_hardly_more_memory_than_few(with_journal: bool) -> None:
    def peak_bytes(count: int) -> int:
        lines = (f"{phone},hello there\n".encode() for phone in phones(count))
        file = ReadableLines([b"recipient_phone,message\n"], lines)
        tracemalloc.start()
        with Spool() as spool:
            found = take_in(READER, file, spool, tell=print)  # type: ignore[arg-type]  # it is raw
            if with_journal:
                for row in spool:
                    old = known(row, State.ACCEPTED, key=f"old {row.key}")
                    spool.register.know(old)
                compare(found, spool, Choice(changed=Changed.SEND))
            with SpooledRows(spool) as outgoing:
                for index, message in enumerate(outgoing):
                    outgoing.line_number(outcome_of(message, index))
            peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return peak

    peak_bytes(200)  # what is made once is made now

    more = peak_bytes(4_000) - peak_bytes(400)

    assert more <= 3_600 * 5


class ReadableLines(io.RawIOBase):
    """A file whose lines are made as they are read."""

    def __init__(self, *parts: object) -> None:
        self._lines = (line for part in parts for line in part)  # type: ignore[attr-defined]  # lines

    def readable(self) -> bool:
        """Say that it can be read."""
        return True

    def readinto(self, buffer: Any, /) -> int:  # noqa: ANN401  # any writable buffer
        """Read the next line."""
        line: bytes = next(self._lines, b"")
        buffer[: len(line)] = line
        return len(line)


def test_a_row_that_the_journal_has_is_not_left_to_send(spool: Spool) -> None:
    found = take(f"recipient_phone,message,key\n{OPEN},a,1\n{OPEN},b,2\n", spool)
    first, _ = spool

    spool.register.know(known(first, State.ACCEPTED))
    compare(found, spool, Choice())

    assert [row.key for row in spool] == ["2"]
    assert (found.total, found.to_send_count) == (2, 1)
