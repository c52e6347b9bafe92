"""Templates by their names, found by one listing of a sender and remembered."""

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable
from typing import TypeAlias

from autocalls_async.model.listings import Template
from autocalls_async.model.templates import find_template

Listing: TypeAlias = Callable[[int], Awaitable[tuple[Template, ...]]]
"""Asks for all templates of a sender."""


class TemplateNames:
    """What is known of the names of an account's templates.

    A name that is not known is asked for again: a template may be new.
    """

    def __init__(self) -> None:
        self._known: dict[int, tuple[Template, ...]] = {}
        # Several who ask at once wait for one listing.
        self._asking: defaultdict[int, asyncio.Lock] = defaultdict(asyncio.Lock)

    async def find(
        self, name: str, *, language: str | None, sender_id: int, ask: Listing
    ) -> int:
        """Return the number of a template.

        Raises:
            AutocallsError: The listing was refused, or gave no usable answer.
            ValueError: The sender has none of this name, or several.
        """
        before = self._known.get(sender_id)
        if (found := _find(before, name, language)) is not None:
            return found
        async with self._asking[sender_id]:
            if self._known.get(sender_id) is before:  # nobody else has just asked
                self._known[sender_id] = await ask(sender_id)
            return find_template(
                self._known[sender_id],
                name,
                language=language,
                of=f"sender {sender_id}",
            ).id

    def forget(self, sender_id: int) -> None:
        """Ask again next time: what was known is true no more."""
        self._known.pop(sender_id, None)


def _find(
    known: tuple[Template, ...] | None, name: str, language: str | None
) -> int | None:
    try:
        return find_template(known or (), name, language=language, of="").id
    except ValueError:
        return None
