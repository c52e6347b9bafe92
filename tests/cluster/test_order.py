"""One seed of order; `python -m tests.cluster.order` runs fifty."""

import pytest

from autocalls_async.cli.cluster.postgres import Server
from tests.cluster.order import MESSAGES, run

pytestmark = [
    pytest.mark.needs("a database"),
    pytest.mark.real_time,
    pytest.mark.xdist_group("troubles"),
    pytest.mark.timeout(120),
]


async def test_a_change_of_holder_lets_nobody_overtake(server: Server) -> None:
    found = await run(server, seed=1)

    assert (found["order breaks"], found["doubles"]) == (0, 0)
    assert found["accepted"] + found["unknown"] >= MESSAGES
