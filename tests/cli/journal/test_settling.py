"""`autocalls journal resolve --by-evidence`."""

import asyncio
import json
import sqlite3
from collections import Counter
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from autocalls_async import FreeformMessage
from autocalls_async.journal import SqliteJournal, State
from autocalls_async.journal.keys import to_content
from autocalls_async.webhooks.evidence.evidence import fold_text
from autocalls_async.webhooks.stores.protocol import Handover
from autocalls_async.webhooks.stores.sqlite import SqliteDeliveries
from tests.cli.conftest import Autocalls, Service
from tests.webhooks.bodies import SENDER
from tests.webhooks.stores.support import arrival

ANA, BEN, CAN = (f"+1415555010{n}" for n in range(3))
EARLIER, TEXT = "Welcome", "Your table is ready"
NOW = datetime.now(UTC)
LEFT_AT = NOW - timedelta(hours=1)


class Clock:
    """Tells what it was set to."""

    def __init__(self, at: datetime) -> None:
        self.at = at

    def __call__(self) -> datetime:
        """Tell it."""
        return self.at


async def _write_journal() -> None:
    """To each Welcome was accepted, and the table is unknown."""
    clock = Clock(LEFT_AT - timedelta(minutes=10))
    async with SqliteJournal("run.db", now=clock) as journal:
        for step, text in enumerate((EARLIER, TEXT)):
            for number, phone in enumerate((ANA, BEN, CAN)):
                key = f"{phone} {step}"
                message = FreeformMessage(recipient_phone=phone, message=text)
                content = to_content(message, SENDER)
                await journal.admit(key, content=content, recipient_phone=phone)
                await journal.intend(key)
                if text == EARLIER:
                    journal.settle(
                        key, state=State.ACCEPTED, whatsapp_message_id=10 + number
                    )
                else:
                    journal.settle(key, state=State.UNKNOWN)
            await journal.flush()
            clock.at = LEFT_AT


async def _write_receipts() -> None:
    """Take in for two hours: a receipt of no answer for Ana, and one for Ben.

    The campaign has noted there what was accepted, as `bulk --receipts` does.
    """
    clock = Clock(LEFT_AT - timedelta(hours=1))
    store = SqliteDeliveries("receipts.db", now=clock)
    await store.open()
    await store.join()
    clock.at = LEFT_AT + timedelta(seconds=2)
    for number, phone in ((890, ANA), (891, BEN)):
        await store.keep(arrival(number, person=phone))
    await store.note(_welcome(10 + n, phone) for n, phone in enumerate((ANA, BEN, CAN)))
    clock.at = NOW
    await store.beat()
    await store.aclose()


def _welcome(number: int, phone: str) -> Handover:
    return Handover(
        sender_id=SENDER,
        person=phone,
        digest=fold_text(EARLIER),
        handed_over_at=LEFT_AT - timedelta(minutes=10),
        whatsapp_message_id=number,
        is_accepted=True,
    )


@pytest.fixture(autouse=True)
def _files(autocalls: Autocalls, service: Service) -> None:
    assert autocalls("--version").status == 0  # it runs in an empty folder
    asyncio.run(_write_journal())
    asyncio.run(_write_receipts())
    for phone in (ANA, BEN, CAN):
        service.do(lambda e, p=phone: e.customer_writes(p, text="hello"))  # type: ignore[misc]


def _send(autocalls: Autocalls, phone: str, text: str) -> None:
    assert autocalls("send", phone, text).status == 0


def _states() -> dict[str, int]:
    async def read() -> Counter[State]:
        async with SqliteJournal("run.db") as journal:
            return Counter(await journal.counts())

    return {state.value: n for state, n in asyncio.run(read()).items() if n}


@pytest.fixture
def _history(autocalls: Autocalls) -> None:
    for phone in (ANA, BEN, CAN):
        _send(autocalls, phone, EARLIER)
    _send(autocalls, ANA, TEXT)


@pytest.mark.usefixtures("_history")
def test_what_surely_arrived_is_taken_as_accepted(autocalls: Autocalls) -> None:
    ended = autocalls(
        *("journal", "resolve", "run.db", "--by-evidence", "--receipts", "receipts.db")
    )

    assert ended.status == 0
    assert _states() == {"accepted": 4, "unknown": 2}
    assert "1 unknown message taken as accepted" in ended.out
    assert "--take likely" in ended.out
    assert ANA not in ended.out


@pytest.mark.usefixtures("_history")
def test_what_likely_arrived_is_taken_where_that_is_wanted(
    autocalls: Autocalls,
) -> None:
    ended = autocalls(
        *("journal", "resolve", "run.db", "--by-evidence", "--take", "likely"),
        *("--receipts", "receipts.db", "--json"),
    )

    told = json.loads(ended.out)
    assert told["verdicts"] == {"sure": 1, "likely": 1, "none": 1}
    assert told["resolved"] == 2
    assert _states() == {"accepted": 5, "unknown": 1}


@pytest.mark.usefixtures("_history")
def test_what_a_campaign_without_receipts_sent_is_likely_at_most(
    autocalls: Autocalls,
) -> None:
    with closing(sqlite3.connect("receipts.db")) as file, file:
        file.execute("DELETE FROM sends")

    ended = autocalls(
        *("journal", "resolve", "run.db", "--by-evidence", "--json"),
        *("--receipts", "receipts.db"),
    )

    told = json.loads(ended.out)
    assert told["verdicts"] == {"sure": 0, "likely": 2, "none": 1}
    assert "noted nothing" in str(told["evidence"][0]["reasons"])
    assert _states() == {"accepted": 3, "unknown": 3}


