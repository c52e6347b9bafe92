"""Who is told what happens: a log by default, and never at a message's cost."""

import logging
import warnings
from collections.abc import AsyncGenerator, Callable, Coroutine, Generator
from functools import partial
from inspect import isasyncgenfunction, iscoroutinefunction, isgeneratorfunction
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from autocalls_async.engine.telemetry.records import Event, Observer

log: logging.Logger = logging.getLogger("autocalls_async")


def _log_event(event: "Event") -> None:
    from autocalls_async.engine.telemetry.event_log import log_event  # noqa: PLC0415  # few log a step

    log_event(event)


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

    def __init__(self, observer: "Observer | None", *, name: str = "observer") -> None:
        if observer is not None:
            check_observer(name, observer)
        self._observer: Callable[[Event], object] = observer or _log_event
        self._has_failed = False

    @property
    def is_heard(self) -> bool:
        """Whether anybody wants each step, and not only news of a log's kind."""
        return self._observer is not _log_event or log.isEnabledFor(logging.DEBUG)

    def tell(self, event: "Event") -> None:
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
        self._observer = _log_event
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


def tell_of_neglect(text: str) -> None:
    """Warn of what was forgotten, for developers and for operators."""
    log.warning("%s", text)
    warnings.warn(text, ResourceWarning, stacklevel=2)
