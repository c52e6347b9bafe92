"""What can go wrong between a process and the database it shares with others.

Pure: no I/O, no clock, no asyncio. PostgreSQL's own words may quote a row: they are
in no text.
"""

from typing import Self

from attrs import define

from autocalls_async.model.errors import AutocallsError
from autocalls_async.model.values.naming import show_in

KEY_CONFLICT, NO_ACCOUNT, WRONG_STATE, STILL_FENCED = "AC001", "AC002", "AC003", "AC004"
"""What the protocol's functions raise, as SQLSTATEs."""


@define(eq=False, slots=False, str=False, repr=False, kw_only=True, auto_exc=False)
class ClusterError(AutocallsError):
    """The shared database cannot be used. What it last confirmed is safe.

    Attributes:
        detail: What is wrong and, after a semicolon, what to do.
    """

    detail: str

    @classmethod
    def of(cls, error: Exception) -> Self:
        """Return what to say of the driver's error: its class, never its words."""
        state = getattr(error, "sqlstate", None)
        seen = type(error).__name__ + (f", SQLSTATE {state}" if state else "")
        return cls(detail=f"the database did not do it ({seen})")

    @property
    def summary(self) -> str:
        """What is wrong, without advice."""
        return f"cluster: {self.detail.partition('; ')[0]}"

    @property
    def advice(self) -> str:
        """What to do about it; empty where there is nothing to say."""
        return self.detail.partition("; ")[2]


@define(eq=False, slots=False, str=False, repr=False, kw_only=True, auto_exc=False)
class RefusedError(ClusterError):
    """A step that the protocol does not allow.

    Attributes:
        code: The SQLSTATE.
        number: Which of the messages that were named it is about, from 1.
        hint: What else there is to say: a state, mostly.
    """

    code: str
    number: int = 0
    hint: str | None = None


show_in("autocalls_async.cluster", "ClusterError", of=globals())
