"""A template by its name: looked up in time, or the message is unsent."""

import asyncio
from functools import cached_property
from math import inf
from typing import TYPE_CHECKING, Any

from autocalls_async.engine.asking.questions import Questions
from autocalls_async.model.errors import UnavailableError, UnsentError
from autocalls_async.model.later import Later

if TYPE_CHECKING:
    from autocalls_async.engine.asking import template_names as _template_names
    from autocalls_async.model import listings as _listings
else:
    # most programs know their templates' numbers
    _template_names = Later("autocalls_async.engine.asking.template_names")
    _listings = Later("autocalls_async.model.listings")


class NamedTemplates(Questions):
    """What a client knows of its templates' names."""

    @cached_property
    def _names(self) -> "_template_names.TemplateNames":
        return _template_names.TemplateNames()

    async def _find_template(
        self,
        name: str,
        language: str | None,
        *,
        sender_id: int,
        seconds: float,
        recipient_phone: str,
    ) -> int:
        """Return a template's number.

        Raises:
            RejectedError: The listing was refused.
            UnsentError: It gave no usable answer in time.
            ValueError: The sender has no template of this name, or several.
        """

        async def ask(sender_id: int) -> "tuple[_listings.Template, ...]":
            return await self.templates(
                sender_id=sender_id, include_unapproved=True, timeout=seconds
            )

        try:
            async with asyncio.timeout(seconds if seconds < inf else None):
                return await self._names.find(
                    name, language=language, sender_id=sender_id, ask=ask
                )
        except (UnavailableError, TimeoutError) as error:
            raise UnsentError(
                detail="the template's name could not be looked up",
                recipient_phone=recipient_phone,
            ) from error


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
    return max(deadline - asyncio.get_running_loop().time(), 0.001)
