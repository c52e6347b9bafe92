"""A message as its recipient will see it.

Pure: no I/O, no clock, no asyncio.
"""

import re
from collections.abc import Mapping

from autocalls_async.model.listings import Template
from autocalls_async.model.messages import FreeformMessage, Message

_PLACE = re.compile(r"\{\{\s*(\w+)\s*\}\}")


def arriving(message: Message, template: Template | None = None) -> str:
    """Return a message's text, that of a template with its variables put in.

    Args:
        message: Free text or a template's.
        template: The message's, where it is known; its variables stand alone else.
    """
    if isinstance(message, FreeformMessage):
        return message.message
    if template is None or template.body_text is None:
        shown = [f"{name}: {text}" for name, text in message.variables.items()]
        return "\n".join([f"template {message.template_id}", *shown])
    texts = _by_name(message.variables, template.variables)
    return _PLACE.sub(lambda found: texts.get(found[1], found[0]), template.body_text)


def _by_name(variables: Mapping[str, str], names: tuple[str, ...]) -> dict[str, str]:
    """Return variables by their number and by their name, whichever was given."""
    found = dict(variables)
    for number, name in enumerate(names, start=1):
        known = variables.get(name, variables.get(str(number)))
        if known is not None:
            found |= {name: known, str(number): known}
    return found
