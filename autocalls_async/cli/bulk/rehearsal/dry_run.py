"""`autocalls bulk --dry-run`: what a campaign would meet, and nothing sent."""

import itertools
from collections.abc import Iterator
from pathlib import Path

from attrs import field, frozen

from autocalls_async.campaign.planning.plan import Plan
from autocalls_async.cli.bulk.file import take_in_all
from autocalls_async.cli.bulk.intake.inventory import Inventory, compare
from autocalls_async.cli.bulk.intake.spool import Spool
from autocalls_async.cli.bulk.options import Campaign
from autocalls_async.cli.bulk.rehearsal.obstacles import (
    Obstacle,
    find_obstacles,
    list_obstacles,
)
from autocalls_async.cli.bulk.rehearsal.preview import draw
from autocalls_async.cli.bulk.repeats import choice_of
from autocalls_async.cli.bulk.rules.given import GivenRules
from autocalls_async.cli.bulk.telling import (
    describe_standing,
    problem_of,
    show_numbers,
    tell_conflict,
)
from autocalls_async.cli.connection import ask, check_key, look_at_account
from autocalls_async.cli.rows.reader import RowReader
from autocalls_async.cli.tables.lines import FileError
from autocalls_async.cli.terminal.failures import CommandError, Status
from autocalls_async.cli.terminal.screen import Screen
from autocalls_async.cli.terminal.words import count, duration
from autocalls_async.client.client import AutocallsClient
from autocalls_async.client.wiring import READ_LIMIT
from autocalls_async.journal.storage.reading import JournalReader
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
        rules: Whom it may write to, when, and how much.
        spool: Where they are kept.
        screen: Where people are told.
    """

    campaign: Campaign
    reader: RowReader = field(kw_only=True)
    rules: GivenRules = field(kw_only=True)
    spool: Spool = field(kw_only=True)
    screen: Screen = field(kw_only=True)

    def run(self) -> int:
        """Name every bad row, ask the service, and draw it all.

        Returns:
            The exit status: 0 only if the campaign can go as it is.

        Raises:
            AutocallsError: The service refused, or the journal cannot be read.
            CommandError: The file cannot be read, or the service was out of reach.
        """
        found = take_in_all(
            self.campaign,
            self.reader,
            self.spool,
            self.screen,
            most_bad=None,
            most_numbers=_MOST_NUMBERS,
        )
        show_numbers(found, self.screen)
        try:
            self._take_stock(found)
            found.first = list(itertools.islice(self.spool, self.campaign.preview))
            found.plan = self._plan(found)
        except (AutocallsError, CommandError):
            draw(found, self.campaign, self.screen)  # what is known all the same
            raise
        obstacles = find_obstacles(found, self.campaign)
        draw(found, self.campaign, self.screen, obstacles)
        if self.screen.as_json:
            self.screen.emit(list_obstacles(found, self.campaign, obstacles))
        return self._conclude(found, obstacles)

    # The journal

    def _take_stock(self, found: Inventory) -> None:
        """Hold the rows against the journal; where there is none, against each other.

        Raises:
            CommandError: The rows cannot be read any more.
            JournalError: The journal cannot be read.
        """
        path = self.campaign.journal
        try:
            if path is not None:
                self._know_all_of(path)
            compare(found, self.spool, choice_of(self.campaign))
            for conflict in self.spool.register.conflicts():
                tell_conflict(conflict, self.campaign, self.screen)
        except FileError as error:
            raise self._unreadable(error) from error
        if path is not None:
            for line in describe_standing(found, file=self.campaign.file, journal=path):
                self.screen.say(line)

    def _know_all_of(self, path: Path) -> None:
        """Add what the journal holds; a dry run neither makes nor changes one."""
        if not path.exists():
            return
        with JournalReader(path) as journal:
            for refusal in (journal.holder, journal.doubt):
                if refusal is not None:
                    raise refusal
            for entry in journal.entries():
                self.spool.register.know(entry)

    # The service

    def _plan(self, found: Inventory) -> Plan | None:
        """Ask the service, unless there is nothing to send."""
        left = found.to_send_count
        if not left:
            return None
        check_key(self.campaign.connection)

        async def question(client: AutocallsClient) -> Plan:
            await look_at_account(client)
            return await client.plan(
                self._messages(found),
                price=self.campaign.price,
                window_sample=_WINDOW_SAMPLE,
                **self.rules.for_run(),
            )

        with self.screen.waiting(self._what_takes_time(left)):
            try:
                return ask(self.campaign.connection, question, rate=self.campaign.rate)
            except FileError as error:
                raise self._unreadable(error) from error

    def _messages(self, found: Inventory) -> Iterator[Message]:
        for row in self.spool:
            found.planned_lines.append(row.line_number)
            yield row.message()

    def _what_takes_time(self, left: int) -> str:
        window_count = min(left, _WINDOW_SAMPLE)
        seconds = window_count * READ_LIMIT.per / READ_LIMIT.rate
        is_text = self.reader.content.is_text
        if not is_text or seconds < _WORTH_TELLING_SECONDS:
            return "asking the service"
        windows = count(window_count, "messaging window")
        return f"asking the service: up to {windows}, about {duration(seconds)}"

    def _unreadable(self, error: FileError) -> CommandError:
        return CommandError(f"{self.campaign.file}: {error}")

    # The end

    def _conclude(self, found: Inventory, obstacles: list[Obstacle]) -> int:
        """Say in a line whether it can go, and how."""
        errors = [obstacle for obstacle in obstacles if obstacle.status]
        if errors:
            first = problem_of(found, self.campaign) or errors[0].text
            more = f" (and {len(errors) - 1} more above)" if errors[1:] else ""
            self.screen.warn(f"autocalls: not ready: {first}{more}")
            return max(error.status for error in errors)
        if found.plan is None:
            self.screen.say("Nothing is left to send.", "green")
            return Status.OK
        warned = f", with {count(len(obstacles), 'warning')}" if obstacles else ""
        self.screen.say(f"Ready{warned}; nothing was sent.", "green")
        self.screen.offer("to send it", self.campaign.command(is_begun=False))
        return Status.OK
