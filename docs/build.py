"""Build the site: what can be made from the code is made, then the pages.

    python docs/build.py            the whole, in docs/site
    python docs/build.py --made     only what is made, in docs/pages/reference/made

What is made: the API from each `__all__`, the commands from the command line, the
verdicts from the table that decides them, the journal's tables from its schema.
"""

import ast
import asyncio
import importlib
import importlib.util
import re
import shutil
import sqlite3
import subprocess
import sys
import tempfile
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

from commands import command_page

from autocalls_async.cluster.protocol.migrations import NEWEST, steps
from autocalls_async.journal import SqliteJournal
from autocalls_async.policy.verdict import DECISIONS, Kind, Seen, Verdict

DOCS = Path(__file__).parent
ROOT = DOCS.parent
PACKAGE = ROOT / "autocalls_async"
MADE = DOCS / "pages" / "reference" / "made"

PAGES = {
    "client": "The client",
    "messages": "Messages and outcomes",
    "errors": "Errors, as classes",
    "campaigns": "Campaigns",
    "watching": "Settings and watching",
}
"""The pages of the root's names."""

MODULES = {
    "blocking": "For programs that block",
    "phones": "Numbers",
    "journal": "Journals",
    "webhooks": "Webhooks, as classes",
    "cluster": "Many hosts",
    "emulator": "The emulator",
    "testing": "Testing",
    "otel": "OpenTelemetry",
}

DESCRIPTIONS = {
    "verdicts.md": "What becomes of a message, by what an attempt showed.",
    "cli.md": "Every command of autocalls, with its options, examples and exit status.",
    "journal-tables.md": "The tables of a campaign's journal in SQLite.",
    "cluster-tables.md": "The tables of the queue for many hosts in PostgreSQL.",
    "changelog.md": "What changed in each version of autocalls-async.",
}
"""What search engines show of a page; those of the API are told by their titles."""

NAMES = {
    Verdict.ACCEPTED: "`Accepted`",
    Verdict.REFUSED: "`Rejected`",
    Verdict.UNSENT: "`Unsent`",
    Verdict.UNKNOWN: "`Unknown`",
}


def definitions() -> dict[str, list[str]]:
    """Return the modules that define each name at their top."""
    found: dict[str, list[str]] = defaultdict(list)
    for path in sorted(PACKAGE.rglob("*.py")):
        parts = path.relative_to(ROOT).with_suffix("").parts
        module = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            for name in _names_of(node):
                found[name].append(module)
    return found


def _names_of(node: ast.stmt) -> Iterator[str]:
    match node:
        case ast.ClassDef(name=name) | ast.FunctionDef(name=name):
            yield name
        case ast.AsyncFunctionDef(name=name):
            yield name
        case ast.Assign(targets=targets):
            yield from (one.id for one in targets if isinstance(one, ast.Name))
        case ast.AnnAssign(target=ast.Name(id=name)):
            yield name
        case ast.If(test=ast.Name(id="TYPE_CHECKING")):
            return


def home_of(public: str, name: str, known: dict[str, list[str]]) -> str:
    """Return the module that defines what is public as `public.name`."""
    thing = getattr(importlib.import_module(public), name)
    for module in known[name]:
        if getattr(importlib.import_module(module), name, None) is thing:
            return module
    message = f"nobody defines {public}.{name}"
    raise LookupError(message)


def public_names() -> dict[str, dict[str, str]]:
    """Return the home of each public name, by public module."""
    known = definitions()
    modules = ["autocalls_async", *(f"autocalls_async.{name}" for name in MODULES)]
    return {
        module: {
            name: home_of(module, name, known)
            for name in importlib.import_module(module).__all__
            if not name.startswith("_")
        }
        for module in modules
        if is_public(module)
    }


def is_public(module: str) -> bool:
    """Whether there is such a module, and it says what of it is public."""
    if importlib.util.find_spec(module) is None:
        return False
    return hasattr(importlib.import_module(module), "__all__")


def page_of_home(home: str) -> str:
    """Return the page for a name of the root that is at home there."""
    room = home.removeprefix("autocalls_async.")
    if room.startswith("client"):
        return "client"
    if room.startswith("model.errors"):
        return "errors"
    if room.startswith("model"):
        return "messages"
    if room.startswith("webhooks"):
        return "webhooks"
    return "campaigns" if room.startswith("campaign") else "watching"


