"""`autocalls emulator`: its options, its files, its replay."""

import json
import os
import signal
import stat
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import pytest
from aiohttp import web

from autocalls_async.cli.emulator.stands import read_fields, read_latency
from autocalls_async.emulator import Emulator
from autocalls_async.testing import live
from tests.cli.conftest import Autocalls
from tests.ports import own_port

PHONE = "+14155550001"


def call(url: str, body: object = None) -> Any:  # noqa: ANN401 - whatever the JSON is
    """Return what a call answers."""
    raw = None if body is None else json.dumps(body).encode()
    kind = {"Content-Type": "application/json", "Accept": "application/json"}
    headers = {**kind, "Authorization": "Bearer any"}
    with urlopen(Request(url, data=raw, headers=headers)) as answer:  # noqa: S310 - ours
        return json.loads(answer.read())


@contextmanager
def while_it_serves(port: int, work: Callable[[str], None]) -> Iterator[None]:
    """Do something to an emulator of this process, and end it as Ctrl-C does."""

    def visit() -> None:
        for _ in range(500):
            try:
                call(f"http://127.0.0.1:{port}/_sandbox/v1/clock")
            except OSError:
                threading.Event().wait(0.02)
            else:
                break
        try:
            work(f"http://127.0.0.1:{port}")
        finally:
            os.kill(os.getpid(), signal.SIGINT)

    visitor = threading.Thread(target=visit)
    visitor.start()
    yield
    visitor.join()


def test_its_options_make_the_account(autocalls: Autocalls) -> None:
    port, told = own_port(), {}

    def look(url: str) -> None:
        told.update(call(f"{url}/_sandbox/v1/state"))

    with while_it_serves(port, look):
        ended = autocalls(
            *("emulator", "--port", str(port), "--json"),
            *("--balance", "7.5", "--cost", "0.1", "--rate", "9", "--customers", "3"),
            *("--webhook", "http://127.0.0.1:9/r", "--webhook-secret", "abc"),
            *("--receipt-steps", "manual", "--keep", "17", "--latency", "1-2ms"),
        )

    assert ended.status == 130
    (record,) = [json.loads(line) for line in ended.out.splitlines()]
    assert record["webhook_secret"] == "abc"  # noqa: S105 - a test's
    assert told["account"] | {"balance": "7.5", "cost": "0.1"} == told["account"]
    assert (told["limits"]["rate"], told["keep"]) == (9, 17)
    assert (len(told["chats"]), told["receipt_steps"]) == (3, "manual")


def test_an_empty_one_has_senders_alone(autocalls: Autocalls) -> None:
    port, told = own_port(), {}

    def look(url: str) -> None:
        told.update(call(f"{url}/_sandbox/v1/state"))

    with while_it_serves(port, look):
        autocalls("emulator", "--port", str(port), "--empty")

    assert [len(told[n]) for n in ("senders", "templates", "chats")] == [2, 0, 0]


def test_what_is_saved_is_loaded_and_what_is_said_recorded(
    autocalls: Autocalls, tmp_path: Path
) -> None:
    port = own_port()
    state, record = tmp_path / "state.json", tmp_path / "run.jsonl"
    seen: list[Any] = []

    def write(url: str) -> None:
        path = f"/_sandbox/v1/customers/{PHONE}/messages"
        call(f"{url}{path}", {"text": "Are you open?"})

    def look(url: str) -> None:
        seen.extend(call(f"{url}/_sandbox/v1/messages")["messages"])

    options = ("emulator", "--port", str(port), "--save", str(state))
    with while_it_serves(port, write):
        first = autocalls(*options, "--record", str(record))
    with while_it_serves(port, look):
        second = autocalls(*options, "--load", str(state))

    assert (first.status, second.status) == (130, 130)
    assert [message["text"] for message in seen] == ["Are you open?"]
    lines = [json.loads(line) for line in record.read_text().splitlines()]
    assert [line["kind"] for line in lines] == ["start", "customer"]
    for path in (state, record):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_the_page_is_opened_if_that_is_asked_for(
    autocalls: Autocalls, monkeypatch: pytest.MonkeyPatch
) -> None:
    port, opened = own_port(), list[str]()
    monkeypatch.setattr("webbrowser.open", opened.append)

    with while_it_serves(port, lambda _: None):
        autocalls("emulator", "--port", str(port), "--open")

    assert opened == [f"http://127.0.0.1:{port}/"]


UNUSABLE = {
    "url": (("--webhook", "nope"), "webhook must be a whole URL"),
    "latency": (("--latency", "5"), "--latency must be written like"),
    "long latency": (("--latency", "60-5ms"), "begin with the shorter"),
    "amount": (("--balance", "much"), "--balance must be an amount"),
    "debt": (("--cost", "-1"), "--cost must be an amount"),
    "fields": (("--inbound-fields", "text"), "must be written FIELD=NAME"),
    "field": (("--inbound-fields", "colour=x"), "can rename phone"),
    "no file": (("--load", "nowhere.json"), "cannot use nowhere.json"),
    "no snapshot": (("--load", "odd.json"), "no snapshot"),
    "a list": (("--load", "list.json"), "holds no object"),
    "another file": (("--load", "other.json"), "no snapshot of version 1"),
    "recorded": (("--record", "odd.json"), "cannot use odd.json: File exists"),
}


