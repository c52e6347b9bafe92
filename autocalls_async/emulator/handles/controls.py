"""The handles of an emulator: its account, what goes wrong, and how it counts.

Each can be turned from any thread: it is turned where the emulator lives.
"""

from collections.abc import Callable
from decimal import Decimal
from functools import wraps
from typing import Concatenate, ParamSpec, TypeVar

from attrs import frozen

from autocalls_async.emulator.app import App, Latency
from autocalls_async.emulator.faults import Endpoint, Fault, FaultChooser
from autocalls_async.emulator.home import HomeLoop
from autocalls_async.emulator.sandbox.box import Sandbox
from autocalls_async.emulator.state import WINDOW_SECONDS, Sender, Template
from autocalls_async.emulator.world.history import Message

_MINUTE = 60.0
_CROWD_WINDOWS: tuple[float | None, ...] = (
    WINDOW_SECONDS - 15 * _MINUTE,
    8 * 60 * _MINUTE,
    5 * _MINUTE,
    1 * _MINUTE,
    0.0,
    None,
)

_C = TypeVar("_C", bound="Controls")
_P = ParamSpec("_P")
_T = TypeVar("_T")


@frozen(kw_only=True)
class Customer:
    """One person of the ready-made crowd."""

    recipient_phone: str
    name: str
    seconds_remaining: float | None
    """How long the window is open; 0 if it has closed, None if they never wrote."""


class Controls:
    """One part of an emulator's handles."""

    def __init__(self, home: HomeLoop, box: Sandbox) -> None:
        self._home = home
        self._box = box
        self._turned = box.turned


def at_home(
    method: Callable[Concatenate[_C, _P], _T],
) -> Callable[Concatenate[_C, _P], _T]:
    """Let a method be called from any thread: it runs where the emulator lives."""

    @wraps(method)
    def turn(self: _C, /, *args: _P.args, **kwargs: _P.kwargs) -> _T:
        def step() -> _T:
            done = method(self, *args, **kwargs)
            self._turned()
            return done

        return self._home.do(step)

    return turn


class AccountControls(Controls):
    """What the service knows: money, senders, templates and who wrote when."""

    def __init__(self, home: HomeLoop, box: Sandbox) -> None:
        super().__init__(home, box)
        self._tenant = box.world.tenant
        self._clock = box.world.clock

    @property
    def balance(self) -> Decimal:
        """What is left on the account."""
        return self._tenant.balance

    @balance.setter
    @at_home
    def balance(self, value: Decimal) -> None:
        self._tenant.balance = value

    @at_home
    def add_sender(self, sender: Sender) -> None:
        """Add a sender, or put it in place of the one with its id."""
        self._tenant.add_sender(sender)

    @at_home
    def set_sender_status(self, sender_id: int, status: str) -> None:
        """Let a sender go `offline`, `online`, `suspended`, ...

        Raises:
            KeyError: There is no such sender.
        """
        self._tenant.set_sender_status(sender_id, status)

    @at_home
    def add_template(self, template: Template) -> None:
        """Add a template, or put it in place of the one with its id."""
        self._tenant.add_template(template)

    @at_home
    def remove_templates(self) -> None:
        """Let the account have no template."""
        self._tenant.templates = {}

    @at_home
    def customer_writes(
        self,
        phone: str,
        text: str | None = None,
        *,
        sender_id: int = 12,
        name: str | None = None,
    ) -> Message | None:
        """Let a customer write now: their window is open for 24 hours.

        Args:
            phone: The customer.
            text: What they write: it stands in their thread, and goes to `inbound`
                where the emulator was given one. None only opens the window.
            sender_id: Which sender they write to.
            name: What the customer is called; by default as before.

        Returns:
            The message, where there is a text.

        Raises:
            ValueError: The text is empty, or over 4096 characters.
        """
        chat = (sender_id, phone)
        if text is not None:
            return self._box.customer_writes(chat, text, name=name)
        self._tenant.write(*chat, at=self._clock.time(), name=name)
        return None

    @at_home
    def set_window(
        self,
        phone: str,
        seconds_remaining: float,
        *,
        sender_id: int = 12,
        name: str | None = None,
    ) -> None:
        """Let a customer have written so long ago that this much is left.

        Args:
            phone: The customer.
            seconds_remaining: At most 24 hours; 0 or less has run out already.
            sender_id: Which sender they wrote to.
            name: What the customer is called; by default as before.
        """
        wrote = self._clock.time() + seconds_remaining - WINDOW_SECONDS
        self._tenant.write(sender_id, phone, at=wrote, name=name)

    @at_home
    def expire_window(self, phone: str, *, sender_id: int = 12) -> None:
        """Let 24 hours have passed since a customer wrote."""
        conversation = self._tenant.open_conversation(sender_id, phone)
        over = self._clock.time() - WINDOW_SECONDS
        wrote = conversation.last_inbound
        conversation.last_inbound = over if wrote is None else min(wrote, over)

    @at_home
    def populate(self, count: int = 12, *, sender_id: int = 12) -> list[Customer]:
        """Add customers with windows open, closing and closed, and some with none.

        Returns:
            Them all, also those who never wrote, whom the service does not know.
        """
        crowd = []
        for index in range(count):
            customer = Customer(
                recipient_phone=f"+1415555{index + 1:04d}",
                name=f"Customer {index + 1}",
                seconds_remaining=_CROWD_WINDOWS[index % len(_CROWD_WINDOWS)],
            )
            crowd.append(customer)
            if customer.seconds_remaining is not None:
                self.set_window(
                    customer.recipient_phone,
                    customer.seconds_remaining,
                    sender_id=sender_id,
                    name=customer.name,
                )
        return crowd


class FaultControls(Controls):
    """What goes wrong on purpose."""

    def __init__(self, home: HomeLoop, box: Sandbox) -> None:
        super().__init__(home, box)
        self._plan = box.world.plan

    @at_home
    def fail_next(
        self, count: int, fault: Fault, *, endpoint: Endpoint | None = None
    ) -> None:
        """Let the next `count` requests fail, of one endpoint or of any.

        Faults queue up: of several that fit, the one planned first strikes. A
        request that has no valid key or comes too fast uses up none.

        Raises:
            ValueError: `count` is less than one.
        """
        self._plan.add(count, fault, endpoint=endpoint)

    @at_home
    def stop_failing(self) -> None:
        """Forget all planned faults and `choose_fault`."""
        self._plan.clear()

    @property
    def choose_fault(self) -> FaultChooser | None:
        """What is asked for the fault of each request that no planned one strikes."""
        return self._plan.choose

    @choose_fault.setter
    @at_home
    def choose_fault(self, value: FaultChooser | None) -> None:
        self._plan.choose = value


class LimitControls(Controls):
    """How long things take before and after a send is counted."""

    def __init__(self, home: HomeLoop, box: Sandbox, app: App) -> None:
        super().__init__(home, box)
        self._app = app

    @property
    def before_counting(self) -> Latency | None:
        """How many seconds a request is under way before it arrives."""
        return self._app.before_counting

    @before_counting.setter
    @at_home
    def before_counting(self, value: Latency | None) -> None:
        self._app.before_counting = value

    @property
    def after_counting(self) -> Latency | None:
        """How many seconds pass from the counting (and acting) to the answer."""
        return self._app.after_counting

    @after_counting.setter
    @at_home
    def after_counting(self, value: Latency | None) -> None:
        self._app.after_counting = value
