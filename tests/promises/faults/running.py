"""Run a case through the real client, and hold what it says against the truth."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from typing import TypeAlias
from unittest.mock import patch

from attrs import frozen

from autocalls_async import (
    Account,
    AutocallsClient,
    AutocallsError,
    RejectedError,
    RetryPolicy,
    SentMessage,
    UnknownOutcomeError,
    UnsentError,
)
from autocalls_async.engine.attempts import Attempt, Call, Exchange
from autocalls_async.testing import run
from tests.promises.faults.cases import Case, Ends
from tests.promises.faults.server import Arrival, FaultServer, Treatment, WarmUp
from tests.promises.faults.ways import open_way

_TEXT = "Grüße aus Köln. " * 100

_Answer: TypeAlias = SentMessage | Account | AutocallsError
_Call: TypeAlias = Callable[[AutocallsClient], Awaitable[_Answer]]


@frozen
class Sight:
    """What one call came to, held against what the server saw of it.

    Attributes:
        ends: The outcome, and the attempts it took.
        whole_count: Requests that arrived whole.
        is_true: Whether the outcome is what became of the request.
        is_double: Whether a message may have been sent more than once.
    """

    ends: Ends
    whole_count: int
    is_true: bool
    is_double: bool


@frozen
class Observation:
    """What one case showed; `None` where a call makes no sense in it."""

    send: Sight
    read: Sight | None
    kept: Sight | None

    @property
    def is_true(self) -> bool:
        """Whether every verdict is true."""
        return all(s.is_true for s in (self.send, self.read, self.kept) if s)


@cache
def observe(case: Case) -> Observation:
    """Run a case in virtual time: a send, and a read on each kind of connection."""
    return Observation(
        look_at_send(case),
        run(_meet(case, _read, case.warm_up)) if case.read else None,
        run(_meet(case, _read, WarmUp.KEPT)) if case.kept else None,
    )


def look_at_send(case: Case) -> Sight:
    """Run a case's send in virtual time."""
    return run(_meet(case, _send, case.warm_up))


async def _meet(case: Case, call: _Call, warm_up: WarmUp) -> Sight:
    server = FaultServer(case.script, warm_up, case.way.context)
    async with server, open_way(case.way, server.port) as settings:
        client = AutocallsClient(
            "1|key",
            sender_id=12,
            window_check="never",
            # Pauses under a gap of the pace, so that the draw changes no outcome.
            retry=RetryPolicy(max_attempts=case.max_attempts, base_seconds=0.05),
            timeout=1000,
            connect_ahead=False,  # `test_spares.py` looks at faults on those
            **settings,
        )
        async with client:
            if warm_up is not WarmUp.NONE:
                await call(client)
            if warm_up is WarmUp.KEPT:
                await asyncio.sleep(1)
            with _counted_attempts() as attempts:
                found = await _caught(call(client))
    judge = _judge_send if call is _send else _judge_read
    return judge(found, len(attempts), server.arrivals)


async def _send(client: AutocallsClient) -> SentMessage:
    return await client.send_freeform("+14155550123", _TEXT)


async def _read(client: AutocallsClient) -> Account:
    return await client.account()


async def _caught(call: Awaitable[_Answer]) -> _Answer:
    try:
        return await call
    except AutocallsError as error:
        return error


@contextmanager
def _counted_attempts() -> Iterator[Sequence[Attempt]]:
    """Count what the client tries, also what no server gets to see."""
    attempts: list[Attempt] = []
    decide = Exchange.decide

    def counting(self: Exchange, call: Call, attempt: Attempt) -> object:
        attempts.append(attempt)
        return decide(self, call, attempt)

    with patch.object(Exchange, "decide", counting):
        yield attempts


def _judge_send(found: _Answer, attempts: int, arrivals: list[Arrival]) -> Sight:
    taken = [a for a in arrivals if a.treatment is not Treatment.TURNED_AWAY]
    acted = [a for a in taken if a.treatment is Treatment.ACTED]
    match found:
        case SentMessage(whatsapp_message_id=number):
            name = "Accepted"
            is_true = len(acted) == 1 and number in {None, acted[0].number}
        case RejectedError():
            name, is_true = type(found).__name__, not acted
        case UnsentError():
            name, is_true = "Unsent", not taken
        case _:
            name, is_true = "Unknown", isinstance(found, UnknownOutcomeError)
    is_double = len(taken) > 1
    return Sight(
        Ends(name, attempts), len(arrivals), is_true and not is_double, is_double
    )


def _judge_read(found: _Answer, attempts: int, arrivals: list[Arrival]) -> Sight:
    match found:
        case Account(name=name):
            is_true = name in {None, *(f"account {a.number}" for a in arrivals)}
        case RejectedError():
            is_true = all(a.treatment is not Treatment.ACTED for a in arrivals)
        case _:
            is_true = True
    ends = Ends(type(found).__name__, attempts)
    return Sight(ends, len(arrivals), is_true, is_double=False)
