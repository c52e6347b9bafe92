"""The page's pure modules, tested in the browser by tests in their own language."""

import re
from pathlib import Path

import pytest

from tests.emulator.page.browsing import Pure

pytestmark = [pytest.mark.needs("a browser"), pytest.mark.xdist_group("browser")]

HERE = Path(__file__).parent / "pure"
CLAIMS = [
    (path.name, name)
    for path in sorted(HERE.glob("*.js"))
    if path.name != "claims.js"
    for name in re.findall(r"^export function (\w+)", path.read_text(), re.MULTILINE)
]


@pytest.mark.parametrize(("file", "name"), CLAIMS, ids=[name for _, name in CLAIMS])
def test_it_is_so_that(pure: Pure, file: str, name: str) -> None:
    pure(f"/test/{file}", name)


def test_a_claim_that_does_not_hold_fails(pure: Pure) -> None:
    with pytest.raises(Exception, match=r"found \[1\], expected \[2\]"):
        pure("/test/claims.js", "alike", [1], [2])
