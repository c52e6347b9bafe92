"""The README and the site's pages in their parts: programs, outputs, tables."""

import html
import re
from pathlib import Path

ROOT = Path(__file__).parents[1]
PAGES = ROOT / "docs" / "pages"
README = (ROOT / "README.md").read_text(encoding="utf-8")


def page(name: str) -> str:
    """Return a page of the site, as it is written."""
    return (PAGES / name).read_text(encoding="utf-8")


def blocks(language: str, text: str) -> list[str]:
    """Return the contents of the fenced blocks of one language."""
    pattern = rf"^```{language}(?: title=\S+)?\n(.*?)^```$"
    return re.findall(pattern, text, re.MULTILINE | re.DOTALL)


def table(first_heading: str, text: str) -> list[list[str]]:
    """Return the rows of the table whose first column has this heading."""
    _, _, below = text.partition(f"\n| {first_heading} |")
    lines = below.partition("\n\n")[0].splitlines()[2:]
    return [[c.strip() for c in re.split(r"(?<!\\)\|", line)[1:-1]] for line in lines]


def picture(name: str) -> str:
    """Return the lines that a picture of a terminal shows."""
    svg = (PAGES / "assets" / f"{name}.svg").read_text(encoding="utf-8")
    pattern = rf'<text class="{name}-r\d+" x="([\d.]+)" y="([\d.]+)"[^>]*>(.*?)</text>'
    shown = [(float(y), float(x), text) for x, y, text in re.findall(pattern, svg)]
    lines: dict[float, str] = {}
    for y, _, text in sorted(shown):
        lines[y] = f"{lines.get(y, '')} {html.unescape(text)}".replace("\xa0", " ")
    return "\n".join(lines.values())


CAMPAIGN = page("tutorial/first-campaign.md")
SIX_LINES, MATCH = blocks("python", README)
# What stands above it says that processes are killed, which virtual time jumps over.
DEMO = "\n".join(picture("demo").partition("What the service counted")[1:])
MANY, SURVIVE = blocks("python", CAMPAIGN)
(OUTPUT,) = blocks("text", CAMPAIGN)
(REPLIES,) = blocks("python", page("how-to/replies.md"))
PROGRAMS = {
    "six lines": SIX_LINES,
    "match": MATCH,
    "many": MANY,
    "survive": SURVIVE,
    "replies": REPLIES,
}
