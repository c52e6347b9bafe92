"""What web workers, bots and scripts see of a cluster."""

import asyncio
import re
from collections.abc import Awaitable, Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from autocalls_async import (
    Accepted,
    AuthenticationError,
    InsufficientBalanceError,
    InvalidPhoneError,
    UnknownOutcomeError,
    UnsentError,
)
from autocalls_async.cluster import (
    AccountSettings,
    Cluster,
    ClusterError,
    Enqueued,
    MessageRef,
    UndecidedError,
    UnknownAccountError,
    Worker,
)
from autocalls_async.cluster.protocol.database import Database
from autocalls_async.emulator import (
    Emulator,
    Endpoint,
    HangUpAfter,
    Stall,
    refuse_with_code,
)
from autocalls_async.journal import JournalConflictError, JournalStateError
from tests.cluster.support import KEY, hello, running, settings_of, until, working
from tests.webhooks.stores.support import arrival

POST = Endpoint.SEND_FREEFORM
PHONE = "+14155550123"
_AGE = "UPDATE autocalls.message SET settled_at = now() - make_interval(days => %s)"

_COUNTS = """
SELECT (SELECT count(*) FROM autocalls.message),
  (SELECT count(*) FROM autocalls.receipt),
  (SELECT count(*) FROM autocalls.receiver), (SELECT count(*) FROM autocalls.past)
"""
_FORGET_JOB = """
SELECT procrastinate_defer_jobs_v1(ARRAY[ROW('autocalls', 'autocalls:forget', 0, NULL,
  NULL, '{"timestamp": 0}'::jsonb, NULL)]::procrastinate_job_to_defer_v1[])
"""

pytestmark = [
    pytest.mark.needs("a database"),
    pytest.mark.real_time,
    pytest.mark.xdist_group("database"),
]


async def test_a_message_is_sent_by_a_worker_and_its_caller_learns_of_it(
    dsn: str,
) -> None:
    async with working(dsn) as emulator, Cluster(dsn) as cluster:
        await cluster.add_account("acme")
        sent = await cluster.send(hello(), account="acme", key="order-7")
        again = await cluster.send(hello(), account="acme", key="order-7")
        with pytest.raises(JournalConflictError, match="'order-7'"):
            await cluster.send(hello("other"), account="acme", key="order-7")

    ids = [message.whatsapp_message_id for message in emulator.accepted]
    assert ids == [sent.whatsapp_message_id] == [again.whatsapp_message_id]


async def test_two_replies_with_the_same_words_are_two_messages(dsn: str) -> None:
    async with working(dsn) as emulator, Cluster(dsn) as cluster:
        await cluster.add_account("acme")
        await cluster.send(hello("ok"), account="acme")
        await cluster.send(hello("ok"), account="acme")

    assert len(emulator.accepted) == 2


async def test_an_account_that_nobody_added_is_an_error(dsn: str) -> None:
    async with Cluster(dsn) as cluster:
        with pytest.raises(UnknownAccountError, match="no account 'nobody'"):
            await cluster.enqueue(hello(), account="nobody")
        with pytest.raises(UnknownAccountError):
            await cluster.enqueue_many([hello()], account="nobody")
        with pytest.raises(UnknownAccountError):
            await cluster.pause("nobody")


async def test_a_database_without_the_schema_says_what_to_do(server: Any) -> None:  # noqa: ANN401  # the server
    with pytest.raises(ClusterError, match="run `autocalls cluster migrate`"):
        async with Cluster(server.dsn()):
            pass
    with pytest.raises(ClusterError, match=r": Connection refused$"):
        async with Cluster("postgresql://nobody@127.0.0.1:1/none"):
            pass


async def test_what_the_service_refuses_is_raised_as_the_client_does(dsn: str) -> None:
    async with working(dsn) as emulator, Cluster(dsn) as cluster:
        await cluster.add_account("acme")
        emulator.fail_next(1, refuse_with_code(422, "INVALID_PHONE"), endpoint=POST)
        with pytest.raises(InvalidPhoneError) as refused:
            await cluster.send(hello(), account="acme")

    assert refused.value.recipient_phone == PHONE
    assert refused.value.attempts == 1


