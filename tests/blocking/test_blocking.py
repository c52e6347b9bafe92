"""The blocking client: the same names, one loop for all, any thread."""

import asyncio
import gc
import inspect
import multiprocessing
import os
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from textwrap import dedent

import pytest

from autocalls_async import (
    Accepted,
    Account,
    AutocallsClient,
    FreeformMessage,
    Outcome,
    RunStoppedError,
    SendLimit,
    TemplateRequiredError,
    UnsentError,
)
from autocalls_async.blocking import BlockingClient, BlockingRun
from autocalls_async.emulator import Delay, Emulator, Endpoint
from autocalls_async.testing import live
from tests.people import ANA, SENDER, STRANGER, hello, hellos, open_windows, people

QUICK = SendLimit(500, per=1.0)


def blocking(emulator: Emulator, **settings: object) -> BlockingClient:
    told = {"send_limit": QUICK, "window_check": "never"} | settings
    return BlockingClient(
        "1|key-that-nobody-sees",
        base_url=emulator.base_url,
        sender_id=SENDER,
        **told,  # type: ignore[arg-type]  # a test's own
    )


@pytest.fixture
def emulator() -> Iterator[Emulator]:
    with live(Emulator(rate_limit=None)) as started:
        open_windows(started, [ANA, *people(40)])
        yield started


@pytest.fixture
def client(emulator: Emulator) -> Iterator[BlockingClient]:
    with blocking(emulator) as opened:
        yield opened


def loop_threads() -> list[str]:
    return [t.name for t in threading.enumerate() if t.name == "autocalls loop"]


def test_a_send_returns_what_the_service_said(
    client: BlockingClient, emulator: Emulator
) -> None:
    sent = client.send_freeform(ANA, "Your table is ready")

    assert sent.whatsapp_message_id == emulator.accepted[0].whatsapp_message_id
    assert isinstance(client.account(), Account)
    assert SENDER in {sender.id for sender in client.senders()}
    assert client.queue.interactive == 0
    client.warm()


def test_an_error_of_a_send_is_raised_where_it_was_called(emulator: Emulator) -> None:
    with blocking(emulator, window_check="auto") as client:
        with pytest.raises(TemplateRequiredError):
            client.send_freeform(STRANGER, "hello")
        client.windows.note_inbound(STRANGER)
        emulator.customer_writes(STRANGER)
        client.send_freeform(STRANGER, "hello")

    assert len(emulator.accepted) == 1


def test_conversations_and_deliveries_are_asked_for_as_well(
    emulator: Emulator,
) -> None:
    with blocking(emulator, automation_key="2|automation") as client:
        (row,) = client.conversations.list(phone=ANA)
        client.conversations.disable_ai(row.id)
        (off,) = client.conversations.list(phone=ANA)
        client.conversations.enable_ai(row.id)
        sent = client.send_freeform(ANA, "Until six")
        history = client.conversations.history(row.id)
        stands = client.deliveries.get(sent)
        with pytest.raises(TimeoutError):
            client.deliveries.wait(sent, timeout=0.01)
        with pytest.raises(ValueError, match="unknown outcome"):
            client.deliveries.evidence(sent)  # type: ignore[arg-type]  # as said

    assert off.ai_enabled is False
    assert "Until six" in {entry.content for entry in history}
    assert stands is None


def test_every_name_of_the_client_has_one_that_blocks() -> None:
    names = {name for name in dir(AutocallsClient) if not name.startswith("_")}

    assert names - set(dir(BlockingClient)) == {"aclose"}
    assert set(dir(BlockingClient)) - names >= {"close", "run"}


@pytest.mark.parametrize("name", ["send", "send_freeform", "send_template", "account"])
def test_its_words_and_arguments_are_the_clients(name: str) -> None:
    ours, theirs = getattr(BlockingClient, name), getattr(AutocallsClient, name)

    assert inspect.signature(ours) == inspect.signature(theirs)
    assert inspect.getdoc(ours) == inspect.getdoc(theirs)
    assert not inspect.iscoroutinefunction(ours)


def test_eight_threads_share_one_pace_and_nobody_is_refused() -> None:
    recipients = people(30)

    with (
        live(Emulator(rate=50, everyone_is_open=True)) as emulator,
        blocking(emulator, send_limit=SendLimit(50, per=1.0)) as client,
        ThreadPoolExecutor(8) as threads,
    ):
        list(threads.map(lambda who: client.send_freeform(who, "hello"), recipients))

    assert len(emulator.accepted) == 30
    assert emulator.rejected_count == 0
    assert loop_threads() == []


def test_all_clients_of_a_process_share_one_thread_which_ends_with_the_last(
    emulator: Emulator,
) -> None:
    with blocking(emulator) as first, blocking(emulator) as second:
        first.send_freeform(ANA, "one")
        second.send_freeform(ANA, "two")
        assert len(loop_threads()) == 1
        first.close()
        assert len(loop_threads()) == 1
        second.send_freeform(ANA, "three")

    assert loop_threads() == []


