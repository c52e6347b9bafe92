"""The control API: who may use it, what it answers, and how it is documented."""

import asyncio
import json
import re
import shlex
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

import aiohttp
import pytest

from autocalls_async import AutocallsClient
from autocalls_async.emulator import Emulator, HangUpAfter, Stall
from autocalls_async.emulator.control.site import CALLS
from autocalls_async.testing import live
from tests.emulator.sandbox.conftest import Control, Program
from tests.emulator.sandbox.schema import differences
from tests.people import ANA

DOCS = Path(__file__).parents[3] / "docs/pages/reference/control-api.md"
CURLS = [
    line.split(" #")[0].strip()
    for line in DOCS.read_text(encoding="utf-8").splitlines()
    if line.startswith("curl ")
]
KEY = "1|a-key-that-nobody-may-see"


async def reply(emulator: Emulator, text: str = "Until ten") -> None:
    """Send Ana a text."""
    async with AutocallsClient(KEY, base_url=emulator.base_url, sender_id=12) as client:
        await client.send_freeform(ANA, text)


def _path_of(curl: str) -> tuple[str, str]:
    """Return the method and the path of a line of the docs."""
    words = shlex.split(curl)
    url = next(word for word in words if word.startswith("$SANDBOX/"))
    method = words[words.index("-X") + 1] if "-X" in words else ""
    if not method:
        method = "POST" if "--json" in words else "GET"
    return method, url.removeprefix("$SANDBOX/").partition("?")[0]


def test_every_call_has_a_line_in_the_docs_and_none_is_made_up() -> None:
    known = {(call.method, call.path) for call in CALLS.all}
    told = set()
    for method, path in map(_path_of, CURLS):
        found = CALLS.find(path).get(method)
        told.add((method, path) if found is None else (method, found[0].path))

    assert told - known == {("GET", "openapi.json"), ("GET", "feed")}
    assert known - told == set()


@pytest.mark.needs("the real clock")
@pytest.mark.skipif(shutil.which("curl") is None, reason="there is no curl here")
def test_every_line_of_the_docs_runs(tmp_path: Path) -> None:
    with live(Emulator(page=True, webhook="http://127.0.0.1:9/hooks")) as emulator:
        emulator.populate()
        box = {"SANDBOX": f"{emulator.page_url}_sandbox/v1"}
        for curl in CURLS:
            if "messages/890/status" in curl:
                emulator.block_on(_send(emulator))
            ended = subprocess.run(  # noqa: S603 - the docs' own
                ["/bin/sh", "-c", curl],
                cwd=tmp_path,
                env={"PATH": "/usr/bin:/bin", **box},
                capture_output=True,
                text=True,
                errors="replace",
                check=False,
                timeout=20,
            )
            if "/feed" in curl:  # it goes on until the time that curl has is up
                assert "101 Switching Protocols" in ended.stdout, curl
            else:
                assert ended.returncode == 0, (curl, ended.stdout, ended.stderr)


async def _send(emulator: Emulator) -> None:
    headers = {"Authorization": "Bearer any", "Accept": "application/json"}
    body = {"sender_id": 12, "recipient_phone": "+14155550001", "message": "until ten"}
    async with (
        aiohttp.ClientSession(headers=headers) as session,
        session.post(
            f"{emulator.base_url}/user/whatsapp/send-freeform", json=body
        ) as answer,
    ):
        assert answer.status == 200


LOOKS = [
    call.path for call in CALLS.all if call.method == "GET" and call.answer != "Waited"
]


@pytest.mark.parametrize("path", [p for p in LOOKS if p != "recording"])
async def test_every_answer_is_as_its_schema_says(
    path: str, box: Emulator, control: Control
) -> None:
    box.customer_writes(ANA, "Are you open?")
    box.fail_next(1, HangUpAfter())
    await reply_somehow(box)
    await asyncio.sleep(2)

    api = await control.get("openapi.json")
    answer = await control.get(path)

    schema = api["paths"][f"/{path}"]["get"]["responses"]["200"]["content"]
    known = api["components"]["schemas"]
    found = differences(answer, schema["application/json"]["schema"], known)
    assert list(found) == []


async def reply_somehow(emulator: Emulator) -> None:
    """Send a text whose answer is lost, and one that comes through."""
    async with AutocallsClient(KEY, base_url=emulator.base_url, sender_id=12) as client:
        client.windows.note_inbound(ANA)
        await asyncio.gather(
            client.send_freeform(ANA, "lost"),
            client.send_freeform(ANA, "found"),
            return_exceptions=True,
        )


