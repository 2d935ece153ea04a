"""An append-only sequence that shares its storage between versions."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Generic, TypeVar, overload

T = TypeVar("T")


class Series(Sequence[T], Generic[T]):
    """An immutable sequence with ``append`` in amortised constant time.

    States of criteria have to stay valid after a later step, yet copying a curve at every step
    would cost its length. A series is a window ``[0, length)`` on a list that only grows: the
    newest version appends in place, an older one that is appended to copies first.

    >>> short = Series([1, 2])
    >>> long = short.append(3)
    >>> list(short), list(long), list(short.append(9)), list(long)
    ([1, 2], [1, 2, 3], [1, 2, 9], [1, 2, 3])
    """

    __slots__ = ("_items", "_length")

    def __init__(self, items: Sequence[T] = ()) -> None:
        self._items = list(items)
        self._length = len(self._items)

    def append(self, item: T) -> Series[T]:
        """The series with one more item; this one is unchanged."""
        items = self._items if len(self._items) == self._length else self._items[: self._length]
        items.append(item)
        longer: Series[T] = Series.__new__(Series)
        longer._items = items
        longer._length = self._length + 1
        return longer

    def last(self, count: int) -> list[T]:
        """The last ``count`` items, or all where there are fewer."""
        return self._items[max(0, self._length - count) : self._length]

    def __len__(self) -> int:
        return self._length

    def __iter__(self) -> Iterator[T]:
        return (self._items[index] for index in range(self._length))

    @overload
    def __getitem__(self, index: int) -> T: ...
    @overload
    def __getitem__(self, index: slice) -> list[T]: ...
    def __getitem__(self, index: int | slice) -> T | list[T]:
        if isinstance(index, slice):
            return self._items[: self._length][index]
        if index < 0:
            index += self._length
        if not 0 <= index < self._length:
            raise IndexError(f"series index {index} out of range for length {self._length}")
        return self._items[index]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Series) and list(self) == list(other)

    def __hash__(self) -> int:
        return hash(tuple(self))

    def __repr__(self) -> str:
        return f"Series({list(self)!r})"

    def __reduce__(self) -> tuple[type[Series[T]], tuple[list[T]]]:
        return Series, (list(self),)
