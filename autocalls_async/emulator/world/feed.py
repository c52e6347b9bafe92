"""The feed: what changed, numbered, kept up to a bound for who comes back later."""

import asyncio
import json
import secrets
from collections import deque

from attrs import define, field


@define
class Feed:
    """Events, each a line of JSON.

    Attributes:
        keep: How many events are kept, the newest.
        run: Another text for each life of the state that the events change.
        seq: The number of the newest event; 0 before the first.
    """

    keep: int
    run: str = field(init=False, factory=lambda: secrets.token_hex(8))
    seq: int = field(init=False, default=0)
    _kept: deque[str] = field(init=False, factory=deque)
    _waiting: set[asyncio.Future[None]] = field(init=False, factory=set)

    def add(self, kind: str, data: object) -> None:
        """Tell of something that changed."""
        self.seq += 1
        event = {"seq": self.seq, "kind": kind, "data": data}
        self._kept.append(json.dumps(event, ensure_ascii=False))
        if len(self._kept) > self.keep:
            self._kept.popleft()
        for future in self._waiting:
            if not future.done():
                future.set_result(None)
        self._waiting.clear()

    def begin_anew(self) -> None:
        """Let everybody fetch the state again: it is another one from now on."""
        self.run = secrets.token_hex(8)
        self._kept.clear()
        self.add("reset", {})

    def after(self, seq: int, run: str | None = None) -> list[str]:
        """Return the events after a number, oldest first.

        Args:
            seq: The number of the last event that was seen.
            run: In which run; None for one who did not ask.

        Returns:
            One event `reset` where some are not kept any more, or none of the
            numbers is of this run.
        """
        missed = self.seq - seq
        if run not in {None, self.run} or not 0 <= missed <= len(self._kept):
            return [json.dumps({"seq": self.seq, "kind": "reset", "data": {}})]
        return [self._kept[i] for i in range(len(self._kept) - missed, len(self._kept))]

    async def wait(self) -> None:
        """Wait for the next event."""
        future = asyncio.get_running_loop().create_future()
        self._waiting.add(future)
        try:
            await future
        finally:
            self._waiting.discard(future)
