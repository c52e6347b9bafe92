"""A median, and how far the rounds around it lie.

Pure: no I/O, no clock, no asyncio.
"""

from collections.abc import Sequence
from statistics import median

from attrs import frozen


@frozen
class Spread:
    """The median of some rounds, and the least and the most.

    `f"{spread:.2f}"` writes all three with that format.
    """

    median: float
    least: float
    most: float

    @classmethod
    def of(cls, values: Sequence[float]) -> "Spread":
        """Take it from the rounds' values."""
        return cls(median(values), min(values), max(values))

    def __format__(self, how: str) -> str:
        return f"{self.median:{how}} ({self.least:{how}} to {self.most:{how}})"
