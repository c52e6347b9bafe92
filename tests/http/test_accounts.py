"""Several accounts in one file: each setting has its rule, and no key is shown."""

import traceback

import pytest

from autocalls_async import SendLimit
from autocalls_async.http.accounts import AccountSettings, parse_account, parse_accounts
from autocalls_async.http.settings import DEFAULT_BASE_URL

KEY = "1|key-that-nobody-sees"
ENVIRON = {"ACME_KEY": f" {KEY}\n", "EMPTY": " "}


def test_each_table_is_an_account() -> None:
    text = """
        [acme]
        api_key_env = "ACME_KEY"

        ["a b"]
        api_key = "2|other"
        base_url = "https://white.label/api/"
        sender_id = 15
        send_limit = 2
    """

    accounts = parse_accounts(text, environ=ENVIRON)

    assert list(accounts) == ["acme", "a b"]
    acme, other = accounts.values()
    assert (acme.api_key, acme.base_url) == (KEY, DEFAULT_BASE_URL)
    assert (acme.sender_id, acme.send_limit) == (None, SendLimit(5, per=1.0))
    assert (other.api_key, other.base_url) == ("2|other", "https://white.label/api")
    assert (other.sender_id, other.send_limit) == (15, SendLimit(2, per=1.0))


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        pytest.param(
            "",
            "it names no account; write a table for each, such as [acme]",
            id="empty",
        ),
        pytest.param("[acme", "it is no TOML: ", id="no TOML"),
        pytest.param("api_key = '1|k'", "api_key stands outside", id="no table"),
        pytest.param("[acme]", "account acme: give api_key_env", id="no key"),
        pytest.param(
            "[acme]\napi_key = '1|k'\napi_key_env = 'ACME_KEY'",
            "account acme: give api_key_env, the name of a variable, or else api_key",
            id="two keys",
        ),
        pytest.param(
            "[acme]\napi_key = 5", "account acme: api_key must be", id="key a number"
        ),
        pytest.param(
            "[acme]\napi_key = '1 k'",
            "account acme: api_key must be printable ASCII",
            id="key with a space",
        ),
        pytest.param(
            "[acme]\napi_key_env = 5",
            "account acme: api_key_env must be the name of a variable",
            id="variable a number",
        ),
        pytest.param(
            "[acme]\napi_key_env = 'MISSING'",
            "account acme: the variable MISSING, which its api_key_env names, is not",
            id="variable not set",
        ),
        pytest.param(
            "[acme]\napi_key_env = 'EMPTY'",
            "account acme: the variable EMPTY,",
            id="variable empty",
        ),
        pytest.param(
            "[acme]\napi_key = '1|k'\nsender = 12",
            "account acme: there is no setting sender; there are api_key, api_key_env",
            id="misspelt",
        ),
        pytest.param(
            "[acme]\napi_key = '1|k'\nsender_id = '12'",
            "account acme: sender_id must be a whole number above 0; got a value of",
            id="sender a text",
        ),
        pytest.param(
            "[acme]\napi_key = '1|k'\nsend_limit = 0",
            "account acme: send_limit must be a whole number above 0; got 0",
            id="limit of nothing",
        ),
        pytest.param(
            "[acme]\napi_key = '1|k'\nbase_url = 'http://app.autocalls.ai/api'",
            "account acme: base_url must be https for a public host",
            id="plain http",
        ),
    ],
)
def test_what_breaks_a_rule_is_named_with_its_account(
    text: str, complaint: str
) -> None:
    with pytest.raises(ValueError) as caught:  # noqa: PT011  # looked at below
        parse_accounts(text, environ=ENVIRON)

    assert str(caught.value).startswith(complaint)


def test_one_account_is_read_whatever_the_others_lack() -> None:
    text = "[acme]\napi_key = '1|k'\n[other]\napi_key_env = 'MISSING'"

    assert parse_account(text, "acme", environ={}).api_key == "1|k"
    with pytest.raises(ValueError, match="account other: the variable MISSING"):
        parse_account(text, "other", environ={})
    with pytest.raises(ValueError, match="no account 'x'; there are acme, other"):
        parse_account(text, "x", environ={})


@pytest.mark.parametrize(
    "line", ["sender_id = 0", "sendlimit = 5", "base_url = 'x'", "= 5"]
)
def test_no_key_is_in_an_error_or_its_frames(line: str) -> None:
    text = f"[acme]\napi_key = '{KEY}'\n{line}"

    with pytest.raises(ValueError) as caught:  # noqa: PT011  # any will do
        parse_accounts(text, environ=ENVIRON)

    told = traceback.TracebackException.from_exception(
        caught.value, capture_locals=True
    )
    ours = [frame for frame in told.stack if "autocalls_async" in frame.filename]
    shown = str(caught.value) + str([frame.locals for frame in ours])
    assert KEY not in shown
    assert caught.value.__cause__ is None


def test_settings_show_no_key_and_are_equal_by_what_they_hold() -> None:
    settings = AccountSettings(KEY, sender_id=12)

    assert KEY not in f"{settings!r}{settings.api_key!r}"
    assert settings == AccountSettings(KEY, sender_id=12)
    assert settings != AccountSettings(KEY, sender_id=15)