async def test_the_document_names_every_call_with_its_bodies(control: Control) -> None:
    api = await control.get("openapi.json")

    assert api["openapi"].startswith("3.1")
    for call in CALLS.all:
        operation = api["paths"][f"/{call.path}"][call.method.lower()]
        assert str(call.status) in operation["responses"]
        assert ("requestBody" in operation) == (call.body is not None or call.free_body)
        named = {p["name"] for p in operation["parameters"]}
        assert named == {*call.path_fields, *call.query}


WRONG: Mapping[str, tuple[str, str, object, int, str | None]] = {
    "no text": ("POST", f"customers/{ANA}/messages", {}, 422, "text"),
    "blank": ("POST", f"customers/{ANA}/messages", {"text": " "}, 422, "text"),
    "long": ("POST", f"customers/{ANA}/messages", {"text": "x" * 4097}, 422, "text"),
    "half": ("POST", f"customers/{ANA}/messages", {"text": "\ud800"}, 422, "text"),
    "phone": ("POST", "customers/0301234/messages", {"text": "hi"}, 422, "phone"),
    "sender": (
        "POST",
        f"customers/{ANA}/messages",
        {"text": "hi", "sender_id": 99},
        422,
        "sender_id",
    ),
    "no number": ("POST", "clock", {"advance": "soon"}, 422, "advance"),
    "backwards": ("POST", "clock", {"advance": -1}, 422, "advance"),
    "back to": ("POST", "clock", {"to": -5}, 422, "to"),
    "both": ("POST", "clock", {"to": 5, "advance": 1}, 422, "advance"),
    "true": ("POST", "clock", {"advance": True}, 422, "advance"),
    "unknown": ("POST", "clock", {"forward": 1}, 422, "forward"),
    "list": ("POST", "clock", [1], 422, None),
    "fault": ("POST", "faults", {"fault": "fire"}, 422, "fault"),
    "endpoint": (
        "POST",
        "faults",
        {"fault": "stall", "endpoint": "x"},
        422,
        "endpoint",
    ),
    "count": ("POST", "faults", {"fault": "stall", "count": 0}, 422, "count"),
    "no sender": ("PATCH", "senders/99", {"status": "online"}, 404, "id"),
    "no template": ("PATCH", "templates/99", {"status": "paused"}, 404, "id"),
    "variables": ("PATCH", "templates/45", {"variables": "a"}, 422, "variables"),
    "no message": ("PUT", "messages/1/status", {"status": "read"}, 404, "id"),
    "status": ("PUT", "messages/1/status", {"status": "seen"}, 422, "status"),
    "money": ("PATCH", "account", {"balance": "much"}, 422, "balance"),
    "debt": ("PATCH", "account", {"balance": "-1"}, 422, "balance"),
    "not finite": ("PATCH", "account", {"balance": "NaN"}, 422, "balance"),
    "no callout": ("POST", "callouts/9/again", {}, 404, "id"),
    "snapshot": ("PUT", "snapshot", {"a": 1}, 422, None),
    "on": ("POST", "recording", {"on": "yes"}, 422, "on"),
    "no recording": ("GET", "recording", None, 404, None),
    "nobody": ("POST", "customers/+14155550999/end", {}, 404, "phone"),
    "limit": ("GET", "messages?limit=0", None, 422, "limit"),
    "no int": ("GET", "messages?after=x", None, 422, "after"),
    "for": ("GET", "wait?for=godot", None, 422, "for"),
    "path": ("GET", "nowhere", None, 404, None),
    "method": ("DELETE", "clock", {}, 405, None),
    "feed": ("GET", "feed", None, 426, "Upgrade"),
}


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "field"), WRONG.values(), ids=WRONG
)
async def test_what_is_wrong_is_told_with_its_field(
    method: str,
    path: str,
    body: object,
    status: int,
    field: str | None,
    control: Control,
) -> None:
    got, answer = await control.ask(method, path, body)

    assert (got, answer["field"]) == (status, field)
    assert answer["error"]


async def test_what_is_no_json_is_told(control: Control) -> None:
    kind = {"Content-Type": "application/json"}
    async with control.session.post(
        f"{control.base}clock", data=b"{", headers=kind
    ) as answer:
        assert (answer.status, (await answer.json())["field"]) == (422, None)


