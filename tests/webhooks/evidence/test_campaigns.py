"""In made-up campaigns nothing is settled wrongly by default."""

from collections import Counter

from autocalls_async.webhooks.evidence.evidence import Proof
from tests.webhooks.evidence.campaigns import play


def test_what_is_sure_had_arrived() -> None:
    told: Counter[tuple[Proof, bool]] = Counter()
    for seed in range(1000):
        told += play(seed)

    assert told[Proof.SURE, False] == 0
    assert told[Proof.SURE, True] > 50
    assert told[Proof.LIKELY, True] > 50
    assert told[Proof.NONE, False] > 50
