"""What people are told once a campaign has ended: tables, a line, how to go on."""

from collections import Counter
from pathlib import Path

from attrs import define, field, frozen

from autocalls_async.campaign.progress import Progress
from autocalls_async.cli.bulk.intake.inventory import Inventory
from autocalls_async.cli.bulk.options import Campaign
from autocalls_async.cli.bulk.rules.given import GivenRules
from autocalls_async.cli.tables.lines import FileError
from autocalls_async.cli.terminal.failures import Status
from autocalls_async.cli.terminal.outcomes import explain_error
from autocalls_async.cli.terminal.progress import outcome_table, reason_table
from autocalls_async.cli.terminal.screen import Screen
from autocalls_async.cli.terminal.words import count, quote
from autocalls_async.journal import JournalError, State
from autocalls_async.journal.entry import MAY_LEAVE
from autocalls_async.model.errors import AutocallsError, RunStoppedError
from autocalls_async.model.outcomes import Accepted, Outcome


@define(kw_only=True)
class Results:
    """What came of a campaign; whoever sends it fills it in.

    Attributes:
        given_count: Messages that were there to be sent.
        reasons: Why messages were not accepted, by error and code.
        fallback_count: Messages that went by their template.
        ended_by: What ended it before its last row.
        signalled: The exit status of the signal that stopped it, if one did.
        troubles: Where outcomes could not be written, and why.
        counts: What the journal holds after it, by state.
        report_trouble: Why its report could not be written.
        written: The files that were.
        request_counts: What was asked of the service, by kind.
    """

    given_count: int = 0
    progress: Progress = field(factory=Progress)
    reasons: Counter[tuple[str, str]] = field(factory=Counter)
    fallback_count: int = 0
    ended_by: RunStoppedError | FileError | JournalError | None = None
    signalled: int | None = None
    troubles: list[str] = field(factory=list)
    counts: Counter[State] = field(factory=Counter)
    report_trouble: str | None = None
    written: list[Path] = field(factory=list)
    request_counts: dict[str, int] = field(
        factory=lambda: {"sends": 0, "window checks": 0}
    )

    def note(self, outcome: Outcome) -> None:
        """Count one message's outcome."""
        if isinstance(outcome, Accepted):
            self.fallback_count += outcome.sent.fell_back
        else:
            code = outcome.error.error_code or ""
            self.reasons[type(outcome.error).__name__, code] += 1


