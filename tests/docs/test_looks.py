"""The site as a browser shows it: to everybody, narrow and dark, from nowhere else."""

import re
import subprocess
import sys
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest
from attrs import evolve

from autocalls_async.cli.journal.page import render_report
from tests.cli.test_report import full_report
from tests.emulator.page.browsing import Tabs
from tests.emulator.page.test_access import COLOURS, broken_rules

pytestmark = [pytest.mark.needs("a browser"), pytest.mark.xdist_group("browser")]

DOCS = Path(__file__).parents[2] / "docs"
SITE = DOCS / "site"
# One of each kind: all of them take minutes.
LOOKED_AT = [
    "index.html",
    "tutorial/first-campaign.html",
    "how-to/blocking.html",
    "explanation/pace.html",
    "reference/configuration.html",
    "reference/made/api-watching.html",
    "reference/made/cluster-tables.html",
]


class Quiet(SimpleHTTPRequestHandler):
    """Serves files, and tells nobody."""

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture(scope="module")
def site() -> Iterator[str]:
    """Build the site and serve it; give its address."""
    done = subprocess.run(  # noqa: S603  # our own words
        [sys.executable, str(DOCS / "build.py")],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr + done.stdout
    handler = partial(Quiet, directory=str(SITE))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def test_the_site_builds_and_loads_nothing_from_elsewhere(site: str) -> None:
    assert site
    pages = list(SITE.rglob("*.html"))
    loaded = {
        url
        for page in pages
        for url in re.findall(
            r'(?:<script[^>]+src|<img[^>]+src|rel="stylesheet" href)="(https?://[^"]+)',
            page.read_text(encoding="utf-8"),
        )
    }

    assert len(pages) > 15
    assert loaded == set()


@pytest.mark.parametrize("name", LOOKED_AT)
def test_axe_finds_nothing_wrong_on_a_page(site: str, tabs: Tabs, name: str) -> None:
    page = tabs.blank()
    page.goto(f"{site}/{name}")

    assert broken_rules(page) == []
    page.emulate_media(color_scheme="dark")
    assert broken_rules(page, only=COLOURS) == [], "dark"
    page.set_viewport_size({"width": 390, "height": 800})
    assert broken_rules(page) == [], "narrow"
    wide = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
    assert page.evaluate(wide) <= 0


def test_axe_finds_nothing_wrong_with_a_report(tabs: Tabs) -> None:
    report = evolve(full_report(), rules=[("hours", "09:00-20:00 mon-fri")])
    page = tabs.blank(width=390)
    page.set_content(render_report(report, facts=[("cost", "0.15: 3 messages")]))

    assert broken_rules(page) == []
    page.emulate_media(color_scheme="dark")
    assert broken_rules(page, only=COLOURS) == [], "dark"
