"""How the findings of a plan are said.

Pure: no I/O, no clock, no asyncio.
"""

from autocalls_async.campaign.planning.manifest import Spots
from autocalls_async.campaign.planning.plan import (
    Finding,
    FindingKind,
    Severity,
    name_messages,
)
from autocalls_async.model.values.frozen import FrozenDict


def not_asked(subject: str, error: Exception, **facts: object) -> Finding:
    """Return a text: a question got no answer, and why."""
    text = f"{subject} could not be asked: {error}"
    return make_warning(FindingKind.NOT_ASKED, text, **facts)


def make_error(kind: FindingKind, text: str, **facts: object) -> Finding:
    """Return a finding that means trouble as it is."""
    severity = Severity.ERROR
    return Finding(kind=kind, severity=severity, text=text, facts=FrozenDict(facts))


def make_warning(kind: FindingKind, text: str, **facts: object) -> Finding:
    """Return a finding that somebody should look at."""
    severity = Severity.WARNING
    return Finding(kind=kind, severity=severity, text=text, facts=FrozenDict(facts))


def number_of(count: int, noun: str = "message") -> str:
    """Return a count with its noun, such as `1,200 messages`."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def show_where(spots: Spots) -> str:
    """Return which messages they are, by the first of their positions."""
    return name_messages(spots.positions, count=spots.count)


def list_spots(spots: Spots) -> dict[str, object]:
    """Return the same as a finding keeps it."""
    return {"count": spots.count, "positions": tuple(spots.positions)}