async def test_a_wrong_key_pauses_its_account_alone_and_each_send_says_why(
    dsn: str,
) -> None:
    async with Emulator(everyone_is_open=True, api_key="good", rate=50) as emulator:
        good = settings_of(emulator)
        known = {
            "good": type(good)("good", base_url=good.base_url, sender_id=12),
            "bad": good,
        }
        async with running(Worker(dsn, known)), Cluster(dsn) as cluster:
            for name in known:
                await cluster.add_account(name)
            with pytest.raises(AuthenticationError):
                await cluster.send(hello(), account="bad", timeout=20)
            await _until_paused(cluster, "bad")
            with pytest.raises(AuthenticationError) as later:
                await cluster.send(hello(), account="bad", timeout=20)
            await cluster.send(hello(), account="good", timeout=20)
            status = {a.name: a for a in (await cluster.status()).accounts}

    assert status["good"].paused is None
    assert "key was not accepted" in str(status["bad"].paused)
    assert status["bad"].interactive == 0  # each that failed was taken back
    assert (later.value.status, later.value.attempts) == (401, 0)
    assert later.value.host == emulator.base_url.split("/")[2]
    assert later.value.service_message
    assert len(emulator.accepted) == 1


async def _until_paused(cluster: Cluster, name: str) -> None:
    async def is_paused() -> bool:
        accounts = (await cluster.status()).accounts
        return any(a.paused for a in accounts if a.name == name)

    await until(is_paused)


async def test_what_a_user_paused_is_taken_back_and_goes_on_after_resume(
    dsn: str,
) -> None:
    async with working(dsn) as emulator, Cluster(dsn) as cluster:
        await cluster.add_account("acme")
        await cluster.pause("acme", why="an audit")
        ref = await cluster.enqueue(hello("later"), account="acme", campaign="c")
        with pytest.raises(UnsentError, match="account acme is paused: an audit"):
            await cluster.send(hello("now"), account="acme")
        assert await cluster.outcome(ref) is None
        await cluster.resume("acme")
        outcomes = [outcome async for outcome in cluster.outcomes("c")]

    assert [type(outcome) for outcome in outcomes] == [Accepted]
    assert [message.message for message in emulator.accepted] == ["later"]


async def test_a_send_whose_time_is_up_before_it_left_never_leaves(dsn: str) -> None:
    async with Cluster(dsn) as cluster:
        await cluster.add_account("acme")
        with pytest.raises(UnsentError, match="before it could leave"):
            await cluster.send(hello(), account="acme", timeout=0.3)
        (account,) = (await cluster.status()).accounts

    assert account.interactive == 0


async def test_a_send_whose_time_is_up_on_its_way_is_undecided_and_settled_later(
    dsn: str,
) -> None:
    async with working(dsn) as emulator, Cluster(dsn) as cluster:
        await cluster.add_account("acme")
        await cluster.send(hello("first"), account="acme")
        emulator.after_counting = lambda _: 3.0
        with pytest.raises(UndecidedError, match="may have been delivered") as late:
            await cluster.send(hello(), account="acme", timeout=1.5)
        assert await cluster.outcome(late.value.ref) is None
        await until(lambda: cluster.outcome(late.value.ref))
        outcome = await cluster.outcome(late.value.ref)

    assert isinstance(outcome, Accepted)


async def test_a_caller_who_is_cancelled_takes_the_message_back(dsn: str) -> None:
    async with Cluster(dsn) as cluster:
        await cluster.add_account("acme")
        sending = asyncio.create_task(cluster.send(hello(), account="acme"))
        await asyncio.sleep(0.5)
        sending.cancel()
        await asyncio.wait([sending])
        (account,) = (await cluster.status()).accounts

    assert sending.cancelled()
    assert account.interactive == 0


async def test_who_finds_a_message_waits_for_it_and_does_not_take_it_back(
    dsn: str,
) -> None:
    async with Cluster(dsn) as cluster:
        await cluster.add_account("acme")
        await cluster.enqueue(hello(), account="acme", key="order-7")
        with pytest.raises(UndecidedError, match="time was up"):
            await cluster.send(hello(), account="acme", key="order-7", timeout=0.3)
        sending = asyncio.create_task(
            cluster.send(hello(), account="acme", key="order-7")
        )
        await asyncio.sleep(0.3)
        sending.cancel()
        await asyncio.wait([sending])
        await cluster.pause("acme")
        with pytest.raises(UndecidedError):
            await cluster.send(hello(), account="acme", key="order-7", timeout=0.3)
        (account,) = (await cluster.status()).accounts

    assert sending.cancelled()
    assert account.interactive == 1


