"""Who receives, and whether they still live.

A receiver that was not heard of for a while is gone. On the same host one that ended
is known at once: nobody has its process any more.
"""

import os
import socket
from uuid import uuid4

from attrs import field, frozen

from autocalls_async import system

_HERE: set[str] = set()
"""The receivers of this process."""


@frozen
class Owner:
    """A receiver: a token of its own, and where its process is."""

    token: str = field(factory=lambda: uuid4().hex)
    host: str = field(factory=socket.gethostname)
    pid: int = field(factory=os.getpid)

    def begin(self) -> None:
        """Note that it receives in this process."""
        _HERE.add(self.token)

    def end(self) -> None:
        """Note that it does no more."""
        _HERE.discard(self.token)


def has_ended(token: str, host: str, pid: int) -> bool:
    """Whether a receiver's process is surely gone; else only its silence tells."""
    if token in _HERE or host != socket.gethostname():
        return False
    if pid == os.getpid():
        return True  # this process is another one, with the number of an older
    return system.is_gone(pid)
