"""What a test needs beside a quiet minute of this interpreter.

A run without `--everything` skips those tests by name, and says what they need.
"""

from collections.abc import Callable, Iterable
from typing import TypeVar

import pytest
from hypothesis import settings

Row = TypeVar("Row")

MINUTES = pytest.mark.needs("minutes")
"""A second or some of a processor: there are so many that they take minutes."""


def some_at_once(
    rows: Iterable[Row], at_once: Callable[[Row], object]
) -> list[Row | pytest.ParameterSet]:
    """Let a run without `--everything` have those rows of a parameter alone.

    Each way through the code has one among them; the rest varies it.
    """
    return [row if at_once(row) else pytest.param(row, marks=MINUTES) for row in rows]


def examples(count: int) -> int:
    """Return how many of `count` examples a property has: fewer in a quick run."""
    usual = settings.get_profile("usual").max_examples
    return max(1, count * settings().max_examples // usual)
