"""How long it takes to turn an answer's bytes into our values.

    python -m benchmarks.structure [--rounds 15]

The answer to a free text, 400 bytes, with the window's state in it.

- *`json.loads` alone* is the floor: plain dicts.
- *`structure()`* takes the plain dict into `SentMessage`: every value has exactly
  the type that the API documents, or is kept aside as it came.
- *cattrs as it is* takes the same dict into classes of the same fields, with a
  plain `Converter()`: it turns `"false"` into `True`, and fails on an odd field.
- *`read_sent()`* is the whole: from bytes to `SentMessage`, by way of `Reply`, in
  which no key may stand twice and `NaN` is no JSON.

Rounds of 2,000 calls alternate between all of them. Noise: a busy machine adds a
third to every row of a round; the least is the best guess of what it costs.
"""

import argparse
import json
import time
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime

import cattrs
from attrs import frozen

from autocalls_async import SentMessage
from autocalls_async.http.replies import read_sent
from autocalls_async.http.reply import Reply
from autocalls_async.http.structuring import structure
from benchmarks.spread import Spread

CALLS = 2_000
BODY = json.dumps(
    {
        "success": True,
        "conversation_id": 1234,
        "message_id": 567,
        "whatsapp_message_id": 890,
        "message_sid": "SM" + 32 * "0",
        "session_status": {
            "is_open": True,
            "can_send_freeform": True,
            "requires_template": False,
            "message": "Session open (23 hr 45 min remaining). Send what you like.",
            "minutes_remaining": 1425,
            "expires_at": "2026-02-25T10:30:00+00:00",
        },
    }
).encode()


@frozen
class _Window:
    is_open: bool
    can_send_freeform: bool
    requires_template: bool
    message: str
    minutes_remaining: int
    expires_at: datetime


@frozen
class _Sent:
    conversation_id: int
    message_id: int
    whatsapp_message_id: int
    message_sid: str | None
    session_status: _Window


def _ways() -> Mapping[str, Callable[[], object]]:
    plain = cattrs.Converter()
    plain.register_structure_hook(datetime, lambda at, _: datetime.fromisoformat(at))
    content = json.loads(BODY)
    return {
        "`json.loads` alone": lambda: json.loads(BODY),
        "`structure()`, from the dict": lambda: structure(content, SentMessage),
        "cattrs as it is, from the dict": lambda: plain.structure(content, _Sent),
        "`read_sent()`, from the bytes": lambda: read_sent(
            Reply(status=200, body=BODY)
        ),
    }


def _microseconds(way: Callable[[], object], calls: int) -> float:
    began = time.perf_counter()
    for _ in range(calls):
        way()
    return (time.perf_counter() - began) / calls * 1e6


def measure(rounds: int, calls: int = CALLS) -> Mapping[str, list[float]]:
    """Return the microseconds of each way in each round."""
    ways = _ways()
    for way in ways.values():
        _microseconds(way, calls)
    turns = [
        {name: _microseconds(way, calls) for name, way in ways.items()}
        for _ in range(rounds)
    ]
    return {name: [turn[name] for turn in turns] for name in ways}


def report(rounds: int) -> Iterator[str]:
    """Yield the lines of the table."""
    yield "| an answer of 400 bytes | µs, median (least to most) |"
    yield "| --- | ---: |"
    for name, values in measure(rounds).items():
        yield f"| {name} | {Spread.of(values):.1f} |"


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description="Measure the reading of answers.")
    parser.add_argument("--rounds", type=int, default=15)
    print("\n".join(report(parser.parse_args().rounds)))


if __name__ == "__main__":
    main()
