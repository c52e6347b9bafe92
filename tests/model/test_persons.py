"""All spellings of one person's number."""

import pytest
from hypothesis import given

from autocalls_async.model.persons import person_of, spellings_of
from tests.support import phones


@pytest.mark.parametrize(
    ("phone", "spellings"),
    [
        ("+525512345678", ("+525512345678", "+5215512345678")),
        ("+5215512345678", ("+5215512345678", "+525512345678")),
        ("+5491123456789", ("+5491123456789", "+541123456789")),
        ("+551191234567", ("+551191234567", "+5511991234567")),
        ("+5511991234567", ("+5511991234567", "+551191234567")),
        ("+551132345678", ("+551132345678",)),  # a landline
        ("+14155550123", ("+14155550123",)),
    ],
)
def test_a_number_has_these_spellings(phone: str, spellings: tuple[str, ...]) -> None:
    assert spellings_of(phone) == spellings


@given(phones())
def test_all_spellings_are_one_persons(phone: str) -> None:
    found = spellings_of(phone)

    assert found[0] == phone
    assert {person_of(each) for each in found} == {person_of(phone)}
    assert all(set(spellings_of(each)) == set(found) for each in found)
