"""However much there is, only what is in sight is on the page, and all is found."""

import pytest
from playwright.sync_api import Page, expect

from autocalls_async.emulator import Emulator
from autocalls_async.testing import live
from tests.emulator.page.browsing import Tabs
from tests.emulator.page.talking import chat, site

pytestmark = [pytest.mark.needs("a browser"), pytest.mark.xdist_group("browser")]

CHATS = 400
EACH = 5
MOST_ELEMENTS = 1500


def crowded() -> Emulator:
    """Return a sandbox of many chats, each with some messages."""
    emulator = Emulator(page=True, keep=CHATS * EACH)
    for each in range(EACH):
        for at in range(CHATS):
            emulator.customer_writes(
                f"+1415556{at:04d}",
                name=f"Customer {at}",
                text=f"message {each} of {at}",
            )
    return emulator


def elements(page: Page) -> int:
    return int(page.evaluate("document.querySelectorAll('*').length"))


def test_of_many_chats_only_those_in_sight_are_on_the_page(tabs: Tabs) -> None:
    with live(crowded()) as emulator:
        page = tabs.open(site(emulator))
        rows = page.locator(".chats").get_by_role("option")
        expect(rows.first).to_contain_text(f"Customer {CHATS - 1}")
        assert elements(page) < MOST_ELEMENTS

        expect(rows.first).to_have_attribute("aria-setsize", str(CHATS))
        page.get_by_role("listbox", name="Customers").focus()
        page.keyboard.press("End")
        expect(page.locator(".slot[data-cursor]")).to_contain_text("Customer 0")
        expect(page.locator(".slot[data-cursor]")).to_be_in_viewport()
        assert elements(page) < MOST_ELEMENTS

        page.locator(".search input").fill("message 0 of 250")
        expect(rows).to_have_count(1)
        rows.click()
        expect(page.locator(".bubble")).to_have_count(EACH)
        expect(page.locator(".bubble.lit .text")).to_have_text("message 0 of 250")


def test_the_top_of_the_chats_stays_in_sight_while_others_write(tabs: Tabs) -> None:
    with live(crowded()) as emulator:
        page = tabs.open(site(emulator))
        chat(page, f"Customer {CHATS - 1}").click()

        for at in range(50):
            emulator.customer_writes(f"+1415556{at:04d}", text=f"news {at}")

        first = page.locator(".chats").get_by_role("option").filter(has_text="news 49")
        expect(first).to_have_attribute("aria-posinset", "1")
        expect(first).to_be_in_viewport()


def test_many_events_at_once_are_all_there(tabs: Tabs) -> None:
    with live(Emulator(page=True)) as emulator:
        emulator.customer_writes("+14155560000", name="Ana Lima", text="first")
        page = tabs.open(site(emulator))
        chat(page, "Ana Lima").click()
        for number in range(300):
            phone = f"+1415556{number % 10:04d}"
            emulator.customer_writes(phone, name=f"C {number % 10}", text=f"n {number}")

        expect(page.locator(".bubble .text").last).to_have_text("n 290")
        expect(page.locator(".bubble").last).to_be_in_viewport()
        first = page.locator(".chats").get_by_role("option").first
        expect(first).to_contain_text("n 299")
