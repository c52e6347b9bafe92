"""From the options of the command to the emulator that they ask for."""

import re
from collections.abc import Mapping

from autocalls_async.cli.emulator.options import Inbound, Simulation
from autocalls_async.emulator import RateLimit, SandboxOptions, Stand, read_state

_LATENCY = re.compile(r"(\d+(?:\.\d+)?)(?:-(\d+(?:\.\d+)?))?(ms|s)")
_UNITS = {"ms": 0.001, "s": 1.0}


def make_stand(simulation: Simulation) -> Stand:
    """Return the emulator that is asked for, not yet started.

    Raises:
        OSError: The file to load can't be read.
        ValueError: An option can't be used; the text names it.
    """
    account = simulation.account
    balance, cost = simulation.amounts()
    return Stand(
        host=simulation.address.host,
        port=simulation.address.port,
        api_key=account.api_key,
        rate_limit=RateLimit(account.rate_limit),
        rate=account.rate,
        balance=balance,
        cost=cost,
        customer_count=0 if account.empty else account.customers,
        has_templates=not account.empty,
        latency=read_latency(simulation.latency),
        state=None if simulation.load is None else read_state(simulation.load),
        record=simulation.record,
        sandbox={
            **inbound_options(simulation.inbound),
            "webhook": simulation.webhook,
            "webhook_secret": simulation.webhook_secret,
            "ended": simulation.ended,
            "receipt_steps": simulation.receipt_steps,
            "keep": simulation.keep,
            "allow_hosts": tuple(simulation.allow_host or ()),
        },
    )


def inbound_options(inbound: Inbound) -> SandboxOptions:
    """Return the arguments of a sandbox that forwards customers' messages.

    Raises:
        ValueError: A field and its name are not written as they must be.
    """
    return {
        "page": True,
        "inbound": inbound.inbound,
        "inbound_fields": read_fields(inbound.inbound_fields),
        "inbound_token": inbound.inbound_token,
    }


def read_latency(text: str | None) -> tuple[float, float] | None:
    """Return the fewest and most seconds that are meant by `5-60ms`.

    Raises:
        ValueError: It is not written so.
    """
    if text is None:
        return None
    match = _LATENCY.fullmatch(text.strip())
    if match is None:
        msg = f"--latency must be written like 20ms, 5-60ms or 0.5-2s; got {text!r}"
        raise ValueError(msg)
    unit = _UNITS[match[3]]
    shortest, longest = float(match[1]) * unit, float(match[2] or match[1]) * unit
    if shortest > longest:
        msg = f"--latency must begin with the shorter time; got {text!r}"
        raise ValueError(msg)
    return shortest, longest


def read_fields(text: str | None) -> Mapping[str, str]:
    """Return the names that are meant by `phone=recipient_phone,text=body`.

    Raises:
        ValueError: It is not written so.
    """
    names = {}
    for pair in (text or "").split(","):
        if not pair.strip():
            continue
        field, equals, name = (part.strip() for part in pair.partition("="))
        if not (field and equals and name):
            msg = f"--inbound-fields must be written FIELD=NAME,...; got {pair!r}"
            raise ValueError(msg)
        names[field] = name
    return names
