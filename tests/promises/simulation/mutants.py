"""Deliberately wrong variants of the rule. Each of them must be caught.

Each is a context manager that replaces one function or table of the package.
"""

import asyncio
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import partial
from math import inf
from types import MappingProxyType
from typing import Any
from unittest.mock import patch

import aiohttp
import aiolimiter
from aiohttp.http_exceptions import HttpProcessingError
from attrs import frozen

from autocalls_async.engine import attempts as exchange
from autocalls_async.engine import sending
from autocalls_async.engine.dispatcher import Dispatcher
from autocalls_async.engine.endings import unsent
from autocalls_async.engine.gate.gate import Gate, GateLine
from autocalls_async.engine.gate.turns import Stop, Turn
from autocalls_async.engine.sending import Sends
from autocalls_async.engine.shipment import Shipment, Stage
from autocalls_async.http.replies import see
from autocalls_async.http.reply import Reply
from autocalls_async.http.requests import Request
from autocalls_async.http.transport import failures, line
from autocalls_async.http.transport.failures import AttemptFailed
from autocalls_async.http.transport.line import DirectLine
from autocalls_async.model.outcomes import Outcome
from autocalls_async.model.values.frozen import FrozenDict
from autocalls_async.policy.lanes import Lane, Lanes
from autocalls_async.policy.pace import Pace
from autocalls_async.policy.slots import Departure
from autocalls_async.policy.verdict import (
    DECISIONS,
    Again,
    Decision,
    Kind,
    Seen,
    Verdict,
)


def _failure(kind: type[Exception], seen: Seen) -> AbstractContextManager[object]:
    """Judge by the class of an exception, whatever has left."""
    honest = failures.judge

    def judge(error: Exception, *, has_left: bool) -> AttemptFailed:
        if isinstance(error, kind):
            return AttemptFailed(seen, "mutant")
        return honest(error, has_left=has_left)

    return patch.object(failures, "judge", judge)


def _retry_on_connection_errors() -> AbstractContextManager[object]:
    return _failure(aiohttp.ClientConnectionError, Seen.NO_CONNECTION)


def _a_slow_answer_means_unsent() -> AbstractContextManager[object]:
    return _failure(TimeoutError, Seen.NO_TRUST)


def _no_time_left_means_unsent() -> AbstractContextManager[object]:
    def expire(
        _: Dispatcher, shipment: Shipment, future: asyncio.Future[Outcome]
    ) -> None:
        if not future.done():
            future.set_result(unsent(shipment, "mutant"))

    return patch.object(Dispatcher, "_expire", expire)


def _seen_as_refusal(
    is_meant: Callable[[Reply], bool],
) -> AbstractContextManager[object]:
    def judge(reply: Reply) -> Seen:
        return Seen.REFUSED if is_meant(reply) else see(reply)

    return patch(f"{exchange.__name__}.replies.see", judge)


def _400_means_refused() -> AbstractContextManager[object]:
    return _seen_as_refusal(lambda reply: reply.status == 400)


def _5xx_means_refused() -> AbstractContextManager[object]:
    return _seen_as_refusal(lambda reply: reply.status >= 500)


def _503_means_refused() -> AbstractContextManager[object]:
    return _seen_as_refusal(lambda reply: reply.status == 503)


def _a_malformed_answer_is_a_400() -> AbstractContextManager[object]:
    """Believe the status that aiohttp makes up for an answer it cannot parse."""
    honest = DirectLine._hold  # noqa: SLF001  # the rule itself

    async def hold(self: DirectLine, request: Request) -> Reply:
        try:
            return await honest(self, request)
        except HttpProcessingError as error:
            body = b'{"message": "mutant"}'
            return Reply(status=error.code, headers=FrozenDict(), body=body)

    return patch.object(DirectLine, "_hold", hold)


def _resend_after_silence() -> AbstractContextManager[object]:
    """Send again what was in flight when its connection or its time ended."""
    row = Decision(Verdict.UNSENT, Again.YES, "mutant")
    table = MappingProxyType({**DECISIONS, (Kind.SEND, Seen.SILENCE): row})
    return patch.object(exchange, "DECISIONS", table)


def _closed_means_unsent() -> AbstractContextManager[object]:
    def cut_short(shipment: Shipment) -> Outcome:
        return unsent(shipment, "mutant")

    return patch.object(sending, "cut_short", cut_short)


def _withdraw_what_is_in_flight() -> AbstractContextManager[object]:
    """Take a message back although it was handed over."""
    honest = Dispatcher.withdraw

    def withdraw(self: Dispatcher, shipment: Shipment, error: Any) -> bool:  # noqa: ANN401
        if shipment.stage is Stage.LEFT:
            shipment.stage = Stage.HELD
        return honest(self, shipment, error)

    return patch.object(Dispatcher, "withdraw", withdraw)


def _believe_a_stray_answer() -> AbstractContextManager[object]:
    return patch.object(line, "is_spoilt", lambda _connection: False)


def _a_redirect_means_refused() -> AbstractContextManager[object]:
    return _seen_as_refusal(lambda reply: 300 <= reply.status < 400)


