"""Threads: what is kept, what is forgotten, and how they are paged."""

from hypothesis import given
from hypothesis import strategies as st

from autocalls_async.emulator.sandbox.texts import fill as fill_template
from autocalls_async.emulator.state import Template
from autocalls_async.emulator.world.history import (
    History,
    Message,
    Side,
    page_after,
    page_before,
)

PHONES = ("+14155550001", "+14155550002", "+14155550003")


def message(number: int, who: int, text: str = "hi") -> Message:
    """Return a message of the business."""
    return Message(
        number=number,
        side=Side.BUSINESS,
        sender_id=12,
        phone=PHONES[who],
        text=text,
        at=float(number),
        whatsapp_message_id=889 + number,
        identity=f"{who} {text}",
    )


@given(keep=st.integers(1, 10), who=st.lists(st.integers(0, 2), max_size=40))
def test_the_newest_are_kept_and_nothing_else_is(keep: int, who: list[int]) -> None:
    history = History(keep)
    for number, each in enumerate(who, start=1):
        history.add(message(number, each))

    kept = list(enumerate(who, start=1))[-keep:]
    assert [m.number for m in history.all()] == [number for number, _ in kept]
    for each, phone in enumerate(PHONES):
        chat = (12, phone)
        mine = [number for number, other in kept if other == each]
        assert [m.number for m in history.thread(chat)] == mine
        last = history.last(chat)
        assert (last and last.number) == (mine[-1] if mine else None)
        # It begins anew for a thread that was forgotten as a whole.
        assert len(mine) <= history.count(chat) <= who.count(each)
    for number in range(1, len(who) + 1):
        found = history.find(889 + number)
        assert (found is not None) == (number > len(who) - keep)


def test_a_message_that_reads_like_one_that_is_kept_is_a_double() -> None:
    history = History(2)

    for number, text in enumerate(("a", "a", "b", "c", "a"), start=1):
        history.add(message(number, 0, text))

    assert history.doubles == 1


@given(
    count=st.integers(0, 30),
    limit=st.integers(1, 7),
)
def test_pages_up_and_down_give_all_once(count: int, limit: int) -> None:
    messages = [message(number, 0) for number in range(1, count + 1)]

    up: list[Message] = []
    more = True
    while more:
        page, more = page_after(messages, up[-1].number if up else 0, limit)
        up += page
    down: list[Message] = []
    more = True
    while more:
        page, more = page_before(messages, down[0].number if down else None, limit)
        down = page + down

    assert up == down == messages


def test_a_template_is_filled_by_numbers_and_by_names() -> None:
    template = Template(
        id=1,
        name="t",
        body_text="Hi {{1}}, {{ time }} at {{2}}; {{3}}",
        variables=("name", "time"),
    )

    assert (
        fill_template(template, {"name": "Ana", "2": "ten", "time": "soon"})
        == "Hi Ana, soon at ten; {{3}}"
    )
    assert fill_template(None, {}) == ""
