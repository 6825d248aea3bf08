"""Text of PDF pages that is not painted, or painted so that nobody sees it."""

from __future__ import annotations

import ctypes
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, TypeAlias

from glyph_rag.corpus.hidden import RGB, SMALLEST_PT, is_faint

if TYPE_CHECKING:
    from pypdfium2 import PdfMatrix, PdfPage
    from pypdfium2.raw import FPDF_PAGE, FPDF_PAGEOBJECT, FPDF_TEXTPAGE

__all__ = ["remove_hidden"]

_Rectangle: TypeAlias = tuple[float, float, float, float]
"""Left, bottom, right and top, in points of the page."""

_WHITE: RGB = (255, 255, 255)
_TRANSPARENT = 12  # of 255
_SCAN_SHARE = 0.5
_DEEPEST = 15


@dataclass(frozen=True, eq=False)
class _Placed:
    """An object of a page.

    Attributes:
        raw: PDFium's handle.
        kind: `FPDF_PAGEOBJ_TEXT` or another of these.
        owner: The page, or the form that it is a part of.
        is_nested: Whether the owner is a form.
        matrix: Turns the owner's coordinates into those of the page.
    """

    raw: FPDF_PAGEOBJECT
    kind: int
    owner: FPDF_PAGE | FPDF_PAGEOBJECT
    is_nested: bool
    matrix: PdfMatrix

    @cached_property
    def bounds(self) -> _Rectangle:
        from pypdfium2.raw import FPDFPageObj_GetBounds

        sides = [ctypes.c_float() for _ in range(4)]
        if not FPDFPageObj_GetBounds(self.raw, *sides):
            return 0.0, 0.0, 0.0, 0.0
        left, bottom, right, top = (side.value for side in sides)
        if not self.is_nested:
            return left, bottom, right, top
        corners = [self.matrix.on_point(x, y) for x in (left, right) for y in (bottom, top)]
        xs, ys = [x for x, _ in corners], [y for _, y in corners]
        return min(xs), min(ys), max(xs), max(ys)

    @cached_property
    def fill(self) -> tuple[RGB, int] | None:
        """Colour and opacity (0 to 255) of what is filled, or None for patterns."""
        from pypdfium2.raw import FPDFPageObj_GetFillColor

        parts = [ctypes.c_uint() for _ in range(4)]
        if not FPDFPageObj_GetFillColor(self.raw, *parts):
            return None
        red, green, blue, opacity = (part.value for part in parts)
        return (red, green, blue), opacity

    @cached_property
    def text_mode(self) -> int:
        from pypdfium2.raw import FPDFTextObj_GetTextRenderMode

        return int(FPDFTextObj_GetTextRenderMode(self.raw))

    def remove(self) -> None:
        """Takes it out of the page, in memory."""
        from pypdfium2.raw import FPDFFormObj_RemoveObject, FPDFPage_RemoveObject, FPDFPageObj_Destroy

        remove = FPDFFormObj_RemoveObject if self.is_nested else FPDFPage_RemoveObject
        if remove(self.owner, self.raw):
            FPDFPageObj_Destroy(self.raw)


def remove_hidden(page: PdfPage) -> int:
    """Takes text that is not seen out of a page, in memory; returns how many characters that were.

    Not seen is text that is outside of the page, transparent, smaller than `SMALLEST_PT`, in the colour of white paper
    or of a light surface that it stands on, or in render mode 3 (ISO 32000-2, 9.3.6). Text in render mode 3 stays on a
    page that is a scan: images cover half of it, and less text is painted than not, which is what OCR found.
    """
    from pypdfium2.raw import FPDF_PAGEOBJ_TEXT, FPDF_TEXTRENDERMODE_INVISIBLE

    objects = list(_objects(page))
    texts = [thing for thing in objects if thing.kind == FPDF_PAGEOBJ_TEXT]
    unpainted = [text for text in texts if text.text_mode == FPDF_TEXTRENDERMODE_INVISIBLE]
    painted = [text for text in texts if text.text_mode != FPDF_TEXTRENDERMODE_INVISIBLE]
    area = page.get_bbox()
    hidden = [text for text in painted if _is_clear(text) or _is_tiny(text) or _share_inside(text.bounds, area) == 0]
    hidden += _in_the_colour_of_their_ground(objects, [text for text in painted if text not in set(hidden)])
    if not hidden and not unpainted:
        return 0
    text_page = page.get_textpage()
    try:
        if unpainted and not _is_scan(objects, painted, unpainted, area, text_page.raw):
            hidden += unpainted
        removed = _length(hidden, text_page.raw)
    finally:
        text_page.close()
    for text in hidden:
        text.remove()
    return removed


def _objects(page: PdfPage) -> Iterator[_Placed]:
    """Everything on a page in the order of painting, forms taken apart."""
    from pypdfium2 import PdfMatrix, raw

    def below(owner: FPDF_PAGE | FPDF_PAGEOBJECT, matrix: PdfMatrix, level: int) -> Iterator[_Placed]:
        count = raw.FPDFFormObj_CountObjects if level else raw.FPDFPage_CountObjects
        get = raw.FPDFFormObj_GetObject if level else raw.FPDFPage_GetObject
        for number in range(count(owner)):
            thing = get(owner, number)
            kind = raw.FPDFPageObj_GetType(thing)
            if kind != raw.FPDF_PAGEOBJ_FORM:
                yield _Placed(thing, kind, owner, level > 0, matrix)
            elif level < _DEEPEST:
                yield from below(thing, _matrix(thing).multiply(matrix), level + 1)

    return below(page.raw, PdfMatrix(), 0)