@contextmanager
def _let_five_go_at_once() -> Iterator[None]:
    """Take the limit for a bucket that is refilled while it is emptied."""
    bucket = partial(aiolimiter.AsyncLimiter, 5, 1)
    with (
        patch.object(aiolimiter, "AsyncLimiter", lambda *_: bucket()),
        patch.object(Pace, "earliest", lambda _self, now: now),
    ):
        yield


@contextmanager
def _stamp_before_connecting() -> Iterator[None]:
    """Take the turn to leave first, and only then make the connection."""
    honest = Gate.pass_through
    taken: dict[object, Departure | Stop] = {}

    class NoLine:
        expires_at = inf

        def check(self) -> None:
            """Find nothing wrong."""

        def on_loss(self, _tell: Callable[[], None]) -> None:
            """Lose nothing."""

    async def take_turn(self: Gate) -> None:
        turn = Turn(Lane.INTERACTIVE, self.draw_order())
        taken[asyncio.current_task()] = await honest(self, turn, NoLine())

    async def use_turn(
        _self: Gate,
        _turn: Turn,
        line: GateLine,
        **_: Any,  # noqa: ANN401
    ) -> Departure | Stop:
        try:
            line.check()
        except AttemptFailed as error:
            return error
        return taken.pop(asyncio.current_task())

    with (
        patch.object(Gate, "is_open_soon", lambda _self, _now: False),
        patch.object(Gate, "until_open_soon", take_turn),
        patch.object(Gate, "pass_through", use_turn),
    ):
        yield


def _keep_the_recipient() -> AbstractContextManager[object]:
    """Forget to let a recipient's next message pass."""
    honest = Sends._end_cut_short  # noqa: SLF001  # the rule itself

    def end(self: Sends, shipment: Shipment) -> None:
        with patch.object(Lanes, "done"):
            honest(self, shipment)

    return patch.object(Sends, "_end_cut_short", end)


def _free_the_slot_at_start() -> AbstractContextManager[object]:
    """Count a slot from its start on, and not from when the service counted."""
    honest = Pace.start

    def start(self: Pace, now: float) -> Departure:
        slot = honest(self, now)
        self.gave_up(slot, now)
        return slot

    return patch.object(Pace, "start", start)


def _keep_the_slot_after_silence() -> AbstractContextManager[object]:
    return patch.object(Pace, "gave_up")


def _forget_the_order() -> AbstractContextManager[object]:
    """Let a recipient's next message pass while one is under way."""
    honest = Lanes.push

    def push(self: Lanes[Shipment], shipment: Shipment, **place: Any) -> Any:  # noqa: ANN401
        return honest(self, shipment, **{**place, "recipient": object()})

    return patch.object(Lanes, "push", push)


@frozen
class Mutant:
    """One wrong variant of the rule.

    Attributes:
        symptom: Words of the violation that must be found.
        apply: Puts it in place for as long as its context lasts.
        resends_after_kill: The mistake is the user's: to give again, after a
            kill, what was given and has no outcome.
    """

    symptom: str
    apply: Callable[[], AbstractContextManager[object]]
    resends_after_kill: bool = False


_DOUBLE = "arrived 2 times"
_NOT_UNSENT = "is Unsent, but it arrived"
_NOT_REJECTED = "is Rejected, but the service accepted it"

MUTANTS: Mapping[str, Mutant] = {
    "retry-on-any-connection-error": Mutant(_DOUBLE, _retry_on_connection_errors),
    "slow-answer-means-unsent": Mutant(_NOT_UNSENT, _a_slow_answer_means_unsent),
    "time-up-means-unsent": Mutant(_NOT_UNSENT, _no_time_left_means_unsent),
    "400-means-refused": Mutant(_NOT_REJECTED, _400_means_refused),
    "malformed-answer-is-a-400": Mutant(_NOT_REJECTED, _a_malformed_answer_is_a_400),
    "5xx-means-refused": Mutant(_NOT_REJECTED, _5xx_means_refused),
    "503-without-code-means-refused": Mutant(_NOT_REJECTED, _503_means_refused),
    "resend-after-silence": Mutant(_DOUBLE, _resend_after_silence),
    "resend-after-a-kill": Mutant(_DOUBLE, nullcontext, resends_after_kill=True),
    "closed-in-flight-means-unsent": Mutant(_NOT_UNSENT, _closed_means_unsent),
    "withdraw-in-flight": Mutant(_NOT_UNSENT, _withdraw_what_is_in_flight),
    "redirect-means-refused": Mutant(_NOT_REJECTED, _a_redirect_means_refused),
    "believe-a-stray-answer": Mutant("did not accept it", _believe_a_stray_answer),
    "bucket-of-five": Mutant(" left in ", _let_five_go_at_once),
    "turn-before-connecting": Mutant("slots", _stamp_before_connecting),
    "recipient-kept-after-a-cancel": Mutant("stalled", _keep_the_recipient),
    "slot-free-at-start": Mutant("the service counted", _free_the_slot_at_start),
    "slot-kept-after-silence": Mutant("slots", _keep_the_slot_after_silence),
    "order-forgotten": Mutant("which came later", _forget_the_order),
}
"""By the name that the runner takes."""
