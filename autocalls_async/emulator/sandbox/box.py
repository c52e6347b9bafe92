"""The sandbox: it watches an emulator, keeps its threads, and tells of them.

It wakes when somebody asks: then the messages that were recorded so far are its
threads, and it hears of all that follows.
"""

from collections.abc import Mapping
from hashlib import blake2b
from pathlib import Path
from typing import Any

from attrs import define, field

from autocalls_async.emulator.answers import JsonObject
from autocalls_async.emulator.conversations import Entry, Told
from autocalls_async.emulator.outbound.callouts import Callouts
from autocalls_async.emulator.outbound.posting import Posting
from autocalls_async.emulator.records import AcceptedMessage
from autocalls_async.emulator.sandbox.crowd import Crowd
from autocalls_async.emulator.sandbox.deliveries import Deliveries
from autocalls_async.emulator.sandbox.telling import Telling
from autocalls_async.emulator.sandbox.texts import check_text, fill
from autocalls_async.emulator.sandbox.watch import Watch
from autocalls_async.emulator.saved import snapshot
from autocalls_async.emulator.saved.recording import Recording
from autocalls_async.emulator.state import WINDOW_SECONDS
from autocalls_async.emulator.world import shapes
from autocalls_async.emulator.world.callout import Callout
from autocalls_async.emulator.world.feed import Feed
from autocalls_async.emulator.world.history import Chat, History, Message, Side
from autocalls_async.emulator.world.requests import RequestLog
from autocalls_async.emulator.world.settings import SandboxSettings
from autocalls_async.emulator.world.world import World

# Of requests and callouts, which are large, fewer are kept than of messages.
_KEPT_REQUESTS = 1000
# A message is some six events, and a page may be some seconds behind.
_KEPT_EVENTS = 1000


