"""Pages with some of their words marked."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape
from typing import TYPE_CHECKING, Final

import numpy as np

from glyph_rag.typeset.compose.layout import Box
from glyph_rag.typeset.fields import colour_of, contrast
from glyph_rag.typeset.page import Page

if TYPE_CHECKING:
    from PIL import Image

MARKER: Final = "#ffe25c"
"""The colour of a felt pen."""


def highlight(page: Page, boxes: Iterable[Box], colour: str = MARKER, label: str = "") -> Image.Image:
    """Draws a page with rectangles marked as with a felt pen.

    Inside the marks the paper has the marker's colour, and the text that of the page's ink or of its paper, whichever
    stands out more: so light text on a dark page can be read where it is marked.

    Args:
        page: The page.
        boxes: What to mark, in pixels. They are made a pixel wider on either side; what is outside the page is left.
        colour: The marker, "#rrggbb".
        label: What to call the page in the strip at its top, if the profile has one.

    Returns:
        An RGB Pillow image, as large as the page.

    Raises:
        ProfileError: If `colour` is no colour.
    """
    from PIL import Image

    marker = colour_of("colour", colour)
    ink = max((page.profile.ink, page.profile.paper), key=lambda text: contrast(text, marker))
    pixels = np.array(page.image(label).convert("RGB"))
    levels = page.levels(label)
    marked = np.zeros(levels.shape, bool)
    for box in boxes:
        marked[max(0, box.y0) : max(0, box.y1), max(0, box.x0 - 1) : max(0, box.x1 + 1)] = True
    pixels[marked] = _blend(marker, ink)[levels[marked]]
    return Image.fromarray(pixels)


def highlight_spans(page: Page, spans: Sequence[tuple[int, int]], colour: str = MARKER, label: str = "") -> Image.Image:
    """Draws a page with some words of its document marked.

    Args:
        page: The page.
        spans: Half-open spans of the document, in characters. What stands on other pages is passed over.
        colour: The marker, "#rrggbb".
        label: What to call the page in the strip at its top, if the profile has one.

    Returns:
        An RGB Pillow image, as large as the page.

    Raises:
        ProfileError: If `colour` is no colour.
    """
    return highlight(page, overlay(page, spans), colour, label)


def overlay(page: Page, spans: Sequence[tuple[int, int]]) -> tuple[Box, ...]:
    """The rectangles of some words of the document on a page, in pixels, for drawing over its image.

    Args:
        page: The page.
        spans: Half-open spans of the document, in characters, in any order. They may overlap.

    Returns:
        The boxes, in the order of the text: one for each line and span, more where a line runs in both directions.
    """
    return tuple(box for start, end in _joined(spans) for box in page.boxes_of(start, end))


def overlay_svg(page: Page, spans: Sequence[tuple[int, int]], image: str, colour: str = MARKER) -> str:
    """An SVG picture that shows a page's image and marks some words of the document on it.

    Args:
        page: The page.
        spans: Half-open spans of the document, in characters.
        image: Where the page's image is: a path or a URL.
        colour: The marker, "#rrggbb".

    Raises:
        ProfileError: If `colour` is no colour.
    """
    size = f'width="{page.layout.width}" height="{page.layout.height}"'
    # As multiply does: light colours of the image take on the marker's, black stays.
    style = f'fill="{colour_of("colour", colour)}" style="mix-blend-mode:multiply"'
    marks = [
        f'<rect x="{box.x0}" y="{box.y0}" width="{box.x1 - box.x0}" height="{box.y1 - box.y0}" {style}/>'
        for box in overlay(page, spans)
    ]
    drawing = [f'<svg xmlns="http://www.w3.org/2000/svg" {size}>', f'<image href="{escape(image)}" {size}/>', *marks]
    return "\n".join([*drawing, "</svg>"]) + "\n"


def _joined(spans: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """The spans in order, with those that overlap or touch made one."""
    joined: list[tuple[int, int]] = []
    for start, end in sorted(span for span in spans if span[0] < span[1]):
        if joined and start <= joined[-1][1]:
            joined[-1] = joined[-1][0], max(end, joined[-1][1])
        else:
            joined.append((start, end))
    return joined


def _blend(paper: str, ink: str) -> np.ndarray[tuple[int, int], np.dtype[np.uint8]]:
    """uint8 (16, 3): the colour of each level of ink."""
    light, dark = (np.array(list(bytes.fromhex(colour[1:])), np.int64) for colour in (paper, ink))
    level = np.arange(16)[:, None]
    return ((light * (15 - level) + dark * level + 7) // 15).astype(np.uint8)
