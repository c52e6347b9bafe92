"""Calls that look: the state, messages, requests, callouts, limits, events, waits."""

import asyncio
import json
from collections.abc import Callable, Iterable
from typing import Any

from autocalls_async.emulator.answers import JsonObject
from autocalls_async.emulator.control.calls import CALLS, Asked, Desk
from autocalls_async.emulator.control.fields import Field, Type, WrongError
from autocalls_async.emulator.sandbox.box import Sandbox
from autocalls_async.emulator.world import shapes
from autocalls_async.emulator.world.history import Side, page_after, page_before
from autocalls_async.emulator.world.receipts import STATUSES
from autocalls_async.emulator.world.requests import mask_key

_SHOWN = 200
_LIMIT_SECONDS = 10.0

_PHONE = Field(type=Type.PHONE, about="Of this customer alone.")
_SENDER = Field(type=Type.INTEGER, about="Of this sender alone.")
_LIMIT = Field(
    type=Type.INTEGER, about="At most so many.", default=200, minimum=1, maximum=1000
)
_AFTER_ID = Field(type=Type.INTEGER, about="Those with a higher id.", default=0)
_LIST = {"after": _AFTER_ID, "limit": _LIMIT}


@CALLS.add("GET", "state", "All that a page shows at first.", answer="State")
def state(desk: Desk, _: Asked) -> JsonObject:
    """Return the state that the events after `seq` change."""
    box, tenant = desk.box, desk.box.world.tenant
    key = desk.app.api_key
    return {
        "seq": box.feed.seq,
        "run": box.feed.run,
        **shapes.clock(box.world.clock),
        "base_url": desk.base_url(),
        "api_key": None if key is None else mask_key(key),
        "keep": box.settings.keep,
        **box.shown_settings(),
        "account": shapes.account(tenant),
        "senders": [shapes.sender(each) for each in tenant.senders.values()],
        "templates": [shapes.template(each) for each in tenant.templates.values()],
        "faults": box.telling.faults(),
        "fault_kinds": list(shapes.FAULT_KINDS),
        "limits": box.telling.limits(box.history.doubles),
        "chats": _chats(box),
        "last_message": box.history.last_number,
        "requests": _requests(box)[-_SHOWN:],
        "callouts": _callouts(box)[-_SHOWN:],
    }


@CALLS.add(
    "GET",
    "messages",
    "Messages of both sides, oldest first. `after` pages upwards; without it, the"
    " newest, and with `before` the newest below it.",
    query={
        "phone": _PHONE,
        "sender_id": _SENDER,
        "after": Field(type=Type.INTEGER, about="Those with a higher number."),
        "before": Field(type=Type.INTEGER, about="Those with a lower number."),
        "limit": _LIMIT,
    },
    answer="Messages",
)
def messages(desk: Desk, asked: Asked) -> JsonObject:
    """Return a page of messages."""
    query, date_at = asked.query, desk.box.world.clock.date_at
    fitting = desk.box.history.of(query.get("phone"), query.get("sender_id"))
    if "after" in query:
        found, more = page_after(fitting, query["after"], query["limit"])
    else:
        found, more = page_before(fitting, query.get("before"), query["limit"])
    return {"messages": [shapes.message(m, date_at) for m in found], "more": more}


@CALLS.add("GET", "requests", "Requests that arrived.", query=_LIST, answer="Requests")
def requests(desk: Desk, asked: Asked) -> JsonObject:
    """Return the requests after one."""
    return {"requests": _after(_requests(desk.box), asked)}


@CALLS.add("GET", "callouts", "What was called out.", query=_LIST, answer="Callouts")
def callouts(desk: Desk, asked: Asked) -> JsonObject:
    """Return the callouts after one."""
    return {"callouts": _after(_callouts(desk.box), asked)}


@CALLS.add("GET", "clock", "The emulator's clock and date.", answer="Clock")
def clock(desk: Desk, _: Asked) -> JsonObject:
    """Return the time."""
    return shapes.clock(desk.box.world.clock)


@CALLS.add(
    "GET",
    "limits",
    "What the limiter counted, and the sends of the last ten seconds.",
    answer="LimitsNow",
)
def limits(desk: Desk, _: Asked) -> JsonObject:
    """Return the counts, and the last sends."""
    box = desk.box
    since = box.world.clock.time() - _LIMIT_SECONDS
    sends = [
        {"clock": seen.record.at, "admitted": seen.record.limiter.admitted}
        for seen in box.requests.all()
        if seen.record.limiter is not None and seen.record.at > since
    ]
    return {**box.telling.limits(box.history.doubles), "sends": sends}


