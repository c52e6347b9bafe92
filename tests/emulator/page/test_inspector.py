"""What went on behind the talk is seen, and can be changed."""

import json
import re
from pathlib import Path

import pytest
from playwright.sync_api import expect

from autocalls_async.emulator import Emulator
from tests.emulator.page.bots import answered
from tests.emulator.page.browsing import Tabs
from tests.emulator.page.talking import ANA, KEY, chat, send, show_tab, site, write

pytestmark = [pytest.mark.needs("a browser"), pytest.mark.xdist_group("browser")]


def test_a_message_leads_to_its_request_and_back(tabs: Tabs, sandbox: Emulator) -> None:
    sandbox.customer_writes(ANA, name="Ana Lima")
    page = tabs.open(site(sandbox))
    chat(page, "Ana Lima").click()
    send(page, sandbox, message="Your table is ready")
    bubble = page.locator(".bubble")

    bubble.hover()
    bubble.get_by_role("button", name="Request").click()

    detail = page.locator(".detail")
    expect(detail.locator("header")).to_contain_text("200")
    expect(detail).to_contain_text("let in by the limiter, 4 of 5 left")
    expect(detail).to_contain_text('"message": "Your table is ready"')
    expect(detail).to_contain_text('"whatsapp_message_id"')
    expect(detail.locator(".headers").first).to_contain_text("Authorization")
    assert KEY not in detail.inner_text()
    detail.get_by_role("button", name="Its message").click()
    expect(page.locator(".bubble.lit .text")).to_have_text("Your table is ready")


def test_a_request_is_copied_as_curl_without_its_key(
    tabs: Tabs, sandbox: Emulator
) -> None:
    sandbox.customer_writes(ANA, name="Ana Lima")
    page = tabs.open(site(sandbox))
    send(page, sandbox, message="it's ready")
    page.locator(".inspector").get_by_role("option").click()

    page.get_by_role("button", name="Copy as curl").click()

    expect(page.get_by_role("button", name="Copied")).to_be_visible()
    line = page.evaluate("navigator.clipboard.readText()")
    assert line.startswith(f"curl -X 'POST' '{sandbox.base_url}/user/whatsapp/send")
    assert "$AUTOCALLS_API_KEY" in line
    assert "nobody" not in line


def test_a_fault_is_armed_and_seen_to_strike(tabs: Tabs, sandbox: Emulator) -> None:
    sandbox.customer_writes(ANA, name="Ana Lima")
    page = tabs.open(site(sandbox))
    controls = show_tab(page, "Controls")

    controls.get_by_role("combobox", name="What").select_option("refuse")
    controls.get_by_role("spinbutton", name="Status").fill("503")
    controls.get_by_role("combobox", name="To").select_option("send-freeform")
    controls.get_by_label("Times").fill("2")
    controls.get_by_role("button", name="Let it happen").click()
    expect(page.locator(".vitals .armed")).to_contain_text("Faults ahead 2")
    assert send(page, sandbox, message="lost").status == 503

    expect(page.locator(".vitals .armed")).to_contain_text("Faults ahead 1")
    row = show_tab(page, "Requests").get_by_role("option").first
    expect(row).to_contain_text("503")
    expect(row.locator(".chip.fault")).to_contain_text("refuse")
    show_tab(page, "Controls").get_by_role("button", name="None of these").click()
    expect(page.locator(".vitals .armed")).to_have_count(0)
    assert send(page, sandbox, message="found").status == 200


def test_too_many_sends_doubles_and_strange_fields_are_seen(
    tabs: Tabs, sandbox: Emulator
) -> None:
    sandbox.customer_writes(ANA, name="Ana Lima")
    page = tabs.open(site(sandbox))

    statuses = [send(page, sandbox, message="hi", mood="good").status for _ in range(7)]

    limits = show_tab(page, "Limits")
    rejected = statuses.count(429)
    assert rejected > 0
    card = limits.locator(".cards div")
    expect(card.filter(has_text="429").locator("dd").first).to_have_text(str(rejected))
    expect(card.filter(has_text="Doubles").locator("dd").first).to_have_text(
        str(6 - rejected)
    )
    expect(limits.locator(".chips")).to_have_text("send-freeform.mood")
    bars = limits.get_by_role("img", name=re.compile("Sends a second"))
    told = (bars.get_attribute("aria-label") or "").partition(": ")[2]
    assert sum(map(int, told.split(", "))) == 7
    expect(bars.locator("text.limit")).to_have_text("5")


