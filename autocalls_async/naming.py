"""Where public names say that they come from: where users import them.

Pure: no I/O, no clock, no asyncio.
"""

from collections.abc import Iterable, Mapping
from types import FunctionType


def show_in(module: str, names: Iterable[str], *, of: Mapping[str, object]) -> None:
    """Let classes and functions say this module, in tracebacks, hovers and pickles.

    Args:
        module: Where users import them from.
        names: What is public there; what is not made yet is passed over.
        of: That module's namespace.
    """
    for name in names:
        thing = of.get(name)
        is_named = isinstance(thing, type | FunctionType)
        if is_named and thing.__module__.startswith("autocalls_async."):
            thing.__module__ = module