def _matrix(thing: FPDF_PAGEOBJECT) -> PdfMatrix:
    from pypdfium2 import PdfMatrix
    from pypdfium2.raw import FS_MATRIX, FPDFPageObj_GetMatrix

    matrix = FS_MATRIX()
    return PdfMatrix.from_raw(matrix) if FPDFPageObj_GetMatrix(thing, matrix) else PdfMatrix()


def _is_clear(text: _Placed) -> bool:
    from pypdfium2.raw import FPDF_TEXTRENDERMODE_FILL

    return text.text_mode == FPDF_TEXTRENDERMODE_FILL and text.fill is not None and text.fill[1] <= _TRANSPARENT


def _is_tiny(text: _Placed) -> bool:
    from pypdfium2.raw import FPDFTextObj_GetFontSize

    left, bottom, right, top = text.bounds
    if min(right - left, top - bottom) > 2 * SMALLEST_PT:
        return False
    size = ctypes.c_float()
    if not FPDFTextObj_GetFontSize(text.raw, size):
        return False
    matrix = _matrix(text.raw).multiply(text.matrix)
    return abs(size.value) * math.sqrt(abs(matrix.a * matrix.d - matrix.b * matrix.c)) < SMALLEST_PT


def _in_the_colour_of_their_ground(objects: Sequence[_Placed], texts: Sequence[_Placed]) -> list[_Placed]:
    """Of these texts those in white or nearly white that stand on paper, or on a surface as light."""
    import numpy as np
    from pypdfium2.raw import FPDF_PAGEOBJ_TEXT, FPDF_TEXTRENDERMODE_FILL

    light = {t for t in texts if t.text_mode == FPDF_TEXTRENDERMODE_FILL and t.fill and is_faint(t.fill[0], _WHITE)}
    if not light:
        return []
    grounds = [(place, thing) for place, thing in enumerate(objects) if thing.kind != FPDF_PAGEOBJ_TEXT]
    grounds = [(place, thing) for place, thing in grounds if _is_filled(thing)]
    places = np.array([place for place, _ in grounds], np.int64)
    left, bottom, right, top = np.array([thing.bounds for _, thing in grounds], np.float64).reshape(-1, 4).T
    found = []
    for place, text in enumerate(objects):
        if text not in light or text.fill is None:
            continue
        x, y = (text.bounds[0] + text.bounds[2]) / 2, (text.bounds[1] + text.bounds[3]) / 2
        beneath = np.flatnonzero((places < place) & (left <= x) & (x <= right) & (bottom <= y) & (y <= top))
        paper = _colour(grounds[int(beneath[-1])][1]) if len(beneath) else _WHITE
        if paper is not None and is_faint(text.fill[0], paper):
            found.append(text)
    return found


def _is_filled(thing: _Placed) -> bool:
    """Whether an object covers what is beneath it: a path that is only stroked does not."""
    from pypdfium2.raw import FPDF_FILLMODE_NONE, FPDF_PAGEOBJ_PATH, FPDFPath_GetDrawMode

    if thing.kind != FPDF_PAGEOBJ_PATH:
        return True
    mode, stroked = ctypes.c_int(), ctypes.c_int()
    if not FPDFPath_GetDrawMode(thing.raw, mode, stroked) or mode.value == FPDF_FILLMODE_NONE:
        return False
    return thing.fill is None or thing.fill[1] > _TRANSPARENT


def _colour(thing: _Placed) -> RGB | None:
    """The colour of a surface; None for pictures and patterns."""
    from pypdfium2.raw import FPDF_PAGEOBJ_PATH

    return thing.fill[0] if thing.kind == FPDF_PAGEOBJ_PATH and thing.fill is not None else None


def _is_scan(
    objects: Sequence[_Placed],
    painted: Sequence[_Placed],
    unpainted: Sequence[_Placed],
    area: _Rectangle,
    text_page: FPDF_TEXTPAGE,
) -> bool:
    from pypdfium2.raw import FPDF_PAGEOBJ_IMAGE

    pictured = sum(_share_inside(thing.bounds, area) for thing in objects if thing.kind == FPDF_PAGEOBJ_IMAGE)
    return pictured >= _SCAN_SHARE and _length(painted, text_page) < _length(unpainted, text_page)


def _share_inside(bounds: _Rectangle, area: _Rectangle) -> float:
    """How much of a page an object covers, 0 to 1; a hair at least for all that touches it."""
    width = min(bounds[2], area[2]) - max(bounds[0], area[0])
    height = min(bounds[3], area[3]) - max(bounds[1], area[1])
    if width < 0 or height < 0:
        return 0.0
    return max(1e-9, width * height / max(1.0, (area[2] - area[0]) * (area[3] - area[1])))


def _length(texts: Sequence[_Placed], text_page: FPDF_TEXTPAGE) -> int:
    from pypdfium2.raw import FPDFTextObj_GetText

    # In bytes of UTF-16, with a zero behind each text.
    return sum(max(0, FPDFTextObj_GetText(text.raw, text_page, None, 0) // 2 - 1) for text in texts)
