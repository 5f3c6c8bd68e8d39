"""The few things used last."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")


class Recent(Generic[T]):
    """The few things used last, each made when it is first asked for.

    Args:
        keep: How many to keep.
    """

    def __init__(self, keep: int) -> None:
        self._keep = keep
        self._items: OrderedDict[str, T] = OrderedDict()

    def get(self, key: str, make: Callable[[], T]) -> T:
        """Return the thing of ``key``, made now if it is not kept."""
        if key not in self._items:
            self._items[key] = make()
        self._use(key)
        return self._items[key]

    def put(self, key: str, value: T) -> None:
        """Keep ``value`` as the thing of ``key``."""
        self._items[key] = value
        self._use(key)

    def find(self, key: str) -> T | None:
        """Return the thing of ``key`` if it is kept."""
        if key in self._items:
            self._items.move_to_end(key)
        return self._items.get(key)

    def drop(self, key: str) -> None:
        """Forget the thing of ``key``."""
        self._items.pop(key, None)

    def clear(self) -> None:
        """Forget everything."""
        self._items.clear()

    def _use(self, key: str) -> None:
        self._items.move_to_end(key)
        if len(self._items) > self._keep:
            self._items.popitem(last=False)
