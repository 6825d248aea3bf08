"""Where lines break: greedily, at the last opportunity that fits, and anywhere between words if there is none."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from glyph_rag.typeset.compose.setting import Setting
from glyph_rag.typeset.glyphs.fonts import LATIN
from glyph_rag.typeset.profile import RenderProfile

Integers = npt.NDArray[np.int64]

_FIELDS = 8

_INDENT = 0.6
"""Indentation takes this share of the spaces that make it up: enough to see the levels of code, and no more."""


@dataclass(frozen=True, eq=False)
class Lines:
    """The lines that texts are set in, before they have a place on a page; int64 (n,) each.

    Attributes:
        text: Which text it belongs to.
        paragraph: Which paragraph.
        first: Its first word.
        last: One past its last word.
        indent: Empty space in front of it, in pixels.
        up: Rows above its baseline.
        down: Rows below it.
        gap: Empty space above it, in pixels, unless it opens a page or a text.
        tail: Empty space below it, in pixels.
        ends: Whether a paragraph ends with it.
    """

    text: Integers
    paragraph: Integers
    first: Integers
    last: Integers
    indent: Integers
    up: Integers
    down: Integers
    gap: Integers
    tail: Integers
    ends: Integers


def number_width(profile: RenderProfile) -> int:
    """Room for line numbers beside each column, in pixels."""
    return round(3.2 * profile.latin_px) if profile.line_numbers else 0


def text_width(profile: RenderProfile) -> int:
    """Room for a line without indents, in pixels."""
    return profile.column_width - number_width(profile)


def break_lines(setting: Setting, profile: RenderProfile, *, keep_indent: bool) -> Lines:
    """Breaks texts into lines; the first of each paragraph may keep the indent it has in the source."""
    rows = _Breaker(setting, profile).rows(keep_indent=keep_indent)
    table = np.array(rows, np.int64).reshape(-1, _FIELDS)
    text, paragraph, first, last, indent, gap, tail, ends = table.T
    words, case = setting.case, setting.case.case
    if len(first):
        up = np.maximum(np.maximum.reduceat(words.up[setting.ids], first), case.above[LATIN]).astype(np.int64)
        down = np.maximum(np.maximum.reduceat(words.down[setting.ids], first), case.below[LATIN]).astype(np.int64)
    else:
        up = down = np.zeros(0, np.int64)
    return Lines(text, paragraph, first, last, indent, up, down, gap, tail, ends)


class _Breaker:
    """Finds the lines of a setting."""

    def __init__(self, setting: Setting, profile: RenderProfile) -> None:
        self._setting, self._profile = setting, profile
        width = setting.case.width[setting.ids].astype(np.int64)
        advance = width + setting.after
        position = np.cumsum(advance) - advance
        places = np.arange(len(width))
        # Of each place in the row of words, the last one up to it where a line may start.
        opening = np.maximum.accumulate(np.where(setting.opens, places, 0))
        self._position: list[int] = position.tolist()
        self._end: list[int] = (position + width).tolist()
        self._opening: list[int] = [*opening.tolist(), len(width)]

    def rows(self, *, keep_indent: bool) -> list[int]:
        """Text, paragraph, first, last, indent, gap, tail and ends of each line, one behind the other."""
        setting, profile = self._setting, self._profile
        paragraphs = setting.paragraphs
        firsts = np.searchsorted(setting.start, paragraphs[:, 1]).tolist()
        lasts = np.searchsorted(setting.start, paragraphs[:, 2]).tolist()
        texts = paragraphs[:, 0].tolist()
        before = setting.before
        room = text_width(profile) - profile.left_indent - profile.right_indent
        rows: list[int] = []
        gap = 0
        for number, (text, first, last) in enumerate(zip(texts, firsts, lasts, strict=True)):
            if first == last:
                gap = profile.paragraph_gap
                continue
            indent = min(int(before[first] * _INDENT), room // 2) if keep_indent else 0
            # Words are cut to fit a line, not a line with an indent in front.
            spare = room - (self._end[first] - self._position[first])
            opening = profile.left_indent + min(profile.first_line_indent + indent, max(0, spare))
            space = gap + profile.space_before
            at = first
            while at < last:
                after = self._stop(at, last, room - (opening - profile.left_indent))
                ends = after == last
                tail = profile.space_after if ends else 0
                rows += (text, number, at, after, opening, space, tail, ends)
                at, opening, space = after, profile.left_indent, 0
            gap = 0
        return rows

    def _stop(self, first: int, last: int, room: int) -> int:
        """One past the last word of a line that starts with word `first` and has `room` pixels."""
        fits = bisect_right(self._end, self._position[first] + room, first, last)
        if fits == last:
            return last
        opening = self._opening[fits]
        return opening if opening > first else max(fits, first + 1)
