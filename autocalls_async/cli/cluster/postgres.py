"""A PostgreSQL server for demos and tests, in a temporary folder of its own."""

import shutil
import socket
import subprocess
import tempfile
from pathlib import Path
from typing import Self

from autocalls_async.system import is_root

_PLACES = ("/usr/lib/postgresql/*/bin", "/usr/local/pgsql/bin", "/opt/homebrew/bin")
_QUICK = {
    "fsync": "off",  # it is thrown away, whatever happens
    "autovacuum": "off",
    "max_connections": "200",
    "listen_addresses": "'127.0.0.1'",
    "log_min_messages": "fatal",
}


def find_programs() -> Path | None:
    """Return where PostgreSQL's programs are, if they are on this machine."""
    found = shutil.which("initdb")
    if found:
        return Path(found).parent
    for pattern in _PLACES:
        for place in sorted(Path("/").glob(pattern.lstrip("/")), reverse=True):
            if (place / "initdb").exists():
                return place
    return None


class Server:
    """A server that can be started, stopped at once, and thrown away.

    Args:
        programs: Where `initdb` and `pg_ctl` are. As root, they run as `postgres`.
    """

    def __init__(self, programs: Path) -> None:
        self._programs = programs
        self._user = "postgres" if is_root() else None  # it refuses root
        self._folder = Path(tempfile.mkdtemp(prefix="autocalls-pg-"))
        self.port: int = _free_port()

    def __enter__(self) -> Self:
        """Make a cluster and start it."""
        if self._user:
            shutil.chown(self._folder, self._user, self._user)
        self._run("initdb", "-D", str(self.data), "-A", "trust", "-U", "postgres", "-N")
        with (self.data / "postgresql.conf").open("a") as file:
            for name, value in _QUICK.items():
                file.write(f"{name} = {value}\n")
            file.write(f"unix_socket_directories = '{self._folder}'\n")
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Stop it, and throw all away."""
        self.stop()
        shutil.rmtree(self._folder, ignore_errors=True)

    @property
    def data(self) -> Path:
        """Where its files are."""
        return self._folder / "data"

    def dsn(self, database: str = "postgres") -> str:
        """How it is reached."""
        return f"postgresql://postgres@127.0.0.1:{self.port}/{database}"

    def start(self) -> None:
        """Start it, and wait until it answers."""
        log = str(self._folder / "log")
        options = f"-p {self.port}"
        self._run(
            *("pg_ctl", "-D", str(self.data), "-l", log, "-o", options, "-w", "start")
        )

    def stop(self) -> None:
        """Stop it at once, as a crash does: nothing is written out."""
        self._run("pg_ctl", "-D", str(self.data), "-m", "immediate", "-w", "stop")

    def _run(self, program: str, *arguments: str) -> None:
        subprocess.run(  # noqa: S603  # our own words
            [str(self._programs / program), *arguments],
            check=True,
            user=self._user,
            cwd="/",
            stdout=subprocess.DEVNULL,
        )


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
