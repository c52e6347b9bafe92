"""A picture of a campaign that was not sent: what it is, and what it would meet.

Pure: no clock, no asyncio; what is drawn goes to the screen that is given.
"""

from collections.abc import Iterator, Sequence

from rich.table import Table
from rich.text import Text

from autocalls_async.campaign.planning.plan import (
    FindingKind,
    Plan,
    SenderLoad,
    TemplateLoad,
    WindowCounts,
)
from autocalls_async.cli.bulk.intake.inventory import Inventory
from autocalls_async.cli.bulk.options import Campaign
from autocalls_async.cli.bulk.rehearsal.obstacles import Obstacle
from autocalls_async.cli.terminal.screen import Screen
from autocalls_async.cli.terminal.tables import fact_table, make_table
from autocalls_async.cli.terminal.words import (
    count,
    duration,
    plain,
    printable,
    show_time,
)
from autocalls_async.model.listings import Sender

_BAR_WIDTH = 24

_STYLES = {"open": "green", "closing": "yellow", "closed": "red", "unknown": "magenta"}


def draw(
    found: Inventory,
    campaign: Campaign,
    screen: Screen,
    obstacles: Sequence[Obstacle] = (),
) -> None:
    """Draw what is known, and what stands in the way last."""
    title = f"Dry run of {campaign.file}: nothing was sent"
    screen.show(fact_table(title, _facts(found, campaign)))
    if plan := found.plan:
        screen.show(_sender_table(plan.senders))
        if plan.freeform_count:
            screen.show(_window_table(plan.windows))
        if plan.templates:
            screen.show(_template_table(plan))
    if found.first:
        screen.show(_first_table(found))
    if obstacles:
        screen.show(_obstacle_table(obstacles))
    screen.say()


def _facts(found: Inventory, campaign: Campaign) -> Iterator[tuple[str, object]]:
    plan = found.plan
    bad = f", {found.bad_count:,} of them bad" if found.bad_count else ", none bad"
    yield "rows", f"{found.row_count:,}{bad}"
    if plan is None:
        return
    yield "to send", _kinds(plan, campaign)
    yield "repeated", _repeated(found)
    yield "time", _time(plan, campaign)
    if plan.excluded_count:
        yield "left out", f"{count(plan.excluded_count, 'row')}, as excluded"
    yield "balance", "not known" if plan.balance is None else f"{plan.balance:,}"
    if plan.cost is not None:
        yield "cost", f"{plan.cost:,} at {campaign.price} each"


def _time(plan: Plan, campaign: Campaign) -> str:
    about = f"about {duration(max(plan.duration, 1.0))} at {campaign.rate} a second"
    rules = campaign.rules
    is_ruled = rules.hours is not None or rules.at is not None or rules.per_day
    if not is_ruled or plan.begins_at is None or plan.ends_at is None:
        return about
    begins, ends = show_time(plan.begins_at), show_time(plan.ends_at)
    return f"from {begins} until about {ends}, by the rules"


def _kinds(plan: Plan, campaign: Campaign) -> str:
    if plan.template_count:
        messages = count(plan.template_count, "message")
        which = {load.template_id for load in plan.templates}
        which_one = f"template {which.pop()}" if len(which) == 1 else "templates"
        return f"{messages} by {which_one}"
    texts = count(plan.freeform_count, "free text")
    if campaign.fallback_template is None:
        return texts
    return (
        f"{texts}, or template {campaign.fallback_template} where the window is closed"
    )


def _repeated(found: Inventory) -> str:
    number = found.repeated.row_count + found.meant.row_count
    return f"{count(number, 'row')} for somebody listed before" if number else "none"


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


def _first_table(found: Inventory) -> Table:
    several = len(found.first) > 1
    title = (
        "The first messages as they will arrive"
        if several
        else ("The first message as it will arrive")
    )
    table = make_table(title, ("line", "recipient", "text"), numbers=("line",))
    for row in found.first:
        text = Text("\n".join(map(printable, found.text_of(row).split("\n"))))
        table.add_row(str(row.line_number), row.message().recipient_phone, text)
    return table


def _cell(text: str | None) -> str:
    return plain(text) if text else "-"
