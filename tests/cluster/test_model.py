"""Every interleaving of the protocol's model, and what it catches."""

import pytest

from tests.cluster.model import MUTANTS, BrokenPromiseError, explore


def test_no_interleaving_breaks_a_promise() -> None:
    count = explore(faults=0)

    assert count > 10_000


@pytest.mark.needs("the real clock")  # some seconds of it
def test_no_interleaving_with_a_fault_breaks_a_promise() -> None:
    assert explore(faults=1) > 80_000


@pytest.mark.parametrize("mutant", MUTANTS)
def test_the_model_catches_each_mutant(mutant: str) -> None:
    with pytest.raises(BrokenPromiseError):
        explore(mutant)
