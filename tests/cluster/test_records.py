"""What a waiter in another process is told is what the client would have told."""

import pytest

from autocalls_async import UnknownOutcomeError, UnreachableError, UnsentError
from autocalls_async.cluster import Standing

PHONE = "+14155550123"


def _standing(state: str, error: UnsentError | UnknownOutcomeError) -> Standing:
    return Standing(
        id=1,
        account="acme",
        key="k",
        recipient=PHONE,
        content=None,
        state=state,
        attempts=2,
        fell_back=False,
        handed_over_at=None,
        number=None,
        error=type(error).__name__,
        error_code=error.error_code,
        detail=str(error),
    )


def test_an_unknown_end_is_told_in_the_clients_words() -> None:
    error = UnknownOutcomeError(detail="its connection broke", recipient_phone=PHONE)

    told = _standing("unknown", error).unknown()

    assert (type(told), str(told)) == (UnknownOutcomeError, str(error))
    assert (told.attempts, told.recipient_phone) == (2, PHONE)


@pytest.mark.parametrize("kind", [UnsentError, UnreachableError])
def test_what_came_back_is_told_in_the_clients_words(kind: type[UnsentError]) -> None:
    error = kind(detail="no route to the host", recipient_phone=PHONE)

    told = _standing("unsent", error).unsent()

    assert (type(told), str(told)) == (kind, str(error))
