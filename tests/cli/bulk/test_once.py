"""Nobody gets a campaign twice because a human repeated or mended something."""

import re
import shlex
from pathlib import Path

import pytest

from autocalls_async.emulator import Emulator, Template
from tests.cli.conftest import OPEN, Autocalls, Ended, Service, phone_for

RUN = ("--rate", "500", "--rate-is-agreed", "--journal", "run.db")
ANA, BEN, CY, DEE = map(phone_for, ("Ana", "Ben", "Cy", "Dee"))
MEXICO, OLD_MEXICO = "+525512345678", "+5215512345678"


def write(header: str, *lines: str) -> str:
    Path("rows.csv").write_text("\n".join((header, *lines)) + "\n")
    return "rows.csv"


def rows(*people: str, text: str = "hi") -> str:
    return write("recipient_phone,message", *(f"{phone},{text}" for phone in people))


def keyed(*lines: tuple[str, str, str]) -> str:
    return write("recipient_phone,message,key", *map(",".join, lines))


def received(service: Service) -> list[tuple[str, str | None]]:
    return [(m.recipient_phone, m.message) for m in service.emulator.accepted]


def goes_on(ended: Ended) -> list[str]:
    """Return the command to go on with that was printed."""
    found = re.search(r"to (?:go on|send it): autocalls (.*)", ended.out)
    assert found is not None
    return shlex.split(found[1])


# Several rows for one person


@pytest.mark.parametrize("journal", [(), ("--journal", "run.db")], ids=["", "journal"])
@pytest.mark.parametrize(
    ("people", "lines"),
    [
        pytest.param((ANA, ANA, ANA), "2 rows are for somebody", id="equal"),
        pytest.param((OLD_MEXICO, MEXICO), "1 row is for somebody", id="spellings"),
    ],
)
def test_several_rows_for_a_person_are_refused_before_anything_is_asked(
    people: tuple[str, ...],
    lines: str,
    journal: tuple[str, ...],
    autocalls: Autocalls,
    service: Service,
) -> None:
    file = rows(*people)

    refused = autocalls("bulk", file, "--rate", "500", "--rate-is-agreed", *journal)
    asked = len(service.emulator.requests)
    first = autocalls(
        "bulk",
        file,
        "--rate",
        "500",
        "--rate-is-agreed",
        *journal,
        "--repeats",
        "first",
    )

    assert (refused.status, asked) == (2, 0)
    assert f"{lines} who has an earlier one (line" in refused.complaint
    assert "--repeats first sends each person one message, --repeats all sends" in (
        refused.complaint
    )
    assert refused.complaint.endswith("; nothing was sent")
    assert first.status == 0
    assert received(service) == [(people[0], "hi")]


@pytest.mark.parametrize("journal", [(), ("--journal", "run.db")], ids=["", "journal"])
def test_all_rows_are_sent_where_that_is_chosen_and_no_more_often(
    journal: tuple[str, ...], autocalls: Autocalls, service: Service
) -> None:
    file = write("recipient_phone,message", f"{ANA},a", f"{ANA},b", f"{ANA},a")
    command = (
        "bulk",
        file,
        "--rate",
        "500",
        "--rate-is-agreed",
        *journal,
        "--repeats",
        "all",
    )

    first = autocalls(*command)
    again = autocalls(*command) if journal else first

    assert (first.status, again.status) == (0, 0)
    assert received(service) == [(ANA, "a"), (ANA, "b"), (ANA, "a")]


def test_first_is_for_good_however_the_file_is_sorted(
    autocalls: Autocalls, service: Service
) -> None:
    lines = [f"{phone},{text}" for phone in (ANA, BEN) for text in ("one", "two")]
    command = ("bulk", "rows.csv", *RUN, "--repeats", "first")
    write("recipient_phone,message", *lines)
    first = autocalls(*command)

    write("recipient_phone,message", *reversed(lines), f"{CY},three", f"{CY},four")
    again = autocalls(*command)
    write("recipient_phone,message", f"{ANA},five")
    other = autocalls(*command)

    assert (first.status, again.status, other.status) == (0, 0, 0)
    assert received(service) == [(ANA, "one"), (BEN, "one"), (CY, "three")]
    assert "left out by --repeats first: 3 rows (lines 2, 4, 7)" in again.out
    assert "left out by --repeats first: 1 row (line 2)" in other.out
    assert "Nothing is left to send." in other.out


def test_rows_with_keys_of_their_own_are_meant_and_told(
    autocalls: Autocalls, service: Service
) -> None:
    file = keyed((ANA, "a", "1"), (ANA, "b", "2"), (BEN, "c", "3"))

    ended = autocalls("bulk", file, *RUN)
    one_each = autocalls("bulk", file, *RUN[:3], "--repeats", "first")

    assert ended.status == 0
    assert (
        "1 row is for somebody who has an earlier one, with another key (line 3)"
        in (ended.out)
    )
    assert len(received(service)) == 3 + 2
    assert one_each.status == 0


