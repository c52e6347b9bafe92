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
            # CPython 3.14 makes them when first asked, for the module named by then.
            _ = thing.__annotations__
            thing.__module__ = face


def show_methods_as(owner: type) -> None:
    """Let what a public class inherits from ours say that it is the class's own.

    So a coroutine that was never awaited is told of by the name that was called.
    """
    for base in owner.__mro__[1:-1]:
        for name, method in vars(base).items():
            if isinstance(method, FunctionType) and not name.startswith("_"):
                method.__qualname__ = f"{owner.__name__}.{name}"
