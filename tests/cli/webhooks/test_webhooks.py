"""`autocalls webhooks` and `autocalls exclude`."""

import asyncio
import json
import os
import signal
import threading
import time
import urllib.error
import urllib.request
from contextlib import suppress
from pathlib import Path

import pytest

from autocalls_async import Deliveries, Delivery
from autocalls_async.emulator import Endpoint, HangUpAfter
from autocalls_async.webhooks import SqliteDeliveries
from tests.cli.conftest import OPEN, Autocalls, Service
from tests.ports import own_port
from tests.webhooks.bodies import PHONE, SECRET, digest, receipt, signed

SIGNED = f"sha256={digest(receipt())}"


@pytest.fixture(autouse=True)
def _secret(autocalls: Autocalls, monkeypatch: pytest.MonkeyPatch) -> None:
    assert autocalls("--version").status == 0  # it runs in an empty folder
    monkeypatch.setenv("AUTOCALLS_WEBHOOK_SECRETS", SECRET)
    Path("body.json").write_bytes(receipt())


def test_a_receipt_that_fits_is_told_masked(autocalls: Autocalls) -> None:
    ended = autocalls("webhooks", "verify", "body.json", "--signature", SIGNED)

    assert ended.status == 0
    assert "delivered" in ended.out
    assert "+1415•••0123" in ended.out
    assert PHONE not in ended.out + ended.err


def test_programs_get_all_of_it(autocalls: Autocalls) -> None:
    ended = autocalls(
        "webhooks", "verify", "body.json", "--signature", SIGNED, "--json"
    )

    told = json.loads(ended.out)
    assert (told["signed"], told["status"]) == (True, "delivered")
    assert told["recipient_phone"] == PHONE


@pytest.mark.parametrize(
    ("arguments", "status", "told"),
    [
        pytest.param(["--signature", "sha256=" + "0" * 64], 1, "fits no", id="misfit"),
        pytest.param(["--signature", "x"], 2, "64 hex digits", id="none"),
        pytest.param(
            ["--signature", SIGNED, "--secret-env", "NOT_SET"], 2, "not set", id="unset"
        ),
    ],
)
def test_what_does_not_fit_is_said(
    autocalls: Autocalls, arguments: list[str], status: int, told: str
) -> None:
    ended = autocalls("webhooks", "verify", "body.json", *arguments)

    assert ended.status == status
    assert told in ended.err
    assert SECRET not in ended.err


@pytest.mark.parametrize("shape", ["{}", "X-Signature-256: sha256={}", " sha256={} "])
def test_a_signature_may_be_copied_in_any_shape(
    autocalls: Autocalls, shape: str
) -> None:
    given = shape.format(digest(receipt()))

    ended = autocalls("webhooks", "verify", "body.json", "--signature", given)

    assert ended.status == 0


def test_what_an_editor_did_to_a_body_is_said(autocalls: Autocalls) -> None:
    Path("body.json").write_bytes(receipt() + b"\r\n")

    ended = autocalls("webhooks", "verify", "body.json", "--signature", SIGNED)

    assert ended.status == 1
    assert "another line end" in ended.err


def test_a_host_that_is_none_is_said(autocalls: Autocalls) -> None:
    ended = autocalls("webhooks", "serve", "--host", "nowhere.invalid", "--port", "1")

    assert ended.status == 2
    assert "nowhere.invalid" in ended.err
    assert "Unknown error" not in ended.err


def test_a_file_that_is_not_there_is_said(autocalls: Autocalls) -> None:
    ended = autocalls("webhooks", "verify", "none.json", "--signature", SIGNED)

    assert ended.status == 2
    assert "none.json" in ended.err


def test_signed_and_unreadable_is_said(autocalls: Autocalls) -> None:
    Path("body.json").write_bytes(b"[]")
    ended = autocalls(
        "webhooks", "verify", "body.json", "--signature", f"sha256={digest(b'[]')}"
    )

    assert ended.status == 0
    assert "not a receipt" in ended.out