def test_a_run_gives_its_outcomes_and_tells_its_progress(
    client: BlockingClient, emulator: Emulator
) -> None:
    run = client.send_many(hellos(people(20)))

    outcomes = list(run)

    assert [type(outcome) for outcome in outcomes] == [Accepted] * 20
    assert len(emulator.accepted) == 20
    assert run.progress.accepted == 20
    assert repr(run).startswith("<BlockingRun, ended; 20 taken")


def test_a_source_is_read_in_the_thread_that_takes_the_outcomes(
    client: BlockingClient, tmp_path: Path
) -> None:
    database = sqlite3.connect(tmp_path / "people.db")  # it belongs to its thread
    database.execute("CREATE TABLE people (phone TEXT)")
    database.executemany("INSERT INTO people VALUES (?)", [[p] for p in people(10)])
    readers: set[str] = set()

    def messages() -> Iterator[FreeformMessage]:
        for (phone,) in database.execute("SELECT phone FROM people"):
            readers.add(threading.current_thread().name)
            yield hello(phone)

    outcomes = list(client.send_many(messages()))
    database.close()

    assert len(outcomes) == 10
    assert readers == {threading.current_thread().name}


def test_a_source_that_blocks_holds_up_nobody_else(
    client: BlockingClient, emulator: Emulator
) -> None:
    replied = threading.Event()

    def messages() -> Iterator[FreeformMessage]:
        yield hello(people(1)[0])
        assert replied.wait(10)  # the loop is free meanwhile

    def reply() -> None:
        client.send_freeform(ANA, "at once")
        replied.set()

    other = threading.Thread(target=reply)
    other.start()
    assert len(list(client.send_many(messages()))) == 1
    other.join()

    assert len(emulator.accepted) == 2


def test_what_a_source_raises_comes_after_the_last_outcome(
    client: BlockingClient,
) -> None:
    def messages() -> Iterator[FreeformMessage]:
        yield hello()
        message = "no such table"
        raise LookupError(message)

    taken: list[Outcome] = []
    with pytest.raises(LookupError, match="no such table"):
        taken.extend(client.send_many(messages()))
    run = client.send_many(messages())
    outcomes = iter(run)

    assert isinstance(next(outcomes), Accepted)
    with pytest.raises(LookupError):
        next(outcomes)


def test_a_run_that_is_stopped_by_another_thread_says_so(
    client: BlockingClient, emulator: Emulator
) -> None:
    run = client.send_many(hello(who) for who in people(40))
    outcomes = []

    with pytest.raises(RunStoppedError) as caught:  # noqa: PT012  # it ends inside
        for outcome in run:
            outcomes.append(outcome)
            if len(outcomes) == 5:
                threading.Thread(target=run.stop).start()
                time.sleep(0.05)

    assert len(outcomes) == caught.value.taken_count
    assert sum(isinstance(o, Accepted) for o in outcomes) == len(emulator.accepted)


def test_a_loop_that_is_left_early_withdraws_the_rest_and_closes_the_source(
    emulator: Emulator,
) -> None:
    emulator.fail_next(40, Delay(0.05), endpoint=Endpoint.SEND_FREEFORM)
    is_closed = []

    def messages() -> Iterator[FreeformMessage]:
        try:
            yield from hellos(people(40))
        finally:
            is_closed.append(True)

    with blocking(emulator) as client:
        for _ in client.send_many(messages()):
            break
        assert is_closed == [True]
        client.send_freeform(ANA, "still here")

    assert 2 <= len(emulator.accepted) < 40


def test_a_plan_reads_its_messages_where_it_is_asked_for(
    client: BlockingClient,
) -> None:
    readers = set()

    def messages() -> Iterator[FreeformMessage]:
        readers.add(threading.current_thread().name)
        yield hello()

    plan = client.plan(messages())

    assert plan.message_count == 1
    assert readers == {threading.current_thread().name}


def test_a_closed_client_refuses_and_can_be_closed_again(emulator: Emulator) -> None:
    client = blocking(emulator)
    client.close()
    client.close()

    with pytest.raises(RuntimeError, match="the client is closed"):
        client.send_freeform(ANA, "too late")
    assert "closed" in repr(client) or "open" in repr(client)
    assert repr(client).startswith("<BlockingClient of 127.0.0.1")
    assert emulator.requests == []


def test_what_became_of_a_message_is_waited_for(client: BlockingClient) -> None:
    sent = client.send_freeform(ANA, "hello")

    assert client.deliveries.get(sent) is None
    with pytest.raises(TimeoutError):
        client.deliveries.wait(sent, until="delivered", timeout=0.05)


def test_bad_settings_open_nothing() -> None:
    with pytest.raises(ValueError, match="sender_id"):
        BlockingClient("key", sender_id=-1)
    with pytest.raises(ValueError, match="AUTOCALLS_API_KEY"):
        BlockingClient.from_env(environ={})

    assert loop_threads() == []


