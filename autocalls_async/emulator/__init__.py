"""A fake of the Autocalls WhatsApp API, for tests, demos and trying things out.

It behaves as the API is documented, and shares no line with the client: what
both would get wrong in the same way, no test could find.

    async with Emulator() as emulator:
        emulator.customer_writes("+14155550123")
        client = AutocallsClient("any-key", base_url=emulator.base_url)

Its rooms:

    server     Emulator: the whole              handles/   what a program turns it by
    app        HTTP of the service: routes, faults, limits, service, state, answers, ...
    clock      a clock that can be moved, and everything here reads
    world/     what there is and has happened: threads, receipts, requests, the feed
    outbound/  receipts, customers' messages and ended conversations to others' programs
    saved/     snapshots, and recorded talks
    sandbox/   all of these at work    standalone  as a process of its own
    control/   the page and the JSON API    page/   what the browser gets
"""

from types import FunctionType

from autocalls_async.emulator.app import Latency
from autocalls_async.emulator.faults import (
    Delay,
    Endpoint,
    Fault,
    FaultChooser,
    Garble,
    HangUpAfter,
    HangUpBefore,
    Refuse,
    Stall,
    refuse_with_code,
)
from autocalls_async.emulator.handles.controls import Customer
from autocalls_async.emulator.handles.replay import Replayed
from autocalls_async.emulator.limits import (
    Admission,
    BusiestSecond,
    Limit,
    RateLimit,
    make_limit,
)
from autocalls_async.emulator.records import AcceptedMessage, RecordedRequest
from autocalls_async.emulator.server import Emulator
from autocalls_async.emulator.standalone import Stand, read_state, serve
from autocalls_async.emulator.state import Sender, Template
from autocalls_async.emulator.world.history import Message
from autocalls_async.emulator.world.settings import SandboxOptions

__all__ = [
    "AcceptedMessage",
    "Admission",
    "BusiestSecond",
    "Customer",
    "Delay",
    "Emulator",
    "Endpoint",
    "Fault",
    "FaultChooser",
    "Garble",
    "HangUpAfter",
    "HangUpBefore",
    "Latency",
    "Limit",
    "Message",
    "RateLimit",
    "RecordedRequest",
    "Refuse",
    "Replayed",
    "SandboxOptions",
    "Sender",
    "Stall",
    "Stand",
    "Template",
    "make_limit",
    "read_state",
    "refuse_with_code",
    "serve",
]

for _name in __all__:  # they say where users import them from
    if isinstance(_thing := globals()[_name], type | FunctionType):
        _thing.__module__ = __name__
