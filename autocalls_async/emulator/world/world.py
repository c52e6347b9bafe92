"""The parts of an emulator that its sandbox shows and turns."""

from collections.abc import Callable

from attrs import define

from autocalls_async.emulator.clock import Clock
from autocalls_async.emulator.faults import FaultPlan
from autocalls_async.emulator.limits import Limit, RateLimit
from autocalls_async.emulator.records import Records
from autocalls_async.emulator.state import Tenant


@define(kw_only=True)
class World:
    """The emulator's parts that a sandbox shows and turns."""

    clock: Clock
    tenant: Tenant
    records: Records
    plan: FaultPlan
    limit: Limit
    shape: RateLimit | None
    rate: int
    per: float
    loop_time: Callable[[], float]
