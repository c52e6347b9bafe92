"""Bad input gets a clear error before any I/O, naming the value and the rule."""

import math
import subprocess
import sys
from collections.abc import Mapping
from typing import Any

import pytest

from autocalls_async import AutocallsClient, FreeformMessage, RetryPolicy, SendLimit
from autocalls_async.emulator import Emulator
from tests.people import ANA, hello

KEY = "1|key-that-nobody-sees"


@pytest.mark.parametrize(
    ("settings", "rule"),
    [
        pytest.param({"api_key": ""}, "api_key must be", id="no key"),
        pytest.param({"api_key": "a\nb"}, "line breaks", id="key with a newline"),
        pytest.param({"api_key": "a b"}, "without spaces", id="key with a space"),
        pytest.param({"api_key": "clé"}, "printable ASCII", id="key beyond ASCII"),
        pytest.param({"api_key": None}, "api_key must be", id="key that is None"),
        pytest.param({"base_url": "http://example.com"}, "must be https", id="http"),
        pytest.param({"base_url": "https://me@evil/"}, "user or password", id="user"),
        pytest.param({"base_url": "https://a:b@evil/"}, "user or password", id="pass"),
        pytest.param({"base_url": "ftp://host/"}, "must begin with", id="scheme"),
        pytest.param({"base_url": "app.autocalls.ai"}, "must begin with", id="none"),
        pytest.param({"base_url": "https:///api"}, "must name a host", id="no host"),
        pytest.param({"base_url": "https://h/api/../x"}, "as a step", id="climbs"),
        pytest.param({"base_url": "https://h/%2e%2e/x"}, "no query", id="escape"),
        pytest.param({"base_url": "https://h/?q=1"}, "no query", id="query"),
        pytest.param({"base_url": "https://h/#f"}, "no query", id="fragment"),
        pytest.param({"base_url": "https://h:99999/"}, "port", id="port"),
        pytest.param({"base_url": "https://h:0/"}, "port 0", id="port zero"),
        pytest.param({"base_url": "https://h/\r\nX: 1/"}, "plain ASCII", id="header"),
        pytest.param({"base_url": b"https://h/"}, "must be text", id="bytes"),
        pytest.param({"sender_id": 0}, "above 0; got 0", id="sender 0"),
        pytest.param({"sender_id": True}, "above 0", id="sender True"),
        pytest.param({"sender_id": "12"}, "got a value of type str", id="sender text"),
        pytest.param({"timeout": 0}, "more than 0; got 0", id="timeout 0"),
        pytest.param({"timeout": math.nan}, "got nan", id="timeout NaN"),
        pytest.param({"drain_timeout": -1}, "got -1", id="drain -1"),
        pytest.param({"window_check": "maybe"}, "'auto', 'always'", id="check"),
    ],
)
def test_settings_are_checked_before_anything_is_opened(
    settings: Mapping[str, Any], rule: str
) -> None:
    with pytest.raises(ValueError, match=rule) as caught:
        AutocallsClient(**{"api_key": KEY, **settings})

    assert "nobody-sees" not in str(caught.value)
    assert "a:b" not in str(caught.value)


@pytest.mark.parametrize(
    "base_url",
    [
        "https://app.autocalls.ai/api",
        "https://app.autocalls.ai/api/",
        "http://127.0.0.1:8080/api",
        "http://[::1]:8080/api",
        "http://localhost:8080/api",
        "http://emulator:8080/api",
        "http://192.168.1.10/api",
    ],
)
def test_a_base_url_that_is_safe_is_taken(base_url: str) -> None:
    client = AutocallsClient(KEY, base_url=base_url)

    assert KEY not in repr(client)


@pytest.mark.parametrize(
    ("arguments", "rule"),
    [
        pytest.param({"recipient_phone": "4155550123"}, "E.164", id="no plus"),
        pytest.param({"recipient_phone": "+0155550123"}, "E.164", id="zero"),
        pytest.param({"recipient_phone": "+1 415 555 0123"}, "E.164", id="spaces"),
        pytest.param({"recipient_phone": None}, "of type NoneType", id="None"),
        pytest.param({"message": " \n\t"}, "must not be blank", id="blank"),
        pytest.param({"message": "x" * 4097}, "at most 4096.*got 4097", id="long"),
        pytest.param({"message": "\ud800"}, "surrogate", id="half a pair"),
        pytest.param({"sender_id": -1}, "above 0; got -1", id="sender"),
        pytest.param({"timeout": -1}, "got -1", id="timeout"),
        pytest.param({"lane": "fast"}, "'interactive', 'bulk'; got 'fast'", id="lane"),
        pytest.param({"window_check": ""}, "window_check must be", id="check"),
    ],
)
async def test_a_bad_argument_of_a_send_sends_nothing(
    client: AutocallsClient,
    emulator: Emulator,
    arguments: Mapping[str, Any],
    rule: str,
) -> None:
    good = {"recipient_phone": ANA, "message": "hi"}

    with pytest.raises(ValueError, match=rule) as caught:
        await client.send_freeform(**{**good, **arguments})

    assert emulator.requests == []
    shown = str(caught.value).partition("got ")[2]  # the rule has an example number
    for whole in ("4155550123", "0155550123", "415 555 0123"):
        assert whole not in shown


