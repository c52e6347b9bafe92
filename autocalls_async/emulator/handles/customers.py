"""The handles of a sandbox: its customers, its deliveries and its clock."""

import asyncio
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from autocalls_async.emulator.handles.controls import Controls, at_home
from autocalls_async.emulator.handles.replay import Replayed, read_record, replay
from autocalls_async.emulator.world.history import Message, Side


class SandboxControls(Controls):
    """What a person with a phone, the carrier and time itself would do."""

    @at_home
    def advance(self, seconds: float) -> None:
        """Move the emulator's clock forward, and do what this makes due.

        Windows close, receipts go out and are tried again, limits are forgotten.
        Attempts that the jump left behind are made in the order they were due.

        Raises:
            ValueError: The clock would move backwards, or by more than ten years.
        """
        self._box.advance(seconds)

    @at_home
    def thread(self, phone: str, *, sender_id: int = 12) -> list[Message]:
        """Return what a customer and a sender wrote to each other, oldest first."""
        self._box.wake()
        return self._box.history.thread((sender_id, phone))

    @at_home
    def set_status(
        self,
        whatsapp_message_id: int,
        status: str,
        *,
        error_code: int | None = None,
        error_message: str | None = None,
    ) -> None:
        """Let a message be `sent`, `delivered`, `read`, `failed` or `undelivered`.

        A receipt goes out where the emulator was given a `webhook`.

        Args:
            whatsapp_message_id: The id that the send was answered with.
            status: A step forward from the one before.
            error_code: Why it failed; 131026 if nothing is said.
            error_message: The same in words.

        Raises:
            LookupError: No message with this id is kept.
            ValueError: The service would not tell of this step, as it leads back.
        """
        self._box.wake()
        self._box.deliveries.set_status(
            whatsapp_message_id,
            status,
            error_code=error_code,
            error_message=error_message,
        )

    @at_home
    def end_conversation(self, phone: str, *, sender_id: int = 12) -> None:
        """Let a conversation have ended: `ended` is told, with all that was said.

        Raises:
            LookupError: There is no such conversation.
        """
        self._box.end_conversation((sender_id, phone))

    @at_home
    def snapshot(self) -> dict[str, Any]:
        """Return account, conversations and messages as plain data, for JSON.

        There is no key and no secret in it, but whole numbers and texts.
        """
        return self._box.snapshot()

    @at_home
    def restore(self, state: Mapping[str, Any]) -> None:
        """Let all be as it was when a snapshot was taken; the date, too.

        Requests and callouts are forgotten.

        Raises:
            ValueError: It is no snapshot; then nothing was changed.
        """
        self._box.restore(state)

    @at_home
    def mark_start(self) -> None:
        """Let the control call `reset` lead back to what is now."""
        self._box.mark_start()

    @at_home
    def record(self, path: Path | str) -> None:
        """Record what is written from now on, for `replay`, until the emulator ends.

        Args:
            path: A new file; only its owner can read it.

        Raises:
            OSError: The file can't be made, or there is one already.
        """
        self._box.record(on=True, path=Path(path))

    async def replay(
        self,
        path: Path | str,
        *,
        timeout: float = 10.0,
        ignore: Sequence[str] = (),
    ) -> Replayed:
        """Let customers write what was recorded, and compare the replies.

        Args:
            path: A record.
            timeout: How long each reply may take, in seconds.
            ignore: Patterns; what they match in a text is not compared.

        Raises:
            OSError: The file can't be read.
            ValueError: It is no record, or a pattern is none.
        """
        record = read_record(Path(path))
        return await self._home.wait_for(
            replay(self._box, record, timeout=timeout, ignore=ignore)
        )

    async def wait_for_message(
        self,
        phone: str | None = None,
        *,
        contains: str = "",
        count: int = 1,
        timeout: float = 10.0,
        after: int = 0,
    ) -> Message:
        """Wait until the business has written to a customer.

        Args:
            phone: To whom; None for anybody.
            contains: What stands in the text.
            count: How many such messages there must be; those that are there
                already count.
            timeout: How long to wait, in seconds of the event loop's clock.
            after: Only messages with a higher `number` count, such as that of
                the customer's message that is to be answered.

        Returns:
            The one that was waited for, the last of `count`.

        Raises:
            TimeoutError: It did not come; the text says what did.
            ValueError: `count` is less than one.
        """
        if count < 1:
            msg = f"at least one message must be waited for; got {count!r}"
            raise ValueError(msg)
        return await self._home.wait_for(
            self._wait(phone, contains, count, timeout, after)
        )

    async def _wait(
        self, phone: str | None, contains: str, count: int, timeout: float, after: int
    ) -> Message:
        self._box.wake()
        try:
            async with asyncio.timeout(timeout):
                while True:
                    fitting = self._fitting(phone, contains, after)
                    if len(fitting) >= count:
                        return fitting[count - 1]
                    await self._box.feed.wait()
        except TimeoutError:
            texts = [m.text for m in self._fitting(phone, "", after)[-3:]]
            msg = (
                f"{len(self._fitting(phone, contains, after))} of {count} messages"
                f" to {phone or 'anybody'} with {contains!r} came in {timeout:g} s;"
                f" the last that came: {texts or 'none'}"
            )
            raise TimeoutError(msg) from None

    def _fitting(self, phone: str | None, contains: str, after: int) -> list[Message]:
        return [
            message
            for message in self._box.history.of(phone, None)
            if message.side is Side.BUSINESS
            and message.number > after
            and contains in message.text
        ]
