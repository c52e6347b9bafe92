"""`autocalls bulk --dry-run`: what a campaign would meet, and nothing sent."""

from array import array
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from attrs import field, frozen

from autocalls_async.campaign.plan import Plan
from autocalls_async.cli.bulk.campaign import read_again
from autocalls_async.cli.bulk.options import Campaign
from autocalls_async.cli.bulk.preview import Obstacle, Prospect, draw
from autocalls_async.cli.bulk.resuming import (
    Known,
    Standing,
    compare,
    describe_standing,
)
from autocalls_async.cli.bulk.survey import (
    Survey,
    problem_of,
    show_numbers,
    survey_campaign,
    tell_bad_row,
)
from autocalls_async.cli.connection import ask, check_key, look_at_account
from autocalls_async.cli.rows.reader import FileError, RowReader
from autocalls_async.cli.rows.rendering import FreeText
from autocalls_async.cli.terminal.failures import CommandError, Status
from autocalls_async.cli.terminal.screen import Screen
from autocalls_async.cli.terminal.words import count, duration
from autocalls_async.client import READ_LIMIT, AutocallsClient
from autocalls_async.journal.reading import JournalReader
from autocalls_async.model.errors import AutocallsError
from autocalls_async.model.messages import Message

_WINDOW_SAMPLE = 200
"""Messaging windows to look at, at most: 20 s at the pace of questions."""

_MOST_NUMBERS = 20
_WORTH_TELLING_SECONDS = 3.0


@frozen
class DryRun:
    """A campaign looked at from all sides before it begins.

    Args:
        campaign: What would be sent, and how.
        reader: Knows its rows.
        file: Where they are.
        screen: Where people are told.
    """

    campaign: Campaign
    reader: RowReader = field(kw_only=True)
    file: IO[bytes] = field(kw_only=True)
    screen: Screen = field(kw_only=True)
    _line_numbers: "array[int]" = field(init=False, factory=lambda: array("Q"))

    def run(self) -> int:
        """Name every bad row, ask the service, and draw it all.

        Returns:
            The exit status: 0 only if the campaign can go as it is.

        Raises:
            AutocallsError: The service refused, or the journal cannot be read.
            CommandError: The file cannot be read, or the service was out of reach.
        """
        found = survey_campaign(
            self.campaign,
            self.reader,
            self.file,
            self.screen,
            most_bad=None,
            most_numbers=_MOST_NUMBERS,
        )
        show_numbers(found, self.screen)
        prospect = Prospect(campaign=self.campaign, found=found)
        try:
            prospect.standing = self._take_stock()
            prospect.plan = self._plan(found, prospect.standing)
        except (AutocallsError, CommandError):
            draw(prospect, self.screen)  # what was found without the service
            raise
        prospect.line_numbers = self._line_numbers
        obstacles = list(prospect.obstacles())
        draw(prospect, self.screen, obstacles)
        if self.screen.as_json:
            self.screen.emit(prospect.as_record())
        return self._conclude(prospect, obstacles)

    # The journal

    def _take_stock(self) -> Standing | None:
        """Hold the rows against the journal; where there is none, against each other.

        Raises:
            CommandError: The file cannot be read any more.
            JournalError: The journal cannot be read.
        """
        path = self.campaign.journal
        if path is None:
            return None
        held = self._held(path)
        try:
            standing = compare(read_again(self.reader, self.file), held)
        except FileError as error:
            raise self._changed(error) from error
        for row in standing.conflicts:
            tell_bad_row(row, self.campaign, self.screen)
        for line in describe_standing(standing, file=self.campaign.file, journal=path):
            self.screen.say(line)
        return standing

    def _held(self, path: Path) -> Known:
        """Read what the journal holds; a dry run neither makes nor changes one."""
        if not path.exists():
            return {}
        with JournalReader(path) as journal:
            if journal.holder is not None:
                raise journal.holder
            return {e.key: (hash(e.content), e.state) for e in journal.entries()}

    # The service

    def _plan(self, found: Survey, standing: Standing | None) -> Plan | None:
        """Ask the service, unless there is nothing to send."""
        left = found.good_count if standing is None else standing.to_send_count
        if not left:
            return None
        check_key(self.campaign.connection)

        async def question(client: AutocallsClient) -> Plan:
            await look_at_account(client)
            return await client.plan(
                self._messages(standing),
                price=self.campaign.price,
                window_sample=_WINDOW_SAMPLE,
            )

        with self.screen.waiting(self._what_takes_time(left)):
            try:
                return ask(self.campaign.connection, question, rate=self.campaign.rate)
            except FileError as error:
                raise self._changed(error) from error

    def _messages(self, standing: Standing | None) -> Iterator[Message]:
        for row in read_again(self.reader, self.file):
            if standing is None or standing.take(row.message):
                self._line_numbers.append(row.line_number)
                yield row.message

    def _what_takes_time(self, left: int) -> str:
        window_count = min(left, _WINDOW_SAMPLE)
        seconds = window_count * READ_LIMIT.per / READ_LIMIT.rate
        is_text = isinstance(self.reader.content, FreeText)
        if not is_text or seconds < _WORTH_TELLING_SECONDS:
            return "asking the service"
        windows = count(window_count, "messaging window")
        return f"asking the service: up to {windows}, about {duration(seconds)}"

    def _changed(self, error: FileError) -> CommandError:
        return CommandError(f"{self.campaign.file}: {error}")

    # The end

    def _conclude(self, prospect: Prospect, obstacles: list[Obstacle]) -> int:
        """Say in a line whether it can go, and how."""
        errors = [obstacle for obstacle in obstacles if obstacle.status]
        if errors:
            first = problem_of(prospect.found, self.campaign) or errors[0].text
            more = f" (and {len(errors) - 1} more above)" if errors[1:] else ""
            self.screen.warn(f"autocalls: not ready: {first}{more}")
            return max(error.status for error in errors)
        if prospect.plan is None:
            self.screen.say("Nothing is left to send.", "green")
            return Status.OK
        warned = f", with {count(len(obstacles), 'warning')}" if obstacles else ""
        self.screen.say(f"Ready{warned}; nothing was sent.", "green")
        self.screen.offer("to send it", self.campaign.command())
        return Status.OK
