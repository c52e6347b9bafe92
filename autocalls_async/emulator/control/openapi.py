"""The documentation of the control API for programs: OpenAPI 3.1.

Pure: no I/O, no clock, no asyncio.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from autocalls_async.emulator.control.calls import Call
from autocalls_async.emulator.control.fields import Field
from autocalls_async.emulator.control.schemas import SCHEMAS, ref

_FEED = {
    "get": {
        "operationId": "get_feed",
        "summary": "The feed: a WebSocket whose frames are lists of events.",
        "parameters": [
            {
                "name": name,
                "in": "query",
                "required": False,
                "schema": {"type": kind},
            }
            for name, kind in (("after", "integer"), ("run", "string"))
        ],
        "responses": {"101": {"description": "The socket; frames are JSON."}},
    }
}


def describe(calls: Iterable[Call]) -> dict[str, Any]:
    """Return the document that describes all calls."""
    paths: dict[str, Any] = {"/feed": _FEED}
    for call in calls:
        paths.setdefault(f"/{call.path}", {})[call.method.lower()] = _operation(call)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Autocalls sandbox: control API",
            "version": "1",
            "description": (
                "Turns an emulator of the Autocalls WhatsApp API. Writes need the"
                " header Content-Type: application/json. PUT and PATCH can be"
                " written as POST."
            ),
        },
        "servers": [{"url": "/_sandbox/v1"}],
        "paths": paths,
        "components": {"schemas": SCHEMAS},
    }


def _operation(call: Call) -> dict[str, Any]:
    operation: dict[str, Any] = {
        "operationId": call.act.__name__,
        "summary": call.about,
        "parameters": [
            *_parameters("path", call.path_fields),
            *_parameters("query", call.query),
        ],
        "responses": {
            str(call.status): _answer(call),
            "default": _json("What is wrong, and with which field.", ref("Error")),
        },
    }
    if call.free_body:
        operation["requestBody"] = _body(ref("Snapshot"))
    elif call.body is not None:
        operation["requestBody"] = _body(_schema(call.body))
    return operation


def _answer(call: Call) -> dict[str, Any]:
    if call.answer == "Recording":
        kind = {"application/x-ndjson": {"schema": {"type": "string"}}}
        return {"description": "JSON lines.", "content": kind}
    return _json(call.answer, ref(call.answer))


def _json(description: str, schema: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "description": description,
        "content": {"application/json": {"schema": schema}},
    }


def _body(schema: Mapping[str, Any]) -> dict[str, Any]:
    return {"required": True, "content": {"application/json": {"schema": schema}}}


def _schema(fields: Mapping[str, Field]) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": {name: each.schema() for name, each in fields.items()},
        "required": [name for name, each in fields.items() if each.required],
        "additionalProperties": False,
    }


def _parameters(where: str, fields: Mapping[str, Field]) -> list[dict[str, Any]]:
    return [
        {
            "name": name,
            "in": where,
            "required": each.required,
            "description": each.about,
            "schema": each.schema(),
        }
        for name, each in fields.items()
    ]
