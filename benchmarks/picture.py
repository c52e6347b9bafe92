"""A picture of arrivals against the limit, as SVG for light and dark pages.

Pure: no I/O, no clock, no asyncio.
"""

from collections.abc import Iterator, Sequence
from html import escape

from attrs import frozen

_WIDTH, _LEFT, _RIGHT = 760, 34, 12
_TOP, _PANEL, _PLOT = 30, 138, 88
_HIGHEST = 10  # arrivals a second at the top edge of a panel; where the dots are

_STYLE = """
text { font: 13px system-ui, "Segoe UI", Helvetica, Arial, sans-serif; fill: #1f2328 }
.title { font-weight: 600 }
.small { font-size: 11px; fill: #59636e }
.axis { stroke: #8c959f; stroke-width: 1 }
.limit { stroke: #cf222e; stroke-width: 1.2; stroke-dasharray: 5 3 }
.within { fill: #0969da; fill-opacity: .3 }
.over, .refused { fill: #cf222e; fill-opacity: .85 }
@media (prefers-color-scheme: dark) {
  text { fill: #f0f6fc }
  .small { fill: #9198a1 }
  .axis { stroke: #6e7681 }
  .limit { stroke: #ff7b72 }
  .within { fill: #58a6ff; fill-opacity: .42 }
  .over, .refused { fill: #ff7b72 }
}
""".strip()


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
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}"'
        f' width="{_WIDTH}" height="{height}" role="img" aria-label="{escape(label)}">'
    )
    parts = [
        head,
        f"<style>\n{_STYLE}\n</style>",
        _text(_LEFT, 16, f"{label}; each dot is a 429", "small"),
    ]
    for number, panel in enumerate(panels):
        parts.extend(_panel(panel, _TOP + number * _PANEL, limit, seconds))
    return "\n".join([*parts, "</svg>", ""])


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


def _rule(kind: str, y: float) -> str:
    x = _WIDTH - _RIGHT
    return f'<line class="{kind}" x1="{_LEFT}" x2="{x}" y1="{y:.1f}" y2="{y:.1f}"/>'


def _text(x: float, y: float, text: str, kind: str, anchor: str = "start") -> str:
    return (
        f'<text class="{kind}" x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">'
        f"{escape(text)}</text>"
    )
