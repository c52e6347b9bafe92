"""How the rooms are wired for one account, and closed again."""

from functools import cache, partial
from typing import TYPE_CHECKING

import aiohttp

from autocalls_async.clock import loop_time
from autocalls_async.engine.asking.guard import WindowGuard
from autocalls_async.engine.asking.reads import Reads
from autocalls_async.engine.attempts import Exchange
from autocalls_async.engine.dispatcher import Dispatcher
from autocalls_async.engine.gate.gate import Gate
from autocalls_async.engine.gate.limiter import Limiter
from autocalls_async.engine.telemetry.observers import Telling, tell_of_neglect
from autocalls_async.http.settings import ApiKey, parse_base_url, read_host
from autocalls_async.http.transport.transport import Transport
from autocalls_async.model.later import Later
from autocalls_async.policy.pace import SendLimit
from autocalls_async.policy.retry import RetryPolicy
from autocalls_async.policy.verdict import Kind
from autocalls_async.policy.windows import WindowMemory

if TYPE_CHECKING:
    from autocalls_async.engine.telemetry import records as _telemetry
else:
    _telemetry = Later("autocalls_async.engine.telemetry.records")

READ_LIMIT = SendLimit(10, per=1.0)
"""The API documents no limit for status checks and listings; this is polite."""


REPLY_LIKELY_SECONDS = 60.0
"""For so long after somebody wrote, a connection is kept ready for the reply."""


class Wiring:
    """The parts of one client, which know nothing of it and may outlive it."""

    def __init__(  # noqa: PLR0913  # each is a setting of the client
        self,
        key: ApiKey,
        *,
        base_url: str,
        session: aiohttp.ClientSession | None,
        send_limit: SendLimit,
        limiter: Limiter | None,
        retry: RetryPolicy,
        max_queued: int | None,
        trust_env: bool,
        observer: "_telemetry.Observer | None",
        connect_ahead: bool,
        automation_key: ApiKey | None = None,
    ) -> None:
        url = parse_base_url(base_url)
        self.host: str = read_host(url)
        self.has_spares: bool = connect_ahead and session is None
        reach = partial(Transport, base_url=url, lent=session, trust_env=trust_env)
        spare_gap = send_limit.gap if connect_ahead else None
        self.transport: Transport = reach(key=key, spare_gap=spare_gap)
        self.exchange: Exchange = Exchange(self.transport, retry=retry, host=self.host)
        telling = Telling(observer)
        # With the first question: many clients have none, and there may be thousands.
        self._read_gate = cache(partial(Gate, READ_LIMIT))
        self.reads: Reads = Reads(self.exchange, self._read_gate)
        self._automation = None if automation_key is None else reach(key=automation_key)
        self.switches: Reads | None = self._reads_over(self._automation, retry)
        self.memory: WindowMemory = WindowMemory()
        self.guard: WindowGuard = WindowGuard(
            self.reads, memory=self.memory, telling=telling
        )
        self.send_gate: Gate = Gate(send_limit, limiter=limiter)
        self.dispatcher: Dispatcher = Dispatcher(
            self.exchange,
            send_gate=self.send_gate,
            guard=self.guard,
            telling=telling,
            max_queued=max_queued,
        )

    def _reads_over(
        self, transport: Transport | None, retry: RetryPolicy
    ) -> Reads | None:
        """Return reads with another key; they share the pace of all reads."""
        if transport is None:
            return None
        exchange = Exchange(transport, retry=retry, host=self.host)
        return Reads(exchange, self._read_gate)

    def expect_reply(self) -> None:
        """Keep a connection ready: somebody has written just now."""
        self.exchange.make_ahead(
            Kind.SEND, now=loop_time(), seconds=REPLY_LIKELY_SECONDS
        )

    async def aclose(self, *, drain_timeout: float) -> None:
        """Refuse new work, wait for what is under way, and close what was opened."""
        await self.dispatcher.aclose(drain_timeout=drain_timeout)
        await self.send_gate.aclose()
        await self._read_gate().aclose()
        await self.transport.aclose()
        if self._automation is not None:
            await self._automation.aclose()

    async def close_rest(self) -> None:
        """Close what a client left open; it is gone, or its loop is about to be."""
        text = self.describe_neglect()
        try:
            await self.aclose(drain_timeout=0.0)
        finally:
            tell_of_neglect(text)

    def describe_neglect(self) -> str:
        """Return what to tell of a client that was never closed."""
        count = self.dispatcher.cut_off_count
        left = (
            f", and {count} messages were waiting: they were not sent" if count else ""
        )
        return (
            f"an AutocallsClient was never closed{left}; use `async with`, or"
            " `await client.aclose()`"
        )
