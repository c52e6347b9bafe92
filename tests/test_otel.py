"""What OpenTelemetry is told of each message, and what it never is."""

import asyncio
import importlib
import json
import logging
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pytest
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import (
    Histogram,
    InMemoryMetricReader,
    Metric,
    Sum,
)
from opentelemetry.sdk.trace import ReadableSpan, Span, SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode, use_span

from autocalls_async import (
    AutocallsClient,
    AutocallsError,
    Event,
    FreeformMessage,
    HandedOver,
    Message,
    Outcome,
    Queued,
    Run,
    RunStoppedError,
    Settled,
    TemplateMessage,
    TemplateRequiredError,
    Unknown,
    UnknownOutcomeError,
)
from autocalls_async.emulator import (
    Delay,
    Emulator,
    Endpoint,
    Fault,
    HangUpAfter,
    Refuse,
    Stall,
    refuse_with_code,
)
from autocalls_async.otel import MAX_CODES, OpenTelemetryObserver
from autocalls_async.policy.lanes import Lane
from tests.people import ANA, SENDER, STRANGER, hello, hellos, open_windows
from tests.people import people as make_people

KEY = "1|key-that-nobody-sees"
POST = Endpoint.SEND_FREEFORM
TEMPLATE = TemplateMessage(recipient_phone=ANA, template_id=46)


class Opened(SpanProcessor):
    """Notes each span that is opened."""

    def __init__(self) -> None:
        self.spans: list[Span] = []

    def on_start(self, span: Span, parent_context: object = None) -> None:  # noqa: ARG002  # its signature
        """Note one."""
        self.spans.append(span)


class Backend:
    """Keeps what it is sent, in memory."""

    def __init__(self) -> None:
        self.exporter = InMemorySpanExporter()
        self.opened = Opened()
        self.tracer_provider = TracerProvider(shutdown_on_exit=False)
        self.tracer_provider.add_span_processor(SimpleSpanProcessor(self.exporter))
        self.tracer_provider.add_span_processor(self.opened)
        self.tracer = self.tracer_provider.get_tracer("tests")
        self.reader = InMemoryMetricReader()
        self.meter_provider = MeterProvider([self.reader], shutdown_on_exit=False)

    def observer(self, **options: Any) -> OpenTelemetryObserver:  # noqa: ANN401  # passed on
        """Make an observer that tells this backend."""
        return OpenTelemetryObserver(
            tracer_provider=self.tracer_provider,
            meter_provider=self.meter_provider,
            **options,
        )

    def client(self, emulator: Emulator, **options: Any) -> AutocallsClient:  # noqa: ANN401  # passed on
        """Make a client with such an observer."""
        return AutocallsClient(
            KEY,
            base_url=emulator.base_url,
            sender_id=SENDER,
            **{"observer": self.observer(), **options},
        )

    def spans(self, name: str) -> Sequence[ReadableSpan]:
        """Return the ended spans of one name, in the order in which they ended."""
        return [s for s in self.exporter.get_finished_spans() if s.name == name]

    def metrics(self) -> Mapping[str, Metric]:
        """Return all metrics by name."""
        data = self.reader.get_metrics_data()
        resources = data.resource_metrics if data else []
        return {
            metric.name: metric
            for resource in resources
            for scope in resource.scope_metrics
            for metric in scope.metrics
        }

    def counts(self, name: str) -> list[tuple[dict[str, object], float]]:
        """Return the attributes and the value of each point of a counter."""
        data = self.metrics()[name].data
        assert isinstance(data, Sum)
        return [(dict(p.attributes or {}), p.value) for p in data.data_points]

    def times(self, name: str) -> list[tuple[dict[str, object], int, float]]:
        """Return the attributes, the count and the sum of each point of a histogram."""
        data = self.metrics()[name].data
        assert isinstance(data, Histogram)
        return [(dict(p.attributes or {}), p.count, p.sum) for p in data.data_points]


