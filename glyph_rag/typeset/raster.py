"""Outlines to grey levels, in integers only.

The same outline gives the same levels on every machine and under every version of every library, which no system
rasteriser promises. Each pixel row is sampled by 16 lines; along a line the coverage is exact.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import uharfbuzz as hb

LEVELS = 15
"""Full ink."""

ONE = 4096
"""A pixel, in the rasteriser's units."""

_ROWS = 16
_CURVE_STEPS = 6

Point = tuple[int, int]


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
    """Receives a glyph's outline from HarfBuzz and keeps it as straight segments, y downwards.

    The method names are those of the fontTools pen protocol, which HarfBuzz calls.
    """

    def __init__(self, px: int, upem: int, shift: int) -> None:
        self._px, self._upem, self._shift = px, upem, shift
        self._first: Point = (0, 0)
        self._at: Point = (0, 0)
        self.segments: list[tuple[int, int, int, int]] = []

    def _place(self, point: tuple[float, float]) -> Point:
        x, y = round(point[0]), round(point[1])
        return x * self._px * ONE // self._upem + self._shift, -y * self._px * ONE // self._upem

    def _line(self, to: Point) -> None:
        if to[1] != self._at[1]:
            self.segments.append((*self._at, *to))
        self._at = to

    def moveTo(self, p: tuple[float, float]) -> None:  # noqa: N802
        self._first = self._at = self._place(p)

    def lineTo(self, p: tuple[float, float]) -> None:  # noqa: N802
        self._line(self._place(p))

    def qCurveTo(self, c: tuple[float, float], p: tuple[float, float]) -> None:  # noqa: N802
        (x0, y0), (x1, y1), (x2, y2) = self._at, self._place(c), self._place(p)
        n = _CURVE_STEPS
        for i in range(1, n + 1):
            a, b, d = (n - i) ** 2, 2 * i * (n - i), i * i
            self._line(((a * x0 + b * x1 + d * x2) // n**2, (a * y0 + b * y1 + d * y2) // n**2))

    def curveTo(self, c: tuple[float, float], d: tuple[float, float], p: tuple[float, float]) -> None:  # noqa: N802
        (x0, y0), (x1, y1), (x2, y2), (x3, y3) = self._at, self._place(c), self._place(d), self._place(p)
        n = _CURVE_STEPS
        for i in range(1, n + 1):
            j = n - i
            w0, w1, w2, w3 = j**3, 3 * i * j * j, 3 * i * i * j, i**3
            x = (w0 * x0 + w1 * x1 + w2 * x2 + w3 * x3) // n**3
            self._line((x, (w0 * y0 + w1 * y1 + w2 * y2 + w3 * y3) // n**3))

    def closePath(self) -> None:  # noqa: N802
        self._line(self._first)


def rasterise(font: hb.Font, glyph: int, px: int, shift: int) -> Bitmap:
    """Draws one glyph.

    Args:
        font: The font, in its own units.
        glyph: Glyph id.
        px: Size in pixels to the em.
        shift: Moves the glyph to the right, in 1/4096 pixel.

    Returns:
        Its levels, cropped to whole pixels around the outline.
    """
    pen = _Pen(px, font.face.upem, shift)
    font.draw_glyph_with_pen(glyph, pen)
    if not pen.segments:
        return Bitmap(np.zeros((0, 0), np.uint8), 0, 0)
    segments = np.array(pen.segments, np.int64)
    left, top = segments[:, [0, 2]].min() // ONE, segments[:, [1, 3]].min() // ONE
    right, bottom = -(-segments[:, [0, 2]].max() // ONE), -(-segments[:, [1, 3]].max() // ONE)
    segments -= np.array([left, top, left, top]) * ONE
    coverage = _coverage(segments, int(right - left), int(bottom - top))
    full = ONE * _ROWS
    return Bitmap(((coverage * LEVELS + full // 2) // full).astype(np.uint8), int(left), int(top))


def _coverage(segments: npt.NDArray[np.int64], width: int, height: int) -> npt.NDArray[np.int64]:
    """Covered area of each pixel, in units of 1 / (ONE * _ROWS): int64 (height, width).

    Every sample line is crossed by some segments, upwards or downwards. A crossing fills everything to its right; the
    running sum along the line is then the winding number, and wherever it is not zero there is ink.
    """
    step = ONE // _ROWS
    sample = np.arange(height * _ROWS, dtype=np.int64) * step + step // 2
    x0, y0, x1, y1 = (column[:, None] for column in segments.T)
    crosses = (np.minimum(y0, y1) <= sample) & (sample < np.maximum(y0, y1))
    which, row = np.nonzero(crosses)
    x0, y0, x1, y1 = segments[which].T
    x = x0 + (sample[row] - y0) * (x1 - x0) // (y1 - y0)
    direction = np.where(y1 > y0, 1, -1)
    column, part = x // ONE, x % ONE
    change = np.zeros((height * _ROWS, width + 2), np.int64)
    np.add.at(change, (row, column), direction * (ONE - part))
    np.add.at(change, (row, column + 1), direction * part)
    filled = np.minimum(np.abs(np.cumsum(change, axis=1)), ONE)[:, :width]
    covered: npt.NDArray[np.int64] = filled.reshape(height, _ROWS, width).sum(axis=1)
    return covered
