"""Templates of a campaign: what messages give them, held against what they take.

Pure: no I/O, no clock, no asyncio.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TypeAlias

from autocalls_async.campaign.planning.manifest import Manifest, Shape, Spots
from autocalls_async.campaign.planning.plan import Finding, FindingKind, TemplateLoad
from autocalls_async.campaign.planning.words import (
    list_spots,
    make_error,
    make_warning,
    number_of,
    show_where,
)
from autocalls_async.model.listings import Template
from autocalls_async.model.values.masking import show_code

_PLACEHOLDER = re.compile(r"\{\{\s*(\w+)\s*\}\}")

Listings: TypeAlias = Mapping[int, tuple[Template, ...]]
"""The templates of each sender that could be asked."""


def template_loads(manifest: Manifest, listings: Listings) -> Iterator[TemplateLoad]:
    """Yield what each template has to carry."""
    for (sender_id, template_id), shapes in manifest.shapes.items():
        known = {t.id: t for t in listings.get(sender_id, ())}
        yield TemplateLoad(
            sender_id=sender_id,
            template_id=template_id,
            message_count=sum(spots.count for spots in shapes.values()),
            template=known.get(template_id),
        )


def judge_templates(
    loads: Iterable[TemplateLoad], manifest: Manifest, listings: Listings
) -> Iterator[Finding]:
    """Yield what is wrong with templates, or with what is given to them."""
    for load in loads:
        yield from _judge_template(load, manifest, listings)


def _judge_template(
    load: TemplateLoad, manifest: Manifest, listings: Listings
) -> Iterator[Finding]:
    name, template = f"template {load.template_id}", load.template
    facts = {"sender_id": load.sender_id, "template_id": load.template_id}
    if template is None:
        if load.sender_id in listings:
            text = f"sender {load.sender_id} has no {name}"
            yield make_error(FindingKind.TEMPLATE_MISSING, text, **facts)
        return
    if template.status is not None and template.status != "approved":
        text = f"{name} is not approved: its status is {show_code(template.status)}"
        yield make_error(FindingKind.TEMPLATE_UNAPPROVED, text, **facts)
    slots = slots_of(template)
    if slots is not None:
        shapes = manifest.shapes[load.sender_id, load.template_id]
        yield from _judge_variables(slots, shapes, facts)


def slots_of(template: Template) -> tuple[frozenset[str], ...] | None:
    """Return the names that each variable of a template may have.

    The API takes a variable by its number or by its name.

    Returns:
        `None` where the service does not say what variables there are.

    Source: API reference, "templates" and "send template".
    """
    if template.variables:
        names = enumerate(template.variables, start=1)
        return tuple(frozenset({str(number), name}) for number, name in names)
    if template.body_text is None:
        return () if template.has_variables is False else None
    tokens = dict.fromkeys(_PLACEHOLDER.findall(template.body_text))
    if template.has_variables and not tokens:
        return None
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
        text = f"{number_of(spots.count)} without a text for {what} of {name}"
        kind = FindingKind.VARIABLES_MISSING
        yield make_error(
            kind, f"{text} ({show_where(spots)})", **facts, **list_spots(spots)
        )
    if spots := _merge(shapes, lambda shape: shape.blank & known):
        text = f"{number_of(spots.count)} with a blank text for a variable of {name}"
        kind = FindingKind.VARIABLES_BLANK
        yield make_warning(
            kind, f"{text} ({show_where(spots)})", **facts, **list_spots(spots)
        )
    if spots := _merge(shapes, lambda shape: shape.names - known):
        text = f"{number_of(spots.count)} with variables that {name} does not have"
        kind = FindingKind.VARIABLES_SUPERFLUOUS
        yield make_warning(
            kind, f"{text} ({show_where(spots)})", **facts, **list_spots(spots)
        )


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
    return " ".join((f"variable {number}", *(f"({show_code(n)})" for n in name)))
