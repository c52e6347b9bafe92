"""In made-up campaigns nothing is settled wrongly by default."""

from collections import Counter

from autocalls_async.webhooks.evidence.evidence import Verdict
from tests.webhooks.evidence.campaigns import play


def test_what_is_sure_had_arrived() -> None:
    told: Counter[tuple[Verdict, bool]] = Counter()
    for seed in range(1000):
        told += play(seed)

    assert told[Verdict.SURE, False] == 0
    assert told[Verdict.SURE, True] > 50
    assert told[Verdict.LIKELY, True] > 50
    assert told[Verdict.NONE, False] > 50
