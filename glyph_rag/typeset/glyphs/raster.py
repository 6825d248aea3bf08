"""Outlines to grey levels, in integers only.

The same outline gives the same levels on every machine and under every version of every library, which no system
rasteriser promises. Each pixel row is sampled by 16 lines; along a line the coverage is exact. Glyphs are drawn many
at a time, so that the cost is that of a few array operations.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import uharfbuzz as hb

LEVELS = 15
"""Full ink."""

ONE = 4096
"""A pixel, in the rasteriser's units."""

UNIT = 64
"""Sizes are given in 1/64 pixel to the em."""

_ROWS = 16
_CURVE_STEPS = 6

Integers = npt.NDArray[np.int64]


class Cut(NamedTuple):
    """A glyph as it is to be drawn.

    Attributes:
        font: The font, in its own units.
        glyph: Glyph id.
        width: Horizontal size of the em in 1/64 pixel.
        height: Vertical size of the em in 1/64 pixel.
        shift: Moves the glyph to the right, in 1/4096 pixel.
    """

    font: hb.Font
    glyph: int
    width: int
    height: int
    shift: int


@dataclass(frozen=True)
class Bitmap:
    """Grey levels of one glyph.

    Attributes:
        levels: uint8 (rows, columns), 0 for paper to `LEVELS` for full ink.
        left: Column of the first pixel, relative to the pen.
        top: Row of the first pixel, relative to the baseline, downwards.
    """

    levels: npt.NDArray[np.uint8]
    left: int
    top: int


class _Pen:
    """Receives outlines from HarfBuzz and keeps them as they come, in font units.

    The method names are those of the fontTools pen protocol, which HarfBuzz calls.
    """

    def __init__(self) -> None:
        self.number = 0
        self._first = self._at = (0.0, 0.0)
        self.lines: list[tuple[float, ...]] = []
        self.quadratics: list[tuple[float, ...]] = []
        self.cubics: list[tuple[float, ...]] = []

    def moveTo(self, p: tuple[float, float]) -> None:  # noqa: N802
        self._first = self._at = p

    def lineTo(self, p: tuple[float, float]) -> None:  # noqa: N802
        self.lines.append((self.number, *self._at, *p))
        self._at = p

    def qCurveTo(self, c: tuple[float, float], p: tuple[float, float]) -> None:  # noqa: N802
        self.quadratics.append((self.number, *self._at, *c, *p))
        self._at = p

    def curveTo(self, c: tuple[float, float], d: tuple[float, float], p: tuple[float, float]) -> None:  # noqa: N802
        self.cubics.append((self.number, *self._at, *c, *d, *p))
        self._at = p

    def closePath(self) -> None:  # noqa: N802
        self.lineTo(self._first)


