"""Cutting long texts into windows, and counting inside runs: what the two segmentation algorithms share."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

WINDOW = 1 << 15
"""Characters worked on at a time: small enough that every temporary array stays in the cache."""
_TAIL = 256


def windows(
    codes: npt.NDArray[np.uint32], table: npt.NDArray[np.uint8], cuts: npt.NDArray[np.bool_], size: int = WINDOW
) -> Iterator[tuple[int, int]]:
    """Ranges that cover a text, neighbours sharing one character at which the text may be cut.

    A character may be shared if nothing after it needs to look at what is before it, and nothing up to it at what
    comes after. A range grows past ``size`` as long as it holds no such character.

    Args:
        codes: Code points, shape (n,).
        table: A value for each code point, shape (0x110000,).
        cuts: Whether a character with that value may be shared, shape (256,).
        size: Characters in a range, where the text permits it; at least 2.

    Yields:
        First and last-plus-one index. Each range starts at the last character of the one before.
    """
    start, stop, total = 0, size, len(codes)
    while stop < total:
        cut = _last_cut(codes, table, cuts, start + 1, stop)
        if cut is None:
            stop += stop - start
            continue
        yield start, cut + 1
        start, stop = cut, cut + size
    yield start, total


def _last_cut(
    codes: npt.NDArray[np.uint32], table: npt.NDArray[np.uint8], cuts: npt.NDArray[np.bool_], start: int, stop: int
) -> int | None:
    tail = _TAIL
    while stop > start:
        first = max(start, stop - tail)
        found = np.flatnonzero(cuts[table[codes[first:stop]]])
        if found.size:
            return first + int(found[-1])
        stop, tail = first, tail * 4
    return None


def last_where(mask: npt.NDArray[np.bool_]) -> npt.NDArray[np.int32]:
    """For each index the nearest index at or before it where ``mask`` holds, or -1; shape (n,)."""
    indices = np.where(mask, np.arange(len(mask), dtype=np.int32), np.int32(-1))
    return np.maximum.accumulate(indices, out=indices)


def ordinals(positions: npt.NDArray[np.intp]) -> npt.NDArray[np.intp]:
    """How many of the positions directly before each one are in ``positions`` without a gap.

    Args:
        positions: Indices in rising order, shape (k,).

    Returns:
        0 for the first of each run of consecutive indices, 1 for the second and so on; shape (k,).
    """
    starts = positions.copy()
    starts[1:][np.diff(positions) == 1] = 0
    return positions - np.maximum.accumulate(starts)
