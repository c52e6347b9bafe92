"""Something that is waited for now and then, and happens all the time."""

import asyncio


class Pulse:
    """An event that is over at once, and costs nothing while nobody waits for it."""

    __slots__ = ("_event",)

    def __init__(self) -> None:
        self._event: asyncio.Event | None = None

    def tell(self) -> None:
        """Wake all who wait."""
        if self._event is not None:
            self._event.set()
            self._event = None

    async def wait(self) -> None:
        """Wait until it is told of the next time."""
        if self._event is None:
            self._event = asyncio.Event()
        await self._event.wait()
