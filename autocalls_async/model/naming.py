"""Where public names say that they come from: where users import them.

Pure: no I/O, no clock, no asyncio.
"""

from collections.abc import Mapping
from types import FunctionType


def show_in(face: str, *names: str, of: Mapping[str, object]) -> None:
    """Let classes and functions say this module, in tracebacks, hovers and pickles.

    The module that makes them calls it last, so that they say it whichever door a
    program came in by.

    Args:
        face: Where users import them from.
        names: Of what is public; without any, of every class there that is made
            there and has no underscore.
        of: The namespace of the module that makes them.
    """
    home = of["__name__"]
    for name in names or [name for name in of if not name.startswith("_")]:
        thing = of[name]
        if isinstance(thing, type | FunctionType) and thing.__module__ == home:
            thing.__module__ = face
