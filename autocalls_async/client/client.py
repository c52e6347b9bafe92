"""The client: one account, one queue, one pace; it owns what must be closed.

Its calls stand by what they do, each class on the next: `Campaigns` sends many,
`SingleSends` one, and `Questions` sends nothing.
"""

import os
from collections.abc import Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Self, Unpack

import aiohttp

from autocalls_async.client.campaigns import Campaigns
from autocalls_async.client.settings import ClientSettings, WindowCheckName
from autocalls_async.engine.gate.limiter import Limiter
from autocalls_async.engine.telemetry.observers import tell_of_neglect
from autocalls_async.http.settings import DEFAULT_BASE_URL, ApiKey, read_environment
from autocalls_async.model.checks import check_seconds
from autocalls_async.model.later import Later
from autocalls_async.model.values.naming import show_in, show_methods_as
from autocalls_async.policy.pace import SendLimit
from autocalls_async.policy.retry import RetryPolicy

if TYPE_CHECKING:
    from autocalls_async.client import wiring as _wirings
    from autocalls_async.engine.asking import windows as _windows
    from autocalls_async.engine.telemetry import records as _telemetry
    from autocalls_async.http import replies as _replies
    from autocalls_async.webhooks import deliveries as _deliveries
else:
    # All rooms come with the first client.
    _wirings = Later("autocalls_async.client.wiring")
    _replies = Later("autocalls_async.http.replies")
    _telemetry = Later("autocalls_async.engine.telemetry.records")
    _deliveries = Later("autocalls_async.webhooks.deliveries")
    _windows = Later("autocalls_async.engine.asking.windows")


