"""That the benchmarks run and count; how fast anything is, no test says."""

import pytest

from benchmarks.contenders import Connections
from benchmarks.overhead import Effort, measure_all
from benchmarks.shares import Figure, picture, table
from benchmarks.spread import Spread
from benchmarks.structure import measure as measure_structure


def _figure(share: float, *, in_flight: int = 10) -> Figure:
    return Figure(
        name="ours",
        connections="kept",
        in_flight=in_flight,
        share=share,
        cpu_microseconds=150.0,
        raw_cpu_microseconds=100.0,
        messages_a_second=5_000.0,
        raw_messages_a_second=8_000.0,
    )


@pytest.mark.real_time
def test_the_server_sees_as_many_messages_as_each_contender_sends() -> None:
    effort = Effort(messages=4, blocks=1)

    # It raises where the server's count is another one.
    figures = list(
        measure_all(
            ["ours", "many-journal"], effort, rounds=1, policies=[Connections.KEPT]
        )
    )

    assert [(figure.name, figure.in_flight) for figure in figures] == [
        ("ours", 1),
        ("ours", 10),
        ("ours", 100),
        ("many-journal", 64),
    ]
    assert all(figure.share > 0 for figure in figures)


def test_a_table_has_the_median_of_the_rounds_and_their_ends() -> None:
    figures = [_figure(share) for share in (0.7, 0.9, 0.8)]

    _, _, row = table(figures, Connections.KEPT)

    assert row == "| ours | 10 | 0.80 (0.70 to 0.90) | 150, 100 | 5,000, 8,000 |"


def test_a_picture_has_a_bar_for_each_case_with_several_in_flight() -> None:
    figures = [_figure(0.8, in_flight=count) for count in (1, 10, 100)]

    drawn = picture(figures, Connections.KEPT)

    assert drawn.count('<rect class="ours"') == 2


def test_each_way_to_read_an_answer_is_measured_in_each_round() -> None:
    measured = measure_structure(rounds=2, calls=3)

    assert {len(values) for values in measured.values()} == {2}
    assert len(measured) == 4


def test_a_spread_writes_all_three_alike() -> None:
    spread = Spread.of([3.0, 1.0, 2.0])

    assert f"{spread:.1f}" == "2.0 (1.0 to 3.0)"
