"""How a message ended, whole, as a text that the shared table keeps.

Whoever waits in another process is told what the client would have told.

Pure: no I/O, no clock, no asyncio.
"""

import json
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, TypeVar

from attrs import evolve, fields

from autocalls_async.http.structuring import structure
from autocalls_async.journal.entry import Ending
from autocalls_async.model import errors
from autocalls_async.model.answers import SentMessage, SessionStatus
from autocalls_async.model.errors import AutocallsError
from autocalls_async.model.values.frozen import FrozenDict
from autocalls_async.model.values.plain import to_plain

E = TypeVar("E", bound=AutocallsError)

_COLUMNS = {"whatsapp_message_id", "fell_back", "recipient_phone"}
"""Facts that a row has in columns of their own."""


def to_ending_text(ending: Ending | None) -> str | None:
    """Return all that is not in a row's columns; ASCII, whatever the service said."""
    if ending is None:
        return None
    facts = {k: v for k, v in _facts(ending).items() if k not in _COLUMNS}
    return json.dumps(facts, separators=(",", ":"))


def _facts(value: Ending | SessionStatus) -> dict[str, Any]:
    """Return what is known, in the shape of the service's own answers."""
    facts: dict[str, Any] = dict(getattr(value, "extra", {}))
    for name in _names_of(type(value)) - {"extra"}:
        fact = getattr(value, name)
        if fact is not None:
            is_window = isinstance(fact, SessionStatus)
            facts[name] = _facts(fact) if is_window else to_plain(fact)
    return facts


def _names_of(kind: type[Any]) -> set[str]:
    return {a.name for a in fields(kind)}


def sent_from(text: str | None, *, number: int | None, fell_back: bool) -> SentMessage:
    """Return what the service said when it accepted a message."""
    sent = structure(json.loads(text or "{}"), SentMessage)
    return evolve(sent, whatsapp_message_id=number, fell_back=fell_back)


def error_from(
    kind: type[E], text: str | None, known: Mapping[str, Any], **always: object
) -> E:
    """Return the error again.

    Args:
        kind: Its class.
        text: What was kept of it; where nothing was, `known` has to do.
        known: What else is known; of no weight where the text says it.
        always: What is so whatever the text says.
    """
    names = _names_of(kind)
    facts = {**known, **json.loads(text or "{}"), **always}
    facts = {name: fact for name, fact in facts.items() if name in names}
    for name in facts.keys() & _READERS.keys():
        facts[name] = _READERS[name](facts[name])
    return kind(**facts)


def find_class(name: str | None, kind: type[E]) -> type[E] | None:
    """Return the class of an error of ours that is named, if it is of this kind."""
    found = getattr(errors, name or "", None)
    return found if isinstance(found, type) and issubclass(found, kind) else None


def _read_session(value: object) -> SessionStatus:
    return structure(value, SessionStatus)


def _read_instant(value: datetime | str | None) -> datetime | None:
    return datetime.fromisoformat(value) if isinstance(value, str) else value


def _read_words(value: Mapping[str, list[str]]) -> Mapping[str, tuple[str, ...]]:
    return FrozenDict({name: tuple(words) for name, words in value.items()})


_READERS: Mapping[str, Callable[[Any], object]] = {
    "session_status": _read_session,
    "handed_over_at": _read_instant,
    "errors": _read_words,
}