@pytest.mark.parametrize("steps", range(0, 60, 4))
async def test_a_send_that_is_cancelled_anywhere_leaves_nothing_behind(
    dsn: str, steps: int
) -> None:
    async with Cluster(dsn) as cluster:
        await cluster.add_account("acme")
        sending = asyncio.create_task(cluster.send(hello(), account="acme"))
        for _ in range(steps):
            await asyncio.sleep(0)
        sending.cancel()
        await asyncio.wait([sending], timeout=5)
    async with Cluster(dsn) as cluster:
        (account,) = (await cluster.status()).accounts

    assert sending.cancelled()
    assert account.interactive == 0


async def test_outcomes_go_on_in_another_process_where_they_were(dsn: str) -> None:
    texts = [f"text {i}" for i in range(12)]
    async with working(dsn) as emulator:
        async with Cluster(dsn) as cluster:
            await cluster.add_account("acme")
            messages = [hello(t, f"+1415555{i:04d}") for i, t in enumerate(texts)]
            put = await cluster.enqueue_many(messages, account="acme", campaign="s")
            again = await cluster.enqueue_many(messages, account="acme", campaign="s")
            first, outcomes = [], cluster.outcomes("s")
            async for outcome in outcomes:
                first.append(outcome)
                if len(first) == 5:
                    break
            await outcomes.aclose()  # type: ignore[attr-defined]  # a generator's
        async with Cluster(dsn) as other:
            rest = [outcome async for outcome in other.outcomes("s")]
            everything = [o async for o in other.outcomes("s", reader="audit")]
            progress = await other.progress("s")

    assert (put, again) == (Enqueued(new=12, known=0), Enqueued(new=0, known=12))
    # The last that was given had not been taken back: it may come again.
    keys = [outcome.message.key for outcome in (*first, *rest)]
    assert len(set(keys)) == 12
    assert len(keys) <= 13
    assert len(everything) == len(emulator.accepted) == 12
    assert (progress.accepted, progress.total, progress.done) == (12, 12, 12)


async def test_who_has_written_needs_no_check_wherever_it_was_noted(dsn: str) -> None:
    async with Emulator(rate=50) as emulator:
        emulator.customer_writes(PHONE)
        known = {"acme": settings_of(emulator)}
        async with running(Worker(dsn, known)), Cluster(dsn) as cluster:
            await cluster.add_account("acme")
            await cluster.note_inbound("acme", PHONE[1:], sender_id=12)
            await cluster.send(hello(), account="acme")

    assert Endpoint.SESSION_STATUS not in emulator.requests_by_endpoint()


async def test_what_is_unknown_is_listed_and_sent_again_only_by_the_user(
    dsn: str, database: Database
) -> None:
    in_flight = "SELECT 1 FROM autocalls.message WHERE state = 'in flight'"
    async with working(dsn, drain_seconds=0.5) as emulator, Cluster(dsn) as cluster:
        emulator.fail_next(1, Stall(), endpoint=POST)
        ref = await cluster.enqueue(hello(), account="acme", key="k", campaign="c")
        await until(lambda: database.value(in_flight))
        with pytest.raises(JournalStateError, match="'k' is in flight"):
            await cluster.resolve(["k"], state="new")

    unknown = []
    async with working(dsn) as emulator, Cluster(dsn) as cluster:
        await until(lambda: cluster.outcome(ref))
        unknown = [one async for one in cluster.unknown()]
        count = await cluster.resolve(["k"], state="new", account="acme")
        await until(lambda: _is_accepted(cluster, ref))

    assert [one.key for one in unknown] == ["k"]
    assert count == 1
    assert issubclass(UndecidedError, UnknownOutcomeError)


async def _is_accepted(cluster: Cluster, ref: MessageRef) -> bool:
    return isinstance(await cluster.outcome(ref), Accepted)