def api_pages() -> dict[str, str]:
    """Return the text of each page of the API, by file name."""
    names = public_names()
    pages: dict[str, list[str]] = {
        name: [f"# {title}\n\nImported from `autocalls_async`.\n"]
        for name, title in PAGES.items()
    }
    for module in [*names][1:]:
        short = module.partition(".")[2]
        words = importlib.import_module(module).__doc__ or ""
        pages[short] = [f"# {MODULES[short]}\n\nImported from `{module}`.\n\n{words}\n"]
    for module, homes in names.items():
        short = module.partition(".")[2]
        for name, home in homes.items():
            page = short or page_of_home(home)
            pages[page].append(f"::: {home}.{name}\n")
    return {f"api-{name}.md": "\n".join(parts) for name, parts in pages.items()}


def verdict_page() -> str:
    """Return the table that says what becomes of a message."""
    lines = [
        "# What becomes of a message",
        "",
        "One attempt shows one of these things. What that makes of a send, and whether",
        "another attempt could do harm, is data, and this page is made from it.",
        "",
        "| one attempt showed | a send is | tried again | because | a read again |",
        "| --- | --- | --- | --- | --- |",
    ]
    for seen in Seen:
        send, read = DECISIONS[Kind.SEND, seen], DECISIONS[Kind.READ, seen]
        cells = (seen.value, NAMES[send.verdict], send.again.value, send.reason)
        lines.append(f"| {' | '.join((*cells, read.again.value))} |")
    return "\n".join([*lines, ""])


def schema_page() -> str:
    """Return the tables of a journal, as SQLite tells them of a new one."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "run.db"
        asyncio.run(_make_journal(path))
        journal = sqlite3.connect(path)
        tables = journal.execute("SELECT sql FROM sqlite_master WHERE sql NOTNULL")
        sql = "\n\n".join(f"{row[0]};" for row in tables)
        (version,) = journal.execute("PRAGMA user_version").fetchone()
        journal.close()
    return (
        f"# The journal's tables\n\nSQLite, schema {version}. Journals of every earlier"
        " schema are read, and get these tables when they are opened.\n\n"
        f"```sql\n{sql}\n```\n"
    )


def cluster_page() -> str:
    """Return the tables of a cluster, out of the steps that make them."""
    tables = [
        table
        for step in steps().values()
        for table in re.findall(
            r"^CREATE TABLE.*?^\).*?;$", step, re.MULTILINE | re.DOTALL
        )
    ]
    sql = "\n\n".join(tables)
    return (
        f"# The cluster's tables\n\nPostgreSQL, schema `autocalls`, version {NEWEST}."
        " `autocalls cluster migrate` makes them, and brings earlier ones up to date."
        " Look at them as you like; write through the functions of the schema alone."
        f"\n\n```sql\n{sql}\n```\n"
    )


async def _make_journal(path: Path) -> None:
    async with SqliteJournal(path):
        pass


def make() -> dict[str, str]:
    """Return the text of each page that is made, by file name."""
    pages = {
        **api_pages(),
        "verdicts.md": verdict_page(),
        "cli.md": command_page(),
        "journal-tables.md": schema_page(),
        "cluster-tables.md": cluster_page(),
        "changelog.md": (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"),
    }
    return {name: describe(name, text) for name, text in pages.items()}


def describe(name: str, text: str) -> str:
    """Return a page with its description before it."""
    title = text.partition("\n")[0].removeprefix("# ")
    usual = f"{title}: what autocalls-async has of it, with arguments and errors."
    return f'---\ndescription: "{DESCRIPTIONS.get(name, usual)}"\n---\n\n{text}'


def main() -> int:
    """Make the pages, and build the site of them."""
    shutil.rmtree(MADE, ignore_errors=True)
    MADE.mkdir(parents=True)
    for name, text in make().items():
        (MADE / name).write_text(text, encoding="utf-8")
    shutil.copy(ROOT / "benchmarks" / "pace.svg", MADE)
    if "--made" in sys.argv:
        return 0
    words = ["zensical", "build", "--strict", "--clean", "-f", "mkdocs.yml"]
    command = [sys.executable, "-m", *words]
    return subprocess.run(command, cwd=DOCS, check=False).returncode  # noqa: S603  # our own words


if __name__ == "__main__":
    raise SystemExit(main())
