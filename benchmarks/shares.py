"""Shares of aiohttp's cost: the rounds' figures as tables, a sentence and pictures.

Pure: no I/O, no clock, no asyncio.
"""

from collections.abc import Iterator, Mapping, Sequence
from statistics import median

from attrs import frozen

from benchmarks.contenders import CONTENDERS, Connections, Contender
from benchmarks.peers import PEERS
from benchmarks.picture import Bar, Row, draw_bars
from benchmarks.spread import Spread

ALL: Mapping[str, Contender] = {**CONTENDERS, **PEERS}

_OURS = ("ours", "many")

Case = tuple[str, int]
"""A contender's name, and how many are in flight."""


@frozen(kw_only=True)
class Figure:
    """What one contender cost in one round, beside aiohttp."""

    name: str
    connections: str
    in_flight: int
    share: float
    cpu_microseconds: float
    raw_cpu_microseconds: float
    messages_a_second: float
    raw_messages_a_second: float


def cases(
    figures: Sequence[Figure], connections: Connections
) -> Mapping[Case, Sequence[Figure]]:
    """Return each case's figures, one for each round."""
    found: dict[Case, list[Figure]] = {}
    for figure in figures:
        if figure.connections == connections.value:
            found.setdefault((figure.name, figure.in_flight), []).append(figure)
    return found


def share(figures: Sequence[Figure]) -> Spread:
    """Return the spread of a case's shares."""
    return Spread.of([figure.share for figure in figures])


def table(figures: Sequence[Figure], connections: Connections) -> Iterator[str]:
    """Yield the lines of one policy's table."""
    found = cases(figures, connections)
    if not found:
        return
    yield (
        f"| {connections.value} connections | in flight | share of aiohttp, median "
        "(least to most) | µs of CPU a message, aiohttp's | messages a second, "
        "aiohttp's |"
    )
    yield "| --- | ---: | ---: | ---: | ---: |"
    for (name, in_flight), rounds in found.items():
        cells = (
            ALL[name].title,
            str(in_flight),
            f"{share(rounds):.2f}",
            _pair([(f.cpu_microseconds, f.raw_cpu_microseconds) for f in rounds]),
            _pair([(f.messages_a_second, f.raw_messages_a_second) for f in rounds]),
        )
        yield f"| {' | '.join(cells)} |"


def _pair(rounds: Sequence[tuple[float, float]]) -> str:
    """Write the medians of the contender's and aiohttp's."""
    return ", ".join(f"{median(side):,.0f}" for side in zip(*rounds, strict=True))


def best_peer(figures: Sequence[Figure]) -> Iterator[str]:
    """Say how ours stands beside the best of the others' clients."""
    found = cases(figures, Connections.KEPT)
    for in_flight in (10, 100):
        peers = {
            name: share(found[case]).median
            for case in found
            if (name := case[0]) in PEERS and case[1] == in_flight
        }
        if peers and ("ours", in_flight) in found:
            best = max(peers, key=lambda name: peers[name])
            mine = share(found["ours", in_flight]).median
            yield (
                f"{in_flight} in flight: ours {mine:.2f}, the best of the others "
                f"({ALL[best].title}) {peers[best]:.2f}, so ours costs "
                f"{peers[best] / mine:.2f} of it."
            )


def picture(figures: Sequence[Figure], connections: Connections) -> str:
    """Draw one policy's shares, where several messages are in flight."""
    bars: dict[str, list[Bar]] = {}
    for (name, in_flight), rounds in cases(figures, connections).items():
        of = share(rounds)
        if in_flight > 1:
            bar = Bar(str(in_flight), of.median, of.least, of.most)
            bars.setdefault(name, []).append(bar)
    rows = [
        Row(ALL[name].title.replace("`", ""), of_name, is_ours=name.startswith(_OURS))
        for name, of_name in bars.items()
    ]
    return draw_bars(
        rows,
        label=f"Share of aiohttp, {connections.value} connections: 1.0 is as cheap",
        note="by messages in flight; the lines are least to most",
        line=1.0,
        most=1.15,
    )
