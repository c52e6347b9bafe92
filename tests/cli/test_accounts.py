"""Several accounts at the command line: `--account` and its file."""

from pathlib import Path

import pytest

from tests.cli.conftest import OPEN, Autocalls, Service


@pytest.fixture
def accounts(tmp_path: Path, service: Service) -> Path:
    """Write a file with two accounts; the environment stands for a third."""
    path = tmp_path / "accounts.toml"
    path.write_text(
        f"""
        [acme]
        api_key = "2|topsecret-acme"
        base_url = "{service.emulator.base_url}"
        sender_id = 15

        [bare]
        api_key_env = "BARE_KEY"
        """,
        encoding="utf-8",
    )
    return path


def test_an_account_stands_for_key_address_and_sender(
    autocalls: Autocalls,
    service: Service,
    accounts: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    service.emulator.customer_writes(OPEN, sender_id=15)
    monkeypatch.setenv("AUTOCALLS_BASE_URL", "https://nobody.invalid/api")
    monkeypatch.setenv("AUTOCALLS_ACCOUNTS", str(accounts))

    ended = autocalls("send", OPEN, "hello", "--account", "acme")

    assert ended.status == 0
    (message,) = service.emulator.accepted
    assert message.sender_id == 15
    (*_, request) = service.emulator.requests
    assert request.headers["authorization"].endswith("2|topsecret-acme")


def test_what_is_typed_wins(
    autocalls: Autocalls, service: Service, accounts: Path
) -> None:
    words = ("--account", "acme", "--accounts", str(accounts), "--sender-id", "12")

    ended = autocalls("send", OPEN, "hello", *words)

    assert ended.status == 0
    assert service.emulator.accepted[0].sender_id == 12


def test_nothing_of_another_account_is_taken_from_the_environment(
    autocalls: Autocalls,
    service: Service,
    accounts: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("BARE_KEY", "3|topsecret-bare")
    words = ("--account", "bare", "--accounts", str(accounts))
    url = ("--base-url", service.emulator.base_url)

    ended = autocalls("send", OPEN, "hello", *words, *url)

    assert ended.status == 2  # the variable's sender is not this account's
    assert "there is no sender" in ended.complaint
    assert service.emulator.requests == []


@pytest.mark.usefixtures("service")
def test_what_asks_for_no_sender_takes_an_account_too(
    autocalls: Autocalls, accounts: Path
) -> None:
    ended = autocalls("account", "--account", "acme", "--accounts", str(accounts))

    assert ended.status == 0


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (["--account", "acme"], "--account needs --accounts FILE"),
        (["--account", "nobody", "--accounts", "F"], "there is no account 'nobody'"),
        (["--account", "acme", "--accounts", "none.toml"], "No such file"),
        (["--account", "bare", "--accounts", "F"], "the variable BARE_KEY"),
        (["--account", "acme", "--accounts", "binary"], "is no text in UTF-8"),
    ],
)
def test_an_account_that_is_not_there_is_an_error(
    autocalls: Autocalls, accounts: Path, words: list[str], complaint: str
) -> None:
    accounts.with_name("binary").write_bytes(b"\xff")
    named = {"F": str(accounts), "binary": str(accounts.with_name("binary"))}

    ended = autocalls("account", *(named.get(word, word) for word in words))

    assert ended.status == 2
    told = " ".join(ended.err.replace("│", " ").split())
    assert complaint in told
    assert ended.out == ""
