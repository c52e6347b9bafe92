"""The decision table: complete, and never twice what may have happened once."""

from itertools import product

import pytest

from autocalls_async.policy.verdict import (
    DECISIONS,
    Again,
    Decision,
    Kind,
    Seen,
    Verdict,
)

EXPECTED = {
    Seen.NO_CONNECTION: (Verdict.UNSENT, Again.YES, Verdict.UNSENT, Again.YES),
    Seen.NO_TRUST: (Verdict.UNSENT, Again.NO, Verdict.UNSENT, Again.NO),
    Seen.SILENCE: (Verdict.UNKNOWN, Again.NO, Verdict.UNKNOWN, Again.YES),
    Seen.OK: (Verdict.ACCEPTED, Again.NO, Verdict.ACCEPTED, Again.NO),
    Seen.OK_BUT_FAILED: (Verdict.UNKNOWN, Again.NO, Verdict.UNKNOWN, Again.NO),
    Seen.REFUSED: (Verdict.REFUSED, Again.NO, Verdict.REFUSED, Again.NO),
    Seen.RATE_LIMITED: (Verdict.REFUSED, Again.YES, Verdict.REFUSED, Again.YES),
    Seen.FOREIGN_REFUSAL: (Verdict.UNKNOWN, Again.NO, Verdict.UNKNOWN, Again.NO),
    Seen.SERVER_ERROR: (Verdict.UNKNOWN, Again.NO, Verdict.UNKNOWN, Again.YES),
    Seen.REDIRECT: (Verdict.UNKNOWN, Again.NO, Verdict.UNKNOWN, Again.NO),
    Seen.OTHER: (Verdict.UNKNOWN, Again.NO, Verdict.UNKNOWN, Again.NO),
}


def rows(kind: Kind) -> dict[Seen, Decision]:
    return {seen: DECISIONS[kind, seen] for seen in Seen}


def test_every_sight_of_every_kind_has_one_decision() -> None:
    assert set(DECISIONS) == set(product(Kind, Seen))
    assert set(EXPECTED) == set(Seen)


@pytest.mark.parametrize("seen", Seen, ids=lambda seen: seen.name.lower())
def test_each_sight_leads_to_its_decision(seen: Seen) -> None:
    send, read = DECISIONS[Kind.SEND, seen], DECISIONS[Kind.READ, seen]

    assert (send.verdict, send.again, read.verdict, read.again) == EXPECTED[seen]


def test_a_send_is_tried_again_only_where_it_surely_did_nothing() -> None:
    again = {seen for seen, row in rows(Kind.SEND).items() if row.again is Again.YES}

    sure = {
        seen for seen, row in rows(Kind.SEND).items() if row.verdict is Verdict.UNSENT
    }
    assert again <= sure | {Seen.RATE_LIMITED}


def test_a_send_is_unsent_only_where_no_connection_stood() -> None:
    unsent = {
        seen for seen, row in rows(Kind.SEND).items() if row.verdict is Verdict.UNSENT
    }

    assert unsent == {Seen.NO_CONNECTION, Seen.NO_TRUST}


def test_only_the_api_itself_accepts_or_refuses_a_send() -> None:
    verdicts = {
        verdict: {
            seen for seen, row in rows(Kind.SEND).items() if row.verdict is verdict
        }
        for verdict in (Verdict.ACCEPTED, Verdict.REFUSED)
    }

    assert verdicts[Verdict.ACCEPTED] == {Seen.OK}
    assert verdicts[Verdict.REFUSED] == {Seen.REFUSED, Seen.RATE_LIMITED}


def test_kinds_differ_only_in_what_may_be_repeated() -> None:
    for seen in Seen:
        send, read = DECISIONS[Kind.SEND, seen], DECISIONS[Kind.READ, seen]

        assert send.verdict is read.verdict
        assert send.again is Again.NO or read.again is Again.YES


def test_every_decision_says_why() -> None:
    assert all(row.reason for row in DECISIONS.values())


def test_the_table_cannot_be_changed() -> None:
    with pytest.raises(TypeError):
        DECISIONS[Kind.SEND, Seen.SILENCE] = DECISIONS[Kind.READ, Seen.SILENCE]  # type: ignore[index]  # that is the test
