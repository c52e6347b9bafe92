"""One plays both sides: writes as the customer, and sees what the program answers."""

import re

import pytest
from playwright.sync_api import expect

from autocalls_async.emulator import Emulator
from autocalls_async.testing import live
from tests.emulator.page.bots import answered
from tests.emulator.page.browsing import Tabs
from tests.emulator.page.talking import ANA, chat, send, show_tab, site, write

pytestmark = [pytest.mark.needs("a browser"), pytest.mark.xdist_group("browser")]

DAY = 86400


def test_a_customer_writes_and_a_program_answers_before_their_eyes(tabs: Tabs) -> None:
    with answered() as (emulator, bot):
        emulator.customer_writes(ANA, name="Ana Lima")
        page = tabs.open(site(emulator))
        chat(page, "Ana Lima").click()

        write(page, "Do you have a table?\nFor four 🎉")

        answer = page.locator(".bubble.business")
        expect(page.locator(".bubble.customer .text")).to_have_text(
            "Do you have a table?\nFor four 🎉", use_inner_text=True
        )
        expect(answer.locator(".text")).to_have_text(
            "You wrote: Do you have a table?\nFor four 🎉", use_inner_text=True
        )
        expect(answer.locator(".ticks")).to_have_text(re.compile("read"))
        expect(page.locator(".window")).to_contain_text("Window open for 23 h 59 min")
        page.get_by_role("button", name="End this conversation").click()
        expect(page.locator(".note")).to_contain_text("has ended")
        ended = (
            show_tab(page, "Callouts").get_by_role("option").filter(has_text="ended")
        )
        expect(ended).to_contain_text("204")

    [end] = bot.ended
    assert end["message_count"] == 2
    assert [receipt["status"] for receipt in bot.receipts] == [
        "sent",
        "delivered",
        "read",
    ]


def test_a_message_that_nobody_looks_at_is_not_read(
    tabs: Tabs, sandbox: Emulator
) -> None:
    sandbox.customer_writes(ANA, name="Ana Lima")
    page = tabs.open(site(sandbox))
    send(page, sandbox, message="Are you there?")

    row = chat(page, "Ana Lima")
    expect(row.locator(".unread")).to_have_text("1")
    expect(page).to_have_title("(1) Autocalls sandbox")
    sandbox.advance(60)
    row.click()
    ticks = page.locator(".bubble .ticks")
    expect(ticks).to_have_text(re.compile("read"))

    expect(row.locator(".unread")).to_have_count(0)
    expect(page).to_have_title("Autocalls sandbox")


def test_a_template_shows_its_name_and_the_text_that_the_customer_reads(
    tabs: Tabs, sandbox: Emulator
) -> None:
    sandbox.customer_writes(ANA, name="Ana Lima")
    page = tabs.open(site(sandbox))
    chat(page, "Ana Lima").click()

    values = {"1": "Ana", "2": "Friday", "3": "10:00"}
    send(page, sandbox, template_id=45, variables=values)

    bubble = page.locator(".bubble")
    expect(bubble.locator(".template")).to_have_text(
        "template appointment_reminder (45)"
    )
    expect(bubble.locator(".text")).to_contain_text(
        "your appointment on Friday at 10:00"
    )


def test_a_window_runs_down_and_a_day_line_parts_the_days(
    tabs: Tabs, sandbox: Emulator
) -> None:
    sandbox.customer_writes(ANA, name="Ana Lima")
    page = tabs.open(site(sandbox))
    chat(page, "Ana Lima").click()
    write(page, "Good evening")
    expect(page.locator(".bubble")).to_have_count(1)
    meter = page.get_by_role("meter", name="24-hour window")
    expect(meter).to_have_attribute("aria-valuenow", "24.00")

    sandbox.advance(DAY - 1800)
    expect(chat(page, "Ana Lima").locator(".left.soon")).to_have_text("29 min")
    expect(page.locator(".clock .drift")).to_have_text(re.compile(r"^\+23 h 30 min$"))
    sandbox.advance(2 * DAY)
    expect(page.locator(".window")).to_have_text(
        "Window closed: only a template gets through"
    )
    expect(meter).to_have_attribute("aria-valuenow", "0.00")
    send(page, sandbox, template_id=46)

    expect(page.locator(".bubble")).to_have_count(2)
    expect(page.locator(".day")).to_have_count(2)
    expect(page.locator(".day").last).to_have_text("Today")


def test_a_message_can_be_read_or_fail_with_a_code(tabs: Tabs) -> None:
    with live(Emulator(page=True, receipt_steps="manual")) as emulator:
        emulator.customer_writes(ANA, name="Ana Lima")
        page = tabs.open(site(emulator))
        chat(page, "Ana Lima").click()
        send(page, emulator, message="one")
        send(page, emulator, message="two")
        expect(page.locator(".bubble .ticks")).to_have_text([re.compile("queued")] * 2)
        first, second = page.locator(".bubble").all()

        first.hover()
        first.get_by_role("button", name="Read").click()
        second.hover()
        second.get_by_role("button", name="Fail").click()
        dialog = page.get_by_role("dialog", name="Let this message fail")
        dialog.get_by_label("Code").fill("131047")
        dialog.get_by_role("button", name="Let it fail").click()

        expect(first.locator(".ticks")).to_have_text(re.compile("read"))
        expect(second.locator("footer")).to_contain_text("failed")
        expect(second.locator("footer")).to_contain_text("131047 Re-engagement message")
        expect(dialog).to_have_count(0)


