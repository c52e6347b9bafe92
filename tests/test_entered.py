"""What the map of the house says of a send is what a send goes through."""

import re
from pathlib import Path

import pytest

import autocalls_async
from tests.entered import enter_by_send

_DATA = {"policy.verdict"}  # a table, which is looked up and not called


@pytest.mark.real_time
def test_a_send_goes_through_what_the_map_says(tmp_path: Path) -> None:
    told = str(autocalls_async.__doc__).partition("One send goes through them so:")[2]
    named = set(re.findall(r"`([a-z_]+\.[a-z_]+)`", told.partition("Words that")[0]))

    entered = enter_by_send(tmp_path).functions

    rooms = {file.removesuffix(".py").replace("/", ".") for file in entered}
    missing = {name for name in named if not any(r.startswith(name) for r in rooms)}
    assert {"policy.lanes", "http.replies"} <= named
    assert missing == _DATA