async def test_what_no_message_can_be_made_of_is_rejected_and_holds_up_nobody(
    dsn: str, database: Database
) -> None:
    async with working(dsn) as emulator, Cluster(dsn) as cluster:
        await cluster.add_account("acme")
        await database.fetch(
            "SELECT autocalls.enqueue('acme', 'bulk', 'x', '+14155550123', 'no json')"
        )
        await cluster.send(hello(), account="acme", timeout=20)
        state = await database.value(
            "SELECT state FROM autocalls.message WHERE key = 'x'"
        )

    assert state == "rejected"
    assert len(emulator.accepted) == 1


async def test_old_contents_are_forgotten_and_their_keys_are_not(
    dsn: str, database: Database
) -> None:
    async with working(dsn), Cluster(dsn) as cluster:
        await cluster.send(hello(), account="acme", key="k")
        await database.fetch(_AGE, 8)
        await database.fetch("SELECT autocalls.forget('7 days', '30 days')")
        again = await cluster.enqueue(hello(), account="acme", key="k")
        outcome = await cluster.outcome(again)
        await database.fetch(_AGE, 31)
        await database.fetch("SELECT autocalls.forget('7 days', '30 days')")
        later = await cluster.enqueue(hello(), account="acme", key="k")
        with pytest.raises(JournalConflictError):
            await cluster.enqueue(hello("other"), account="acme", key="k")

    assert isinstance(outcome, Accepted)
    assert again == later


async def test_what_ended_so_long_ago_that_it_is_forgotten_was_not_taken_back(
    dsn: str, database: Database
) -> None:
    async with working(dsn) as emulator, Cluster(dsn) as cluster:
        await cluster.send(hello(), account="acme", key="k")
        ref = await cluster.enqueue(hello(), account="acme", key="k")
        await database.fetch(_AGE, 31)
        await database.fetch("SELECT autocalls.forget('7 days', '30 days')")
        with pytest.raises(UnknownOutcomeError, match="ended long ago"):
            await cluster.send(hello(), account="acme", key="k")
        was_taken_back = await cluster.withdraw(ref)

    assert not was_taken_back
    assert len(emulator.accepted) == 1


async def test_what_is_unknown_can_be_sent_again_though_it_is_old(
    dsn: str, database: Database
) -> None:
    async with Cluster(dsn) as cluster:
        for key in ("unknown", "accepted", "waits"):
            await cluster.enqueue(hello(key), account="acme", key=key)
        await database.fetch("UPDATE autocalls.message SET state = key WHERE id < 3")
        await database.fetch(_AGE, 8)
        await database.fetch("SELECT autocalls.forget('7 days', '30 days')")
        await cluster.resolve(["unknown"], state="new")
    rows = await database.fetch(
        "SELECT key FROM autocalls.message WHERE content IS NOT NULL ORDER BY id"
    )

    assert [key for (key,) in rows] == ["unknown", "waits"]


async def test_of_two_who_read_under_one_name_the_later_goes_on_and_the_first_is_told(
    dsn: str,
) -> None:
    async with working(dsn), Cluster(dsn) as here, Cluster(dsn) as there:
        await here.add_account("acme")
        messages = [hello(str(i), f"+1415555{i:04d}") for i in range(20)]
        await here.enqueue_many(messages, account="acme", campaign="s")
        first = here.outcomes("s")
        own = [await anext(first) for _ in range(3)]
        rest = [outcome async for outcome in there.outcomes("s")]
        with pytest.raises(ClusterError, match="another call reads the outcomes"):
            own += [outcome async for outcome in first]
        again = [outcome async for outcome in there.outcomes("s")]
        audit = [outcome async for outcome in here.outcomes("s", reader="audit")]

    assert len(rest) >= 17
    assert {o.message.key for o in own + rest} == {o.message.key for o in audit}
    assert (len(audit), again) == (20, [])


async def test_who_wrote_to_an_account_that_nobody_added_is_an_error(dsn: str) -> None:
    async with Cluster(dsn) as cluster:
        with pytest.raises(UnknownAccountError, match="no account 'nobody'"):
            await cluster.note_inbound("nobody", PHONE)


