"""The client for programs that block."""

import atexit
import os
import weakref
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Mapping
from contextlib import suppress
from datetime import datetime
from functools import wraps
from threading import Lock
from typing import (
    Any,
    Concatenate,
    ParamSpec,
    Self,
    TypedDict,
    TypeVar,
    Unpack,
)

from autocalls_async.blocking.after import BlockingConversations, BlockingDeliveries
from autocalls_async.blocking.loop_thread import LoopThread, shared
from autocalls_async.blocking.run import BlockingRun, BlockingSource
from autocalls_async.campaign.run import Run
from autocalls_async.campaign.source import Source
from autocalls_async.client.client import AutocallsClient
from autocalls_async.client.settings import ClientSettings
from autocalls_async.engine.telemetry.observers import tell_of_neglect
from autocalls_async.engine.telemetry.records import QueueStatus
from autocalls_async.model.messages import Message
from autocalls_async.model.values.naming import show_in

P = ParamSpec("P")
T = TypeVar("T")


def _blocking(
    method: "Callable[Concatenate[AutocallsClient, P], Coroutine[Any, Any, T]]",
) -> "Callable[Concatenate[BlockingClient, P], T]":
    """Return a method of the client as one that blocks, its words and types kept."""

    @wraps(method)
    def call(self: "BlockingClient", /, *args: P.args, **kwargs: P.kwargs) -> T:
        thread, step = self._home(), method(self._client, *args, **kwargs)
        del args, kwargs  # tracers show a failed frame's variables
        return thread.wait(step)

    return call


