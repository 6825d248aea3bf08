"""Lines to places: the glyph map of one page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from glyph_rag.typeset.compose.layout import Layout
from glyph_rag.typeset.compose.lines import Lines, number_width, text_width
from glyph_rag.typeset.compose.setting import Setting
from glyph_rag.typeset.glyphs.words import WordCase
from glyph_rag.typeset.profile import RenderProfile
from glyph_rag.typeset.unicode import bidi

Integers = npt.NDArray[np.int64]


Height: TypeAlias = tuple[int, int, int]
"""What a line takes of a column, in pixels: its own height, space above it (none at the top), space below it."""


@dataclass(frozen=True, eq=False)
class Galley:
    """Lines [first, last) of a setting, which belong to one block.

    Attributes:
        setting: The words.
        lines: The lines.
        heights: What each line of the setting takes.
        first: First line.
        last: One past the last line.
        block: Number of the block.
        shift: What to add to an offset into the setting's texts to get an offset into the document.
    """

    setting: Setting
    lines: Lines
    heights: list[Height]
    first: int
    last: int
    block: int
    shift: int

    def stack(self, gap: int) -> list[Height]:
        """What its lines take, with at least `gap` above the first."""
        line, above, tail = self.heights[self.first]
        return [(line, max(gap, above), tail), *self.heights[self.first + 1 : self.last]]

    def part(self, first: int, last: int) -> Galley:
        """Some of its lines."""
        return Galley(self.setting, self.lines, self.heights, first, last, self.block, self.shift)

    @property
    def start(self) -> int:
        """First character, white space in front of it included that stands on the same source line."""
        return int(self.setting.origin[self.lines.first[self.first]]) + self.shift

    @property
    def end(self) -> int:
        """One past the last character."""
        return int(self.setting.end[self.lines.last[self.last - 1] - 1]) + self.shift


class Columns:
    """The columns of one page, filled top to bottom and left to right."""

    def __init__(self, count: int, height: int) -> None:
        self._count, self._height = count, height
        self._column, self._used = 0, 0

    def put(self, lines: Sequence[Height]) -> list[tuple[int, int]]:
        """Puts lines as long as there is room, and returns the column and top of those that have found it."""
        places, self._column, self._used = self._places(lines)
        return places

    def put_all(self, lines: Sequence[Height]) -> bool:
        """Puts lines if there is room for all of them; otherwise nothing changes."""
        places, column, used = self._places(lines)
        if len(places) < len(lines):
            return False
        self._column, self._used = column, used
        return True

    def _places(self, lines: Sequence[Height]) -> tuple[list[tuple[int, int]], int, int]:
        column, used, height = self._column, self._used, self._height
        places = []
        for line, gap, tail in lines:
            top = used + gap if used else 0
            if used and top + line > height:
                if column + 1 == self._count:
                    break
                column, top = column + 1, 0
            places.append((column, top))
            used = top + line + tail
        return places, column, used


def place(galleys: Sequence[Galley], profile: RenderProfile, words: WordCase) -> Layout:
    """Places lines on one page.

    Args:
        galleys: The lines; all that fit on the page, in order.
        profile: Page size.
        words: The case that all their words are from.

    Returns:
        The layout, with columns of about equal height, cropped to the patch grid around its lines.
    """
    if not galleys:
        return _blank(profile, words)
    height, places = _balance(galleys, profile)
    column, top = np.array(places, np.int64).T
    parts = [_Rows(run, profile) for run in _joined(galleys)]
    up, down = np.concatenate([part.up for part in parts]), np.concatenate([part.down for part in parts])
    ids = np.concatenate([part.ids for part in parts])
    per_line = np.concatenate([part.per_line for part in parts])
    first_word = np.concatenate([[0], np.cumsum(per_line)])
    block = np.repeat([galley.block for galley in galleys], [galley.last - galley.first for galley in galleys])
    if 2 * sum(int(part.right_to_left.sum()) for part in parts) > len(per_line):
        # Who reads lines from the right starts with the column on the right.
        column = column.max() - column
    column_left = profile.margin_x + number_width(profile) + column * (profile.column_width + profile.gutter)
    x = np.concatenate([part.x for part in parts]) + np.repeat(column_left, per_line)
    right_edge = x + words.width[ids]
    y = profile.margin_y + profile.label_px + top
    left, right = np.minimum.reduceat(x, first_word[:-1]), np.maximum.reduceat(right_edge, first_word[:-1])
    return Layout(
        width=_width(int(right.max()), profile),
        height=height,
        words=words,
        word_id=ids,
        word_start=np.concatenate([part.start for part in parts]),
        word_end=np.concatenate([part.end for part in parts]),
        word_x=x,
        first_word=first_word,
        line_box=np.stack([left, y, right, y + up + down], 1),
        line_left=column_left,
        line_up=up,
        line_block=block - galleys[0].block,
        rtl=_directions(parts),
    )


def _directions(parts: Sequence[_Rows]) -> npt.NDArray[np.bool_] | None:
    if not any(part.rtl.any() for part in parts):
        return None
    return np.concatenate([part.rtl if len(part.rtl) else np.zeros(len(part.ids), bool) for part in parts])


def _blank(profile: RenderProfile, words: WordCase) -> Layout:
    none = np.zeros(0, np.int64)
    return Layout(
        _width(0, profile), profile.patch, words, none.astype(np.int32), none, none, none, np.zeros(1, np.int64),
        np.zeros((0, 4), np.int64), none, none, none, None,
    )  # fmt: skip


def _width(right: int, profile: RenderProfile) -> int:
    if not profile.crop_width:
        return profile.width
    patches = max(1, -(-(right + profile.margin_x) // profile.patch))
    return min(patches * profile.patch, profile.width)


def _balance(galleys: Sequence[Galley], profile: RenderProfile) -> tuple[int, list[tuple[int, int]]]:
    """The least page height, in whole patches, that holds all the lines, and the column and top of each of them."""
    lines = [line for galley in galleys for line in galley.stack(profile.paragraph_gap)]
    border = 2 * profile.margin_y + profile.label_px
    patch = profile.patch
    most = profile.height // patch
    least = max(1, (sum(line for line, _, _ in lines) // profile.columns + border) // patch)
    rows = min(least, most) if profile.crop_height else most
    # A column takes its first line however high it is, so there has to be room for the highest.
    rows = max(rows, -(-(max(line for line, _, _ in lines) + border) // patch))
    while True:
        places = Columns(profile.columns, rows * patch - border).put(lines)
        if len(places) == len(lines):
            return rows * patch, places
        rows += 1


def _joined(galleys: Sequence[Galley]) -> list[list[Galley]]:
    """The galleys in runs whose lines follow one another in one setting."""
    runs: list[list[Galley]] = []
    for galley in galleys:
        if runs and runs[-1][-1].setting is galley.setting and runs[-1][-1].last == galley.first:
            runs[-1].append(galley)
        else:
            runs.append([galley])
    return runs


class _Rows:
    """The words of some lines: numbers, spans in the document, and how far each stands from the left of its column."""

    def __init__(self, galleys: Sequence[Galley], profile: RenderProfile) -> None:
        setting, lines = galleys[0].setting, galleys[0].lines
        pick = slice(galleys[0].first, galleys[-1].last)
        first, last = lines.first[pick], lines.last[pick]
        words = slice(int(first[0]), int(last[-1]))
        self.up, self.down, self.per_line = lines.up[pick], lines.down[pick], last - first
        self.ids = setting.ids[words]
        counts = [int(lines.last[galley.last - 1] - lines.first[galley.first]) for galley in galleys]
        shift = np.repeat([galley.shift for galley in galleys], counts)
        self.start, self.end = setting.start[words] + shift, setting.end[words] + shift
        self.rtl = np.zeros(0, bool) if setting.level is None else setting.level[words] % 2 > 0
        begins, ends = first - first[0], last - first[0] - 1
        width = setting.case.width[self.ids].astype(np.int64)
        after = setting.after[words].copy()
        after[ends] = 0
        line_of = np.repeat(np.arange(len(first)), self.per_line)
        indent = lines.indent[pick]
        room = text_width(profile) - profile.right_indent
        advance = width + after
        length = np.add.reduceat(advance, begins)
        if profile.align == "justify":
            advance = _justify(advance, after, room - indent - length, lines.ends[pick] > 0, line_of)
            length = np.add.reduceat(advance, begins)
        position = np.cumsum(advance) - advance
        self.x = position - position[begins][line_of]
        left = indent + _aligned(room - indent - length, profile)
        self.right_to_left = np.zeros(0, bool)
        if setting.level is not None and setting.base is not None:
            self.right_to_left = setting.base[lines.paragraph[pick]] % 2 > 0
            # What starts at the right edge is indented there.
            left = np.where(self.right_to_left, room - length - left, left)
            order = _Order(setting.level[words], setting.level_after[words], width, advance)
            order.arrange(self.x, begins, ends, line_of)
        self.x += np.maximum(left, 0)[line_of]


class _Order:
    """The order in which the words of lines are seen that do not run from left to right alone."""

    def __init__(
        self, level: npt.NDArray[np.uint8], between: npt.NDArray[np.uint8], width: Integers, advance: Integers
    ) -> None:
        self._level, self._between, self._width, self._space = level, between, width, advance - width

    def arrange(self, x: Integers, begins: Integers, ends: Integers, line_of: Integers) -> None:
        """Moves words from where they stand in the order of the text to where they are seen; changes `x`."""
        between = self._between.copy()
        between[ends] = self._level[ends]
        least = np.minimum(np.minimum.reduceat(self._level, begins), np.minimum.reduceat(between, begins))
        most = np.maximum(np.maximum.reduceat(self._level, begins), np.maximum.reduceat(between, begins))
        length = x[ends] + self._width[ends]
        reversed_ = ((least == most) & (most % 2 > 0))[line_of]
        x[reversed_] = (length[line_of] - x - self._width)[reversed_]
        for number in np.flatnonzero(least != most).tolist():
            first, last = int(begins[number]), int(ends[number]) + 1
            # Words and the white space between them take turns.
            levels, sizes = np.empty(2 * (last - first) - 1, np.uint8), np.empty(2 * (last - first) - 1, np.int64)
            levels[::2], levels[1::2] = self._level[first:last], between[first : last - 1]
            sizes[::2], sizes[1::2] = self._width[first:last], self._space[first : last - 1]
            order = bidi.visual_order(levels)
            left = np.empty(len(levels), np.int64)
            left[order] = np.cumsum(sizes[order]) - sizes[order]
            x[first:last] = left[::2]


def _aligned(slack: Integers, profile: RenderProfile) -> Integers:
    """How much of the space that is left in each line goes in front of it."""
    if profile.align == "right":
        return slack
    return slack // 2 if profile.align == "center" else np.zeros_like(slack)


def _justify(
    advance: Integers, after: Integers, slack: Integers, ends: npt.NDArray[np.bool_], line_of: Integers
) -> Integers:
    """Shares what is left of each line out among its spaces; the last line of a paragraph stays as it is."""
    spaces = after > 0
    count = np.bincount(line_of, spaces, len(slack)).astype(np.int64)
    share = np.where(ends | (count == 0), 0, np.maximum(slack, 0))
    number: Integers = np.cumsum(spaces) - spaces
    number -= number[np.searchsorted(line_of, np.arange(len(slack)))][line_of]
    each, rest = share // np.maximum(count, 1), share % np.maximum(count, 1)
    extra = each[line_of] + (number < rest[line_of])
    return advance + np.where(spaces, extra, 0)