@pytest.mark.parametrize("keys", [("1", ""), ("1", "1")], ids=["some", "the same"])
def test_keys_that_do_not_tell_a_persons_rows_apart_mean_nothing(
    keys: tuple[str, str], autocalls: Autocalls, service: Service
) -> None:
    file = keyed((ANA, "a", keys[0]), (ANA, "a", keys[1]))

    ended = autocalls("bulk", file, *RUN)
    all_of_them = autocalls("bulk", file, *RUN, "--repeats", "all")

    assert ended.status == 2
    assert "1 row is for somebody who has an earlier one (line 3)" in ended.complaint
    assert all_of_them.status == 0
    assert len(received(service)) == len(set(keys))


@pytest.mark.usefixtures("service")
def test_the_dry_run_says_the_same_and_prints_what_was_chosen(
    autocalls: Autocalls,
) -> None:
    file = rows(ANA, BEN, ANA)
    dry = ("bulk", file, "--journal", "run.db", "--dry-run")

    refused = autocalls(*dry)
    ready = autocalls(*dry, "--repeats", "all")

    assert refused.status == 2
    told = "1 row is for somebody who has an earlier one (line 4); --repeats"
    assert told in " ".join(refused.out.split())
    assert told in refused.complaint
    assert ready.status == 0
    assert goes_on(ready)[:5] == ["bulk", file, *dry[2:4], "--repeats"]


# A changed text


def sent_half(autocalls: Autocalls, text: str = "we opne at ten") -> None:
    """Send to two of four, as far as a run came that was stopped."""
    rows(ANA, BEN, text=text)
    assert autocalls("bulk", "rows.csv", *RUN).status == 0


def test_a_mended_text_is_refused_until_somebody_chose(
    autocalls: Autocalls, service: Service
) -> None:
    sent_half(autocalls)
    file = rows(ANA, BEN, CY, DEE, text="we open at ten")

    refused = autocalls("bulk", file, *RUN)
    dry = autocalls("bulk", file, *RUN, "--changed", "skip", "--dry-run")
    skipped = autocalls(*goes_on(dry))
    again = autocalls("bulk", file, *RUN, "--changed", "skip")

    assert refused.status == 2
    assert (
        "2 rows are for somebody who had, or may have had, another text from this "
        "journal (lines 2, 3); --changed skip sends only to those who had none, "
        "--changed send to all; nothing was sent"
    ) in refused.complaint
    assert (dry.status, skipped.status, again.status) == (0, 0, 0)
    assert "left out by --changed skip: 2 rows (lines 2, 3)" in skipped.out
    assert [phone for phone, _ in received(service)] == [ANA, BEN, CY, DEE]
    assert {text for _, text in received(service)[2:]} == {"we open at ten"}


def test_a_mended_text_can_be_sent_to_all(
    autocalls: Autocalls, service: Service
) -> None:
    sent_half(autocalls)
    file = rows(ANA, CY, text="we open at ten")

    ended = autocalls("bulk", file, *RUN, "--changed", "send")
    again = autocalls("bulk", file, *RUN)

    assert (ended.status, again.status) == (0, 0)
    assert [phone for phone, _ in received(service)] == [ANA, BEN, ANA, CY]


def test_another_spelling_of_a_number_is_no_new_message(
    autocalls: Autocalls, service: Service
) -> None:
    autocalls("bulk", rows(OLD_MEXICO), *RUN)

    ended = autocalls("bulk", rows(MEXICO), *RUN)

    assert ended.status == 0
    assert "not sent again: 1 accepted" in ended.out
    assert received(service) == [(OLD_MEXICO, "hi")]


def test_another_fallback_makes_no_other_message(
    autocalls: Autocalls, service: Service
) -> None:
    file = rows(ANA, BEN)
    autocalls("bulk", file, *RUN)

    ended = autocalls("bulk", file, *RUN, "--fallback-template", "46")

    assert ended.status == 0
    assert "not sent again: 2 accepted" in ended.out
    assert len(received(service)) == 2


def test_a_key_whose_content_changed_is_refused_and_the_rest_can_go(
    autocalls: Autocalls, service: Service
) -> None:
    autocalls("bulk", keyed((ANA, "a", "1"), (BEN, "a", "2")), *RUN)
    file = keyed((ANA, "b", "1"), (BEN, "b", "2"), (CY, "b", "3"))

    refused = autocalls("bulk", file, *RUN)
    sending = autocalls("bulk", file, *RUN, "--changed", "send")
    skipped = autocalls("bulk", file, *RUN, "--changed", "skip")

    for ended in (refused, sending):
        assert ended.status == 2
        assert "2 rows have the key of a message that somebody had" in ended.complaint
        assert "(lines 2, 3); --changed skip leaves them out" in ended.complaint
    assert skipped.status == 0
    assert received(service)[2:] == [(CY, "b")]


