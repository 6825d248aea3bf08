"""Pages to pixels: the columns of all words are gathered from the word case in one go.

A page is put together standing on its side, as rows of pixel columns, since the columns of words are what is at hand.
"""

from __future__ import annotations

import itertools

import numpy as np
import numpy.typing as npt

from glyph_rag.typeset.compose.layout import Layout
from glyph_rag.typeset.glyphs.ink import Levels

Integers = npt.NDArray[np.int64]


def draw(layout: Layout) -> Levels:
    """Draws a placed page.

    Returns:
        uint8 (height, width): ink, 0 for paper to 15 for black. In memory it lies column by column.
    """
    side = np.zeros((layout.width, layout.height), np.uint8)
    draw_on(side, layout)
    return side.T


def draw_on(side: Levels, layout: Layout) -> None:
    """Draws the lines of a layout on a page that stands on its side: uint8 (width, height)."""
    if not len(layout.line_box):
        return
    box, up = layout.line_box.tolist(), layout.line_up.tolist()
    groups = _groups(layout)
    left, source = _columns(layout, groups)
    for first, last in itertools.pairwise(groups):
        x, y, height = left[first], box[first][1], box[first][3] - box[first][1]
        wide = min(max(line[2] for line in box[first:last]), len(side)) - x
        # Each column of a line is one item, so that taking them in the order of the page is all there is to do.
        columns = layout.words.rows(layout.words.above - up[first], height).view(f"V{height}")[:, 0]
        taken = columns.take(source[first:last, :wide].T)
        rows = height * (last - first)
        side[x : x + wide, y : y + rows] = taken.view(np.uint8).reshape(wide, rows)


def _groups(layout: Layout) -> list[int]:
    """Where lines stop to stand evenly below one another, so that those in between can be drawn together."""
    box, up = layout.line_box, layout.line_up
    height = box[:, 3] - box[:, 1]
    same = (box[1:, 1] == box[:-1, 3]) & (height[1:] == height[:-1]) & (up[1:] == up[:-1])
    return [0, *(np.flatnonzero(~same) + 1).tolist(), len(box)]


def _columns(layout: Layout, groups: list[int]) -> tuple[list[int], Integers]:
    """Which column of the word case stands at each pixel column of each line.

    Returns:
        For each line the pixel column where its row starts, the same for all lines that are drawn together; and the
        rows, int64 (lines, longest line).
    """
    count = len(layout.line_box)
    left = np.repeat(np.minimum.reduceat(layout.line_box[:, 0], groups[:-1]), np.diff(groups))
    width = int((layout.line_box[:, 2] - left).max())
    line = np.repeat(np.arange(count), np.diff(layout.first_word))
    ids, x = layout.word_id, layout.word_x - left[line]
    end = x + layout.words.width[ids]
    if ((x[1:] < end[:-1]) & (line[1:] == line[:-1])).any():
        # Words of no width, which leave no ink either, stand in front of those that start at the same place.
        order = np.lexsort((end, x, line))
        ids, x, end = ids[order], x[order], end[order]
    # Each line is blank, word, blank, word, ... blank; the blanks come from the empty columns at the start of the case.
    inked = 2 * np.arange(len(ids)) + line + 1
    run = np.zeros(2 * len(ids) + count, np.int64)
    source = np.zeros(len(run), np.int64)
    run[inked] = end - x
    run[inked - 1] = x
    first = layout.first_word[:-1]
    later = np.ones(len(ids), bool)
    later[first] = False
    run[inked[later] - 1] -= end[:-1][later[1:]]
    last = layout.first_word[1:] - 1
    run[inked[last] + 1] = width - end[last]
    source[inked] = layout.words.column[ids] - x
    return left.tolist(), np.repeat(source, run).reshape(count, width) + np.arange(width)
