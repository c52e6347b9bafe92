"""What `accounts.toml` may say, and what is said of one that is wrong."""

import sys
from pathlib import Path

import pytest

from autocalls_async import SendLimit
from autocalls_async.cli.app import run
from autocalls_async.cluster import AccountSettings, read_accounts

KEY = "7|hunter2hunter2hunter2hunter2"


def test_accounts_are_read_with_keys_from_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ACME_KEY", KEY)
    file = tmp_path / "accounts.toml"
    file.write_text(
        f'[acme]\napi_key_env = "ACME_KEY"\nsender_id = 12\nsend_limit = 9\n'
        f'[other]\napi_key = "{KEY}"\nbase_url = "https://white.label/api"\n'
    )

    accounts = read_accounts(file)

    assert accounts == {
        "acme": AccountSettings(KEY, sender_id=12, send_limit=SendLimit(9)),
        "other": AccountSettings(KEY, base_url="https://white.label/api"),
    }
    assert KEY not in repr(accounts)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        pytest.param("[acme", "it is no TOML", id="no TOML"),
        pytest.param('[acme]\napi_key_env = "NOBODY"', "is not set", id="no key"),
        pytest.param(
            '[acme]\napi_key = "k"\nsender_id = 0', "account acme: sender", id="sender"
        ),
        pytest.param('[""]\napi_key = "k"', "account must have 1 to", id="no name"),
    ],
)
def test_a_wrong_file_is_refused_with_the_account_and_the_rule(
    tmp_path: Path, text: str, said: str
) -> None:
    file = tmp_path / "accounts.toml"
    file.write_text(text)

    with pytest.raises(ValueError, match=said):
        read_accounts(file)


@pytest.mark.parametrize(
    "words", [["cluster", "status"], ["worker", "--accounts", "x"]]
)
def test_without_the_extra_the_command_names_it(
    words: list[str],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setitem(sys.modules, "procrastinate", None)

    assert run(words) == 2

    assert "pip install 'autocalls-async[cluster]'" in capsys.readouterr().err
