"""What is reported of a message is what became of it, whatever goes wrong."""

from operator import attrgetter

import pytest

from tests.promises.faults.cases import CASES, Case
from tests.promises.faults.running import observe
from tests.promises.faults.table import TABLE, write_table

# One process looks at each case once.
pytestmark = pytest.mark.xdist_group("verdicts")

each_case = pytest.mark.parametrize("case", CASES, ids=attrgetter("name"))


@each_case
def test_a_send_ends_as_it_should_and_truly(case: Case) -> None:
    seen = observe(case).send

    assert seen.ends == case.send
    assert seen.is_true
    assert not seen.is_double


@each_case
def test_a_read_ends_as_it_should_and_truly(case: Case) -> None:
    seen = observe(case)

    assert (seen.read and seen.read.ends) == case.read
    assert (seen.kept and seen.kept.ends) == case.kept
    assert seen.is_true


def test_the_written_table_is_what_is_seen() -> None:
    assert TABLE.read_text(encoding="utf-8") == write_table(CASES)


def test_each_case_has_a_name_of_its_own() -> None:
    assert len({case.name for case in CASES}) == len(CASES) >= 80