def rasterise(cuts: Sequence[Cut]) -> list[Bitmap]:
    """Draws glyphs.

    Args:
        cuts: What to draw.

    Returns:
        The levels of each, cropped to whole pixels around its outline; of no size where there is no outline.
    """
    pen = _Pen()
    for number, cut in enumerate(cuts):
        pen.number = number
        cut.font.draw_glyph_with_pen(cut.glyph, pen)
    owner, segments = _flatten(pen, cuts)
    if not len(owner):
        return [Bitmap(np.zeros((0, 0), np.uint8), 0, 0)] * len(cuts)
    inked, first = np.unique(owner, return_index=True)
    x, y = segments[:, [0, 2]], segments[:, [1, 3]]
    left = np.minimum.reduceat(x.min(1), first) // ONE
    top = np.minimum.reduceat(y.min(1), first) // ONE
    width = -(-np.maximum.reduceat(x.max(1), first) // ONE) - left
    height = -(-np.maximum.reduceat(y.max(1), first) // ONE) - top
    place = np.searchsorted(inked, owner)
    segments = segments - (np.stack([left, top, left, top], 1) * ONE)[place]
    levels = _levels(segments, place, width, height)
    empty = Bitmap(np.zeros((0, 0), np.uint8), 0, 0)
    drawn = dict(zip(inked.tolist(), map(Bitmap, levels, left.tolist(), top.tolist()), strict=True))
    return [drawn.get(number, empty) for number in range(len(cuts))]


def _flatten(pen: _Pen, cuts: Sequence[Cut]) -> tuple[Integers, Integers]:
    """The outlines as straight segments in pixels of 1/4096, y downwards: owner (n,) and x0, y0, x1, y1 (n, 4)."""
    em = np.array([(c.width, c.height, c.font.face.upem * UNIT, c.shift) for c in cuts], np.int64).reshape(-1, 4)
    owners, pieces = [], []
    for rows, degree in ((pen.lines, 1), (pen.quadratics, 2), (pen.cubics, 3)):
        if not rows:
            continue
        table = np.rint(np.array(rows)).astype(np.int64)
        owner, points = table[:, 0], table[:, 1:].reshape(len(table), -1, 2)
        wide, high, upem, shift = (column[:, None] for column in em[owner].T)
        x = points[:, :, 0] * wide * ONE // upem + shift
        y = -points[:, :, 1] * high * ONE // upem
        steps = 1 if degree == 1 else _CURVE_STEPS
        weights = _bernstein(degree, steps)
        x, y = x @ weights // steps**degree, y @ weights // steps**degree
        ends = np.stack([x[:, :-1], y[:, :-1], x[:, 1:], y[:, 1:]], 2).reshape(-1, 4)
        owners.append(np.repeat(owner, steps))
        pieces.append(ends)
    if not pieces:
        return np.zeros(0, np.int64), np.zeros((0, 4), np.int64)
    owner, segments = np.concatenate(owners), np.concatenate(pieces)
    order = np.argsort(owner, kind="stable")
    return owner[order], segments[order]


def _bernstein(degree: int, steps: int) -> Integers:
    """Weights of the control points at 0, 1, ... steps, times steps ** degree: int64 (degree + 1, steps + 1)."""
    i = np.arange(steps + 1, dtype=np.int64)
    binomials = {1: (1, 1), 2: (1, 2, 1), 3: (1, 3, 3, 1)}[degree]
    return np.stack([b * (steps - i) ** (degree - k) * i**k for k, b in enumerate(binomials)])


def _levels(segments: Integers, owner: Integers, width: Integers, height: Integers) -> list[npt.NDArray[np.uint8]]:
    """Grey levels of each glyph.

    Every sample line is crossed by some segments, upwards or downwards. A crossing fills everything to its right; the
    running sum along the line is then the winding number, and wherever it is not zero there is ink. All glyphs lie one
    after another in one array: outlines are closed, so the sum is back at zero at the end of each line.
    """
    step = ONE // _ROWS
    stride = width + 2
    base = np.concatenate([[0], np.cumsum(height * _ROWS * stride)])
    x0, y0, x1, y1 = segments.T
    first = -((step // 2 - np.minimum(y0, y1)) // step)
    last = -((step // 2 - np.maximum(y0, y1)) // step)
    count = last - first
    which = np.repeat(np.arange(len(segments)), count)
    row = np.arange(len(which)) - np.repeat(np.cumsum(count) - count - first, count)
    x0, y0, x1, y1, glyph = x0[which], y0[which], x1[which], y1[which], owner[which]
    x = x0 + (row * step + step // 2 - y0) * (x1 - x0) // (y1 - y0)
    direction = np.where(y1 > y0, 1, -1)
    column, part = x // ONE, x % ONE
    at = base[glyph] + row * stride[glyph] + column
    change = np.bincount(at, direction * (ONE - part), base[-1] + 1)
    change += np.bincount(at + 1, direction * part, base[-1] + 1)
    filled = np.minimum(np.abs(np.cumsum(change.astype(np.int64))), ONE)
    return [
        _reduce(filled[a:b].reshape(h, _ROWS, w + 2)[:, :, :w])
        for a, b, h, w in zip(base[:-1].tolist(), base[1:].tolist(), height.tolist(), width.tolist(), strict=True)
    ]


def _reduce(filled: Integers) -> npt.NDArray[np.uint8]:
    full = ONE * _ROWS
    levels: npt.NDArray[np.uint8] = ((filled.sum(axis=1) * LEVELS + full // 2) // full).astype(np.uint8)
    return levels
