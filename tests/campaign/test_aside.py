"""What is put aside comes back as it was, and takes little room meanwhile."""

import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autocalls_async import (
    FreeformMessage,
    Message,
    TemplateFallback,
    TemplateMessage,
)
from autocalls_async.campaign.aside import Aside, Resting
from tests.needs import MINUTES
from tests.people import ANA

_MESSAGES: list[Message] = [
    FreeformMessage(recipient_phone=ANA, message="Grüße\nan alle"),
    FreeformMessage(
        recipient_phone=ANA,
        message="hello",
        sender_id=12,
        key="row 1",
        time_zone="Asia/Tokyo",
        fallback=TemplateFallback(template_id=46, variables={"1": "Ana"}),
    ),
    TemplateMessage(recipient_phone=ANA, template_id=45),
    TemplateMessage(
        recipient_phone=ANA,
        template_id=45,
        variables={"1": "Ana"},
        recipient_name="Ana",
        sender_id=12,
        key="row 2",
        time_zone="Europe/Berlin",
    ),
]


@pytest.mark.parametrize("message", _MESSAGES, ids=repr)
def test_a_message_comes_back_as_it_was(message: Message) -> None:
    aside = Aside()

    aside.put("why", 7, message)

    assert (len(aside), aside.count("why"), aside.count("other")) == (1, 1, 0)
    assert aside.take("why") == Resting(7, message)
    assert (len(aside), aside.whys) == (0, [])


@given(st.lists(st.tuples(st.booleans(), st.sampled_from("abc")), max_size=60))
def test_each_line_is_first_in_first_out(steps: list[tuple[bool, str]]) -> None:
    aside, model = Aside(), dict[str, list[int]]()
    for number, (is_put, why) in enumerate(steps):
        if is_put:
            aside.put(why, number, _MESSAGES[number % 4])
            model.setdefault(why, []).append(number)
        elif model.get(why):
            first = model[why].pop(0)
            assert aside.take(why) == Resting(first, _MESSAGES[first % 4])
    left = {why: len(numbers) for why, numbers in model.items() if numbers}

    assert {why: aside.count(why) for why in left} == left
    assert len(aside) == sum(left.values())
    assert set(aside.whys) == set(left)
    aside.close()
    assert len(aside) == 0


@MINUTES
def test_three_times_as_many_take_no_more_memory() -> None:
    def peak(count: int) -> int:
        aside = Aside()
        tracemalloc.start()
        for index in range(count):
            phone = f"+4930{1_000_000 + index}"
            message = TemplateMessage(recipient_phone=phone, template_id=45)
            aside.put(index % 4, index, message)
        found = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        aside.close()
        return found

    few, many = peak(3_000), peak(9_000)

    assert many < few * 1.5, (few, many)
