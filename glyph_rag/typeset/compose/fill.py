"""Lines to pages: which lines stand on which page, and where."""

from __future__ import annotations

import re
from collections.abc import Generator, Iterator, Sequence
from typing import NamedTuple

import numpy as np

from glyph_rag.typeset.compose.layout import Layout
from glyph_rag.typeset.compose.lines import break_lines, text_width
from glyph_rag.typeset.compose.place import Columns, Galley, Height, place
from glyph_rag.typeset.compose.setting import set_texts
from glyph_rag.typeset.glyphs.words import word_case
from glyph_rag.typeset.profile import RenderProfile

_BATCH = 40_000
"""Characters set at a time: enough for a few pages, so that array operations pay."""


class PageSpan(NamedTuple):
    """What stands on a page: blocks [first, last) and, in the document, the characters [start, end)."""

    first: int
    last: int
    start: int
    end: int


class Sheet:
    """A page that is being filled.

    Attributes:
        columns: What of it is taken.
        galleys: What stands on it.
        cut: Whether only a part of some block stands on it.
    """

    def __init__(self, profile: RenderProfile) -> None:
        self.columns = Columns(profile.columns, profile.column_height)
        self.galleys: list[Galley] = []
        self.cut = False

    def put_all(self, galley: Galley, gap: int) -> bool:
        """Puts all lines of a galley if there is room for them; otherwise nothing changes."""
        fits = self.columns.put_all(galley.stack(gap))
        if fits:
            self.galleys.append(galley)
        return fits

    def put(self, galley: Galley, limit: int, gap: int) -> int:
        """Puts lines of a galley up to line `limit`, and returns one past the last that fits."""
        last = galley.first + len(self.columns.put(galley.stack(gap)[: limit - galley.first]))
        if last > galley.first:
            self.galleys.append(galley.part(galley.first, last))
        return last

    @property
    def span(self) -> PageSpan:
        """What stands on it."""
        first, last = self.galleys[0], self.galleys[-1]
        return PageSpan(first.block, last.block + 1, first.start, last.end)


class Filler:
    """Turns blocks of text into pages.

    A block opens a new page when it does not fit on the current one but would fit on an empty one; a block larger
    than a page is cut between lines, and then belongs to several pages.
    """

    def __init__(self, profile: RenderProfile, *, code: bool) -> None:
        """Sets text under a profile; lines of program code are never joined."""
        self._profile = profile
        self._mono = code and profile.code_font == "mono"
        self._flow = profile.newline == "flow"
        self._join = not code and profile.newline != "keep"

    def pages(self, blocks: Sequence[tuple[int, str]]) -> Iterator[tuple[PageSpan, Layout | None]]:
        """Fills pages with consecutive blocks of one document.

        Args:
            blocks: Offset in the document and text of each block, in order.

        Yields:
            The pages, in order. A page of whole blocks comes with its layout; one with a part of a block does not, as
            it is to be set by nothing but what stands on it. Blocks of nothing but white space stand on no page.
        """
        sheet, gap = Sheet(self._profile), self._profile.paragraph_gap
        for galley in self._galleys(blocks):
            if len(blocks[galley.block][1]) <= _BATCH:
                if sheet.put_all(galley, gap):
                    continue
                following = Sheet(self._profile)
                if following.put_all(galley, gap):
                    yield self._finish(sheet)
                    sheet = following
                    continue
            sheet = yield from self._cut(galley, *blocks[galley.block], sheet)
        if sheet.galleys:
            yield self._finish(sheet)

    def layout(self, blocks: Sequence[tuple[int, str]]) -> Layout:
        """Places the blocks of one page.

        Args:
            blocks: Offset in the document and text of each block, or of the part of it that stands on this page.

        Returns:
            The layout, with columns of about equal height, cropped to the patch grid around its lines.
        """
        return place(self._set(list(enumerate(blocks))), self._profile, word_case(self._profile, self._mono))

    def _finish(self, sheet: Sheet) -> tuple[PageSpan, Layout | None]:
        words = sheet.galleys[0].setting.case
        if sheet.cut or any(galley.setting.case is not words for galley in sheet.galleys):
            return sheet.span, None
        return sheet.span, place(sheet.galleys, self._profile, words)

    def _galleys(self, blocks: Sequence[tuple[int, str]]) -> Iterator[Galley]:
        """The blocks, set some tens of thousands of characters at a time; of a longer block, only the beginning."""
        batch: list[tuple[int, tuple[int, str]]] = []
        size = 0
        for number, (offset, text) in enumerate(blocks):
            batch.append((number, (offset, text[:_BATCH])))
            size += len(text)
            if size >= _BATCH:
                yield from self._set(batch)
                batch, size = [], 0
        yield from self._set(batch)

    def _cut(
        self, galley: Galley, offset: int, text: str, sheet: Sheet
    ) -> Generator[tuple[PageSpan, Layout | None], None, Sheet]:
        """Spreads a block over pages, and returns the last of them.

        After a cut the rest is set anew, as if it began there: so is the page when it is drawn.
        """
        at, window, gap = 0, _BATCH, self._profile.paragraph_gap
        while True:
            complete = at + window >= len(text)
            # How the last line of a window ends is not known before the text behind it is.
            limit = galley.last if complete else max(galley.first + 1, galley.last - 1)
            last = sheet.put(galley, limit, gap)
            sheet.cut = True
            if last == limit and complete:
                return sheet
            if last > galley.first:
                stop = galley.part(galley.first, last).end - offset
                at, window = _resume(text, stop), max(_BATCH // 8, (stop - at) * 5 // 4)
            if last < limit:
                yield self._finish(sheet)
                sheet = Sheet(self._profile)
            gap = 0
            rest = self._set([(galley.block, (offset + at, text[at : at + window]))])
            while not rest and at + window < len(text):
                at += window
                rest = self._set([(galley.block, (offset + at, text[at : at + window]))])
            if not rest:
                return sheet
            (galley,) = rest

    def _set(self, blocks: Sequence[tuple[int, tuple[int, str]]]) -> list[Galley]:
        if not blocks:
            return []
        words = word_case(self._profile, self._mono)
        texts, room = [text for _, (_, text) in blocks], text_width(self._profile)
        setting = set_texts(texts, words, flow=self._flow, join=self._join, room=room)
        lines = break_lines(setting, self._profile, keep_indent=not self._flow)
        heights: list[Height] = list(
            zip((lines.up + lines.down).tolist(), lines.gap.tolist(), lines.tail.tolist(), strict=True)
        )
        bounds = np.searchsorted(lines.text, np.arange(len(blocks) + 1)).tolist()
        return [
            Galley(setting, lines, heights, bounds[at], bounds[at + 1], number, offset - int(setting.offsets[at]))
            for at, (number, (offset, _)) in enumerate(blocks)
            if bounds[at] < bounds[at + 1]
        ]


def _resume(text: str, stop: int) -> int:
    """Where the text goes on behind a line that ends at `stop`: the next source line, or the next word of this one."""
    blank = re.compile(r"\s*").match(text, stop)
    end = blank.end() if blank else stop
    newline = text.find("\n", stop, end)
    return end if newline < 0 else newline + 1
