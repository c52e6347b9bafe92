"""Run the simulation: `python -m tests.promises.simulation --seeds 2000`.

Exit 1 if a promise was broken. A violation names its seed; `--first` with that
seed, `--seeds 1` and `--trace` show it again, step by step.
"""

import argparse
import sys
from collections.abc import Sequence

from tests.promises.simulation.figures import run_seeds
from tests.promises.simulation.mutants import MUTANTS

_SHOWN_FINDS = 20


def main(arguments: Sequence[str] | None = None) -> int:
    """Run what the command line asks for; return the exit code."""
    options = _parser().parse_args(arguments)
    seeds = range(options.first, options.first + options.seeds)
    mutant = MUTANTS[options.mutant] if options.mutant else None
    figures = run_seeds(seeds, message_count=options.messages, mutant=mutant)
    if options.trace:
        for step, line in enumerate(figures.trace, 1):
            _write(f"{step:5} {line}")
    for find in figures.finds[:_SHOWN_FINDS]:
        _write(str(find))
    for line in figures.lines():
        _write(line)
    return 1 if figures.finds else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.promises.simulation")
    parser.add_argument("--seeds", type=int, default=200, help="how many runs")
    parser.add_argument("--first", type=int, default=0, help="the first seed")
    parser.add_argument("--messages", type=int, default=60, help="in each run")
    parser.add_argument("--mutant", choices=MUTANTS, help="a wrong rule")
    parser.add_argument(
        "--trace", action="store_true", help="show each step of the last run"
    )
    return parser


def _write(line: str) -> None:
    sys.stdout.write(line + "\n")


if __name__ == "__main__":
    sys.exit(main())