@CALLS.add(
    "GET",
    "events",
    "The feed for programs without WebSocket: waits until there is an event.",
    query={
        "after": Field(type=Type.INTEGER, about="The last event seen.", default=0),
        "run": Field(type=Type.TEXT, about="Of which run."),
        "wait": Field(
            type=Type.NUMBER,
            about="Seconds to wait for one.",
            default=0,
            minimum=0,
            maximum=60,
        ),
    },
    answer="Events",
)
async def events(desk: Desk, asked: Asked) -> JsonObject:
    """Return the events after a number."""
    feed, query = desk.box.feed, asked.query
    found = feed.after(query["after"], query.get("run"))
    if not found and query["wait"]:
        try:
            async with asyncio.timeout(query["wait"]):
                await feed.wait()
        except TimeoutError:
            pass
        found = feed.after(query["after"], query.get("run"))
    return {
        "seq": feed.seq,
        "run": feed.run,
        "events": [json.loads(event) for event in found],
    }


@CALLS.add(
    "GET",
    "wait",
    "Waits until enough is there that fits; what was there before counts.",
    query={
        "for": Field(
            type=Type.TEXT,
            about="What to wait for; a status is a message that has come so far.",
            default="message",
            choices=("message", "request", "status", "callout"),
        ),
        "phone": _PHONE,
        "contains": Field(
            type=Type.TEXT, about="Stands in its text or body.", default=""
        ),
        "status": Field(
            type=Type.TEXT, about="The status to wait for.", choices=STATUSES
        ),
        "after": Field(type=Type.INTEGER, about="Above this number or id.", default=0),
        "count": Field(
            type=Type.INTEGER, about="So many.", default=1, minimum=1, maximum=1000
        ),
        "timeout": Field(
            type=Type.NUMBER,
            about="Seconds; then the answer is a 408, with what came.",
            default=10,
            minimum=0,
            maximum=600,
        ),
    },
    answer="Waited",
)
async def wait(desk: Desk, asked: Asked) -> object:
    """Return what fits, or a 408 with it."""
    find = _FINDERS[asked.query["for"]]
    count, found = asked.query["count"], find(desk.box, asked)
    try:
        async with asyncio.timeout(asked.query["timeout"]):
            while len(found) < count:
                await desk.box.feed.wait()
                found = find(desk.box, asked)
    except TimeoutError:
        error = f"{len(found)} of {count} came in {asked.query['timeout']:g} s"
        raise WrongError(error, status=408, found=found) from None
    return {"found": found}


def _find_messages(box: Sandbox, asked: Asked) -> list[JsonObject]:
    query, date_at = asked.query, box.world.clock.date_at
    return [
        shapes.message(message, date_at)
        for message in box.history.of(query.get("phone"), None)
        if message.side is Side.BUSINESS
        and message.number > query["after"]
        and query["contains"] in message.text
        and _has_come_to(message.status, query.get("status"))
    ]


def _find_statuses(box: Sandbox, asked: Asked) -> list[JsonObject]:
    wanted = asked.query.get("status", "sent")
    query = {**asked.query, "status": wanted}
    return _find_messages(box, Asked(path={}, query=query, body={}))


def _has_come_to(status: str | None, wanted: str | None) -> bool:
    """Whether a delivery is as far as is wanted; failures are ways of their own."""
    if wanted is None or status == wanted:
        return True
    way = STATUSES[:4]
    return status in way and wanted in way and way.index(status) > way.index(wanted)


def _find_requests(box: Sandbox, asked: Asked) -> list[JsonObject]:
    return _fitting(_requests(box), asked, in_phone=("target", "body"))


def _find_callouts(box: Sandbox, asked: Asked) -> list[JsonObject]:
    made = [each for each in _callouts(box) if each["attempts"]]
    return _fitting(made, asked, in_phone=("phone",))


def _fitting(
    shown: list[JsonObject], asked: Asked, *, in_phone: tuple[str, ...]
) -> list[JsonObject]:
    query: dict[str, Any] = asked.query
    phone = query.get("phone")
    return [
        each
        for each in shown
        if int(str(each["id"])) > query["after"]
        and query["contains"] in str(each["body"])
        and (phone is None or any(_names(each[name], phone) for name in in_phone))
    ]


def _names(text: object, phone: str) -> bool:
    return phone in str(text) or phone.replace("+", "%2B") in str(text)


_FINDERS: dict[str, Callable[[Sandbox, Asked], list[JsonObject]]] = {
    "message": _find_messages,
    "status": _find_statuses,
    "request": _find_requests,
    "callout": _find_callouts,
}


def _chats(box: Sandbox) -> list[JsonObject]:
    date_at = box.world.clock.date_at
    shown = []
    for key, conversation in box.world.tenant.conversations.items():
        last = box.history.last(key)
        newest = None if last is None else shapes.message(last, date_at)
        shown.append({**shapes.chat(*key, conversation), "last": newest})
    return shown


def _requests(box: Sandbox) -> list[JsonObject]:
    clock, rate = box.world.clock, box.world.rate
    return [
        shapes.request(seen, clock.date_at, rate=rate) for seen in box.requests.all()
    ]


def _callouts(box: Sandbox) -> list[JsonObject]:
    date_at = box.world.clock.date_at
    return [shapes.callout(callout, date_at) for callout in box.callouts.all()]


def _after(shown: Iterable[JsonObject], asked: Asked) -> list[JsonObject]:
    after, limit = asked.query["after"], asked.query["limit"]
    return [each for each in shown if int(str(each["id"])) > after][:limit]
