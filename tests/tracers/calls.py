"""What a program may meet with a client, with secrets of which no tracer may tell.

Nothing here keeps a secret in a local variable: tracers show those of a test's
frames as well.
"""

import asyncio
from collections.abc import (
    AsyncIterable,
    AsyncIterator,
    Awaitable,
    Callable,
    Iterator,
    Mapping,
)
from contextlib import asynccontextmanager
from functools import partial, wraps
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, TypeAlias

import aiohttp

from autocalls_async import (
    AutocallsClient,
    FreeformMessage,
    RetryPolicy,
    TemplateFallback,
    TemplateMessage,
    Unknown,
    Unsent,
)
from autocalls_async.emulator import (
    Emulator,
    HangUpAfter,
    HangUpBefore,
    Refuse,
    Stall,
    refuse_with_code,
)
from autocalls_async.journal import JournalError, MemoryJournal
from tests.disks import small_files

PHONE = "+14155550177"
TEXT = "Grüße vom Geheimrat"
KEY = "1|key-of-the-account"

Capture: TypeAlias = Callable[[BaseException], object]
Look: TypeAlias = Callable[[], object]
"""Has a tracer export the stack at which it is called, locals included."""

Call: TypeAlias = Callable[[Emulator, Look], Awaitable[object]]

CALLS: dict[str, Call] = {}


def call(function: Call) -> Call:
    """Add it to the list."""
    CALLS[function.__name__] = function
    return function


@asynccontextmanager
async def client_of(
    emulator: Emulator,
    **settings: Any,  # noqa: ANN401  # those of the constructor
) -> AsyncIterator[AutocallsClient]:
    """Open a client that gives up soon."""
    async with AutocallsClient(
        KEY,
        base_url=emulator.base_url,
        sender_id=12,
        retry=RetryPolicy(max_attempts=2, max_outage_seconds=5),
        **settings,
    ) as client:
        yield client


cell: list[Callable[[], object]] = []

# Not a function: its frame would hold what it is given.
hello: Callable[..., FreeformMessage] = partial(
    FreeformMessage, recipient_phone=PHONE, message=TEXT
)


async def _all_of(source: AsyncIterable[object]) -> None:
    async for _ in source:
        pass


@call
async def accepted(emulator: Emulator, _: Look) -> None:
    """Everything goes well."""
    emulator.customer_writes(PHONE)
    async with client_of(emulator, window_check="always") as client:
        client.windows.note_inbound(PHONE)
        await client.warm()
        await client.send_freeform(PHONE, TEXT)
        await client.send_template(PHONE, template_id=45, variables={"1": TEXT})
        await client.session_status(PHONE)


@call
async def accepted_through_a_wrapper(emulator: Emulator, look: Look) -> None:
    """Somebody wraps aiohttp's requests as well."""
    original = aiohttp.ClientSession._request  # noqa: SLF001  # as tracers do

    @wraps(original)
    async def wrapped(*args: Any, **options: Any) -> aiohttp.ClientResponse:  # noqa: ANN401
        return await original(*args, **options)

    aiohttp.ClientSession._request = wrapped  # type: ignore[method-assign]  # noqa: SLF001
    try:
        await accepted(emulator, look)
    finally:
        aiohttp.ClientSession._request = original  # type: ignore[method-assign]  # noqa: SLF001


def _refused(status: int, code: str) -> Call:
    async def refused(emulator: Emulator, _: Look) -> None:
        emulator.fail_next(1, refuse_with_code(status, code))
        async with client_of(emulator, window_check="never") as client:
            await client.send_freeform(PHONE, TEXT)

    return refused


CALLS["refused_402"] = _refused(402, "INSUFFICIENT_BALANCE")
CALLS["refused_403"] = _refused(403, "SESSION_EXPIRED")
CALLS["refused_422"] = _refused(422, "INVALID_PHONE")


@call
async def refused_template(emulator: Emulator, _: Look) -> None:
    """A template is refused."""
    emulator.fail_next(1, refuse_with_code(404, "TEMPLATE_NOT_FOUND"))
    async with client_of(emulator) as client:
        await client.send_template(
            PHONE, template_id=45, variables={"1": TEXT}, recipient_name=TEXT
        )


