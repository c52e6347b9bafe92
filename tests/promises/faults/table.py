"""The table of faults as Markdown, as it stands in `TABLE.md`."""

from collections.abc import Iterable
from pathlib import Path

from tests.promises.faults.cases import Case
from tests.promises.faults.running import Observation, Sight, observe

TABLE = Path(__file__).with_name("TABLE.md")

_COLUMNS = (
    "step",
    "fault",
    "send",
    "attempts",
    "arrived whole",
    "read, fresh connection",
    "read, kept connection",
    "verdict true",
)


def write_table(cases: Iterable[Case]) -> str:
    """Run the cases, and write what they showed."""
    seen = [(case, observe(case)) for case in cases]
    rows = [_COLUMNS, ("---",) * len(_COLUMNS), *(_row(*pair) for pair in seen)]
    lines = (f"| {' | '.join(row)} |" for row in rows)
    return "\n".join([*lines, "", _counts([sight for _, sight in seen]), ""])


def _row(case: Case, seen: Observation) -> tuple[str, ...]:
    send = seen.send
    return (
        case.step,
        case.fault,
        send.ends.name,
        str(send.ends.attempts),
        str(send.whole_count),
        _spell(seen.read),
        _spell(seen.kept),
        "yes" if seen.is_true else "**no**",
    )


def _spell(sight: Sight | None) -> str:
    if sight is None:
        return "-"
    ends = sight.ends
    return ends.name if ends.attempts == 1 else f"{ends.name}, {ends.attempts} attempts"


def _counts(seen: list[Observation]) -> str:
    wrong = sum(not sight.is_true for sight in seen)
    doubles = sum(sight.send.is_double for sight in seen)
    return f"{len(seen)} cases, {wrong} wrong verdicts, {doubles} doubles"


def is_clean(cases: Iterable[Case]) -> bool:
    """Whether every verdict is true, and nothing was sent twice."""
    return all(observe(case).is_true for case in cases)