@pytest.mark.usefixtures("_history")
def test_without_the_history_nothing_is_sure(autocalls: Autocalls) -> None:
    ended = autocalls(
        *("journal", "resolve", "run.db", "--by-evidence", "--no-history", "--json"),
        *("--receipts", "receipts.db"),
    )

    assert json.loads(ended.out)["verdicts"] == {"sure": 0, "likely": 2, "none": 1}


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        pytest.param(["--by-evidence"], "--receipts", id="no receipts"),
        pytest.param(
            ["--by-evidence", "--receipts", "none.db"], "--receipts", id="no file"
        ),
        pytest.param(["--by-evidence", "--all"], "no --as", id="two ways"),
        pytest.param(["--all"], "say how", id="no way"),
        pytest.param(
            ["--all", "--as", "new", "--take", "likely"], "say how", id="take with as"
        ),
    ],
)
def test_what_is_unclear_changes_nothing(
    autocalls: Autocalls, arguments: list[str], told: str
) -> None:
    ended = autocalls("journal", "resolve", "run.db", *arguments)

    assert ended.status == 2
    assert told in ended.err
    assert _states() == {"accepted": 3, "unknown": 3}
    assert not Path("none.db").exists()


def test_the_report_shows_how_far_messages_came(autocalls: Autocalls) -> None:
    async def tell() -> None:
        store = SqliteDeliveries("receipts.db", now=lambda: NOW)
        await store.open()
        await store.join()
        for number, status in ((10, "read"), (11, "delivered"), (12, "failed")):
            await store.keep(arrival(number, status, error_code=131026))
        await store.aclose()

    asyncio.run(tell())
    told = ("--receipts", "receipts.db")
    shown = autocalls("journal", "report", "run.db", "--html", "page.html", *told)
    record = autocalls("journal", "report", "run.db", "--json", *told)
    rows = autocalls("journal", "export", "run.db", "--state", "accepted", *told)
    missing = autocalls("journal", "report", "run.db", "--receipts", "none.db")

    lines = [" ".join(line.split()) for line in shown.out.splitlines()]
    assert {"delivered 2 66.7%", "failed: 131026 1 33.3%"} <= set(lines)
    assert "2 of 3 accepted" in Path("page.html").read_text()
    funnel = json.loads(record.out)["receipts"]
    assert (funnel["accepted"], funnel["read"], funnel["failed"]) == (3, 1, 1)
    assert funnel["error_codes"] == [{"error_code": 131026, "count": 1}]
    assert rows.out.splitlines()[0].endswith(
        "delivery_status,delivery_error_code,delivery_at"
    )
    assert [line.split(",")[-3] for line in rows.out.splitlines()[1:]] == [
        "read",
        "delivered",
        "failed",
    ]
    assert missing.status == 2
    assert not Path("none.db").exists()


async def _tell_three() -> None:
    store = SqliteDeliveries("receipts.db", now=lambda: NOW)
    await store.open()
    await store.join()
    for number, status in ((10, "read"), (11, "delivered"), (12, "failed")):
        await store.keep(arrival(number, status))
    await store.aclose()


def test_the_report_shows_what_it_cost_where_a_price_is_given(
    autocalls: Autocalls,
) -> None:
    asyncio.run(_tell_three())
    priced = ("journal", "report", "run.db", "--price", "0.05")
    told = ("--receipts", "receipts.db")

    plain = autocalls(*priced)
    shown = autocalls(*priced, *told, "--html", "page.html")
    record = json.loads(autocalls(*priced, *told, "--json").out)["costs"]

    lines = [" ".join(line.split()) for line in shown.out.splitlines()]
    assert "cost 0.15: 3 accepted messages at 0.05 each" in lines
    assert "cost at most 0.30: 3 unknown messages may have left" in lines
    assert "for delivered ones 0.10: 2 messages at 0.05 each" in lines
    assert "for failed ones 0.05: 1 message at 0.05 each" in lines
    assert "0.15: 3 accepted messages at 0.05 each" in Path("page.html").read_text()
    assert "for delivered" not in plain.out
    assert record == {
        "price": "0.05",
        "accepted": "0.15",
        "at_most": "0.30",
        "delivered": "0.10",
        "failed": "0.05",
    }


def test_an_export_has_the_cost_of_each_message(autocalls: Autocalls) -> None:
    rows = autocalls("journal", "export", "run.db", "--price", "0.05").out
    both = autocalls(
        *("journal", "export", "run.db", "--price", "0.05", "--format", "jsonl"),
        *("--receipts", "receipts.db"),
    ).out

    header, *lines = rows.splitlines()
    assert header.endswith("detail,cost")
    assert sorted(line.rpartition(",")[2] for line in lines) == [
        *[""] * 3,
        *["0.05"] * 3,
    ]
    assert {json.loads(line)["cost"] for line in both.splitlines()} == {"0.05", None}
    assert {json.loads(line)["delivery_status"] for line in both.splitlines()} == {None}


@pytest.mark.parametrize("price", ["-1", "free", "nan", "inf"])
def test_a_price_that_is_none_is_said(autocalls: Autocalls, price: str) -> None:
    ended = autocalls("journal", "report", "run.db", f"--price={price}")

    assert ended.status == 2
    assert price in ended.err
