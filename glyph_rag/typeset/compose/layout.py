"""A page as geometry: which character stands where.

The glyph map is kept in arrays, one entry for each word and each line; `Layout.lines` spells it out as objects. Boxes
are half-open integer pixels from the top left corner; spans are half-open characters of the document.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from glyph_rag.typeset.glyphs.fonts import PEN
from glyph_rag.typeset.glyphs.words import WordCase

Integers = npt.NDArray[np.int64]


class Box(NamedTuple):
    """A rectangle of pixels: x0 <= x < x1, y0 <= y < y1, origin top left."""

    x0: int
    y0: int
    x1: int
    y1: int


@dataclass(frozen=True, eq=False)
class Run:
    """Characters that stand side by side and run in one direction: a word, or a part of one.

    Attributes:
        box: Where it stands.
        start: First character, as an offset into the document.
        end: One past the last character.
        rtl: Whether it runs from right to left.
        pens: int64 (end - start + 1,): where each character starts, and where the last one ends, in 1/64 pixel; falling
            if it runs from right to left.
    """

    box: Box
    start: int
    end: int
    rtl: bool
    pens: Integers


@dataclass(frozen=True, eq=False)
class Line:
    """One line of a page.

    Attributes:
        box: Where it stands; as high as the line is.
        start: First character, as an offset into the document.
        end: One past the last character.
        block: Index of the block (chunk) of the page that it belongs to.
        runs: Its runs, in the order of the text. Between them is nothing but white space.
    """

    box: Box
    start: int
    end: int
    block: int
    runs: tuple[Run, ...]


@dataclass(frozen=True, eq=False)
class Layout:
    """One page, placed but not drawn.

    Attributes:
        width: Page width in pixels, a multiple of the profile's patch.
        height: Page height in pixels, likewise.
        words: Where the words of the page are cast.
        word_id: int32 (w,): the words, in the order of the text.
        word_start: int64 (w,): first character of each, as an offset into the document.
        word_end: int64 (w,): one past its last character.
        word_x: int64 (w,): its left edge.
        first_word: int64 (lines + 1,): the first word of each line, and the number of words.
        line_box: int64 (lines, 4): x0, y0, x1, y1 of each line.
        line_left: int64 (lines,): left edge of its column.
        line_up: int64 (lines,): rows above its baseline.
        line_block: int64 (lines,): the block it belongs to.
        rtl: bool (w,): which words run from right to left, or None if none does.
    """

    width: int
    height: int
    words: WordCase = field(repr=False)
    word_id: npt.NDArray[np.int32] = field(repr=False)
    word_start: Integers = field(repr=False)
    word_end: Integers = field(repr=False)
    word_x: Integers = field(repr=False)
    first_word: Integers = field(repr=False)
    line_box: Integers = field(repr=False)
    line_left: Integers = field(repr=False)
    line_up: Integers = field(repr=False)
    line_block: Integers = field(repr=False)
    rtl: npt.NDArray[np.bool_] | None = field(repr=False)

    @property
    def missing(self) -> int:
        """How many characters no font could draw; they stand on the page as hex boxes."""
        return int(self.words.missing[self.word_id].sum())

    @cached_property
    def lines(self) -> tuple[Line, ...]:
        """The glyph map as objects."""
        return tuple(self._line(number) for number in range(len(self.line_box)))

    def _line(self, number: int) -> Line:
        box = Box(*self.line_box[number].tolist())
        first, last = self.first_word[number : number + 2].tolist()
        runs = tuple(self._run(word, box) for word in range(first, last))
        return Line(box, runs[0].start, runs[-1].end, int(self.line_block[number]), runs)

    def _run(self, word: int, line: Box) -> Run:
        pens = self._pens(word)
        left, right = int(pens.min()) // PEN, -(-int(pens.max()) // PEN)
        rtl = self.rtl is not None and bool(self.rtl[word])
        box = Box(left, line.y0, right, line.y1)
        return Run(box, int(self.word_start[word]), int(self.word_end[word]), rtl, pens)

    def _pens(self, word: int) -> Integers:
        pen = int(self.words.pen[self.word_id[word]])
        count = int(self.word_end[word] - self.word_start[word]) + 1
        pens: Integers = self.words.pens[pen : pen + count] + self.word_x[word] * PEN
        return pens

    def lines_of(self, start: int, end: int) -> tuple[Box, ...]:
        """The boxes of the whole lines on which any of the characters [start, end) of the document stands."""
        first, last = self._line_range(start, end)
        return tuple(Box(*box) for box in self.line_box[first:last].tolist())

    def boxes_of(self, start: int, end: int) -> tuple[Box, ...]:
        """The rectangles of the characters [start, end) of the document.

        One for each line they stand on; more where the line runs in both directions and they are not together.
        """
        first, last = self._line_range(start, end)
        return tuple(box for number in range(first, last) for box in self._boxes_on(number, start, end))

    def _line_range(self, start: int, end: int) -> tuple[int, int]:
        if end <= start or not len(self.line_box):
            return 0, 0
        starts = self.word_start[self.first_word[:-1]]
        ends = self.word_end[self.first_word[1:] - 1]
        return int(np.searchsorted(ends, start, side="right")), int(np.searchsorted(starts, end, side="left"))

    def _boxes_on(self, number: int, start: int, end: int) -> Iterator[Box]:
        first, last = self.first_word[number : number + 2].tolist()
        _, top, _, bottom = self.line_box[number].tolist()
        marked: list[_Extent] = []
        # Words in the order in which they stand: what is marked side by side gets one box.
        for word in (np.argsort(self.word_x[first:last], kind="stable") + first).tolist():
            extent = self._extent(word, start, end)
            if marked and (extent is None or not marked[-1].to_right or not extent.from_left):
                yield Box(marked[0].left, top, max(part.right for part in marked), bottom)
                marked = []
            if extent is not None:
                marked.append(extent)
        if marked:
            yield Box(marked[0].left, top, max(part.right for part in marked), bottom)

    def _extent(self, word: int, start: int, end: int) -> _Extent | None:
        """Where those characters of a word stand that are in [start, end), or None."""
        begin = int(self.word_start[word])
        a, b = max(start - begin, 0), min(end, int(self.word_end[word])) - begin
        if a >= b:
            return None
        pens = self._pens(word)
        left, right = sorted((int(pens[a]), int(pens[b])))
        return _Extent(left // PEN, -(-right // PEN), left == int(pens.min()), right == int(pens.max()))


class _Extent(NamedTuple):
    """A part of a word: its left and right edge in pixels, and whether it goes from the word's left or to its right."""

    left: int
    right: int
    from_left: bool
    to_right: bool
