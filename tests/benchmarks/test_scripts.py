"""That the benchmarks run and count; how fast anything is, no test says."""

import socket
from urllib.request import urlopen

import pytest

from benchmarks import accounts, import_time, latency
from benchmarks.contenders import Connections
from benchmarks.delay_proxy import delay_proxy
from benchmarks.fast_server import beside, fast_server
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


@pytest.mark.needs("the real clock")
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


@pytest.mark.real_time
def test_a_question_for_a_window_counts_as_no_message() -> None:
    with fast_server() as server:
        with urlopen(f"{server.url}/api/user/whatsapp/session-status") as answer:  # noqa: S310  # this machine
            body = answer.read()
        count = server.seen().count

    assert b'"can_send_freeform": true' in body
    assert count == 0


@pytest.mark.needs("the real clock")
@pytest.mark.real_time
def test_a_far_service_answers_no_sooner_than_its_round_trips_allow() -> None:
    measured = latency.measure(
        ["noted-idle", "first", "aiohttp-first"], samples=1, round_trip=0.02
    )

    # To connect is one, the handshake another, and the message itself the last.
    for wire, least in (("PLAIN", 40.0), ("TLS", 60.0)):
        assert all(ms >= least for (ms,) in measured[wire].values())
        assert len(measured[wire]) == 3


@pytest.mark.real_time
def test_what_comes_piece_by_piece_stays_in_order_on_its_long_way() -> None:
    request = b"POST /api/x HTTP/1.1\r\nContent-Length: 300\r\n\r\n" + 300 * b"x"

    with (
        beside("benchmarks.fast_server") as port,
        delay_proxy(port, round_trip=0.02) as far,
        socket.create_connection(("127.0.0.1", far)) as connection,
    ):
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for byte in request:
            connection.sendall(bytes([byte]))
        answer = connection.recv(65_536)

    assert answer.startswith(b"HTTP/1.1 200 OK")


def test_a_reply_that_some_rows_lack_is_left_out_of_the_table() -> None:
    sample = {"repeated": [52.0, 51.0, 57.0], "aiohttp-first": [104.0]}

    lines = list(latency.report({"PLAIN": sample, "TLS": sample}))

    assert lines[2:] == [
        "| ours, repeated: 2 s after another | 52 (51 to 57) | 52 (51 to 57) | ≤ 56 |",
        "| aiohttp, the first of all | 104 (104 to 104) | 104 (104 to 104) |  |",
    ]


@pytest.mark.needs("the real clock")
@pytest.mark.real_time
def test_each_of_several_accounts_sends_and_takes_memory() -> None:
    (figures,) = accounts.measure(1, clients=30, seconds=0.5)

    assert figures.messages_a_second > 0
    assert figures.messages_a_cpu_second >= figures.messages_a_second
    assert figures.kilobytes_a_client > 0


@pytest.mark.real_time
def test_the_command_takes_longer_than_a_python_that_does_nothing() -> None:
    *_, bare, command, _ = import_time.report_command(1)

    assert bare.startswith("| `python -c pass` |")
    assert command.startswith("| `autocalls --version` |")