async def test_a_worker_forgets_in_steps_and_receipts_too(
    dsn: str, database: Database
) -> None:
    async with working(dsn) as emulator, Cluster(dsn) as cluster:
        await cluster.send(hello(), account="acme")
        (sent,) = emulator.accepted
        store = await cluster.deliveries.open()
        await store.join()
        await store.keep(arrival(sent.whatsapp_message_id, "delivered"))
        assert [o async for o in cluster.outcomes("none")] == []
    await database.fetch(_AGE, 31)
    await database.fetch(
        "UPDATE autocalls.receipt SET received_at = now() - interval '31 days'"
    )
    await database.fetch(
        "UPDATE autocalls.receiver SET seen_at = now() - interval '31 days'"
    )
    await database.fetch(_FORGET_JOB)

    async def is_forgotten() -> bool:
        return await database.fetch(_COUNTS) == [(0, 0, 0, 1)]

    async with running(Worker(dsn, {})):
        await until(is_forgotten)


async def test_a_receipt_that_comes_in_at_one_process_ends_the_wait_at_another(
    dsn: str,
) -> None:
    async with working(dsn) as emulator, Cluster(dsn) as here, Cluster(dsn) as there:
        await here.add_account("acme")
        ref = await here.enqueue(hello(), account="acme")
        waiting = asyncio.create_task(here.delivery(ref, timeout=20))
        await until(lambda: _is_accepted(here, ref))
        (sent,) = emulator.accepted
        store = await there.deliveries.open()
        await store.keep(arrival(sent.whatsapp_message_id, "delivered"))
        delivery = await waiting
        with pytest.raises(TimeoutError):
            await here.delivery(ref, until="read", timeout=0.5)

    assert delivery.status == "delivered"


async def test_a_receipt_before_the_answer_at_another_process_ends_the_wait(
    dsn: str,
) -> None:
    async with working(dsn) as emulator, Cluster(dsn) as here, Cluster(dsn) as there:
        await here.add_account("acme")
        emulator.after_counting = lambda _: 2.0  # it is accepted, and answered later
        ref = await here.enqueue(hello(), account="acme")
        waiting = asyncio.create_task(here.delivery(ref, timeout=20))
        await until(lambda: _has_come(emulator))
        (sent,) = emulator.accepted
        store = await there.deliveries.open()
        for status in ("sent", "delivered"):
            await store.keep(arrival(sent.whatsapp_message_id, status))
        was_known = await here.outcome(ref)
        delivery = await waiting
        again = await there.delivery(ref, until="sent", timeout=5)

    assert was_known is None
    assert (delivery.status, again.status) == ("delivered", "delivered")
    assert delivery.whatsapp_message_id == sent.whatsapp_message_id


async def _has_come(emulator: Emulator) -> bool:
    return bool(emulator.accepted)


async def test_a_key_that_was_changed_is_used_once_its_account_is_resumed(
    dsn: str,
) -> None:
    async with Emulator(api_key=KEY, everyone_is_open=True, rate=50) as emulator:
        good = settings_of(emulator)
        old = AccountSettings("1|revoked", base_url=good.base_url, sender_id=12)
        known = {"acme": old}
        async with running(Worker(dsn, known.get)), Cluster(dsn) as cluster:
            await cluster.add_account("acme")
            with pytest.raises(AuthenticationError):
                await cluster.send(hello(), account="acme")
            await _until_paused(cluster, "acme")
            known["acme"] = good
            await cluster.resume("acme")
            await cluster.send(hello(), account="acme")

    assert len(emulator.accepted) == 1


async def test_an_account_that_no_worker_knows_waits_and_says_so(dsn: str) -> None:
    async with working(dsn, "other") as emulator, Cluster(dsn) as cluster:
        await cluster.add_account("acme")
        ref = await cluster.enqueue(hello("kept"), account="acme")
        with pytest.raises(UnsentError, match="no worker holds account acme"):
            await cluster.send(hello(), account="acme", timeout=2)
        await cluster.send(hello("sent"), account="other")
        async with running(Worker(dsn, {"acme": settings_of(emulator)})):
            await until(lambda: _is_accepted(cluster, ref))

    assert [one.message for one in emulator.accepted] == ["sent", "kept"]


async def test_what_is_resolved_while_its_account_is_held_is_sent_by_its_holder(
    dsn: str, database: Database
) -> None:
    async with working(dsn) as emulator, Cluster(dsn) as cluster:
        await cluster.send(hello("first"), account="acme")
        emulator.fail_next(1, HangUpAfter(), endpoint=POST)
        with pytest.raises(UnknownOutcomeError):
            await cluster.send(hello("lost"), account="acme", key="k")
        before = await database.value("SELECT epoch FROM autocalls.account")
        assert await cluster.resolve(["k"], state="new") == 1
        again = await cluster.send(hello("lost"), account="acme", key="k")
        after = await database.value("SELECT epoch FROM autocalls.account")

    texts = [one.message for one in emulator.accepted]
    assert texts == ["first", "lost", "lost"]  # as the user decided
    assert again.whatsapp_message_id == emulator.accepted[-1].whatsapp_message_id
    assert before == after


