"""Ports that tests in other processes, beside this one, do not take meanwhile."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from random import SystemRandom

# Below those that systems give to whoever asks for any: from 32,768 on Linux.
_PORTS = range(20_000, 32_000)
_draw = SystemRandom().choice  # seeded draws are the same in every process


def own_port() -> int:
    """Find a free port of 127.0.0.1 that nobody is given who asks for any."""
    while True:
        port = _draw(_PORTS)
        with suppress(OSError), socket.create_server(("127.0.0.1", port)):
            return port


@contextmanager
def closed_port() -> Iterator[int]:
    """Keep a port where nobody listens, nor can."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield taken.getsockname()[1]