async def test_the_longest_text_passes(
    client: AutocallsClient, emulator: Emulator
) -> None:
    await client.send_freeform(ANA, "😀" * 4096)

    assert emulator.accepted[0].message == "😀" * 4096


async def test_a_send_without_any_sender_is_a_value_error(emulator: Emulator) -> None:
    async with AutocallsClient(KEY, base_url=emulator.base_url) as client:
        with pytest.raises(ValueError, match="sender_id is missing"):
            await client.send(hello())
        with pytest.raises(ValueError, match="sender_id is missing"):
            client.windows.note_inbound(ANA)
        with pytest.raises(ValueError, match="sender_id is missing"):
            await client.templates()

    assert emulator.requests == []


def test_the_environment_gives_key_address_and_sender() -> None:
    environ = {
        "AUTOCALLS_API_KEY": f" {KEY}\n",
        "AUTOCALLS_BASE_URL": "http://localhost:1/api",
        "AUTOCALLS_SENDER_ID": "12",
    }

    client = AutocallsClient.from_env(environ=environ)

    assert client.windows is not None
    with pytest.raises(ValueError, match="AUTOCALLS_API_KEY is not set"):
        AutocallsClient.from_env(environ={})
    with pytest.raises(ValueError, match=r"AUTOCALLS_SENDER_ID must be .* 'twelve'"):
        AutocallsClient.from_env(environ={**environ, "AUTOCALLS_SENDER_ID": "twelve"})
    with pytest.raises(ValueError, match="must be https"):
        AutocallsClient.from_env(environ=environ, base_url="http://example.com")


@pytest.mark.parametrize(
    "make",
    [
        pytest.param(lambda: SendLimit(0), id="rate"),
        pytest.param(lambda: SendLimit(5, per=0), id="per"),
        pytest.param(lambda: RetryPolicy(max_attempts=0), id="attempts"),
        pytest.param(lambda: RetryPolicy(base_seconds=-1), id="base"),
    ],
)
def test_limits_and_policies_are_checked(make: Any) -> None:  # noqa: ANN401  # calls of several types
    with pytest.raises(ValueError, match="must be"):
        make()


def test_the_import_is_light() -> None:
    code = (
        "import sys; before = set(sys.modules);"
        "from autocalls_async import AutocallsClient;"
        "new = set(sys.modules) - before;"
        "print(*(m for m in ('aiohttp.web', 'rich', 'typer', 'click', 'sqlite3',"
        "'pytest', 'autocalls_async.emulator',"
        "'autocalls_async.campaign.planning.plan',"
        "'autocalls_async.journal', 'autocalls_async.campaign.ledger') if m in new))"
    )

    done = subprocess.run(  # noqa: S603  # our own words
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )

    assert done.stdout.strip() == ""


def test_every_public_name_is_documented() -> None:
    import autocalls_async  # noqa: PLC0415  # looked at as a whole

    names = set(autocalls_async.__all__) - {
        *("__version__", "Event", "Message", "Observer", "Outcome")  # no classes
    }
    missing = [n for n in names if not getattr(autocalls_async, n).__doc__]

    assert missing == []


async def test_a_client_may_close_without_draining(emulator: Emulator) -> None:
    client = AutocallsClient(KEY, base_url=emulator.base_url, drain_timeout=0)

    await client.aclose()

    with pytest.raises(RuntimeError, match="closed"):
        await client.account()


def test_a_key_must_identify_a_message() -> None:
    with pytest.raises(ValueError, match="key must not be empty"):
        FreeformMessage(recipient_phone=ANA, message="hi", key="")
    with pytest.raises(ValueError, match="key must have at most 255"):
        FreeformMessage(recipient_phone=ANA, message="hi", key="k" * 256)
