"""A campaign's report: its numbers, and a page with a picture of its rate.

Pure: no I/O, no clock, no asyncio. The page is one file that loads nothing. It
holds what it is given: whoever makes the values masks numbers and leaves texts out.
"""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from html import escape

from attrs import field, frozen

PAUSE_SECONDS = 60.0
"""A longer time without a message is a pause, which counts for no rate."""

_MOST_BARS = 120
_WIDTHS = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 1800, 3600, 7200, 21600, 86400)
_WIDTH, _HEIGHT = 720, 200

_COLORS = {
    "accepted": ("#1a7f37", "#3fb950"),
    "rejected": ("#9a6700", "#d29922"),
    "unsent": ("#0969da", "#58a6ff"),
    "unknown": ("#a626a4", "#d2a8ff"),
}


@frozen(kw_only=True)
class Reason:
    """Why messages were not accepted, and how many."""

    outcome: str
    error: str
    error_code: str
    count: int


@frozen(kw_only=True)
class UnknownMessage:
    """A message that may have been delivered.

    Attributes:
        key: What identifies it, with the numbers in it masked.
        recipient: Masked.
        handed_over_at: When it was.
    """

    key: str
    recipient: str
    handed_over_at: datetime | None


@frozen(kw_only=True)
class Report:
    """What became of a campaign so far.

    Attributes:
        title: What it is about, such as the journal's name.
        counts: Messages by outcome, in the order in which they are shown.
        reasons: Why those that were not accepted were not.
        unknowns: The first of them.
        unknown_count: How many there are.
        attempt_count: How often a message was about to be handed over.
        times: When messages were handed over: seconds since 1970, ascending.
    """

    title: str
    counts: Mapping[str, int]
    reasons: Sequence[Reason] = ()
    unknowns: Sequence[UnknownMessage] = ()
    unknown_count: int = 0
    attempt_count: int = 0
    times: Sequence[float] = field(default=(), repr=False)

    @property
    def total(self) -> int:
        """How many messages there are."""
        return sum(self.counts.values())

    @property
    def started_at(self) -> datetime | None:
        """When the first message was handed over."""
        return datetime.fromtimestamp(self.times[0], UTC) if self.times else None

    @property
    def ended_at(self) -> datetime | None:
        """When the last one was."""
        return datetime.fromtimestamp(self.times[-1], UTC) if self.times else None

    @property
    def active_seconds(self) -> float:
        """How long it took, without the pauses between runs."""
        gaps = (b - a for a, b in zip(self.times, self.times[1:], strict=False))
        return sum(gap for gap in gaps if gap <= PAUSE_SECONDS)

    @property
    def rate(self) -> float | None:
        """Messages handed over a second while it was active."""
        seconds = self.active_seconds
        return (len(self.times) - 1) / seconds if seconds else None


def render_report(report: Report, *, facts: Sequence[tuple[str, str]]) -> str:
    """Make the page.

    Args:
        report: Its numbers.
        facts: What else to say above them, as names and values.
    """
    title = escape(f"Report of {report.title}")
    body = [
        f"<h1>{title}</h1>",
        _facts(facts),
        "<h2>Outcomes</h2>",
        _bar(report.counts),
        _outcomes(report),
    ]
    if report.times:
        body += ["<h2>Messages handed over a second</h2>", _picture(report.times)]
    if report.reasons:
        body += ["<h2>Why not accepted</h2>", _reasons(report.reasons)]
    if report.unknowns:
        body += ["<h2>Unknown: may have been delivered</h2>", _unknowns(report)]
    return _PAGE.format(title=title, style=_STYLE, body="\n".join(body))


def _facts(facts: Sequence[tuple[str, str]]) -> str:
    rows = (f"<dt>{escape(name)}</dt><dd>{escape(value)}</dd>" for name, value in facts)
    return f"<dl>{''.join(rows)}</dl>"


def _bar(counts: Mapping[str, int]) -> str:
    """Draw the outcomes' shares beside each other."""
    total = sum(counts.values())
    parts, left = [], 0.0
    for name, number in counts.items():
        width = 100 * number / total if total else 0.0
        kind = name if name in _COLORS else "other"
        if number:
            parts.append(
                f'<rect class="{kind}" x="{left:.3f}%" width="{width:.3f}%" '
                f'height="12"><title>{escape(name)}: {number:,}</title></rect>'
            )
        left += width
    return f'<svg class="bar" aria-hidden="true">{"".join(parts)}</svg>'


def _outcomes(report: Report) -> str:
    rows = [
        (name, f"{number:,}", f"{number / report.total:.1%}" if report.total else "-")
        for name, number in report.counts.items()
    ]
    rows.append(("together", f"{report.total:,}", ""))
    return _table(("outcome", "messages", "share"), rows, numbers=(1, 2))


def _reasons(reasons: Sequence[Reason]) -> str:
    rows = [(r.outcome, r.error, r.error_code or "-", f"{r.count:,}") for r in reasons]
    return _table(("outcome", "error", "code", "messages"), rows, numbers=(3,))