async def test_an_empty_account_is_paused_and_goes_on_once_it_is_topped_up(
    dsn: str,
) -> None:
    async with working(dsn) as emulator, Cluster(dsn) as cluster:
        await cluster.add_account("acme")
        balance, emulator.balance = emulator.balance, Decimal(0)
        ref = await cluster.enqueue(hello(), account="acme", lane="bulk")
        await _until_paused(cluster, "acme")
        with pytest.raises(InsufficientBalanceError):
            await cluster.send(hello("now"), account="acme", timeout=20)
        emulator.balance = balance
        await cluster.resume("acme")
        await until(lambda: _is_accepted(cluster, ref))

    assert [message.message for message in emulator.accepted] == ["hello"]


async def test_the_pages_example_sends_and_its_grants_let_another_user_in(
    dsn: str, database: Database
) -> None:
    pages = Path(__file__).parents[2] / "docs" / "pages"
    example = (pages / "how-to" / "several-hosts.md").read_text(encoding="utf-8")
    figures = (pages / "explanation" / "many-hosts.md").read_text(encoding="utf-8")
    (code,) = re.findall(r'title="orders\.py"\n(.*?)```', example, re.DOTALL)
    (grants,) = re.findall(r"```sql\n(.*?)```", figures, re.DOTALL)
    made: dict[str, Any] = {}
    exec(compile(code, "orders.py", "exec"), made)  # noqa: S102  # our own page's
    for statement in ("CREATE ROLE app LOGIN", *grants.split(";\n")):
        if statement:
            await database.fetch(statement)
    way = dsn.replace("//postgres@", "//app@")

    async with working(way) as emulator:
        await made["main"](way)

    assert [one.message for one in emulator.accepted] == ["Order 7 is paid"]


@pytest.mark.parametrize(
    ("ask", "said"),
    [
        pytest.param(
            lambda c: c.enqueue(hello(), account="acme", key="a\0"),
            "key must have no zero",
            id="key",
        ),
        pytest.param(
            lambda c: c.enqueue(hello(), account="a\0"), "account must", id="account"
        ),
        pytest.param(
            lambda c: c.enqueue(hello(), account="acme", campaign=7),
            "campaign must be text",
            id="campaign",
        ),
        pytest.param(
            lambda c: c.enqueue(hello(), account="acme", key=""),
            "key must not be empty",
            id="empty key",
        ),
        pytest.param(lambda c: c.pause("acme", why="\0"), "why must", id="why"),
        pytest.param(
            lambda c: c.resolve("abc", state="new"), "keys must be a list", id="text"
        ),
        pytest.param(
            lambda c: c.resolve([7], state="new"), "key must be text", id="number"
        ),
        pytest.param(
            lambda c: c.delivery(
                MessageRef(id=1, account="acme", key="k"), until="x", timeout=9
            ),
            "until must be one of",
            id="until",
        ),
    ],
)
async def test_what_breaks_a_rule_is_named_before_the_database_is_asked(
    ask: Callable[[Cluster], Awaitable[object]], said: str
) -> None:
    with pytest.raises(ValueError, match=said):
        await ask(Cluster("postgresql://nowhere/x"))


async def test_a_cluster_that_is_not_open_says_so_and_opens_again(dsn: str) -> None:
    cluster = Cluster(dsn)
    with pytest.raises(RuntimeError, match="not open"):
        await cluster.status()
    for _ in range(2):
        async with cluster:
            assert (await cluster.status()).unknown == 0
    with pytest.raises(RuntimeError, match="not open"):
        await cluster.status()


@pytest.mark.parametrize("accounts", [7, {"acme": 7}, {"": 7}])
def test_a_worker_is_given_settings_by_name(accounts: Any) -> None:  # noqa: ANN401  # wrong
    with pytest.raises(ValueError, match=r"^account"):
        Worker("postgresql://nowhere/x", accounts)
