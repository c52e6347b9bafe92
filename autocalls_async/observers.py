"""Who is told what happens: a log by default, and never at a message's cost."""

import logging
from collections.abc import AsyncGenerator, Callable, Coroutine, Generator
from functools import partial
from inspect import isasyncgenfunction, iscoroutinefunction, isgeneratorfunction

from autocalls_async.masking import mask_phone, show_code
from autocalls_async.outcomes import Accepted, Outcome, Rejected, Unknown, Unsent
from autocalls_async.telemetry import (
    Answered,
    Checked,
    Event,
    HandedOver,
    Observer,
    Paused,
    Queued,
    Settled,
)

log: logging.Logger = logging.getLogger("autocalls_async")


def log_event(event: Event) -> None:
    """Log one record: unknowns as warnings, pauses as information, the rest as debug.

    The logger is `autocalls_async`. A line has a masked recipient, and no text.
    """
    match event:
        case Settled(outcome=Unknown(error=error)):
            to = mask_phone(event.message.recipient_phone)
            text = "#%d to %s ended as unknown: %s"
            log.warning(text, event.call_id, to, error.detail)
        case Paused():
            log.info("all sends pause for %.1f s: the service asked", event.seconds)
        case _ if log.isEnabledFor(logging.DEBUG):
            _log_step(event)


def _log_step(event: Event) -> None:
    match event:
        case Queued():
            to = mask_phone(event.message.recipient_phone)
            log.debug("#%d to %s queued in lane %s", event.call_id, to, event.lane)
        case Checked():
            source = "asked" if event.was_asked else "known"
            state = event.state.value
            log.debug("#%d window %s (%s)", event.call_id, state, source)
        case HandedOver():
            ids = event.call_id, event.attempt
            log.debug("#%d attempt %d handed over after %.3f s", *ids, event.waited)
        case Answered():
            ids = event.call_id, event.attempt
            facts = event.seen.value, event.round_trip
            log.debug("#%d attempt %d answered: %s after %.3f s", *ids, *facts)
        case Settled():
            log.debug("#%d to %s settled: %s", *_settled(event))


def _settled(event: Settled) -> tuple[int, str, str]:
    phone = mask_phone(event.message.recipient_phone)
    return event.call_id, phone, describe(event.outcome)


def describe(outcome: Outcome) -> str:
    """Name an outcome and, where it has one, its error's class and code."""
    match outcome:
        case Accepted():
            return "accepted"
        case Rejected() | Unsent() | Unknown():
            error = outcome.error
            code = f" {show_code(error.error_code)}" if error.error_code else ""
            kind = type(outcome).__name__.lower()
            return f"{kind}: {type(error).__name__}{code}"


def check_observer(name: str, observer: object) -> None:
    """Raise `ValueError` for an observer whose call does nothing before it is awaited.

    A function that gives a coroutine of another one cannot be told by its looks:
    `Telling` finds it out with the first record.
    """
    called = observer
    while isinstance(called, partial):
        called = called.func
    ways = (called, getattr(type(called), "__call__", None))  # noqa: B004  # not asked whether
    if not callable(called) or any(is_lazy(way) for way in ways for is_lazy in _LAZY):
        msg = f"{name} must be a plain function, which is called and not awaited"
        raise ValueError(msg)


_LAZY = (iscoroutinefunction, isasyncgenfunction, isgeneratorfunction)


class Telling:
    """Tells an observer, whose own faults break no send."""

    def __init__(self, observer: Observer | None, *, name: str = "observer") -> None:
        if observer is not None:
            check_observer(name, observer)
        self._observer: Callable[[Event], object] = observer or log_event
        self._has_failed = False

    @property
    def is_heard(self) -> bool:
        """Whether anybody wants each step, and not only news of a log's kind."""
        return self._observer is not log_event or log.isEnabledFor(logging.DEBUG)

    def tell(self, event: Event) -> None:
        """Tell one record; the first fault of the observer is logged."""
        try:
            answer = self._observer(event)
        except Exception as error:  # noqa: BLE001  # whatever it is, the send goes on
            if not self._has_failed:
                self._has_failed = True
                log.error("the observer raised %s", type(error).__name__)  # noqa: TRY400  # a traceback could show a text
            return
        if answer is None:
            return
        if isinstance(answer, Coroutine | Generator | AsyncGenerator):
            self._replace(answer)
            self.tell(event)

    def _replace(self, answer: object) -> None:
        """Let the log stand in for an observer that was called and did nothing."""
        if isinstance(answer, Coroutine | Generator):
            answer.close()  # else Python warns of each
        self._observer = log_event
        log.error(
            "the observer gave back %s, which would have to be awaited; "
            "it is told no more, and this log stands in",
            _show_kind(answer),
        )


def _show_kind(answer: object) -> str:
    match answer:
        case Coroutine():
            return "a coroutine"
        case AsyncGenerator():
            return "an async generator"
    return "a generator"