def test_a_new_customer_is_there_at_once_and_can_be_written_as(
    tabs: Tabs, sandbox: Emulator
) -> None:
    page = tabs.open(site(sandbox))
    page.get_by_role("button", name="New customer").first.click()
    dialog = page.get_by_role("dialog", name="New customer")
    dialog.get_by_label("Name").fill("Ben Okri")
    dialog.get_by_label("First message").fill("Hello")

    dialog.get_by_role("button", name="Add").click()

    expect(page.locator(".bubble.customer .text")).to_have_text("Hello")
    expect(page.get_by_label("Write as Ben Okri")).to_be_focused()
    page.keyboard.type("Still here")
    page.keyboard.press("Enter")
    expect(page.locator(".bubble.customer .text").last).to_have_text("Still here")


def test_what_the_sandbox_refuses_is_said_in_its_own_words(
    tabs: Tabs, sandbox: Emulator
) -> None:
    page = tabs.open(site(sandbox))
    page.get_by_role("button", name="New customer").first.click()
    dialog = page.get_by_role("dialog", name="New customer")

    dialog.get_by_label("Phone").fill("not a number")
    dialog.get_by_role("button", name="Add").click()

    expect(page.get_by_role("status")).to_contain_text(["live", "E.164"])
    expect(dialog.get_by_label("Phone")).to_have_value("not a number")
    assert [text for text in tabs.complaints if "422" in text] == tabs.complaints
    tabs.complaints.clear()


def test_what_was_said_is_found_and_shown_where_it_was_said(
    tabs: Tabs, sandbox: Emulator
) -> None:
    for number in range(60):
        text = "the red umbrella" if number == 7 else f"message {number}"
        sandbox.customer_writes(ANA, name="Ana Lima", text=text)
    sandbox.customer_writes("+14155550124", name="Ben Okri", text="hello")
    page = tabs.open(site(sandbox))

    page.keyboard.press("/")
    page.keyboard.type("RED umb")
    expect(page.locator(".chats mark")).to_have_text("red umb")
    expect(page.locator(".found")).to_have_text("1 customer")
    chat(page, "Ana Lima").click()

    expect(page.locator(".bubble.lit .text")).to_have_text("the red umbrella")
    expect(page.locator(".bubble.lit")).to_be_in_viewport()


def test_a_long_talk_stays_where_one_reads_and_tells_of_what_is_new(
    tabs: Tabs, sandbox: Emulator
) -> None:
    for number in range(200):
        text = f"message {number}\n" + "more\n" * (number % 5)
        sandbox.customer_writes(ANA, name="Ana Lima", text=text)
    page = tabs.open(site(sandbox))
    chat(page, "Ana Lima").click()
    expect(page.locator(".bubble .text").last).to_contain_text("message 199")
    expect(page.locator(".bubble").last).to_be_in_viewport()

    page.locator(".talk").hover()
    page.mouse.wheel(0, -4000)
    expect(page.locator(".bubble").filter(has_text="message 199")).to_have_count(0)
    page.wait_for_timeout(200)
    middle = page.evaluate(
        "document.elementFromPoint(700, 400).closest('.bubble')?.innerText"
        " ?? document.elementFromPoint(400, 400).closest('.slot')?.innerText"
    )
    send(page, sandbox, message="something new")
    expect(page.get_by_role("button", name="1 new message")).to_be_visible()

    assert middle
    assert middle == page.evaluate(
        "document.elementFromPoint(700, 400).closest('.bubble')?.innerText"
        " ?? document.elementFromPoint(400, 400).closest('.slot')?.innerText"
    )
    page.get_by_role("button", name="1 new message").click()
    expect(page.locator(".bubble .text").last).to_have_text("something new")
    expect(page.locator(".bubble").last).to_be_in_viewport()


def test_a_page_finds_the_sandbox_again_that_was_started_anew(tabs: Tabs) -> None:
    emulator = Emulator(page=True)
    with live(emulator):
        emulator.customer_writes(ANA, name="Ana Lima")
        page = tabs.open(site(emulator))
        expect(chat(page, "Ana Lima")).to_be_visible()
    expect(page.locator(".link.live")).to_have_count(0)

    with live(emulator):
        expect(page.locator(".link.live")).to_be_visible()
        emulator.customer_writes("+14155550124", name="Ben Okri", text="Back again?")

        expect(chat(page, "Ben Okri")).to_contain_text("Back again?")


@pytest.mark.parametrize("count", [8])
def test_more_tabs_than_a_browser_has_connections_are_all_live(
    tabs: Tabs, sandbox: Emulator, count: int
) -> None:
    pages = [tabs.open(site(sandbox)) for _ in range(count)]

    sandbox.customer_writes(ANA, name="Ana Lima", text="Everybody?")

    for page in pages:
        expect(page.locator(".link.live")).to_be_visible()
        expect(chat(page, "Ana Lima")).to_contain_text("Everybody?")
