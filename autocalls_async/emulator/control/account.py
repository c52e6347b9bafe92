"""Calls that turn the account, its senders and templates, and what goes wrong."""

from typing import Any

from attrs import evolve

from autocalls_async.emulator.answers import JsonObject
from autocalls_async.emulator.control.calls import CALLS, Asked, Desk
from autocalls_async.emulator.control.fields import Field, Type, WrongError
from autocalls_async.emulator.faults import Endpoint
from autocalls_async.emulator.state import Template
from autocalls_async.emulator.world import shapes

_STATUS = Field(type=Type.TEXT, about="Such as `online` or `offline`.")
_TEMPLATE_FIELDS = {
    "name": Field(type=Type.TEXT, about="Its name."),
    "body": Field(type=Type.TEXT, about="Its text, with places such as {{1}}."),
    "status": Field(type=Type.TEXT, about="`approved`, `pending`, `rejected`, ..."),
    "language": Field(type=Type.TEXT, about="Such as `en`."),
    "category": Field(type=Type.TEXT, about="`utility`, `marketing`, ..."),
    "variables": Field(type=Type.TEXTS, about="The names of its places, in order."),
    "sender_id": Field(type=Type.INTEGER, about="The one sender that has it."),
}
_WHOLE_TEMPLATE = {
    name: evolve(each, required=name in {"name", "body"})
    for name, each in _TEMPLATE_FIELDS.items()
}
_MONEY = Field(type=Type.MONEY, about="As text or number.", minimum=0)


@CALLS.add("GET", "account", "Whose account it is, and its money.", answer="Account")
def account(desk: Desk, _: Asked) -> JsonObject:
    """Return the account."""
    return shapes.account(desk.box.world.tenant)


@CALLS.add(
    "PATCH",
    "account",
    "Change the balance, or the price of a message.",
    body={"balance": _MONEY, "cost": _MONEY},
    answer="Account",
)
def set_account(desk: Desk, asked: Asked) -> JsonObject:
    """Change the money."""
    tenant = desk.box.world.tenant
    tenant.balance = asked.body.get("balance", tenant.balance)
    tenant.cost = asked.body.get("cost", tenant.cost)
    desk.box.turned()
    return shapes.account(tenant)


@CALLS.add("GET", "senders", "The account's senders.", answer="Senders")
def senders(desk: Desk, _: Asked) -> JsonObject:
    """Return the senders."""
    held = desk.box.world.tenant.senders.values()
    return {"senders": [shapes.sender(each) for each in held]}


@CALLS.add(
    "PATCH",
    "senders/{id}",
    "Change a sender: let it go offline, be suspended, ...",
    body={
        "status": _STATUS,
        "name": Field(type=Type.TEXT, about="Its display name."),
        "quality": Field(
            type=Type.TEXT, about="Its rating.", choices=("GREEN", "YELLOW", "RED")
        ),
    },
    answer="Sender",
)
def set_sender(desk: Desk, asked: Asked) -> JsonObject:
    """Change a sender."""
    tenant = desk.box.world.tenant
    sender = tenant.senders.get(asked.path["id"])
    if sender is None:
        raise _no_sender(asked)
    names = {"status": "status", "name": "display_name", "quality": "quality_rating"}
    changes: dict[str, Any] = {names[n]: value for n, value in asked.body.items()}
    tenant.add_sender(evolve(sender, **changes))
    desk.box.turned()
    return shapes.sender(tenant.senders[sender.id])


@CALLS.add("GET", "templates", "The account's templates.", answer="Templates")
def templates(desk: Desk, _: Asked) -> JsonObject:
    """Return the templates."""
    held = desk.box.world.tenant.templates.values()
    return {"templates": [shapes.template(each) for each in held]}


@CALLS.add(
    "PUT",
    "templates/{id}",
    "Add a template, or put it in place of the one with this id.",
    body=_WHOLE_TEMPLATE,
    answer="Template",
)
def put_template(desk: Desk, asked: Asked) -> JsonObject:
    """Add a template."""
    template = Template(id=asked.path["id"], **_as_template(asked.body))
    return _take(desk, template)


@CALLS.add(
    "PATCH",
    "templates/{id}",
    "Change a template: let it be paused, rejected, ...",
    body=_TEMPLATE_FIELDS,
    answer="Template",
)
def set_template(desk: Desk, asked: Asked) -> JsonObject:
    """Change a template."""
    template = desk.box.world.tenant.templates.get(asked.path["id"])
    if template is None:
        raise _no_template(asked)
    return _take(desk, evolve(template, **_as_template(asked.body)))


@CALLS.add("GET", "faults", "What is planned to go wrong.", answer="Faults")
def faults(desk: Desk, _: Asked) -> JsonObject:
    """Return the faults that are planned."""
    return _faults(desk)


@CALLS.add(
    "POST",
    "faults",
    "Let the next requests fail; of several faults that fit, the first strikes.",
    body={
        "fault": Field(
            type=Type.TEXT,
            about="What happens.",
            required=True,
            choices=shapes.FAULT_KINDS,
        ),
        "count": Field(
            type=Type.INTEGER,
            about="To how many requests.",
            default=1,
            minimum=1,
            maximum=1_000_000,
        ),
        "endpoint": Field(
            type=Type.TEXT, about="Of this alone.", choices=tuple(Endpoint)
        ),
        "status": Field(
            type=Type.INTEGER,
            about="What `refuse` answers.",
            default=500,
            minimum=400,
            maximum=599,
        ),
        "seconds": Field(
            type=Type.NUMBER,
            about="How late a `delay` is.",
            default=2.0,
            minimum=0,
            maximum=3600,
        ),
        "after_acting": Field(
            type=Type.BOOLEAN,
            about="Let `delay` and `stall` strike once the service has acted.",
        ),
    },
    answer="Faults",
)
def add_fault(desk: Desk, asked: Asked) -> JsonObject:
    """Plan a fault."""
    body = asked.body
    fault = shapes.make_fault(
        body["fault"],
        status=body["status"],
        seconds=body["seconds"],
        after_acting=body.get("after_acting", False),
    )
    endpoint = Endpoint(body["endpoint"]) if "endpoint" in body else None
    desk.box.world.plan.add(body["count"], fault, endpoint=endpoint)
    desk.box.turned()
    return _faults(desk)


@CALLS.add("DELETE", "faults", "Let nothing fail any more.", answer="Faults")
def clear_faults(desk: Desk, _: Asked) -> JsonObject:
    """Forget all faults."""
    desk.box.world.plan.clear()
    desk.box.turned()
    return _faults(desk)


def _faults(desk: Desk) -> JsonObject:
    return {"faults": desk.box.telling.faults(), "kinds": list(shapes.FAULT_KINDS)}


def _as_template(body: dict[str, Any]) -> dict[str, Any]:
    changes = dict(body)
    if "body" in changes:
        changes["body_text"] = changes.pop("body")
    return changes


def _take(desk: Desk, template: Template) -> JsonObject:
    desk.box.world.tenant.add_template(template)
    desk.box.turned()
    return shapes.template(template)


def _no_sender(asked: Asked) -> WrongError:
    return WrongError(f"there is no sender {asked.path['id']}", "id", 404)


def _no_template(asked: Asked) -> WrongError:
    return WrongError(f"there is no template {asked.path['id']}", "id", 404)
