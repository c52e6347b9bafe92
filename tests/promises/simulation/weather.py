"""What goes wrong in one run, how often, and how long things take: all drawn.

The draws come from one seeded source. Answers of gateways are such as nobody
could mistake for the API's: what the API itself says is believed.
"""

import random
from collections.abc import Callable

from attrs import define, field, frozen

from autocalls_async.emulator import (
    Delay,
    Endpoint,
    Fault,
    Garble,
    HangUpAfter,
    HangUpBefore,
    Refuse,
    Stall,
    refuse_with_code,
)
from tests.promises.simulation.network import FAIR, Connecting, Cut, Ending, Plan

# Requests are some 300 to 450 bytes long, answers some 300 to 600.
_REQUEST_BYTES = 500
_ANSWER_BYTES = 700

_STATUSES = (204, 302, 303, 307, 308, 400, 408, 413, 500, 502, 503, 504, 520)


def _page(status: int) -> bytes:
    """Write what a gateway would."""
    body = b"<html><h1>No</h1></html>"
    head = (
        f"HTTP/1.1 {status} No\r\nContent-Type: text/html\r\nConnection: close\r\n"
        f"Location: /login\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + (b"" if status == 204 else body)


_GATEWAY = (
    *(_page(status) for status in _STATUSES),
    _page(200),
    b"HTTP/1.1 100 Continue\r\n\r\n",
    b"HTTP/1.1 two hundred\r\n\r\n",
    b"\x16\x03\x01\x00\xa5",
    b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}",
)

_STRAY = (
    b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 45\r\n\r\n"
    b'{"success": true, "whatsapp_message_id": 666}'
)

_FAULTS: tuple[tuple[int, Fault], ...] = (
    (4, HangUpBefore()),
    (4, HangUpAfter()),
    (2, Garble()),
    (2, Stall()),
    (2, Stall(after_acting=True)),
    (3, Delay(20.0)),
    (3, Delay(50.0)),
    (3, Delay(50.0, after_acting=True)),
    (4, Refuse(429, {"message": "Too Many Attempts."})),
    (4, Refuse(429, {"message": "Too Many Attempts."}, {"Retry-After": "3"})),
    (3, Refuse(500, "<h1>Server Error</h1>")),
    (3, Refuse(503, {"message": "Service Unavailable"})),
    (3, refuse_with_code(503, "SENDER_OFFLINE")),
    (2, refuse_with_code(422, "INVALID_PHONE")),
    (2, Refuse(422, {"message": "Wrong.", "errors": {"message": ["Wrong."]}})),
    (1, refuse_with_code(402, "INSUFFICIENT_BALANCE")),
    (1, Refuse(401, {"message": "Unauthenticated."})),
)


@frozen(kw_only=True)
class Climate:
    """How rough one run is.

    Attributes:
        plan_share: Of the connections, how many suffer something.
        fault_share: Of the requests, how many the service fails.
        is_calm: Every path takes 5 to 60 ms each way, for which the pace
            promises that the service never counts too many.
        has_429s: Whether the service, at random, asks for a pause.
        outages: From when to when no connection comes about.
    """

    plan_share: float = 0.0
    fault_share: float = 0.0
    is_calm: bool = True
    has_429s: bool = True
    outages: tuple[tuple[float, float], ...] = ()


def draw_climate(rng: random.Random) -> Climate:
    """Draw how rough a run is; one in five is nearly fair."""
    share = rng.choice((0.02, 0.1, 0.2, 0.4, 0.6))
    outages: list[tuple[float, float]] = []
    if rng.random() < 0.15:
        begin = rng.uniform(0, 20)
        outages.append((begin, begin + rng.choice((5.0, 60.0, 900.0))))
    return Climate(
        plan_share=share,
        fault_share=share / 2,
        is_calm=rng.random() < 0.5,
        outages=tuple(outages),
    )


@define
class Elements:
    """The draws of one run, as long as it has not cleared up."""

    climate: Climate
    rng: random.Random
    clock: Callable[[], float]
    struck: dict[int, Fault] = field(factory=dict)
    is_over: bool = False

    def clear_up(self) -> None:
        """Let nothing go wrong from now on."""
        self.is_over = True

    def delay(self) -> float:
        """Draw how long bytes are under way."""
        rng = self.rng
        if self.climate.is_calm:
            return rng.uniform(0.005, 0.06)
        if rng.random() < 0.05 and not self.is_over:
            return rng.expovariate(1.0)
        return rng.lognormvariate(-3.5, 1.0)

    def plan(self) -> Plan:
        """Draw what a connection suffers."""
        if self.is_over:
            return FAIR
        if any(begin <= self.clock() < end for begin, end in self.climate.outages):
            return Plan(connecting=Connecting.REFUSED)
        if self.rng.random() >= self.climate.plan_share:
            return FAIR
        return self._trouble()

    def _trouble(self) -> Plan:
        rng = self.rng
        cut = rng.choice(list(Ending))
        match rng.randrange(12):
            case 0:
                return Plan(connecting=Connecting.REFUSED)
            case 1:
                return Plan(connecting=Connecting.HANGS)
            case 2 | 3 | 4:
                return Plan(up=Cut(rng.randrange(_REQUEST_BYTES), cut))
            case 5 | 6 | 7:
                return Plan(down=Cut(rng.randrange(_ANSWER_BYTES), cut))
            case 8 | 9 | 10:
                return Plan(gateway=rng.choice(_GATEWAY))
            case _:
                return Plan(stray=_STRAY)

    def fault(self, _endpoint: Endpoint, request_number: int) -> Fault | None:
        """Draw what the service does to a request, and note it."""
        if self.is_over or self.rng.random() >= self.climate.fault_share:
            return None
        weights = [weight for weight, _ in _FAULTS]
        (_, fault) = self.rng.choices(_FAULTS, weights)[0]
        is_429 = isinstance(fault, Refuse) and fault.status == 429
        if is_429 and not self.climate.has_429s:
            return None
        self.struck[request_number] = fault
        return fault
