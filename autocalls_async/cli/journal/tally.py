"""A journal's entries, counted.

Pure: no I/O, no clock, no asyncio.
"""

import re
from array import array
from collections import Counter
from collections.abc import Mapping
from types import MappingProxyType

from autocalls_async.cli.journal.report import (
    ReasonCount,
    Report,
    UnknownMessage,
    show_instant,
)
from autocalls_async.cli.terminal.words import duration
from autocalls_async.journal import Entry, State
from autocalls_async.journal.keys import show_key
from autocalls_async.model.values.masking import mask_phone

_CODE = re.compile(r"[A-Za-z0-9_.-]{1,64}")

MOST_UNKNOWNS = 200
"""Named; the others are counted."""

ORDER = (
    State.ACCEPTED,
    State.REJECTED,
    State.UNSENT,
    State.UNKNOWN,
    State.IN_FLIGHT,
    State.NEW,
)
"""Of the states, as people are shown them."""

_NONE: Mapping[str, int] = MappingProxyType({})


class Tally:
    """Counts entries as they are read, and keeps little of them."""

    def __init__(self) -> None:
        self.states: Counter[State] = Counter()
        self.reasons: Counter[tuple[State, str, str]] = Counter()
        self.unknowns: list[Entry] = []
        self._attempt_count = 0
        self._times = array("d")

    def add(self, entry: Entry) -> None:
        """Count one."""
        self.states[entry.state] += 1
        self._attempt_count += entry.attempt_count
        if entry.error is not None:
            self.reasons[entry.state, entry.error, entry.error_code or ""] += 1
        if entry.handed_over_at is not None:
            self._times.append(entry.handed_over_at.timestamp())
        if entry.state is State.UNKNOWN and len(self.unknowns) < MOST_UNKNOWNS:
            self.unknowns.append(entry)

    def report(self, title: str, *, requests: Mapping[str, int] = _NONE) -> Report:
        """Return what may be shown to anybody: no text, and no whole number.

        Args:
            title: What it is about.
            requests: What the run that just ended asked of the service, by kind.
        """
        return Report(
            title=title,
            counts={s.value: self.states[s] for s in ORDER if s is not State.IN_FLIGHT},
            reasons=[
                ReasonCount(
                    outcome=state.value,
                    error=error,
                    error_code=_show_code(code),
                    count=number,
                )
                for (state, error, code), number in self.reasons.most_common()
            ],
            unknowns=[_mask(entry) for entry in self.unknowns],
            unknown_count=self.states[State.UNKNOWN],
            attempt_count=self._attempt_count,
            requests=requests,
            times=sorted(self._times),
        )


def _show_code(code: str) -> str:
    """Show a service's code, unless it is something else; numbers are codes too."""
    is_code = not code or (_CODE.fullmatch(code) and mask_phone(code) == code)
    return code if is_code else "withheld"


def _mask(entry: Entry) -> UnknownMessage:
    return UnknownMessage(
        key=show_key(entry.key)[1:-1],
        recipient=mask_phone(entry.recipient_phone),
        handed_over_at=entry.handed_over_at,
    )


def facts_of(report: Report) -> list[tuple[str, str]]:
    """Return its times and pace, for people."""
    facts = [("messages", f"{report.total:,}")]
    if report.times:
        span = report.times[-1] - report.times[0]
        paused = span - report.active_seconds
        without = f", {duration(paused)} of it paused" if paused >= 1 else ""
        facts += [
            ("first handed over", show_instant(report.started_at)),
            ("last handed over", show_instant(report.ended_at)),
            ("time", duration(span) + without),
        ]
    if report.rate is not None:
        facts.append(("rate", f"{report.rate:.1f} a second while it ran"))
    facts.append(("attempts", f"{report.attempt_count:,}"))
    return facts
