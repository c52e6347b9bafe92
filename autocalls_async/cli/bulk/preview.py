"""A campaign's prospect: what stands in its way, and a picture of it.

Pure: no clock, no asyncio; what is drawn goes to the screen that is given.
"""

from collections.abc import Iterator, Sequence
from typing import Any

from attrs import define, frozen
from rich.table import Table
from rich.text import Text

from autocalls_async.campaign.plan import (
    FindingKind,
    Plan,
    SenderLoad,
    Severity,
    TemplateLoad,
    WindowCounts,
    name_messages,
)
from autocalls_async.cli.bulk.options import Campaign
from autocalls_async.cli.bulk.resuming import Standing
from autocalls_async.cli.bulk.survey import Survey
from autocalls_async.cli.terminal.failures import Status
from autocalls_async.cli.terminal.screen import Screen, fact_table, make_table
from autocalls_async.cli.terminal.words import count, duration, fields_of, plain
from autocalls_async.model.answers import Sender

_MOST_LINES = 10
_BAR_WIDTH = 24

_OF_THE_FILE = frozenset(
    {
        FindingKind.NO_MESSAGES,
        FindingKind.KEY_CONFLICT,
        FindingKind.VARIABLES_MISSING,
    }
)
"""What the user mends in the file or the options, not at the service."""

_STYLES = {"open": "green", "closing": "yellow", "closed": "red", "unknown": "magenta"}


@frozen(kw_only=True)
class Obstacle:
    """Something in the way.

    Attributes:
        status: The exit status that it asks for; `OK` for a mere warning.
    """

    text: str
    status: Status = Status.OK


@define(kw_only=True)
class Prospect:
    """What is known of a campaign that was not sent.

    Attributes:
        standing: Where it stands by its journal, if it has one.
        plan: What it would meet; `None` where the service was not asked.
        line_numbers: Of the plan's messages, in turn.
    """

    campaign: Campaign
    found: Survey
    standing: Standing | None = None
    plan: Plan | None = None
    line_numbers: Sequence[int] = ()

    def obstacles(self) -> Iterator[Obstacle]:
        """Give what stands in the way, errors first."""
        everything = [*self._of_rows(), *self._of_keys(), *self._of_plan()]
        yield from sorted(everything, key=lambda obstacle: not obstacle.status)

    def _of_rows(self) -> Iterator[Obstacle]:
        found, skip_bad = self.found, self.campaign.skip_bad
        if found.bad_count:
            rows = count(found.row_count, "row")
            lines = _name_lines([row.line_number for row in found.bad_rows])
            if skip_bad:
                text = f"{found.bad_count:,} of {rows} will be left out ({lines})"
                yield Obstacle(text=text)
            else:
                text = f"{found.bad_count:,} of {rows} cannot be sent ({lines})"
                yield Obstacle(text=text, status=Status.UNUSABLE)
        if not found.good_count and (skip_bad or not found.bad_count):
            text = "there is no row that can be sent"
            yield Obstacle(text=text, status=Status.UNUSABLE)

    def _of_keys(self) -> Iterator[Obstacle]:
        if self.standing is None:
            return
        if conflicts := self.standing.conflicts:
            rows = count(len(conflicts), "row")
            verb = "has" if len(conflicts) == 1 else "have"
            lines = _name_lines([row.line_number for row in conflicts])
            text = f"{rows} {verb} the key of another message ({lines})"
            yield Obstacle(text=text, status=Status.UNUSABLE)
        if repeated := self.standing.repeated_lines:
            rows = count(len(repeated), "row")
            verb = "says" if len(repeated) == 1 else "say"
            lines = _name_lines(repeated)
            text = f"{rows} {verb} the same as an earlier one ({lines}); sent once"
            yield Obstacle(text=text)

    def _of_plan(self) -> Iterator[Obstacle]:
        if self.plan is None:
            return
        for finding in self.plan.findings:
            text = finding.text_naming(self._line_of, noun="line")
            if finding.severity is Severity.WARNING:
                yield Obstacle(text=text)
            elif finding.kind in _OF_THE_FILE:
                yield Obstacle(text=text, status=Status.UNUSABLE)
            else:
                yield Obstacle(text=text, status=Status.FAILED)

    def _line_of(self, position: int) -> int:
        return self.line_numbers[position - 1]

    def as_record(self) -> dict[str, Any]:
        """Give it for a program."""
        obstacles = list(self.obstacles())
        return {
            "ready": not any(obstacle.status for obstacle in obstacles),
            "rows": self.found.row_count,
            "bad": self.found.bad_count,
            "bad_rows": self.found.bad_rows,
            "normalised": self.found.normalised_count,
            "journal": None
            if self.standing is None
            else _journal_record(self.standing),
            "plan": None if self.plan is None else _plan_record(self.plan),
            "errors": [obstacle.text for obstacle in obstacles if obstacle.status],
            "warnings": [
                obstacle.text for obstacle in obstacles if not obstacle.status
            ],
        }


def _name_lines(line_numbers: Sequence[int]) -> str:
    first = line_numbers[:_MOST_LINES]
    return name_messages(first, count=len(line_numbers), noun="line")


