"""That a campaign gets through real proxies that limit, in real time."""

import asyncio

import pytest

from benchmarks.proxies import NETWORKS, PROXIES, find_program, measure


@pytest.mark.needs("the real clock")
@pytest.mark.real_time
@pytest.mark.parametrize(
    "name",
    [
        pytest.param(
            name,
            id=name,
            marks=pytest.mark.skipif(
                find_program(proxy.program) is None,
                reason=f"{proxy.program} is not installed here",
            ),
        )
        for name, proxy in PROXIES.items()
    ],
)
def test_a_real_proxy_lets_each_message_through_once(name: str) -> None:
    tally = asyncio.run(measure(PROXIES[name], NETWORKS["5-60 ms"], count=10, seed=1))

    assert tally.accepted == tally.received == 10
    assert tally.refused <= 3
