"""What people are told of an inventory before anything is sent."""

from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path

from autocalls_async.cli.bulk.intake.inventory import Inventory
from autocalls_async.cli.bulk.intake.register import Conflict
from autocalls_async.cli.bulk.options import Campaign
from autocalls_async.cli.bulk.repeats import Remark
from autocalls_async.cli.journal.tally import ORDER
from autocalls_async.cli.rows.reader import BadRow
from autocalls_async.cli.terminal.failures import CommandError
from autocalls_async.cli.terminal.screen import Screen
from autocalls_async.cli.terminal.words import count, plain
from autocalls_async.journal import State
from autocalls_async.journal.entry import MAY_LEAVE
from autocalls_async.journal.keys import show_key


def tell_bad_row(row: BadRow, campaign: Campaign, screen: Screen) -> None:
    """Name a row that cannot be sent."""
    screen.warn(f"{campaign.file}, line {row.line_number}: {row.reason}")


def tell_conflict(conflict: Conflict, campaign: Campaign, screen: Screen) -> None:
    """Name a row whose key stands for another message."""
    reason = _describe_conflict(conflict)
    screen.warn(f"{campaign.file}, line {conflict.line_number}: {reason}")


def _describe_conflict(conflict: Conflict) -> str:
    """Return what is wrong with a row's key."""
    if conflict.first_line is None:
        return (
            f"message {show_key(conflict.key)} is in the journal with other content;"
            " give it another key, or use another journal"
        )
    return (
        f"its key {show_key(conflict.key)} is that of line {conflict.first_line}, "
        "and they are not the same message; give it another one"
    )


def tell_remarks(remarks: Iterable[Remark], campaign: Campaign, screen: Screen) -> None:
    """Say what becomes of rows for people who have another, or had one.

    Raises:
        CommandError: It stops the campaign; the last of the reasons.
    """
    stopping = []
    for remark in remarks:
        if remark.stops:
            stopping.append(f"{campaign.file}: {remark.text}")
        else:
            screen.say(plain(remark.text))
    for text in stopping[:-1]:
        screen.warn(f"autocalls: {text}")
    if stopping:
        msg = f"{stopping[-1]}; nothing was sent"
        raise CommandError(msg)


def problem_of(found: Inventory, campaign: Campaign) -> str | None:
    """Return why this file cannot be sent; `None` if it can."""
    if found.bad_count and not campaign.skip_bad:
        problems = [str(found.unsettled)] if found.unsettled.row_count else []
        if found.mendable_count:
            problems.append(_mendable(found))
        return f"{campaign.file}: {'; '.join(problems)}"
    if not found.good_count:
        return f"{campaign.file}: there is no row that can be sent"
    return None


def _mendable(found: Inventory) -> str:
    rows = count(found.row_count, "row")
    named = sum(not row.settled_by for row in found.bad_rows)
    more = found.mendable_count - named
    hint = f" ({more:,} more than are named here; --dry-run names all)"
    mend = "mend them, or give --skip-bad to send the rest"
    return (
        f"{found.mendable_count:,} of {rows} cannot be sent"
        f"{hint if more else ''}; {mend if found.good_count else 'mend them'}"
    )


def tell_notices(found: Inventory, campaign: Campaign, screen: Screen) -> None:
    """Say what to look at, and which rows are left out until they are settled."""
    if campaign.skip_bad and found.unsettled.row_count:
        screen.warn(f"{campaign.file}: left out: {found.unsettled}")
    for warning in found.warnings:
        screen.warn(warning)
    for notice in found.notices:
        screen.warn(f"{campaign.file}: {notice}")


def show_numbers(found: Inventory, screen: Screen) -> None:
    """Show how numbers were read; whole, since their owner shall check them."""
    if not found.normalised_count:
        return
    numbers = count(found.normalised_count, "number")
    more = found.normalised_count - len(found.normalised)
    screen.say(f"{numbers} normalised{', such as' if more else ''}:")
    for row in found.normalised:
        number = row.message.recipient_phone
        screen.say(f"  line {row.line_number}: {plain(row.given_phone)} is {number}")


def describe_standing(found: Inventory, *, file: str, journal: Path) -> Iterator[str]:
    """Yield what the journal holds, and what will be sent."""
    if found.held:
        held = count(found.held.total(), "message")
        yield f"journal {journal} holds {held}: {state_counts(found.held)}"
    else:
        yield f"journal {journal} is new"
    if found.lost_count:
        verb = "was" if found.lost_count == 1 else "were"
        yield (
            f"{found.lost_count:,} of the unknown {verb} under way when the last "
            "run ended"
        )
    before = found.states.copy()
    for state in MAY_LEAVE:
        del before[state]
    not_again = f"; not sent again: {state_counts(before)}" if before else ""
    total = count(found.total, "message")
    yield f"{found.to_send_count:,} of {total} in {file} will be sent{not_again}"
    if found.retried_count:
        retried = count(found.retried_count, "message")
        verb = "was" if found.retried_count == 1 else "were"
        yield f"{retried} of them {verb} rejected before"
    if found.other_count:
        others = count(found.other_count, "message")
        yield f"in the journal but in no row here: {others}"


def state_counts(counts: Counter[State]) -> str:
    """Return how many are in each state: `118 accepted, 2 rejected`."""
    shown = [(counts[state], state) for state in ORDER if counts[state]]
    return ", ".join(f"{number:,} {state.value}" for number, state in shown)
