"""What stands on a page beside its text: the strip with the page's label, and line numbers."""

from __future__ import annotations

import dataclasses
from bisect import bisect_right
from functools import lru_cache

import numpy as np

from glyph_rag.typeset.compose.fill import Filler
from glyph_rag.typeset.compose.layout import Layout
from glyph_rag.typeset.draw import draw
from glyph_rag.typeset.glyphs.ink import Levels
from glyph_rag.typeset.glyphs.words import word_case
from glyph_rag.typeset.profile import RenderProfile

_LABEL_SIZE = 0.8
_NUMBER_SIZE = 0.75
_SMALLEST = 6.0
_NUMBER_GAP = 3


@lru_cache(maxsize=16)
def _small(profile: RenderProfile, latin_px: float, line: int) -> RenderProfile:
    """The profile with all type at one small size, on one column, without furniture of its own."""
    size = max(_SMALLEST, round(latin_px * 4) / 4)
    line = max(line, -(-round(size * 4) // 4))
    return dataclasses.replace(
        profile, latin_px=size, latin_line=line, cjk_px=size, cjk_line=line, complex_px=size, complex_line=line,
        mono_px=size, mono_line=line, columns=1, newline="keep", align="left", first_line_indent=0, left_indent=0,
        right_indent=0, space_before=0, space_after=0, label_px=0, line_numbers=False, crop_width=True,
    )  # fmt: skip


def draw_label(side: Levels, label: str, profile: RenderProfile) -> None:
    """Draws a page's label in the strip at its top; a label that is too long loses its middle.

    Args:
        side: uint8 (width, height): the page, standing on its side.
        label: One line of text.
        profile: The page's profile.
    """
    if not label or not profile.label_px:
        return
    small = _small(profile, _LABEL_SIZE * profile.label_px, profile.label_px)
    filler = Filler(small, code=False)
    label = " ".join(label.split())
    room = len(side) - 2 * profile.margin_x

    def fits(count: int) -> bool:
        layout = filler.layout([(0, _shortened(label, count))])
        return len(layout.line_box) == 1 and int(layout.line_box[0, 2]) - profile.margin_x <= room

    # A character is a pixel wide at least: of a source as long as a book, no more has to be set to see what fits.
    count = min(len(label), room)
    if not fits(count):
        count = 2 + bisect_right(range(3, count), False, key=lambda count: not fits(count))
    layout = filler.layout([(0, _shortened(label, count))])
    strip = draw(layout).T
    _, top, right, bottom = layout.line_box[0].tolist()
    rows = min(bottom - top, profile.label_px)
    right = min(right, len(side))
    y = profile.margin_y // 2
    side[:right, y : y + rows] = np.maximum(side[:right, y : y + rows], strip[:right, top : top + rows])


def _shortened(label: str, count: int) -> str:
    """The first and last characters of a label, `count` in all, with an ellipsis for what is left out."""
    if count >= len(label):
        return label
    kept = label[: (count + 1) // 2] + label[len(label) - count // 2 :]
    return f"{kept[: count // 2]}…{kept[count // 2 :]}"


def draw_line_numbers(
    side: Levels, layout: Layout, profile: RenderProfile, text: str, start: int, first_line: int
) -> None:
    """Writes the number of each source line beside the line of the page on which it begins.

    Args:
        side: uint8 (width, height): the page, standing on its side.
        layout: The page's layout.
        profile: The page's profile.
        text: The page's text.
        start: Offset of the text in the document.
        first_line: The number of the source line that the text starts on.
    """
    if not profile.line_numbers:
        return
    small = _small(profile, _NUMBER_SIZE * profile.latin_px, profile.latin_line)
    words = word_case(small, False)
    words.case.look_up(np.arange(ord("0"), ord("9") + 1, dtype=np.uint32))
    number, counted, shown = first_line, 0, first_line - 1
    for line, (_, top, _, _) in enumerate(layout.line_box.tolist()):
        offset = int(layout.word_start[layout.first_word[line]]) - start
        number += text.count("\n", counted, offset)
        counted = offset
        if number == shown:
            continue
        shown = number
        (word,) = words.find([str(number)], rtl=False)
        width, column = int(words.width[word]), int(words.column[word])
        right = int(layout.line_left[line]) - _NUMBER_GAP
        baseline = top + int(layout.line_up[line])
        up, down = int(words.up[word]), int(words.down[word])
        low = max(0, baseline - up)
        left = max(0, right - width)
        rows = words.columns[column : column + right - left, words.above - (baseline - low) : words.above + down]
        side[left:right, low : baseline + down] = rows
