"""Pictures as SVG, for light and dark pages: arrivals against a limit, and bars.

Pure: no I/O, no clock, no asyncio.
"""

from collections.abc import Iterable, Iterator, Sequence
from html import escape

from attrs import frozen

_WIDTH, _LEFT, _RIGHT = 760, 34, 12
_TOP, _PANEL, _PLOT = 30, 138, 88
_HIGHEST = 10  # arrivals a second at the top edge of a panel; where the dots are
_BAR, _ROW_GAP, _NAMES = 15, 7, 262
_VALUES = 60  # room for the figure behind a bar

_STYLE = """
text { font: 13px system-ui, "Segoe UI", Helvetica, Arial, sans-serif; fill: #1f2328 }
.title { font-weight: 600 }
.small { font-size: 11px; fill: #59636e }
.axis { stroke: #8c959f; stroke-width: 1 }
.limit { stroke: #cf222e; stroke-width: 1.2; stroke-dasharray: 5 3 }
.within { fill: #0969da; fill-opacity: .3 }
.over, .refused { fill: #cf222e; fill-opacity: .85 }
.bar { fill: #8c959f; fill-opacity: .45 }
.ours { fill: #0969da; fill-opacity: .75 }
.range { stroke: #1f2328; stroke-width: 1 }
@media (prefers-color-scheme: dark) {
  text { fill: #f0f6fc }
  .small { fill: #9198a1 }
  .axis { stroke: #6e7681 }
  .limit { stroke: #ff7b72 }
  .within { fill: #58a6ff; fill-opacity: .42 }
  .over, .refused { fill: #ff7b72 }
  .bar { fill: #9198a1 }
  .ours { fill: #58a6ff }
  .range { stroke: #f0f6fc }
}
""".strip()


# Arrivals


@frozen
class Panel:
    """One recipe's arrivals.

    Attributes:
        title: The recipe's name.
        note: What to say beside it.
        times: Instants of the arrivals in seconds, in order.
        refused: Those of them that were refused.
    """

    title: str
    note: str
    times: Sequence[float]
    refused: Sequence[float]


def draw(panels: Sequence[Panel], *, limit: int, seconds: float) -> str:
    """Draw the sliding one-second count of each panel's arrivals.

    Args:
        panels: One above the other.
        limit: Where the line is.
        seconds: How much of each to show, from its first arrival on.
    """
    height = _TOP + _PANEL * len(panels)
    label = f"Arrivals in the last second, against the line at {limit}"
    parts = [_text(_LEFT, 16, f"{label}; each dot is a 429", "small")]
    for number, panel in enumerate(panels):
        parts.extend(_panel(panel, _TOP + number * _PANEL, limit, seconds))
    return _svg(parts, height=height, label=label)


def _svg(parts: Iterable[str], *, height: float, label: str) -> str:
    size = f'width="{_WIDTH}" height="{height:.0f}"'
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height:.0f}"'
        f' {size} role="img" aria-label="{escape(label)}">'
    )
    return "\n".join([head, f"<style>\n{_STYLE}\n</style>", *parts, "</svg>", ""])


def _panel(panel: Panel, top: float, limit: int, seconds: float) -> Iterator[str]:
    base = top + 24 + _PLOT
    steps = list(_steps(panel.times, seconds))
    yield _text(_LEFT, top + 16, panel.title, "title")
    yield _text(_WIDTH - _RIGHT, top + 16, panel.note, "small", "end")
    within = _bars([(a, b, 0, min(n, limit)) for a, b, n in steps], base, seconds)
    over = _bars([(a, b, limit, n) for a, b, n in steps if n > limit], base, seconds)
    yield f'<path class="within" d="{within}"/>'
    if over:
        yield f'<path class="over" d="{over}"/>'
    for at in panel.refused:
        x, y = _x(at - panel.times[0], seconds), _y(_HIGHEST, base)
        yield f'<circle class="refused" cx="{x:.1f}" cy="{y:.1f}" r="2.2"/>'
    yield _rule("limit", _y(limit, base))
    yield _rule("axis", base)
    for count in (limit, _HIGHEST):
        yield _text(_LEFT - 6, _y(count, base) + 4, str(count), "small", "end")
    for second in range(0, int(seconds) + 1, 5):
        anchor = "end" if second == seconds else "middle"
        yield _text(_x(second, seconds), base + 14, f"{second} s", "small", anchor)