def _post_and_end(port: int, told: list[int]) -> None:
    """Post a receipt as soon as somebody listens there, and press Ctrl-C."""
    raw, url = receipt(4711), f"http://127.0.0.1:{port}/hooks/receipts"
    request = urllib.request.Request(url, raw, signed(raw))
    for _ in range(500):
        time.sleep(0.02)
        with suppress(urllib.error.URLError), urllib.request.urlopen(request) as answer:  # noqa: S310  # our own
            told.append(answer.status)
            break
    os.kill(os.getpid(), signal.SIGINT)


@pytest.mark.needs("the real clock")
def test_receipts_are_taken_in_until_ctrl_c(autocalls: Autocalls) -> None:
    told: list[int] = []
    port = own_port()
    threading.Thread(target=_post_and_end, args=(port, told)).start()

    ended = autocalls("webhooks", "serve", "--port", str(port))

    async def look() -> Delivery | None:
        deliveries = Deliveries("receipts.db")
        found = await deliveries.get(4711)
        await deliveries.aclose()
        return found

    found = asyncio.run(look())
    assert ended.status == 130
    assert told == [204]
    assert found is not None
    assert found.status == "delivered"


def test_a_receiver_without_secrets_does_not_begin(
    autocalls: Autocalls, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AUTOCALLS_WEBHOOK_SECRETS")

    ended = autocalls("webhooks", "serve")

    assert ended.status == 2
    assert "AUTOCALLS_WEBHOOK_SECRETS" in ended.err


def test_people_are_excluded_and_let_in_again(autocalls: Autocalls) -> None:
    added = autocalls("exclude", "add", PHONE, "+4930123456", "--reason", "stop")
    listed = autocalls("exclude", "list")
    removed = autocalls("exclude", "remove", PHONE, "--json")
    left = autocalls("exclude", "list", "--json")

    assert "2 numbers added" in added.out
    assert PHONE in listed.out
    assert "stop" in listed.out
    assert json.loads(removed.out) == {"removed": 1, "excluded": 1}
    assert json.loads(left.out)["phone"] == "+4930123456"


def test_a_number_with_a_fault_changes_nothing(autocalls: Autocalls) -> None:
    ended = autocalls("exclude", "add", PHONE, "0301234567")
    listed = autocalls("exclude", "list")

    assert (ended.status, listed.status) == (2, 2)
    assert "E.164" in ended.err
    assert "exclude add" in listed.err


def test_a_campaign_leaves_out_who_is_on_the_list(
    autocalls: Autocalls, service: Service
) -> None:
    Path("rows.csv").write_text(f"recipient_phone,message\n{OPEN},hi\n{PHONE},hi\n")
    autocalls("exclude", "add", PHONE)

    ended = autocalls("bulk", "rows.csv", "--exclude", "exclusions.db")

    assert "1 left out as excluded" in ended.out + ended.err
    assert [m.recipient_phone for m in service.emulator.accepted] == [OPEN]


def test_a_campaign_notes_what_it_handed_over_with_the_receipts(
    autocalls: Autocalls, service: Service
) -> None:
    Path("rows.csv").write_text(f"recipient_phone,message\n{OPEN},hi\n{PHONE},hi\n")
    service.do(lambda e: e.fail_next(1, HangUpAfter(), endpoint=Endpoint.SEND_FREEFORM))

    ended = autocalls("bulk", "rows.csv", "--journal", "run.db", "--receipts", "r.db")

    async def look() -> list[bool]:
        store = SqliteDeliveries("r.db")
        await store.open()
        sent = service.emulator.accepted[0]
        noted = await store.noted(sender_id=sent.sender_id, person=OPEN)
        await store.aclose()
        return [one.is_accepted for one in noted]

    assert "1 unknown" in ended.out + ended.err
    assert "--by-evidence --receipts r.db" in ended.out + ended.err
    assert asyncio.run(look()) == [False]


def test_a_campaign_with_an_unusable_store_of_receipts_sends_nothing(
    autocalls: Autocalls, service: Service
) -> None:
    Path("rows.csv").write_text(f"recipient_phone,message\n{OPEN},hi\n")
    Path("r.db").write_text("no database, whatever its name says " * 99)

    ended = autocalls("bulk", "rows.csv", "--receipts", "r.db")

    assert ended.status == 2
    assert "r.db" in ended.err
    assert "nothing was sent" in ended.err
    assert service.emulator.accepted == []
