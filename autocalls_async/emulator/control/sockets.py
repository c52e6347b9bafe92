"""The feed as a WebSocket: what a page follows."""

import asyncio
import json
from urllib.parse import parse_qsl

from aiohttp import WSMsgType, web

from autocalls_async.emulator.control.fields import Field, Type, WrongError, read
from autocalls_async.emulator.sandbox.box import Sandbox

# Several events at once are one frame: a page draws no sooner.
_FLUSH_SECONDS = 0.05
_FRAME_EVENTS = 500
_HEARTBEAT_SECONDS = 20.0
_MOST_BYTES = 4096

_QUERY = {
    "after": Field(type=Type.INTEGER, about="The last event seen.", default=0),
    "run": Field(type=Type.TEXT, about="Of which run."),
}
_OPEN = {
    "sender_id": Field(type=Type.INTEGER, about="The sender.", required=True),
    "phone": Field(type=Type.PHONE, about="The customer.", required=True),
}


async def serve_feed(box: Sandbox, request: web.BaseRequest) -> web.StreamResponse:
    """Send every event, and hear which thread the page has open.

    Raises:
        WrongError: It is no WebSocket that is asked for, or its query is wrong.
    """
    query = dict(parse_qsl(request.raw_path.partition("?")[2]))
    asked = read(dict(query), _QUERY)
    socket = web.WebSocketResponse(
        heartbeat=_HEARTBEAT_SECONDS, max_msg_size=_MOST_BYTES, compress=False
    )
    if not socket.can_prepare(request):
        msg = "the feed is a WebSocket; events?after=0 has the same for programs"
        raise WrongError(msg, "Upgrade", 426)
    await socket.prepare(request)
    sending = asyncio.ensure_future(
        _send(box, socket, asked["after"], asked.get("run"))
    )
    try:
        async for frame in socket:
            if frame.type is WSMsgType.TEXT:
                _hear(box, socket, frame.data)
    finally:
        box.deliveries.open_chat(socket, None)
        sending.cancel()
        await asyncio.gather(sending, return_exceptions=True)
        await socket.close()
    return socket


async def _send(
    box: Sandbox, socket: web.WebSocketResponse, seen: int, run: str | None
) -> None:
    feed = box.feed
    while True:
        events = feed.after(seen, run)
        run, seen = feed.run, feed.seq
        for begin in range(0, len(events), _FRAME_EVENTS):
            part = events[begin : begin + _FRAME_EVENTS]
            await socket.send_str(f"[{','.join(part)}]")
        if feed.seq == seen:
            await feed.wait()
            await asyncio.sleep(_FLUSH_SECONDS)


def _hear(box: Sandbox, socket: web.WebSocketResponse, text: str) -> None:
    """Take in which thread is open; what else a page says is not for us."""
    try:
        said = json.loads(text)
        opened = None if said["open"] is None else read(said["open"], _OPEN)
    except (ValueError, KeyError, TypeError, AttributeError, WrongError):
        return
    chat = None if opened is None else (opened["sender_id"], opened["phone"])
    box.deliveries.open_chat(socket, chat)