def test_messages_that_were_renamed_are_told(
    autocalls: Autocalls, service: Service
) -> None:
    autocalls("bulk", keyed((ANA, "a", "1"), (BEN, "b", "2")), *RUN)
    file = keyed((ANA, "a", "11"), (BEN, "b", "12"), (CY, "c", "13"))
    told = (
        "2 rows have what somebody had, or may have had, from this journal by a key"
        " that is in no row now (lines 2, 3)"
    )

    dry = autocalls("bulk", file, *RUN, "--dry-run")
    left_out = autocalls("bulk", file, *RUN, "--changed", "skip")
    sent = received(service)
    ended = autocalls("bulk", file, *RUN)

    assert told in " ".join(dry.out.split())
    assert "left out by --changed skip: 2 rows (lines 2, 3)" in left_out.out
    assert sent == [(ANA, "a"), (BEN, "b"), (CY, "c")]
    assert told in ended.out
    assert received(service) == [*sent, (ANA, "a"), (BEN, "b")]


def test_a_key_beside_the_old_one_is_meant(
    autocalls: Autocalls, service: Service
) -> None:
    autocalls("bulk", keyed((ANA, "a", "1")), *RUN)

    ended = autocalls("bulk", keyed((ANA, "a", "1"), (ANA, "a", "2")), *RUN)

    assert "in no row now" not in ended.out
    assert len(received(service)) == 2


def test_a_key_of_its_own_is_another_message_and_a_lost_one_is_not(
    autocalls: Autocalls, service: Service
) -> None:
    autocalls("bulk", keyed((ANA, "a", "1")), *RUN)

    meant = autocalls("bulk", keyed((ANA, "b", "2")), *RUN)
    lost = autocalls("bulk", rows(ANA, text="c"), *RUN)

    assert meant.status == 0
    assert received(service) == [(ANA, "a"), (ANA, "b")]
    assert lost.status == 2
    assert "1 row is for somebody who had, or may have had, another text" in (
        lost.complaint
    )


def test_a_mended_row_whose_message_was_refused_is_sent(
    autocalls: Autocalls, service: Service
) -> None:
    service.do(lambda emulator: emulator.expire_window(ANA))
    refused = autocalls("bulk", keyed((ANA, "a", "1")), *RUN)
    service.do(lambda emulator: emulator.customer_writes(ANA))

    mended = autocalls("bulk", keyed((ANA, "b", "1")), *RUN)

    assert (refused.status, mended.status) == (1, 0)
    assert received(service) == [(ANA, "b")]


@pytest.mark.parametrize(
    ("options", "told"),
    [
        pytest.param(("--changed", "skip"), "--changed is about what a", id="changed"),
        pytest.param(
            ("--retry-rejected", "all"), "--retry-rejected is about", id="retry"
        ),
        pytest.param(
            (*RUN, "--repeats", "first", "--changed", "send"),
            "--repeats first is for good",
            id="contrary",
        ),
    ],
)
def test_what_does_not_go_together_is_told(
    options: tuple[str, ...], told: str, autocalls: Autocalls, service: Service
) -> None:
    ended = autocalls("bulk", rows(ANA), *options)

    assert ended.status == 2
    assert told in ended.complaint
    assert service.emulator.requests == []


# What was refused


def pause(emulator: Emulator, status: str) -> None:
    emulator.account.add_template(
        Template(id=46, name="welcome_message", body_text="Welcome", status=status)
    )


@pytest.mark.parametrize(
    "reason", ["TEMPLATE_NOT_APPROVED", "templateunusableerror", "all"]
)
def test_what_was_refused_is_sent_again_where_that_is_asked_for(
    reason: str, autocalls: Autocalls, service: Service
) -> None:
    service.do(lambda emulator: pause(emulator, "paused"))
    file = write("recipient_phone", ANA, BEN)
    command = ("bulk", file, *RUN, "--template", "46")
    refused = autocalls(*command)
    service.do(lambda emulator: pause(emulator, "approved"))

    skipped = autocalls(*command)
    other = autocalls(*command, "--retry-rejected", "INVALID_PHONE")
    dry = autocalls(*command, "--retry-rejected", reason, "--dry-run")
    retried = autocalls(*goes_on(dry))

    assert (refused.status, skipped.status, other.status) == (1, 1, 1)
    assert "not sent again: 2 rejected" in skipped.out
    assert "to send them again" in skipped.out
    assert (dry.status, retried.status) == (0, 0)
    assert "2 messages of them were rejected before" in retried.out
    assert {m.recipient_phone for m in service.emulator.accepted} == {ANA, BEN}


def test_a_reason_that_nothing_was_refused_for_is_told_with_those_that_were(
    autocalls: Autocalls, service: Service
) -> None:
    service.do(lambda emulator: emulator.expire_window(OPEN))
    autocalls("bulk", rows(OPEN), *RUN)

    ended = autocalls("bulk", rows(OPEN), *RUN, "--retry-rejected", "SESSION_EXPIRD")

    assert (
        "no row was rejected for --retry-rejected session_expird; there are: "
        "TemplateRequiredError (1)"
    ) in ended.out
