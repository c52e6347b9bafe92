"""Phone numbers as people keep them: shown as they were read, then sent to."""

from pathlib import Path

import pytest

from tests.cli.conftest import OPEN, Autocalls, Service

DRY = ("--dry-run",)


def write_rows(*recipients: str) -> str:
    lines = ["recipient_phone,message", *(f"{phone},hi" for phone in recipients)]
    Path("rows.csv").write_text("\n".join(lines) + "\n")
    return "rows.csv"


def test_numbers_are_shown_as_they_were_read_before_anything_is_sent(
    autocalls: Autocalls, service: Service
) -> None:
    service.do(lambda emulator: emulator.customer_writes("+442071838750"))
    lines = ("(415) 555-0101", "0044 20 7183 8750", "+14155550103")
    file = write_rows(*lines)

    dry = autocalls("bulk", file, "--region", "us", *DRY)
    accepted_count = len(service.emulator.accepted)
    real = autocalls(
        "bulk", file, "--region", "us", "--rate", "100", "--rate-is-agreed"
    )

    read = (
        "2 numbers normalised:\n"
        f"  line 2: (415) 555-0101 is {OPEN}\n"
        "  line 3: 0044 20 7183 8750 is +442071838750\n"
    )
    assert dry.out.startswith(read)
    assert accepted_count == 0
    assert real.out.startswith(read)
    assert real.status == 0
    assert {m.recipient_phone for m in service.emulator.accepted} == {
        OPEN,
        "+442071838750",
        "+14155550103",
    }


@pytest.mark.usefixtures("service")
def test_a_dry_run_shows_more_of_the_numbers(autocalls: Autocalls) -> None:
    file = write_rows(*(f"(415) 555-{i:04d}" for i in range(30)))
    options = ("--region", "US", "--template", "46")

    dry = autocalls("bulk", file, *options, *DRY)
    real = autocalls("bulk", file, *options, "--rate", "1000", "--rate-is-agreed")

    assert "30 numbers normalised, such as:" in dry.out
    assert (dry.out.count("  line "), real.out.count("  line ")) == (20, 5)


def test_without_a_region_nothing_is_guessed(
    autocalls: Autocalls, service: Service
) -> None:
    file = write_rows("(415) 555-0101")

    ended = autocalls("bulk", file)
    nowhere = autocalls("bulk", file, "--region", "USA")

    assert (ended.status, nowhere.status) == (2, 2)
    assert "see --region" in ended.err
    assert "--region must be the two letters" in nowhere.complaint
    assert service.emulator.accepted == []


CODE_WITHOUT_PLUS = ("4915123456789", "4917698765432", "01512 3456789")


def test_numbers_that_lost_their_plus_reach_no_stranger(
    autocalls: Autocalls, service: Service
) -> None:
    file = write_rows(*CODE_WITHOUT_PLUS)

    refused = autocalls("bulk", file, "--region", "DE")

    assert refused.status == 2
    assert "line 2: recipient_phone could be +4915•••6789 or +4949•••6789" in (
        refused.err
    )
    assert "line 3" in refused.err
    assert "--numbers international" in refused.err
    assert service.emulator.requests == []


def test_how_numbers_are_meant_settles_them_all(
    autocalls: Autocalls, service: Service
) -> None:
    read = [f"+{digits}" for digits in CODE_WITHOUT_PLUS[:2]]
    service.do(lambda emulator: [emulator.customer_writes(phone) for phone in read])
    file = write_rows(*CODE_WITHOUT_PLUS[:2])

    sent = autocalls("bulk", file, "--region", "DE", "--numbers", "international")

    assert sent.status == 0
    assert [m.recipient_phone for m in service.emulator.accepted] == read


@pytest.mark.usefixtures("service")
def test_how_numbers_are_meant_wants_a_region(autocalls: Autocalls) -> None:
    refused = autocalls("bulk", write_rows(OPEN), "--numbers", "national")

    assert refused.status == 2
    assert "--numbers goes with --region" in refused.complaint


@pytest.mark.parametrize(
    ("region", "text", "why"),
    [
        pytest.param("DE", "33612345678", "could be", id="French"),
        pytest.param("DE", "447400123456", "could be", id="British"),
        pytest.param("DE", "4.91512E+12", "shortened by a spreadsheet", id="exponent"),
        pytest.param("DE", "030 1234567/68", "lists two numbers", id="alternative"),
    ],
)
def test_what_could_be_somebody_else_is_named_by_line(
    autocalls: Autocalls, service: Service, region: str, text: str, why: str
) -> None:
    refused = autocalls("bulk", write_rows(text), "--region", region)

    assert refused.status == 2
    assert f"line 2: recipient_phone {why}" in refused.err.replace("was ", "")
    assert service.emulator.requests == []
