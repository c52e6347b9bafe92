"""Every interleaving of the protocol's model, and what it catches."""

import pytest

from tests.cluster.model import MUTANTS, BrokenPromiseError, explore
from tests.needs import MINUTES, some_at_once

CAUGHT_LATE = "what came back late goes again"


def test_no_interleaving_breaks_a_promise() -> None:
    count = explore(faults=0)

    assert count > 10_000


@MINUTES
def test_no_interleaving_with_a_fault_breaks_a_promise() -> None:
    assert explore(faults=1) > 80_000


@pytest.mark.parametrize("mutant", some_at_once(MUTANTS, CAUGHT_LATE.__ne__))
def test_the_model_catches_each_mutant(mutant: str) -> None:
    with pytest.raises(BrokenPromiseError):
        explore(mutant)
