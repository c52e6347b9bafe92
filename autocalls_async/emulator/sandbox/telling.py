"""Telling the feed what changed in the account, its faults and its limits."""

from attrs import define, field

from autocalls_async.emulator.answers import JsonObject
from autocalls_async.emulator.state import Sender, Template
from autocalls_async.emulator.world import shapes
from autocalls_async.emulator.world.feed import Feed
from autocalls_async.emulator.world.history import Chat
from autocalls_async.emulator.world.world import World


@define
class Telling:
    """Compares what was told last with what is."""

    world: World
    feed: Feed
    _account: JsonObject = field(init=False, factory=dict)
    _senders: dict[int, Sender] = field(init=False, factory=dict)
    _templates: dict[int, Template] = field(init=False, factory=dict)
    _faults: list[JsonObject] = field(init=False, factory=list)
    _limits: JsonObject = field(init=False, factory=dict)

    def begin(self) -> None:
        """Take what is now for told; from here on, notice what is touched."""
        tenant = self.world.tenant
        tenant.touched = set()
        self._account = shapes.account(tenant)
        self._senders = dict(tenant.senders)
        self._templates = dict(tenant.templates)
        self._faults = self.faults()

    def tell_changes(self) -> set[Chat]:
        """Tell of the account, its senders, templates, conversations and faults.

        Returns:
            The conversations that changed.
        """
        tenant = self.world.tenant
        self._tell_account()
        for sender in tenant.senders.values():
            if self._senders.get(sender.id) is not sender:
                self._senders[sender.id] = sender
                self.feed.add("sender", shapes.sender(sender))
        for template in tenant.templates.values():
            if self._templates.get(template.id) is not template:
                self._templates[template.id] = template
                self.feed.add("template", shapes.template(template))
        touched, tenant.touched = tenant.touched or set(), set()
        for chat in touched:
            conversation = tenant.conversations[chat]
            self.feed.add("chat", shapes.chat(*chat, conversation))
        self.tell_faults()
        return touched

    def tell_faults(self) -> None:
        """Tell which faults are planned, if others were."""
        faults = self.faults()
        if faults != self._faults:
            self._faults = faults
            self.feed.add("faults", faults)

    def tell_limits(self, doubles: int) -> None:
        """Tell what the limiter counted, if it changed."""
        limits = self.limits(doubles)
        if limits != self._limits:
            self._limits = limits
            self.feed.add("limits", limits)

    def faults(self) -> list[JsonObject]:
        """Show the faults that are planned."""
        return [
            shapes.fault(planned.remaining, planned.fault, planned.endpoint)
            for planned in self.world.plan.planned
        ]

    def limits(self, doubles: int) -> JsonObject:
        """Show what the limiter counted."""
        world, records = self.world, self.world.records
        return {
            "shape": None if world.shape is None else world.shape.value,
            "rate": world.rate,
            "per": world.per,
            "accepted": records.accepted_count,
            "rejected": records.rejected_count,
            "most": records.busiest.most,
            "doubles": doubles,
            "undocumented": sorted(records.undocumented_fields),
        }

    def _tell_account(self) -> None:
        account = shapes.account(self.world.tenant)
        if account != self._account:
            self._account = account
            self.feed.add("account", account)
