"""Campaigns through the emulator: nothing is settled wrongly by default."""

import pytest

from tests.webhooks.evidence.played import play_all


def test_what_is_settled_by_default_had_arrived() -> None:
    told = play_all(range(5, 7))

    assert told["sure", False] == 0
    assert told.total() > 0


@pytest.mark.needs("the real clock")
@pytest.mark.timeout(600)
def test_so_it_is_in_forty_campaigns() -> None:
    told = play_all(range(40))

    assert told["sure", False] == 0
    assert told["sure", True] > 2
    assert told["likely", True] > 10
    assert told["none", False] > 10