@frozen(kw_only=True)
class Conclusion:
    """Tells what came of a campaign.

    Attributes:
        found: What was known of its rows before.
        rules: Whom it may write to, when, and how much.
    """

    campaign: Campaign
    found: Inventory
    rules: GivenRules
    results: Results
    screen: Screen

    def tell(self) -> int:
        """Say how it ended and how to go on, and return the exit status."""
        self._show_tables()
        status = self._conclude()
        if self.campaign.journal is not None:
            self._advise(self.campaign.journal)
        for path in self.results.written:
            self.screen.say(f"written: {path}")
        if self.results.report_trouble is not None:
            self.screen.warn(f"autocalls: {self.results.report_trouble}")
            return status or Status.FAILED
        return status

    def _show_tables(self) -> None:
        results = self.results
        if not results.given_count:
            return
        tables = [outcome_table(results.progress)]
        if results.reasons:
            tables.append(reason_table(results.reasons))
        self.screen.show(*tables)
        self.screen.say()
        kinds = (
            f"{kind} {number:,}" for kind, number in results.request_counts.items()
        )
        self.screen.say(f"requests: {', '.join(kinds)}")
        if self.campaign.fallback_template is not None:
            self.screen.say(self._fallback_line())

    def _fallback_line(self) -> str:
        number = self.results.fallback_count
        text_count = self.results.progress.accepted - number
        template_id = self.campaign.fallback_template
        return f"{text_count:,} went as free text, {number:,} by template {template_id}"

    # In a line

    def _conclude(self) -> int:
        before_count = self.found.states[State.ACCEPTED]
        accepted_count = before_count + self.results.progress.accepted
        total = count(self.found.total, "message")
        excluded = self.results.progress.excluded
        if (why := self._why_stopped()) is not None:
            text = f"{why}; {self._unsent_count():,} of {total} not sent"
            self.screen.warn(f"autocalls: {text}")
            return self.results.signalled or Status.FAILED
        if not self.found.total:
            self.screen.say("Nothing is left to send.", "green")
            return Status.OK
        if accepted_count + excluded == self.found.total:
            earlier = f", {before_count:,} of them earlier" if before_count else ""
            left_out = f"; {excluded:,} left out as excluded" if excluded else ""
            which = f"{accepted_count:,} of {total}" if excluded else f"All of {total}"
            self.screen.say(f"{which} accepted{earlier}{left_out}.", "green")
            return Status.OK
        text = f"{self.found.total - accepted_count:,} of {total} not accepted"
        if unknown_count := self._unknown_count():
            text += f", {unknown_count:,} of them unknown"
        if excluded:
            text += f", {excluded:,} of them excluded"
        self.screen.warn(f"autocalls: {text}")
        return Status.FAILED

    def _unknown_count(self) -> int:
        return self.results.progress.unknown + self.found.states[State.UNKNOWN]

    def _unsent_count(self) -> int:
        if self.campaign.journal is not None:
            return self._left_count()
        progress = self.results.progress
        return self.found.total - progress.taken + progress.unsent

    def _why_stopped(self) -> str | None:
        error = self.results.ended_by
        if self.results.troubles:
            why = [*self.results.troubles, "the last outcomes are not there"]
            return "; ".join(why)
        match error:
            case None:
                return None
            case FileError():
                return f"stopped: {self.campaign.file}: {error}"
            case JournalError():
                return f"stopped: {error}"
        if error.cause is None:
            is_ours = self.results.signalled is not None
            return "interrupted" if is_ours else f"stopped: {error.detail}"
        return f"stopped: {_explain_stop(error, error.cause)}"

    # How to go on, with a journal

    def _advise(self, path: Path) -> None:
        """Say what is left, and which commands go on from here."""
        counts, again = self.results.counts, self.campaign.command()
        if left_count := self._left_count():
            left = count(left_count, "message")
            what = f"{left} left to send; to go on{self._what_to_raise()}"
            self.screen.offer(what, again)
        if rejected_count := counts[State.REJECTED]:
            rejected = count(rejected_count, "message")
            listed = quote("autocalls", "journal", "export", str(path))
            what = f"{rejected} rejected; to list them"
            self.screen.offer(what, f"{listed} --state rejected")
            what = "to send them again, once that is mended"
            self.screen.offer(what, f"{again} --retry-rejected all")
        if unknown_count := counts[State.UNKNOWN]:
            unknown = count(unknown_count, "message")
            shown = quote("autocalls", "journal", "show", str(path))
            self.screen.offer(f"{unknown} unknown; to see them", shown)
            if (receipts := self.campaign.receipts) is not None:
                settle = ("--by-evidence", "--receipts", str(receipts))
                command = quote("autocalls", "journal", "resolve", str(path), *settle)
                self.screen.offer("to settle them, in 15 minutes", command)

    def _what_to_raise(self) -> str:
        """Return which bound has to be raised before there is a use in going on."""
        most, spent = self.rules.at_most, self.results.counts
        has_left = spent[State.ACCEPTED] + spent[State.UNKNOWN]
        if most is None or has_left < most:
            return ""
        option = "--at-most" if self.campaign.rules.budget is None else "--budget"
        return f", with a higher {option}"

    def _left_count(self) -> int:
        """Return how many could still be sent, but for those who are left out."""
        left = sum(self.results.counts[state] for state in MAY_LEAVE)
        left -= self.results.progress.excluded
        return left - self.found.left_behind_count


def _explain_stop(error: RunStoppedError, cause: AutocallsError) -> str:
    says_more = error.detail != cause.summary
    return f"{error.detail}; {error.remedy}" if says_more else explain_error(cause)
