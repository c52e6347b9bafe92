"""Options as frozen classes: taken apart for typer, and written down again."""

import inspect
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Annotated

import attrs
import pytest
import typer
from typer.testing import CliRunner

from autocalls_async.cli.app import app
from autocalls_async.cli.bulk.options import BulkConnection, Campaign
from autocalls_async.cli.bulk.rules.options import RuleOptions
from autocalls_async.cli.choices import (
    Changed,
    FileFormat,
    HiddenRows,
    NumbersMeant,
    Repeats,
)
from autocalls_async.cli.terminal.spread import spread, to_words


@attrs.frozen(kw_only=True)
class Place:
    """Where something is."""

    street: Annotated[str, typer.Option(help="Of the house.")] = "Main Street"
    number: Annotated[int, typer.Option(min=1)] = 1


@attrs.frozen(kw_only=True)
class Visit:
    """Who is met, and where."""

    host: Annotated[str, typer.Argument()]
    guest: Annotated[list[str] | None, typer.Option()] = None
    early: Annotated[bool, typer.Option("--early")] = False
    place: Place = attrs.field(factory=Place)
    told: str = attrs.field(init=False, default="nobody")


def run(command: Callable[..., None], *words: str) -> str:
    small = typer.Typer()
    small.command()(spread(command))
    ended = CliRunner().invoke(small, words)
    assert ended.exit_code == 0
    return ended.output


def test_each_field_is_an_option_and_the_command_gets_the_class() -> None:
    taken: list[tuple[Visit, bool]] = []

    def command(visit: Visit, *, loud: Annotated[bool, typer.Option("--loud")]) -> None:
        taken.append((visit, loud))

    run(command, "Bo", "--guest", "Al", "--guest", "Cy", "--number", "7", "--loud")

    place = Place(number=7)
    assert taken == [(Visit(host="Bo", guest=["Al", "Cy"], place=place), True)]


def test_what_is_not_given_is_the_fields_default() -> None:
    taken: list[Visit] = []

    def command(visit: Visit) -> None:
        taken.append(visit)

    run(command, "Bo")

    assert taken[0].place == Place()
    assert (taken[0].early, taken[0].told) == (False, "nobody")


def test_the_help_of_a_field_is_shown_and_its_limits_are_kept() -> None:
    def command(place: Place) -> None:
        """Go there."""

    assert "Of the house." in run(command, "--help")
    small = typer.Typer()
    small.command()(spread(command))
    assert CliRunner().invoke(small, ["--number", "0"]).exit_code == 2


def test_what_init_does_not_take_is_no_option() -> None:
    def command(visit: Visit) -> None:
        """Do nothing."""

    context, *options = inspect.signature(spread(command)).parameters

    assert context == "_context"  # typer's own
    assert options == [
        "host",
        "guest",
        "early",
        "street",
        "number",
    ]


def test_options_are_written_as_they_are_typed_and_defaults_left_out() -> None:
    visit = Visit(host="Bo", guest=["Al", "Cy"], early=True, place=Place(number=7))

    assert list(to_words(visit, without=frozenset({"host"}))) == [
        *("--guest", "Al", "--guest", "Cy"),
        "--early",
        *("--number", "7"),
    ]


CHANGED = {
    "message": "Hi {name}",
    "message_file": Path("text.txt"),
    "render_column": True,
    "language": "de",
    "flatten": True,
    "template": "7",
    "var": ["1=a"],
    "fallback_template": "8",
    "fallback_var": ["1=b"],
    "numbers": NumbersMeant.NATIONAL,
    "region": "US",
    "format": FileFormat.CSV,
    "phone_column": "Mobile",
    "text_column": "Text",
    "sheet": "Customers",
    "hidden_rows": HiddenRows.SKIP,
    "encoding": "cp1252",
    "skip_bad": True,
    "repeats": Repeats.FIRST,
    "changed": Changed.SKIP,
    "journal": Path("run.db"),
    "report": Path("run.html"),
    "receipts": Path("receipts.db"),
    "rate": 3,
}
RULES = {
    "exclude": [Path("stop.csv")],
    "hours": "09:00-20:00",
    "days": "mon-fri",
    "tz": "Europe/Berlin",
    "at": "2026-11-30T09:00",
    "per_day": "250",
    "at_most": 500,
    "budget": Decimal(10),
    "rate_is_agreed": True,
}
ONCE = {
    "preview": 3,
    "test_to": "+14155550101",
    "dry_run": True,
    "price": Decimal(1),
    "out": Path("o.csv"),
    "overwrite": True,
    "retry_rejected": ["all"],
}


def test_every_option_of_bulk_is_of_the_command_to_copy_or_known_to_be_not() -> None:
    known = {*CHANGED, *ONCE, "file", "rules", "connection"}

    assert {field.name for field in attrs.fields(Campaign)} == known
    assert {field.name for field in attrs.fields(RuleOptions)} == set(RULES)


@pytest.mark.parametrize(("name", "value"), RULES.items())
def test_a_command_to_copy_keeps_the_rules(name: str, value: object) -> None:
    rules = RuleOptions(**{name: value})  # type: ignore[arg-type]  # of any field

    command = Campaign(file="rows.csv", rules=rules).command()

    assert f" --{name.replace('_', '-')}" in command


def test_a_command_to_copy_keeps_the_price_that_its_budget_goes_by() -> None:
    rules = RuleOptions(budget=Decimal(10))

    command = Campaign(file="rows.csv", price=Decimal("0.05"), rules=rules).command()

    assert command == "autocalls bulk rows.csv --price 0.05 --budget 10"


@pytest.mark.parametrize(("name", "value"), CHANGED.items())
def test_a_command_to_copy_has_what_was_given(name: str, value: object) -> None:
    campaign = Campaign(file="rows.csv", **{name: value})  # type: ignore[arg-type]  # of any field

    assert f" --{name.replace('_', '-')}" in campaign.command()


@pytest.mark.parametrize(("name", "value"), ONCE.items())
def test_a_command_to_copy_has_nothing_that_was_for_once(
    name: str, value: object
) -> None:
    campaign = Campaign(file="rows.csv", **{name: value})  # type: ignore[arg-type]  # of any field

    assert campaign.command() == "autocalls bulk rows.csv"


def test_a_dry_runs_command_sends_again_what_it_would() -> None:
    campaign = Campaign(file="rows.csv", retry_rejected=["X_1", "X_2"])

    assert campaign.command(is_begun=False) == (
        "autocalls bulk rows.csv --retry-rejected X_1 --retry-rejected X_2"
    )


def test_a_command_to_copy_has_no_key() -> None:
    connection = BulkConnection(
        api_key="topsecret", sender_id=12, base_url="https://example.com/api", timeout=9
    )

    command = Campaign(file="rows.csv", connection=connection).command()

    assert command == (
        "autocalls bulk rows.csv --sender-id 12 --base-url https://example.com/api"
    )
    assert "topsecret" not in repr(connection)


def test_every_command_still_tells_its_options() -> None:
    ended = CliRunner().invoke(app, ["bulk", "--help"], env={"COLUMNS": "200"})

    assert "--fallback-template" in ended.output
    assert "AUTOCALLS_API_KEY" in ended.output
