"""What a type checker tells a user: mypy, started once for all their programs."""

from pathlib import Path

import pytest
from mypy import api

from tests.needs import MINUTES
from tests.readme import MATCH, PROGRAMS

EVERY_OUTCOME = """
from typing import assert_never

from autocalls_async.model.errors import AutocallsError, TemplateRequiredError
from autocalls_async.model.messages import FreeformMessage, TemplateMessage
from autocalls_async.model.outcomes import Accepted, Outcome, Rejected, Unknown, Unsent


def row(outcome: Outcome) -> tuple[FreeformMessage | TemplateMessage, object]:
    match outcome:
        case Accepted(message=m, sent=s):
            return m, s.whatsapp_message_id
        case Rejected(message=m, error=TemplateRequiredError(session_status=s)):
            return m, s
        case Rejected(message=m, error=e) | Unsent(message=m, error=e):
            return m, e.recipient_phone
        case Unknown(message=m, error=e):
            return m, e
        case _:
            assert_never(outcome)
"""
UNKNOWN_CASE = """        case Unknown(message=m, error=e):
            return m, e
"""
NEVER_SENT_AGAIN = """        case Unknown(error=error):
            return f"may have been delivered, so do not repeat it: {error}"
"""
MISSPELT = """
from autocalls_async import (AutocalsClient)
from autocalls_async.testing import VirtualLoop
"""


def without(part: str, program: str) -> str:
    """Leave one part of a program out."""
    assert program.count(part) == 1
    return program.replace(part, "")


RIGHT = {
    **{f"readme_{name}": code for name, code in PROGRAMS.items()},
    "every_outcome": EVERY_OUTCOME,
}
WRONG = {
    "an_outcome_left_out": (
        without(UNKNOWN_CASE, EVERY_OUTCOME),
        ["has incompatible type", 'expected "Never"'],
    ),
    "a_case_of_the_readme_left_out": (
        without(NEVER_SENT_AGAIN, MATCH),
        ["Missing return statement"],
    ),
    "a_name_misspelt": (
        MISSPELT,
        ['has no attribute "AutocalsClient"', 'has no attribute "VirtualLoop"'],
    ),
}


def complaints_of_mypy(programs: dict[str, str], folder: Path) -> dict[str, list[str]]:
    """Check programs as strictly as mypy can; give its lines about each."""
    for name, code in programs.items():
        (folder / f"{name}.py").write_text(code, encoding="utf-8")
    paths = [str(folder / f"{name}.py") for name in programs]
    options = ["--strict", "--config-file=", f"--cache-dir={folder / 'cache'}"]
    out, err, _ = api.run([*options, "--no-error-summary", *paths])
    assert err == ""
    lines = out.splitlines()
    return {
        name: [line for line in lines if Path(line.split(":")[0]).stem == name]
        for name in programs
    }


@MINUTES
def test_what_is_right_passes_and_what_is_wrong_is_found(
    tmp_path: Path, subtests: pytest.Subtests
) -> None:
    wrong = {name: code for name, (code, _) in WRONG.items()}

    complaints = complaints_of_mypy(RIGHT | wrong, tmp_path)

    for name in RIGHT:
        with subtests.test(name):
            assert complaints[name] == []
    for name, (_, expected) in WRONG.items():
        with subtests.test(name):
            told = "\n".join(complaints[name])
            assert [words for words in expected if words not in told] == []