@call
async def lost_answer(emulator: Emulator, _: Look) -> None:
    """The answer never comes."""
    emulator.fail_next(1, HangUpAfter())
    async with client_of(emulator, window_check="never") as client:
        await client.send_freeform(PHONE, TEXT)


@call
async def closed_window(emulator: Emulator, _: Look) -> None:
    """The check finds the window closed."""
    async with client_of(emulator, window_check="always") as client:
        await client.send_freeform(PHONE, TEXT)


@call
async def unreadable_status(emulator: Emulator, _: Look) -> None:
    """The service answers a status with something else, and names the recipient."""
    emulator.fail_next(1, Refuse(200, {"customer_phone": PHONE, "last": TEXT}))
    async with client_of(emulator) as client:
        await client.session_status(PHONE)


@call
async def unreadable_listing(emulator: Emulator, _: Look) -> None:
    """The same with a listing."""
    emulator.fail_next(1, Refuse(200, {"data": [{"phone_number": PHONE, "x": TEXT}]}))
    async with client_of(emulator) as client:
        await client.senders()


@call
async def refused_status(emulator: Emulator, _: Look) -> None:
    """The service refuses to tell, in the recipient's words."""
    emulator.fail_next(
        1, Refuse(422, {"success": False, "error": f"No {PHONE}", "error_code": TEXT})
    )
    async with client_of(emulator) as client:
        await client.session_status(PHONE)


@call
async def no_usable_status(emulator: Emulator, _: Look) -> None:
    """No status comes."""
    emulator.fail_next(9, HangUpBefore())
    async with client_of(emulator) as client:
        await client.session_status(PHONE)


@call
async def no_usable_status_for_a_send(emulator: Emulator, _: Look) -> None:
    """No status comes for a message that wants to leave."""
    emulator.fail_next(9, HangUpBefore())
    async with client_of(emulator) as client:
        await client.send_freeform(PHONE, TEXT)


@call
async def timed_out(emulator: Emulator, _: Look) -> None:
    """The client's own time is up."""
    emulator.fail_next(1, Stall())
    async with client_of(emulator, window_check="never") as client:
        await client.send_freeform(PHONE, TEXT, timeout=2)


@call
async def status_timed_out(emulator: Emulator, _: Look) -> None:
    """The same with a question."""
    emulator.fail_next(1, Stall())
    async with client_of(emulator) as client:
        await client.session_status(PHONE, timeout=2)


@call
async def callers_own_timeout(emulator: Emulator, _: Look) -> None:
    """The caller's patience is over; the error it gets has our frames in it."""
    emulator.fail_next(1, Stall())
    async with client_of(emulator, drain_timeout=0, window_check="never") as client:
        async with asyncio.timeout(2):
            await client.send_freeform(PHONE, TEXT)


@call
async def callers_own_timeout_of_a_template(emulator: Emulator, _: Look) -> None:
    """The same with a template."""
    emulator.fail_next(1, Stall())
    async with client_of(emulator, drain_timeout=0) as client, asyncio.timeout(2):
        await client.send_template(PHONE, template_id=45, variables={"1": TEXT})


@call
async def callers_own_timeout_of_a_status(emulator: Emulator, _: Look) -> None:
    """The same with a question."""
    emulator.fail_next(1, Stall())
    async with client_of(emulator) as client, asyncio.timeout(2):
        await client.session_status(PHONE)


@call
async def unreachable(emulator: Emulator, _: Look) -> None:
    """Nobody is there."""
    base_url = emulator.base_url.rpartition(":")[0] + ":9"
    async with AutocallsClient(
        KEY, base_url=base_url, sender_id=12, retry=RetryPolicy(max_attempts=2)
    ) as client:
        await client.send_freeform(PHONE, TEXT)


def _mistaken(mistake: Callable[[AutocallsClient], Awaitable[object]]) -> Call:
    async def mistaken(emulator: Emulator, _: Look) -> None:
        async with client_of(emulator) as client:
            await mistake(client)

    return mistaken