@pytest.fixture
def backend() -> Iterator[Backend]:
    """Start a backend in memory."""
    started = Backend()
    yield started
    started.tracer_provider.shutdown()
    started.meter_provider.shutdown()


async def outcomes_of(run: Run) -> list[Outcome]:
    return [outcome async for outcome in run]


def seconds(span: ReadableSpan) -> float:
    assert span.start_time is not None
    assert span.end_time is not None
    return (span.end_time - span.start_time) / 1e9


def facts(span: ReadableSpan) -> dict[str, object]:
    return dict(span.attributes or {})


def parent_id(span: ReadableSpan) -> int | None:
    return span.parent.span_id if span.parent else None


def span_id(span: ReadableSpan) -> int:
    return int(span.context.span_id)  # the SDK says nothing of its type


async def test_a_message_is_a_span_with_its_attempt_and_its_check(
    emulator: Emulator, backend: Backend
) -> None:
    emulator.customer_writes(ANA)
    emulator.after_counting = lambda _: 0.25

    async with backend.client(emulator) as client:
        sent = await client.send_freeform(ANA, "hi")

    [call] = backend.spans("send whatsapp")
    [attempt] = backend.spans("autocalls.attempt")
    assert call.kind is SpanKind.CLIENT
    assert call.status.status_code is StatusCode.UNSET
    assert facts(call) == {
        "messaging.system": "autocalls",
        "messaging.operation.name": "send",
        "messaging.operation.type": "send",
        "messaging.destination.name": "whatsapp",
        "server.address": "127.0.0.1",
        "server.port": facts(call)["server.port"],
        "messaging.message.id": str(sent.whatsapp_message_id),
        "autocalls.call_id": facts(call)["autocalls.call_id"],
        "autocalls.sender_id": SENDER,
        "autocalls.lane": "interactive",
        "autocalls.message.kind": "freeform",
        "autocalls.attempts": 1,
        "autocalls.outcome": "accepted",
    }
    [checked] = call.events
    assert checked.name == "autocalls.window_checked"
    assert checked.attributes == {
        "autocalls.window.state": "open",
        "autocalls.window.was_asked": True,
    }
    assert parent_id(attempt) == span_id(call)
    assert facts(attempt) == {"autocalls.attempt": 1, "autocalls.seen": "200"}
    assert attempt.status.status_code is StatusCode.UNSET
    # The check's answer and the send's, on the clock of the loop.
    assert seconds(call) == pytest.approx(0.5, abs=0.02)
    assert seconds(attempt) == pytest.approx(0.25, abs=0.01)


async def test_the_span_of_whoever_sends_is_the_parent(
    emulator: Emulator, backend: Backend
) -> None:
    recipients = make_people(3)
    open_windows(emulator, recipients)

    async def request(client: AutocallsClient, recipient: str) -> int:
        span = backend.tracer.start_span("request")
        with use_span(span, end_on_exit=True):
            await client.send_freeform(recipient, "hi")
        return span.get_span_context().span_id

    async with backend.client(emulator) as client:
        sending = (request(client, recipient) for recipient in recipients)
        requests = await asyncio.gather(*sending)

    assert [parent_id(s) for s in backend.spans("send whatsapp")] == requests


async def test_the_messages_of_a_run_belong_to_whoever_iterates(
    emulator: Emulator, backend: Backend
) -> None:
    recipients = make_people(5)
    open_windows(emulator, recipients)

    async with backend.client(emulator) as client:
        span = backend.tracer.start_span("campaign")
        with use_span(span, end_on_exit=True):
            await outcomes_of(client.send_many(hellos(recipients)))

    calls = backend.spans("send whatsapp")
    campaign = span.get_span_context().span_id
    assert [parent_id(call) for call in calls] == [campaign] * 5
    assert [facts(call)["autocalls.lane"] for call in calls] == ["bulk"] * 5


