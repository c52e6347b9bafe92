"""The report: its figures, and a page that loads nothing and shows nobody's number."""

from datetime import UTC, datetime
from html.parser import HTMLParser
from itertools import pairwise

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from autocalls_async.cli.journal.chart import bars_of, draw_rate, share_out
from autocalls_async.cli.journal.page import render_report
from autocalls_async.cli.journal.report import (
    ReasonCount,
    Report,
    UnknownMessage,
    show_instant,
)

START = datetime(2026, 11, 22, 12, tzinfo=UTC).timestamp()
COUNTS = {"accepted": 3, "rejected": 1, "unsent": 0, "unknown": 1, "new": 0}


class Reader(HTMLParser):
    """Notes what a page opens, closes and says."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.names: set[str] = set()
        self.said: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note a tag and its attributes."""
        self.names |= {tag, *(name for name, _ in attrs)}
        if tag not in {"meta", "rect", "path"}:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note one that ends at once."""
        self.names |= {tag, *(name for name, _ in attrs)}

    def handle_endtag(self, tag: str) -> None:
        """Make sure that it is the one opened last."""
        if tag != "rect":
            assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        """Note what it says."""
        self.said.append(data)


def read(page: str) -> Reader:
    reader = Reader()
    reader.feed(page)
    reader.close()
    assert reader.open == []
    return reader


def full_report(word: str = "x") -> Report:
    return Report(
        title=word,
        counts=COUNTS,
        reasons=[ReasonCount(outcome="rejected", error=word, error_code=word, count=1)],
        unknowns=[
            UnknownMessage(key=word, recipient="+1415•••0123", handed_over_at=None)
        ],
        unknown_count=3,
        attempt_count=5,
        times=[START, START + 1, START + 2],
    )


def test_pauses_count_for_no_rate() -> None:
    times = [START, START + 1, START + 2, START + 3600, START + 3601]

    report = Report(title="x", counts=COUNTS, times=times)

    assert report.active_seconds == 3
    assert report.rate == pytest.approx(4 / 3)
    assert show_instant(report.started_at) == "2026-11-22 12:00:00 UTC"
    assert show_instant(report.ended_at) == "2026-11-22 13:00:01 UTC"


@pytest.mark.parametrize("times", [(), (START,)], ids=["none", "one"])
def test_too_few_messages_have_no_rate(times: tuple[float, ...]) -> None:
    report = Report(title="x", counts={}, times=times)

    assert report.rate is None
    assert report.total == 0
    read(render_report(report, facts=[]))


def test_a_page_shows_every_number() -> None:
    page = read(render_report(full_report(), facts=[("rate", "1.0 a second")]))

    said = " ".join(page.said)
    for words in ("60.0%", "1.0 a second", "+1415•••0123", "And 2 more", "together"):
        assert words in said


def test_a_page_shows_the_requests_of_the_run_that_has_just_ended() -> None:
    report = evolve(full_report(), requests={"sends": 1_234, "window checks": 56})

    with_them = " ".join(read(render_report(report, facts=[])).said)
    without = " ".join(read(render_report(full_report(), facts=[])).said)

    for words in ("Requests of the last run", "window checks", "1,234", "56"):
        assert words in with_them
    assert "Requests" not in without


def test_a_page_loads_nothing() -> None:
    page = render_report(full_report(), facts=[])

    assert not read(page).names & {"script", "link", "img", "src", "href", "iframe"}
    assert "url(" not in page
    assert "http" not in page
    assert "prefers-color-scheme:dark" in page


@given(st.text(min_size=1))
def test_whatever_it_is_given_stays_text(word: str) -> None:
    hostile = f"<script>{word}</script>&'\"{{}}"

    page = read(render_report(full_report(hostile), facts=[(hostile, hostile)]))

    assert not page.names & {"script", "img"}


@pytest.mark.parametrize(
    "word",
    [
        pytest.param("<script>alert(1)</script>", id="an element"),
        pytest.param("&lt;b&gt; &amp;amp;", id="what is escaped already"),
        pytest.param("\" onload=\"x' onload='x", id="an attribute"),
        pytest.param("{{ 7 * 7 }}{% raw %}{# x #}", id="a template"),
    ],
)
def test_each_place_shows_a_word_as_it_is(word: str) -> None:
    report = evolve(
        full_report(word), counts={word: 2, "new": 1}, requests={word: 1}, title=word
    )

    page = read(render_report(report, facts=[(word, word)]))

    places = ["title", "heading", "fact", "its value", "bar", "row", "request"]
    places += ["error", "code", "key"]
    assert "\n".join(page.said).count(word) == len(places)
    assert not page.names & {"script", "onload"}


@given(st.dictionaries(st.text(), st.integers(0, 10**6)))
def test_shares_fill_the_bar_and_none_is_empty(counts: dict[str, int]) -> None:
    shares = share_out(counts)

    assert {share.name: share.count for share in shares} == {
        name: count for name, count in counts.items() if count
    }
    assert sum(share.width for share in shares) == pytest.approx(100 if shares else 0)
    for one, other in pairwise(shares):
        assert other.left == pytest.approx(one.left + one.width)


def test_the_rate_is_drawn_over_the_time_that_it_ran() -> None:
    times = [START, START + 0.5, START + 1, START + 2, START + 3600]

    chart = draw_rate(times)

    assert (chart.seconds, chart.slice_seconds, chart.unit) == (4, 1, "seconds")
    assert chart.peak == 2
    assert chart.cuts == (2.0,)
    heights = [bar.height for bar in chart.bars]
    assert [bar.x for bar in chart.bars] == [0, 1, 2, 3]
    # The limit of 5 is the highest; the last slice lasted three quarters of one.
    assert heights == pytest.approx([40 / 1.1, 20 / 1.1, 20 / 1.1, 20 / 0.75 / 1.1])
    assert chart.limit == pytest.approx(100 / 1.1)
    assert [tick.value for tick in chart.rates] == [0, 2, 4]
    assert [(tick.at, tick.value) for tick in chart.times] == [
        (25 * n, n) for n in range(5)
    ]


def test_the_last_bar_of_a_short_run_is_as_high_as_the_others() -> None:
    times = [START + 0.2 * number for number in range(12)]  # five a second, 2.2 s

    chart = draw_rate(times)

    assert [bar.height for bar in chart.bars] == pytest.approx([100 / 1.1] * 2)
    assert [bar.width for bar in chart.bars] == pytest.approx([1, 1.4])
    assert chart.peak == pytest.approx(5)


def test_a_rate_far_below_the_limit_is_not_pressed_to_the_ground() -> None:
    chart = draw_rate([START + 30 * number for number in range(20)])

    assert chart.limit is None
    assert max(bar.height for bar in chart.bars) == pytest.approx(100 / 1.1)


def test_a_page_names_ten_reasons_and_counts_the_rest() -> None:
    reasons = [
        ReasonCount(outcome="rejected", error=f"Error{number}", error_code="X", count=2)
        for number in range(13)
    ]

    report = Report(title="x", counts=COUNTS, reasons=reasons)
    said = " ".join(read(render_report(report, facts=[])).said)

    assert "Error9" in said
    assert "Error10" not in said
    assert "And 6 messages for 3 more reasons" in said


def test_a_page_names_the_rules_of_the_run_that_has_just_ended() -> None:
    report = evolve(full_report(), rules=[("hours", "09:00-20:00 mon-fri")])

    assert "09:00-20:00 mon-fri" in read(render_report(report, facts=[])).said
    assert "Rules" not in " ".join(read(render_report(full_report(), facts=[])).said)


@pytest.mark.parametrize(
    ("seconds", "unit"),
    [(100, "seconds"), (300, "minutes"), (20_000, "hours"), (500_000, "days")],
)
def test_times_are_in_a_unit_of_which_there_are_a_few(seconds: int, unit: str) -> None:
    times = [START + second for second in range(0, seconds, 30)]

    chart = draw_rate([*times, START + seconds - 1])

    assert chart.unit == unit
    assert 3 <= len(chart.times) <= 7


@given(
    st.lists(st.floats(0, 1e7), min_size=1, max_size=50).map(
        lambda gaps: sorted(START + gap for gap in gaps)
    )
)
def test_each_instant_is_in_one_slice_and_there_are_few(times: list[float]) -> None:
    width, counts = bars_of([time - times[0] for time in times])

    assert sum(counts) == len(times)
    assert len(counts) <= 121
    assert width >= 1
