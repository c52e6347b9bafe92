"""What customers write, and what they read of a template.

Pure: no I/O, no clock, no asyncio.
"""

import re
from collections.abc import Mapping

from autocalls_async.emulator.state import Template

_LONGEST = 4096

_PLACE = re.compile(r"\{\{\s*([^{}\s]+)\s*\}\}")


def fill(template: Template | None, variables: Mapping[str, str]) -> str:
    """Return a template's text with its places filled.

    A place has a number, a variable that number or the template's name for it; a
    place that nothing fills is left as it stands.
    """
    if template is None:
        return ""
    names = {str(n): name for n, name in enumerate(template.variables, start=1)}

    def text_of(place: re.Match[str]) -> str:
        key = place[1]
        text = variables.get(key, variables.get(names.get(key, key)))
        return place[0] if text is None else text

    return _PLACE.sub(text_of, template.body_text)


def check_text(text: str) -> None:
    """Make sure that a text can be a message.

    Raises:
        ValueError: It is blank, too long, or no text that can be encoded.
    """
    if not text.strip() or len(text) > _LONGEST:
        msg = f"a message has 1 to {_LONGEST} characters; got {len(text)}"
        raise ValueError(msg)
    try:
        text.encode()
    except UnicodeEncodeError:
        msg = "a message must be Unicode text; got half of a surrogate pair"
        raise ValueError(msg) from None
