"""Let Sentry and OpenTelemetry listen to every call, and print what they let slip.

Run as `python -m tests.tracers.listening` in a process of its own: Sentry patches
aiohttp for good. For each call it prints where a secret stands in what was exported.
"""

import json
import sys
from base64 import b64encode
from collections.abc import Iterator
from contextlib import suppress
from typing import Any
from urllib.parse import quote, quote_plus

import sentry_sdk
from opentelemetry.instrumentation.aiohttp_client import AioHttpClientInstrumentor
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from sentry_sdk.envelope import Envelope
from sentry_sdk.integrations.aiohttp import AioHttpIntegration
from sentry_sdk.transport import Transport

from autocalls_async.emulator import Emulator
from autocalls_async.testing import run
from tests.tracers.calls import CALLS, KEY, PHONE, TEXT, Call, theirs


def spellings(secret: str) -> set[str]:
    """Return how it may be written."""
    raw = secret.encode()
    return {
        secret,
        quote(secret, safe=""),
        quote_plus(secret),
        json.dumps(secret)[1:-1],
        ascii(raw)[2:-1],
        raw.hex(),
        b64encode(raw).decode().rstrip("="),
    }


# Whole numbers are looked for by their digits, in whatever they are wrapped.
SPELLINGS = spellings(PHONE[1:]) | spellings(TEXT) | spellings(KEY)


class Exported(Transport):
    """Keeps what Sentry would send."""

    def __init__(self, options: dict[str, Any] | None = None) -> None:
        super().__init__(options)
        self.envelopes: list[Envelope] = []

    def capture_envelope(self, envelope: Envelope) -> None:
        """Keep it."""
        self.envelopes.append(envelope)


def hits(value: object, path: str = "") -> Iterator[str]:
    """Yield where a secret stands in what was exported."""
    match value:
        case dict():
            if "function" in value and "vars" in value:
                path = f"{value.get('module')}.{value['function']}"
            for key, inner in value.items():
                yield from hits(key, path)
                yield from hits(inner, f"{path}/{key}")
        case list():
            for inner in value:
                yield from hits(inner, path)
        case str() if any(spelling in value for spelling in SPELLINGS):
            yield path


def listen(
    name: str, call: Call, sentry: Exported, spans: InMemorySpanExporter
) -> dict[str, Any]:
    """Make a call, and return what of it was exported."""
    sentry.envelopes.clear()
    spans.clear()

    def look() -> None:
        sentry_sdk.capture_message("looking around")

    async def make() -> None:
        async with Emulator() as emulator:
            try:
                await call(emulator, look)
            except Exception as error:  # noqa: BLE001  # each is told
                sentry_sdk.capture_exception(error)

    with sentry_sdk.isolation_scope(), sentry_sdk.start_transaction(name=name):
        run(make())
    sentry_sdk.flush()
    items = [item for envelope in sentry.envelopes for item in envelope.items]
    found = [*hits([json.loads(item.get_bytes()) for item in items])]
    found += hits([json.loads(span.to_json()) for span in spans.get_finished_spans()])
    return {
        "items": len(items),
        "found": sorted(found),
    }


def main() -> None:
    """Listen to all calls."""
    sentry = Exported()
    sentry_sdk.init(
        dsn="https://key@localhost/1",
        transport=sentry,
        auto_enabling_integrations=False,  # they import whatever is installed
        integrations=[AioHttpIntegration()],
        traces_sample_rate=1.0,
        send_default_pii=True,
        attach_stacktrace=True,
        max_value_length=1_000_000,
    )
    spans = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(spans))
    AioHttpClientInstrumentor().instrument(tracer_provider=provider)
    calls = CALLS | {"theirs": theirs}
    names = sys.argv[1:] or list(calls)
    found = {name: listen(name, calls[name], sentry, spans) for name in names}
    json.dump(found, sys.stdout, indent=1)


if __name__ == "__main__":
    with suppress(BrokenPipeError):
        main()
