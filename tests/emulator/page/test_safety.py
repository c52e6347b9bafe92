"""Nothing that anybody sends does anything on the page but stand there as text."""

import json
import re
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from autocalls_async.emulator import Emulator
from autocalls_async.testing import live
from tests.emulator.page.bots import SIGNING, answered
from tests.emulator.page.browsing import Tabs
from tests.emulator.page.talking import ANA, KEY, chat, send, show_tab, site

pytestmark = [pytest.mark.needs("a browser"), pytest.mark.xdist_group("browser")]

HOSTILE = [
    "<img src=x onerror=alert(1)>",
    "</script><script>document.title='taken'</script>",
    "{{constructor.constructor('alert(1)')()}} ${alert(1)}",
    "javascript:alert(1)//\"'><svg/onload=alert(1)>",
    "\u202eesrever\u202c \u2066\u2069 \u200bzero\ufeff.",
    "&lt;b&gt; &amp; &#x3c;",
]


def test_what_is_sent_is_shown_as_the_text_that_it_is(tabs: Tabs) -> None:
    with live(Emulator(page=True, rate=50)) as sandbox:
        for at, text in enumerate(HOSTILE):
            sandbox.customer_writes(f"+1415555019{at}", name=text, text=text)
        page = tabs.open(site(sandbox))
        page.on("dialog", lambda dialog: tabs.complaints.append(dialog.message))
        bubbles = page.locator(".bubble .text")

        for at, text in enumerate(HOSTILE):
            send(page, sandbox, recipient_phone=f"+1415555019{at}", message=text)
            page.locator(".search input").fill(f"+1415555019{at}")
            page.locator(".chats").get_by_role("option").click()
            expect(bubbles).to_have_count(2)
            assert [bubble.text_content() for bubble in bubbles.all()] == [text, text]
            assert page.locator(".whom h2").text_content() == text
            assert page.locator(".chat .who").text_content() == text

        _assert_nothing_was_made_of_it(page)


def test_a_hostile_path_and_header_are_shown_as_they_came(
    tabs: Tabs, sandbox: Emulator
) -> None:
    page = tabs.open(site(sandbox))
    page.on("dialog", lambda dialog: tabs.complaints.append(dialog.message))
    requests = show_tab(page, "Requests").get_by_role("option")

    for at, text in enumerate(HOSTILE):
        note = re.sub(r"[^\x20-\x7e]", "", text)
        url = f"{sandbox.base_url}/{text}?recipient_phone={text}"
        page.request.get(url, headers={"X-Note": note})
        expect(requests).to_have_count(at + 1)
        requests.first.click()
        expect(page.locator(".detail .headers").first).to_contain_text(note)

    _assert_nothing_was_made_of_it(page)


def _assert_nothing_was_made_of_it(page: Page) -> None:
    strange = page.locator("main").locator("script, iframe, [onload], [onerror]")
    assert strange.count() == 0
    assert page.locator("main img:not([src^='/_sandbox/page/'])").count() == 0
    assert "Autocalls sandbox" in page.title()


def test_the_page_has_a_policy_without_exceptions_and_keeps_it(
    tabs: Tabs, sandbox: Emulator
) -> None:
    page = tabs.blank()
    answer = page.goto(site(sandbox))
    assert answer is not None
    policy = answer.headers["content-security-policy"]

    assert "unsafe" not in policy
    assert policy.startswith("default-src 'none'")
    assert set(re.findall(r"https?:|wss?:|\*|data:|blob:", policy)) == set()
    expect(page.locator(".link.live")).to_be_visible()
    ran = page.evaluate(
        """() => {
          const script = document.createElement("script");
          script.textContent = "window.ran = true";
          document.body.append(script);
          return window.ran ?? false;
        }"""
    )
    assert ran is False
    assert [text for text in tabs.complaints if "Content Security" in text]
    tabs.complaints.clear()


def test_no_key_and_no_secret_is_anywhere_on_the_page(tabs: Tabs) -> None:
    with answered() as (emulator, _):
        emulator.customer_writes(ANA, name="Ana Lima")
        page = tabs.open(site(emulator))
        heard = _listen(page)
        page.reload()
        chat(page, "Ana Lima").click()
        page.locator(".composer textarea").fill("hello")
        page.keyboard.press("Enter")
        expect(page.locator(".bubble.business")).to_be_visible()
        for name in ("Requests", "Callouts"):
            show_tab(page, name).get_by_role("option").last.click()
            expect(page.locator(".detail")).to_be_visible()
            heard.append(page.content())
        for path in ("state", "requests", "callouts", "snapshot"):
            heard.append(page.request.get(f"{site(emulator)}_sandbox/v1/{path}").text())

    whole = json.dumps(heard)
    assert "You wrote: hello" in whole
    assert KEY not in whole
    assert KEY.partition("|")[2] not in whole
    assert SIGNING not in whole


def _listen(page: Page) -> list[str | bytes]:
    """Hear every frame of the page's feed from now on."""
    heard: list[str | bytes] = []

    def take(frame: str | bytes) -> None:
        heard.append(frame)

    page.on("websocket", lambda socket: socket.on("framereceived", take))
    return heard


def test_the_page_asks_nobody_else_and_works_without_a_network(
    tabs: Tabs, sandbox: Emulator
) -> None:
    asked: list[str] = []
    page = tabs.blank()
    page.on("request", lambda request: asked.append(request.url))
    page.goto(site(sandbox))
    expect(page.locator(".link.live")).to_be_visible()

    assert all(url.startswith(site(sandbox)) for url in asked)
    assert len(asked) > 20


def test_no_file_of_the_page_names_another_host() -> None:
    home = Path(__file__).parents[3] / "autocalls_async" / "emulator" / "page"
    ours = [p for p in home.rglob("*.*") if "vendor" not in p.parts]

    named = {
        (path.name, url)
        for path in ours
        for url in re.findall(r"https?://[\w.-]+", path.read_text())
    }

    assert named <= {("icon.svg", "http://www.w3.org")}
