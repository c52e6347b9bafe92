"""The report: its figures, and a page that loads nothing and shows nobody's number."""

from datetime import UTC, datetime
from html.parser import HTMLParser

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from autocalls_async.cli.journal.report import (
    Reason,
    Report,
    UnknownMessage,
    bars_of,
    render_report,
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
        reasons=[Reason(outcome="rejected", error=word, error_code=word, count=1)],
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
