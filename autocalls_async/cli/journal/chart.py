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
        width: In seconds.
        height: In percent of the picture's.
    """

    x: float
    width: float
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
        limit: Where the limit is: in percent of the height; `None` where the rate
            stayed so far below that the line would press it to the ground.
        cuts: Seconds at which a pause was cut out.
        unit: What the times are in.
    """

    seconds: int
    slice_seconds: int
    peak: float
    limit: float | None
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


def draw_rate(times: Sequence[float], *, limit: float = 5.0) -> Chart:
    """Draw the rate over the time that it ran.

    Args:
        times: Seconds, ascending; at least one.
        limit: Messages a second that may be sent.
    """
    active = shorten_pauses(times)
    slice_seconds, counts = bars_of(active)
    seconds = slice_seconds * len(counts)
    counts, widths = _fair(counts, active, slice_seconds)
    rates = [count / width for count, width in zip(counts, widths, strict=True)]
    peak = max(rates)
    top = 1.1 * (max(peak, limit) if _is_near(peak, limit) else peak)
    size, unit = next(u for u in _UNITS if seconds >= 3 * u[0] or u[0] == 1)
    return Chart(
        seconds=seconds,
        slice_seconds=slice_seconds,
        peak=peak,
        limit=100 * limit / top if _is_near(peak, limit) else None,
        bars=tuple(
            Column(index * slice_seconds, widths[index], 100 * rate / top)
            for index, rate in enumerate(rates)
            if rate
        ),
        cuts=_cuts(times, active),
        rates=tuple(Tick(100 * rate / top, rate) for rate in ticks_of(top)),
        times=tuple(
            Tick(100 * time * size / seconds, time) for time in ticks_of(seconds / size)
        ),
        unit=unit,
    )


def _is_near(peak: float, limit: float) -> bool:
    return peak >= limit / 4


def _fair(
    counts: list[int], active: Sequence[float], slice_seconds: int
) -> tuple[list[int], list[float]]:
    """Return the counts, and how long each of their slices lasted.

    A run seldom ends with a slice. The last one ends one mean distance after the last
    message, as if another came. One that lasted less than half joins the one before.
    """
    widths = [float(slice_seconds)] * len(counts)
    end = active[-1]
    if end == 0:
        return counts, widths
    lasted = end % slice_seconds + end / (len(active) - 1)
    widths[-1] = min(float(slice_seconds), lasted)
    if len(counts) == 1 or widths[-1] >= slice_seconds / 2:
        return counts, widths
    joined = [*counts[:-2], counts[-2] + counts[-1]]
    return joined, [*widths[:-2], widths[-2] + widths[-1]]


def _cuts(times: Sequence[float], active: Sequence[float]) -> tuple[float, ...]:
    pairs = enumerate(pairwise(times))
    return tuple(active[index] for index, (a, b) in pairs if b - a > PAUSE_SECONDS)


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
