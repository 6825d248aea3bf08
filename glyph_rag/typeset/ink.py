"""Glyphs to pages: every glyph is rasterised once, kept as sparse ink, and a page is one gather and one scatter."""

from __future__ import annotations

import threading
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from glyph_rag.typeset import hexbox
from glyph_rag.typeset.fonts import BUNDLED_FONTS, HEX_BOX, Typecase, open_font, typecase
from glyph_rag.typeset.raster import ONE, Bitmap, rasterise

PHASES = 4
"""Latin glyphs are placed at quarter pixels, which keeps their spacing even and legible at small sizes."""

Levels = npt.NDArray[np.uint8]


class Inkwell:
    """The ink of every glyph used so far at the given sizes. Safe to share between threads."""

    def __init__(self, case: Typecase) -> None:
        self._case = case
        self._slots: dict[tuple[int, int, int], int] = {}
        self._lock = threading.Lock()
        self._used = 0
        self._dx, self._dy = np.zeros(4096, np.int16), np.zeros(4096, np.int16)
        self._level = np.zeros(4096, np.uint8)
        self._spans: list[tuple[int, int]] = []

    def slots(
        self, faces: npt.NDArray[np.uint8], glyphs: npt.NDArray[np.uint32], phases: npt.NDArray[np.uint8]
    ) -> npt.NDArray[np.int32]:
        """Numbers under which `draw` knows the glyphs: int32, one for each (face, glyph, phase)."""
        keys = (faces.astype(np.uint64) << np.uint64(40)) | (glyphs.astype(np.uint64) << np.uint64(8)) | phases
        unique, inverse = np.unique(keys, return_inverse=True)
        with self._lock:
            numbers = [self._slot(key >> 40, key >> 8 & 0xFFFFFFFF, key & 0xFF) for key in unique.tolist()]
        return np.array(numbers, np.int32)[inverse]

    def draw(
        self,
        slots: npt.NDArray[np.int32],
        x: npt.NDArray[np.int32],
        y: npt.NDArray[np.int32],
        width: int,
        height: int,
    ) -> Levels:
        """Draws glyphs on an empty page; where two touch, the darker ink stays.

        Args:
            slots: int32 (n,), from `slots`.
            x: int32 (n,), pen column of each glyph, in pixels.
            y: int32 (n,), baseline row of each glyph, in pixels.
            width: Page width in pixels.
            height: Page height in pixels.

        Returns:
            uint8 (height, width): 0 for paper to 15 for full ink.
        """
        page = np.zeros(height * width, np.uint8)
        if len(slots):
            with self._lock:
                spans = np.array(self._spans, np.int64)[slots]
                dx, dy, level = self._dx, self._dy, self._level
            counts = spans[:, 1]
            source = np.arange(counts.sum()) + np.repeat(spans[:, 0] - np.cumsum(counts) + counts, counts)
            column = np.repeat(x, counts) + dx[source]
            row = np.repeat(y, counts) + dy[source]
            inside = (column >= 0) & (column < width) & (row >= 0) & (row < height)
            np.maximum.at(page, (row[inside].astype(np.int64) * width + column[inside]), level[source[inside]])
        return page.reshape(height, width)

    def _slot(self, face: int, glyph: int, phase: int) -> int:
        key = (face, glyph, phase)
        if key not in self._slots:
            self._slots[key] = len(self._spans)
            self._store(self._rasterise(face, glyph, phase))
        return self._slots[key]

    def _rasterise(self, face: int, glyph: int, phase: int) -> Bitmap:
        if face == HEX_BOX:
            return Bitmap(hexbox.draw(glyph), 1, -hexbox.HEIGHT)
        return rasterise(open_font(BUNDLED_FONTS[face]), glyph, self._case.size_of(face), phase * ONE // PHASES)

    def _store(self, bitmap: Bitmap) -> None:
        rows, columns = np.nonzero(bitmap.levels)
        start, end = self._used, self._used + len(rows)
        if end > len(self._level):
            size = max(2 * len(self._level), end)
            self._dx, self._dy = np.resize(self._dx, size), np.resize(self._dy, size)
            self._level = np.resize(self._level, size)
        self._dx[start:end] = columns + bitmap.left
        self._dy[start:end] = rows + bitmap.top
        self._level[start:end] = bitmap.levels[rows, columns]
        self._spans.append((start, len(rows)))
        self._used = end


@lru_cache(maxsize=8)
def inkwell(latin_px: int, cjk_px: int) -> Inkwell:
    """The ink at these sizes, shared by everything in this process."""
    return Inkwell(typecase(latin_px, cjk_px))
