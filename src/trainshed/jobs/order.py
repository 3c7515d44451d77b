"""A sorted collection with ranks: what the queue needs of an order-statistic tree, in lists."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Iterable, Iterator
from typing import Any, Generic, TypeVar

K = TypeVar("K", bound="tuple[Any, ...]")

_CHUNK = 512


class SortedKeys(Generic[K]):
    """Distinct keys in order; add, remove and rank cost O(√n) with a small constant.

    >>> keys = SortedKeys[tuple[int]]()
    >>> for n in (3, 1, 2):
    ...     keys.add((n,))
    >>> list(keys), keys.rank((2,)), len(keys)
    ([(1,), (2,), (3,)], 1, 3)
    """

    def __init__(self) -> None:
        self._chunks: list[list[K]] = []
        self._lasts: list[K] = []
        self._size = 0

    def __len__(self) -> int:
        return self._size

    def __iter__(self) -> Iterator[K]:
        for chunk in self._chunks:
            yield from chunk

    def __contains__(self, key: K) -> bool:
        at = self._chunk(key)
        if at == len(self._chunks):
            return False
        chunk = self._chunks[at]
        i = bisect_left(chunk, key)
        return i < len(chunk) and chunk[i] == key

    def _chunk(self, key: K) -> int:
        return bisect_left(self._lasts, key)

    def refill(self, keys: Iterable[K]) -> None:
        """Hold exactly ``keys`` from now on."""
        ordered = sorted(keys)
        self._size = len(ordered)
        self._chunks = [ordered[i : i + _CHUNK] for i in range(0, len(ordered), _CHUNK)]
        self._lasts = [chunk[-1] for chunk in self._chunks]

    def add(self, key: K) -> None:
        """Put ``key`` in its place; it must not be there yet."""
        self._size += 1
        if not self._chunks:
            self._chunks.append([key])
            self._lasts.append(key)
            return
        at = min(self._chunk(key), len(self._chunks) - 1)
        chunk = self._chunks[at]
        insort(chunk, key)
        self._lasts[at] = chunk[-1]
        if len(chunk) > 2 * _CHUNK:
            self._chunks.insert(at + 1, chunk[_CHUNK:])
            del chunk[_CHUNK:]
            self._lasts[at] = chunk[-1]
            self._lasts.insert(at + 1, self._chunks[at + 1][-1])

    def remove(self, key: K) -> None:
        """Take ``key`` out.

        Raises:
            KeyError: it is not there.
        """
        at = self._chunk(key)
        chunk = self._chunks[at] if at < len(self._chunks) else []
        i = bisect_left(chunk, key)
        if i == len(chunk) or chunk[i] != key:
            raise KeyError(key)
        del chunk[i]
        self._size -= 1
        if chunk:
            self._lasts[at] = chunk[-1]
        else:
            del self._chunks[at], self._lasts[at]

    def rank(self, key: K) -> int:
        """How many keys come before ``key``."""
        at = self._chunk(key)
        before = sum(len(chunk) for chunk in self._chunks[:at])
        return before + (bisect_left(self._chunks[at], key) if at < len(self._chunks) else 0)
