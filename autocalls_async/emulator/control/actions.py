"""Calls that move the clock, repeat callouts, and save, restore and record."""

from aiohttp import web

from autocalls_async.emulator.answers import JsonObject
from autocalls_async.emulator.control.calls import CALLS, Asked, Desk
from autocalls_async.emulator.control.fields import Field, Type, WrongError
from autocalls_async.emulator.world import shapes

_AGAIN = ("now", "again", "twice", "out-of-order", "broken-signature")


@CALLS.add(
    "POST",
    "clock",
    "Move the clock forward: by `advance` seconds, or `to` an instant of it.",
    body={
        "advance": Field(type=Type.NUMBER, about="By how many seconds.", minimum=0),
        "to": Field(type=Type.NUMBER, about="To which second of the clock."),
    },
    answer="Clock",
)
def advance(desk: Desk, asked: Asked) -> JsonObject:
    """Move the clock."""
    box, body = desk.box, asked.body
    if len(body) != 1:
        msg = "say either advance or to"
        raise WrongError(msg, "advance")
    name, value = next(iter(body.items()))
    seconds = value if name == "advance" else value - box.world.clock.time()
    try:
        box.advance(seconds)
    except ValueError as error:
        raise WrongError(str(error), name) from None
    return shapes.clock(box.world.clock)


@CALLS.add(
    "POST",
    "callouts/{id}/again",
    "Call out once more: the next attempt now, or the same again.",
    body={
        "how": Field(
            type=Type.TEXT,
            about="`now` makes the next attempt of one that waits; the others are"
            " callouts of their own: once, twice, all of its person in reverse"
            " order, or with a signature that does not fit.",
            default="again",
            choices=_AGAIN,
        )
    },
    answer="Callouts",
)
def again(desk: Desk, asked: Asked) -> JsonObject:
    """Repeat a callout."""
    box = desk.box
    callout = box.callouts.find(asked.path["id"])
    if callout is None:
        msg = f"no callout {asked.path['id']} is kept"
        raise WrongError(msg, "id", 404)
    try:
        made = box.posting.repeat(callout, asked.body["how"])
    except ValueError as error:
        raise WrongError(str(error), "how") from None
    return {"callouts": [shapes.callout(c, box.world.clock.date_at) for c in made]}


@CALLS.add("POST", "reset", "Begin anew, as at the start.", body={}, answer="Clock")
def reset(desk: Desk, _: Asked) -> JsonObject:
    """Begin anew."""
    desk.box.reset()
    return shapes.clock(desk.box.world.clock)


@CALLS.add(
    "GET",
    "snapshot",
    "Account, conversations and messages, to be put back later.",
    answer="Snapshot",
)
def snapshot(desk: Desk, _: Asked) -> JsonObject:
    """Return a snapshot."""
    return desk.box.snapshot()


@CALLS.add(
    "PUT",
    "snapshot",
    "Put a snapshot back: it is that date again, and all is as it was.",
    free_body=True,
    answer="Clock",
)
def restore(desk: Desk, asked: Asked) -> JsonObject:
    """Put a snapshot back."""
    try:
        desk.box.restore(asked.body)
    except ValueError as error:
        raise WrongError(str(error)) from None
    return shapes.clock(desk.box.world.clock)


@CALLS.add(
    "POST",
    "recording",
    "Begin or end recording what is written, for `autocalls emulator replay`.",
    body={"on": Field(type=Type.BOOLEAN, about="Whether to record.", required=True)},
    answer="Settings",
)
def record(desk: Desk, asked: Asked) -> JsonObject:
    """Begin or end a recording."""
    desk.box.record(on=asked.body["on"])
    return desk.box.shown_settings()


@CALLS.add("GET", "recording", "What was recorded, as JSON lines.", answer="Recording")
def recording(desk: Desk, _: Asked) -> web.Response:
    """Return the recording."""
    text = desk.box.recording.text()
    if text is None:
        msg = "nothing was recorded: POST recording with on true first"
        raise WrongError(msg, status=404)
    headers = {"Content-Disposition": 'attachment; filename="run.jsonl"'}
    return web.Response(text=text, content_type="application/x-ndjson", headers=headers)