async def _at_once(call: Callable[[], object]) -> None:
    # Not in a frame with its arguments: those of a test are shown as well.
    cell.append(call)
    del call
    cell.pop()()


_MISTAKES: Mapping[str, Callable[[AutocallsClient], Awaitable[object]]] = {
    "number_without_plus": lambda c: c.send_freeform(PHONE[1:], TEXT),
    "number_as_a_number": lambda c: c.send_freeform(int(PHONE), TEXT),  # type: ignore[arg-type]
    "text_too_long": lambda c: c.send_freeform(PHONE, TEXT * 1000),
    "text_of_no_unicode": lambda c: c.send_freeform(PHONE, f"{TEXT}\ud800"),
    "text_in_bytes": lambda c: c.send_freeform(PHONE, TEXT.encode()),  # type: ignore[arg-type]
    "wrong_sender": lambda c: c.send_freeform(PHONE, TEXT, sender_id=-1),
    "wrong_timeout": lambda c: c.send_freeform(PHONE, TEXT, timeout=-1),
    "wrong_lane": lambda c: c.send_freeform(PHONE, TEXT, lane="fast"),  # type: ignore[arg-type]
    "template_without_plus": lambda c: c.send_template(PHONE[1:], template_id=4),
    "wrong_variables": lambda c: c.send_template(
        PHONE,
        template_id=4,
        variables={TEXT: TEXT, PHONE: 7},  # type: ignore[dict-item]
    ),
    "name_too_long": lambda c: c.send_template(
        PHONE, template_id=4, recipient_name=TEXT * 99
    ),
    "status_without_plus": lambda c: c.session_status(PHONE[1:]),
    "status_of_no_sender": lambda c: c.session_status(PHONE, sender_id=-1),
    "noted_with_a_letter": lambda c: _at_once(
        partial(c.windows.note_inbound, PHONE + "x")
    ),
    "noted_for_no_sender": lambda c: _at_once(
        partial(c.windows.note_inbound, PHONE, sender_id=-1)
    ),
    "message_without_plus": lambda c: c.send(hello(recipient_phone=PHONE[1:])),
    "message_too_long": lambda c: c.send(hello(message=TEXT * 1000)),
    "message_with_an_odd_key": lambda c: c.send(hello(key=PHONE * 100)),
    "message_with_an_odd_fallback": lambda c: c.send(hello(fallback=PHONE)),
    "message_of_unknown_fields": lambda c: c.send(hello(recipient=PHONE)),
    "fallback_with_odd_variables": lambda c: c.send(
        hello(fallback=TemplateFallback(template_id=4, variables={"1": [TEXT]}))
    ),
    "odd_template": lambda c: c.send(
        TemplateMessage(recipient_phone=PHONE, template_id=0, variables={"1": TEXT})
    ),
    "no_message": lambda c: c.send(PHONE),  # type: ignore[arg-type]
    "run_of_no_messages": lambda c: _all_of(c.send_many([PHONE])),  # type: ignore[list-item]
}
CALLS.update({name: _mistaken(mistake) for name, mistake in _MISTAKES.items()})


@call
async def run_refused(emulator: Emulator, _: Look) -> None:
    """A run stops at a refusal."""
    emulator.fail_next(1, refuse_with_code(402, "INSUFFICIENT_BALANCE"))
    async with client_of(emulator, window_check="never") as client:
        await _all_of(client.send_many([hello(key=str(n)) for n in range(9)]))


@call
async def run_with_a_bad_row(emulator: Emulator, _: Look) -> None:
    """The source makes a message that is none, in mid run."""

    def rows() -> Iterator[FreeformMessage]:
        yield hello()
        yield hello(recipient_phone=PHONE[1:])

    async with client_of(emulator, window_check="never") as client:
        await _all_of(client.send_many(rows()))


