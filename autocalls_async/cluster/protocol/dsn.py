"""How a database is named, looked at without touching it. It shows no password.

Also libpq's own words may hold a piece of one, where its `@` or `/` is not escaped:
such a DSN is refused before anybody connects.
"""

import os
from collections.abc import Mapping

from psycopg import ProgrammingError
from psycopg.conninfo import conninfo_to_dict, make_conninfo

_EXAMPLE = "'postgresql://user:password@host:5432/name'"
_ESCAPE = "write '@', '/', ':' and '%' of a user or password as %40, %2F, %3A and %25"


def check_dsn(name: str, value: object) -> str:
    """Return a DSN, or raise `ValueError`, which shows nothing of it."""
    if not isinstance(value, str):
        msg = f"{name} must be a string such as {_EXAMPLE}; got {type(value).__name__}"
        raise ValueError(msg)
    try:
        facts = _read(value)
    except ProgrammingError:
        msg = f"{name} must be like {_EXAMPLE}; {_ESCAPE}"
        raise ValueError(msg) from None
    ports = facts.get("port", "").split(",")
    if not value.strip() or not all(map(_is_port, ports)) or _has_stray_at(facts):
        msg = f"{name} must be like {_EXAMPLE}, its port from 1 to 65535; {_ESCAPE}"
        raise ValueError(msg)
    return value


def in_utf8(dsn: str) -> str:
    """Return a DSN whose connections take every text, whatever is usual here."""
    return make_conninfo(dsn, client_encoding="utf8")


def place_of(dsn: str) -> str:
    """Return where a DSN leads, as people say it: server, database and user."""
    facts = _read(dsn)
    hosts = facts.get("host") or facts.get("hostaddr") or os.environ.get("PGHOST", "")
    port = facts.get("port") or os.environ.get("PGPORT", "5432")
    ports = port.split(",")
    ports += ports[-1:] * hosts.count(",")
    servers = [
        f"{h}:{p or 5432}" for h, p in zip(hosts.split(","), ports, strict=False)
    ]
    known = (("database", facts.get("dbname")), ("user", facts.get("user")))
    rest = ", ".join(f"{what} {value!r}" for what, value in known if value)
    where = ",".join(servers) if hosts else f"port {port} of this machine"
    return f"{where} ({rest})" if rest else where


def _read(dsn: str) -> Mapping[str, str]:
    facts = conninfo_to_dict(dsn)
    return {name: str(value) for name, value in facts.items() if value is not None}


def _is_port(text: str) -> bool:
    return not text or (text.isascii() and text.isdigit() and 0 < int(text) < 65_536)


def _has_stray_at(facts: Mapping[str, str]) -> bool:
    """Whether a piece of a password is taken for a host or for a database."""
    return any("@" in facts.get(name, "") for name in ("host", "dbname"))
