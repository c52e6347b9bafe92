"""A record of what was written and when: JSON lines, to be replayed later.

The first line holds the state that all began with, each further one what a customer
or the business wrote, or by how much the clock was moved.
"""

import json
import os
from io import TextIOWrapper
from pathlib import Path

from attrs import define, field

from autocalls_async.emulator.answers import JsonObject
from autocalls_async.emulator.world.history import Message, Side

# Where no file was given; some hours of a busy bot.
_MOST_LINES = 100_000


@define
class Recording:
    """What is recorded, in memory or in a file; nothing until it is begun."""

    _is_on: bool = field(init=False, default=False)
    _path: Path | None = field(init=False, default=None)
    _file: TextIOWrapper | None = field(init=False, default=None, repr=False)
    _lines: list[str] = field(init=False, factory=list, repr=False)
    _began: float = field(init=False, default=0.0)

    def begin(self, state: JsonObject, *, at: float, path: Path | None = None) -> None:
        """Record from now on, in place of what was recorded before.

        Args:
            state: A snapshot of what all begins with.
            at: Now, on the emulator's clock.
            path: A new file, readable for its owner alone; None keeps it in memory.

        Raises:
            OSError: The file can't be made, or there is one already.
        """
        self.end()
        if path is not None:
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL
            self._file = os.fdopen(os.open(path, flags, 0o600), "w", encoding="utf-8")
        self._path, self._lines, self._began = path, [], at
        self._is_on = True
        self._add({"kind": "start", "snapshot": state})

    def end(self) -> None:
        """Record no more; what is in memory can still be read."""
        self._is_on = False
        file, self._file = self._file, None
        if file is not None:
            file.close()

    def note_message(self, message: Message) -> None:
        """Record what somebody wrote."""
        if not self._is_on:
            return
        line: JsonObject = {
            "kind": "customer" if message.side is Side.CUSTOMER else "business",
            "at": self._passed(message.at),
            "sender_id": message.sender_id,
            "phone": message.phone,
            "text": message.text,
        }
        if message.template_id is not None:
            line["template_id"] = message.template_id
        self._add(line)

    def note_advance(self, seconds: float, *, at: float) -> None:
        """Record that the clock was moved."""
        if self._is_on:
            passed = self._passed(at)
            self._add({"kind": "advance", "at": passed, "seconds": seconds})

    def shown(self) -> str | bool | None:
        """Return where it is recorded; True for memory, None for not at all."""
        if not self._is_on:
            return None
        return True if self._path is None else str(self._path)

    def text(self) -> str | None:
        """Return all lines; None where there are none, or in a file."""
        return "".join(self._lines) or None

    def _passed(self, instant: float) -> float:
        return round(instant - self._began, 3)

    def _add(self, line: JsonObject) -> None:
        text = json.dumps(line, ensure_ascii=False) + "\n"
        if self._file is not None:
            self._file.write(text)
            self._file.flush()
        elif len(self._lines) < _MOST_LINES:
            self._lines.append(text)
        else:
            self._is_on = False
