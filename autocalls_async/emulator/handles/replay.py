"""A recorded talk, held once more: do the replies still read the same?

Customers write what they wrote, in that order, each once the business has answered
as often as it did before. What it answers is compared, thread by thread.
"""

import asyncio
import difflib
import json
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from attrs import define, field, frozen

from autocalls_async.emulator.sandbox.box import Sandbox
from autocalls_async.emulator.world.history import Chat, Message, Side

# How long to wait for replies that nobody gave when it was recorded.
_SETTLE_SECONDS = 0.5

_WHO = {"customer": "customer", "business": "business"}


@frozen(kw_only=True)
class Replayed:
    """What came of a replay.

    Attributes:
        message_count: How many messages the record has.
        diffs: For each thread that went otherwise, both as a unified diff.
    """

    message_count: int
    diffs: Sequence[str]

    @property
    def is_same(self) -> bool:
        """Whether every thread reads as it did."""
        return not self.diffs


@frozen(kw_only=True)
class _Line:
    kind: str
    chat: Chat = (0, "")
    text: str = ""
    seconds: float = 0.0


@frozen
class Record:
    """A recording that was read."""

    snapshot: Mapping[str, Any]
    lines: Sequence[_Line]


def read_record(path: Path) -> Record:
    """Read a recording.

    Raises:
        OSError: It can't be read.
        ValueError: It is no recording, or a line of it is none.
    """
    begun: Mapping[str, Any] | None = None
    lines = []
    with path.open(encoding="utf-8") as file:
        for number, text in enumerate(file, start=1):
            try:
                entry = json.loads(text)
                if number == 1:
                    begun = entry["snapshot"]
                else:
                    lines.append(_read_line(entry))
            except (ValueError, KeyError, TypeError) as error:
                msg = f"line {number} of {path} is none of a recording: {error!r}"
                raise ValueError(msg) from None
    if begun is None:
        msg = f"{path} is empty: no recording"
        raise ValueError(msg)
    return Record(begun, lines)


def _read_line(entry: Mapping[str, Any]) -> _Line:
    if entry["kind"] == "advance":
        return _Line(kind="advance", seconds=float(entry["seconds"]))
    return _Line(
        kind=_WHO[entry["kind"]],
        chat=(int(entry["sender_id"]), str(entry["phone"])),
        text=str(entry["text"]),
    )


async def replay(
    box: Sandbox, record: Record, *, timeout: float, ignore: Sequence[str] = ()
) -> Replayed:
    """Hold a recorded talk once more.

    Args:
        box: The sandbox; its state gives way to that of the record.
        record: What was recorded.
        timeout: How many seconds each reply may take.
        ignore: Patterns; what they match in a text is not compared.

    Raises:
        ValueError: The record's state is no snapshot, or a pattern is none.
    """
    patterns = [_compile(pattern) for pattern in ignore]
    box.restore(record.snapshot)
    stage = _Stage(box, timeout)
    for line in record.lines:
        await stage.play(line)
    await asyncio.sleep(min(timeout, _SETTLE_SECONDS))
    return Replayed(
        message_count=sum(line.kind in _WHO for line in record.lines),
        diffs=[
            diff
            for chat in dict.fromkeys(line.chat for line in record.lines)
            if chat[1] and (diff := _diff(stage, record.lines, chat, patterns))
        ],
    )


@define
class _Stage:
    """Where the talk is held."""

    box: Sandbox
    timeout: float
    _first: int = field(init=False)
    _answered: Counter[Chat] = field(init=False, factory=Counter)
    _spoken: set[Chat] = field(init=False, factory=set)
    """Who has written: only what came after that is an answer."""

    _given_up: set[Chat] = field(init=False, factory=set)

    def __attrs_post_init__(self) -> None:
        self._first = self.box.history.last_number

    async def play(self, line: _Line) -> None:
        """Do what was recorded, or wait for what was."""
        match line.kind:
            case "advance":
                self.box.advance(line.seconds)
            case "customer":
                self._spoken.add(line.chat)
                self._given_up.discard(line.chat)
                self.box.customer_writes(line.chat, line.text)
            case _ if line.chat in self._spoken:
                self._answered[line.chat] += 1
                await self._wait(line.chat)

    async def _wait(self, chat: Chat) -> None:
        """Wait until there are as many answers as there were."""
        if chat in self._given_up:
            return
        try:
            async with asyncio.timeout(self.timeout):
                while self._count(chat) < self._answered[chat]:
                    await self.box.feed.wait()
        except TimeoutError:
            self._given_up.add(chat)

    def said(self, chat: Chat) -> list[Message]:
        """Return what was said in a thread since all began."""
        thread = self.box.history.thread(chat)
        return [message for message in thread if message.number > self._first]

    def _count(self, chat: Chat) -> int:
        return sum(message.side is Side.BUSINESS for message in self.said(chat))


def _diff(
    stage: _Stage,
    lines: Iterable[_Line],
    chat: Chat,
    patterns: Sequence[re.Pattern[str]],
) -> str:
    """Return how a thread differs from its record; empty if it does not."""
    before = _script((line.kind, line.text) for line in lines if line.chat == chat)
    after = _script((message.side.value, message.text) for message in stage.said(chat))
    if _bare(before, patterns) == _bare(after, patterns):
        return ""
    names = (f"recorded {chat[1]}", f"replayed {chat[1]}")
    return "\n".join(difflib.unified_diff(before, after, *names, lineterm=""))


def _script(said: Iterable[tuple[str, str]]) -> list[str]:
    """Return a talk from its first customer's line on."""
    talk = list(said)
    begins = next(
        (i for i, (who, _) in enumerate(talk) if who == "customer"), len(talk)
    )
    return [f"{who}: {text}" for who, text in talk[begins:]]


def _bare(script: Sequence[str], patterns: Sequence[re.Pattern[str]]) -> list[str]:
    bare = []
    for line in script:
        text = line
        for pattern in patterns:
            text = pattern.sub("", text)
        bare.append(text)
    return bare


def _compile(pattern: str) -> re.Pattern[str]:
    try:
        return re.compile(pattern)
    except re.error as error:
        msg = f"{pattern!r} is no regular expression: {error}"
        raise ValueError(msg) from None
