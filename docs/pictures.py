"""Draw what a terminal shows of `demo` and of `bulk`, from runs that happen.

python docs/pictures.py            into docs/pages/assets
python docs/pictures.py FOLDER     elsewhere
"""

import io
import os
import pty
import re
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from rich.console import Console
from rich.text import Text

from autocalls_async.emulator import Emulator
from autocalls_async.testing import live

ASSETS = Path(__file__).parent / "pages" / "assets"
WIDTH = 80
NAMES = ("Ana", "Ben", "Cleo", "Dan", "Eva", "Finn", "Gus", "Hana", "Ivo", "Jo", "Kim")
BULK = (
    "autocalls bulk people.csv --message 'Hi {name}, we open at ten' \\\n"
    "    --fallback-template 46 --journal spring.db"
)

# Rich's own names a font of another host; nothing is loaded from elsewhere.
_FORMAT = """<svg class="rich-terminal" viewBox="0 0 {width} {height}" \
xmlns="http://www.w3.org/2000/svg">
<style>
.{unique_id}-matrix {{ font-family: ui-monospace, Menlo, Consolas, "DejaVu Sans Mono", \
monospace; font-size: {char_height}px; line-height: {line_height}px; }}
.{unique_id}-title {{ font-size: 18px; font-weight: bold; font-family: sans-serif; }}
{styles}
</style>
<defs>
<clipPath id="{unique_id}-clip-terminal">
<rect x="0" y="0" width="{terminal_width}" height="{terminal_height}"/>
</clipPath>
{lines}
</defs>
{chrome}
<g transform="translate({terminal_x}, {terminal_y})" \
clip-path="url(#{unique_id}-clip-terminal)">
{backgrounds}
<g class="{unique_id}-matrix">
{matrix}
</g>
</g>
</svg>
"""
_STEPS = re.compile(r"(\r?\n|\r|\x1b\[\d*A|\x1b\[2K|\x1b\[\?25[lh])")


def run(words: Sequence[str], folder: Path, environ: Mapping[str, str]) -> str:
    """Run a command in a terminal, and return all that it wrote."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(  # noqa: S603  # our own words
        [sys.executable, "-m", "autocalls_async", *words],
        cwd=folder,
        env={**os.environ, "COLUMNS": str(WIDTH), "TERM": "xterm-256color", **environ},
        stdin=subprocess.DEVNULL,
        stdout=theirs,
        stderr=theirs,
    )
    os.close(theirs)
    written = b""
    try:
        while part := os.read(ours, 65536):
            written += part
    except OSError:
        pass  # Linux says so that nobody writes any more
    os.close(ours)
    process.wait()
    return written.decode()


def screen_of(written: str) -> list[str]:
    """Return the lines that are left on the screen, with their colours.

    What is drawn again stands once: where it stood last.
    """
    lines, row = [""], 0
    for step in _STEPS.split(written):
        if step.endswith("\n"):
            row += 1
            lines.extend([""] * (row + 1 - len(lines)))
        elif step.startswith("\x1b[") and step.endswith("A"):
            row -= int(step[2:-1] or 1)
        elif step == "\x1b[2K":
            lines[row] = ""
        elif step != "\r" and not step.startswith("\x1b[?25"):
            lines[row] += step
    return lines


def draw(typed: str, written: str, name: str) -> str:
    """Return the picture of a command and what it left on the screen."""
    console = Console(record=True, width=WIDTH, file=io.StringIO(), highlight=False)
    console.print(Text(f"$ {typed}", style="bold"))
    console.print(Text.from_ansi("\n".join(screen_of(written)).strip("\n")))
    console.print()  # room below the last line
    picture = console.export_svg(
        title=f"autocalls {name}", code_format=_FORMAT, unique_id=name
    )
    return re.sub(r"[ \t]+$", "", picture, flags=re.MULTILINE)


def draw_demo() -> str:
    """Return the picture of the demo."""
    with tempfile.TemporaryDirectory() as folder:
        return draw("autocalls demo", run(["demo"], Path(folder), {}), "demo")


def draw_bulk() -> str:
    """Return the picture of a campaign in which some windows are closed."""
    rows = [f"+141555500{at:02d},{name}\n" for at, name in enumerate(NAMES, 1)]
    with tempfile.TemporaryDirectory() as folder, live(Emulator()) as emulator:
        emulator.populate(len(NAMES))
        path = Path(folder, "people.csv")
        path.write_text("".join(["recipient_phone,name\n", *rows]), encoding="utf-8")
        reached = {
            "AUTOCALLS_API_KEY": "1|any-key",
            "AUTOCALLS_SENDER_ID": "12",
            "AUTOCALLS_BASE_URL": emulator.base_url,
        }
        words = shlex.split(BULK.replace("\\\n", " "))[1:]
        written = run(words, Path(folder), reached)
    return draw(BULK, written, "bulk")


def main() -> int:
    """Draw both, at the same time."""
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else ASSETS
    with ThreadPoolExecutor() as pool:
        drawn = [("demo", pool.submit(draw_demo)), ("bulk", pool.submit(draw_bulk))]
    for name, picture in drawn:
        (folder / f"{name}.svg").write_text(picture.result(), encoding="utf-8")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