@pytest.mark.parametrize(("options", "words"), UNUSABLE.values(), ids=UNUSABLE)
def test_what_cannot_be_used_is_told(
    options: tuple[str, ...], words: str, autocalls: Autocalls, tmp_path: Path
) -> None:
    (tmp_path / "odd.json").write_text("{")
    (tmp_path / "list.json").write_text("[]")
    (tmp_path / "other.json").write_text("{}")

    ended = autocalls("emulator", "--port", "0", *options)

    assert ended.status == 2
    assert words in ended.complaint


def test_a_port_that_is_taken_is_told_with_a_way_out(autocalls: Autocalls) -> None:
    with live() as emulator:
        port = emulator.base_url.split(":")[2].split("/")[0]
        ended = autocalls("emulator", "--port", port)

    assert ended.status == 2
    assert "cannot listen on 127.0.0.1" in ended.complaint
    assert "--port 0 takes a free one" in ended.complaint


class Bot:
    """Somebody's bot on a loop of its own: it answers with what it is told to say."""

    def __init__(self, say: str) -> None:
        self.say = say
        self.base_url = ""

    @contextmanager
    def serve(self) -> Iterator[str]:
        """Serve it; give the URL that takes customers' messages."""
        import asyncio  # noqa: PLC0415

        port, loop = own_port(), asyncio.SelectorEventLoop()

        async def start() -> web.AppRunner:
            app = web.Application()
            app.router.add_post("/in", self.answer)
            runner = web.AppRunner(app)
            await runner.setup()
            await web.TCPSite(runner, "127.0.0.1", port).start()
            return runner

        thread = threading.Thread(target=loop.run_forever)
        thread.start()
        runner = asyncio.run_coroutine_threadsafe(start(), loop).result()
        yield f"http://127.0.0.1:{port}/in"
        asyncio.run_coroutine_threadsafe(runner.cleanup(), loop).result()
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()

    async def answer(self, request: web.Request) -> web.Response:
        """Answer a customer."""
        import asyncio  # noqa: PLC0415

        said = await request.json()
        body = {
            "sender_id": said["sender_id"],
            "recipient_phone": said["customer_phone"],
            "message": self.say.format(said["message"]),
        }
        url = f"{self.base_url}/user/whatsapp/send-freeform"
        await asyncio.to_thread(call, url, body)
        return web.Response()


def test_a_talk_is_replayed_and_a_changed_reply_is_a_diff(
    autocalls: Autocalls, tmp_path: Path
) -> None:
    bot, path, port = Bot("You wrote: {}"), tmp_path / "run.jsonl", own_port()
    with bot.serve() as url:
        with live(Emulator(inbound=url)) as emulator:
            bot.base_url = emulator.base_url
            emulator.sandbox.record(path)
            emulator.customer_writes(PHONE, "Are you open?")
            emulator.block_on(emulator.wait_for_message(PHONE))
        bot.base_url = f"http://127.0.0.1:{port}/api"
        words = ("emulator", "replay", str(path), "--inbound", url, "--port", str(port))
        same = autocalls(*words)
        bot.say = "You said: {}"
        other = autocalls(*words)
        ignored = autocalls(*words, "--ignore", "wrote|said", "--json")

    assert (same.status, other.status, ignored.status) == (0, 1, 0)
    assert same.out.splitlines()[-1] == "The bot answered as recorded: 2 messages."
    assert "-business: You wrote: Are you open?" in other.out
    assert "+business: You said: Are you open?" in other.out
    assert other.out.splitlines()[-1] == "The bot answered otherwise in 1 thread."
    assert json.loads(ignored.out) == {"same": True, "messages": 2, "diffs": []}


def test_a_replay_needs_to_know_where_the_bot_is(autocalls: Autocalls) -> None:
    ended = autocalls("emulator", "replay", "run.jsonl", "--port", "0")

    assert ended.status == 2
    assert "--inbound is needed" in ended.complaint


def test_a_record_that_is_missing_is_named(autocalls: Autocalls) -> None:
    words = ("emulator", "replay", "run.jsonl", "--port", "0")
    ended = autocalls(*words, "--inbound", "http://127.0.0.1:9/in")

    assert ended.status == 2
    assert "cannot use run.jsonl: No such file" in ended.complaint


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        (None, None),
        ("20ms", (0.02, 0.02)),
        ("5-60ms", (0.005, 0.06)),
        (" 0.5-2s ", (0.5, 2.0)),
    ],
)
def test_a_latency_is_read(
    text: str | None, seconds: tuple[float, float] | None
) -> None:
    assert read_latency(text) == (seconds and pytest.approx(seconds))


def test_fields_are_read() -> None:
    assert read_fields(None) == {}
    assert read_fields("phone=from, text = body,") == {"phone": "from", "text": "body"}
