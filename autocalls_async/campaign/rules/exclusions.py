"""Whom a campaign must not write to.

Pure: no I/O, no clock, no asyncio; what a caller's function does is its own.
"""

from collections.abc import Callable, Container, Coroutine
from inspect import iscoroutinefunction
from typing import TypeAlias

from autocalls_async.model.checks import show_kind
from autocalls_async.model.errors import ExcludedError, UnsentError
from autocalls_async.model.persons import spellings_of

Exclude: TypeAlias = Container[str] | Callable[[str], bool]
"""Numbers in E.164, or what says whether one is excluded; asked for each spelling."""


def check_exclude(value: object) -> None:
    """Raise `ValueError` unless it can be asked for a number."""
    is_text = isinstance(value, str | bytes)
    is_one = isinstance(value, Container) or callable(value)
    if is_text or not is_one:
        msg = (
            "exclude must be a container of numbers, such as a set, or a function of "
            f"one that returns a bool; got {show_kind(value)}"
        )
        raise ValueError(msg)
    if iscoroutinefunction(value):
        msg = "exclude must be no coroutine function: it is asked as a message leaves"
        raise ValueError(msg)


class Exclusions:
    """Says who is excluded; while it lasts, whoever was stays so.

    Args:
        exclude: Asked each time; it may grow meanwhile.
    """

    def __init__(self, exclude: Exclude) -> None:
        check_exclude(exclude)
        self._exclude = exclude
        self._found: set[str] = set()

    @property
    def doubt(self) -> str | None:
        """Why nobody can tell just now who is excluded: no bulk message leaves then.

        It is what the container, or the function, has as its own `doubt`.
        """
        doubt: str | None = getattr(self._exclude, "doubt", None)
        return doubt

    def find(self, phone: str) -> UnsentError | None:
        """Return why this recipient must get nothing.

        What the caller's function raises is why as well: nobody knows then.
        """
        spellings = spellings_of(phone)
        try:
            is_excluded = not self._found.isdisjoint(spellings) or any(
                map(self._ask, spellings)
            )
        except Exception as error:  # noqa: BLE001  # the caller's own
            detail = f"exclude failed ({type(error).__name__})"
            unsent = UnsentError(detail=detail, recipient_phone=phone)
            unsent.__cause__ = error
            return unsent
        if not is_excluded:
            return None
        self._found.add(phone)
        return ExcludedError(detail="the recipient is excluded", recipient_phone=phone)

    def _ask(self, phone: str) -> bool:
        if isinstance(self._exclude, Container):
            return phone in self._exclude
        said: object = self._exclude(phone)
        if isinstance(said, Coroutine):
            said.close()
            msg = "exclude returned a coroutine"
            raise TypeError(msg)
        return bool(said)


class Bar:
    """Keeps one message from leaving while its recipient is excluded.

    Args:
        exclude: Whom to leave out.
        phone: Whom the message is for.
    """

    def __init__(self, exclude: Exclude, phone: str) -> None:
        self._exclusions = Exclusions(exclude)
        self._phone = phone

    def look(self, *, is_outside: bool) -> UnsentError | None:
        """Return why it may not leave at this instant."""
        del is_outside  # it counts for no limit
        if (doubt := self._exclusions.doubt) is not None:
            detail = f"nobody can tell whether they are excluded: {doubt}"
            return UnsentError(detail=detail, recipient_phone=self._phone)
        return self._exclusions.find(self._phone)