async def test_each_attempt_is_a_child(emulator: Emulator, backend: Backend) -> None:
    emulator.customer_writes(ANA)
    emulator.fail_next(1, Refuse(429, {}, {"Retry-After": "5"}), endpoint=POST)

    async with backend.client(emulator) as client:
        await client.send_freeform(ANA, "hi")

    [call] = backend.spans("send whatsapp")
    refused, accepted = backend.spans("autocalls.attempt")
    assert [parent_id(refused), parent_id(accepted)] == [span_id(call)] * 2
    assert refused.status.status_code is StatusCode.ERROR
    assert facts(refused) == {
        "autocalls.attempt": 1,
        "autocalls.seen": "429",
        "error.type": "429",
    }
    assert call.status.status_code is StatusCode.UNSET
    assert facts(call)["autocalls.attempts"] == 2


async def test_a_message_is_counted_once_and_each_of_its_attempts_is_timed(
    emulator: Emulator, backend: Backend
) -> None:
    emulator.customer_writes(ANA)
    emulator.after_counting = lambda _: 0.25
    emulator.fail_next(1, Refuse(429, {}, {"Retry-After": "5"}), endpoint=POST)

    async with backend.client(emulator) as client:
        await client.send_freeform(ANA, "hi")

    assert backend.counts("autocalls.pauses") == [({}, 1)]
    assert backend.counts("autocalls.messages") == [
        ({"autocalls.outcome": "accepted"}, 1)
    ]
    [(lane, count, wait)] = backend.times("autocalls.queue.wait")
    assert lane == {"autocalls.lane": "interactive"}
    assert count == 1
    assert wait == pytest.approx(0.25, abs=0.01)  # the check's answer
    (refused, *_), (accepted, _, trip) = backend.times("autocalls.round_trip")
    assert refused == {"autocalls.seen": "429"}
    assert accepted == {"autocalls.seen": "200"}
    assert trip == pytest.approx(0.25, abs=0.01)
    assert backend.metrics()["autocalls.round_trip"].unit == "s"


async def test_the_required_metrics_have_the_conventions_names(
    emulator: Emulator, backend: Backend
) -> None:
    emulator.customer_writes(ANA)
    emulator.fail_next(1, HangUpAfter(), endpoint=POST)
    common = {
        "messaging.system": "autocalls",
        "messaging.operation.name": "send",
        "messaging.operation.type": "send",
        "messaging.destination.name": "whatsapp",
        "server.address": "127.0.0.1",
        "server.port": int(emulator.base_url.split(":")[2].split("/")[0]),
    }

    async with backend.client(emulator) as client:
        with pytest.raises(UnknownOutcomeError):
            await client.send_freeform(ANA, "lost")
        await client.send_freeform(ANA, "hi")
        with pytest.raises(TemplateRequiredError):
            await client.send_freeform(STRANGER, "never handed over")

    lost = {**common, "error.type": "UnknownOutcomeError"}
    assert backend.counts("messaging.client.sent.messages") == [(lost, 1), (common, 1)]
    spans = backend.spans("send whatsapp")
    assert facts(spans[0]).items() >= common.items()
    durations = backend.times("messaging.client.operation.duration")
    assert [told.get("error.type") for told, _, _ in durations] == [
        "UnknownOutcomeError",
        None,
        "TemplateRequiredError",
    ]
    assert [total for _, _, total in durations] == pytest.approx(
        [seconds(span) for span in spans]
    )


