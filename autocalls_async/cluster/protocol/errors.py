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

_NOT_OURS = (
    "the schema `autocalls` is not as this library knows it ({});"
    " run `autocalls cluster migrate`"
)
_MEANINGS = {
    "25006": "the database is read-only ({}); name the primary, not a replica",
    "42501": "the database's user may not do this ({}); let the one who ran"
    " `autocalls cluster migrate` grant it, or be that one",
    "57014": "a statement was cut short ({}); give the cluster's user no"
    " statement_timeout below 10 s",
    **dict.fromkeys(("3F000", "42P01", "42703", "42883"), _NOT_OURS),
}


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
        what = _MEANINGS.get(state or "", "the database did not do it ({})")
        return cls(detail=what.format(seen))

    @classmethod
    def unreachable(cls, error: Exception, place: str) -> Self:
        """Return why no connection came about: libpq's reason, which quotes no row."""
        text = str(error).partition("\nMultiple connection attempts")[0]
        line = text.rpartition("FATAL:  ")[2].partition("\n")[0]
        why = line.rpartition(" failed: ")[2].strip()
        return cls(detail=f"no connection to PostgreSQL at {place}: {why}")

    @classmethod
    def read_only(cls) -> Self:
        """Return that nothing can be written."""
        return cls(detail="the database is read-only; name the primary, not a replica")

    @classmethod
    def crowded(cls, place: str, most: int, seconds: float) -> Self:
        """Return that all connections of a pool are in use."""
        detail = (
            f"all {most} connections to PostgreSQL at {place} were in use for"
            f" {seconds:g} s; allow more with max_connections"
        )
        return cls(detail=detail)

    @classmethod
    def silent(cls, place: str, seconds: float) -> Self:
        """Return that no answer came."""
        return cls(detail=f"PostgreSQL at {place} did not answer within {seconds:g} s")

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
