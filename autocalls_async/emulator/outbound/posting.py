"""What is called out when: receipts, customers' messages, ended conversations."""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime

from attrs import define

from autocalls_async.emulator.answers import JsonObject
from autocalls_async.emulator.conversations import ASSISTANT_ID
from autocalls_async.emulator.outbound.callouts import Callouts, Errand
from autocalls_async.emulator.state import Conversation
from autocalls_async.emulator.world.callout import Callout, Kind, State
from autocalls_async.emulator.world.history import Chat, Message, Side
from autocalls_async.emulator.world.receipts import SIGNATURE, receipt, sign
from autocalls_async.emulator.world.settings import INBOUND_FIELDS, SandboxSettings
from autocalls_async.emulator.world.world import World

_JSON = {"Content-Type": "application/json", "User-Agent": "autocalls-emulator"}
_ROLES = {Side.CUSTOMER: "user", Side.BUSINESS: "assistant"}


@define
class Posting:
    """Makes callouts to those addresses that were given."""

    settings: SandboxSettings
    world: World
    callouts: Callouts

    def receipt(self, message: Message, *, at: float) -> None:
        """Tell how far a message's delivery is."""
        url, secret = self.settings.webhook, self.settings.secret
        sender = self.world.tenant.senders.get(message.sender_id)
        if url is None or secret is None or sender is None:
            return
        body = receipt(
            message,
            sender=sender,
            conversation=self._conversation(message.chat),
            at=self.world.clock.date_at(at),
        )
        raw = _encode(body)
        errand = Errand(
            kind=Kind.RECEIPT,
            url=url,
            raw=raw,
            headers=_JSON | {SIGNATURE: sign(raw, secret)},
            label=f"{message.status} → {message.phone}",
            phone=message.phone,
            message=message.number,
        )
        self.callouts.make(errand, at=at)

    def forward(self, message: Message) -> None:
        """Tell what a customer wrote, as a flow of the account would."""
        url, token = self.settings.inbound, self.settings.inbound_token
        if url is None:
            return
        conversation = self._conversation(message.chat)
        values: JsonObject = {
            "phone": message.phone,
            "text": message.text,
            "sender_id": message.sender_id,
            "timestamp": self._date(message.at).isoformat(timespec="seconds"),
            "conversation_id": None if conversation is None else conversation.uuid,
        }
        names = {**INBOUND_FIELDS, **self.settings.inbound_fields}
        errand = Errand(
            kind=Kind.INBOUND,
            url=url,
            raw=_encode({names[field]: value for field, value in values.items()}),
            headers=_JSON | ({"Authorization": f"Bearer {token}"} if token else {}),
            label=f"{message.phone} wrote",
            phone=message.phone,
            message=message.number,
        )
        self.callouts.make(errand, at=message.at)

    def ended(self, chat: Chat, messages: Sequence[Message], *, at: float) -> None:
        """Tell that a conversation is over, with all that was said."""
        url, conversation = self.settings.ended, self._conversation(chat)
        if url is None or conversation is None:
            return
        errand = Errand(
            kind=Kind.ENDED,
            url=url,
            raw=_encode(self._ended_body(chat, conversation, messages, at=at)),
            headers=dict(_JSON),
            label=f"ended with {chat[1]}",
            phone=chat[1],
        )
        self.callouts.make(errand, at=at)

    def repeat(self, callout: Callout, how: str) -> list[Callout]:
        """Tell the same once more, in one way or another.

        Args:
            callout: What was told, or waits to be.
            how: `now`, `again`, `twice`, `out-of-order` or `broken-signature`.

        Returns:
            The callouts that this made; for `now`, the one that waited.

        Raises:
            ValueError: It is no callout for this.
        """
        match how:
            case "now":
                return [self._hurry(callout)]
            case "twice":
                return [self._copy(callout), self._copy(callout)]
            case "out-of-order":
                told = [c for c in self.callouts.all() if c.line == callout.line]
                return [self._copy(each) for each in reversed(told)]
            case "broken-signature":
                return [self._copy(callout, headers=_break(callout.headers))]
            case _:
                return [self._copy(callout)]

    def _hurry(self, callout: Callout) -> Callout:
        if callout.state is not State.WAITING:
            msg = f"callout {callout.id} is {callout.state}: it waits for no attempt"
            raise ValueError(msg)
        self.callouts.try_now(callout)
        return callout

    def _copy(
        self, callout: Callout, *, headers: Mapping[str, str] | None = None
    ) -> Callout:
        errand = Errand(
            kind=callout.kind,
            url=callout.url,
            raw=callout.raw,
            headers=dict(headers or callout.headers),
            label=callout.label,
            phone=callout.phone,
            message=callout.message,
        )
        return self.callouts.make(errand, at=self.world.clock.time())

    def _ended_body(
        self,
        chat: Chat,
        conversation: Conversation,
        messages: Sequence[Message],
        *,
        at: float,
    ) -> JsonObject:
        sender_id, phone = chat
        sender = self.world.tenant.senders.get(sender_id)
        transcript = [self._entry(message) for message in messages]
        begun = messages[0].at if messages else at
        return {
            "id": conversation.id,
            "conversation_id": conversation.uuid,
            "assistant_id": ASSISTANT_ID,
            "type": "whatsapp",
            "status": "ended",
            "message_count": len(transcript),
            "transcript": transcript,
            "formatted_transcript": "\n".join(
                f"{entry['role']}: {entry['content']}" for entry in transcript
            ),
            "extracted_variables": {},
            "input_variables": {},
            "attachments": [],
            "customer_phone": phone,
            "customer_name": conversation.customer_name,
            "sender": sender
            and {
                "phone_number": sender.phone_number,
                "display_name": sender.display_name,
            },
            "created_at": self._date(begun).isoformat(timespec="seconds"),
            "ended_at": self._date(at).isoformat(timespec="seconds"),
        }

    def _entry(self, message: Message) -> JsonObject:
        date = self._date(message.at)
        return {
            "role": _ROLES[message.side],
            "content": message.text,
            "timestamp": date.isoformat(timespec="seconds"),
            "timestamp_unix": int(date.timestamp()),
        }

    def _conversation(self, chat: Chat) -> Conversation | None:
        return self.world.tenant.conversations.get(chat)

    def _date(self, instant: float) -> datetime:
        return self.world.clock.date_at(instant)


def _encode(body: JsonObject) -> bytes:
    return json.dumps(body, ensure_ascii=False).encode()


def _break(headers: Mapping[str, str]) -> dict[str, str]:
    """Return headers with a signature that fits no body.

    Raises:
        ValueError: There is none: only receipts are signed.
    """
    if SIGNATURE not in headers:
        msg = "only receipts are signed"
        raise ValueError(msg)
    signature = headers[SIGNATURE]
    last = "0" if signature[-1] != "0" else "1"
    return {**headers, SIGNATURE: signature[:-1] + last}
