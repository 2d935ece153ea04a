"""Noise for private answers: exact samples of the discrete Laplace distribution from a secret key.

The noise is a function of the key and a number, so a criterion that uses it stays a pure function
of its state; whoever lacks the key cannot tell it from chance. It is integers on a fixed grid, made
by comparing integers (Canonne, Kamath and Steinke 2020): the low bits of a float, by which Laplace
noise has been undone (Mironov 2012), do not exist here.
"""

from __future__ import annotations

import hashlib
from fractions import Fraction

#: Bytes of a key, and of the block that it gives for every number.
KEY_SIZE, BLOCK = 32, 64


def derived(key: bytes, name: str) -> bytes:
    """A key of its own for everything that has a name."""
    return hashlib.blake2b(name.encode(), key=key, digest_size=KEY_SIZE).digest()


def discrete_laplace(key: bytes, number: int, scale: Fraction) -> int:
    """The integer x with probability proportional to ``exp(-|x| / scale)``, by key and number.

    >>> [discrete_laplace(bytes(KEY_SIZE), at, Fraction(8)) for at in range(6)]
    [-1, 3, 8, -7, 6, -4]
    """
    chance = _Chance(key, number)
    whole, parts = scale.numerator, scale.denominator
    while True:
        rest = chance.below(whole)
        if not chance.decays(rest, whole):
            continue
        size = rest
        while chance.decays(1, 1):
            size += whole
        size //= parts
        is_negative = chance.below(2) == 1
        if size or not is_negative:  # else zero would come twice as often
            return -size if is_negative else size


class _Chance:
    """Fair bits out of a key, and what is decided by them without rounding."""

    def __init__(self, key: bytes, number: int) -> None:
        self._key, self._number = key, number.to_bytes(8, "big")
        self._block = self._bits = self._left = 0

    def below(self, limit: int) -> int:
        """A whole number from 0 to below the limit, each as likely as the others."""
        size = (limit - 1).bit_length()
        while (drawn := self._draw(size)) >= limit:
            pass
        return drawn

    def decays(self, part: int, whole: int) -> bool:
        """True with probability ``exp(-part / whole)``, for a part of at most the whole."""
        tries = 1
        while self.below(whole * tries) < part:
            tries += 1
        return tries % 2 == 1

    def _draw(self, size: int) -> int:
        while self._left < size:
            name = self._number + self._block.to_bytes(8, "big")
            block = hashlib.blake2b(name, key=self._key, digest_size=BLOCK).digest()
            self._bits |= int.from_bytes(block, "big") << self._left
            self._left += 8 * BLOCK
            self._block += 1
        drawn = self._bits & ((1 << size) - 1)
        self._bits >>= size
        self._left -= size
        return drawn
