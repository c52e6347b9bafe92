"""What a person does on the page, and a program on the service."""

from playwright.sync_api import APIResponse, Locator, Page

from autocalls_async.emulator import Emulator

KEY = "1|the-key-that-nobody-shall-see-whole"
ANA = "+14155550123"


def site(emulator: Emulator) -> str:
    """Return where the page is."""
    return emulator.base_url.removesuffix("api")


def chat(page: Page, name: str) -> Locator:
    """Find somebody's row among the chats."""
    return page.locator(".chats").get_by_role("option").filter(has_text=name)


def write(page: Page, text: str) -> None:
    """Write as the customer whose chat is open."""
    page.locator(".composer textarea").fill(text)
    page.keyboard.press("Enter")


def show_tab(page: Page, name: str) -> Locator:
    """Turn to a tab of the inspector, and return its panel."""
    page.get_by_role("tab", name=name).click()
    return page.get_by_role("tabpanel", name=name)


def send(page: Page, emulator: Emulator, **body: object) -> APIResponse:
    """Send a message as a program would: freeform to Ana, unless told otherwise."""
    kind = "send" if "template_id" in body else "send-freeform"
    whole = {"sender_id": 12, "recipient_phone": ANA, **body}
    return page.request.post(
        f"{emulator.base_url}/user/whatsapp/{kind}",
        data=whole,
        headers={"Authorization": f"Bearer {KEY}", "Accept": "application/json"},
    )
