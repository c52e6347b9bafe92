"""Where somebody else has replaced aiohttp's requests: mocks, and tracers that wrap.

Mocks stay mocks: nothing of a mocked request reaches the host. And whoever wraps
changes nothing about what a message comes to, or how often it leaves.
"""

import asyncio
import gzip
import logging
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import wraps
from pathlib import Path
from typing import Any, Self, TypeAlias

import aiohttp
import pytest
import wrapt
from aiohttp import web
from aioresponses import aioresponses

from autocalls_async import (
    Accepted,
    AutocallsClient,
    AutocallsError,
    InsufficientBalanceError,
    Outcome,
    PermissionDeniedError,
    RunStoppedError,
    SentMessage,
    TemplateRequiredError,
    UnavailableError,
    UnknownOutcomeError,
    UnreachableError,
    Unsent,
    UnsentError,
)
from autocalls_async.emulator import (
    Delay,
    Emulator,
    HangUpAfter,
    HangUpBefore,
    Refuse,
)
from autocalls_async.journal import JournalError, MemoryJournal
from tests.campaign.test_journal import take
from tests.client.test_secrets import KEY, chain
from tests.http.test_transport import client_of, serving
from tests.people import ANA, SENDER, hello, hellos, open_windows, people

Original: TypeAlias = Callable[..., Awaitable[aiohttp.ClientResponse]]
Install: TypeAlias = Callable[[Original], None]

SEND = "/user/whatsapp/send-freeform"
ACCEPTED = {"success": True, "whatsapp_message_id": 77}


@pytest.fixture
def replace(monkeypatch: pytest.MonkeyPatch) -> Callable[[Any], None]:
    """Replace what all sessions' requests go through, for one test."""

    def replace_by(found: Any) -> None:  # noqa: ANN401  # it may be anything
        monkeypatch.setattr(aiohttp.ClientSession, "_request", found)

    return replace_by


class Tracer:
    """Wraps what is there, and notes what it sees."""

    def __init__(self) -> None:
        self.seen: list[str] = []

    def plainly(self, original: Original) -> Original:
        """Wrap as `functools.wraps` does."""

        @wraps(original)
        async def traced(
            session: object, method: str, *rest: object, **options: object
        ) -> aiohttp.ClientResponse:
            self.seen.append(method)
            return await original(session, method, *rest, **options)

        return traced

    def by_wrapt(self, original: Original) -> object:
        """Wrap as tracing agents do."""

        async def traced(
            call: Original, _: object, args: tuple[str], options: dict[str, Any]
        ) -> aiohttp.ClientResponse:
            self.seen.append(args[0])
            return await call(*args, **options)

        return wrapt.FunctionWrapper(original, traced)


@pytest.fixture(params=["plainly", "by_wrapt"])
def tracer(request: pytest.FixtureRequest, replace: Callable[[Any], None]) -> Tracer:
    """Wrap all requests, in both ways that are usual."""
    found = Tracer()
    wrap = getattr(found, request.param)
    replace(wrap(aiohttp.ClientSession._request))  # noqa: SLF001  # as tracers do
    return found


@pytest.fixture
async def people_open(emulator: Emulator) -> list[str]:
    """Open the windows of ten people."""
    recipients = people(10)
    open_windows(emulator, recipients)
    return recipients


