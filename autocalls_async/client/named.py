"""A template by its name: looked up in time, or the message is unsent."""

import asyncio
from collections import defaultdict
from math import inf
from typing import TYPE_CHECKING, Any, Protocol

from autocalls_async.clock import loop_time
from autocalls_async.model.errors import UnavailableError, UnsentError
from autocalls_async.model.later import Later

if TYPE_CHECKING:
    from autocalls_async.model import listings as _listings
else:
    # most programs know their templates' numbers
    _listings = Later("autocalls_async.model.listings")


class Listing(Protocol):
    """Lists a sender's templates: `AutocallsClient.templates`."""

    async def __call__(
        self, *, sender_id: int, include_unapproved: bool, timeout: float
    ) -> "tuple[_listings.Template, ...]":
        """List them.

        Raises:
            RejectedError: The service said no.
            UnavailableError: It gave no usable answer.
        """


class TemplateNames:
    """What a client knows of its templates' names: one listing of each sender.

    A name that is not known is asked for again: a template may be new.
    """

    def __init__(self) -> None:
        self._known: dict[int, tuple[_listings.Template, ...]] = {}
        # Several who ask at once wait for one listing.
        self._asking: defaultdict[int, asyncio.Lock] = defaultdict(asyncio.Lock)

    async def find(
        self,
        name: str,
        language: str | None,
        *,
        sender_id: int,
        seconds: float,
        recipient_phone: str,
        ask: Listing,
    ) -> int:
        """Return a template's number.

        Args:
            name: As the service lists it.
            language: Such as `de`, where a name has several.
            sender_id: Whose template it is.
            seconds: Until when an answer is of use.
            recipient_phone: Whom the message is for.
            ask: Lists the sender's templates, unless the name is known.

        Raises:
            RejectedError: The listing was refused.
            UnsentError: It gave no usable answer in time.
            ValueError: The sender has no template of this name, or several.
        """
        before = self._known.get(sender_id)
        if (found := _look_up(before, name, language)) is not None:
            return found
        try:
            async with (
                asyncio.timeout(seconds if seconds < inf else None),
                self._asking[sender_id],
            ):
                if self._known.get(sender_id) is before:  # nobody else has just asked
                    self._known[sender_id] = await ask(
                        sender_id=sender_id, include_unapproved=True, timeout=seconds
                    )
        except (UnavailableError, TimeoutError) as error:
            raise UnsentError(
                detail="the template's name could not be looked up",
                recipient_phone=recipient_phone,
            ) from error
        return _listings.find_template(
            self._known[sender_id], name, language=language, of=f"sender {sender_id}"
        ).id

    def forget(self, sender_id: int) -> None:
        """Ask again next time: what was known is true no more."""
        self._known.pop(sender_id, None)


def _look_up(
    known: "tuple[_listings.Template, ...] | None", name: str, language: str | None
) -> int | None:
    try:
        found = _listings.find_template(known or (), name, language=language, of="")
    except ValueError:
        return None
    return found.id


def choose_number(template_id: object, template: object) -> Any:  # noqa: ANN401  # the message checks it
    """Return a template's number; 1 stands for a name until it is looked up.

    Raises:
        ValueError: Both were given, or none, or the name is blank.
    """
    if (template_id is None) == (template is None):
        msg = "give template_id or template, one of them"
        raise ValueError(msg)
    if not isinstance(template, str):
        return template_id if template is None else template
    if template.strip():
        return 1
    msg = "template must be a template's name or number; got a blank text"
    raise ValueError(msg)


def left_of(deadline: float | None) -> float:
    """Return the seconds until a deadline; what has none left is unsent soon."""
    if deadline is None:
        return inf
    return max(deadline - loop_time(), 0.001)
