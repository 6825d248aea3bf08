"""Glyphs to strips of pixels: each is rasterised once and kept as sparse ink, and many are drawn by one scatter."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from glyph_rag.typeset.glyphs import hexbox
from glyph_rag.typeset.glyphs.fonts import CJK, HEX_BOX, PEN, Typecase
from glyph_rag.typeset.glyphs.raster import ONE, Bitmap, Cut, rasterise

PHASES = 4
"""Letters are placed at quarter pixels, which keeps their spacing even and legible at small sizes."""

_AT_A_TIME = 64
"""Glyphs rasterised together: enough to share the cost of array operations, few enough to stay in a CPU's cache."""

Levels = npt.NDArray[np.uint8]


class Inkwell:
    """The ink of every glyph used so far. Not safe to share between threads: its owner holds a lock."""

    def __init__(self, case: Typecase) -> None:
        self._case = case
        self._slots: dict[int, int] = {}
        self._used = 0
        self._dx, self._dy = np.zeros(4096, np.int16), np.zeros(4096, np.int16)
        self._level = np.zeros(4096, np.uint8)
        self._first = np.zeros(256, np.int64)
        self._count = np.zeros(256, np.int64)

    def draw(
        self,
        face: npt.NDArray[np.uint8],
        glyph: npt.NDArray[np.uint32],
        size: npt.NDArray[np.uint8],
        x: npt.NDArray[np.int64],
        y: npt.NDArray[np.int64],
        columns: int,
        above: int,
        below: int,
    ) -> Levels:
        """Draws glyphs side by side on a strip; where two touch, the darker ink stays.

        Args:
            face: uint8 (g,), faces of the typecase, or `HEX_BOX`.
            glyph: uint32 (g,), glyph ids, or code points for hex boxes.
            size: uint8 (g,), sizes of type.
            x: int64 (g,), pen positions in 1/64 pixel.
            y: int64 (g,), rise above the baseline in 1/64 pixel.
            columns: Length of the strip in pixels.
            above: Rows of the strip above the baseline; ink that would stand higher is drawn on the topmost.
            below: Rows below it, likewise.

        Returns:
            uint8 (columns, above + below): one row of the array for each pixel column of the strip, top to bottom.
        """
        rows = above + below
        strip = np.zeros(columns * rows, np.uint8)
        if not len(face):
            return strip.reshape(columns, rows)
        quarters = (x + PEN // PHASES // 2) // (PEN // PHASES)
        whole = (size == CJK) | (face == HEX_BOX)
        quarters[whole] = (x[whole] + PEN // 2) // PEN * PHASES
        slots = self._slots_of(face, glyph, size, (quarters % PHASES).astype(np.uint8))
        counts = self._count[slots]
        source = np.arange(counts.sum()) + np.repeat(self._first[slots] - np.cumsum(counts) + counts, counts)
        column = np.repeat(quarters // PHASES, counts) + self._dx[source]
        row = np.repeat(above - (y + PEN // 2) // PEN, counts) + self._dy[source]
        at = np.clip(column, 0, columns - 1) * rows + np.clip(row, 0, rows - 1)
        np.maximum.at(strip, at, self._level[source])
        return strip.reshape(columns, rows)

    def _slots_of(
        self,
        face: npt.NDArray[np.uint8],
        glyph: npt.NDArray[np.uint32],
        size: npt.NDArray[np.uint8],
        phase: npt.NDArray[np.uint8],
    ) -> npt.NDArray[np.int64]:
        keys = glyph.astype(np.int64) << 24 | face.astype(np.int64) << 16 | size.astype(np.int64) << 8 | phase
        unique, inverse = np.unique(keys, return_inverse=True)
        names = unique.tolist()
        fresh = [key for key in names if key not in self._slots]
        for key, bitmap in zip(fresh, self._rasterise(fresh), strict=True):
            self._slots[key] = len(self._slots)
            self._store(self._slots[key], bitmap)
        return np.array([self._slots[key] for key in names], np.int64)[inverse]

    def _rasterise(self, keys: list[int]) -> list[Bitmap]:
        cuts, boxes = [], {}
        for number, key in enumerate(keys):
            glyph, face, size, phase = key >> 24, key >> 16 & 0xFF, key >> 8 & 0xFF, key & 0xFF
            if face == HEX_BOX:
                boxes[number] = Bitmap(hexbox.draw(glyph), 1, -hexbox.HEIGHT)
            else:
                cuts.append(Cut(self._case.font(face), glyph, *self._case.em(size), phase * ONE // PHASES))
        drawn = (bitmap for at in range(0, len(cuts), _AT_A_TIME) for bitmap in rasterise(cuts[at : at + _AT_A_TIME]))
        return [boxes[number] if number in boxes else next(drawn) for number in range(len(keys))]

    def _store(self, slot: int, bitmap: Bitmap) -> None:
        rows, columns = np.nonzero(bitmap.levels)
        start, end = self._used, self._used + len(rows)
        if end > len(self._level):
            size = max(2 * len(self._level), end)
            self._dx, self._dy = np.resize(self._dx, size), np.resize(self._dy, size)
            self._level = np.resize(self._level, size)
        if slot >= len(self._first):
            self._first, self._count = np.resize(self._first, 2 * slot), np.resize(self._count, 2 * slot)
        self._dx[start:end] = columns + bitmap.left
        self._dy[start:end] = rows + bitmap.top
        self._level[start:end] = bitmap.levels[rows, columns]
        self._first[slot], self._count[slot] = start, len(rows)
        self._used = end