@asynccontextmanager
async def counting_connections() -> AsyncIterator[tuple[str, list[object]]]:
    """Listen where nobody is meant to connect, and count who does."""
    connections: list[object] = []

    def note(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connections.append(writer.get_extra_info("peername"))
        writer.close()

    server = await asyncio.start_server(note, "127.0.0.1", 0)
    async with server:
        host, port = server.sockets[0].getsockname()
        yield f"http://{host}:{port}", connections


# Mocks


async def test_a_mocked_send_is_accepted_as_the_mock_says(
    canned: aioresponses, emulator: Emulator
) -> None:
    canned.post(f"{emulator.base_url}{SEND}", payload=ACCEPTED)

    async with client_of(emulator.base_url) as client:
        sent = await client.send(hello())

    assert sent == SentMessage(whatsapp_message_id=77)
    assert emulator.requests == []


async def test_a_mocked_status_decides_on_a_mocked_send(
    canned: aioresponses, emulator: Emulator
) -> None:
    query = f"?recipient_phone=%2B{ANA[1:]}&sender_id={SENDER}"
    status = {"is_open": False, "can_send_freeform": False, "requires_template": True}
    canned.get(
        f"{emulator.base_url}/user/whatsapp/session-status{query}",
        payload={"success": True, "has_conversation": True, "session_status": status},
        repeat=True,
    )

    async with client_of(emulator.base_url, window_check="always") as client:
        found = await client.session_status(ANA)
        with pytest.raises(TemplateRequiredError):
            await client.send(hello())

    assert not found.session_status.can_send_freeform
    assert emulator.requests == []


@pytest.mark.parametrize(
    ("status", "code", "kind"),
    [
        (402, "INSUFFICIENT_BALANCE", InsufficientBalanceError),
        (403, "SESSION_EXPIRED", TemplateRequiredError),
        (403, "SOMETHING_ELSE", PermissionDeniedError),
    ],
)
async def test_a_mocked_refusal_is_a_refusal(
    canned: aioresponses,
    emulator: Emulator,
    status: int,
    code: str,
    kind: type[AutocallsError],
) -> None:
    body = {"success": False, "error": "No.", "error_code": code}
    canned.post(f"{emulator.base_url}{SEND}", status=status, payload=body)

    async with client_of(emulator.base_url) as client:
        with pytest.raises(kind) as caught:
            await client.send(hello())

    assert caught.value.status == status
    assert caught.value.error_code == code


async def test_a_mocked_429_is_followed_by_another_attempt(
    canned: aioresponses, emulator: Emulator
) -> None:
    address = f"{emulator.base_url}{SEND}"
    canned.post(address, status=429, headers={"Retry-After": "7"}, payload={})
    canned.post(address, payload=ACCEPTED)

    async with client_of(emulator.base_url) as client:
        sent = await client.send(hello())

    assert sent.whatsapp_message_id == 77
    assert 7 <= asyncio.get_running_loop().time() < 9


async def test_an_unmatched_address_leaves_a_message_unsent_in_time(
    canned: aioresponses, emulator: Emulator
) -> None:
    loop = asyncio.get_running_loop()

    async with AutocallsClient(
        KEY, base_url=emulator.base_url, sender_id=SENDER, window_check="never"
    ) as client:
        began_at = loop.time()
        with pytest.raises(UnreachableError) as caught:
            await client.send(hello(), timeout=20)
        single = loop.time() - began_at
        outcomes: list[Outcome] = []
        with pytest.raises(RunStoppedError):
            await take(client.send_many(hellos(people(3))), outcomes)

    assert round(single, 3) <= 20  # each look of the loop takes a microsecond
    assert caught.value.attempts == 0
    assert loop.time() <= 20 + 600 + 30
    assert emulator.requests == []
    assert canned.requests  # it was asked
    assert not any("nobody-sees" in repr(e) + str(e) for e in chain(caught.value))
    assert [type(outcome) for outcome in outcomes] == [Unsent] * 3


async def test_a_mocked_failure_of_the_connection_is_tried_again(
    canned: aioresponses, emulator: Emulator
) -> None:
    address = f"{emulator.base_url}{SEND}"
    canned.post(address, exception=aiohttp.ClientConnectionError("down"))
    canned.post(address, payload=ACCEPTED)

    async with client_of(emulator.base_url) as client:
        sent = await client.send(hello())

    assert sent.whatsapp_message_id == 77


async def test_a_mock_that_is_broken_is_said_to_be_so_at_once(
    emulator: Emulator, replace: Callable[[Any], None]
) -> None:
    async def broken(*_: object, **__: object) -> None:
        msg = f"missing 1 argument, {KEY}"
        raise TypeError(msg)

    replace(broken)
    async with AutocallsClient(
        KEY, base_url=emulator.base_url, sender_id=SENDER, window_check="never"
    ) as client:
        with pytest.raises(
            UnsentError, match=r"replaces aiohttp's requests failed \(TypeError\)"
        ) as caught:
            await client.send(hello())
        with pytest.raises(UnavailableError, match=r"failed \(TypeError\)"):
            await client.account()

    assert asyncio.get_running_loop().time() < 1
    assert not any("nobody-sees" in repr(e) + str(e) for e in chain(caught.value))


@pytest.mark.usefixtures("mended_aioresponses")
async def test_what_a_mock_passes_through_keeps_its_turn_and_its_pace(
    emulator: Emulator, people_open: list[str]
) -> None:
    with aioresponses(passthrough=[emulator.base_url]) as mock:
        async with client_of(emulator.base_url, window_check="auto") as client:
            outcomes = [o async for o in client.send_many(hellos(people_open))]

    assert all(isinstance(o, Accepted) for o in outcomes)
    assert len(emulator.accepted) == len(outcomes) == 10
    assert emulator.most_sends_in_any_second() <= 5
    assert mock.requests == {}


class Noting(MemoryJournal):
    """Notes what it is told, and takes its time over an intent."""

    def __init__(self, look: Callable[[], int] = int) -> None:
        super().__init__()
        self.told: list[object] = []
        self._look = look

    async def intend(self, key: str, **facts: bool) -> None:
        """Note when it was."""
        await super().intend(key, **facts)
        await asyncio.sleep(1)
        self.told.append(("intent", self._look()))

    def settle(self, key: str, **facts: Any) -> None:  # noqa: ANN401  # passed on
        """Note as what."""
        super().settle(key, **facts)
        self.told.append(facts["state"].value)


async def test_a_mocked_answer_is_judged_after_the_intent_is_noted(
    canned: aioresponses, emulator: Emulator
) -> None:
    canned.post(f"{emulator.base_url}{SEND}", payload=ACCEPTED)

    async with (
        Noting() as journal,
        client_of(emulator.base_url) as client,
    ):
        outcomes = [o async for o in client.send_many([hello()], journal=journal)]

    assert [type(o) for o in outcomes] == [Accepted]
    assert journal.told == [("intent", 0), "accepted"]


async def test_a_mocked_answer_counts_for_nothing_without_its_intent(
    canned: aioresponses, emulator: Emulator
) -> None:
    class Full(MemoryJournal):
        async def intend(self, key: str, **facts: bool) -> None:
            _ = key, facts
            raise JournalError(path=Path("run.db"), detail="the disk is full")

    canned.post(f"{emulator.base_url}{SEND}", payload=ACCEPTED)

    async with Full() as journal, client_of(emulator.base_url) as client:
        outcomes = [o async for o in client.send_many([hello()], journal=journal)]

    assert [type(o) for o in outcomes] == [Unsent]


@pytest.mark.usefixtures("mended_aioresponses")
async def test_what_a_mock_passes_through_leaves_after_its_intent(
    emulator: Emulator,
) -> None:
    emulator.customer_writes(ANA)
    with aioresponses(passthrough=[emulator.base_url]):
        async with (
            Noting(lambda: len(emulator.requests)) as journal,
            client_of(emulator.base_url) as client,
        ):
            outcomes = [o async for o in client.send_many([hello()], journal=journal)]

    assert [type(o) for o in outcomes] == [Accepted]
    assert journal.told == [("intent", 0), "accepted"]
    assert len(emulator.accepted) == 1


async def test_nothing_touches_the_host_while_requests_are_mocked(
    canned: aioresponses,
) -> None:
    async with counting_connections() as (base_url, connections):
        canned.post(f"{base_url}{SEND}", payload=ACCEPTED, repeat=True)
        async with client_of(base_url) as client:
            client.windows.note_inbound(ANA)
            await client.warm()
            for _ in range(3):
                await client.send(hello())
            await asyncio.sleep(120)

    assert connections == []


@pytest.mark.usefixtures("mended_aioresponses")
async def test_spares_that_were_wanted_before_are_made_no_more_once_mocked() -> None:
    async with (
        counting_connections() as (base_url, connections),
        client_of(base_url) as client,
    ):
        client.windows.note_inbound(ANA)
        await asyncio.sleep(1)
        before = len(connections)
        with aioresponses():
            await asyncio.sleep(120)

    assert before >= 1
    assert len(connections) == before


@pytest.mark.usefixtures("mended_aioresponses")
async def test_the_direct_way_is_taken_again_once_a_mock_is_gone(
    emulator: Emulator, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "autocalls_async")
    emulator.customer_writes(ANA)

    async with client_of(emulator.base_url) as client:
        with aioresponses() as mock:
            mock.post(f"{emulator.base_url}{SEND}", payload=ACCEPTED)
            await client.send(hello())
            mocked = len(emulator.requests)
        await client.send(hello())
        direct = len(emulator.requests)

    assert (mocked, direct) == (0, 1)
    assert "replaced by" in caplog.text


@pytest.mark.parametrize("kind", ["mock", "plain function", "wrapt"])
async def test_one_log_line_names_who_replaced_it(
    kind: str,
    emulator: Emulator,
    replace: Callable[[Any], None],
    request: pytest.FixtureRequest,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO, "autocalls_async")
    emulator.customer_writes(ANA)
    original = aiohttp.ClientSession._request  # noqa: SLF001  # as tracers do
    match kind:
        case "mock":
            mock = request.getfixturevalue("canned")
            mock.post(f"{emulator.base_url}{SEND}", payload=ACCEPTED, repeat=True)
            who = "aioresponses.core"
        case "plain function":
            replace(Tracer().plainly(original))
            who = __name__
        case _:
            replace(Tracer().by_wrapt(original))
            who = __name__

    async with client_of(emulator.base_url) as client:
        for _ in range(3):
            await client.send(hello())

    lines = [r.getMessage() for r in caplog.records if "replaced" in r.getMessage()]
    assert len(lines) == 1
    assert f"replaced by {who}:" in lines[0]


# Tracers


async def test_a_tracer_sees_what_is_sent_and_changes_nothing(
    tracer: Tracer, emulator: Emulator, people_open: list[str]
) -> None:
    async with client_of(emulator.base_url, window_check="always") as client:
        outcomes = [o async for o in client.send_many(hellos(people_open))]

    assert all(isinstance(o, Accepted) for o in outcomes)
    assert len(emulator.accepted) == 10
    assert emulator.most_sends_in_any_second() <= 5
    assert sorted(tracer.seen) == ["GET"] * 10 + ["POST"] * 10


@pytest.mark.usefixtures("tracer")
async def test_a_lost_answer_under_a_tracer_is_unknown_and_handed_over_once(
    emulator: Emulator,
) -> None:
    emulator.customer_writes(ANA)
    emulator.fail_next(1, HangUpAfter())

    async with client_of(emulator.base_url) as client:
        with pytest.raises(UnknownOutcomeError):
            await client.send(hello())
        await asyncio.sleep(60)

    assert len(emulator.requests) == len(emulator.accepted) == 1


@pytest.mark.usefixtures("mended_aioresponses")
async def test_a_lost_answer_passed_through_by_a_mock_is_unknown_too(
    emulator: Emulator,
) -> None:
    emulator.customer_writes(ANA)
    emulator.fail_next(1, HangUpAfter())

    with aioresponses(passthrough=[emulator.base_url]):
        async with client_of(emulator.base_url) as client:
            with pytest.raises(UnknownOutcomeError):
                await client.send(hello())

    assert len(emulator.requests) == len(emulator.accepted) == 1


_WRAPPED_FIRST = """
import asyncio, functools, logging
import aiohttp, wrapt

seen = []

async def note(call, _, args, options):
    seen.append("first")
    return await call(*args, **options)

wrapt.wrap_function_wrapper("aiohttp", "ClientSession._request", note)

from autocalls_async import (AutocallsClient)
from autocalls_async.emulator import Emulator

inner = aiohttp.ClientSession._request

@functools.wraps(inner)
async def outer(*args, **options):
    seen.append("second")
    return await inner(*args, **options)

async def main():
    async with Emulator() as emulator:
        emulator.customer_writes("+14155550123")
        async with AutocallsClient(
            "key", base_url=emulator.base_url, sender_id=12, window_check="never"
        ) as client:
            await client.send_freeform("+14155550123", "hi")
            aiohttp.ClientSession._request = outer
            await client.send_freeform("+14155550123", "hi")
        print(len(emulator.accepted), *seen)

asyncio.run(main())
"""


def test_tracers_that_came_before_and_after_our_import_are_both_heeded() -> None:
    done = subprocess.run(  # noqa: S603  # our own words
        [sys.executable, "-W", "error", "-c", _WRAPPED_FIRST],
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.stderr == ""
    assert done.stdout.split() == ["2", "first", "second", "first"]


# Wrappers that do as they please


def one_after_the_other(original: Original) -> Original:
    async def retrying(*args: object, **options: object) -> aiohttp.ClientResponse:
        for _ in range(3):
            try:
                answer = await original(*args, **options)
            except Exception:  # noqa: BLE001, S112  # as such wrappers do
                continue
            if answer.status < 500:
                return answer
        return await original(*args, **options)

    return retrying


def both_at_once(original: Original) -> Original:
    async def hedging(*args: object, **options: object) -> aiohttp.ClientResponse:
        tasks = [asyncio.ensure_future(original(*args, **options)) for _ in range(2)]
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            return await done.pop()
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    return hedging


def impatiently(original: Original) -> Original:
    async def hurrying(*args: object, **options: object) -> aiohttp.ClientResponse:
        while True:
            try:
                async with asyncio.timeout(0.3):
                    return await original(*args, **options)
            except TimeoutError:
                continue

    return hurrying


@pytest.mark.parametrize("repeat", [one_after_the_other, both_at_once, impatiently])
@pytest.mark.parametrize("fault", [HangUpAfter(), Refuse(503), Delay(5)], ids=str)
async def test_a_wrapper_that_repeats_requests_cannot_repeat_a_send(
    repeat: Callable[[Original], Original],
    fault: HangUpAfter | Refuse | Delay,
    emulator: Emulator,
    replace: Callable[[Any], None],
) -> None:
    emulator.customer_writes(ANA)
    emulator.fail_next(1, fault)
    replace(repeat(aiohttp.ClientSession._request))  # noqa: SLF001  # as those do

    async with client_of(emulator.base_url) as client:
        send = asyncio.create_task(client.send(hello(), timeout=20))
        await asyncio.wait([send])
        await asyncio.sleep(60)

    error = send.exception()
    assert error is None or isinstance(error, UnknownOutcomeError)
    assert len(emulator.requests) == 1


async def test_a_wrapper_that_begins_anew_in_the_queue_sends_each_message_once(
    emulator: Emulator, people_open: list[str], replace: Callable[[Any], None]
) -> None:
    replace(impatiently(aiohttp.ClientSession._request))  # noqa: SLF001  # as those do

    async with client_of(emulator.base_url) as client:
        outcomes = [o async for o in client.send_many(hellos(people_open))]

    assert all(isinstance(o, Accepted) for o in outcomes)
    assert len(emulator.requests) == 10
    assert emulator.most_sends_in_any_second() <= 5


async def test_a_wrapper_that_gives_up_in_the_queue_leaves_a_message_unsent(
    emulator: Emulator, people_open: list[str], replace: Callable[[Any], None]
) -> None:
    original = aiohttp.ClientSession._request  # noqa: SLF001  # as tracers do

    async def hurrying(*args: Any, **options: Any) -> aiohttp.ClientResponse:  # noqa: ANN401
        async with asyncio.timeout(0.3):
            return await original(*args, **options)

    replace(hurrying)
    async with client_of(emulator.base_url) as client:
        sends = [asyncio.create_task(client.send(hello(r))) for r in people_open]
        await asyncio.wait(sends)

    errors = [error for send in sends if (error := send.exception())]
    assert all(isinstance(error, UnsentError) for error in errors)
    assert len(emulator.requests) == 10 - len(errors)


async def test_a_wrapper_that_cancels_the_request_cancels_nobody_else(
    emulator: Emulator, replace: Callable[[Any], None]
) -> None:
    async def cancelling(*_: object, **__: object) -> None:
        raise asyncio.CancelledError

    replace(cancelling)
    async with client_of(emulator.base_url) as client:
        with pytest.raises(UnsentError):
            await client.send(hello(), timeout=20)
        with pytest.raises(UnavailableError):
            await client.account()

    assert emulator.requests == []


async def test_what_a_recorder_has_read_before_us_is_read_all_the_same(
    emulator: Emulator, replace: Callable[[Any], None]
) -> None:
    emulator.customer_writes(ANA)
    recorded: list[bytes] = []
    original = aiohttp.ClientSession._request  # noqa: SLF001  # as recorders do

    async def recording(*args: Any, **options: Any) -> aiohttp.ClientResponse:  # noqa: ANN401
        answer = await original(*args, **options)
        recorded.append(await answer.read())
        return answer

    class Played:
        """An answer that was recorded, as vcrpy plays it."""

        status = 200
        headers = {"Content-Type": "application/json"}  # noqa: RUF012  # as those do

        async def __aenter__(self) -> Self:
            return self

        async def __aexit__(self, *_: object) -> None:
            return

        @property
        def content(self) -> asyncio.StreamReader:
            stream = asyncio.StreamReader()
            stream.feed_data(recorded[-1])
            stream.feed_eof()
            return stream

        async def read(self) -> bytes:
            return recorded[-1]

    async def playing(*_: object, **__: object) -> Played:
        return Played()

    async with client_of(emulator.base_url) as client:
        replace(recording)
        sent = await client.send(hello())
        replace(playing)
        played = await client.send(hello())

    assert sent.whatsapp_message_id is not None
    assert played == sent
    assert len(emulator.requests) == 1


# What aiohttp does by itself


@pytest.mark.usefixtures("tracer")
async def test_aiohttps_own_second_try_of_a_read_is_let_through(
    emulator: Emulator,
) -> None:
    emulator.fail_next(1, HangUpBefore())

    async with client_of(emulator.base_url) as client:
        account = await client.account()

    assert account.name is not None
    assert len(emulator.requests) == 2


@pytest.mark.usefixtures("tracer")
async def test_a_redirect_is_not_followed_under_a_tracer() -> None:
    seen: list[str] = []

    async def redirect(request: web.BaseRequest) -> web.Response:
        seen.append(request.method)
        return web.Response(status=302, headers={"Location": "/login"})

    async with serving(redirect) as base_url, client_of(base_url) as client:
        with pytest.raises(UnknownOutcomeError):
            await client.send(hello())
        with pytest.raises(UnavailableError):
            await client.account()

    assert seen == ["POST", "GET"]


@pytest.mark.usefixtures("tracer")
async def test_a_body_without_end_is_not_read_to_its_end_under_a_tracer() -> None:
    bomb = gzip.compress(b" " * 50_000_000)

    async def explode(_: web.BaseRequest) -> web.Response:
        return web.Response(body=bomb, headers={"Content-Encoding": "gzip"})

    async with serving(explode) as base_url, client_of(base_url) as client:
        with pytest.raises(UnavailableError, match="too long"):
            await client.account()


# Cancelling, and the end


@pytest.mark.usefixtures("tracer")
async def test_what_is_cancelled_while_it_waits_for_its_turn_never_leaves(
    emulator: Emulator, people_open: list[str]
) -> None:
    async with client_of(emulator.base_url) as client:
        sends = [asyncio.create_task(client.send(hello(r))) for r in people_open]
        await asyncio.sleep(0.5)
        for send in sends[5:]:
            send.cancel()
        await asyncio.wait(sends)
        await asyncio.sleep(60)
        left = [request.status for request in emulator.requests]
        tasks = asyncio.all_tasks()

    assert left == [200] * 5
    assert not any("detour" in task.get_name() for task in tasks)


@pytest.mark.usefixtures("tracer")
async def test_cancelled_after_any_number_of_steps_under_a_tracer_nothing_leaks(
    emulator: Emulator,
) -> None:
    emulator.customer_writes(ANA)
    before = asyncio.all_tasks()

    for steps in range(0, 60, 3):
        async with client_of(emulator.base_url) as client:
            send = asyncio.create_task(client.send(hello()))
            for _ in range(steps):
                await asyncio.sleep(0)
            send.cancel()
            await asyncio.wait([send])
        left = {task.get_name() for task in asyncio.all_tasks() - before}
        assert not left & {"autocalls detour", "autocalls spare"}


@pytest.mark.usefixtures("tracer")
async def test_a_client_closed_in_the_midst_leaves_no_task(
    emulator: Emulator, people_open: list[str]
) -> None:
    emulator.fail_next(1, Delay(30))
    before = asyncio.all_tasks()

    client = client_of(emulator.base_url, drain_timeout=0.0)
    sends = [asyncio.create_task(client.send(hello(r))) for r in people_open]
    await asyncio.sleep(0.5)
    await client.aclose()
    await asyncio.wait(sends)

    left = [task for task in asyncio.all_tasks() - before if "autocalls" in repr(task)]
    assert left == []
    errors = [send.exception() for send in sends]
    assert any(isinstance(error, UnknownOutcomeError) for error in errors)
    assert sum(isinstance(error, UnsentError) for error in errors) >= 7