def _steps(
    times: Sequence[float], seconds: float
) -> Iterator[tuple[float, float, int]]:
    """Yield from when to when how many arrivals lay in the second before."""
    first = times[0]
    changes = [(t - first, 1) for t in times] + [(t - first + 1, -1) for t in times]
    # Where one arrival leaves the second as another comes, the leaving is first.
    changes.sort(key=lambda change: (round(change[0], 6), change[1]))
    count, since = 0, 0.0
    for at, change in changes:
        until = min(at, seconds)
        if until > since and count:
            yield since, until, count
        count, since = count + change, until


def _bars(
    bars: Sequence[tuple[float, float, int, int]], base: float, seconds: float
) -> str:
    return "".join(
        f"M{_x(begin, seconds):.1f} {_y(low, base):.1f}"
        f"V{_y(high, base):.1f}H{_x(end, seconds):.1f}V{_y(low, base):.1f}Z"
        for begin, end, low, high in bars
    )


def _x(at: float, seconds: float) -> float:
    return _LEFT + (_WIDTH - _LEFT - _RIGHT) * at / seconds


def _y(count: int, base: float) -> float:
    return base - _PLOT * min(count, _HIGHEST) / _HIGHEST


# Bars


@frozen
class Bar:
    """One figure of a row.

    Attributes:
        note: What to say before it.
        value: How long it is; `least` and `most` are the ends of its range.
    """

    note: str
    value: float
    least: float
    most: float


@frozen
class Row:
    """The bars of one name.

    Attributes:
        is_ours: It is drawn in another colour.
    """

    name: str
    bars: Sequence[Bar]
    is_ours: bool = False


def draw_bars(
    rows: Sequence[Row], *, label: str, note: str, line: float, most: float
) -> str:
    """Draw rows of bars, and a line to hold them against.

    Args:
        rows: One above the other.
        label: What the bars show.
        note: How to read them.
        line: Where the line is.
        most: The value at the right edge.
    """
    parts = [
        _text(12, 16, label, "title"),
        _text(_WIDTH - _RIGHT, 16, note, "small", "end"),
    ]
    y = float(_TOP)
    for row in rows:
        parts.extend(_row(row, y, most))
        y += _BAR * len(row.bars) + _ROW_GAP
    x = _along(line, most)
    parts.append(
        f'<line class="limit" x1="{x:.1f}" x2="{x:.1f}" y1="{_TOP - 6}" y2="{y:.0f}"/>'
    )
    return _svg(parts, height=y + 6, label=label)


def _row(row: Row, top: float, most: float) -> Iterator[str]:
    yield _text(12, top + 12, row.name, "title" if row.is_ours else "name")
    kind, left = ("ours" if row.is_ours else "bar"), _along(0.0, most)
    for number, bar in enumerate(row.bars):
        y = top + _BAR * number
        begin, end, right = (_along(v, most) for v in (bar.least, bar.most, bar.value))
        yield _text(_NAMES - 8, y + 11, bar.note, "small", "end")
        yield (
            f'<rect class="{kind}" x="{left:.1f}" y="{y + 1:.1f}"'
            f' width="{right - left:.1f}" height="{_BAR - 3}"/>'
        )
        yield f'<path class="range" d="M{begin:.1f} {y + 7:.1f}H{end:.1f}"/>'
        yield _text(max(end, right) + 6, y + 11, f"{bar.value:.2f}", "small")


def _along(value: float, most: float) -> float:
    return _NAMES + (_WIDTH - _NAMES - _VALUES) * value / most


def _rule(kind: str, y: float) -> str:
    x = _WIDTH - _RIGHT
    return f'<line class="{kind}" x1="{_LEFT}" x2="{x}" y1="{y:.1f}" y2="{y:.1f}"/>'


def _text(x: float, y: float, text: str, kind: str, anchor: str = "start") -> str:
    return (
        f'<text class="{kind}" x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">'
        f"{escape(text)}</text>"
    )