def _journal_record(standing: Standing) -> dict[str, Any]:
    return {
        "messages": standing.total,
        "to_send": standing.to_send_count,
        "states": {state.value: number for state, number in standing.rows.items()},
        "repeated_lines": standing.repeated_lines,
        "conflicts": standing.conflicts,
    }


def _plan_record(plan: Plan) -> dict[str, Any]:
    record = fields_of(plan)
    del record["findings"]  # their texts stand beside the plan, with lines
    return record


# The picture


def draw(
    prospect: Prospect, screen: Screen, obstacles: Sequence[Obstacle] = ()
) -> None:
    """Draw what is known, and what stands in the way last."""
    title = f"Dry run of {prospect.campaign.file}: nothing was sent"
    screen.show(fact_table(title, _facts(prospect)))
    if plan := prospect.plan:
        screen.show(_sender_table(plan.senders))
        if plan.freeform_count:
            screen.show(_window_table(plan.windows))
        if plan.templates:
            screen.show(_template_table(plan))
    if obstacles:
        screen.show(_obstacle_table(obstacles))
    screen.say()


def _facts(prospect: Prospect) -> Iterator[tuple[str, object]]:
    found, plan, campaign = prospect.found, prospect.plan, prospect.campaign
    bad = f", {found.bad_count:,} of them bad" if found.bad_count else ", none bad"
    yield "rows", f"{found.row_count:,}{bad}"
    if plan is None:
        return
    yield "to send", _kinds(plan, campaign)
    yield "repeated", _repeated(prospect, plan)
    seconds = max(plan.duration, 1.0)
    yield "time", f"about {duration(seconds)} at {campaign.rate} a second"
    yield "balance", "not known" if plan.balance is None else f"{plan.balance:,}"
    if plan.cost is not None:
        yield "cost", f"{plan.cost:,} at {campaign.price} each"


def _kinds(plan: Plan, campaign: Campaign) -> str:
    if plan.template_count:
        messages = count(plan.template_count, "message")
        return f"{messages} by template {campaign.template}"
    texts = count(plan.freeform_count, "free text")
    if campaign.fallback_template is None:
        return texts
    return (
        f"{texts}, or template {campaign.fallback_template} where the window is closed"
    )


def _repeated(prospect: Prospect, plan: Plan) -> str:
    if prospect.standing is not None:
        number = len(prospect.standing.repeated_lines)
        return f"{count(number, 'row')}, skipped" if number else "none"
    number = plan.duplicate_count
    return f"{count(number, 'row')} (skipped with --journal)" if number else "none"


def _sender_table(loads: Sequence[SenderLoad]) -> Table:
    numbers = ("sender", "messages", "recipients", "24-hour limit")
    columns = (*numbers, "status", "quality", "name")
    table = make_table("Senders", columns, numbers=numbers)
    for load in loads:
        sender = load.sender
        table.add_row(
            str(load.sender_id),
            f"{load.message_count:,}",
            f"{load.recipient_count:,}",
            "-" if sender is None else _limit(sender),
            _cell(sender.status if sender else None),
            _cell(sender.quality_rating if sender else None),
            _cell(sender.display_name if sender else None),
        )
    return table


def _limit(sender: Sender) -> str:
    limit = sender.messaging_limit
    return "none" if limit is None else f"{limit:,}"


def _window_table(windows: WindowCounts) -> Table:
    looked_at = windows.sample_count
    of_all = f"{looked_at:,} of {windows.pair_count:,}"
    which = "all" if looked_at == windows.pair_count else of_all
    columns = ("state", "windows", "share", "")
    title = f"Messaging windows, {which} looked at"
    table = make_table(title, columns, numbers=columns[1:3])
    for state, style in _STYLES.items():
        number = getattr(windows, state)
        if number or state != "unknown":
            share = number / looked_at if looked_at else 0.0
            bar = Text("█" * round(share * _BAR_WIDTH), style=style)
            table.add_row(state, f"{number:,}", f"{share:.1%}", bar)
    return table


def _template_table(plan: Plan) -> Table:
    numbers = ("template", "sender", "messages")
    columns = (*numbers, "status", "variables", "name")
    table = make_table("Templates", columns, numbers=numbers)
    for load in plan.templates:
        template = load.template
        table.add_row(
            str(load.template_id),
            str(load.sender_id),
            f"{load.message_count:,}",
            _cell(template.status if template else None),
            _variables(load, plan),
            _cell(template.name if template else None),
        )
    return table


def _variables(load: TemplateLoad, plan: Plan) -> str:
    if load.template is None:
        return "-"
    for finding in plan.findings:
        is_here = finding.facts.get("template_id") == load.template_id
        is_of_sender = finding.facts.get("sender_id") == load.sender_id
        missing = finding.kind is FindingKind.VARIABLES_MISSING
        if missing and is_here and is_of_sender:
            return f"missing in {finding.facts['count']:,}"
    return "complete"


def _obstacle_table(obstacles: Sequence[Obstacle]) -> Table:
    table = make_table("What stands in the way", ("", ""))
    table.show_header = False
    for obstacle in obstacles:
        kind, style = ("error", "red") if obstacle.status else ("warning", "yellow")
        table.add_row(Text(kind, style=style), Text(plain(obstacle.text)))
    return table


def _cell(text: str | None) -> str:
    return plain(text) if text else "-"