def _blocking_read(
    method: "Callable[Concatenate[AutocallsClient, Source, P], Coroutine[Any, Any, T]]",
) -> "Callable[Concatenate[BlockingClient, Iterable[Message], P], T]":
    """Return a method that reads messages as one that reads them in its caller."""

    @wraps(method)
    def call(
        self: "BlockingClient",
        messages: Iterable[Message],
        /,
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> T:
        source = BlockingSource(messages)
        step = method(self._client, source, *args, **kwargs)
        return self._home().wait(step, errands=source.errands)

    return call


def _blocking_run(
    method: "Callable[Concatenate[AutocallsClient, Source, P], Run]",
) -> "Callable[Concatenate[BlockingClient, Iterable[Message], P], BlockingRun]":
    """Return `send_many` as one whose run is iterated over without `async`."""

    @wraps(method)
    def call(
        self: "BlockingClient",
        messages: Iterable[Message],
        /,
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> "BlockingRun":
        source = BlockingSource(messages)

        async def make(client: AutocallsClient) -> Run:
            return method(client, source, *args, **kwargs)

        return BlockingRun(self.run(make), source, self._home())

    return call


class BlockingClient:
    """`AutocallsClient` for programs without an event loop.

    ```python
    with BlockingClient.from_env() as client:
        client.send_freeform("+14155550123", "Your table is ready")
    ```

    Any thread may use it, and should: clients of one process that are made anew for
    each send know nothing of each other's pace. Use it as `with`, or call `close()`.
    After a fork a client that was used before is a `RuntimeError` in the child; one
    that was only made is used there as any other. Each process has a pace of its own:
    give each its share, such as `SendLimit(2, per=1.0)` in each of two.

    Args:
        api_key: The account's key, such as `1|abc123`.
        settings: Those of `AutocallsClient`; what they call, such as an observer, is
            called in the loop's thread.

    Raises:
        ValueError: An argument breaks its rule. Nothing was opened.
    """

    def __init__(self, api_key: str, **settings: Unpack[ClientSettings]) -> None:
        try:
            self._take_over(AutocallsClient(api_key, **settings))
        finally:
            del api_key  # else a traceback with locals would show it

    def _take_over(self, client: AutocallsClient) -> None:
        self._client = client
        self._lock = Lock()
        self._thread: LoopThread | None = None
        self._pid = 0
        self._is_closing = self._is_closed = False

    @classmethod
    def from_env(
        cls,
        *,
        api_key: str | None = None,
        environ: Mapping[str, str] | None = None,
        **settings: Unpack[ClientSettings],
    ) -> Self:
        """Make a client from environment variables, as `AutocallsClient.from_env()`.

        Raises:
            ValueError: The key is missing, or a value breaks its rule.
        """
        made = cls.__new__(cls)
        try:
            cls._take_over(
                made,
                AutocallsClient.from_env(api_key=api_key, environ=environ, **settings),
            )
        finally:
            del api_key, environ
        return made

    def __repr__(self) -> str:
        return repr(getattr(self, "_client", None)).replace("Autocalls", "Blocking", 1)

    def __enter__(self) -> Self:
        self._home()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Refuse new work, wait for what is under way, and close what was opened.

        After `drain_timeout` what is still queued ends as `Unsent`, and what is
        still under way as `Unknown`. It can be called twice.
        """
        with self._lock:
            was_closing, self._is_closing = self._is_closing, True
            self._is_closed = self._thread is None or was_closing
        if was_closing or self._thread is None:
            return
        self._check_process()
        self._left_open.detach()
        _OPEN.discard(self)
        try:  # meanwhile handlers of webhooks may still send
            self._thread.wait(self._client.aclose())
        finally:
            self._is_closed = True
            shared().give_back()

    send = _blocking(AutocallsClient.send)
    send_freeform = _blocking(AutocallsClient.send_freeform)
    send_template = _blocking(AutocallsClient.send_template)
    session_status = _blocking(AutocallsClient.session_status)
    senders = _blocking(AutocallsClient.senders)
    templates = _blocking(AutocallsClient.templates)
    account = _blocking(AutocallsClient.account)
    plan = _blocking_read(AutocallsClient.plan)
    warm = _blocking(AutocallsClient.warm)

    send_many = _blocking_run(AutocallsClient.send_many)

    @property
    def windows(self) -> "BlockingWindows":
        """What the client knows of messaging windows."""
        return BlockingWindows(self)

    @property
    def conversations(self) -> BlockingConversations:
        """Who talked with a sender, what was said, and who answers."""
        return BlockingConversations(self)

    @property
    def deliveries(self) -> BlockingDeliveries:
        """What became of accepted messages, as receipts tell."""
        return BlockingDeliveries(self)

    @property
    def unblocked(self) -> AutocallsClient:
        """The client behind this one. It is used in its own loop alone: see `run()`."""
        return self._client

    @property
    def queue(self) -> QueueStatus:
        """How busy the client is. It is cheap, whatever the queue's length."""
        return self.run(_read_queue)

    def run(self, step: Callable[[AutocallsClient], Coroutine[Any, Any, T]]) -> T:
        """Run a coroutine of yours with the client behind this one, in its loop.

        For what has no blocking name, such as several sends at once:
        `client.run(lambda c: asyncio.wait_for(something(c), 10))`.

        Args:
            step: Called in the loop's thread; what it returns is awaited there.
        """
        return self._home().wait(_begin(step, self._client))

    def _home(self) -> LoopThread:
        """Return the thread where this client lives."""
        self._check_process()
        with self._lock:
            if self._is_closed:
                msg = "the client is closed; make a new one"
                raise RuntimeError(msg)
            if self._thread is None:
                self._pid, self._thread = os.getpid(), shared().take()
                self._left_open = weakref.finalize(
                    self, _close_left_open, self._client, self._thread, self._pid
                )
                self._left_open.atexit = False
                _OPEN.add(self)
            return self._thread

    def _check_process(self) -> None:
        if self._pid not in {0, os.getpid()}:
            msg = "the client was used before a fork; make one in each process"
            raise RuntimeError(msg)


# Closed when the interpreter ends: a web application has no better place for it.
_OPEN: weakref.WeakSet[BlockingClient] = weakref.WeakSet()


@atexit.register
def _close_at_exit() -> None:
    for client in list(_OPEN):
        with suppress(RuntimeError):  # a child's copy of what its parent uses
            client.close()


def _close_left_open(client: AutocallsClient, thread: LoopThread, pid: int) -> None:
    """Close what nobody closed, unless this is a child that only has a copy of it."""
    if pid != os.getpid():
        return
    tell_of_neglect(
        "a BlockingClient was never closed; use `with`, or `client.close()`"
    )
    closing = thread.start(client.aclose())
    closing.add_done_callback(lambda _: shared().give_back())


async def _begin(
    step: Callable[[AutocallsClient], Awaitable[T]], client: AutocallsClient
) -> T:
    return await step(client)


async def _read_queue(client: AutocallsClient) -> QueueStatus:
    return client.queue


class _Inbound(TypedDict, total=False):
    sender_id: int | None
    at: datetime | None


class BlockingWindows:
    """What a client knows of messaging windows, for any thread."""

    def __init__(self, client: BlockingClient) -> None:
        self._client = client

    def note_inbound(self, recipient_phone: str, **more: Unpack[_Inbound]) -> None:
        """Note that this recipient has written to us.

        Args:
            recipient_phone: E.164, `+14155550123`; also without the plus.
            more: `sender_id=` and `at=`, as of `AutocallsClient.windows`.

        Raises:
            ValueError: An argument breaks its rule, or there is no sender.
            RuntimeError: The client is closed.
        """

        async def note(client: AutocallsClient) -> None:
            client.windows.note_inbound(recipient_phone, **more)

        self._client.run(note)


show_in("autocalls_async.blocking", "BlockingClient", "BlockingWindows", of=globals())
