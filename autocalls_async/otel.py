"""Traces and metrics of each message, by OpenTelemetry. It needs the extra `otel`.

```python
AutocallsClient(api_key, observer=OpenTelemetryObserver())
```

Names are those of OpenTelemetry's semantic conventions for messaging, which are in
development: they may change. What they have no name for begins with `autocalls.`.

- A span `send whatsapp` for each message, from taking it in to its outcome. Its
  parent is the span in which it was submitted. It has an event for each check
  of its window, and a child `autocalls.attempt` for each time it was handed over.
- `messaging.client.operation.duration` has the seconds of that span: the wait in the
  queue, which a campaign's messages do for hours, is part of it.
- `messaging.client.sent.messages` counts messages that were handed over, whatever
  became of them.
- `autocalls.messages` counts all messages by outcome, class of error and code.
- `autocalls.queue.wait` has the seconds until a message was first handed over, by
  lane; `autocalls.round_trip` those from there to the end of each attempt, by
  what was seen.
- `autocalls.pauses` counts the pauses that the service asked for.

Nothing here has a key, a text or a number, not even a masked one: traces are kept
for long, by others, and can be searched. `messaging.message.id` is the id that
delivery webhooks carry, and `autocalls.call_id` the number in our log lines.
"""

from time import time_ns
from typing import TypeAlias
from urllib.parse import urlsplit

from attrs import define

from autocalls_async._version import __version__
from autocalls_async.engine.telemetry.event_log import log_event, name_outcome
from autocalls_async.engine.telemetry.observers import Telling
from autocalls_async.engine.telemetry.records import (
    Answered,
    Checked,
    Event,
    HandedOver,
    Observer,
    Paused,
    Queued,
    Settled,
)
from autocalls_async.model.messages import FreeformMessage
from autocalls_async.model.outcomes import Accepted, Outcome
from autocalls_async.model.values.masking import show_code
from autocalls_async.policy.verdict import Seen

try:
    from opentelemetry.context import Context
    from opentelemetry.metrics import Meter, MeterProvider, get_meter
    from opentelemetry.trace import (
        Span,
        SpanKind,
        StatusCode,
        TracerProvider,
        get_tracer,
        set_span_in_context,
    )
except ImportError as _error:
    msg = "this module needs the extra 'otel': pip install 'autocalls-async[otel]'"
    raise ImportError(msg) from _error

__all__ = ["OpenTelemetryObserver"]

MAX_CODES = 50
"""So many codes are told apart; the service documents a dozen. Somebody on the way
who makes them up does not fill the memory of a metrics backend."""

_SEND: dict[str, str] = {
    "messaging.system": "autocalls",
    "messaging.operation.name": "send",
    "messaging.operation.type": "send",
    "messaging.destination.name": "whatsapp",
}
"""What is the same of all that is told by the conventions' names."""

# The conventions' own: of an operation that waits for nobody.
_DURATION_BUCKETS = (
    *(0.005, 0.01, 0.025, 0.05, 0.075, 0.1),
    *(0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10),
)

# The SDK's own buckets are for milliseconds. A wait can take hours, an attempt 60 s.
_WAIT_BUCKETS = (0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1800, 7200)
_TRIP_BUCKETS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20, 40, 60)

_Facts: TypeAlias = dict[str, str | int | bool]


@define(eq=False, kw_only=True)
class _Call:
    """A message on its way, and the spans it has open."""

    span: Span
    context: Context  # holds the span, as the parent of attempts
    offset_ns: int  # from the loop's clock to the wall clock, when it began
    began_at: float
    server: _Facts
    lane_facts: _Facts  # empty for one that was never queued
    attempt_count: int = 0
    attempt: Span | None = None

    def time_ns(self, at: float) -> int:
        """Return a time on the loop's clock as OpenTelemetry wants it.

        All times of one call come from the loop's clock: if the wall clock is
        set meanwhile, no span has a wrong length.
        """
        return self.offset_ns + _nanoseconds(at)

    def end_attempt(self, seen: Seen, at: float) -> None:
        if self.attempt is not None:
            self.attempt.set_attribute("autocalls.seen", seen.value)
            if seen is not Seen.OK:
                self.attempt.set_attribute("error.type", seen.value)
                self.attempt.set_status(StatusCode.ERROR, seen.value)
            self.attempt.end(self.time_ns(at))
            self.attempt = None


