"""The page that `--report` writes once a campaign has ended."""

from collections.abc import Mapping

from attrs import evolve

from autocalls_async.cli.bulk.options import Campaign
from autocalls_async.cli.bulk.rules.given import AGREED_RATE
from autocalls_async.cli.journal.costs import costs_of
from autocalls_async.cli.journal.page import write_page
from autocalls_async.cli.journal.tally import Tally
from autocalls_async.journal import SqliteJournal


async def write_report(
    journal: SqliteJournal, campaign: Campaign, *, requests: Mapping[str, int]
) -> None:
    """Write what came of a campaign to the page that it names.

    Raises:
        CommandError: It cannot be written.
        JournalError: The journal cannot be read.
    """
    assert campaign.report is not None  # noqa: S101  # there is one
    assert campaign.journal is not None  # noqa: S101  # a report has one
    tally = await read_tally(journal)
    report = evolve(
        tally.report(campaign.journal.name, requests=requests),
        rules=_name_rules(campaign),
        limit=max(AGREED_RATE, campaign.rate),
    )
    costs = costs_of(tally, campaign.price)
    more = [] if costs is None else costs.facts()
    write_page(campaign.report, report, more=more)


def _name_rules(campaign: Campaign) -> list[tuple[str, str]]:
    """Return the rules of a campaign as a report names them: what was typed."""
    options = campaign.rules
    hours = (options.hours, options.days, options.tz)
    named = {
        "sends a second": f"{campaign.rate} (the API allows {AGREED_RATE})",
        "left out": ", ".join(path.name for path in options.exclude or ()),
        "hours": " ".join(word for word in hours if word) if options.hours else None,
        "begins": options.at,
        "new people in 24 hours, each sender": options.per_day,
        "messages at most": options.at_most,
        "budget": options.budget,
        "price of a message": campaign.price,
        "several rows for a person": campaign.repeats and campaign.repeats.value,
        "people who had another text": campaign.changed and campaign.changed.value,
        "where the window is closed": campaign.fallback_template
        and f"template {campaign.fallback_template}",
    }
    return [(name, str(value)) for name, value in named.items() if value]


async def read_tally(journal: SqliteJournal) -> Tally:
    """Count a journal's entries."""
    tally = Tally()
    async for entry in journal.entries():
        tally.add(entry)
    return tally