@pytest.mark.parametrize(
    ("message", "fault", "counted", "status", "description"),
    [
        pytest.param(
            hello(STRANGER),
            None,
            {"autocalls.outcome": "rejected", "error.type": "TemplateRequiredError"},
            None,
            "rejected: TemplateRequiredError",
            id="window closed, as our check found",
        ),
        pytest.param(
            TEMPLATE,
            refuse_with_code(402, "INSUFFICIENT_BALANCE"),
            {
                "autocalls.outcome": "rejected",
                "error.type": "InsufficientBalanceError",
                "autocalls.error.code": "INSUFFICIENT_BALANCE",
            },
            402,
            "rejected: InsufficientBalanceError INSUFFICIENT_BALANCE",
            id="refused with a code",
        ),
        pytest.param(
            TEMPLATE,
            HangUpAfter(),
            {"autocalls.outcome": "unknown", "error.type": "UnknownOutcomeError"},
            None,
            "unknown: UnknownOutcomeError",
            id="lost answer",
        ),
        pytest.param(
            TEMPLATE,
            refuse_with_code(500, f"to {ANA}"),
            {
                "autocalls.outcome": "unknown",
                "error.type": "UnknownOutcomeError",
                "autocalls.error.code": "code withheld",
            },
            500,
            "unknown: UnknownOutcomeError code withheld",
            id="a code that is none",
        ),
    ],
)
async def test_what_is_not_accepted_is_an_error_of_its_kind(
    message: Message,
    fault: Fault | None,
    counted: dict[str, object],
    status: int | None,
    description: str,
    emulator: Emulator,
    backend: Backend,
) -> None:
    if fault:
        emulator.fail_next(1, fault)

    async with backend.client(emulator) as client:
        with pytest.raises(AutocallsError):
            await client.send(message)

    [call] = backend.spans("send whatsapp")
    assert call.status.status_code is StatusCode.ERROR
    assert call.status.description == description
    assert facts(call).items() >= counted.items()
    assert facts(call).get("http.response.status_code") == status
    assert backend.counts("autocalls.messages") == [(counted, 1)]


async def test_what_never_left_has_no_attempt_and_no_wait(
    emulator: Emulator, backend: Backend
) -> None:
    emulator.fail_next(1, Stall(), endpoint=Endpoint.SESSION_STATUS)

    async with backend.client(emulator) as client:
        with pytest.raises(AutocallsError):
            await client.send_freeform(ANA, "hi", timeout=3)

    [call] = backend.spans("send whatsapp")
    assert facts(call)["autocalls.outcome"] == "unsent"
    assert "autocalls.attempts" not in facts(call)
    assert seconds(call) == pytest.approx(3, abs=0.1)
    assert backend.spans("autocalls.attempt") == []
    assert "autocalls.queue.wait" not in backend.metrics()


async def test_a_caller_who_left_early_does_not_change_what_is_told(
    emulator: Emulator, backend: Backend
) -> None:
    emulator.customer_writes(ANA)
    emulator.fail_next(1, Delay(5, after_acting=True), endpoint=POST)

    async with backend.client(emulator) as client:
        with pytest.raises(UnknownOutcomeError):
            await client.send_freeform(ANA, "hi", timeout=1)
        [] = backend.spans("send whatsapp")

    [call] = backend.spans("send whatsapp")
    assert facts(call)["autocalls.outcome"] == "accepted"
    assert seconds(call) == pytest.approx(5, abs=0.1)


async def test_every_span_that_was_opened_is_closed(
    emulator: Emulator, backend: Backend
) -> None:
    recipients = make_people(40)
    open_windows(emulator, recipients[1:])
    emulator.fail_next(3, HangUpAfter(), endpoint=POST)
    emulator.fail_next(2, Refuse(429, {}, {"Retry-After": "1"}), endpoint=POST)

    async with backend.client(emulator, drain_timeout=0.5) as client:
        run = client.send_many(hellos(recipients))
        asyncio.get_running_loop().call_later(5, run.stop)
        with pytest.raises(RunStoppedError):
            await outcomes_of(run)
        for step in range(20):
            send = asyncio.create_task(client.send_freeform(recipients[1], "hi"))
            await asyncio.sleep(step * 0.01)
            send.cancel()
        emulator.fail_next(1, Stall(), endpoint=POST)
        cut_short = asyncio.create_task(client.send_freeform(recipients[1], "hi"))
        await asyncio.sleep(2)
    with pytest.raises(UnknownOutcomeError):
        await cut_short

    calls = backend.spans("send whatsapp")
    told = {facts(call)["autocalls.outcome"] for call in calls}
    assert told == {"accepted", "rejected", "unsent", "unknown"}
    assert len(backend.opened.spans) > len(calls)
    assert [span for span in backend.opened.spans if span.is_recording()] == []


