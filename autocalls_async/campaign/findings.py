"""What a campaign would meet: its messages held against what the service said.

Pure: no I/O, no clock, no asyncio.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from decimal import Decimal

from attrs import field, frozen

from autocalls_async.campaign.manifest import Load, Manifest, Shape, Spots
from autocalls_async.campaign.plan import (
    Finding,
    FindingKind,
    Plan,
    SenderLoad,
    Severity,
    TemplateLoad,
    WindowCounts,
    WindowOutlook,
    name_messages,
)
from autocalls_async.campaign.rules.forecast import PlannedRules, full_days
from autocalls_async.model.answers import Account, Sender, Template
from autocalls_async.model.messages import Pair
from autocalls_async.model.values.frozen import FrozenDict
from autocalls_async.model.values.masking import show_code

_PLACEHOLDER = re.compile(r"\{\{\s*(\w+)\s*\}\}")
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
    templates = tuple(_template_loads(manifest, answers))
    cost = _cost(manifest.message_count, price=price, most=rules.most)
    days = max((_days(load, rules) for load in senders), default=0)
    zones = manifest.zones
    ends_at = rules.ends_at(
        now, seconds_per_send=seconds_per_send, zones=zones, days=days
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
        findings=(
            *_judge_messages(manifest),
            *_judge_rules(manifest, rules),
            *_judge_senders(senders, answers, rules),
            *_judge_balance(answers, cost),
            *_judge_windows(manifest, answers),
            *_judge_templates(templates, manifest, answers),
            *answers.failures,
        ),
        excluded_count=manifest.excluded.count,
        begins_at=rules.begins_at(now),
        ends_at=ends_at,
    )


def _cost(count: int, *, price: Decimal | None, most: int | None) -> Decimal | None:
    return None if price is None else price * min(count, most or count)


def _judge_senders(
    loads: Sequence[SenderLoad], answers: Answers, rules: PlannedRules
) -> Iterator[Finding]:
    for load in loads:
        yield from _judge_sender(load, answers)
    for load in loads:
        yield from _judge_limit(load, rules)


def _judge_templates(
    loads: Iterable[TemplateLoad], manifest: Manifest, answers: Answers
) -> Iterator[Finding]:
    for load in loads:
        yield from _judge_template(load, manifest, answers)


def not_asked(subject: str, error: Exception, **facts: object) -> Finding:
    """Say that a question got no answer, and what happened."""
    text = f"{subject} could not be asked: {error}"
    return _warning(FindingKind.NOT_ASKED, text, **facts)


def _error(kind: FindingKind, text: str, **facts: object) -> Finding:
    severity = Severity.ERROR
    return Finding(kind=kind, severity=severity, text=text, facts=FrozenDict(facts))


def _warning(kind: FindingKind, text: str, **facts: object) -> Finding:
    severity = Severity.WARNING
    return Finding(kind=kind, severity=severity, text=text, facts=FrozenDict(facts))


def _number_of(count: int, noun: str = "message") -> str:
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def _where(spots: Spots) -> str:
    return name_messages(spots.positions, count=spots.count)


def _facts(spots: Spots) -> dict[str, object]:
    return {"count": spots.count, "positions": tuple(spots.positions)}


def _judge_messages(manifest: Manifest) -> Iterator[Finding]:
    if not manifest.message_count:
        yield _error(FindingKind.NO_MESSAGES, "there is no message to send")
    if bad := manifest.bad:
        text = f"{_number_of(bad.count)} cannot be sent ({_where(bad)}): {bad.detail}"
        yield _error(FindingKind.BAD_MESSAGE, text, **_facts(bad))
    if twice := manifest.duplicates:
        verb = "repeats" if twice.count == 1 else "repeat"
        text = (
            f"{_number_of(twice.count)} {verb} an earlier one ({_where(twice)}); with "
            "a journal such are skipped, without one they are sent"
        )
        yield _warning(FindingKind.DUPLICATE, text, **_facts(twice))
    if conflicts := manifest.conflicts:
        verb = "has" if conflicts.count == 1 else "have"
        text = (
            f"{_number_of(conflicts.count)} {verb} the key of another message "
            f"({_where(conflicts)}), such as {conflicts.detail}; a journal refuses them"
        )
        yield _error(FindingKind.KEY_CONFLICT, text, **_facts(conflicts))


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
    if not load.fallback_count or not seen:
        return 0
    closed = seen.count(WindowOutlook.CLOSED)
    may_fall = min(load.fallback_count, len(load.freeform_to))
    return -(-may_fall * closed // len(seen))


def _judge_sender(load: SenderLoad, answers: Answers) -> Iterator[Finding]:
    name, sender = f"sender {load.sender_id}", load.sender
    if sender is None:
        if answers.senders is not None:
            text = f"this account has no {name}"
            yield _error(FindingKind.SENDER_MISSING, text, sender_id=load.sender_id)
        return
    if sender.status not in {None, "online"}:
        text = f"{name} is not online: its status is {_show(sender.status)}"
        yield _error(FindingKind.SENDER_OFFLINE, text, sender_id=load.sender_id)
    if (sender.quality_rating or "").upper() in _BAD_QUALITY:
        text = f"the quality rating of {name} is {_show(sender.quality_rating)}"
        yield _warning(FindingKind.SENDER_QUALITY, text, sender_id=load.sender_id)


def _judge_rules(manifest: Manifest, rules: PlannedRules) -> Iterator[Finding]:
    if left_out := manifest.excluded:
        verb = "is" if left_out.count == 1 else "are"
        text = f"{_number_of(left_out.count)} {verb} left out as excluded"
        text += f" ({_where(left_out)})"
        yield _warning(FindingKind.EXCLUDED, text, **_facts(left_out))
    if rules.most is not None and rules.most < manifest.message_count:
        text = (
            f"at most {rules.most:,} of {_number_of(manifest.message_count)} may leave"
        )
        yield _warning(FindingKind.BOUND_SHORT, text, most=rules.most)


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
    say = _warning if load.is_outside_sampled else _error
    facts = {"sender_id": load.sender_id, "limit": limit, "recipient_count": count}
    yield say(FindingKind.SENDER_LIMIT, text, **facts)


def _show(code: str | None) -> str:
    return show_code(code or "")


def _balance(answers: Answers) -> Decimal | None:
    return answers.account.total_balance if answers.account else None


def _judge_balance(answers: Answers, cost: Decimal | None) -> Iterator[Finding]:
    balance = _balance(answers)
    if balance is None:
        # An account that could not be asked is a finding of its own.
        if cost is not None and answers.account is not None:
            text = "the service did not tell the balance"
            yield _warning(FindingKind.NOT_ASKED, text, cost=cost)
    elif cost is not None and cost > balance:
        text = f"the messages cost {cost:,}, and the balance is {balance:,}"
        yield _error(FindingKind.BALANCE_SHORT, text, balance=balance, cost=cost)
    elif balance <= 0:
        text = f"the balance is {balance:,}"
        yield _error(FindingKind.BALANCE_SHORT, text, balance=balance, cost=cost)


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
    of_all = f"of {_number_of(asked_count, 'messaging window')} looked at,"
    if closed := needed[WindowOutlook.CLOSED]:
        # Some windows are always closed; if all are, nothing would go out.
        say = _error if closed == asked_count else _warning
        verb = "is" if closed == 1 else "are"
        text = f"{of_all} {closed:,} {verb} closed to a text that has no fallback left"
        yield say(
            FindingKind.WINDOWS_CLOSED, text, count=closed, asked_count=asked_count
        )
    if closing := needed[WindowOutlook.CLOSING]:
        text = f"{of_all} {closing:,} may close before the last message has left"
        yield _warning(
            FindingKind.WINDOWS_CLOSING, text, count=closing, asked_count=asked_count
        )


def _template_loads(manifest: Manifest, answers: Answers) -> Iterator[TemplateLoad]:
    for (sender_id, template_id), shapes in manifest.shapes.items():
        known = {t.id: t for t in answers.templates.get(sender_id, ())}
        yield TemplateLoad(
            sender_id=sender_id,
            template_id=template_id,
            message_count=sum(spots.count for spots in shapes.values()),
            template=known.get(template_id),
        )


def _judge_template(
    load: TemplateLoad, manifest: Manifest, answers: Answers
) -> Iterator[Finding]:
    name, template = f"template {load.template_id}", load.template
    facts = {"sender_id": load.sender_id, "template_id": load.template_id}
    if template is None:
        if load.sender_id in answers.templates:
            text = f"sender {load.sender_id} has no {name}"
            yield _error(FindingKind.TEMPLATE_MISSING, text, **facts)
        return
    if template.status not in {None, "approved"}:
        text = f"{name} is not approved: its status is {_show(template.status)}"
        yield _error(FindingKind.TEMPLATE_UNAPPROVED, text, **facts)
    slots = slots_of(template)
    if slots is not None:
        shapes = manifest.shapes[load.sender_id, load.template_id]
        yield from _judge_variables(slots, shapes, facts)


def slots_of(template: Template) -> tuple[frozenset[str], ...] | None:
    """Give the names that each variable of a template may have.

    The API takes a variable by its number or by its name.

    Returns:
        `None` where the service does not say what variables there are.

    Source: API reference, "templates" and "send template".
    """
    if template.variables:
        names = enumerate(template.variables, start=1)
        return tuple(frozenset({str(number), name}) for number, name in names)
    tokens = dict.fromkeys(_PLACEHOLDER.findall(template.body_text or ""))
    if not tokens and (template.has_variables or template.body_text is None):
        return () if template.has_variables is False else None
    return tuple(
        frozenset({token} if token.isdigit() else {token, str(number)})
        for number, token in enumerate(tokens, start=1)
    )


def _judge_variables(
    slots: tuple[frozenset[str], ...],
    shapes: Mapping[Shape, Spots],
    facts: Mapping[str, object],
) -> Iterator[Finding]:
    name = f"template {facts['template_id']}"
    known = frozenset[str]().union(*slots)
    lacking = [s for s in slots if any(shape.names.isdisjoint(s) for shape in shapes)]
    if lacking:
        spots = _merge(shapes, lambda shape: any(map(shape.names.isdisjoint, slots)))
        what = ", ".join(map(show_slot, lacking))
        text = f"{_number_of(spots.count)} without a text for {what} of {name}"
        kind = FindingKind.VARIABLES_MISSING
        yield _error(kind, f"{text} ({_where(spots)})", **facts, **_facts(spots))
    if spots := _merge(shapes, lambda shape: shape.blank & known):
        text = f"{_number_of(spots.count)} with a blank text for a variable of {name}"
        kind = FindingKind.VARIABLES_BLANK
        yield _warning(kind, f"{text} ({_where(spots)})", **facts, **_facts(spots))
    if spots := _merge(shapes, lambda shape: shape.names - known):
        text = f"{_number_of(spots.count)} with variables that {name} does not have"
        kind = FindingKind.VARIABLES_SUPERFLUOUS
        yield _warning(kind, f"{text} ({_where(spots)})", **facts, **_facts(spots))


def _merge(shapes: Mapping[Shape, Spots], choose: Callable[[Shape], object]) -> Spots:
    """Note the messages whose shape is chosen."""
    chosen = Spots()
    for shape, spots in shapes.items():
        if choose(shape):
            chosen.merge(spots)
    return chosen


def show_slot(slot: frozenset[str]) -> str:
    """Name a variable by its number, and by its name where it has one."""
    number, *name = sorted(slot, key=lambda known: not known.isdigit())
    return f"variable {number}" + "".join(f" ({_show(known)})" for known in name)
