"""What the kernel still carries between two sockets of this process.

A clock that jumps whenever nothing is ready must not overtake bytes on their
way. A loopback byte can nearly always be read as soon as it was written, but
not always: a full accept queue costs a second, a full receive window up to a
fifth of one, and under load the kernel delivers from a thread of its own. So
the two ends of each connection are matched by their names, and Linux is asked
what has not arrived yet. Under way are:

- a connection being made;
- a connection made, until the listener of ours that it leads to took it;
- bytes written at one end and not acknowledged by the other, while somebody
  reads there;
- the end of the stream, from the closing of one end until the other noticed,
  while somebody reads there.

A peer in another process can't be seen, and nothing waits for it.
"""

import selectors
import socket
from collections.abc import Callable
from typing import TypeVar

from attrs import define, field

from autocalls_async import system

_T = TypeVar("_T")
_Name = tuple[str, int]
_Names = tuple[_Name, _Name | None]

_FAMILIES = (socket.AF_INET, socket.AF_INET6)
_READ, _WRITE = selectors.EVENT_READ, selectors.EVENT_WRITE

# States of a TCP connection in which its peer's end of stream is yet to come:
# established, and both waits of an end that has sent its own.
_EXPECTING_END = (1, 4, 5)


@define(eq=False)
class _End:
    """One end of a connection: a socket that the loop waited for at least once."""

    fd: int
    own: _Name
    other: _Name | None
    """The far end's name; `None` while the connection is being made."""
    events: int
    """What the loop waits for now; 0 where reading is paused, or all is over."""
    peer: "_End | None" = field(default=None, repr=False)
    """The far end, once it was seen in this process."""
    closed: bool = False


class Loopback:
    """Watch the sockets of one selector, and tell whether the kernel owes any."""

    def __init__(self) -> None:
        self._ends: dict[int, _End] = {}
        self._by_names: dict[_Names, _End] = {}
        self._listening: dict[int, int] = {}
        self._left: set[_End] = set()
        self._owed: dict[_End, int] = {}
        self._given_up: dict[_End, int] = {}

    def watch(self, fd: int, events: int) -> None:
        """Note that the loop begins to wait for `events` of a descriptor."""
        end = self._ends.get(fd)
        names = _ask(fd, _names)
        if end and (end.own, end.other) == names:
            end.events = events
            self._left.discard(end)
            return
        if end:
            self._close(end)
        match names:
            case None:
                pass
            case ((_, port), None) if _ask(fd, _is_listening):
                self._listening[fd] = port
            case (own, other):
                self._add(_End(fd, own, other, events))

    def change(self, fd: int, events: int) -> None:
        """Note that the loop now waits for other `events` of a descriptor."""
        if end := self._ends.get(fd):
            end.events = events

    def leave(self, fd: int) -> None:
        """Note that the loop waits for a descriptor no more; it may be closed."""
        self._listening.pop(fd, None)
        if end := self._ends.get(fd):
            end.events = 0
            self._left.add(end)

    def is_busy(self) -> bool:
        """Whether something is under way that a socket of the loop waits for.

        If this is false, and a poll right after it finds nothing, then nothing
        can become ready without somebody outside this thread.
        """
        if not system.TELLS_OF_SOCKETS:
            return False
        for end in tuple(self._left):
            if _ask(end.fd, _names) != (end.own, end.other):
                self._close(end)
        self._owed = {
            end: owed for end in self._ends.values() if (owed := self._owes(end))
        }
        self._given_up = {
            end: owed
            for end, owed in self._given_up.items()
            if self._owed.get(end) == owed
        }
        return len(self._owed) > len(self._given_up)

    def give_up(self) -> None:
        """Stop waiting for what is under way now, unless it moves."""
        self._given_up = self._owed

    def _add(self, end: _End) -> None:
        self._ends[end.fd] = end
        if end.other is None:
            return
        self._by_names[end.own, end.other] = end
        if peer := self._by_names.get((end.other, end.own)):
            end.peer, peer.peer = peer, end

    def _close(self, end: _End) -> None:
        end.closed = True
        self._left.discard(end)
        del self._ends[end.fd]
        # An end that was closed before the listener took its connection is
        # kept, for the far end to find.
        if end.peer or not self._leads_to_us(end):
            self._forget(end)
        if end.peer and end.peer.closed:
            self._forget(end.peer)
            end.peer.peer = None
            end.peer = None

    def _forget(self, end: _End) -> None:
        if self._by_names.get((end.own, end.other)) is end:
            del self._by_names[end.own, end.other]

    def _leads_to_us(self, end: _End) -> bool:
        return end.other is not None and end.other[1] in self._listening.values()

    def _owes(self, end: _End) -> int:
        """Count what is under way from this end, or to it if it stands alone."""
        if end.other is None:
            return end.events & _WRITE
        if end.peer is None:
            return int(self._leads_to_us(end) and _expects_end(end))
        if end.peer.closed:
            return int(_expects_end(end))
        return _unreceived_bytes(end, end.peer) if end.peer.events & _READ else 0


def _ask(fd: int, question: Callable[[socket.socket], _T]) -> _T | None:
    """Look at a descriptor as a socket, and leave it open.

    Returns:
        `None` where it is no socket, or one that can't answer.
    """
    try:
        sock = socket.socket(fileno=fd)
    except OSError:
        return None
    try:
        return question(sock)
    except OSError:
        return None
    finally:
        sock.detach()


def _names(sock: socket.socket) -> _Names | None:
    """Name both ends of a TCP connection; another kind of socket has no names."""
    if sock.family not in _FAMILIES or sock.type is not socket.SOCK_STREAM:
        return None
    own = _name(sock.getsockname())
    try:
        return own, _name(sock.getpeername())
    except OSError:
        return own, None


def _name(address: tuple[str, int]) -> _Name:
    """Name an end alike whether an IPv4 or an IPv6 socket tells its address."""
    return address[0].removeprefix("::ffff:"), address[1]


def _is_listening(sock: socket.socket) -> bool:
    return bool(sock.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN))


def _expects_end(end: _End) -> bool:
    """Whether somebody reads at this end and the end of stream is yet to come."""
    return bool(end.events & _READ) and _ask(end.fd, system.tcp_state) in _EXPECTING_END


def _unreceived_bytes(end: _End, peer: _End) -> int:
    """Count what was written at one end and has not arrived at the other."""
    try:
        if not system.unacknowledged_bytes(end.fd):
            return 0
        _ask(peer.fd, system.acknowledge)
        return system.unacknowledged_bytes(end.fd)
    except OSError:
        return 0
