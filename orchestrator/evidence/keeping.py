"""What was made last of a text, kept for the next who asks, as much as there is room for."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Generic, Self, TypeVar, cast

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class Kept(Generic[K, V]):
    """A function that remembers its last values, as `functools.lru_cache` does, by their size.

    What is made of a text is many times as large as the text, so that a number of texts says
    nothing about the memory that they take.

    Args:
        make: the function.
        size: of what a key stands for, in characters.
        room: how many characters are kept together; the last value is kept however large it is.
    """

    def __init__(self, make: Callable[[K], V], size: Callable[[K], int], room: int) -> None:
        self._make = make
        self._size = size
        self._room = room
        self._held = 0
        self._values: OrderedDict[K, tuple[V, int]] = OrderedDict()
        self._lock = threading.Lock()

    def __call__(self, key: K) -> V:
        """The value for the key; made anew, without the lock, if it is not kept."""
        with self._lock:
            known = self._values.get(key)
            if known is not None:
                self._values.move_to_end(key)
                return known[0]
        value = self._make(key)
        with self._lock:
            if key in self._values:  # another thread made it meanwhile
                return self._values[key][0]
            size = self._size(key)
            self._values[key] = (value, size)
            self._held += size
            while self._held > self._room and len(self._values) > 1:
                self._held -= self._values.popitem(last=False)[1][1]
        return value


class Beside:
    """Something with what others have made of it, which is forgotten together with it."""

    def __init__(self) -> None:
        self._beside: dict[object, object] = {}

    def beside(self, make: Callable[[Self], V]) -> V:
        """What `make` makes of this; made once."""
        if make not in self._beside:
            self._beside[make] = make(self)
        return cast("V", self._beside[make])
