"""The README in its parts: programs, outputs, tables."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    """Give the contents of the fenced blocks of one language."""
    return re.findall(rf"^```{language}\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)


def table(first_heading: str) -> list[list[str]]:
    """Give the rows of the table whose first column has this heading."""
    _, _, below = README.partition(f"\n| {first_heading} |")
    lines = below.partition("\n\n")[0].splitlines()[2:]
    return [[c.strip() for c in re.split(r"(?<!\\)\|", line)[1:-1]] for line in lines]


FIRST, MANY, SURVIVE, REPLIES, TRACES, A_TEST = blocks("python")
DEMO, OUTPUT = blocks("text")
PROGRAMS = {"first": FIRST, "many": MANY, "survive": SURVIVE, "replies": REPLIES}
