"""A template by its name: one listing, remembered, and asked anew when it is due."""

import asyncio

import pytest

from autocalls_async import (
    AutocallsClient,
    TemplateNotFoundError,
    UnsentError,
)
from autocalls_async.emulator import Delay, Emulator, Endpoint, Refuse, Template
from autocalls_async.model.listings import Template as Listed
from autocalls_async.model.listings import find_template
from tests.people import ANA, STRANGER

WELCOME = "welcome_message"


def listing_count(emulator: Emulator) -> int:
    return emulator.requests_by_endpoint().get(Endpoint.TEMPLATES, 0)


async def test_a_name_is_looked_up_once_however_many_ask(
    client: AutocallsClient, emulator: Emulator
) -> None:
    async with asyncio.TaskGroup() as group:
        for phone in (ANA, STRANGER, "+4930901820"):
            group.create_task(client.send_template(phone, template=WELCOME))
    await client.send_template(ANA, template=WELCOME)
    await client.send_template(ANA, template=46)

    assert [m.template_id for m in emulator.accepted] == [46] * 5
    assert listing_count(emulator) == 1


async def test_a_new_name_is_asked_for_and_a_language_chooses(
    client: AutocallsClient, emulator: Emulator
) -> None:
    await client.send_template(ANA, template=WELCOME)
    german = Template(id=50, name=WELCOME, language="de", body_text="Moin")
    emulator.account.add_template(german)

    await client.send_template(ANA, template=WELCOME, language="de")
    with pytest.raises(ValueError, match=r"'en' \(46\), 'de' \(50\)"):
        await client.send_template(ANA, template=WELCOME)
    with pytest.raises(ValueError, match="has no template 'welcome'"):
        await client.send_template(ANA, template="welcome")

    assert [m.template_id for m in emulator.accepted] == [46, 50]


async def test_a_name_that_means_another_template_now_is_forgotten(
    client: AutocallsClient, emulator: Emulator
) -> None:
    await client.send_template(ANA, template=WELCOME)
    gone = Refuse(404, {"message": "x", "error_code": "TEMPLATE_NOT_FOUND"})
    emulator.fail_next(1, gone, endpoint=Endpoint.SEND_TEMPLATE)

    with pytest.raises(TemplateNotFoundError):
        await client.send_template(ANA, template=WELCOME)
    await client.send_template(ANA, template=WELCOME)

    assert listing_count(emulator) == 2


async def test_a_name_that_cannot_be_looked_up_in_time_is_unsent(
    client: AutocallsClient, emulator: Emulator
) -> None:
    emulator.fail_next(1, Delay(60), endpoint=Endpoint.TEMPLATES)

    with pytest.raises(UnsentError, match="name could not be looked up"):
        await client.send_template(ANA, template=WELCOME, timeout=5)
    await client.send_template(ANA, template=WELCOME, timeout=5)

    assert len(emulator.accepted) == 1


async def test_whoever_waits_for_a_listing_can_be_cancelled(
    client: AutocallsClient, emulator: Emulator
) -> None:
    emulator.fail_next(1, Delay(10), endpoint=Endpoint.TEMPLATES)
    first = asyncio.create_task(client.send_template(ANA, template=WELCOME))
    second = asyncio.create_task(client.send_template(STRANGER, template=WELCOME))
    await asyncio.sleep(1)

    first.cancel()
    await second

    assert first.cancelled()
    assert [m.recipient_phone for m in emulator.accepted] == [STRANGER]


@pytest.mark.parametrize(
    "given",
    [
        pytest.param({}, id="none"),
        pytest.param({"template": WELCOME, "template_id": 46}, id="both"),
        pytest.param({"template": " "}, id="blank"),
        pytest.param({"template": 0}, id="no number"),
        pytest.param({"template_id": "46"}, id="text for a number"),
    ],
)
async def test_a_template_is_given_once(
    client: AutocallsClient, emulator: Emulator, given: dict[str, object]
) -> None:
    with pytest.raises(ValueError, match="template"):
        await client.send_template(ANA, **given)  # type: ignore[arg-type]  # as users err

    assert emulator.requests == []


NAMED = (
    Listed(id=1, name="a", language="en", status="approved"),
    Listed(id=2, name="a", language="de", status="pending"),
    Listed(id=3, name="b"),
)


@pytest.mark.parametrize(
    ("name", "language", "number"),
    [("a", None, 1), ("a", "en", 1), ("a", "de", 2), ("b", None, 3)],
)
def test_an_approved_template_goes_before_others(
    name: str, language: str | None, number: int
) -> None:
    assert find_template(NAMED, name, language=language, of="sender 1").id == number


@pytest.mark.parametrize(
    ("name", "language", "why"),
    [("c", None, "it has 'a', 'a', 'b'"), ("a", "fr", "'en' .1., 'de' .2., not in")],
)
def test_a_name_that_is_none_is_told(name: str, language: str, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        find_template(NAMED, name, language=language, of="sender 1")