def test_the_environment_is_read_as_ever(emulator: Emulator) -> None:
    environ = {
        "AUTOCALLS_API_KEY": "1|key-that-nobody-sees",
        "AUTOCALLS_BASE_URL": emulator.base_url,
        "AUTOCALLS_SENDER_ID": str(SENDER),
    }

    with BlockingClient.from_env(environ=environ, window_check="never") as client:
        client.send_freeform(ANA, "hello")

    assert len(emulator.accepted) == 1


def test_a_call_out_of_its_own_loop_is_an_error_and_no_deadlock(
    emulator: Emulator,
) -> None:
    met: list[str] = []
    clients: list[BlockingClient] = []

    def observe(_: object) -> None:
        try:
            clients[0].account()
        except RuntimeError as error:
            met.append(str(error))

    with blocking(emulator, observer=observe) as client:
        clients.append(client)
        client.send_freeform(ANA, "hello")

    assert "would wait for itself" in met[0]


def test_a_coroutine_of_ones_own_runs_in_the_loop(client: BlockingClient) -> None:
    async def two(inner: AutocallsClient) -> int:
        sent = await asyncio.gather(
            inner.send_freeform(ANA, "one"), inner.send_freeform(ANA, "two")
        )
        return len(sent)

    assert client.run(two) == 2


def test_whoever_is_interrupted_takes_back_what_has_not_left(
    emulator: Emulator,
) -> None:
    with blocking(emulator, send_limit=SendLimit(1, per=60.0)) as client:
        client.send_freeform(ANA, "first")
        threading.Timer(0.1, os.kill, (os.getpid(), signal.SIGINT)).start()
        with pytest.raises(KeyboardInterrupt):
            client.send_freeform(ANA, "never")

    assert len(emulator.accepted) == 1


def test_closing_ends_what_others_wait_for(emulator: Emulator) -> None:
    slow = SendLimit(1, per=60.0)
    with blocking(emulator, send_limit=slow, drain_timeout=0.1) as client:
        client.send_freeform(ANA, "first")
        with ThreadPoolExecutor(1) as threads:
            waiting = threads.submit(client.send_freeform, ANA, "never", timeout=300)
            while not client.queue.interactive:
                time.sleep(0.01)
            client.close()
            with pytest.raises(UnsentError):
                waiting.result()

    assert len(emulator.accepted) == 1


def test_a_client_that_is_dropped_says_so_and_is_closed(emulator: Emulator) -> None:
    client = blocking(emulator)
    client.send_freeform(ANA, "hello")

    held = [client]
    del client
    with pytest.warns(ResourceWarning, match="BlockingClient was never closed"):
        held.clear()
    gc.collect()
    for _ in range(500):
        if not loop_threads():
            break
        time.sleep(0.01)

    assert loop_threads() == []


def _send_in_child(
    client: BlockingClient, told: "multiprocessing.SimpleQueue[str]"
) -> None:
    try:
        client.send_freeform(ANA, "from the child")
        client.close()
        told.put("sent")
    except RuntimeError as error:
        told.put(str(error))


@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded")
@pytest.mark.parametrize("is_used", [True, False], ids=["used", "only made"])
def test_a_client_made_before_a_fork(emulator: Emulator, is_used: bool) -> None:
    fork = multiprocessing.get_context("fork")
    client, told = blocking(emulator), fork.SimpleQueue()
    if is_used:
        client.send_freeform(ANA, "from the parent")

    child = fork.Process(target=_send_in_child, args=(client, told))
    child.start()
    child.join(20)
    client.send_freeform(ANA, "from the parent")
    client.close()

    assert child.exitcode == 0
    assert told.get() == (
        "the client was used before a fork; make one in each process"
        if is_used
        else "sent"
    )
    assert len(emulator.accepted) == 2


def test_a_script_may_end_without_closing(emulator: Emulator) -> None:
    script = f"""
        from autocalls_async.blocking import BlockingClient
        client = BlockingClient("key", base_url={emulator.base_url!r}, sender_id=12)
        print(client.send_freeform({ANA!r}, "hello").whatsapp_message_id > 0)
    """

    done = subprocess.run(  # noqa: S603  # our own words
        [sys.executable, "-X", "dev", "-c", dedent(script)],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )

    # On a busy machine asyncio's debug mode tells how long a step took.
    told = [line for line in done.stderr.splitlines() if " took " not in line]
    assert (done.returncode, done.stdout, told) == (0, "True\n", [])


def test_a_run_belongs_to_those_that_wait(client: BlockingClient) -> None:
    run = client.send_many([hello()])

    assert isinstance(run, BlockingRun)
    assert len(list(run)) == 1
    with pytest.raises(RuntimeError, match="iterated over once"):
        next(iter(run))


def test_what_is_no_source_is_refused_before_anything(client: BlockingClient) -> None:
    with pytest.raises(ValueError, match="messages must be an iterable"):
        client.send_many("+14155550123")  # type: ignore[arg-type]  # that is the point
