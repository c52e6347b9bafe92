"""Which function wants to see which event."""

import logging
import re
from collections.abc import Callable, Collection, Coroutine
from inspect import iscoroutinefunction
from typing import Any, TypeAlias, TypeVar

from attrs import define, field

from autocalls_async.model.checks import check_text, show_kind
from autocalls_async.webhooks.handlers.chat import Chat
from autocalls_async.webhooks.receiving.events import (
    ConversationEnded,
    Event,
    InboundMessage,
    MessageStatus,
)
from autocalls_async.webhooks.statuses import RANKS
from autocalls_async.webhooks.stores.protocol import Task

log: logging.Logger = logging.getLogger("autocalls_async.webhooks")
_STATUS = re.compile(r"[a-z][a-z0-9_]*", re.ASCII)

OnStatus: TypeAlias = Callable[[MessageStatus], Coroutine[Any, Any, object]]
OnEnded: TypeAlias = Callable[[ConversationEnded], Coroutine[Any, Any, object]]
OnMessage: TypeAlias = Callable[[InboundMessage, Chat], Coroutine[Any, Any, object]]
F = TypeVar("F", bound=Callable[..., Coroutine[Any, Any, object]])


def check_handler(handler: F) -> F:
    """Return what can be awaited when an event comes.

    Raises:
        ValueError: It is no coroutine function.
    """
    call = getattr(handler, "__call__", None)  # noqa: B004  # of an object that has one
    if iscoroutinefunction(handler) or iscoroutinefunction(call):
        return handler
    msg = (
        f"a handler must be a coroutine function (async def); got {show_kind(handler)}"
    )
    raise ValueError(msg)


def check_status(status: object) -> None:
    """Make sure that a status can be one; one that is not known yet is told of.

    Raises:
        ValueError: It is no word in small letters, as all of them are.
    """
    check_text("a status of on_status(...)", status)
    if not isinstance(status, str) or not _STATUS.fullmatch(status):
        msg = f"a status of on_status(...) is a word such as 'failed'; got {status!r}"
        raise ValueError(msg)
    if status not in RANKS:
        known = ", ".join(RANKS)
        log.warning("on_status(%r): the statuses known here are %s", status, known)


@define
class Registry:
    """The handlers, in the order in which they were given."""

    statuses: list[tuple[frozenset[str], OnStatus]] = field(factory=list)
    tests: list[OnStatus] = field(factory=list)
    ended: list[OnEnded] = field(factory=list)
    messages: list[OnMessage] = field(factory=list)

    def tasks(self) -> Collection[Task]:
        """Return the kinds of events that anybody here wants to see."""
        wanted = {
            Task.STATUS: self.statuses,
            Task.ENDED: self.ended,
            Task.MESSAGE: self.messages,
        }
        return [task for task, handlers in wanted.items() if handlers]

    def of_status(self, status: str) -> list[OnStatus]:
        """Return who wants to see this status."""
        return [
            handler
            for wanted, handler in self.statuses
            if not wanted or status in wanted
        ]

    def calls(
        self, event: Event, chat: Callable[[InboundMessage], Chat]
    ) -> list[Callable[[], Coroutine[Any, Any, object]]]:
        """Return what is to be called for an event, ready to be called."""
        match event:
            case MessageStatus(is_test=True):
                return [_call(handler, event) for handler in self.tests]
            case MessageStatus(status=status):
                return [_call(handler, event) for handler in self.of_status(status)]
            case ConversationEnded():
                return [_call(handler, event) for handler in self.ended]
            case InboundMessage():
                return [_call(handler, event, chat(event)) for handler in self.messages]
        return []


def _call(
    handler: Callable[..., Coroutine[Any, Any, object]], *arguments: object
) -> Callable[[], Coroutine[Any, Any, object]]:
    return lambda: handler(*arguments)
