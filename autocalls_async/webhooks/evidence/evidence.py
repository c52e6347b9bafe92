"""Whether a message arrived whose outcome is unknown: what is held against what.

Pure: no I/O, no clock, no asyncio.

Two kinds of evidence: the conversation's history holds the text more often than we
know to have sent it; and a receipt came, at about that time, with an id that no answer
of ours carried. Assistants, colleagues and other programs make such ids, and may send
such texts: only both together are sure, and only where the store of receipts can know
of those programs. That nothing came is evidence of nothing.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from hashlib import blake2b
from typing import TypeAlias

from attrs import field, frozen

from autocalls_async.model.checks import show_kind
from autocalls_async.model.errors import UnknownOutcomeError
from autocalls_async.model.outcomes import Unknown
from autocalls_async.model.persons import person_of
from autocalls_async.model.values.masking import mask_phone_repr
from autocalls_async.model.values.naming import show_in
from autocalls_async.model.values.plain import Plain
from autocalls_async.webhooks.stores.protocol import Handover, Receipt

Lost: TypeAlias = Unknown | UnknownOutcomeError
"""What became of a message that nobody knows the end of."""

BEFORE = timedelta(seconds=5)
AFTER = timedelta(minutes=15)
"""Around the hand-over: then the first receipt of a message comes."""

SOON = timedelta(minutes=2)
"""Within it the first receipt comes mostly. A later one is as likely another program's
that wrote the same, so that it is not sure."""

SAME = timedelta(seconds=2)
"""Between two notes of one hand-over, of a journal and of a client."""


class Proof(StrEnum):
    """How good the evidence is that a message arrived."""

    SURE = "sure"
    LIKELY = "likely"
    NONE = "none"


@frozen(kw_only=True)
class Evidence(Plain):
    """What is known of a message whose outcome is unknown.

    Attributes:
        verdict: `"sure"`, `"likely"` or `"none"`. None is no evidence that it was not
            sent: there is no such evidence.
        reasons: What was found, for people. They hold no text and no number.
        whatsapp_message_id: The receipt's that is probably this message's.
    """

    verdict: Proof
    reasons: tuple[str, ...]
    whatsapp_message_id: int | None = None


@frozen(kw_only=True)
class Case:
    """The message in question.

    Attributes:
        digest: Of its text; `None` where that is not known, as a template's.
    """

    sender_id: int
    phone: str = field(repr=mask_phone_repr)
    digest: str | None = field(default=None, repr=False)
    handed_over_at: datetime

    @property
    def person(self) -> str:
        """Whom it was for, whatever the spelling of their number."""
        return person_of(self.phone)


@frozen(kw_only=True)
class Knowledge:
    """All that a case is held against.

    Attributes:
        sends: What we handed over to this person, oldest first; the case among it.
        history: Digests of what was written from this side, in order; `None` where it
            could not be read.
        strays: Receipts of the time, with ids that no answer of ours carried.
        was_up: Receipts were taken in for the whole of the time, and it is over.
        is_noted: Who sent the case notes its hand-overs in the store of receipts. Where
            it does not, others may not either, and their equal texts are not known.
    """

    sends: Sequence[Handover]
    history: Sequence[str] | None
    strays: Sequence[Receipt]
    was_up: bool
    is_noted: bool = True


def fold_text(text: str) -> str:
    """Return what is the same for texts that the service takes for the same."""
    plain = text.strip().encode("utf-8", "backslashreplace")
    return blake2b(plain, digest_size=16).hexdigest()


def read_case(lost: object) -> Case:
    """Return the message in question.

    Raises:
        ValueError: It is no unknown outcome, or does not say which message it was.
    """
    error = lost.error if isinstance(lost, Unknown) else lost
    if not isinstance(error, UnknownOutcomeError):
        msg = f"an unknown outcome is needed, or its error; got {show_kind(lost)}"
        raise ValueError(msg)
    phone, sender, at = error.recipient_phone, error.sender_id, error.handed_over_at
    if phone is None or sender is None or at is None:
        msg = "this error does not say which message it is of, or when it left"
        raise ValueError(msg)
    return Case(
        sender_id=sender,
        phone=phone,
        digest=None if error.text is None else fold_text(error.text),
        handed_over_at=at,
    )


def weigh(case: Case, known: Knowledge) -> Evidence:
    """Return how good the evidence is that a message arrived."""
    others = _without(case, known.sends)
    in_history, has_anchor, said = _look_at_history(case, others, known.history)
    stray, heard = _look_at_receipts(others, known.strays)
    reasons = [said, heard]
    if in_history and has_anchor and stray is not None:
        doubts = list(_doubts(case, known, stray))
        verdict = Proof.LIKELY if doubts else Proof.SURE
        reasons += doubts
    else:
        is_any = in_history or stray is not None
        verdict = Proof.LIKELY if is_any else Proof.NONE
    return Evidence(
        verdict=verdict,
        reasons=tuple(reasons),
        whatsapp_message_id=None if stray is None else stray.whatsapp_message_id,
    )


def _doubts(case: Case, known: Knowledge, stray: Receipt) -> Iterator[str]:
    """Yield why it may have been another program's, although all is there."""
    if not known.was_up:
        yield "receipts were not taken in for the whole of that time"
    if not known.is_noted:
        yield "its campaign noted nothing there, so other programs may not either"
    if stray.received_at > case.handed_over_at + SOON:
        yield f"the receipt came later than {SOON.total_seconds():.0f} s after it left"