@define(eq=False)
class Sandbox:
    """Threads, deliveries, requests and callouts of one emulator."""

    world: World
    settings: SandboxSettings
    history: History = field(init=False)
    feed: Feed = field(init=False)
    requests: RequestLog = field(init=False)
    watch: Watch = field(init=False)
    callouts: Callouts = field(init=False)
    posting: Posting = field(init=False)
    telling: Telling = field(init=False)
    recording: Recording = field(init=False, factory=Recording)
    deliveries: Deliveries = field(init=False)
    crowd: Crowd = field(init=False)
    _start: JsonObject | None = field(init=False, default=None)
    _is_awake: bool = field(init=False, default=False)

    def __attrs_post_init__(self) -> None:
        keep = self.settings.keep
        self.history = History(keep)
        self.feed = Feed(max(keep, _KEPT_EVENTS))
        self.requests = RequestLog(min(keep, _KEPT_REQUESTS))
        self.watch = Watch(self.world, self.requests, self.feed, self)
        self.callouts = Callouts(self.world.clock, keep, self._tell_callout)
        self.posting = Posting(self.settings, self.world, self.callouts)
        self.deliveries = Deliveries(
            self.world.clock,
            self.settings.steps,
            self.history,
            self.feed,
            self.posting,
        )
        self.telling = Telling(self.world, self.feed)
        self.crowd = Crowd(keep, self.world.clock)

    # Waking

    def wake(self) -> None:
        """Watch from now on; what was recorded so far is taken in."""
        if self._is_awake:
            return
        self._is_awake = True
        for message in self.world.records.accepted:
            self._keep(message, request=None)
        self.telling.begin()
        self.world.records.watcher = self.watch

    def turned(self) -> None:
        """Tell of what somebody changed by a control."""
        if self._is_awake:
            self._tell_changes()

    # What the service tells

    def accepted(self, message: AcceptedMessage, request: int | None) -> int:
        """Take a message into its thread, and let its delivery begin.

        Returns:
            Its number.
        """
        taken = self._keep(message, request=request)
        self._tell_changes()
        self._tell_message(taken)
        self.recording.note_message(taken)
        self.deliveries.begin(taken, at=taken.at)
        return taken.number

    def ended(self) -> None:
        """Tell of what a request changed."""
        self.telling.tell_limits(self.history.doubles)
        self._tell_changes()

    # What people do

    def customer_writes(
        self, chat: Chat, text: str, *, name: str | None = None
    ) -> Message:
        """Take a customer's text into their thread, and forward it.

        Raises:
            ValueError: The text is empty, or over 4096 characters.
        """
        check_text(text)
        self.wake()
        self.world.tenant.write(*chat, at=self.world.clock.time(), name=name)
        message = Message(
            number=self.history.last_number + 1,
            side=Side.CUSTOMER,
            sender_id=chat[0],
            phone=chat[1],
            text=text,
            at=self.world.clock.time(),
        )
        self.history.add(message)
        self._tell_changes()
        self._tell_message(message)
        self.recording.note_message(message)
        self.posting.forward(message)
        return message

    def end_conversation(self, chat: Chat) -> None:
        """Let a conversation have ended, and tell by the webhook for that.

        Raises:
            LookupError: There is no such conversation.
        """
        if chat not in self.world.tenant.conversations:
            msg = f"sender {chat[0]} has no conversation with {chat[1]}"
            raise LookupError(msg)
        self.wake()
        at = self.world.clock.time()
        self.posting.ended(chat, self.history.thread(chat), at=at)

    def shown_settings(self) -> JsonObject:
        """Show where callouts go, and whether all is recorded."""
        settings = self.settings
        return {
            "webhook": settings.webhook,
            "inbound": settings.inbound,
            "ended": settings.ended,
            "receipt_steps": settings.steps,
            "recording": self.recording.shown(),
        }

    def snapshot(self) -> JsonObject:
        """Return the state as plain data."""
        self.wake()
        return snapshot.take(self.world, self.history)

    def restore(self, state: Mapping[str, Any]) -> None:
        """Let all be as it was when a snapshot was taken; the date, too.

        Raises:
            ValueError: It is no snapshot.
        """
        self.wake()
        snapshot.put_back(state, self.world, self.history)
        self.requests.clear()
        self.callouts.forget()
        self.telling.begin()
        self.feed.begin_anew()
        for chat in self.world.tenant.conversations:
            self._await_end(chat)
        for message in self.history.all():
            self.deliveries.begin(message, at=self.world.clock.time())

    def record(self, *, on: bool, path: Path | None = None) -> None:
        """Begin to record what is written, or end it.

        Raises:
            OSError: The file can't be made, or there is one already.
        """
        if on:
            at = self.world.clock.time()
            self.recording.begin(self.snapshot(), at=at, path=path)
        else:
            self.recording.end()
        self.feed.add("settings", self.shown_settings())

    def mark_start(self) -> None:
        """Let `reset` lead back to what is now."""
        self._start = self.snapshot()

    def reset(self) -> None:
        """Let all be as it was at the start; the date is the true one."""
        self.restore(self._start or {})
        self.world.clock.set_true_date()

    def advance(self, seconds: float) -> None:
        """Move the clock, and tell of it before all that this makes due."""
        clock = self.world.clock
        self.recording.note_advance(seconds, at=clock.time())
        clock.advance(seconds, self._tell_clock if self._is_awake else None)

    def tell(self, sender_id: int, phone: str) -> Told:
        """Return what the service's own listing says of a thread."""
        self.wake()
        chat = (sender_id, phone)
        entries = [
            Entry(
                role="user" if message.side is Side.CUSTOMER else "assistant",
                content=message.text,
                at=message.at,
            )
            for message in self.history.thread(chat)
        ]
        return Told(entries=entries, count=self.history.count(chat))

    async def stop(self) -> None:
        """End what is under way."""
        await self.callouts.stop()
        self.recording.end()

    # Inside

    def _keep(self, sent: AcceptedMessage, *, request: int | None) -> Message:
        template = None
        if sent.template_id is not None:
            template = self.world.tenant.templates.get(sent.template_id)
        message = Message(
            number=self.history.last_number + 1,
            side=Side.BUSINESS,
            sender_id=sent.sender_id,
            phone=sent.recipient_phone,
            text=sent.message or fill(template, sent.variables),
            at=sent.at,
            kind=sent.kind,
            whatsapp_message_id=sent.whatsapp_message_id,
            template_id=sent.template_id,
            template_name=None if template is None else template.name,
            status="queued",
            request=request,
            identity=_digest(sent),
        )
        self.history.add(message)
        return message

    def _tell_clock(self) -> None:
        self.feed.add("clock", shapes.clock(self.world.clock))

    def _tell_changes(self) -> None:
        for chat in self.telling.tell_changes():
            self._await_end(chat)
        if gone := self.crowd.forget(self.world.tenant, self.history):
            self.feed.add("gone", [list(chat) for chat in gone])

    def _await_end(self, chat: Chat) -> None:
        """Tell that a conversation ended once its window has run out."""
        wrote = self.world.tenant.conversations[chat].last_inbound
        if self.settings.ended is None or wrote is None:
            return
        run = self.feed.run

        def end(at: float) -> None:
            conversation = self.world.tenant.conversations.get(chat)
            if run != self.feed.run or conversation is None:
                return
            messages = self.history.thread(chat)
            if conversation.last_inbound == wrote and messages:
                self.posting.ended(chat, messages, at=at)

        closes_at = wrote + WINDOW_SECONDS
        if closes_at > self.world.clock.time():
            self.world.clock.call_at(closes_at, end)

    def _tell_message(self, message: Message) -> None:
        self.feed.add("message", shapes.message(message, self.world.clock.date_at))

    def _tell_callout(self, callout: Callout) -> None:
        self.feed.add("callout", shapes.callout(callout, self.world.clock.date_at))


def _digest(sent: AcceptedMessage) -> str:
    """Return a short text that is the same for messages that read the same."""
    return blake2b(repr(sent.identity).encode(), digest_size=16).hexdigest()