class AutocallsClient(Campaigns):
    """An asyncio client for one account of the Autocalls WhatsApp API.

    Make one for each account and keep it: its queue, pace and windows are what
    keep the promises. Use it as `async with`, or call `aclose()`. It belongs to
    the event loop that first used it.

    Args:
        api_key: The account's key, such as `1|abc123`.
        base_url: Of the API; white-label editions have another host.
        sender_id: The sender of messages that name none.
        session: Lent, and never closed. Its connector is used as it is, pooled
            connections included: a send on a kept connection may meet one that
            is just being closed, and its outcome is then unknown. Its headers,
            cookies, middlewares, trace hooks and timeouts are not used.
        send_limit: Of the account. The API's is 5 a second.
        limiter: Asked as well as the pace before each send, one request at a
            time, such as an aiolimiter `AsyncLimiter` that several clients of
            one account share.
        retry: When a call makes another attempt.
        window_check: Whether to ask for the messaging window before free text:
            `"auto"` unless an open one is known, `"always"` or `"never"`.
        timeout: The whole budget of a single call, in seconds: queue, check,
            HTTP and retries. Messages of `send_many` have none.
        max_queued: Single messages that may wait for their turn; one more is a
            `QueueFullError` at once. `None` sets no bound.
        drain_timeout: Seconds that `aclose()` gives to what is queued or under way.
        trust_env: Use the proxy that the environment names (`HTTPS_PROXY`).
        observer: Called with a record of each step of each message, in the
            event loop; what it raises breaks nothing. `None` logs to
            `autocalls_async`: unknowns as warnings, steps as debug.
        connect_ahead: Keep a connection ready for the next interactive send,
            5 seconds old at most and never used: for a minute after
            `windows.note_inbound()`, while a send waits, and for some seconds
            after one. Never on a lent session.
        deliveries: Where receipts are kept; `None` keeps those of a day in memory. It
            is closed with the client.
        automation_key: Of automations, for `conversations.disable_ai()` and
            `enable_ai()` alone.

    Raises:
        ValueError: An argument breaks its rule. Nothing was opened.
    """

    def __init__(  # noqa: PLR0913  # each is a setting with a default
        self,
        api_key: str,
        *,
        base_url: str = DEFAULT_BASE_URL,
        sender_id: int | None = None,
        session: aiohttp.ClientSession | None = None,
        send_limit: SendLimit = SendLimit(5, per=1.0),  # noqa: B008  # immutable
        limiter: Limiter | None = None,
        retry: RetryPolicy = RetryPolicy(),  # noqa: B008  # immutable
        window_check: WindowCheckName = "auto",
        timeout: float = 30.0,
        max_queued: int | None = None,
        drain_timeout: float = 30.0,
        trust_env: bool = False,
        observer: "_telemetry.Observer | None" = None,
        connect_ahead: bool = True,
        deliveries: "_deliveries.Deliveries | None" = None,
        automation_key: str | None = None,
    ) -> None:
        key = ApiKey(api_key)
        switch_key = None if automation_key is None else ApiKey(automation_key)
        del api_key, automation_key  # else a traceback with locals would show them
        wiring = _wirings.Wiring(
            key,
            base_url=base_url,
            session=session,
            send_limit=send_limit,
            limiter=limiter,
            retry=retry,
            max_queued=max_queued,
            trust_env=trust_env,
            observer=observer,
            connect_ahead=connect_ahead,
            automation_key=switch_key,
        )
        super().__init__(
            wiring, sender_id=sender_id, window_check=window_check, timeout=timeout
        )
        self._prepare(drain_timeout, deliveries)

    def _prepare(
        self, drain_timeout: float, deliveries: "_deliveries.Deliveries | None"
    ) -> None:
        self._deliveries = deliveries
        self._drain_timeout = check_seconds(
            "drain_timeout", drain_timeout, may_be_zero=True
        )
        self._home.close_rest = self._wiring.close_rest
        if self._deliveries is not None:
            self._take_over(self._deliveries)

    def _take_over(self, deliveries: "_deliveries.Deliveries") -> None:
        deliveries.serve(self)
        self._wiring.dispatcher.tell_ends(deliveries.notes.note_end)

    def __del__(self) -> None:
        home = getattr(self, "_home", None)
        if home is not None and home.is_left_open and home.is_gone:
            tell_of_neglect(self._wiring.describe_neglect())

    @classmethod
    def from_env(
        cls,
        *,
        api_key: str | None = None,
        environ: Mapping[str, str] | None = None,
        **settings: Unpack[ClientSettings],
    ) -> Self:
        """Make a client from environment variables.

        Args:
            api_key: In place of `AUTOCALLS_API_KEY`, which must be set otherwise.
            environ: Other variables than those of this process.
            settings: Those of `AutocallsClient`. One that is given here wins over
                `AUTOCALLS_BASE_URL`, `AUTOCALLS_SENDER_ID` and
                `AUTOCALLS_AUTOMATION_KEY`, which may be set.

        Raises:
            ValueError: The key is missing, or a value breaks its rule.
        """
        # The environment is no default value: help() would print it, key and all.
        found = read_environment(
            os.environ if environ is None else environ, api_key=api_key
        )
        del api_key  # else a traceback with locals would show it
        settings.setdefault("automation_key", found.automation_key)
        settings.setdefault("base_url", found.base_url)
        settings.setdefault("sender_id", found.sender_id)
        return cls(found.api_key, **settings)

    def __repr__(self) -> str:
        if not hasattr(self, "_wiring"):  # a debugger looks at one that is refused
            return "<AutocallsClient, not made>"
        sender = "" if self._sender_id is None else f", sender {self._sender_id}"
        state = "closed" if self._home.is_closed else "open"
        return f"<AutocallsClient of {self._wiring.host}{sender}, {state}>"

    async def __aenter__(self) -> Self:
        self._home.check()
        _replies.make_ready()  # else the first answer would wait for it
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Refuse new work, wait for what is under way, and close what was opened.

        After `drain_timeout` what is still queued ends as `Unsent`, and what is
        still under way as `Unknown`. It can be called twice.
        """
        if self._deliveries is not None and not self._home.is_closed:
            # Handlers may still answer.
            await self._deliveries.close_receivers(drain_timeout=self._drain_timeout)
        self._home.close()
        self._end_runs()
        await self._wiring.aclose(drain_timeout=self._drain_timeout)
        if self._deliveries is not None:
            await self._deliveries.aclose()
        await self._home.release()

    @cached_property
    def windows(self) -> "_windows.Windows":
        """What the client knows of messaging windows, and may be told of them."""
        return _windows.Windows(
            self._wiring.memory,
            self._sender_id,
            check_home=self._home.check,
            on_inbound=self._wiring.expect_reply,
        )

    @property
    def deliveries(self) -> "_deliveries.Deliveries":
        """What became of accepted messages, as receipts tell."""
        if self._deliveries is None:
            self._deliveries = _deliveries.Deliveries()
            self._take_over(self._deliveries)
        return self._deliveries

    @property
    def queue(self) -> "_telemetry.QueueStatus":
        """How busy the client is. It is cheap, whatever the queue's length.

        Raises:
            RuntimeError: It was called outside the event loop.
        """
        self._home.check_place()
        return self._wiring.dispatcher.status

    async def warm(self) -> None:
        """Wait until a connection for a send and one for a status check stand.

        So the first reply takes one round trip, its check one more. They stand for
        5 seconds; `windows.note_inbound()` keeps one for a minute. It does nothing
        with a lent session, without `connect_ahead`, and where a mock has replaced
        aiohttp's requests.

        Raises:
            UnreachableError: A connection could not be made.
        """
        self._home.check()
        _replies.make_ready()
        await self._wiring.exchange.warm()


show_in("autocalls_async", "AutocallsClient", of=globals())
show_methods_as(AutocallsClient)
