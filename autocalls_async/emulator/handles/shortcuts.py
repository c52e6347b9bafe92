"""Short names for what tests ask an emulator most: `emulator.accepted`.

Each stands for the same name of one of its parts, which documents it. New names go
into a part alone.
"""

from decimal import Decimal

from autocalls_async.emulator.app import App, Latency
from autocalls_async.emulator.faults import FaultChooser
from autocalls_async.emulator.handles.controls import (
    AccountControls,
    FaultControls,
    LimitControls,
)
from autocalls_async.emulator.handles.customers import SandboxControls
from autocalls_async.emulator.home import HomeLoop
from autocalls_async.emulator.records import AcceptedMessage, RecordedRequest, Records
from autocalls_async.emulator.sandbox.box import Sandbox


class Shortcuts:
    """What the parts have, under the same names."""

    def __init__(self, home: HomeLoop, app: App, box: Sandbox) -> None:
        self.account: AccountControls = AccountControls(home, box)
        account = self.account
        self.faults: FaultControls = FaultControls(home, box)
        faults = self.faults
        self.limits: LimitControls = LimitControls(home, box, app)
        self.seen: Records = box.world.records
        seen = self.seen
        self.sandbox: SandboxControls = SandboxControls(home, box)
        sandbox = self.sandbox
        self.add_sender = account.add_sender
        self.set_sender_status = account.set_sender_status
        self.customer_writes = account.customer_writes
        self.set_window = account.set_window
        self.expire_window = account.expire_window
        self.populate = account.populate
        self.fail_next = faults.fail_next
        self.stop_failing = faults.stop_failing
        self.requests_by_endpoint = seen.requests_by_endpoint
        self.most_sends_in_any_second = seen.most_sends_in_any_second
        self.duplicates = seen.duplicates
        self.advance = sandbox.advance
        self.thread = sandbox.thread
        self.wait_for_message = sandbox.wait_for_message
        self.set_status = sandbox.set_status
        self.snapshot = sandbox.snapshot
        self.restore = sandbox.restore
        self.replay = sandbox.replay

    @property
    def balance(self) -> Decimal:
        """As `account` has it."""
        return self.account.balance

    @balance.setter
    def balance(self, value: Decimal) -> None:
        self.account.balance = value

    @property
    def choose_fault(self) -> FaultChooser | None:
        """As `faults` has it."""
        return self.faults.choose_fault

    @choose_fault.setter
    def choose_fault(self, value: FaultChooser | None) -> None:
        self.faults.choose_fault = value

    @property
    def before_counting(self) -> Latency | None:
        """As `limits` has it."""
        return self.limits.before_counting

    @before_counting.setter
    def before_counting(self, value: Latency | None) -> None:
        self.limits.before_counting = value

    @property
    def after_counting(self) -> Latency | None:
        """As `limits` has it."""
        return self.limits.after_counting

    @after_counting.setter
    def after_counting(self, value: Latency | None) -> None:
        self.limits.after_counting = value

    @property
    def accepted(self) -> list[AcceptedMessage]:
        """As `seen` has it."""
        return self.seen.accepted

    @property
    def requests(self) -> list[RecordedRequest]:
        """As `seen` has it."""
        return self.seen.requests

    @property
    def accepted_count(self) -> int:
        """As `seen` has it."""
        return self.seen.accepted_count

    @property
    def rejected_count(self) -> int:
        """As `seen` has it."""
        return self.seen.rejected_count

    @property
    def undocumented_fields(self) -> set[str]:
        """As `seen` has it."""
        return self.seen.undocumented_fields