@call
async def run_with_a_journal_and_a_conflict(emulator: Emulator, _: Look) -> None:
    """One key stands for two messages, and is a number."""
    rows = [hello(key=PHONE), hello(key=PHONE, message=TEXT * 2)]
    async with (
        MemoryJournal() as journal,
        client_of(emulator, window_check="never") as client,
    ):
        await _all_of(client.send_many(rows, journal=journal))


@call
async def run_with_a_file_and_a_conflict(emulator: Emulator, _: Look) -> None:
    """The same with a file."""
    rows = [hello(key=PHONE), hello(key=PHONE, message=TEXT * 2)]
    with TemporaryDirectory() as folder:
        async with client_of(emulator, window_check="never") as client:
            await _all_of(client.send_many(rows, journal=Path(folder) / "run.db"))


@call
async def run_with_a_full_disk(emulator: Emulator, look: Look) -> None:
    """The journal can keep nothing."""

    class Full(MemoryJournal):
        """Keeps nothing."""

        async def intend(self, key: str, **facts: bool) -> None:
            """Raise."""
            _ = key, facts
            look()
            raise JournalError(path=Path("run.db"), detail="the disk is full")

    async with (
        Full() as journal,
        client_of(emulator, window_check="never") as client,
    ):
        await _all_of(client.send_many([hello()], journal=journal))


def _on_a_small_disk(size_bytes: int) -> Call:
    async def filled(emulator: Emulator, _: Look) -> None:
        with TemporaryDirectory() as folder:
            async with client_of(emulator, window_check="never") as client:
                rows = [hello(key=f"{PHONE}/{n}") for n in range(9)]
                run = client.send_many(rows, journal=Path(folder) / "run.db")
                with small_files(size_bytes):
                    await _each_accepted(run)

    return filled


async def _each_accepted(run: AsyncIterable[object]) -> None:
    async for outcome in run:
        if isinstance(outcome, Unsent | Unknown):
            raise outcome.error


CALLS["run_on_a_disk_too_small_to_open"] = _on_a_small_disk(3_000)
CALLS["run_on_a_disk_too_small_to_add"] = _on_a_small_disk(30_000)
CALLS["run_on_a_disk_too_small_for_intents"] = _on_a_small_disk(60_000)


@call
async def observed(emulator: Emulator, look: Look) -> None:
    """An observer has the stack exported at each step."""
    emulator.customer_writes(PHONE)
    async with client_of(
        emulator, observer=lambda _: look(), window_check="always"
    ) as client:
        await client.send_freeform(PHONE, TEXT)
        emulator.fail_next(1, HangUpAfter())
        await _all_of(
            client.send_many([hello(fallback=TemplateFallback(template_id=1))])
        )


@call
async def limited(emulator: Emulator, look: Look) -> None:
    """A limiter has the stack exported, and raises."""

    class Limiter:
        """Raises."""

        async def acquire(self) -> None:
            """Raise."""
            look()
            msg = "the lights are out"
            raise OSError(msg)

    async with client_of(emulator, limiter=Limiter(), window_check="never") as client:
        await client.send_freeform(PHONE, TEXT)


@call
async def planned(emulator: Emulator, look: Look) -> None:
    """A plan reads a source that looks around."""

    def rows() -> Iterator[FreeformMessage]:
        yield hello()
        yield hello()
        look()
        yield hello(recipient_phone=PHONE[1:])

    async with client_of(emulator) as client:
        await client.plan(rows())


@call
async def closed_in_the_midst(emulator: Emulator, _: Look) -> None:
    """The client is closed while a message is on its way."""
    emulator.fail_next(1, Stall())
    async with client_of(emulator, drain_timeout=0, window_check="never") as client:
        send = asyncio.ensure_future(client.send_freeform(PHONE, TEXT))
        await asyncio.sleep(1)
    await send


async def theirs(emulator: Emulator, _: Look) -> None:
    """Make a program's own request, and fail with a variable in hand: no call of ours.

    It shows that both tracers listen.
    """
    phone = PHONE
    async with (
        aiohttp.ClientSession() as session,
        session.get(f"{emulator.base_url}/user/me", params={"phone": phone}),
    ):
        raise ConnectionError
