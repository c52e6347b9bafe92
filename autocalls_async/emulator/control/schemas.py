"""The JSON schemas of what control calls answer.

Pure: no I/O, no clock, no asyncio.
"""

from typing import Any

Schema = dict[str, Any]

_TEXT: Schema = {"type": "string"}
_INTEGER: Schema = {"type": "integer"}
_NUMBER: Schema = {"type": "number"}
_BOOLEAN: Schema = {"type": "boolean"}
_OBJECT: Schema = {"type": "object"}
_DATE: Schema = {"type": "string", "format": "date-time"}
_SECONDS: Schema = {"type": "number", "description": "Seconds on the emulator's clock."}
_TEXTS_BY_NAME: Schema = {"type": "object", "additionalProperties": _TEXT}


def _or_null(schema: Schema) -> Schema:
    kind = schema.get("type")
    if isinstance(kind, str) and "enum" not in schema:
        return {**schema, "type": [kind, "null"]}
    return {"anyOf": [schema, {"type": "null"}]}


def _one_of(*choices: str) -> Schema:
    return {"type": "string", "enum": list(choices)}


def _list(schema: Schema) -> Schema:
    return {"type": "array", "items": schema}


def _whole(**properties: Schema) -> Schema:
    """Describe an object that has all of these, and nothing else."""
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


def ref(name: str) -> Schema:
    """Return a reference to one of the schemas."""
    return {"$ref": f"#/components/schemas/{name}"}


_CLOCK = {"clock": _SECONDS, "now": _DATE}
_SETTINGS = {
    "webhook": _or_null(_TEXT),
    "inbound": _or_null(_TEXT),
    "ended": _or_null(_TEXT),
    "receipt_steps": _one_of("auto", "delivered", "manual"),
    "recording": {"type": ["string", "boolean", "null"]},
}
_LIMITS = {
    "shape": _or_null(_TEXT),
    "rate": _INTEGER,
    "per": _NUMBER,
    "accepted": _INTEGER,
    "rejected": _INTEGER,
    "most": _INTEGER,
    "doubles": _INTEGER,
    "undocumented": _list(_TEXT),
}
_CHAT = {
    "sender_id": _INTEGER,
    "phone": _TEXT,
    "name": _or_null(_TEXT),
    "conversation_id": _INTEGER,
    "uuid": _TEXT,
    "closes_at": _or_null(_SECONDS),
    "ai_enabled": _BOOLEAN,
}
_ERROR = _or_null(_whole(code=_or_null(_INTEGER), message=_or_null(_TEXT)))

SCHEMAS: dict[str, Schema] = {
    "Error": {
        "type": "object",
        "properties": {"error": _TEXT, "field": _or_null(_TEXT)},
        "required": ["error", "field"],
    },
    "Clock": _whole(**_CLOCK),
    "Settings": _whole(**_SETTINGS),
    "Account": _whole(name=_TEXT, balance=_TEXT, cost=_TEXT),
    "Sender": _whole(
        id=_INTEGER,
        phone=_TEXT,
        name=_TEXT,
        status=_TEXT,
        quality=_TEXT,
        messaging_limit=_or_null(_INTEGER),
    ),
    "Senders": _whole(senders=_list(ref("Sender"))),
    "Template": _whole(
        id=_INTEGER,
        name=_TEXT,
        language=_TEXT,
        category=_TEXT,
        status=_TEXT,
        body=_TEXT,
        variables=_list(_TEXT),
        sender_id=_or_null(_INTEGER),
    ),
    "Templates": _whole(templates=_list(ref("Template"))),
    "Fault": _whole(
        fault=_TEXT,
        count=_INTEGER,
        endpoint=_or_null(_TEXT),
        status=_or_null(_INTEGER),
        seconds=_or_null(_NUMBER),
        after_acting=_or_null(_BOOLEAN),
    ),
    "Faults": _whole(faults=_list(ref("Fault")), kinds=_list(_TEXT)),
    "Limits": _whole(**_LIMITS),
    "LimitsNow": _whole(
        **_LIMITS, sends=_list(_whole(clock=_SECONDS, admitted=_BOOLEAN))
    ),
    "Chat": _whole(**_CHAT),
    "Message": _whole(
        number=_INTEGER,
        id=_or_null(_INTEGER),
        side=_one_of("business", "customer"),
        sender_id=_INTEGER,
        phone=_TEXT,
        kind=_one_of("freeform", "template"),
        text=_TEXT,
        template=_or_null(_whole(id=_INTEGER, name=_or_null(_TEXT))),
        at=_DATE,
        clock=_SECONDS,
        status=_or_null(_TEXT),
        error=_ERROR,
        request=_or_null(_INTEGER),
    ),
    "Messages": _whole(messages=_list(ref("Message")), more=_BOOLEAN),
    "Request": _whole(
        id=_INTEGER,
        at=_DATE,
        clock=_SECONDS,
        method=_TEXT,
        target=_TEXT,
        endpoint=_TEXT,
        headers=_TEXTS_BY_NAME,
        body=_TEXT,
        status=_or_null(_INTEGER),
        answer=_or_null(_TEXT),
        answer_headers=_TEXTS_BY_NAME,
        ms=_or_null(_NUMBER),
        message=_or_null(_INTEGER),
        limiter=_or_null(
            _whole(
                admitted=_BOOLEAN,
                remaining=_INTEGER,
                rate=_INTEGER,
                retry_after=_NUMBER,
            )
        ),
        fault=_or_null(_TEXT),
        pending=_BOOLEAN,
    ),
    "Requests": _whole(requests=_list(ref("Request"))),
    "Attempt": _whole(
        due={"type": "number", "description": "Seconds since the callout was made."},
        at=_DATE,
        clock=_SECONDS,
        status=_or_null(_INTEGER),
        error=_or_null(_TEXT),
        answer=_TEXT,
        ms=_NUMBER,
    ),
    "Callout": _whole(
        id=_INTEGER,
        kind=_one_of("receipt", "inbound", "ended"),
        url=_TEXT,
        headers=_TEXTS_BY_NAME,
        body=_TEXT,
        message=_or_null(_INTEGER),
        phone=_TEXT,
        label=_TEXT,
        state=_one_of("waiting", "under way", "done", "given up"),
        next_at=_or_null(_SECONDS),
        attempts=_list(ref("Attempt")),
    ),
    "Callouts": _whole(callouts=_list(ref("Callout"))),
    "Event": _whole(seq=_INTEGER, kind=_TEXT, data={}),
    "Events": _whole(seq=_INTEGER, run=_TEXT, events=_list(ref("Event"))),
    "Waited": _whole(found=_list(_OBJECT)),
    "State": _whole(
        seq=_INTEGER,
        run=_TEXT,
        **_CLOCK,
        base_url=_TEXT,
        api_key=_or_null(_TEXT),
        keep=_INTEGER,
        **_SETTINGS,
        account=ref("Account"),
        senders=_list(ref("Sender")),
        templates=_list(ref("Template")),
        faults=_list(ref("Fault")),
        fault_kinds=_list(_TEXT),
        limits=ref("Limits"),
        chats=_list(_whole(**_CHAT, last=_or_null(ref("Message")))),
        last_message=_INTEGER,
        requests=_list(ref("Request")),
        callouts=_list(ref("Callout")),
    ),
    "Snapshot": {
        "type": "object",
        "properties": {"autocalls_snapshot": {"const": 1}, "now": _DATE},
        "required": [
            "autocalls_snapshot",
            "now",
            "account",
            "senders",
            "templates",
            "conversations",
            "next_conversation_id",
            "messages",
            "counts",
            "faults",
        ],
    },
}
