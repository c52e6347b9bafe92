"""What a case is: a fault, and how a send and a read must end that meet it."""

from collections.abc import Callable, Iterator

from attrs import Factory, field, frozen

from tests.promises.faults.scripts import close, reset, serve, stall
from tests.promises.faults.server import Script, WarmUp
from tests.promises.faults.ways import PLAIN, Way


@frozen
class Ends:
    """How a call ends: the outcome of a send, or the class that a read gives."""

    name: str
    attempts: int = 1


ACCEPTED, UNKNOWN = Ends("Accepted"), Ends("Unknown")
ACCEPTED_LATER, READ_LATER = Ends("Accepted", 2), Ends("Account", 2)
UNSENT, UNSENT_AT_ONCE = Ends("Unsent", 3), Ends("Unsent")
READ = Ends("Account")
UNANSWERED, UNREADABLE = Ends("UnavailableError", 3), Ends("UnavailableError")


def _kept_by_default(case: "Case") -> Ends | None:
    is_possible = case.way is PLAIN and case.warm_up is WarmUp.NONE
    return case.read if is_possible else None


@frozen(eq=False)
class Case:
    """One fault, and how a send and a read must end that meet it.

    Attributes:
        step: Where in the protocol it strikes.
        fault: What happens there.
        script: What the server does, on each connection.
        send: How a send ends.
        read: How a read ends on a fresh connection; `None` where none is made.
        kept: How a read ends on a connection that served one before.
        way: How the client comes to the server.
        warm_up: What goes before the send, and before the first of the reads.
        max_attempts: Of the client's policy.
    """

    step: str
    fault: str
    script: Script = serve
    send: Ends = UNKNOWN
    read: Ends | None = UNANSWERED
    way: Way = field(default=PLAIN, kw_only=True)
    warm_up: WarmUp = field(default=WarmUp.NONE, kw_only=True)
    kept: Ends | None = field(
        default=Factory(_kept_by_default, takes_self=True), kw_only=True
    )
    max_attempts: int = field(default=3, kw_only=True)

    @property
    def name(self) -> str:
        """Name the case in one line."""
        return f"{self.step}: {self.fault}"


ENDS = {"then FIN": close, "then RST": reset, "then silence": stall}


def each_end(
    case: Callable[..., Case],
    fault: str,
    script: Callable[[Script], Script],
    *ends: Ends,
) -> Iterator[Case]:
    """Make a case for each way in which a connection ends."""
    for words, end in ENDS.items():
        yield case(f"{fault}, {words}", script(end), *ends)
