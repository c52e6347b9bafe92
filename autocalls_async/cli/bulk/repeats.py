"""What is said of rows for people who have another, or had another text.

Pure: no I/O, no clock, no asyncio.
"""

from collections.abc import Iterator, Mapping

from attrs import frozen

from autocalls_async.cli.bulk.intake.inventory import Inventory
from autocalls_async.cli.bulk.intake.notices import Lines
from autocalls_async.cli.bulk.intake.register import Choice, Fate
from autocalls_async.cli.bulk.options import Campaign
from autocalls_async.cli.choices import Changed, Repeats
from autocalls_async.cli.terminal.words import count, plain


@frozen(kw_only=True)
class Remark:
    """Something about rows of several people.

    Attributes:
        text: What it is and, where it stops the campaign, which option settles it.
        stops: Nothing is sent until it is settled.
    """

    text: str
    stops: bool = False


def choice_of(campaign: Campaign) -> Choice:
    """Return what the options decide.

    Raises:
        ValueError: They do not go together.
    """
    needs_journal = {
        "--changed": campaign.changed is not None,
        "--retry-rejected": bool(campaign.retry_rejected),
    }
    for option, is_given in needs_journal.items():
        if is_given and campaign.journal is None:
            msg = f"{option} is about what a journal holds: give --journal too"
            raise ValueError(msg)
    if campaign.repeats is Repeats.FIRST and campaign.changed is Changed.SEND:
        msg = (
            "--repeats first is for good: whoever had a message from the journal gets"
            " no other, so it does not go with --changed send"
        )
        raise ValueError(msg)
    return Choice(
        repeats=campaign.repeats,
        changed=campaign.changed,
        retried=frozenset(campaign.retry_rejected or ()),
    )


def remarks_on_repeats(found: Inventory, choice: Choice) -> Iterator[Remark]:
    """Yield which people have several rows, and what becomes of them."""
    if found.repeated.row_count and choice.repeats is None:
        yield Remark(
            text=f"{_are_for(found.repeated)} somebody who has an earlier one"
            f" ({found.repeated}); --repeats first sends each person one message,"
            " --repeats all sends every row",
            stops=True,
        )
    if found.meant.row_count and choice.repeats is not Repeats.FIRST:
        yield Remark(
            text=f"{_are_for(found.meant)} somebody who has an earlier one, with"
            f" another key ({found.meant}); all are sent"
        )


def remarks_on_fates(found: Inventory, choice: Choice) -> Iterator[Remark]:
    """Yield which rows are not sent for what others are or were."""
    fates = found.fates
    if taken := _lines(fates, Fate.KEY_TAKEN):
        text = f"{_have(taken)} the key of another message ({taken}); give each its own"
        yield Remark(text=text, stops=True)
    yield from _of_used_keys(_lines(fates, Fate.KEY_USED), choice)
    if changed := _lines(fates, Fate.CHANGED):
        yield _of_changed(changed, choice)
    yield from _of_renamed(found.renamed)
    if choice.repeats is Repeats.FIRST:
        for fate in (Fate.SAME, Fate.REPEATED):
            if left_out := _lines(fates, fate):
                text = f"left out by --repeats first: {_rows(left_out)} ({left_out})"
                yield Remark(text=text)
    if found.unmet:
        yield Remark(text=_unmet(found))
    if choice.repeats is Repeats.ALL and (same := _lines(fates, Fate.SAME)):
        text = (
            f"{_have(same)} the key and content of an earlier one ({same}); sent once"
        )
        yield Remark(text=text)


def _of_used_keys(used: Lines | None, choice: Choice) -> Iterator[Remark]:
    if used is None:
        return
    if choice.changed is Changed.SKIP:
        yield Remark(text=f"left out by --changed skip: {_rows(used)} ({used})")
        return
    text = (
        f"{_have(used)} the key of a message that somebody had, or may have had, with"
        f" another content ({used}); --changed skip leaves them out, another key"
        " makes another message"
    )
    yield Remark(text=text, stops=True)


def _of_changed(changed: Lines, choice: Choice) -> Remark:
    if choice.changed is Changed.SKIP:
        return Remark(text=f"left out by --changed skip: {_rows(changed)} ({changed})")
    return Remark(
        text=f"{_are_for(changed)} somebody who had, or may have had, another text from"
        f" this journal ({changed}); --changed skip sends only to those who had none,"
        " --changed send to all",
        stops=True,
    )


def _of_renamed(renamed: Lines) -> Iterator[Remark]:
    if renamed.row_count:
        text = (
            f"{_have(renamed)} what somebody had, or may have had, from this journal"
            f" by a key that is in no row now ({renamed}); all are sent: --changed skip"
            " leaves them out"
        )
        yield Remark(text=text)


def _unmet(found: Inventory) -> str:
    """Return which reasons to retry there are none of, and which there are."""
    told = [f"{plain(name)} ({n:,})" for name, n in found.reasons.most_common(3)]
    known = f"there are: {', '.join(told)}" if told else "none was rejected"
    reasons = ", ".join(map(plain, found.unmet))
    return f"no row was rejected for --retry-rejected {reasons}; {known}"


def _lines(fates: Mapping[Fate, Lines], fate: Fate) -> Lines | None:
    lines = fates.get(fate)
    return lines if lines and lines.row_count else None


def _rows(lines: Lines) -> str:
    return count(lines.row_count, "row")


def _are_for(lines: Lines) -> str:
    return f"{_rows(lines)} {'is' if lines.row_count == 1 else 'are'} for"


def _have(lines: Lines) -> str:
    return f"{_rows(lines)} {'has' if lines.row_count == 1 else 'have'}"
