"""Pages with some of their words marked."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from glyph_rag.typeset.layout import Box
from glyph_rag.typeset.page import Page

if TYPE_CHECKING:
    from PIL import Image

_MARKER = (255, 226, 92)


def highlight(page: Page, boxes: Iterable[Box]) -> Image.Image:
    """Draws a page as an RGB Pillow image with the given rectangles marked as with a felt pen; the ink stays black."""
    from PIL import Image, ImageChops

    paper = Image.new("RGB", (page.layout.width, page.layout.height), "white")
    for box in boxes:
        paper.paste(_MARKER, (box.x0 - 1, box.y0, box.x1 + 1, box.y1))
    return ImageChops.multiply(page.image().convert("RGB"), paper)
