"""Where the service is and how it knows us: key, address and environment."""

import socket
from contextlib import nullcontext, suppress
from ipaddress import IPv4Address, ip_address, ip_network
from string import ascii_letters, digits

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from autocalls_async.http.settings import (
    DEFAULT_BASE_URL,
    ApiKey,
    parse_base_url,
    read_environment,
    read_host,
    read_ipv4,
)

_PRIVATE = tuple(
    map(
        ip_network,
        ("127.0.0.0/8", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16"),
    )
)


def _spell(number: int, base: str) -> str:
    return {"decimal": f"{number}", "octal": f"0{number:o}", "hex": f"0x{number:x}"}[
        base
    ]


@st.composite
def spellings(draw: st.DrawFn) -> tuple[str, IPv4Address]:
    """Draw an address and one of its spellings in C."""
    private = st.sampled_from([0x7F000001, 0x0A000005, 0xC0A8010A, 0xAC10FFFE, 0])
    number = draw(st.integers(0, 2**32 - 1) | private)
    count = draw(st.integers(1, 4))
    octets = list(number.to_bytes(4, "big"))
    last = int.from_bytes(octets[count - 1 :], "big")
    bases = st.sampled_from(["decimal", "octal", "hex"])
    parts = [_spell(part, draw(bases)) for part in (*octets[: count - 1], last)]
    return ".".join(parts), IPv4Address(number)


@given(spellings())
def test_a_host_is_read_as_the_number_that_it_is(
    spelling: tuple[str, IPv4Address],
) -> None:
    text, address = spelling

    assert socket.inet_aton(text) == address.packed
    assert read_ipv4(text) == address


def _read_by_c(text: str) -> IPv4Address | None:
    with suppress(OSError):
        return IPv4Address(socket.inet_aton(text))
    return None


@given(
    st.text("0123456789abcfx.", max_size=14)
    | st.from_regex(r"[0-9x.]{1,12}", fullmatch=True)
)
@example("0x")
@example("08")
@example("1.2.3.256")
@example("1.2.65536")
@example("4294967296")
@example("1.2.3.4.5")
@example("1.2.3.4.0")
@example("256.1")
@example("255.255.255.255")
@example("255.1")
@example("1.16777215")
@example("4294967295")
@example("1..2")
@example("")
def test_a_number_is_read_as_the_c_library_reads_it(text: str) -> None:
    text = text.strip()  # the C library stops at a space; a URL cannot hold one

    assert read_ipv4(text) == _read_by_c(text)


@given(spellings())
def test_plain_http_to_a_number_is_for_private_networks_alone(
    spelling: tuple[str, IPv4Address],
) -> None:
    text, address = spelling
    is_private = address.is_unspecified or address.is_link_local
    is_private |= any(address in network for network in _PRIVATE)
    mapped = ip_address(f"::ffff:{address}")

    for host in (text, f"{text}.", text.upper(), f"[{mapped}]", f"[::ffff:{address}]"):
        url = f"http://{host}:8080/api"

        public = pytest.raises(ValueError, match="must be https for a public host")
        with nullcontext() if is_private else public:
            parse_base_url(url)
        assert parse_base_url(f"https://{host}:8080/api")


@pytest.mark.parametrize(
    "host",
    [
        "134744072",
        "0x08080808",
        "010.010.010.010",
        "8.526344",
        "8.8.2056",
        "8.8.8.8.",
        "[::ffff:8.8.8.8]",
        "[::ffff:808:808]",
        pytest.param("[::8.8.8.8]", id="IPv4-compatible"),
        pytest.param("[64:ff9b::808:808]", id="NAT64"),
        pytest.param("[2002:808:808::1]", id="6to4"),
        pytest.param("[2001:0:808:808::1]", id="Teredo"),
        pytest.param("100.64.0.1", id="a carrier's network"),
        pytest.param("203.0.113.9", id="a number for documents"),
        pytest.param("4294967296", id="more than an address"),
        pytest.param("1.2.3.256", id="no address"),
        pytest.param("09", id="no octal"),
        pytest.param("api.", id="a top-level domain"),
        pytest.param("localhost.example.com", id="a name that begins well"),
        pytest.param("[v1.fe:80]", id="an address of the future"),
        "example.com",
    ],
)
def test_plain_http_over_the_open_network_is_refused(host: str) -> None:
    with pytest.raises(ValueError, match="must be https for a public host"):
        parse_base_url(f"http://{host}/api")


@pytest.mark.parametrize(
    "host",
    [
        "localhost",
        "localhost.",
        "LOCALHOST",
        "api.localhost",
        "emulator",
        "0xdeadbeef.localhost",
        "127.1",
        "2130706433",
        "0x7f.1",
        "0177.0.0.1",
        "0.0.0.0",  # noqa: S104  # this host, to a client
        "0",
        "10.1",
        "169.254.1.1",
        "[::1]",
        "[::]",
        "[::ffff:127.0.0.1]",
        "[fe80::1]",
        "[fd00::1]",
    ],
)
def test_plain_http_to_this_machine_or_a_private_network_is_taken(host: str) -> None:
    assert parse_base_url(f"http://{host}/api") == f"http://{host}/api"


def test_a_key_is_shown_nowhere_but_in_its_header() -> None:
    key = ApiKey("1|abc123")

    assert key.authorization() == "Bearer 1|abc123"
    assert repr(key) == "ApiKey('•••')"
    assert repr(key.authorization()) == "'•••'"


@pytest.mark.parametrize(
    ("key", "told"),
    [
        *(
            pytest.param(
                key,
                "api_key must be the text of a key, such as '1|abc123'; got none",
                id=str(key),
            )
            for key in ("", None, 5)
        ),
        *(
            pytest.param(
                key,
                "api_key must be printable ASCII without spaces or line breaks; "
                "it has a character that an HTTP header cannot carry",
                id=repr(key),
            )
            for key in ("a b", "a\n", "clé", "\x7f", "\x20")
        ),
    ],
)
def test_what_is_no_key_is_refused(key: object, told: str) -> None:
    with pytest.raises(ValueError, match="api_key") as caught:
        ApiKey(key)

    assert str(caught.value) == told


@given(st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), min_size=1))
@example("!~")
def test_any_printable_key_is_taken(key: str) -> None:
    assert ApiKey(key).authorization() == f"Bearer {key}"


