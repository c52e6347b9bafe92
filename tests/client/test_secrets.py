"""Where a key, a text or a number could slip out: each guard has its test here."""

import io
import sys
import traceback
from collections.abc import Iterator
from pathlib import Path
from types import FrameType, TracebackType
from typing import Any

import pytest

from autocalls_async import AutocallsClient, AutocallsError
from autocalls_async.emulator import Emulator, HangUpBefore, Refuse
from autocalls_async.http.settings import ApiKey
from tests.people import ANA, SENDER

KEY = "1|key-that-nobody-sees"


def chain(error: BaseException | None) -> Iterator[BaseException]:
    """Yield an error and all that a traceback would show with it."""
    while error is not None:
        yield error
        error = error.__cause__ or (
            None if error.__suppress_context__ else error.__context__
        )


def frames(trace: TracebackType | None) -> Iterator[FrameType]:
    """Yield the frames of a traceback."""
    while trace is not None:
        yield trace.tb_frame
        trace = trace.tb_next


@pytest.mark.parametrize("call", ["send", "account"])
async def test_a_traceback_with_locals_shows_no_key(
    emulator: Emulator, call: str
) -> None:
    emulator.fail_next(99, HangUpBefore())

    async with AutocallsClient(
        KEY, base_url=emulator.base_url, sender_id=SENDER, window_check="never"
    ) as client:
        calls = {
            "send": client.send_freeform(ANA, "hi"),
            "account": client.account(),
        }
        chosen = calls.pop(call)
        for other in calls.values():
            other.close()
        with pytest.raises(AutocallsError) as caught:
            await chosen

    ours = "autocalls_async"
    shown = "".join(
        f"{name}={value!r}\n"
        for error in chain(caught.value)
        for frame in frames(error.__traceback__)
        if ours in frame.f_code.co_filename
        for name, value in frame.f_locals.items()
        if name != "self"
    )
    printed = io.StringIO()
    traceback.TracebackException.from_exception(
        caught.value, capture_locals=True
    ).print(file=printed)
    assert "deadline=" in shown
    assert "nobody-sees" not in shown
    library = printed.getvalue().split("test_secrets.py")[-1]
    assert "nobody-sees" not in library


@pytest.mark.parametrize(
    "settings",
    [
        pytest.param({"base_url": "http://example.com"}, id="base URL"),
        pytest.param({"timeout": -1}, id="timeout"),
        pytest.param({"sender_id": 0}, id="sender"),
        pytest.param({"window_check": "maybe"}, id="window check"),
        pytest.param({"AUTOCALLS_SENDER_ID": "twelve"}, id="sender in the environment"),
        pytest.param({"AUTOCALLS_API_KEY": "", "OTHER": KEY}, id="no key"),
    ],
)
def test_a_traceback_of_bad_settings_shows_no_key(settings: dict[str, Any]) -> None:
    environ = {"AUTOCALLS_API_KEY": KEY} | {
        name: settings.pop(name) for name in list(settings) if name.isupper()
    }

    with pytest.raises(ValueError, match=r".") as caught:
        AutocallsClient.from_env(environ=environ, **settings)

    shown = "".join(
        f"{name}={value!r}\n"
        for frame in frames(caught.value.__traceback__)
        if "autocalls_async" in frame.f_code.co_filename
        for name, value in frame.f_locals.items()
        if name != "environ" or "from_env" not in frame.f_code.co_name
    )
    assert "cls=" in shown
    assert "nobody-sees" not in shown


def test_a_key_shows_itself_only_as_a_header() -> None:
    key = ApiKey(KEY)

    assert "nobody-sees" not in f"{key} {key!r} {key.authorization()!r}"
    assert key.authorization() == f"Bearer {KEY}"
    assert not hasattr(key, "__dict__")


async def test_a_netrc_file_does_not_replace_the_key(
    emulator: Emulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login me password other\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))

    for trust_env in (False, True):
        async with AutocallsClient(
            KEY, base_url=emulator.base_url, trust_env=trust_env
        ) as client:
            await client.account()

    assert [r.headers["authorization"] for r in emulator.requests] == [
        f"Bearer {KEY}",
        f"Bearer {KEY}",
    ]


async def test_an_error_code_cannot_write_into_a_log_line(
    client: AutocallsClient, emulator: Emulator
) -> None:
    hostile = "X\n2026-01-01 CRITICAL \x1b[31mforged +14155550123"
    emulator.fail_next(1, Refuse(422, {"error_code": hostile}))

    with pytest.raises(AutocallsError) as caught:
        await client.send_freeform(ANA, "hi", window_check="never")

    assert caught.value.error_code == hostile
    assert all(character >= " " for character in str(caught.value))
    assert "forged" not in repr(caught.value)


def test_no_module_of_ours_keeps_the_key_in_a_module_variable() -> None:
    AutocallsClient(KEY)

    names = [name for name in sys.modules if name.startswith("autocalls_async")]
    shown = "".join(repr(vars(sys.modules[name])) for name in names)

    assert "nobody-sees" not in shown