def queued(message: Message) -> Queued:
    lane = Lane.INTERACTIVE
    return Queued(call_id=1, at=100, message=message, sender_id=SENDER, lane=lane)


def handed_over(message: Message) -> HandedOver:
    return HandedOver(call_id=1, at=101, message=message, attempt=1, waited=1)


def settled(message: Message) -> Settled:
    outcome = Unknown(message=message, error=UnknownOutcomeError(detail="closed"))
    return Settled(call_id=1, at=103, message=message, outcome=outcome, waited=3)


def test_an_attempt_cut_short_ends_with_its_message(backend: Backend) -> None:
    message = hello()
    observe = backend.observer()

    for event in (queued(message), handed_over(message), settled(message)):
        observe(event)

    [attempt] = backend.spans("autocalls.attempt")
    assert seconds(attempt) == pytest.approx(2)
    assert attempt.status.status_code is StatusCode.ERROR
    assert facts(attempt) == {
        "autocalls.attempt": 1,
        "autocalls.seen": "no whole answer",
        "error.type": "no whole answer",
    }
    assert "autocalls.round_trip" not in backend.metrics()  # no answer, no time of it


def test_a_message_is_forgotten_with_its_outcome(backend: Backend) -> None:
    message = hello()
    observe = backend.observer()

    for event in (queued(message), settled(message), handed_over(message)):
        observe(event)

    assert [span.name for span in backend.opened.spans] == ["send whatsapp"]


def test_a_message_that_was_never_queued_is_told_all_the_same(
    backend: Backend,
) -> None:
    observe = backend.observer()

    observe(settled(hello()))

    [call] = backend.exporter.get_finished_spans()
    assert seconds(call) == 0
    assert call.status.status_code is StatusCode.ERROR
    assert [count for _, count in backend.counts("autocalls.messages")] == [1]


async def test_two_clients_may_share_an_observer(
    emulator: Emulator, backend: Backend
) -> None:
    shared = backend.observer()
    emulator.customer_writes(ANA)
    emulator.fail_next(1, Delay(2, after_acting=True), endpoint=POST)

    async with (
        backend.client(emulator, observer=shared) as one,
        backend.client(emulator, observer=shared) as other,
    ):
        slow = asyncio.create_task(one.send_freeform(ANA, "hi"))
        await asyncio.sleep(1)
        await other.send(TEMPLATE)
        await slow

    calls = backend.spans("send whatsapp")
    attempts = backend.spans("autocalls.attempt")
    told = [
        (facts(call)["autocalls.message.kind"], round(seconds(call))) for call in calls
    ]
    assert len({facts(call)["autocalls.call_id"] for call in calls}) == 2
    assert told == [("template", 0), ("freeform", 2)]
    assert [parent_id(a) for a in attempts] == [span_id(c) for c in calls]


async def test_codes_that_somebody_makes_up_are_not_counted_one_by_one(
    emulator: Emulator, backend: Backend
) -> None:
    recipients = make_people(MAX_CODES + 10)
    codes = [f"E_{chr(65 + n // 26)}{chr(65 + n % 26)}" for n in range(len(recipients))]
    for code in codes:
        emulator.fail_next(1, refuse_with_code(422, code))

    async with backend.client(emulator, window_check="never") as client:
        await outcomes_of(client.send_many(hellos(recipients)))

    counted = {
        labels["autocalls.error.code"]: count
        for labels, count in backend.counts("autocalls.messages")
    }
    assert len(counted) == MAX_CODES + 1
    assert counted["another code"] == 10
    assert counted[codes[0]] == 1


