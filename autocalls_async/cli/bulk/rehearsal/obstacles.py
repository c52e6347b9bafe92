"""What stands in the way of a campaign that was not sent.

Pure: no I/O, no clock, no asyncio.
"""

from collections.abc import Iterator, Sequence
from typing import Any

from attrs import frozen

from autocalls_async.campaign.planning.plan import FindingKind, Severity, name_messages
from autocalls_async.cli.bulk.intake.inventory import Inventory
from autocalls_async.cli.bulk.intake.notices import Lines
from autocalls_async.cli.bulk.options import Campaign
from autocalls_async.cli.bulk.repeats import (
    choice_of,
    remarks_on_fates,
    remarks_on_repeats,
)
from autocalls_async.cli.terminal.failures import Status
from autocalls_async.cli.terminal.words import count, fields_of

_MOST_LINES = 10

_OF_THE_FILE = frozenset(
    {
        FindingKind.NO_MESSAGES,
        FindingKind.KEY_CONFLICT,
        FindingKind.VARIABLES_MISSING,
    }
)
"""What the user mends in the file or the options, not at the service."""


@frozen(kw_only=True)
class Obstacle:
    """Something in the way.

    Attributes:
        status: The exit status that it asks for; `OK` for a mere warning.
    """

    text: str
    status: Status = Status.OK


def find_obstacles(found: Inventory, campaign: Campaign) -> list[Obstacle]:
    """Return what stands in the way, errors first."""
    everything = [
        *_of_rows(found, campaign),
        *_of_people(found, campaign),
        *_of_plan(found),
    ]
    return sorted(everything, key=lambda obstacle: not obstacle.status)


def _of_rows(found: Inventory, campaign: Campaign) -> Iterator[Obstacle]:
    status = Status.OK if campaign.skip_bad else Status.UNUSABLE
    if found.unsettled.row_count:
        yield Obstacle(text=str(found.unsettled), status=status)
    if bad := [row.line_number for row in found.bad_rows if not row.settled_by]:
        rows, lines = count(found.row_count, "row"), _name_lines(bad)
        verb = "will be left out" if campaign.skip_bad else "cannot be sent"
        yield Obstacle(text=f"{len(bad):,} of {rows} {verb} ({lines})", status=status)
    for text in (*found.warnings, *found.notices):
        yield Obstacle(text=text)
    if not found.good_count and (campaign.skip_bad or not found.bad_count):
        text = "there is no row that can be sent"
        yield Obstacle(text=text, status=Status.UNUSABLE)


def _of_people(found: Inventory, campaign: Campaign) -> Iterator[Obstacle]:
    choice = choice_of(campaign)
    remarks = (*remarks_on_repeats(found, choice), *remarks_on_fates(found, choice))
    for remark in remarks:
        status = Status.UNUSABLE if remark.stops else Status.OK
        yield Obstacle(text=remark.text, status=status)


def _of_plan(found: Inventory) -> Iterator[Obstacle]:
    def line_of(position: int) -> int:
        return found.planned_lines[position - 1]

    for finding in found.plan.findings if found.plan else ():
        text = finding.text_naming(line_of, noun="line")
        if finding.severity is Severity.WARNING:
            yield Obstacle(text=text)
        elif finding.kind in _OF_THE_FILE:
            yield Obstacle(text=text, status=Status.UNUSABLE)
        else:
            yield Obstacle(text=text, status=Status.FAILED)


def _name_lines(line_numbers: Sequence[int]) -> str:
    first = line_numbers[:_MOST_LINES]
    return name_messages(first, count=len(line_numbers), noun="line")


def list_obstacles(
    found: Inventory, campaign: Campaign, obstacles: Sequence[Obstacle]
) -> dict[str, Any]:
    """Return it all for a program."""
    return {
        "ready": not any(obstacle.status for obstacle in obstacles),
        "rows": found.row_count,
        "bad": found.bad_count,
        "bad_rows": found.bad_rows,
        "normalised": found.normalised_count,
        "repeated": _lines_record(found.repeated),
        "preview": [
            {
                "line": row.line_number,
                "recipient_phone": row.message().recipient_phone,
                "text": found.text_of(row),
            }
            for row in found.first
        ],
        "journal": None if campaign.journal is None else _journal_record(found),
        "plan": _plan_record(found),
        "errors": [obstacle.text for obstacle in obstacles if obstacle.status],
        "warnings": [obstacle.text for obstacle in obstacles if not obstacle.status],
    }


def _journal_record(found: Inventory) -> dict[str, Any]:
    return {
        "messages": found.total,
        "to_send": found.to_send_count,
        "states": {state.value: number for state, number in found.states.items()},
        "not_sent": {
            fate.name.lower(): _lines_record(lines)
            for fate, lines in found.fates.items()
        },
        "retried": found.retried_count,
    }


def _lines_record(lines: Lines) -> dict[str, Any]:
    return {"rows": lines.row_count, "first_lines": lines.first}


def _plan_record(found: Inventory) -> dict[str, Any] | None:
    if found.plan is None:
        return None
    record = fields_of(found.plan)
    del record["findings"]  # their texts stand beside the plan, with lines
    return record
