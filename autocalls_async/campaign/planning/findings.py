"""What a campaign would meet: its messages held against what the service said.

Pure: no I/O, no clock, no asyncio.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from decimal import Decimal

from attrs import field, frozen

from autocalls_async.campaign.planning.manifest import Load, Manifest
from autocalls_async.campaign.planning.plan import (
    Finding,
    FindingKind,
    Plan,
    SenderLoad,
    TemplateLoad,
    WindowCounts,
    WindowOutlook,
)
from autocalls_async.campaign.planning.templates import judge_templates, template_loads
from autocalls_async.campaign.planning.words import (
    list_spots,
    make_error,
    make_warning,
    number_of,
    show_where,
)
from autocalls_async.campaign.rules.forecast import PlannedRules, full_days
from autocalls_async.model.listings import Account, Sender, Template
from autocalls_async.model.messages import Pair
from autocalls_async.model.values.masking import show_code

_BAD_QUALITY = frozenset({"YELLOW", "RED"})


@frozen(kw_only=True)
class Answers:
    """What the service said; `None` and what is missing could not be asked.

    Attributes:
        templates: Of each sender.
        windows: Of each pair of the sample.
        failures: What could not be asked.
    """

    senders: tuple[Sender, ...] | None = None
    account: Account | None = None
    templates: Mapping[int, tuple[Template, ...]] = field(factory=dict)
    windows: Mapping[Pair, WindowOutlook] = field(factory=dict)
    failures: tuple[Finding, ...] = ()


def conclude(
    manifest: Manifest,
    answers: Answers,
    *,
    price: Decimal | None,
    rules: PlannedRules,
    seconds_per_send: float,
    now: datetime,
) -> Plan:
    """Hold the messages against what the service said.

    Args:
        manifest: All the messages.
        answers: What the service said about them.
        price: Of one message.
        rules: Whom it may write to, when, and how much.
        seconds_per_send: The pace.
        now: The time.
    """
    senders = tuple(_sender_loads(manifest, answers))
    templates = tuple(template_loads(manifest, answers.templates))
    cost = _cost(manifest.message_count, price=price, most=rules.most)
    days = max((_days(load, rules) for load in senders), default=0)
    ends_at = rules.ends_at(
        now, seconds_per_send=seconds_per_send, zones=manifest.zones, days=days
    )
    return Plan(
        message_count=manifest.message_count,
        freeform_count=manifest.message_count - manifest.template_count,
        template_count=manifest.template_count,
        bad_count=manifest.bad.count,
        duplicate_count=manifest.duplicates.count,
        senders=senders,
        templates=templates,
        windows=_count_windows(manifest, answers),
        balance=_balance(answers),
        cost=cost,
        duration=(ends_at - now).total_seconds(),
        findings=tuple(_judge(manifest, answers, rules, senders, templates, cost)),
        excluded_count=manifest.excluded.count,
        begins_at=rules.begins_at(now),
        ends_at=ends_at,
    )


def _judge(
    manifest: Manifest,
    answers: Answers,
    rules: PlannedRules,
    senders: Sequence[SenderLoad],
    templates: Sequence[TemplateLoad],
    cost: Decimal | None,
) -> Iterator[Finding]:
    yield from _judge_messages(manifest)
    yield from _judge_rules(manifest, rules)
    yield from _judge_senders(senders, answers, rules)
    yield from _judge_balance(answers, cost)
    yield from _judge_windows(manifest, answers)
    yield from judge_templates(templates, manifest, answers.templates)
    yield from answers.failures


def _cost(count: int, *, price: Decimal | None, most: int | None) -> Decimal | None:
    if price is None:
        return None
    return price * (count if most is None else min(count, most))


def _judge_senders(
    loads: Sequence[SenderLoad], answers: Answers, rules: PlannedRules
) -> Iterator[Finding]:
    for load in loads:
        yield from _judge_sender(load, answers)
    for load in loads:
        yield from _judge_limit(load, rules)


def _judge_messages(manifest: Manifest) -> Iterator[Finding]:
    if not manifest.message_count:
        yield make_error(FindingKind.NO_MESSAGES, "there is no message to send")
    if bad := manifest.bad:
        text = (
            f"{number_of(bad.count)} cannot be sent ({show_where(bad)}): {bad.detail}"
        )
        yield make_error(FindingKind.BAD_MESSAGE, text, **list_spots(bad))
    if twice := manifest.duplicates:
        verb = "repeats" if twice.count == 1 else "repeat"
        text = (
            f"{number_of(twice.count)} {verb} an earlier one ({show_where(twice)}); "
            "with a journal such are skipped, without one they are sent"
        )
        yield make_warning(FindingKind.DUPLICATE, text, **list_spots(twice))
    if conflicts := manifest.conflicts:
        verb = "has" if conflicts.count == 1 else "have"
        text = (
            f"{number_of(conflicts.count)} {verb} the key of another message "
            f"({show_where(conflicts)}), such as {conflicts.detail}; a journal refuses"
            " them"
        )
        yield make_error(FindingKind.KEY_CONFLICT, text, **list_spots(conflicts))


def _sender_loads(manifest: Manifest, answers: Answers) -> Iterator[SenderLoad]:
    senders = {sender.id: sender for sender in answers.senders or ()}
    for sender_id, load in manifest.loads.items():
        falling = _falling_count(sender_id, load, answers)
        yield SenderLoad(
            sender_id=sender_id,
            message_count=load.message_count,
            recipient_count=load.recipient_count,
            outside_count=min(len(load.template_to) + falling, load.recipient_count),
            is_outside_sampled=falling > 0,
            sender=senders.get(sender_id),
        )


def _falling_count(sender_id: int, load: Load, answers: Answers) -> int:
    """Return about how many free texts will fall back, by the windows looked at."""
    seen = [o for pair, o in answers.windows.items() if pair.sender_id == sender_id]
    if not seen:
        return 0
    closed = seen.count(WindowOutlook.CLOSED)
    may_fall = min(load.fallback_count, len(load.freeform_to))
    return -(-may_fall * closed // len(seen))


def _judge_sender(load: SenderLoad, answers: Answers) -> Iterator[Finding]:
    name, sender = f"sender {load.sender_id}", load.sender
    if sender is None:
        if answers.senders is not None:
            text = f"this account has no {name}"
            yield make_error(FindingKind.SENDER_MISSING, text, sender_id=load.sender_id)
        return
    if sender.status is not None and sender.status != "online":
        text = f"{name} is not online: its status is {show_code(sender.status)}"
        yield make_error(FindingKind.SENDER_OFFLINE, text, sender_id=load.sender_id)
    quality = sender.quality_rating
    if quality is not None and quality.upper() in _BAD_QUALITY:
        text = f"the quality rating of {name} is {show_code(quality)}"
        yield make_warning(FindingKind.SENDER_QUALITY, text, sender_id=load.sender_id)


def _judge_rules(manifest: Manifest, rules: PlannedRules) -> Iterator[Finding]:
    if left_out := manifest.excluded:
        verb = "is" if left_out.count == 1 else "are"
        text = f"{number_of(left_out.count)} {verb} left out as excluded"
        text += f" ({show_where(left_out)})"
        yield make_warning(FindingKind.EXCLUDED, text, **list_spots(left_out))
    if rules.most is not None and rules.most < manifest.message_count:
        text = (
            f"at most {rules.most:,} of {number_of(manifest.message_count)} may leave"
        )
        yield make_warning(FindingKind.BOUND_SHORT, text, most=rules.most)


def _limit_of(load: SenderLoad, rules: PlannedRules) -> int | None:
    """Return how many new people a day the rules let a sender write to."""
    if rules.per_day == "auto":
        return None if load.sender is None else load.sender.messaging_limit
    return rules.per_day


def _days(load: SenderLoad, rules: PlannedRules) -> int:
    return full_days(load.outside_count, _limit_of(load, rules))


def _judge_limit(load: SenderLoad, rules: PlannedRules) -> Iterator[Finding]:
    """Hold the people outside an open window against what the sender may."""
    limit = None if load.sender is None else load.sender.messaging_limit
    if limit is None:
        return
    name = f"sender {load.sender_id}"
    shared = "a limit that all senders of its portfolio share"
    per_day, count = _limit_of(load, rules), load.outside_count
    is_spread = per_day is not None and per_day <= limit
    if is_spread or count <= limit:
        return
    people = "people outside an open window"
    about = "about " if load.is_outside_sampled else ""
    text = (
        f"{name} may write to {limit:,} {people} in 24 hours, {shared}, and shall "
        f"write to {about}{count:,}; per_day spreads them over days"
    )
    say = make_warning if load.is_outside_sampled else make_error
    facts = {"sender_id": load.sender_id, "limit": limit, "recipient_count": count}
    yield say(FindingKind.SENDER_LIMIT, text, **facts)


def _balance(answers: Answers) -> Decimal | None:
    return answers.account.total_balance if answers.account else None


def _judge_balance(answers: Answers, cost: Decimal | None) -> Iterator[Finding]:
    balance = _balance(answers)
    if balance is None:
        # An account that could not be asked is a finding of its own.
        if cost is not None and answers.account is not None:
            text = "the service did not tell the balance"
            yield make_warning(FindingKind.NOT_ASKED, text, cost=cost)
    elif cost is not None and cost > balance:
        text = f"the messages cost {cost:,}, and the balance is {balance:,}"
        yield make_error(FindingKind.BALANCE_SHORT, text, balance=balance, cost=cost)
    elif balance <= 0:
        text = f"the balance is {balance:,}"
        yield make_error(FindingKind.BALANCE_SHORT, text, balance=balance, cost=cost)


def _count_windows(manifest: Manifest, answers: Answers) -> WindowCounts:
    counts = Counter(answers.windows.values())
    return WindowCounts(
        open=counts[WindowOutlook.OPEN],
        closing=counts[WindowOutlook.CLOSING],
        closed=counts[WindowOutlook.CLOSED],
        unknown=len(manifest.sample.pairs) - sum(counts.values()),
        pair_count=sum(len(load.freeform_to) for load in manifest.loads.values()),
    )


def _judge_windows(manifest: Manifest, answers: Answers) -> Iterator[Finding]:
    """Judge the windows that are needed: the others' texts fall back."""
    needed = Counter(
        outlook
        for pair, outlook in answers.windows.items()
        if manifest.sample.pairs[pair]
    )
    asked_count = len(answers.windows)
    of_all = f"of {number_of(asked_count, 'messaging window')} looked at,"
    if closed := needed[WindowOutlook.CLOSED]:
        # Some windows are always closed; if all are, nothing would go out.
        say = make_error if closed == asked_count else make_warning
        verb = "is" if closed == 1 else "are"
        text = (
            f"{of_all} {closed:,} {verb} closed to a text that no template may replace"
        )
        yield say(
            FindingKind.WINDOWS_CLOSED, text, count=closed, asked_count=asked_count
        )
    if closing := needed[WindowOutlook.CLOSING]:
        text = f"{of_all} {closing:,} may close before the last message has left"
        yield make_warning(
            FindingKind.WINDOWS_CLOSING, text, count=closing, asked_count=asked_count
        )