class OpenTelemetryObserver:
    """An observer that makes spans and metrics of what it is told.

    Several clients may share one, as long as they do not send the very same
    message object at the same time: its spans and waits could be mixed up then.

    Args:
        tracer_provider: `None` takes the global one, even if it is set later.
        meter_provider: The same for metrics.
        also: Told each record too, and first; by default the log.

    Raises:
        ValueError: `also` would have to be awaited.
    """

    def __init__(
        self,
        *,
        tracer_provider: TracerProvider | None = None,
        meter_provider: MeterProvider | None = None,
        also: Observer | None = log_event,
    ) -> None:
        self._tracer = get_tracer(
            "autocalls_async", __version__, tracer_provider=tracer_provider
        )
        meter = get_meter("autocalls_async", __version__, meter_provider=meter_provider)
        self._make_conventions_own(meter)
        self._make_ours(meter)
        self._also = None if also is None else Telling(also, name="also")
        self._calls: dict[int, _Call] = {}
        self._codes: set[str] = set()

    def _make_conventions_own(self, meter: Meter) -> None:
        self._duration = meter.create_histogram(
            "messaging.client.operation.duration",
            "s",
            "Duration of a send, its wait in the queue included",
            explicit_bucket_boundaries_advisory=_DURATION_BUCKETS,
        )
        self._sent = meter.create_counter(
            "messaging.client.sent.messages",
            "{message}",
            "Messages that were handed over to the service",
        )

    def _make_ours(self, meter: Meter) -> None:
        self._messages = meter.create_counter(
            "autocalls.messages", "{message}", "Messages that have their outcome"
        )
        self._pauses = meter.create_counter(
            "autocalls.pauses", "{pause}", "Pauses that the service asked for"
        )
        self._wait = meter.create_histogram(
            "autocalls.queue.wait",
            "s",
            "From taking a message in to first handing it over",
            explicit_bucket_boundaries_advisory=_WAIT_BUCKETS,
        )
        self._round_trip = meter.create_histogram(
            "autocalls.round_trip",
            "s",
            "From handing a message over to the end of that attempt",
            explicit_bucket_boundaries_advisory=_TRIP_BUCKETS,
        )

    def __call__(self, event: Event) -> None:
        """Note one record."""
        if self._also is not None:
            self._also.tell(event)
        self._note(event)

    def _note(self, event: Event) -> None:
        match event:
            case Paused():
                self._pauses.add(1)
            case Queued():
                self._calls[event.call_id] = self._begin(event)
            case Settled():
                self._settle(event)
            case _ if call := self._calls.get(event.call_id):
                self._note_step(call, event)

    def _begin(self, event: Queued | Settled) -> _Call:
        message = event.message
        kind = "freeform" if isinstance(message, FreeformMessage) else "template"
        facts: _Facts = {
            **_SEND,
            "autocalls.call_id": event.call_id,
            "autocalls.message.kind": kind,
        }
        lane_facts: _Facts = {}
        server: _Facts = {}
        if isinstance(event, Queued):
            lane_facts = {"autocalls.lane": event.lane.value}
            server = _server(event.host)
            facts |= {"autocalls.sender_id": event.sender_id, **lane_facts, **server}
        offset_ns = time_ns() - _nanoseconds(event.at)
        # The conventions' kind for a send whose context does not travel with it.
        span = self._tracer.start_span(
            "send whatsapp",
            kind=SpanKind.CLIENT,
            attributes=facts,
            start_time=offset_ns + _nanoseconds(event.at),
        )
        return _Call(
            span=span,
            context=set_span_in_context(span),
            offset_ns=offset_ns,
            began_at=event.at,
            server=server,
            lane_facts=lane_facts,
        )

    def _note_step(self, call: _Call, event: Checked | HandedOver | Answered) -> None:
        match event:
            case Checked():
                facts: _Facts = {
                    "autocalls.window.state": event.state.value,
                    "autocalls.window.was_asked": event.was_asked,
                }
                when = call.time_ns(event.at)
                call.span.add_event("autocalls.window_checked", facts, when)
            case HandedOver():
                self._hand_over(call, event)
            case _:
                seen = {"autocalls.seen": event.seen.value}
                self._round_trip.record(event.round_trip, seen, call.context)
                call.end_attempt(event.seen, event.at)

    def _hand_over(self, call: _Call, event: HandedOver) -> None:
        if event.attempt == 1:
            self._wait.record(event.waited, call.lane_facts, call.context)
        call.attempt_count = event.attempt
        call.span.set_attribute("autocalls.attempts", event.attempt)
        call.attempt = self._tracer.start_span(
            "autocalls.attempt",
            call.context,
            attributes={"autocalls.attempt": event.attempt},
            start_time=call.time_ns(event.at),
        )

    def _settle(self, event: Settled) -> None:
        # One that came too late for a closed client was never queued.
        call = self._calls.pop(event.call_id, None) or self._begin(event)
        call.end_attempt(Seen.SILENCE, event.at)
        facts = self._facts(event.outcome)
        self._messages.add(1, facts, call.context)
        self._tell_conventions(call, facts, event.at - call.began_at)
        call.span.set_attributes({**facts, **_details(event.outcome)})
        if not isinstance(event.outcome, Accepted):
            call.span.set_status(StatusCode.ERROR, name_outcome(event.outcome))
        call.span.end(call.time_ns(event.at))

    def _tell_conventions(self, call: _Call, facts: _Facts, seconds: float) -> None:
        told: _Facts = {**_SEND, **call.server}
        if error := facts.get("error.type"):
            told["error.type"] = error
        self._duration.record(seconds, told, call.context)
        if call.attempt_count:
            self._sent.add(1, told, call.context)

    def _facts(self, outcome: Outcome) -> _Facts:
        """Return how a message ended, in few different words."""
        facts: _Facts = {"autocalls.outcome": type(outcome).__name__.lower()}
        if not isinstance(outcome, Accepted):
            facts["error.type"] = type(outcome.error).__name__
            if outcome.error.error_code:
                facts["autocalls.error.code"] = self._code(outcome.error.error_code)
        return facts

    def _code(self, code: str) -> str:
        shown = show_code(code)
        if len(self._codes) < MAX_CODES:
            self._codes.add(shown)
        return shown if shown in self._codes else "another code"


def _details(outcome: Outcome) -> _Facts:
    """Return what is too various for a metric."""
    if not isinstance(outcome, Accepted):
        status = outcome.error.status
        return {"http.response.status_code": status} if status else {}
    whatsapp_id = outcome.sent.whatsapp_message_id
    return {"messaging.message.id": str(whatsapp_id)} if whatsapp_id else {}


def _server(host: str | None) -> _Facts:
    """Return the conventions' names for a host such as `app.autocalls.ai:8080`."""
    if host is None:
        return {}
    split = urlsplit(f"//{host}")
    facts: _Facts = {"server.address": split.hostname or host}
    return facts | {"server.port": split.port} if split.port else facts


def _nanoseconds(seconds: float) -> int:
    return round(seconds * 1e9)
