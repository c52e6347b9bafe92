"""What `--help` says beside each option: in which panel it stands, and examples.

What is in no panel stands first: what a command is asked to do.
"""

from collections.abc import Iterator, Mapping
from typing import Any

PANELS: Mapping[str, str] = {
    name: panel
    for panel, names in {
        "Input": "file region numbers format phone_column text_column sheet hidden_rows"
        " encoding skip_bad receipts phones record inbound inbound_fields inbound_token"
        " signature ignore",
        "Message": "message message_file render_column template language var name"
        " flatten fallback_template fallback_var",
        "Rules": "repeats changed retry_rejected rate rate_is_agreed exclude hours days"
        " tz at per_day at_most budget max_accounts lease",
        "Output": "journal out report html overwrite json",
        "Connection": "sender_id api_key base_url account accounts timeout dsn direct"
        " host port secret_env",
    }.items()
    for name in names.split()
}
"""The panel of each option."""

_ELSEWHERE = {
    ("bulk", "receipts"): "Output",
    ("send", "receipts"): "Output",
    ("template", "receipts"): "Output",
    ("webhooks serve", "receipts"): "Output",
    ("journal export", "format"): "Output",
}

_ORDER = list(dict.fromkeys(PANELS.values()))

GROUPS: Mapping[str, str] = {
    name: panel
    for panel, names in {
        "Try it": "demo emulator",
        "Send": "send template bulk worker cluster",
        "Look": "doctor status senders templates account",
        "Afterwards": "journal webhooks exclude",
    }.items()
    for name in names.split()
}
"""The panel of each command."""

_DSN = "--dsn postgresql://host/db"

EXAMPLES: Mapping[str, tuple[str, ...]] = {
    "": (
        "demo",
        "send +14155550123 'Your table is ready'",
        "bulk people.xlsx --message 'Hi {name}' --region DE --dry-run",
    ),
    "demo": ("demo", "demo --open"),
    "send": (
        "send +14155550123 'Your table is ready'",
        "send +14155550123 'Your table is ready' --sender-id 12 --json",
    ),
    "template": ("template +14155550123 45 --var 1=Ana",),
    "status": ("status +14155550123",),
    "senders": ("senders", "senders --all"),
    "templates": ("templates", "templates --sender-id 12 --json"),
    "account": ("account",),
    "doctor": ("doctor", "doctor --accounts accounts.toml --account acme"),
    "bulk": (
        "bulk people.xlsx --message 'Hi {name}' --region DE --dry-run",
        "bulk people.xlsx --message 'Hi {name}' --journal spring.db",
        "bulk people.csv --template 45 --var 1={name} --hours 09:00-20:00",
    ),
    "worker": (f"worker {_DSN} --accounts accounts.toml",),
    "journal show": ("journal show spring.db",),
    "journal report": (
        "journal report spring.db",
        "journal report spring.db --html report.html --price 0.05",
    ),
    "journal export": ("journal export spring.db --out outcomes.csv",),
    "journal resolve": (
        "journal resolve spring.db --all --as accepted",
        "journal resolve spring.db --state rejected --all --as new",
    ),
    "journal copy": ("journal copy spring.db copy.db",),
    "journal adopt": ("journal adopt copy.db --as-unknown",),
    "webhooks serve": ("webhooks serve --receipts receipts.db --port 9000",),
    "webhooks verify": ("webhooks verify body.json --signature sha256=5f2c",),
    "exclude add": ("exclude add +14155550123 --file stop.db --reason 'said stop'",),
    "exclude remove": ("exclude remove +14155550123 --file stop.db",),
    "exclude list": ("exclude list --file stop.db",),
    "emulator": ("emulator --open", "emulator --port 8080 --webhook http://[::1]:9000"),
    "emulator replay": (
        "emulator replay talk.json --inbound http://127.0.0.1:8000/inbound",
    ),
    "cluster migrate": (f"cluster migrate {_DSN}",),
    "cluster status": (f"cluster status {_DSN}",),
    "cluster add": (f"cluster add acme {_DSN}",),
    "cluster pause": (f"cluster pause acme {_DSN} --why 'a bad text'",),
    "cluster resume": (f"cluster resume acme {_DSN}",),
    "cluster send": ("cluster send people.csv --account acme --campaign spring",),
    "cluster demo": ("cluster demo",),
    "cluster unknown list": (f"cluster unknown list {_DSN}",),
    "cluster unknown resolve": ("cluster unknown resolve --all --as accepted",),
}
"""What may be typed after `autocalls`, by command."""


def arrange(command: Any, name: str) -> None:  # noqa: ANN401  # typer's
    """Put the options of a command and of those in it into panels, with examples."""
    for parameter in command.params:
        if parameter.param_type_name == "option":
            _arrange_option(parameter, name)
    command.params.sort(key=_place)
    command.rich_help_panel = GROUPS.get(name)
    command.epilog = show_examples(name)
    for inner, sub in getattr(command, "commands", {}).items():
        arrange(sub, f"{name} {inner}".strip())


def _arrange_option(option: Any, command: str) -> None:  # noqa: ANN401  # typer's
    usual = PANELS.get(option.name)
    option.rich_help_panel = _ELSEWHERE.get((command, option.name), usual)
    if option.is_flag:
        option.metavar = ""  # not "<bool>": nothing is typed after it


def _place(parameter: Any) -> int:  # noqa: ANN401  # typer's
    panel = getattr(parameter, "rich_help_panel", None)
    return _ORDER.index(panel) + 1 if panel in _ORDER else 0


def show_examples(name: str) -> str | None:
    """Return the examples of a command as they are typed; none of a bare group."""
    examples = EXAMPLES.get(name)
    if examples is None:
        return None
    lines = (f"  autocalls {one}".replace("[", r"\[") for one in examples)
    return "\n".join(["Examples:", *lines])


def walk(command: Any, name: str = "") -> Iterator[tuple[str, Any]]:  # noqa: ANN401  # typer's
    """Yield the command and those in it, each with its name."""
    yield name, command
    for inner, sub in getattr(command, "commands", {}).items():
        yield from walk(sub, f"{name} {inner}".strip())