def merge(noted: Iterable[Handover], entries: Iterable[Handover]) -> list[Handover]:
    """Return what two sources tell of hand-overs, each once, oldest first."""
    merged = list(noted)
    ids = {send.whatsapp_message_id for send in merged} - {None}
    free = [send for send in merged if send.whatsapp_message_id is None]
    for entry in entries:
        if entry.whatsapp_message_id in ids:
            continue
        twin = _nearest(entry, free) if entry.whatsapp_message_id is None else None
        if twin is None:
            merged.append(entry)
        else:
            free.remove(twin)
    return sorted(merged, key=lambda send: send.handed_over_at)


def _without(case: Case, sends: Sequence[Handover]) -> list[Handover]:
    """Return all but the case's own note."""
    unknown = [s for s in sends if not s.is_accepted]
    own = _nearest(case, unknown)
    others = list(sends)
    if own is not None:
        others.remove(own)
    return others


def _nearest(case: Case | Handover, sends: Iterable[Handover]) -> Handover | None:
    def distance(send: Handover) -> timedelta:
        return abs(send.handed_over_at - case.handed_over_at)

    same = [s for s in sends if s.digest == case.digest and distance(s) <= SAME]
    return min(same, key=distance, default=None)


def _look_at_history(
    case: Case, others: Sequence[Handover], history: Sequence[str] | None
) -> tuple[bool, bool, str]:
    """Return whether it holds the text, whether that is anchored, and what to say."""
    if case.digest is None:
        return False, False, "its text is not known, so the history tells nothing"
    if history is None:
        return False, False, "the conversation's history could not be read"
    accepted = [s for s in others if s.is_accepted and s.digest is not None]
    before = [s for s in accepted if s.handed_over_at < case.handed_over_at]
    behind = _behind_anchor(before, accepted, history)
    if behind is None:
        counted, explained = history, accepted
    else:
        counted, explained = behind, accepted[len(before) :]
    # Unknown ones of the same text may be what is there.
    rivals = [s for s in others if not s.is_accepted and s.digest == case.digest]
    known_count = Counter(s.digest for s in explained)[case.digest] + len(rivals)
    if Counter(counted)[case.digest] <= known_count:
        return False, False, "the history holds its text no more often than we know of"
    if behind is None:
        return True, False, "the history holds its text; no message before it is known"
    return True, True, "the history holds its text, behind the last one known before"


def _behind_anchor(
    before: Sequence[Handover], accepted: Sequence[Handover], history: Sequence[str]
) -> Sequence[str] | None:
    """Return what is behind the last message known before, as late as that can be."""
    if not before:
        return None
    end = len(history)
    for send in reversed(accepted[len(before) - 1 :]):
        places = [n for n in range(end) if history[n] == send.digest]
        if not places:
            return None
        end = places[-1]
    return history[end + 1 :]


def _look_at_receipts(
    others: Sequence[Handover], strays: Sequence[Receipt]
) -> tuple[Receipt | None, str]:
    """Return the one receipt that can be its, and what to say."""
    if not strays:
        return None, "no receipt came with an id that no answer carried"
    if len(strays) > 1:
        return None, f"{len(strays)} receipts came with ids that no answer carried"
    stray = strays[0]
    rivals = [s for s in others if s.whatsapp_message_id is None and _fits(s, stray)]
    if rivals:
        return None, "a receipt came that may be another message's of unknown id"
    return stray, "a receipt came with an id that no answer carried"


def _fits(send: Handover, receipt: Receipt) -> bool:
    at = receipt.received_at
    return send.handed_over_at - BEFORE <= at <= send.handed_over_at + AFTER


show_in("autocalls_async.webhooks", "Evidence", of=globals())
