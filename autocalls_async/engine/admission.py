"""Whether a message is taken in, and how busy the queue is."""

from typing import TYPE_CHECKING

from autocalls_async.engine.gate.gate import Gate
from autocalls_async.engine.shipment import Shipment
from autocalls_async.engine.shipments import Shipments
from autocalls_async.http.loop import loop_time
from autocalls_async.model.errors import QueueFullError, RateLimitedError
from autocalls_async.model.later import Later
from autocalls_async.policy.admission import (
    estimated_wait,
    full,
    hopeless,
    paused_beyond,
)
from autocalls_async.policy.lanes import Lane

if TYPE_CHECKING:
    from autocalls_async.engine.telemetry import records
else:
    # most programs observe no step
    records = Later("autocalls_async.engine.telemetry.records")
# Looked up once: before CPython 3.12 a member costs ten times a global name.
_INTERACTIVE = Lane.INTERACTIVE
_BULK = Lane.BULK


def queue_status(shipments: Shipments, gate: Gate) -> "records.QueueStatus":
    """Return how busy the queue is. It costs the same however long the queue."""
    now, pace = loop_time(), gate.pace
    waits = [now - one.submitted_at for one in shipments.longest_waiting()]
    waiting = {lane: shipments.count_waiting(lane) for lane in Lane}
    return records.QueueStatus(
        interactive=waiting[_INTERACTIVE],
        bulk=waiting[_BULK],
        in_flight=len(shipments) - sum(waiting.values()),
        oldest_wait=max(waits, default=0.0),
        sends_in_last_second=pace.sends_in_last_second(now),
        estimated_wait=estimated_wait(waiting, pace, now=now),
        paused_seconds=max(0.0, pace.not_before - now),
        limiter_wait=gate.limiter_wait,
    )


def count_ahead(shipments: Shipments, lane: Lane) -> int:
    """Return how many wait before one that comes into this lane now."""
    ahead = shipments.count_waiting(_INTERACTIVE)
    return ahead + shipments.count_waiting(lane) if lane is _BULK else ahead


def refuse(
    shipment: Shipment,
    shipments: Shipments,
    gate: Gate,
    *,
    most: int | None,
    now: float,
) -> QueueFullError | RateLimitedError | None:
    """Return why a message is refused at once that would surely wait in vain.

    Args:
        shipment: It has not been taken in.
        shipments: All that are here.
        gate: Which it would leave through.
        most: Single ones that may wait.
        now: The instant of its coming.
    """
    if most is not None and shipments.waiting_single_count >= most:
        return full(most, wait_seconds=queue_status(shipments, gate).estimated_wait)
    if not shipment.needs_slot:
        return None
    ahead = shipment.ahead_count - shipments.slotless_count
    return paused_beyond(shipment.deadline, gate.pace, now=now) or hopeless(
        shipment.deadline, ahead, gate.pace, now=now
    )