def _unknowns(report: Report) -> str:
    rows = [
        (u.key, u.recipient, show_instant(u.handed_over_at)) for u in report.unknowns
    ]
    more = report.unknown_count - len(rows)
    note = f"<p>and {more:,} more</p>" if more > 0 else ""
    return _table(("key", "recipient", "handed over"), rows) + note


def show_instant(at: datetime | None) -> str:
    """Write an aware UTC time for people."""
    return "-" if at is None else f"{at:%Y-%m-%d %H:%M:%S %Z}"


def _table(
    columns: Sequence[str],
    rows: Sequence[Sequence[str]],
    *,
    numbers: Sequence[int] = (),
) -> str:
    def line(tag: str, cells: Sequence[str]) -> str:
        return "".join(
            f"<{tag}{' class=n' if index in numbers else ''}>{escape(cell)}</{tag}>"
            for index, cell in enumerate(cells)
        )

    body = "\n".join(f"<tr>{line('td', row)}</tr>" for row in rows)
    return f"<table><tr>{line('th', columns)}</tr>\n{body}</table>"


def bars_of(times: Sequence[float]) -> tuple[int, list[int]]:
    """Count instants in slices of one width.

    Args:
        times: Seconds, ascending; at least one.

    Returns:
        The width in seconds, and the counts from the first slice to the last.
    """
    start = math.floor(times[0])
    span = times[-1] - start
    fitting = (width for width in _WIDTHS if span < width * _MOST_BARS)
    width = next(fitting, math.ceil(span / _MOST_BARS) + 1)
    counts = Counter(int((time - start) // width) for time in times)
    return width, [counts[index] for index in range(max(counts) + 1)]


def _picture(times: Sequence[float]) -> str:
    """Draw the rate over time."""
    width, counts = bars_of(times)
    most = max(counts) / width
    step = _WIDTH / len(counts)
    bars = "".join(
        f'<rect class="rate" x="{index * step:.2f}" width="{max(step - 1, 0.5):.2f}" '
        f'y="{_HEIGHT * (1 - number / width / most):.2f}" '
        f'height="{_HEIGHT * number / width / most:.2f}"/>'
        for index, number in enumerate(counts)
        if number
    )
    first = datetime.fromtimestamp(times[0], UTC)
    last = datetime.fromtimestamp(times[-1], UTC)
    label = f"at most {most:.3g} a second, counted over {width} s each"
    return (
        f'<svg class="picture" viewBox="0 -20 {_WIDTH} {_HEIGHT + 44}" role="img" '
        f'aria-label="{label}"><text y="-6">{label}</text>'
        f'<path class="line" d="M0 0H{_WIDTH}M0 {_HEIGHT}H{_WIDTH}"/>{bars}'
        f'<text y="{_HEIGHT + 18}">{show_instant(first)}</text>'
        f'<text x="{_WIDTH}" y="{_HEIGHT + 18}" text-anchor="end">'
        f"{show_instant(last)}</text></svg>"
    )


def _palette(index: int) -> str:
    return "".join(f"--{name}:{pair[index]};" for name, pair in _COLORS.items())


_STYLE = f"""
:root{{color-scheme:light dark;--ink:#1f2328;--dim:#656d76;--line:#d0d7de;
--page:#ffffff;--other:#8c959f;{_palette(0)}}}
@media (prefers-color-scheme:dark){{:root{{--ink:#e6edf3;--dim:#8d96a0;
--line:#30363d;--page:#0d1117;--other:#6e7681;{_palette(1)}}}}}
body{{font:16px/1.5 system-ui,sans-serif;color:var(--ink);background:var(--page);
max-width:46rem;margin:2rem auto;padding:0 1rem}}
h1{{font-size:1.5rem;overflow-wrap:anywhere}}h2{{font-size:1.1rem;margin-top:2rem}}
dl{{display:grid;grid-template-columns:max-content 1fr;gap:0 1.5rem}}
dt{{color:var(--dim)}}dd{{margin:0}}
table{{border-collapse:collapse;width:100%;font-variant-numeric:tabular-nums}}
th,td{{text-align:left;padding:.2rem .6rem .2rem 0;border-bottom:1px solid var(--line);
overflow-wrap:anywhere}}th{{color:var(--dim);font-weight:400}}
.n{{text-align:right}}svg{{width:100%;display:block}}
.bar{{height:12px;margin-bottom:.5rem}}.picture text{{font-size:12px;fill:var(--dim)}}
.line{{stroke:var(--line);fill:none}}.rate,.accepted{{fill:var(--accepted)}}
.rejected{{fill:var(--rejected)}}.unsent{{fill:var(--unsent)}}
.unknown{{fill:var(--unknown)}}.other{{fill:var(--other)}}
"""

_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width,initial-scale=1">
<title>{title}</title>
<style>{style}</style>
</head>
<body>
{body}
</body>
</html>
"""
