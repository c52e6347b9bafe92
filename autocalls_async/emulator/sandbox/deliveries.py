"""Deliveries: how far each accepted message is on its way to its recipient."""

from attrs import define, field

from autocalls_async.emulator.clock import Clock
from autocalls_async.emulator.outbound.posting import Posting
from autocalls_async.emulator.world import shapes
from autocalls_async.emulator.world.feed import Feed
from autocalls_async.emulator.world.history import Chat, History, Message
from autocalls_async.emulator.world.receipts import (
    FAILED,
    FAILURE,
    ReceiptSteps,
    may_become,
)


@define(eq=False)
class Deliveries:
    """Takes messages step by step, and tells of each by feed and receipt."""

    clock: Clock
    steps: ReceiptSteps
    history: History
    feed: Feed
    posting: Posting
    _open_chats: dict[object, Chat] = field(init=False, factory=dict)
    """Which thread each page has open."""

    def set_status(
        self,
        whatsapp_message_id: int,
        status: str,
        *,
        error_code: int | None = None,
        error_message: str | None = None,
    ) -> Message:
        """Let a message's delivery go a step on, and tell by a receipt.

        Raises:
            LookupError: No message with this id is kept.
            ValueError: The service would not tell of this step, as it leads back.
        """
        message = self.history.find(whatsapp_message_id)
        if message is None:
            msg = f"no message {whatsapp_message_id} is kept"
            raise LookupError(msg)
        if not may_become(message.status, status):
            msg = (
                f"message {whatsapp_message_id} is {message.status} and cannot become"
                f" {status!r}: a delivery goes forward only"
            )
            raise ValueError(msg)
        if status in FAILED:
            code, text = FAILURE
            message.error_code = error_code or code
            message.error_message = error_message or text
        self._step(message, status, at=self.clock.time())
        return message

    def open_chat(self, page: object, chat: Chat | None) -> None:
        """Note which thread a page has open: what was delivered there is read."""
        self._open_chats.pop(page, None)
        if chat is None:
            return
        self._open_chats[page] = chat
        for message in self.history.thread(chat):
            self._read_if_open(message, at=self.clock.time())

    def begin(self, message: Message, *, at: float) -> None:
        """Let a message take its steps by itself, from an instant on."""
        for seconds, status in self.steps.steps:
            self._plan_step(message, status, at + seconds)

    def _plan_step(self, message: Message, status: str, due: float) -> None:
        run = self.feed.run

        def step(at: float) -> None:
            if run == self.feed.run and may_become(message.status, status):
                self._step(message, status, at=at)

        self.clock.call_at(due, step)

    def _step(self, message: Message, status: str, *, at: float) -> None:
        message.status = status
        self.feed.add("status", shapes.status(message))
        self.posting.receipt(message, at=at)
        self._read_if_open(message, at=at)

    def _read_if_open(self, message: Message, *, at: float) -> None:
        is_open = message.chat in self._open_chats.values()
        wanted = self.steps is ReceiptSteps.AUTO
        if is_open and wanted and message.status == "delivered":
            self._step(message, "read", at=at)
