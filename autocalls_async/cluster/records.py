"""What the shared table says of messages and accounts, as values and errors."""

from datetime import datetime
from typing import Any

from attrs import evolve, field, fields, frozen

from autocalls_async.cluster.protocol.database import Row
from autocalls_async.cluster.protocol.ending import error_from, find_class, sent_from
from autocalls_async.journal import State
from autocalls_async.journal.keys import from_content, show_key
from autocalls_async.model.answers import SentMessage
from autocalls_async.model.errors import (
    RejectedError,
    UnknownOutcomeError,
    UnsentError,
)
from autocalls_async.model.messages import FreeformMessage, Message
from autocalls_async.model.outcomes import Accepted, Outcome, Rejected, Unknown
from autocalls_async.model.values.masking import mask_phone_repr
from autocalls_async.model.values.naming import show_in
from autocalls_async.model.values.plain import Plain

COLUMNS = (
    "m.id, m.account, m.key, m.recipient, m.content, m.state, m.attempt, m.fell_back,"
    " m.handed_over_at, m.whatsapp_message_id, m.error, m.error_code, m.detail,"
    " CASE WHEN m.ending_of = m.settled_at THEN m.ending END"
)


@frozen(kw_only=True)
class MessageRef(Plain):
    """A message in the shared table.

    Attributes:
        id: Its number there.
        account: Whose it is.
        key: What identifies it among the account's.
    """

    id: int
    account: str
    key: str = field(repr=show_key)


@frozen(kw_only=True)
class Enqueued(Plain):
    """How many messages were put in.

    Attributes:
        new: So many were not there before.
        known: So many were: from an earlier call, or twice in this one.
    """

    new: int
    known: int

    def __add__(self, other: "Enqueued") -> "Enqueued":
        return Enqueued(new=self.new + other.new, known=self.known + other.known)


@frozen(kw_only=True)
class WorkerStatus(Plain):
    """A worker whose lease is good.

    Attributes:
        lease_seconds: For so long it is, unless it is renewed.
    """

    id: int
    host: str
    pid: int
    lease_seconds: float


@frozen(kw_only=True)
class AccountStatus(Plain):
    """How one account stands.

    Attributes:
        holder_pid: The process that sends for it, where there is one.
        interactive: Messages that wait in this lane; `bulk` likewise.
        oldest_wait: Seconds that the oldest of them has waited.
        paused: Why nobody sends.
    """

    name: str
    holder_pid: int | None
    holder_host: str | None
    epoch: int
    interactive: int
    bulk: int
    oldest_wait: float
    paused: str | None


@frozen(kw_only=True)
class ClusterStatus(Plain):
    """Workers, accounts, and how many messages are unknown."""

    workers: tuple[WorkerStatus, ...]
    accounts: tuple[AccountStatus, ...]
    unknown: int


@frozen(kw_only=True)
class Standing:
    """How one message stands."""

    id: int
    account: str
    key: str = field(repr=show_key)
    recipient: str = field(repr=mask_phone_repr)
    content: str | None = field(repr=False)
    state: State = field(converter=State)
    attempts: int
    fell_back: bool
    handed_over_at: datetime | None
    number: int | None
    error: str | None
    error_code: str | None = field(repr=False)
    detail: str | None = field(repr=False)
    ending: str | None = field(default=None, repr=False)

    @property
    def ref(self) -> MessageRef:
        """What names it."""
        return MessageRef(id=self.id, account=self.account, key=self.key)

    @property
    def is_ended(self) -> bool:
        """Whether it has an outcome."""
        return self.state in {State.ACCEPTED, State.REJECTED, State.UNKNOWN}

    @property
    def waits(self) -> bool:
        """Whether it surely has not left."""
        return self.state in {State.NEW, State.UNSENT}

    @property
    def has_come_back(self) -> bool:
        """Whether an attempt ended without it, and not for want of a holder."""
        return self.state is State.UNSENT and self.error is not None

    def sent(self) -> SentMessage:
        """Return what the service said."""
        return sent_from(self.ending, number=self.number, fell_back=self.fell_back)

    def rejected(self) -> RejectedError:
        """Return why the service said no."""
        kind = find_class(self.error, RejectedError) or RejectedError
        return error_from(kind, self.ending, self._facts())

    def unsent(self) -> UnsentError | RejectedError:
        """Return why it came back."""
        words = self._own_words(UnsentError) or "an attempt came back"
        facts = {**self._facts(), "detail": words}
        if (refused := find_class(self.error, RejectedError)) is not None:
            return error_from(refused, self.ending, facts)
        if (unsent := find_class(self.error, UnsentError)) is not None:
            return error_from(unsent, self.ending, facts)
        return self.withdrawn("it came back")

    def withdrawn(self, detail: str) -> UnsentError:
        """Return that it was taken back before it left."""
        return UnsentError(**self._facts(), detail=detail)

    def unknown(self) -> UnknownOutcomeError:
        """Return that nobody knows."""
        words = self._own_words(UnknownOutcomeError) or "its worker was lost"
        facts = {"detail": words, "handed_over_at": self.handed_over_at}
        known = self._facts() | self._said() | facts
        return error_from(UnknownOutcomeError, self.ending, known)

    def message(self) -> Message:
        """Return the message; one whose content is forgotten says so."""
        if self.content is None:
            return FreeformMessage(
                recipient_phone=self.recipient, message="(forgotten)", key=self.key
            )
        return evolve(from_content(self.content), key=self.key)

    def outcome(self) -> Outcome:
        """Return how it ended."""
        message = self.message()
        match self.state:
            case State.ACCEPTED:
                return Accepted(message=message, sent=self.sent())
            case State.REJECTED:
                return Rejected(message=message, error=self.rejected())
        return Unknown(message=message, error=self.unknown())

    def _own_words(self, kind: type[UnsentError | UnknownOutcomeError]) -> str:
        """Return the detail within what was noted: an error's whole text, mostly."""
        bare = kind(recipient_phone=self.recipient, detail="")
        text = (self.detail or "").removeprefix(bare.summary)
        return text.removesuffix(f"; {bare.advice}")

    def _facts(self) -> dict[str, Any]:
        return {
            "recipient_phone": self.recipient,
            "error_code": self.error_code,
            "attempts": self.attempts,
        }

    def _said(self) -> dict[str, Any]:
        """Return whom it was from and what it said, where its content tells."""
        message = None if self.content is None else self.message()
        is_text = isinstance(message, FreeformMessage) and not self.fell_back
        return {
            "sender_id": getattr(message, "sender_id", None),
            "text": getattr(message, "message", None) if is_text else None,
        }


def to_standing(row: Row) -> Standing:
    """Return what the columns of a row say."""
    names = [a.name for a in fields(Standing)]
    facts = dict(zip(names, row, strict=True))
    facts["number"] = None if facts["number"] is None else int(facts["number"])
    return Standing(**facts)


show_in(
    "autocalls_async.cluster",
    *("AccountStatus", "ClusterStatus", "Enqueued"),
    *("MessageRef", "Standing", "WorkerStatus"),
    of=globals(),
)
