"""The page is for everybody: by axe, by keyboard alone, and on a narrow screen."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.resources import files

import pytest
from playwright.sync_api import Page, expect

from autocalls_async.emulator import Emulator, Endpoint, HangUpAfter, Refuse
from autocalls_async.testing import live
from tests.emulator.page.browsing import Tabs
from tests.emulator.page.talking import ANA, chat, send, show_tab, site

pytestmark = [pytest.mark.needs("a browser"), pytest.mark.xdist_group("browser")]

AXE = files("axe_playwright_python").joinpath("axe.min.js").read_text("utf-8")
TABS = ["Requests", "Limits", "Callouts", "Controls"]
# Between light and dark only colours differ.
COLOURS = ["color-contrast", "link-in-text-block"]


@contextmanager
def busy() -> Iterator[Emulator]:
    """Run a sandbox in which a bit of everything has happened."""
    nobody = "http://127.0.0.1:9/receipts"
    with live(Emulator(page=True, webhook=nobody, receipt_steps="manual")) as emulator:
        emulator.populate(12)
        emulator.customer_writes(ANA, name="Ana Lima", text="Do you have a table?")
        yield emulator


def fill(page: Page, emulator: Emulator) -> None:
    """Let a program send, too fast and into faults; one message fails."""
    sent = send(page, emulator, message="Yes. For how many?").json()
    send(page, emulator, template_id=45, variables={"1": "Ana", "2": "x", "3": "y"})
    emulator.fail_next(1, Refuse(503))
    emulator.fail_next(3, HangUpAfter(), endpoint=Endpoint.ME)
    for number in range(5):
        send(page, emulator, message=f"again {number}", mood="good")
    emulator.set_status(sent["whatsapp_message_id"], "failed")


def broken_rules(page: Page, *, only: Sequence[str] = ()) -> list[str]:
    """Return what axe finds wrong, by all its rules or some, each with its element."""
    if page.evaluate("typeof axe === 'undefined'"):
        page.evaluate(AXE)
    options = {"resultTypes": ["violations"], **({"runOnly": [*only]} if only else {})}
    found = page.evaluate("(options) => axe.run(document, options)", options)
    return [
        f"{rule['id']}: {node['target']} {node['failureSummary']}"
        for rule in found["violations"]
        for node in rule["nodes"]
    ]


# What holds the page together: none of it may be wider than what it shows of itself.
_FRAMES = (
    "html, body, #app, .top, main, main > section, .head, .talk, .chats .long,"
    " .composer, [role=tabpanel], .detail, dialog[open], .panes"
)


def overflow(page: Page) -> int:
    """Return by how many pixels the widest part of the page is too wide."""
    return int(
        page.evaluate(
            "(frames) => Math.max(...[...document.querySelectorAll(frames)]"
            ".map((frame) => frame.scrollWidth - frame.clientWidth))",
            _FRAMES,
        )
    )


def each_view(page: Page) -> Iterator[str]:
    """Turn to each tab, with a detail open where there is one, and to dialogs."""
    for name in TABS:
        panel = show_tab(page, name)
        if name in {"Requests", "Callouts"}:
            panel.get_by_role("option").first.click()
            expect(panel.locator(".detail")).to_be_visible()
        yield name
    for name, opened_by in (("Keys", "Keys and help"), ("New template",) * 2):
        page.get_by_role("button", name=opened_by).click()
        expect(page.get_by_role("dialog", name=name)).to_be_visible()
        yield name
        page.keyboard.press("Escape")


def test_axe_finds_nothing_wrong_in_either_scheme(tabs: Tabs) -> None:
    with busy() as emulator:
        page = tabs.open(site(emulator))
        assert broken_rules(page) == []
        fill(page, emulator)
        chat(page, "Ana Lima").click()
        expect(page.locator(".bubble.failed")).to_be_visible()

        for view in each_view(page):
            page.emulate_media(color_scheme="light")
            assert broken_rules(page) == [], view
            page.emulate_media(color_scheme="dark")
            assert broken_rules(page, only=COLOURS) == [], f"{view}, dark"


def test_axe_finds_nothing_wrong_on_a_narrow_screen(tabs: Tabs) -> None:
    with busy() as emulator:
        page = tabs.open(site(emulator), width=390, height=800)
        fill(page, emulator)
        expect(page.locator(".chats")).to_be_visible()
        expect(page.locator(".inspector")).to_be_hidden()
        assert broken_rules(page) == []
        chat(page, "Ana Lima").click()
        expect(page.locator(".bubble.failed")).to_be_visible()
        assert broken_rules(page) == []
        page.get_by_role("navigation").get_by_role("button", name="Inspector").click()

        for view in each_view(page):
            page.emulate_media(color_scheme="light")
            assert broken_rules(page) == [], view
            page.emulate_media(color_scheme="dark")
            assert broken_rules(page, only=COLOURS) == [], f"{view}, dark"


def test_nothing_lies_beyond_the_edge_of_a_very_narrow_screen(tabs: Tabs) -> None:
    with busy() as emulator:
        emulator.customer_writes(ANA, name="Ana" * 40, text="w" * 400)
        page = tabs.open(site(emulator), width=320, height=640)
        fill(page, emulator)
        chat(page, "AnaAna").click()
        expect(page.locator(".bubble.failed")).to_be_visible()
        assert overflow(page) <= 0
        page.get_by_role("navigation").get_by_role("button", name="Chats").click()
        assert overflow(page) <= 0
        page.get_by_role("navigation").get_by_role("button", name="Inspector").click()

        for view in each_view(page):
            assert overflow(page) <= 0, view


def test_a_talk_is_had_by_keyboard(tabs: Tabs) -> None:
    with busy() as emulator:
        page = tabs.open(site(emulator))
        keys = page.keyboard

        keys.press("/")
        keys.type("table")
        keys.press("Escape")  # the search is over, and the list has the focus
        expect(page.locator(".search input")).to_have_value("")
        expect(page.get_by_role("listbox", name="Customers")).to_be_focused()
        for key in "jjk":
            keys.press(key)
        keys.press("Home")
        keys.press("Enter")
        expect(page.get_by_label("Write as Ana Lima")).to_be_focused()
        keys.type("For four")
        keys.press("Shift+Enter")
        keys.type("at eight")
        keys.press("Enter")

        expect(page.locator(".bubble.customer .text").last).to_have_text(
            "For four\nat eight", use_inner_text=True
        )
        keys.press("Escape")
        expect(page.get_by_role("listbox", name="Customers")).to_be_focused()


def test_the_inspector_is_used_by_keyboard(tabs: Tabs) -> None:
    with busy() as emulator:
        page = tabs.open(site(emulator))
        keys = page.keyboard
        send(page, emulator, message="Yes. For how many?")
        send(page, emulator, message="For four?")
        requests = page.get_by_role("listbox", name="Requests")
        chat(page, "Ana Lima").click()
        expect(page.locator(".bubble")).to_have_count(3)

        keys.press("Shift+Tab")  # from the writing line to the last message's handles
        keys.press("Enter")
        expect(page.locator(".detail")).to_contain_text("For four?")
        page.get_by_role("tab", name="Requests").focus()
        keys.press("ArrowRight")
        expect(page.get_by_role("tab", name="Limits")).to_be_focused()
        keys.press("ArrowLeft")
        keys.press("Tab")
        expect(requests).to_be_focused()
        keys.press("j")
        keys.press("Enter")
        expect(page.locator(".detail")).to_contain_text("For how many?")
        keys.press("Escape")

        expect(page.locator(".detail")).to_have_count(0)
        expect(requests).to_be_focused()


def test_a_dialog_gives_the_focus_back(tabs: Tabs, sandbox: Emulator) -> None:
    page = tabs.open(site(sandbox))
    page.keyboard.press("/")
    page.keyboard.press("Tab")
    expect(page.get_by_role("button", name="New customer").first).to_be_focused()

    page.keyboard.press("Enter")
    expect(page.get_by_role("dialog", name="New customer")).to_be_visible()
    page.keyboard.press("j")  # is a letter there, and moves nothing
    page.keyboard.press("Escape")

    expect(page.get_by_role("dialog")).to_have_count(0)
    expect(page.get_by_role("button", name="New customer").first).to_be_focused()


def test_where_the_focus_is_can_be_seen(tabs: Tabs) -> None:
    with busy() as emulator:
        page = tabs.open(site(emulator))
        unseen = []
        for _ in range(30):
            page.keyboard.press("Tab")
            style = "getComputedStyle(document.activeElement).outlineStyle"
            if page.evaluate(
                f"document.activeElement !== document.body && {style}"
            ) == ("none"):
                unseen.append(page.evaluate("document.activeElement.outerHTML"))

        assert unseen == []
