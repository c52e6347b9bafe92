"""The command `autocalls`, for people and for scripts. It needs the extra `cli`."""

import sys
from collections.abc import Sequence
from importlib.util import find_spec
from io import TextIOWrapper

_LIBRARIES = ("jinja2", "phonenumbers", "rich", "typer")


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command.

    Args:
        argv: Its arguments; `None` takes those of the process.

    Returns:
        The exit status: 0 for success, 1 if the service refused or could not be
        reached or a message was not accepted, 2 for unusable input, 130 after
        Ctrl-C, 143 after SIGTERM and 129 after SIGHUP.
    """
    if any(find_spec(name) is None for name in _LIBRARIES):
        text = "this command needs the extra 'cli': pip install 'autocalls-async[cli]'"
        print(f"autocalls: {text}", file=sys.stderr)  # noqa: T201  # rich is missing
        return 2
    from autocalls_async.cli.app import run  # noqa: PLC0415  # needs the extra

    if isinstance(sys.stdout, TextIOWrapper):
        # A name with an accent must not end a command on a terminal without any.
        sys.stdout.reconfigure(errors="replace")
    return run(argv)
