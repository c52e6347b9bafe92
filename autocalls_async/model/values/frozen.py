"""A mapping that cannot change, for values that cannot change either.

Pure: no I/O, no clock, no asyncio.
"""

from collections.abc import Iterator, Mapping
from typing import Any, final


@final
class FrozenDict(Mapping[str, Any]):
    """A mapping that cannot change, so that a value holding it cannot either."""

    __slots__ = ("_items",)

    def __init__(self, items: Mapping[str, Any] | None = None) -> None:
        self._items = dict(items or {})

    def __getitem__(self, key: str) -> Any:  # noqa: ANN401  # the service's own JSON
        return self._items[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._items)

    def __len__(self) -> int:
        return len(self._items)

    def __hash__(self) -> int:
        return hash(frozenset(self._items))

    def __reduce__(self) -> tuple[object, ...]:
        return FrozenDict, (self._items,)  # slots alone fail below protocol 2

    def __repr__(self) -> str:
        return f"<{len(self)} items>"  # the values may be anybody's words


NOTHING_MORE = FrozenDict()
"""Of an answer that holds what is documented, and no other field."""
