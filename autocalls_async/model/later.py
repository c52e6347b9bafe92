"""Modules that are imported where something of them is first used.

Few programs plan or keep a journal, and the import is light without those. Yet
annotations name what is in there, and whoever reads these at run time finds it.
"""

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