FOREIGN: Mapping[str, tuple[str, str, dict[str, str], int]] = {
    "host of a page": (
        "GET",
        "/",
        {"Host": "evil.example", "Accept": "text/html"},
        403,
    ),
    "host of a file": ("GET", "/_sandbox/page/app.js", {"Host": "evil.example"}, 403),
    "host of a read": ("GET", "/_sandbox/v1/state", {"Host": "evil.example:80"}, 403),
    "an address": ("GET", "/_sandbox/v1/state", {"Host": "192.0.2.1"}, 403),
    "origin of a write": (
        "POST",
        "/_sandbox/v1/clock",
        {"Origin": "https://evil.example"},
        403,
    ),
    "no origin at all": ("POST", "/_sandbox/v1/clock", {"Origin": "null"}, 403),
    "another port": (
        "POST",
        "/_sandbox/v1/clock",
        {"Origin": "http://127.0.0.1:1"},
        403,
    ),
    "origin of the feed": (
        "GET",
        "/_sandbox/v1/feed",
        {"Origin": "https://evil.example"},
        403,
    ),
    "a form": (
        "POST",
        "/_sandbox/v1/clock",
        {"Content-Type": "text/plain"},
        415,
    ),
    "a read": ("GET", "/_sandbox/v1/clock", {"Origin": "https://evil.example"}, 200),
    "health": ("GET", "/", {"Host": "10.0.0.7"}, 200),
    "allowed": ("GET", "/_sandbox/v1/clock", {"Host": "sandbox.test:8080"}, 200),
    "localhost": ("GET", "/_sandbox/v1/clock", {"Host": "LOCALHOST:99"}, 200),
}


@pytest.mark.parametrize(
    ("method", "path", "headers", "status"), FOREIGN.values(), ids=FOREIGN
)
async def test_nobody_from_another_site_gets_in(
    method: str,
    path: str,
    headers: dict[str, str],
    status: int,
    session: aiohttp.ClientSession,
) -> None:
    async with Emulator(page=True, allow_hosts=["sandbox.test"]) as emulator:
        url = emulator.page_url.rstrip("/") + path
        async with session.request(
            method,
            url,
            data=b'{"advance": 1}' if method == "POST" else None,
            headers={"Content-Type": "application/json", **headers},
        ) as answer:
            assert answer.status == status


async def test_its_own_page_may_write(control: Control) -> None:
    origin = control.emulator.page_url.rstrip("/")

    status, _ = await control.ask("POST", "clock", {"advance": 1}, {"Origin": origin})

    assert status == 200


HOSTILE = "<script>alert(1)</script>\u202e\u0000\r\nX: y '\"; DROP TABLE"


async def test_hostile_texts_come_back_as_they_were(
    box: Emulator, control: Control
) -> None:
    path = f"customers/{ANA}/messages"
    sent = await control.write("POST", path, text=HOSTILE, name=HOSTILE)
    async with control.session.get(
        f"{box.base_url}/user/%3Cscript%3E%00/..%2f..%2fetc", headers={"X-Odd": "<b>é"}
    ) as answer:
        assert answer.status == 404

    state = await control.get("state")
    assert sent["text"] == state["chats"][0]["name"] == HOSTILE
    assert state["requests"][-1]["headers"]["X-Odd"] == "<b>é"
    assert "%3Cscript%3E" in state["requests"][-1]["target"]


@pytest.mark.parametrize(
    "path",
    ["..%2f..%2fserver.py", "../../server.py", "%2fetc%2fpasswd", "a%00b", "app.py"],
)
async def test_only_the_pages_own_files_are_served(path: str, control: Control) -> None:
    url = f"{control.emulator.page_url}_sandbox/page/{path}"
    async with control.session.get(url) as answer:
        assert answer.status == 404


async def test_the_key_is_nowhere_whole(
    box: Emulator, control: Control, tmp_path: Path
) -> None:
    box.customer_writes(ANA, "hi")
    box.sandbox.record(tmp_path / "run.jsonl")
    await reply(box)
    headers = {"Authorization": f"Bearer {KEY}", "X-Copy": KEY}
    url = f"{box.base_url}/user/me?key={KEY}"
    async with control.session.get(url, headers=headers):
        pass
    await asyncio.sleep(2)

    paths = ("state", "requests", "callouts", "events?after=0", "snapshot")
    shown = [json.dumps(await control.get(path)) for path in paths]
    shown.append((tmp_path / "run.jsonl").read_text(encoding="utf-8"))
    for text in shown:
        assert KEY not in text
        assert "a-key-that" not in text
        assert "s3cret" not in text
        assert "t0ken" not in text