async def test_no_key_no_text_and_no_number_is_exported(
    emulator: Emulator, backend: Backend
) -> None:
    text = "a text that nobody sees"
    recipients = make_people(12)
    open_windows(emulator, recipients[:8])
    emulator.fail_next(2, HangUpAfter(), endpoint=POST)
    emulator.fail_next(1, Refuse(422, {"message": f"{text} {ANA}"}), endpoint=POST)
    emulator.fail_next(1, refuse_with_code(422, ANA), endpoint=POST)

    async with backend.client(emulator) as client:
        messages = [
            FreeformMessage(recipient_phone=r, message=text) for r in recipients
        ]
        await outcomes_of(client.send_many(messages))

    data = backend.reader.get_metrics_data()
    assert data is not None
    spans = [span.to_json() for span in backend.exporter.get_finished_spans()]
    exported = json.dumps(spans) + data.to_json()
    assert "autocalls.error.code" in exported
    for hidden in (text, KEY, ANA[1:], "•", *(r[1:] for r in recipients)):
        assert hidden not in exported


async def test_the_log_goes_on(
    emulator: Emulator, backend: Backend, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, logger="autocalls_async")
    emulator.customer_writes(ANA)

    async with backend.client(emulator) as client:
        await client.send_freeform(ANA, "hi")

    lines = [r.getMessage() for r in caplog.records if r.name == "autocalls_async"]
    assert lines[-1].endswith(" to +1415•••0123 settled: accepted")


async def test_it_can_be_told_to_be_silent(
    emulator: Emulator, backend: Backend, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, logger="autocalls_async")
    emulator.customer_writes(ANA)

    async with backend.client(emulator, observer=backend.observer(also=None)) as client:
        await client.send_freeform(ANA, "hi")

    assert [r for r in caplog.records if r.name == "autocalls_async"] == []
    assert len(backend.spans("send whatsapp")) == 1


async def test_another_observer_that_breaks_costs_no_span(
    emulator: Emulator, backend: Backend
) -> None:
    told: list[Event] = []

    def broken(event: Event) -> None:
        told.append(event)
        raise OSError

    emulator.customer_writes(ANA)

    async with backend.client(
        emulator, observer=backend.observer(also=broken)
    ) as client:
        await client.send_freeform(ANA, "hi")

    assert len(told) == 5
    assert len(backend.spans("send whatsapp")) == 1


def test_another_observer_that_would_have_to_be_awaited_is_refused() -> None:
    async def observe(_: Event) -> None:
        """Observe nothing."""

    with pytest.raises(ValueError, match="also must be a plain function"):
        OpenTelemetryObserver(also=observe)  # type: ignore[arg-type]  # on purpose


async def test_without_an_sdk_messages_are_sent_as_ever(
    emulator: Emulator, backend: Backend
) -> None:
    emulator.customer_writes(ANA)

    async with backend.client(emulator, observer=OpenTelemetryObserver()) as client:
        await client.send_freeform(ANA, "hi")

    assert len(emulator.accepted) == 1
    assert backend.exporter.get_finished_spans() == ()


def test_without_its_library_the_module_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delitem(sys.modules, "autocalls_async.otel")
    for name in ("context", "metrics", "trace"):
        monkeypatch.setitem(sys.modules, f"opentelemetry.{name}", None)

    with pytest.raises(ImportError, match=r"pip install 'autocalls-async\[otel\]'"):
        importlib.import_module("autocalls_async.otel")


def test_who_does_not_ask_for_it_does_not_load_it() -> None:
    code = (
        "import sys, autocalls_async; "
        "print([name for name in sys.modules if name.startswith('opentelemetry')])"
    )

    ended = subprocess.run(  # noqa: S603  # our own code
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )

    assert ended.stdout == "[]\n"
