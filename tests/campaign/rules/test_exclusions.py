"""Whom a campaign must not write to, as its caller says."""

import pytest

from autocalls_async import ExcludedError, UnsentError
from autocalls_async.campaign.rules.exclusions import Exclude, Exclusions
from tests.people import ANA, STRANGER


@pytest.mark.parametrize(
    "exclude",
    [{ANA}, [ANA], {ANA: "said stop"}, lambda phone: phone == ANA],
    ids=["set", "list", "dict", "function"],
)
def test_a_recipient_is_looked_for_in_whatever_is_given(exclude: Exclude) -> None:
    exclusions = Exclusions(exclude)

    assert type(exclusions.find(ANA)) is ExcludedError
    assert exclusions.find(STRANGER) is None


@pytest.mark.parametrize(
    ("listed", "asked"),
    [
        ("+5215512345678", "+525512345678"),
        ("+541123456789", "+5491123456789"),
        ("+5511991234567", "+551191234567"),
    ],
)
def test_a_person_is_excluded_by_either_spelling(listed: str, asked: str) -> None:
    assert Exclusions({listed}).find(asked) is not None
    assert Exclusions({asked}).find(listed) is not None


def test_who_was_excluded_once_stays_so() -> None:
    listed = {ANA}
    exclusions = Exclusions(listed)
    assert exclusions.find(ANA) is not None

    listed.clear()
    listed.add(STRANGER)

    assert exclusions.find(ANA) is not None
    assert exclusions.find(STRANGER) is not None


def test_what_the_function_raises_leaves_the_message_unsent() -> None:
    def ask(_: str) -> bool:
        raise ConnectionError("the list is at db.example")  # noqa: EM101, TRY003  # as they do

    error = Exclusions(ask).find(ANA)

    assert type(error) is UnsentError
    assert "exclude failed (ConnectionError)" in str(error)
    assert isinstance(error.__cause__, ConnectionError)
    assert error.recipient_phone == ANA
    assert ANA not in str(error)


def test_a_function_that_returns_a_coroutine_excludes_for_want_of_an_answer() -> None:
    async def answer() -> bool:
        return False

    error = Exclusions(lambda _: answer()).find(ANA)  # type: ignore[arg-type, return-value]  # the mistake

    assert type(error) is UnsentError
    assert "exclude failed (TypeError)" in str(error)
    assert str(error.__cause__) == "exclude returned a coroutine"


def test_what_cannot_be_asked_is_refused_at_once() -> None:
    async def ask(_: str) -> bool:
        return False

    for wrong in (ANA, ANA.encode(), 5, iter([ANA]), None):
        rule = (
            f"^exclude must be a container of numbers.*of type {type(wrong).__name__}$"
        )
        with pytest.raises(ValueError, match=rule):
            Exclusions(wrong)  # type: ignore[arg-type]  # the mistake
    with pytest.raises(ValueError, match=r"^exclude must be no coroutine.* leaves$"):
        Exclusions(ask)  # type: ignore[arg-type]  # the mistake


def test_an_excluded_error_is_an_unsent_one_that_says_who_is_meant() -> None:
    error = Exclusions({ANA}).find(ANA)

    assert isinstance(error, UnsentError)
    assert str(error) == (
        "unsent to +1415•••0123: the recipient is excluded; leave it, unless they are "
        "excluded by mistake"
    )
