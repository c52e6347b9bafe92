"""A campaign's report: its numbers, and a page with a picture of its rate.

Pure: no I/O, no clock, no asyncio. The page is one file that loads nothing. It
holds what it is given: whoever makes the values masks numbers and leaves texts out.
"""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from html import escape
from itertools import accumulate, pairwise, zip_longest

from attrs import field, frozen

PAUSE_SECONDS = 60.0
"""A longer time without a message is a pause, which counts for no rate."""

_MOST_BARS = 120
_WIDTHS = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 1800, 3600, 7200, 21600, 86400)
_UNITS = ((86400, "days"), (3600, "hours"), (60, "minutes"), (1, "seconds"))
_MOST_TICKS = 5

_COLORS = {
    "accepted": ("#1a7f37", "#3fb950"),
    "rejected": ("#9a6700", "#d29922"),
    "unsent": ("#0969da", "#58a6ff"),
    "unknown": ("#a626a4", "#d2a8ff"),
    "in-flight": ("#1b7c83", "#39c5cf"),
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
        attempt_count: How often a message was about to be handed over, in all runs.
        requests: What the run that just ended asked of the service, by kind; a
            journal keeps attempts alone.
        times: When messages were handed over: seconds since 1970, ascending.
    """

    title: str
    counts: Mapping[str, int]
    reasons: Sequence[Reason] = ()
    unknowns: Sequence[UnknownMessage] = ()
    unknown_count: int = 0
    attempt_count: int = 0
    requests: Mapping[str, int] = field(factory=dict)
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
        gaps = (b - a for a, b in pairwise(self.times))
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
    parts = [
        f"<h1>{title}</h1>",
        _facts(facts),
        _section("Outcomes", _outcomes(report)),
    ]
    rate = _picture(report.times) if report.times else _NOTHING_LEFT
    parts.append(_section("Rate", rate))
    if report.requests:
        heading = "Requests of the last run"
        parts.append(_section(heading, _requests(report.requests)))
    if report.reasons:
        parts.append(_section("Why not accepted", _reasons(report.reasons)))
    if report.unknowns:
        heading = "Unknown: may have been delivered"
        parts.append(_section(heading, _unknowns(report)))
    return _PAGE.format(title=title, style=_STYLE, body="\n".join(parts))


def _section(heading: str, content: str) -> str:
    return f"<section><h2>{escape(heading)}</h2>\n{content}</section>"


def _facts(facts: Sequence[tuple[str, str]]) -> str:
    rows = (f"<dt>{escape(name)}</dt><dd>{escape(value)}</dd>" for name, value in facts)
    return f"<dl>{''.join(rows)}</dl>"


def _outcomes(report: Report) -> str:
    if not report.total:
        return "<p>There are no messages.</p>"
    rows = [
        (name, f"{number:,}", f"{number / report.total:.1%}")
        for name, number in report.counts.items()
    ]
    rows.append(("together", f"{report.total:,}", ""))
    columns = ("outcome", "messages", "share")
    table = _table(columns, rows, numbers=(1, 2), kinds=[*report.counts, None])
    return _bar(report.counts) + table


def _bar(counts: Mapping[str, int]) -> str:
    """Draw the outcomes' shares beside each other."""
    total = sum(counts.values())
    parts, left = [], 0.0
    for name, number in counts.items():
        width = 100 * number / total
        if number:
            parts.append(
                f'<rect class="{_kind(name)}" x="{left:.3f}%" width="{width:.3f}%" '
                f'height="16"><title>{escape(name)}: {number:,}</title></rect>'
            )
        left += width
    return f'<svg class="bar" aria-hidden="true">{"".join(parts)}</svg>'


def _kind(name: str) -> str:
    """Give the class of an outcome's color."""
    kind = name.replace(" ", "-")
    return kind if kind in _COLORS else "other"


def _requests(requests: Mapping[str, int]) -> str:
    rows = [(kind, f"{number:,}") for kind, number in requests.items()]
    return _table(("kind", "requests"), rows, numbers=(1,))


def _reasons(reasons: Sequence[Reason]) -> str:
    rows = [(r.outcome, r.error, r.error_code or "-", f"{r.count:,}") for r in reasons]
    return _table(("outcome", "error", "code", "messages"), rows, numbers=(3,))


def _unknowns(report: Report) -> str:
    rows = [
        (u.key, u.recipient, show_instant(u.handed_over_at)) for u in report.unknowns
    ]
    more = report.unknown_count - len(rows)
    left_out = f"And {more:,} more. " if more > 0 else ""
    table = _table(("key", "recipient", "handed over"), rows)
    return f"{table}<p>{left_out}{_WHOLE_KEYS}</p>"


def show_instant(at: datetime | None) -> str:
    """Write an aware UTC time for people."""
    return "-" if at is None else f"{at:%Y-%m-%d %H:%M:%S %Z}"


def _table(
    columns: Sequence[str],
    rows: Sequence[Sequence[str]],
    *,
    numbers: Sequence[int] = (),
    kinds: Sequence[str | None] = (),
) -> str:
    """Make a table.

    Args:
        columns: Their names.
        rows: Their cells.
        numbers: Which columns hold numbers.
        kinds: For each row, the outcome whose color stands before it.
    """

    def line(tag: str, cells: Sequence[str], mark: str = "") -> str:
        made = (
            f"<{tag}{' class=n' if index in numbers else ''}>"
            f"{'' if index else mark}{escape(cell)}</{tag}>"
            for index, cell in enumerate(cells)
        )
        return f"<tr>{''.join(made)}</tr>"

    marks = (f'<i class="{_kind(kind)}"></i>' if kind else "" for kind in kinds)
    lines = (
        line("td", row, mark) for row, mark in zip_longest(rows, marks, fillvalue="")
    )
    return f"<table>{line('th', columns)}\n{''.join(lines)}</table>"


# The picture of the rate


def shorten_pauses(times: Sequence[float]) -> list[float]:
    """Give instants in seconds since the first one, with a second for each pause.

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
    """Give a few round numbers from 0 up to `end`, evenly apart.

    Args:
        end: More than 0.
    """
    least = end / _MOST_TICKS
    power = 10.0 ** math.floor(math.log10(least))
    step = next(m * power for m in (1, 2, 5, 10) if m * power >= least * 0.999)
    return [index * step for index in range(int(end / step * 1.001) + 1)]


def _picture(times: Sequence[float]) -> str:
    """Draw the rate over the time that it ran."""
    active = shorten_pauses(times)
    width, counts = bars_of(active)
    top = 1.1 * max(counts) / width
    seconds = width * len(counts)
    bars = "".join(
        f'<rect class="rate" x="{index * width}" width="{0.9 * width:g}" '
        f'y="{100 * (1 - count / width / top):.2f}" '
        f'height="{100 * count / width / top:.2f}"/>'
        for index, count in enumerate(counts)
        if count
    )
    rates = ticks_of(top)
    grid = "".join(f"M0 {100 * (1 - rate / top):.2f}H{seconds}" for rate in rates)
    cuts = "".join(
        f"M{active[index]:.2f} 0V100"
        for index, (a, b) in enumerate(pairwise(times))
        if b - a > PAUSE_SECONDS
    )
    size, unit = next(u for u in _UNITS if seconds >= 3 * u[0] or u[0] == 1)
    marks = [(tick * size / seconds, tick) for tick in ticks_of(seconds / size)]
    from_to = f"{show_instant(_at(times[0]))} to {show_instant(_at(times[-1]))}"
    pauses = "; a dashed line is a pause, cut out" if cuts else ""
    return (
        "<figure><figcaption>messages handed over a second, "
        f"counted over {width:,} s each</figcaption>"
        f'<div class="plot">'
        f'<div class="y">{_labels("bottom", [(r / top, r) for r in rates])}</div>'
        f'<svg viewBox="0 0 {seconds} 100" preserveAspectRatio="none" role="img" '
        f'aria-label="at most {max(counts) / width:.3g} a second">'
        f'<path class="grid" d="{grid}"/>{bars}<path class="cut" d="{cuts}"/></svg>'
        f'<div class="x">{_labels("left", marks)}</div></div>'
        f"<p>{unit} while it ran, {from_to}{pauses}</p></figure>"
    )


def _labels(side: str, marks: Sequence[tuple[float, float]]) -> str:
    return "".join(
        f'<span style="{side}:{100 * share:.2f}%">{value:g}</span>'
        for share, value in marks
    )


def _at(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


def _palette(index: int) -> str:
    return "".join(f"--{name}:{pair[index]};" for name, pair in _COLORS.items())


def _swatches() -> str:
    return "\n".join(
        f".{name}{{fill:var(--{name});background:var(--{name})}}"
        for name in [*_COLORS, "other"]
    )


_STYLE = f"""
:root{{color-scheme:light dark;--ink:#1f2328;--dim:#656d76;--line:#d0d7de;
--page:#ffffff;--other:#8c959f;{_palette(0)}}}
@media (prefers-color-scheme:dark){{:root{{--ink:#e6edf3;--dim:#8d96a0;
--line:#30363d;--page:#0d1117;--other:#6e7681;{_palette(1)}}}}}
body{{font:16px/1.5 system-ui,sans-serif;color:var(--ink);background:var(--page);
max-width:46rem;margin:1.5rem auto;padding:0 1rem}}
h1{{font-size:1.5rem;line-height:1.25;overflow-wrap:anywhere}}
h2{{font-size:1.1rem;margin:2rem 0 .5rem}}p,figcaption,.plot{{color:var(--dim);
font-size:.875rem}}p{{margin:.5rem 0;overflow-wrap:anywhere}}
dl{{display:grid;grid-template-columns:max-content 1fr;gap:0 1.5rem}}
dt{{color:var(--dim)}}dd{{margin:0;overflow-wrap:anywhere}}
table{{border-collapse:collapse;width:100%;font-variant-numeric:tabular-nums}}
th,td{{text-align:left;vertical-align:top;padding:.25rem .75rem .25rem 0;
border-bottom:1px solid var(--line)}}td{{overflow-wrap:anywhere;min-width:5.5rem}}
th{{color:var(--dim);font-weight:400}}
.n{{text-align:right;white-space:nowrap;min-width:0}}
@media (max-width:34rem){{table{{font-size:.875rem}}}}
:is(th,td):last-child{{padding-right:0}}
i{{display:inline-block;width:.7em;height:.7em;margin-right:.5em;border-radius:2px}}
svg{{display:block;width:100%}}.bar{{height:16px;margin-bottom:.5rem}}
figure{{margin:0}}.plot{{display:grid;grid-template-columns:2.5rem 1fr;
grid-template-rows:12rem 1.5rem;margin-top:1rem}}.plot svg{{height:100%}}
.x,.y{{position:relative}}.x{{grid-column:2}}.plot span{{position:absolute}}
.y span{{right:.5rem;transform:translateY(50%)}}
.x span{{top:.25rem;transform:translateX(-50%)}}
.x span:first-child{{transform:none}}
path{{fill:none;stroke:var(--line);vector-effect:non-scaling-stroke}}
.cut{{stroke:var(--ink);stroke-dasharray:4 3}}.rate{{fill:var(--accepted)}}
{_swatches()}
"""

_NOTHING_LEFT = "<p>No message has been handed over.</p>"
_WHOLE_KEYS = (
    "Numbers are masked here, also in keys; "
    "<code>autocalls journal export</code> lists them whole."
)

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
