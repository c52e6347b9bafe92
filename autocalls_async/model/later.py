"""Modules that are imported where something of them is first used.

Few programs plan or keep a journal, and the import is light without those. Yet
annotations name what is in there, and whoever reads these at run time finds it.
"""

import sys
from collections.abc import Callable, Mapping
from importlib import import_module


class Later:
    """Stands for a module until something of it is asked for."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __getattr__(self, name: str) -> object:
        """Import the module, and keep what it has of this name."""
        value = getattr(import_module(self._name), name)
        setattr(self, name, value)
        return value


def find_later(package: str, homes: Mapping[str, str]) -> Callable[[str], object]:
    """Return a package's `__getattr__`, which imports a name where it is first used.

    Args:
        package: Its whole name.
        homes: Its public names, apart by blanks, by the module in it that has them.
    """
    home_of = {name: home for home, names in homes.items() for name in names.split()}

    def find(name: str) -> object:
        if name not in home_of:
            msg = f"module {package!r} has no attribute {name!r}"
            raise AttributeError(msg)
        home = import_module(f"{package}.{home_of[name]}")
        value = getattr(home, name)
        setattr(sys.modules[package], name, value)  # and is not asked again
        return value

    return find
