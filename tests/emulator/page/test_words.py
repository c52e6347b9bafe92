"""How the page writes times, windows and requests."""

import json
import shlex
import subprocess
from pathlib import Path

import pytest

from tests.emulator.page.browsing import Pure

pytestmark = [pytest.mark.needs("a browser"), pytest.mark.xdist_group("browser")]

WORDS = "/words.js"
DAY = 86400
NOW = 1764201600  # 27 November 2025, midnight


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        pytest.param(0, "0 s", id="nothing"),
        pytest.param(-5, "0 s", id="never below zero"),
        pytest.param(42.9, "42 s", id="seconds"),
        pytest.param(249, "4 min 09 s", id="minutes"),
        pytest.param(3600, "1 h 00 min", id="an hour"),
        pytest.param(DAY - 1, "23 h 59 min", id="a window"),
        pytest.param(3 * DAY + 7200, "3 d 2 h", id="days"),
    ],
)
def test_a_duration_is_said_as_people_say_it(
    pure: Pure, seconds: float, words: str
) -> None:
    assert pure(WORDS, "duration", seconds) == words


@pytest.mark.parametrize(
    ("left", "mood", "short"),
    [
        pytest.param(None, "never", "new", id="never written"),
        pytest.param(0, "shut", "closed", id="closed"),
        pytest.param(0.4, "soon", "1 s", id="the last second"),
        pytest.param(3599, "soon", "59 min", id="under an hour"),
        pytest.param(3600, "open", "1 h", id="an hour"),
        pytest.param(DAY, "open", "24 h", id="just written"),
    ],
)
def test_a_window_has_a_mood_and_a_short_word(
    pure: Pure, left: float | None, mood: str, short: str
) -> None:
    said = pure(WORDS, "windowWords", left)

    assert isinstance(said, dict)
    assert (said["mood"], said["short"]) == (mood, short)


@pytest.mark.parametrize(
    ("ago", "name"),
    [
        pytest.param(0, "Today", id="today"),
        pytest.param(DAY, "Yesterday", id="yesterday"),
        pytest.param(3 * DAY, "Monday 24 November 2025", id="earlier"),
        pytest.param(-DAY, "Friday 28 November 2025", id="tomorrow"),
    ],
)
def test_a_day_has_a_name(pure: Pure, ago: int, name: str) -> None:
    said = pure(WORDS, "dayName", NOW - ago, NOW)

    assert str(said).replace(",", "") == name  # browsers differ in the comma


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        pytest.param(0.4, "", id="ours"),
        pytest.param(-4, "", id="nearly ours"),
        pytest.param(7200, "+2 h 00 min", id="ahead"),
        pytest.param(-60, "\N{MINUS SIGN}1 min 00 s", id="behind"),
    ],
)
def test_only_a_clock_that_differs_says_how_far(
    pure: Pure, seconds: float, words: str
) -> None:
    assert pure(WORDS, "drift", seconds) == words


@pytest.mark.parametrize(
    ("name", "letters"),
    [
        pytest.param("Ana Lima", "AL", id="two words"),
        pytest.param("ana", "A", id="one word"),
        pytest.param("Customer 14", "14", id="a numbered crowd"),
        pytest.param("👩‍🚀 Ripley", "👩R", id="an emoji"),
        pytest.param("+14155550123", "23", id="a number"),
        pytest.param("   ", "?", id="blank"),
        pytest.param(None, "?", id="none"),
    ],
)
def test_a_person_has_initials(pure: Pure, name: str | None, letters: str) -> None:
    assert pure(WORDS, "initials", name) == letters


@pytest.mark.parametrize(
    "text",
    [
        pytest.param('it\'s $HOME `id` \\ "quoted"', id="what a shell would take"),
        pytest.param("two\nlines; rm -rf /", id="lines"),
        pytest.param("'; touch owned; '", id="an attempt"),
        pytest.param("🎉 ünï", id="beyond ASCII"),
    ],
)
def test_a_copied_curl_line_is_one_command_with_the_very_bytes(
    pure: Pure, text: str
) -> None:
    request = {
        "method": "POST",
        "target": "/api/user/whatsapp/send-freeform?a='b",
        "headers": {
            "Host": "127.0.0.1:8080",
            "Authorization": "Bearer 1|a•••",
            "Content-Length": "9",
            "X-Note": text.replace("\n", " "),
        },
        "body": json.dumps({"message": text}),
    }

    line = pure(WORDS, "asCurl", request, "http://127.0.0.1:8080")

    assert isinstance(line, str)
    assert shlex.split(line.replace("\\\n", " ")) == [
        "curl",
        "-X",
        "POST",
        "http://127.0.0.1:8080/api/user/whatsapp/send-freeform?a='b",
        "-H",
        "Authorization: Bearer $AUTOCALLS_API_KEY",
        "-H",
        f"X-Note: {text.replace(chr(10), ' ')}",
        "--data-raw",
        request["body"],
    ]


def test_a_shell_runs_a_copied_curl_line_as_it_came(pure: Pure, tmp_path: Path) -> None:
    body = "$(touch marked)'\"`touch marked`\n\\"
    request = {"method": "POST", "target": "/", "headers": {}, "body": body}
    line = pure(WORDS, "asCurl", request, "http://a")
    assert isinstance(line, str)
    script = f'curl() {{ printf %s "${{!#}}"; }}\n{line}'

    told = subprocess.run(  # noqa: S603  # what a person would paste
        ["/bin/bash", "-c", script], cwd=tmp_path, capture_output=True, check=True
    )

    assert told.stdout.decode() == body
    assert list(tmp_path.iterdir()) == []
