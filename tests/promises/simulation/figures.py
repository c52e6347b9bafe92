"""Many runs, and what they came to in figures."""

import re
import time
from collections import Counter
from collections.abc import Iterable, Iterator

from attrs import define, field, frozen

from tests.promises.simulation.invariants import violations
from tests.promises.simulation.mutants import Mutant
from tests.promises.simulation.world import Setting, draw_setting, simulate


@frozen
class Find:
    """A violation, and where it can be seen again.

    Attributes:
        steps: The last lines of the trace that name the message, by their
            numbers; of a violation that names none, the last line of all.
    """

    seed: int
    text: str
    steps: tuple[int, ...]

    def __str__(self) -> str:
        steps = ", ".join(map(str, self.steps))
        return f"seed {self.seed}: {self.text} (steps {steps})"


@define
class Figures:
    """What the runs came to.

    Attributes:
        given_count: Messages given to a client; what is given again counts anew.
        departure_count: Requests of messages that began to leave.
        whole_count: Those that arrived whole at the service.
        outcomes: The last words, by kind.
        faults: What struck, by kind, and what the user did.
        trace: The steps of the last run.
    """

    seed_count: int = 0
    process_count: int = 0
    killed_count: int = 0
    given_count: int = 0
    departure_count: int = 0
    whole_count: int = 0
    outcomes: Counter[str] = field(factory=Counter)
    faults: Counter[str] = field(factory=Counter)
    finds: list[Find] = field(factory=list)
    seconds: float = 0.0
    trace: list[str] = field(factory=list)

    def add(self, setting: Setting) -> None:
        """Make one run, and add it up."""
        began = time.perf_counter()
        history, trace = simulate(setting)
        self.trace = trace
        self.seconds += time.perf_counter() - began
        self.seed_count += 1
        self.process_count += len(history.processes)
        self.killed_count += sum(p.was_killed for p in history.processes)
        self.given_count += len(history.givings)
        self.departure_count += len(history.departures)
        self.whole_count += sum(map(len, history.requests.values()))
        self.faults += history.faults
        for giving in history.givings:
            self.outcomes.update(type(o).__name__ for o in giving.settled)
        for text in violations(history):
            self.finds.append(Find(setting.seed, text, _steps(trace, text)))

    def lines(self) -> Iterator[str]:
        """Write it down for people."""
        yield f"seeds                {self.seed_count}"
        yield f"processes            {self.process_count}, {self.killed_count} killed"
        yield f"messages given       {self.given_count}"
        yield f"requests that left   {self.departure_count}"
        yield f"arrived whole        {self.whole_count}"
        yield f"outcomes             {_spell(self.outcomes)}"
        yield f"faults               {_spell(self.faults)}"
        yield f"violations           {len(self.finds)}"
        yield f"seconds              {self.seconds:.1f}"


def run_seeds(
    seeds: Iterable[int], *, message_count: int = 60, mutant: Mutant | None = None
) -> Figures:
    """Make the runs of these seeds, with the rule as it is or a wrong one."""
    figures = Figures()
    for seed in seeds:
        _add(figures, seed, message_count, mutant)
    return figures


def hunt(mutant: Mutant, *, most: int, message_count: int = 60) -> Find | None:
    """Try seed after seed until a wrong rule shows its symptom."""
    for seed in range(most):
        figures = Figures()
        _add(figures, seed, message_count, mutant)
        for find in figures.finds:
            if mutant.symptom in find.text:
                return find
    return None


def _add(
    figures: Figures, seed: int, message_count: int, mutant: Mutant | None
) -> None:
    resends = mutant is not None and mutant.resends_after_kill
    setting = draw_setting(
        seed, message_count=message_count, resends_after_kill=resends
    )
    if mutant is None:
        figures.add(setting)
    else:
        with mutant.apply():
            figures.add(setting)


def _steps(trace: list[str], text: str) -> tuple[int, ...]:
    match = re.match(r"message (\d+)|(msg-\d+-)", text)
    mark = match and (match[2] or f"msg-{match[1]}-")
    steps = [n for n, line in enumerate(trace, 1) if mark and mark in line]
    return tuple(steps[-5:]) or (len(trace),)


def _spell(counts: Counter[str]) -> str:
    return ", ".join(f"{count} {kind}" for kind, count in counts.most_common())