async def test_a_wait_returns_what_was_there_and_what_comes(
    box: Emulator, control: Control
) -> None:
    phone = ANA.replace("+", "%2B")
    waiting = asyncio.create_task(
        control.get(f"wait?phone={phone}&contains=ten&count=2")
    )
    box.customer_writes(ANA, "Are you open until ten?")
    await reply(box, "Until ten")
    await asyncio.sleep(3)
    assert not waiting.done()
    await reply(box, "Yes, ten")

    found = (await waiting)["found"]
    assert [message["text"] for message in found] == ["Until ten", "Yes, ten"]
    read = await control.get("wait?for=status&status=delivered&count=2")
    assert {m["status"] for m in read["found"]} == {"delivered"}
    assert (await control.get("wait?for=callout&contains=delivered"))["found"]
    assert (await control.get(f"wait?for=request&phone={phone}&contains=Yes"))["found"]


async def test_a_wait_that_is_over_tells_what_came(
    box: Emulator, control: Control
) -> None:
    box.customer_writes(ANA, "hi")
    await reply(box)

    status, body = await control.ask("GET", "wait?count=2&timeout=30")

    assert status == 408
    assert [message["text"] for message in body["found"]] == ["Until ten"]
    assert body["error"] == "1 of 2 came in 30 s"


async def test_a_wait_can_be_cancelled(control: Control) -> None:
    waiting = asyncio.create_task(control.get("wait?timeout=500"))
    await asyncio.sleep(1)

    waiting.cancel()

    with pytest.raises(asyncio.CancelledError):
        await waiting


async def test_a_request_that_hangs_is_shown_while_it_hangs(
    box: Emulator, control: Control, session: aiohttp.ClientSession
) -> None:
    box.fail_next(1, Stall())
    asking = asyncio.create_task(
        session.get(f"{box.base_url}/user/me", headers={"Authorization": "Bearer x"})
    )
    await asyncio.sleep(1)

    (request,) = (await control.get("requests"))["requests"]
    asking.cancel()
    await asyncio.gather(asking, return_exceptions=True)

    assert (request["pending"], request["fault"]) == (True, "stall")


async def test_money_senders_templates_and_faults_are_turned(
    box: Emulator, control: Control
) -> None:
    await control.write("PATCH", "account", balance=12.5)
    await control.write("POST", "senders/15", status="offline")
    await control.write("PUT", "templates/60", name="late", body="Hi {{1}}")
    await control.write("PATCH", "templates/60", variables=["name"])
    await control.write("POST", "faults", fault="refuse", status=502, count=3)

    state = await control.get("state")
    assert (state["account"]["balance"], str(box.balance)) == ("12.5", "12.5")
    assert state["senders"][1]["status"] == "offline"
    assert state["templates"][-1]["variables"] == ["name"]
    assert state["faults"][0] | {"count": 3, "status": 502} == state["faults"][0]
    assert (await control.write("DELETE", "faults"))["faults"] == []


AGAIN: list[tuple[str, list[str]]] = [
    ("again", ["sent"]),
    ("twice", ["sent", "sent"]),
    ("out-of-order", ["delivered", "sent"]),
]


@pytest.mark.parametrize(("how", "statuses"), AGAIN, ids=[how for how, _ in AGAIN])
async def test_a_callout_is_repeated(
    how: str, statuses: list[str], box: Emulator, control: Control, program: Program
) -> None:
    box.customer_writes(ANA)
    await reply(box)
    await asyncio.sleep(2)
    program.heard.clear()

    await control.write("POST", "callouts/1/again", how=how)
    await asyncio.sleep(1)

    assert [heard.body["status"] for heard in program.heard] == statuses


async def test_a_signature_is_broken_and_an_attempt_hurried(
    box: Emulator, control: Control, program: Program
) -> None:
    box.customer_writes(ANA)
    program.answers = [503]
    await reply(box)
    await asyncio.sleep(2)
    first = program.heard[0]

    await control.write("POST", "callouts/1/again", how="now")
    await asyncio.sleep(1)
    status, body = await control.ask("POST", "callouts/1/again", {"how": "now"})
    await control.write("POST", "callouts/1/again", how="broken-signature")
    await asyncio.sleep(1)

    hurried, broken = program.heard[-2:]
    assert hurried.headers["X-Signature-256"] == first.headers["X-Signature-256"]
    assert broken.headers["X-Signature-256"] != first.headers["X-Signature-256"]
    assert (status, body["field"]) == (422, "how")


async def test_the_page_is_held_to_a_strict_policy(control: Control) -> None:
    async with control.session.get(
        control.emulator.page_url, headers={"Accept": "text/html,*/*"}
    ) as answer:
        text = await answer.text()
        policy = answer.headers.get("Content-Security-Policy", "")

    assert answer.status == 200
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert not re.search(r"https?://(?!127\.0\.0\.1)", text)
