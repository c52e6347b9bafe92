"""Every interleaving of the protocol's model, and what it catches."""

import pytest

from tests.cluster.model import MUTANTS, Broken, explore


def test_no_interleaving_breaks_a_promise(record_property: pytest.RecordProperty) -> None:
    count = explore()

    record_property("states", count)
    print(f"{count:,} states")  # noqa: T201  # the proof's size is part of it
    assert count > 80_000


@pytest.mark.parametrize("mutant", MUTANTS)
def test_the_model_catches_each_mutant(mutant: str) -> None:
    with pytest.raises(Broken):
        explore(mutant)
