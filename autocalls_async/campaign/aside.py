"""Messages that may not leave yet, put aside until they may: by why they wait.

They are in private files without names, which are gone with the process; few are kept
in memory, however many there are.
"""

import json
from collections.abc import Hashable
from tempfile import SpooledTemporaryFile

from attrs import evolve, field, frozen

from autocalls_async.journal.keys import from_content, to_content
from autocalls_async.model.checks import choose_sender
from autocalls_async.model.messages import Message

_IN_MEMORY_BYTES = 65_536
"""Of each line, before it goes to a file: some 300 messages."""


@frozen
class Resting:
    """A message that was put aside, and its place in the source."""

    number: int
    message: Message = field(repr=False)


class Aside:
    """Lines of messages that wait, each first in, first out."""

    def __init__(self) -> None:
        self._lines: dict[Hashable, _Line] = {}
        self._count = 0

    def __len__(self) -> int:
        return self._count

    @property
    def whys(self) -> list[Hashable]:
        """Why messages wait, each as it was put."""
        return list(self._lines)

    def count(self, why: Hashable) -> int:
        """Return how many wait for this."""
        line = self._lines.get(why)
        return 0 if line is None else line.count

    def put(self, why: Hashable, number: int, message: Message) -> None:
        """Put one at the end of its line.

        Raises:
            OSError: There is no place for it.
        """
        line = self._lines.get(why)
        if line is None:
            line = self._lines[why] = _Line()
        line.write(_to_text(number, message))
        self._count += 1

    def take(self, why: Hashable) -> Resting:
        """Take the first out of a line.

        Raises:
            KeyError: Nobody waits for this.
            OSError: It cannot be read any more.
        """
        line = self._lines[why]
        resting = _from_text(line.read())
        self._count -= 1
        if not line.count:
            line.close()
            del self._lines[why]
        return resting

    def close(self) -> None:
        """Throw all away."""
        for line in self._lines.values():
            line.close()
        self._lines.clear()
        self._count = 0


class _Line:
    """Texts in a file, first in, first out."""

    def __init__(self) -> None:
        self.count = 0
        self._file = SpooledTemporaryFile(_IN_MEMORY_BYTES)  # noqa: SIM115  # closed below
        self._read_at = 0

    def write(self, text: str) -> None:
        self._file.seek(0, 2)
        self._file.write(text.encode() + b"\n")
        self.count += 1

    def read(self) -> str:
        self._file.seek(self._read_at)
        text = self._file.readline()
        self._read_at += len(text)
        self.count -= 1
        return text.decode()

    def close(self) -> None:
        self._file.close()


def _to_text(number: int, message: Message) -> str:
    content = to_content(message, choose_sender(message.sender_id, 1))
    facts = [number, content, message.sender_id, message.key, message.time_zone]
    return json.dumps(facts)


def _from_text(text: str) -> Resting:
    number, content, sender_id, key, time_zone = json.loads(text)
    message = evolve(
        from_content(content), sender_id=sender_id, key=key, time_zone=time_zone
    )
    return Resting(number, message)
