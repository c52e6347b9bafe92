"""What the pictures of a report show, as numbers to draw.

Pure: no I/O, no clock, no asyncio.
"""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import accumulate, pairwise

from attrs import frozen

from autocalls_async.cli.journal.report import PAUSE_SECONDS

_MOST_BARS = 120
_WIDTHS = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 1800, 3600, 7200, 21600, 86400)
_UNITS = ((86400, "days"), (3600, "hours"), (60, "minutes"), (1, "seconds"))
_MOST_TICKS = 5


@frozen
class Stripe:
    """One outcome's part of a bar, in percent of its width."""

    name: str
    count: int
    left: float
    width: float


@frozen
class Column:
    """What was handed over in one slice of time.

    Attributes:
        x: Seconds since the start, without the pauses.
        height: In percent of the picture's.
    """

    x: float
    height: float


@frozen
class Tick:
    """A number beside an axis, and where: in percent of its length."""

    at: float
    value: float


@frozen(kw_only=True)
class Chart:
    """The rate over the time that it ran.

    Attributes:
        seconds: All of the time, without the pauses.
        slice_seconds: What the time of one bar is.
        peak: Most messages a second.
        cuts: Seconds at which a pause was cut out.
        unit: What the times are in.
    """

    seconds: int
    slice_seconds: int
    peak: float
    bars: tuple[Column, ...]
    cuts: tuple[float, ...]
    rates: tuple[Tick, ...]
    times: tuple[Tick, ...]
    unit: str


def share_out(counts: Mapping[str, int]) -> list[Stripe]:
    """Put the outcomes' shares beside each other; those without any have none."""
    total = sum(counts.values())
    shares, left = [], 0.0
    for name, count in counts.items():
        if count:
            width = 100 * count / total
            shares.append(Stripe(name, count, left, width))
            left += width
    return shares


def draw_rate(times: Sequence[float]) -> Chart:
    """Draw the rate over the time that it ran.

    Args:
        times: Seconds, ascending; at least one.
    """
    active = shorten_pauses(times)
    width, counts = bars_of(active)
    top = 1.1 * max(counts) / width
    seconds = width * len(counts)
    size, unit = next(u for u in _UNITS if seconds >= 3 * u[0] or u[0] == 1)
    return Chart(
        seconds=seconds,
        slice_seconds=width,
        peak=max(counts) / width,
        bars=tuple(
            Column(index * width, 100 * count / width / top)
            for index, count in enumerate(counts)
            if count
        ),
        cuts=tuple(
            active[index]
            for index, (a, b) in enumerate(pairwise(times))
            if b - a > PAUSE_SECONDS
        ),
        rates=tuple(Tick(100 * rate / top, rate) for rate in ticks_of(top)),
        times=tuple(
            Tick(100 * time * size / seconds, time) for time in ticks_of(seconds / size)
        ),
        unit=unit,
    )


def shorten_pauses(times: Sequence[float]) -> list[float]:
    """Return instants in seconds since the first one, with a second for each pause.

    Args:
        times: Seconds, ascending.
    """
    gaps = (b - a for a, b in pairwise(times))
    return list(accumulate((g if g <= PAUSE_SECONDS else 1.0 for g in gaps), initial=0))


def bars_of(times: Sequence[float]) -> tuple[int, list[int]]:
    """Count instants in slices of one width.

    Args:
        times: Seconds, ascending from 0; at least one.

    Returns:
        The width in seconds, and the counts from the first slice to the last.
    """
    fitting = (width for width in _WIDTHS if times[-1] < width * _MOST_BARS)
    width = next(fitting, math.ceil(times[-1] / _MOST_BARS) + 1)
    counts = Counter(int(time // width) for time in times)
    return width, [counts[index] for index in range(max(counts) + 1)]


def ticks_of(end: float) -> list[float]:
    """Return a few round numbers from 0 up to `end`, evenly apart.

    Args:
        end: More than 0.
    """
    least = end / _MOST_TICKS
    power = 10.0 ** math.floor(math.log10(least))
    step = next(m * power for m in (1, 2, 5, 10) if m * power >= least * 0.999)
    return [index * step for index in range(int(end / step * 1.001) + 1)]
