"""The table of faults: what is done to the client, and what it must make of it.

In the order of the protocol, from the host's name to the answer's last byte.
"""

from tests.promises.faults.cases.answers import BODY, HEAD
from tests.promises.faults.cases.case import Case, Ends
from tests.promises.faults.cases.connections import BEFORE
from tests.promises.faults.cases.requests import READING, WAITING
from tests.promises.faults.cases.statuses import REFUSED, STATUS

CASES: tuple[Case, ...] = (
    *BEFORE,
    *WAITING,
    *READING,
    *HEAD,
    *BODY,
    *STATUS,
    *REFUSED,
)

__all__ = ["CASES", "Case", "Ends"]
