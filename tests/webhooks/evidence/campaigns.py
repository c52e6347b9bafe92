"""Made-up campaigns with lost answers, to see what is settled wrongly.

    .venv/bin/python -m tests.webhooks.evidence.campaigns --count 1000

Each person gets some messages. Answers are lost, and the message with them or not;
assistants and colleagues write too; and another journal, which shares the store of
receipts, sends equal texts, some of them lost as well.
"""

import argparse
import random
from collections import Counter
from datetime import UTC, datetime, timedelta
from itertools import count

from attrs import define, field, frozen

from autocalls_async.webhooks.evidence.evidence import (
    AFTER,
    BEFORE,
    Case,
    Knowledge,
    Proof,
    fold_text,
    weigh,
)
from autocalls_async.webhooks.stores.protocol import Handover, Receipt

BEGIN = datetime(2030, 1, 1, tzinfo=UTC)
SENDER, PHONE = 12, "+14155550123"
TEXTS = ("Welcome", "Your table is ready", "Code 4711", "See you at ten", "Thank you")


@frozen(kw_only=True)
class Written:
    """Something that somebody wrote to the person, or meant to."""

    text: str | None
    at: datetime
    arrived: bool
    is_ours: bool
    is_answered: bool
    number: int


@define
class World:
    """What happened to one person."""

    draw: random.Random
    written: list[Written] = field(factory=list)
    numbers: "count[int]" = field(factory=lambda: count(1))

    def happen(self) -> None:
        """Make up some hours of messages."""
        at = BEGIN
        for _ in range(self.draw.randrange(2, 12)):
            at += timedelta(seconds=self.draw.choice((0.3, 4, 30, 300, 2000)))
            self.written.append(self._write(at))

    def _write(self, at: datetime) -> Written:
        kind = self.draw.choices(
            ("ours", "other journal", "assistant", "colleague"), (6, 2, 1, 1)
        )[0]
        is_ours = kind in {"ours", "other journal"}
        is_lost = is_ours and self.draw.random() < 0.3
        text: str | None = self.draw.choice(TEXTS)
        if not is_ours:
            text = f"{kind} says {self.draw.random()}"
        elif self.draw.random() < 0.1:
            text = None  # a template
        return Written(
            text=text,
            at=at,
            arrived=not is_lost or self.draw.random() < 0.5,
            is_ours=is_ours,
            is_answered=not is_lost,
            number=next(self.numbers),
        )

    def sends(self) -> list[Handover]:
        """Return what our journals know."""
        return [
            Handover(
                sender_id=SENDER,
                person=PHONE,
                digest=None if w.text is None else fold_text(w.text),
                handed_over_at=w.at,
                whatsapp_message_id=w.number if w.is_answered else None,
                is_accepted=w.is_answered,
            )
            for w in self.written
            if w.is_ours
        ]

    def history(self) -> list[str]:
        """Return what stands in the conversation."""
        return [fold_text(w.text or "a template") for w in self.written if w.arrived]

    def strays(self, lost: Written) -> list[Receipt]:
        """Return the receipts about that time with ids of no answer of ours."""
        found = [
            Receipt(
                whatsapp_message_id=w.number,
                status="sent",
                sender_id=SENDER,
                person=PHONE,
                received_at=w.at + timedelta(seconds=self.draw.choice((0.2, 1, 60))),
            )
            for w in self.written
            if w.arrived and not (w.is_ours and w.is_answered)
        ]
        return [
            r for r in found if lost.at - BEFORE <= r.received_at <= lost.at + AFTER
        ]


def play(seed: int) -> Counter[tuple[Proof, bool]]:
    """Play one campaign; count verdicts, and whether the message had arrived."""
    world = World(random.Random(seed))
    world.happen()
    told: Counter[tuple[Proof, bool]] = Counter()
    for lost in world.written:
        if lost.is_ours and not lost.is_answered:
            case = Case(
                sender_id=SENDER,
                phone=PHONE,
                digest=None if lost.text is None else fold_text(lost.text),
                handed_over_at=lost.at,
            )
            known = Knowledge(
                sends=world.sends(),
                history=world.history(),
                strays=world.strays(lost),
                was_up=world.draw.random() < 0.9,
            )
            told[weigh(case, known).verdict, lost.arrived] += 1
    return told


def main() -> None:
    """Play campaigns, and tell what was settled wrongly."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=1000)
    told: Counter[tuple[Proof, bool]] = Counter()
    campaigns = parser.parse_args().count
    for seed in range(campaigns):
        told += play(seed)
    likely, sure = told[Proof.LIKELY, False], told[Proof.SURE, False]
    lines = [
        f"{v:7} arrived {told[v, True]:5}  did not {told[v, False]:5}" for v in Proof
    ]
    wrong = f"{sure} settled wrongly by default, {sure + likely} with --take likely"
    print(*lines, f"{campaigns} campaigns: {wrong}", sep="\n")  # noqa: T201  # a command


if __name__ == "__main__":
    main()
