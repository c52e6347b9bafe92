"""Who may turn the emulator's controls: any thread, but no loop that stops its own."""

import asyncio
import threading
from asyncio import Runner
from collections.abc import Callable
from decimal import Decimal

import pytest

from autocalls_async.emulator import Emulator, HangUpAfter, Sender, Template
from autocalls_async.emulator.handles.controls import (
    AccountControls,
    FaultControls,
    LimitControls,
)
from autocalls_async.emulator.handles.customers import SandboxControls
from autocalls_async.emulator.handles.shortcuts import Shortcuts
from autocalls_async.emulator.home import HomeLoop
from tests.people import ANA

SENDER = Sender(id=99, phone_number="+14155550199", display_name="Third")
TEMPLATE = Template(id=99, name="late", body_text="Late")

METHODS: dict[str, Callable[[Emulator], object]] = {
    "add_sender": lambda emulator: emulator.account.add_sender(SENDER),
    "set_sender_status": lambda emulator: emulator.account.set_sender_status(
        12, "offline"
    ),
    "add_template": lambda emulator: emulator.account.add_template(TEMPLATE),
    "customer_writes": lambda emulator: emulator.customer_writes(ANA),
    "set_window": lambda emulator: emulator.account.set_window(ANA, 60.0),
    "expire_window": lambda emulator: emulator.account.expire_window(ANA),
    "populate": lambda emulator: emulator.account.populate(),
    "advance": lambda emulator: emulator.advance(60.0),
    "remove_templates": lambda emulator: emulator.account.remove_templates(),
    "mark_start": lambda emulator: emulator.sandbox.mark_start(),
    "snapshot": lambda emulator: emulator.snapshot() and None,
    "thread": lambda emulator: emulator.thread(ANA),
    "fail_next": lambda emulator: emulator.fail_next(1, HangUpAfter()),
    "stop_failing": lambda emulator: emulator.faults.stop_failing(),
    "balance": lambda emulator: setattr(emulator, "balance", Decimal(1)),
    "choose_fault": lambda emulator: setattr(emulator, "choose_fault", None),
    "before_counting": lambda emulator: setattr(emulator, "before_counting", None),
    "after_counting": lambda emulator: setattr(emulator, "after_counting", None),
}
EACH = pytest.mark.parametrize("control", METHODS.values(), ids=METHODS)


def test_no_control_is_left_out() -> None:
    public = {
        name: each.fset if isinstance(each, property) else each
        for kind in (AccountControls, FaultControls, LimitControls, SandboxControls)
        for name, each in vars(kind).items()
        if name[0] != "_"
    }

    want_more = {"set_status", "end_conversation", "restore", "record"}
    wait = {"wait_for_message", "replay"}
    assert set(public) == set(METHODS) | want_more | wait
    assert {n for n, each in public.items() if not hasattr(each, "__wrapped__")} == wait


async def test_a_short_name_stands_for_its_parts(emulator: Emulator) -> None:
    parts = (
        emulator.account,
        emulator.faults,
        emulator.limits,
        emulator.seen,
        emulator.sandbox,
    )
    short = {*vars(Shortcuts), *vars(emulator)} - {*vars(Emulator)}

    emulator.choose_fault = lambda _: None
    emulator.before_counting = lambda _: 1.0
    emulator.after_counting = lambda _: 2.0
    emulator.balance = Decimal("12.5")

    meant = {n: [p for p in parts if hasattr(p, n)] for n in short if n[0] != "_"}
    for name in meant.keys() - {"account", "faults", "limits", "seen", "sandbox"}:
        (part,) = meant[name]
        assert getattr(emulator, name) == getattr(part, name)
    assert emulator.account.balance == Decimal("12.5")


async def test_what_any_thread_asks_for_is_done_in_the_emulators_own() -> None:
    home = HomeLoop()
    home.open()

    done_in = await asyncio.to_thread(home.do, threading.get_ident)

    assert done_in == threading.get_ident()


async def test_clock_and_address_can_be_read_in_any_thread(emulator: Emulator) -> None:
    began = await asyncio.to_thread(emulator.now)
    await asyncio.sleep(3600)
    now = await asyncio.to_thread(emulator.now)

    assert (now - began).total_seconds() == pytest.approx(3600)
    assert await asyncio.to_thread(lambda: emulator.base_url) == emulator.base_url


async def test_a_mistake_is_told_to_the_thread_that_made_it(
    emulator: Emulator,
) -> None:
    with pytest.raises(KeyError):
        await asyncio.to_thread(emulator.account.set_sender_status, 999, "offline")
    with pytest.raises(LookupError, match="no message 999 is kept"):
        await asyncio.to_thread(emulator.set_status, 999, "read")


@pytest.mark.parametrize(
    "use",
    [*METHODS.values(), lambda emulator: emulator.base_url],
    ids=[*METHODS, "base_url"],
)
def test_on_another_loop_of_its_thread_it_says_so_at_once(
    use: Callable[[Emulator], object],
) -> None:
    emulator = Emulator()

    async def ask() -> None:
        use(emulator)

    with Runner() as its_own, Runner() as another:
        its_own.run(emulator.__aenter__())
        with pytest.raises(RuntimeError, match=r"another event loop.*live_emulator"):
            another.run(ask())
        its_own.run(emulator.__aexit__(None, None, None))


def test_what_it_saw_can_be_read_on_any_loop_afterwards() -> None:
    emulator = Emulator()

    async def ask() -> tuple[str, int]:
        return emulator.base_url, emulator.seen.accepted_count

    with Runner() as its_own, Runner() as another:
        its_own.run(emulator.__aenter__())
        before = its_own.run(ask())
        its_own.run(emulator.__aexit__(None, None, None))

        assert another.run(ask()) == before


@EACH
def test_between_two_steps_of_its_loop_a_control_can_be_turned(
    control: Callable[[Emulator], object],
) -> None:
    emulator = Emulator()

    with Runner() as runner:
        runner.run(emulator.__aenter__())
        assert control(emulator) is None or len(emulator.account.populate()) == 12
        runner.run(emulator.__aexit__(None, None, None))