def test_a_callout_that_fails_shows_its_retries_and_can_be_hurried(tabs: Tabs) -> None:
    with answered() as (emulator, bot):
        bot.receipt_status = 503
        emulator.customer_writes(ANA, name="Ana Lima")
        page = tabs.open(site(emulator))
        send(page, emulator, message="hi")
        callouts = show_tab(page, "Callouts")
        row = callouts.get_by_role("option").filter(has_text="sent")

        expect(row.locator(".chip")).to_have_text(re.compile("^ *[0-9]+ s$"))
        row.click()
        detail = page.locator(".detail")
        expect(detail.locator(".attempts")).to_contain_text("503")
        expect(detail.locator(".headers")).to_contain_text("X-Signature-256")
        bot.receipt_status = 204
        detail.get_by_role("button", name="Retry now").click()
        expect(detail.locator("header")).to_contain_text("204 done")
        expect(detail.locator(".attempts li")).to_have_count(2)
        got = len(bot.receipts)
        detail.get_by_role("button", name="Broken signature").click()
        expect(callouts.get_by_role("option")).not_to_have_count(2)

    signatures = {receipt["signature"] for receipt in bot.receipts[:got]}
    assert len(bot.receipts) > got
    assert bot.receipts[-1]["signature"] not in signatures


def test_the_clock_runs_a_window_down(tabs: Tabs, sandbox: Emulator) -> None:
    sandbox.customer_writes(ANA, name="Ana Lima")
    page = tabs.open(site(sandbox))
    chat(page, "Ana Lima").click()
    controls = show_tab(page, "Controls")

    controls.get_by_role("button", name="+1 h").click()
    expect(page.locator(".window")).to_contain_text("22 h 59 min")
    controls.get_by_role("button", name="A minute before it").click()
    expect(page.locator(".window")).to_contain_text(re.compile("open for (1 min|5. s)"))
    controls.get_by_role("button", name="To the end of this window").click()

    expect(page.locator(".window")).to_contain_text("Window closed")
    expect(chat(page, "Ana Lima").locator(".left")).to_have_text("closed")


def test_the_account_can_be_turned(tabs: Tabs, sandbox: Emulator) -> None:
    page = tabs.open(site(sandbox))
    controls = show_tab(page, "Controls")

    controls.get_by_label(re.compile("Acme Corp Sales")).select_option("offline")
    controls.get_by_label("Balance", exact=True).fill("7.25")
    controls.get_by_role("button", name="Set", exact=True).click()
    expect(page.locator(".vitals")).to_contain_text("Balance 7.25")
    controls.get_by_label("Status of season_sale").select_option("approved")
    controls.get_by_role("button", name="New template").click()
    dialog = page.get_by_role("dialog", name="New template")
    dialog.get_by_label("Name").fill("table_ready")
    dialog.get_by_label("Text").fill("Hi {{1}}, table {{2}} is ready.")
    dialog.get_by_role("button", name="Save").click()

    expect(controls).to_contain_text("Hi {{1}}, table {{2}} is ready.")
    state = page.request.get(f"{site(sandbox)}_sandbox/v1/state").json()
    assert [sender["status"] for sender in state["senders"]] == ["online", "offline"]
    approved = {t["id"] for t in state["templates"] if t["status"] == "approved"}
    assert approved == {45, 46, 47, 48}
    assert state["templates"][-1]["variables"] == ["1", "2"]


def test_a_snapshot_brings_back_what_a_reset_forgot(
    tabs: Tabs, sandbox: Emulator, tmp_path: Path
) -> None:
    page = tabs.open(site(sandbox))
    sandbox.customer_writes(ANA, name="Ana Lima", text="Remember me")
    controls = show_tab(page, "Controls")
    with page.expect_download() as saved:
        controls.get_by_role("link", name="Save a snapshot").click()
    kept = tmp_path / "kept.json"
    saved.value.save_as(kept)
    assert "Remember me" in json.dumps(json.loads(kept.read_text()))

    controls.get_by_role("button", name="Reset").click()
    page.get_by_role("dialog").get_by_role("button", name="Reset").click()
    expect(chat(page, "Ana Lima")).to_have_count(0)
    controls.get_by_label("Restore one").set_input_files(kept)

    expect(chat(page, "Ana Lima")).to_contain_text("Remember me")


def test_a_talk_is_recorded_and_can_be_saved(
    tabs: Tabs, sandbox: Emulator, tmp_path: Path
) -> None:
    sandbox.customer_writes(ANA, name="Ana Lima")
    page = tabs.open(site(sandbox))
    chat(page, "Ana Lima").click()
    controls = show_tab(page, "Controls")
    controls.get_by_role("button", name="Record the talk").click()
    expect(controls.get_by_role("button", name="Stop recording")).to_be_visible()

    write(page, "On the record")
    expect(page.locator(".bubble")).to_have_count(1)
    with page.expect_download() as saved:
        controls.get_by_role("link", name="Save the recording").click()
    run = tmp_path / "run.jsonl"
    saved.value.save_as(run)
    controls.get_by_role("button", name="Stop recording").click()

    assert "On the record" in run.read_text()
    expect(controls.get_by_role("button", name="Record the talk")).to_be_visible()
