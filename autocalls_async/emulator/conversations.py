"""The listing of conversations, the history of one, and its assistant's switch.

No HTTP here: fields in, an answer out. What the emulator was told and took in is
the history; where nobody asked for one before, it begins with what was recorded.
"""

import base64
import binascii
from collections.abc import Callable, Sequence
from datetime import datetime

from attrs import define, frozen

from autocalls_async.emulator.answers import Answer, JsonObject, validation_failed
from autocalls_async.emulator.faults import Endpoint
from autocalls_async.emulator.state import Conversation, Tenant
from autocalls_async.emulator.validation import Fields

_PER_PAGE = 15
_MOST_PER_PAGE = 100
_PATH = "/api/user/conversations"

ASSISTANT_ID = "f9e8d7c6-b5a4-3210-fedc-ba9876543210"
_ASSISTANT_NUMBER = 1
_ASSISTANT = "Assistant"

_NOT_FOUND = Answer(404, {"status": False, "error": "Conversation not found"})


@frozen(kw_only=True)
class Entry:
    """One entry of a history."""

    role: str
    """`user` where the customer wrote, `assistant` for everybody else."""

    content: str
    at: float


@frozen(kw_only=True)
class Told:
    """What is known of one conversation's messages."""

    entries: Sequence[Entry]
    count: int
    """How many there were, also those that are not kept any more."""


@define
class Conversations:
    """The operations on one account's conversations."""

    account: Tenant
    tell: Callable[[int, str], Told]
    """Returns the messages of a sender and a customer."""

    date_at: Callable[[float], datetime]
    now: Callable[[], float]

    def act(self, endpoint: Endpoint, fields: Fields, *, uuid: str | None) -> Answer:
        """Do what a request asks.

        Args:
            endpoint: What it asks for.
            fields: The fields of its query.
            uuid: The conversation in its path.
        """
        if endpoint is Endpoint.CONVERSATIONS:
            return self._list(fields)
        found = self._find(uuid)
        if found is None:
            return _NOT_FOUND
        (sender_id, phone), conversation = found
        if endpoint is Endpoint.HISTORY:
            return self._history(sender_id, phone)
        conversation.ai_enabled = endpoint is Endpoint.ENABLE_AI
        return Answer(200, {"status": True, "ai_enabled": conversation.ai_enabled})

    def _find(self, uuid: str | None) -> tuple[tuple[int, str], Conversation] | None:
        for key, conversation in self.account.conversations.items():
            if conversation.uuid == uuid:
                return key, conversation
        return None

    def _history(self, sender_id: int, phone: str) -> Answer:
        told = self.tell(sender_id, phone)
        history = [{"role": e.role, "content": e.content} for e in told.entries]
        return Answer(200, {"status": True, "history": history, "variables": {}})

    def _list(self, fields: Fields) -> Answer:
        per_page = fields.get("per_page", _PER_PAGE)
        if not isinstance(per_page, int) or not 1 <= per_page <= _MOST_PER_PAGE:
            text = f"The per page field must be between 1 and {_MOST_PER_PAGE}."
            return validation_failed({"per_page": [text]})
        begin = _read_cursor(fields.get("cursor"))
        if begin is None:
            return validation_failed({"cursor": ["The selected cursor is invalid."]})
        rows = [
            (key, conversation)
            for key, conversation in self.account.conversations.items()
            if self._fits(key, fields)
        ]
        page = rows[begin : begin + per_page]
        body = {
            "data": [self._row(*key, conversation) for key, conversation in page],
            "path": _PATH,
            "per_page": per_page,
            "next_cursor": _cursor(begin + per_page, total=len(rows)),
            "prev_cursor": _cursor(max(0, begin - per_page), total=begin),
        }
        return Answer(200, body)

    def _fits(self, key: tuple[int, str], fields: Fields) -> bool:
        sender_id, phone = key
        sender = self.account.senders.get(sender_id)
        if sender is None:
            return False
        held: JsonObject = {
            "type": "whatsapp",
            "assistant_id": _ASSISTANT_NUMBER,
            "customer_phone": phone,
            "whatsapp_sender_phone": sender.phone_number,
            "external_identifier": None,
        }
        return all(fields.get(name) in {None, value} for name, value in held.items())

    def _row(
        self, sender_id: int, phone: str, conversation: Conversation
    ) -> JsonObject:
        sender = self.account.senders[sender_id]
        told = self.tell(sender_id, phone)
        begun, changed = self._span(conversation, told)
        mine = sum(entry.role == "assistant" for entry in told.entries)
        return {
            "id": conversation.uuid,
            "type": "whatsapp",
            "message_count": told.count,
            "ai_enabled": conversation.ai_enabled,
            "created_at": _without_zone(begun),
            "updated_at": _without_zone(changed),
            "assistant_id": ASSISTANT_ID,
            "assistant_name": _ASSISTANT,
            "total_cost": float(self.account.cost * mine),
            "variables": {},
            "external_identifier": None,
            "whatsapp_sender": _person(sender.display_name, sender.phone_number),
            "customer": _person(conversation.customer_name, phone),
        }

    def _span(
        self, conversation: Conversation, told: Told
    ) -> tuple[datetime, datetime]:
        """Return when a conversation began and when it changed, as far as known."""
        instants = [entry.at for entry in told.entries]
        if conversation.last_inbound is not None:
            instants.append(conversation.last_inbound)
        instants = instants or [self.now()]
        return self.date_at(min(instants)), self.date_at(max(instants))


def _person(name: str | None, phone: str) -> JsonObject:
    return {"name": name, "phone": phone}


def _without_zone(date: datetime) -> str:
    return date.strftime("%Y-%m-%d %H:%M:%S")


def _cursor(begin: int, *, total: int) -> str | None:
    if begin >= total:
        return None
    return base64.urlsafe_b64encode(str(begin).encode()).decode()


def _read_cursor(cursor: object) -> int | None:
    """Return where a page begins; None where the cursor is not one of ours."""
    if cursor is None:
        return 0
    try:
        digits = base64.urlsafe_b64decode(str(cursor).encode()).decode()
    except (binascii.Error, ValueError):
        return None
    return int(digits) if digits.isdecimal() else None