@pytest.mark.parametrize(
    ("url", "host"),
    [("https://a.example/api", "a.example"), ("http://[::1]:80/api", "[::1]:80")],
)
def test_a_host_is_read_for_people(url: str, host: str) -> None:
    assert read_host(url) == host


def test_an_environment_is_read_whole() -> None:
    found = read_environment(
        {
            "AUTOCALLS_API_KEY": " 1|abc\n",
            "AUTOCALLS_BASE_URL": " https://a.example/api ",
            "AUTOCALLS_SENDER_ID": " 12 ",
        }
    )

    assert (found.api_key, found.base_url) == ("1|abc", "https://a.example/api")
    assert found.sender_id == 12
    assert repr(found.api_key) == "'•••'"


def test_an_environment_with_the_key_alone_has_the_defaults() -> None:
    found = read_environment({}, api_key="2|given")

    assert (found.api_key, found.base_url) == ("2|given", DEFAULT_BASE_URL)
    assert found.sender_id is None
    wins = read_environment({"AUTOCALLS_API_KEY": "1|other"}, api_key="2|given")
    assert wins.api_key == "2|given"


@pytest.mark.parametrize(
    ("environ", "told"),
    [
        pytest.param(
            {"AUTOCALLS_API_KEY": "  "},
            "AUTOCALLS_API_KEY is not set; it must hold the account's API key",
            id="no key",
        ),
        pytest.param(
            {"AUTOCALLS_API_KEY": "1|a", "AUTOCALLS_SENDER_ID": "١٢"},
            "AUTOCALLS_SENDER_ID must be a whole number; got '١٢'",
            id="digits of another script",
        ),
        pytest.param(
            {"AUTOCALLS_API_KEY": "1|a", "AUTOCALLS_SENDER_ID": "twelve" * 10},
            "AUTOCALLS_SENDER_ID must be a whole number; got 'twelvetwelvetwelvetw'",
            id="words",
        ),
    ],
)
def test_an_environment_that_cannot_be_used_says_why(
    environ: dict[str, str], told: str
) -> None:
    with pytest.raises(ValueError, match="AUTOCALLS") as caught:
        read_environment(environ)

    assert str(caught.value) == told


@pytest.mark.parametrize(
    ("url", "told"),
    [
        pytest.param(b"https://a.example", "must be text; got a value of type bytes"),
        pytest.param(
            "http://a.example/api",
            "must be https for a public host; got http://a.example",
        ),
        pytest.param(
            "https://a.example:x", "is no usable URL: its host or port is malformed"
        ),
        *(
            pytest.param(url, f"{rule}; the default is {DEFAULT_BASE_URL}")
            for url, rule in (
                ("ftp://a.example", "must begin with https:// or http://"),
                ("a.example", "must begin with https:// or http://"),
                ("https://me:word@a.example", "must not hold a user or password"),
                *(
                    (url, "must be plain ASCII, with no query or escape")
                    for url in (
                        *("https://a.example?q", "https://a.example/%2e"),
                        *("https://é.example", "https://a.example/a b"),
                    )
                ),
                ("https:///api", "must name a host"),
                ("https://a.example:0", "must not have port 0"),
                *(
                    (url, "must not have '.', '..' or nothing as a step")
                    for url in (
                        *("https://a.example/./a", "https://a.example/a/.."),
                        *("https://a.example//a", "https://a.example/a//b"),
                    )
                ),
            )
        ),
    ],
)
def test_a_base_url_that_cannot_be_used_is_told_by_its_rule(
    url: object, told: str
) -> None:
    with pytest.raises(ValueError, match="base_url") as caught:
        parse_base_url(url)

    assert str(caught.value) == f"base_url {told}"
    assert caught.value.__cause__ is None


EVERY_SIGN = f"https://a.example/{ascii_letters}{digits}-._~:/[]@!$&'()*+,;="


@pytest.mark.parametrize(
    ("url", "taken"),
    [
        ("https://a.example", "https://a.example"),
        ("https://a.example/", "https://a.example"),
        ("https://a.example/api//", "https://a.example/api"),
        ("https://a.example:443/a.b/..c", "https://a.example:443/a.b/..c"),
        ("HTTPS://A.example/api", "HTTPS://A.example/api"),
        ("https://a.example/..X", "https://a.example/..X"),
        ("http://localhost:1/api", "http://localhost:1/api"),
        pytest.param(EVERY_SIGN, EVERY_SIGN, id="all that a URL may be written with"),
    ],
)
def test_a_base_url_is_taken_without_its_closing_slash(url: str, taken: str) -> None:
    assert parse_base_url(url) == taken


def test_an_automation_key_is_read_where_there_is_one() -> None:
    found = read_environment(
        {"AUTOCALLS_API_KEY": "1|abc", "AUTOCALLS_AUTOMATION_KEY": " 2|switch "}
    )

    assert found.automation_key == "2|switch"
    assert read_environment({"AUTOCALLS_API_KEY": "1|abc"}).automation_key is None
