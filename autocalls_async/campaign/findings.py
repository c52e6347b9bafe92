"""What a campaign would meet: its messages held against what the service said.

Pure: no I/O, no clock, no asyncio.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal

from attrs import field, frozen

from autocalls_async.campaign.manifest import Manifest, Shape, Spots
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
from autocalls_async.model.answers import Account, Sender, Template
from autocalls_async.model.frozen import FrozenDict
from autocalls_async.model.masking import show_code
from autocalls_async.model.messages import Pair

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
    manifest: Manifest, answers: Answers, *, price: Decimal | None, duration: float
) -> Plan:
    """Hold the messages against what the service said.

    Args:
        manifest: All the messages.
        answers: What the service said about them.
        price: Of one message.
        duration: Seconds that all will take.
    """
    senders = tuple(_sender_loads(manifest, answers))
    templates = tuple(_template_loads(manifest, answers))
    cost = None if price is None else price * manifest.message_count
    findings = (
        *_judge_messages(manifest),
        *(f for load in senders for f in _judge_sender(load, answers)),
        *_judge_balance(answers, cost),
        *_judge_windows(manifest, answers),
        *(f for load in templates for f in _judge_template(load, manifest, answers)),
        *answers.failures,
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
        duration=duration,
        findings=findings,
    )


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
        yield SenderLoad(
            sender_id=sender_id,
            message_count=load.message_count,
            recipient_count=load.recipient_count,
            sender=senders.get(sender_id),
        )


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
    limit = sender.messaging_limit
    if limit is not None and load.recipient_count > limit:
        text = (
            f"{name} may write to {_number_of(limit, 'recipient')} in 24 hours, and "
            f"shall write to {load.recipient_count:,}"
        )
        yield _error(
            FindingKind.SENDER_LIMIT,
            text,
            sender_id=load.sender_id,
            limit=limit,
            recipient_count=load.recipient_count,
        )


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
        what = ", ".join(map(_show_slot, lacking))
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


def _show_slot(slot: frozenset[str]) -> str:
    """Name a variable by its number, and by its name where it has one."""
    number, *name = sorted(slot, key=lambda known: not known.isdigit())
    return f"variable {number}" + "".join(f" ({_show(known)})" for known in name)
