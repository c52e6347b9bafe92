"""What a client knows of messaging windows, and may be told of them."""

from collections.abc import Callable
from datetime import UTC, datetime

from autocalls_async.clock import loop_time
from autocalls_async.model.checks import (
    choose_sender,
    read_age_seconds,
    read_inbound_phone,
)
from autocalls_async.model.values.naming import show_in
from autocalls_async.policy.windows import WindowMemory


class Windows:
    """What the client knows of messaging windows."""

    def __init__(
        self,
        memory: WindowMemory,
        default_sender_id: int | None,
        *,
        on_inbound: Callable[[], None],
        check_home: Callable[[], None],
    ) -> None:
        self._memory = memory
        self._on_inbound = on_inbound
        self._default_sender_id = default_sender_id
        self._check_home = check_home

    def note_inbound(
        self,
        recipient_phone: str,
        *,
        sender_id: int | None = None,
        at: datetime | None = None,
    ) -> None:
        """Note that this recipient has written to us.

        For 24 hours from then no check is needed before free text to them, as
        long as they are among the 15,000 recipients heard of last. For a minute a
        connection is kept ready, so that the reply takes one round trip.

        A thread hands it to the event loop:
        `loop.call_soon_threadsafe(client.windows.note_inbound, phone)`.

        Args:
            recipient_phone: E.164, `+14155550123`; also without the plus, as Meta
                writes the numbers of those who wrote.
            sender_id: Whom they wrote to; `None` means the client's default.
            at: When they wrote, an aware time; `None` and a time in the future
                mean now. A message that was forwarded three hours late opens
                their window for 21 hours.

        Raises:
            ValueError: An argument breaks its rule, or there is no sender.
            RuntimeError: The client is closed, or this is not its event loop.
        """
        self._check_home()
        try:
            sender = choose_sender(sender_id, self._default_sender_id)
            age = 0.0
            if at is not None:
                age = read_age_seconds("at", at, now=datetime.now(UTC))
            phone = read_inbound_phone("recipient_phone", recipient_phone)
            self._memory.note_inbound(sender, phone, now=loop_time(), age_seconds=age)
        finally:
            del recipient_phone  # tracers show a failed frame's variables
        self._on_inbound()


show_in("autocalls_async", "Windows", of=globals())
