"""One seed of each trouble; `python -m tests.cluster.trouble` runs more of them."""

import pytest

from autocalls_async.cli.cluster.postgres import Server
from tests.cluster.trouble import TROUBLES, run

pytestmark = [
    pytest.mark.needs("a database"),
    pytest.mark.real_time,
    pytest.mark.xdist_group("troubles"),  # as long as all others together
    pytest.mark.timeout(240),
]


@pytest.mark.parametrize("kind", sorted(TROUBLES))
async def test_nothing_is_sent_twice_lost_or_lied_about(
    server: Server, kind: str
) -> None:
    found = await run(server, kind, seed=1, messages=60)

    assert (found["doubles"], found["losses"], found["lies"]) == (0, 0, 0)
    assert found["order breaks"] == 0
    assert found.get("sent while it was away", 0) == 0
    assert found["accepted"] + found["unknown"] >= 60 + found["replies"]
    if kind not in ("restart", "away"):  # nobody can ask what was in flight then
        assert found["unknown"] <= found.get("in flight then", 0)
    if kind != "stop":  # one that is stopped between look and byte may be over it
        assert (found["429s"], found["most in a second"]) == (0, 5)


@pytest.mark.parametrize("where", ["before", "after"])
async def test_a_holder_that_was_stopped_at_its_last_look_does_no_harm(
    server: Server, where: str
) -> None:
    found = await run(server, f"look-{where}", seed=1, messages=60)

    assert (found["doubles"], found["losses"], found["lies"]) == (0, 0, 0)
    assert found["429s"] <= (1 if where == "after" else 0)
    assert found["accepted"] + found["unknown"] >= 60
