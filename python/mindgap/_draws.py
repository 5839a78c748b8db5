"""Streams of random numbers, each a function of (seed, purpose, epoch, index) alone: the ones that mindgap draws from.

The generator is Philox4x32-10 (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC 2011): the seed is its key;
the number of the draw, purpose, epoch and index are its counter. No generator of Python, NumPy or torch is used or changed.
"""

from __future__ import annotations

from enum import IntEnum
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

Item = TypeVar("Item")

_LOW = np.uint64(0xFFFF_FFFF)
_HALF = np.uint64(32)
#: Blocks of four words that are computed at once.
_BLOCKS = 4096


class Purpose(IntEnum):
    """The purpose of a stream, with mindgap's numbers."""

    PROBE = 8
    HALVES = 9


class Stream:
    """The random words of (seed, purpose, epoch, index), in order."""

    def __init__(self, seed: int, purpose: Purpose, epoch: int, index: int) -> None:
        self._seed = seed
        self._counter = (int(purpose), epoch, index)
        self._block = 0
        self._words: list[int] = []

    def next_u32(self) -> int:
        """32 random bits."""
        if not self._words:
            blocks = np.arange(self._block, self._block + _BLOCKS, dtype=np.uint64)
            counter = [blocks] + [np.full(_BLOCKS, number, dtype=np.uint64) for number in self._counter]
            words = philox4x32_10(counter, (self._seed & 0xFFFF_FFFF, self._seed >> 32))
            self._words = np.stack(words, axis=1).ravel()[::-1].tolist()
            self._block += _BLOCKS
        return self._words.pop()

    def below(self, n: int) -> int:
        """Uniform in 0..n-1, with exactly equal probabilities (Lemire 2019, with rejection)."""
        biased = (2**32 - n) % n
        while True:
            product = self.next_u32() * n
            if product & 0xFFFF_FFFF >= biased:
                return product >> 32

    def shuffle(self, items: list[Item]) -> None:
        """Shuffles `items` (Fisher–Yates)."""
        for last in range(len(items) - 1, 0, -1):
            other = self.below(last + 1)
            items[last], items[other] = items[other], items[last]


def philox4x32_10(counter: list[NDArray[np.uint64]], key: tuple[int, int]) -> list[NDArray[np.uint64]]:
    """Ten rounds of Philox on four arrays of counter words under `key`; each word is below 2³²."""
    a, b, c, d = counter
    low, high = key
    for _ in range(10):
        first = a * np.uint64(0xD251_1F53)
        second = c * np.uint64(0xCD9E_8D57)
        a = (second >> _HALF) ^ b ^ np.uint64(low)
        c = (first >> _HALF) ^ d ^ np.uint64(high)
        b, d = second & _LOW, first & _LOW
        low, high = (low + 0x9E37_79B9) & 0xFFFF_FFFF, (high + 0xBB67_AE85) & 0xFFFF_FFFF
    return [a, b, c, d]
