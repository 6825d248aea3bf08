"""Pages as geometry: which character stands where.

The glyph map is `Layout.lines`: each line has runs, each run has a pixel box, a span of the document and the column
of every character. Boxes are half-open integer pixels from the top left corner; spans are half-open characters of the
document.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from glyph_rag.errors import ProfileError
from glyph_rag.typeset.fonts import BUNDLED_FONTS, HEX_BOX, NO_INK, PEN, Typecase, typecase
from glyph_rag.typeset.ink import PHASES, Levels, inkwell
from glyph_rag.typeset.lines import SetText, break_lines, set_text
from glyph_rag.typeset.profile import RenderProfile


class Box(NamedTuple):
    """A rectangle of pixels: x0 <= x < x1, y0 <= y < y1, origin top left."""

    x0: int
    y0: int
    x1: int
    y1: int


@dataclass(frozen=True, eq=False)
class Run:
    """Characters of one line that are set in one face.

    Attributes:
        box: Where it stands.
        start: First character, as an offset into the document.
        end: One past the last character.
        pens: int64 (end - start + 1,): where each character starts, and where the last one ends, in 1/64 pixel.
    """

    box: Box
    start: int
    end: int
    pens: npt.NDArray[np.int64]

    def column(self, offset: int) -> int:
        """The pixel column where the character at `offset` of the document starts, or the end of the run."""
        return int(self.pens[min(max(offset, self.start), self.end) - self.start]) // PEN


@dataclass(frozen=True, eq=False)
class Line:
    """One line of a page.

    Attributes:
        box: Where it stands; as high as the line is.
        start: First character, as an offset into the document.
        end: One past the last character.
        block: Index of the block (chunk) of the page that it belongs to.
        runs: Its runs, in the order of the text.
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
        lines: The glyph map.
        missing: How many characters no font could draw; they stand on the page as hex boxes.
    """

    width: int
    height: int
    lines: tuple[Line, ...]
    missing: int

    def boxes_of(self, start: int, end: int) -> tuple[Box, ...]:
        """The rectangles of the characters [start, end) of the document, one for each line they stand on."""
        boxes = []
        for line in self.lines:
            parts = [run for run in line.runs if run.start < end and start < run.end]
            if parts:
                boxes.append(Box(parts[0].column(start), line.box.y0, parts[-1].column(end), line.box.y1))
        return tuple(boxes)


@dataclass(frozen=True)
class _SetLine:
    """A line before it has a place on a page.

    Attributes:
        start: First character of the source line if it opens one, white space included; offset into the block.
        ink: First character that is no white space.
        end: One past the last character that is no white space.
        height: In pixels.
        gap: Empty space above it, in pixels, unless it opens a page or a block.
    """

    start: int
    ink: int
    end: int
    height: int
    gap: int


def _set_lines(text: str, measured: SetText, case: Typecase, profile: RenderProfile, flow: bool) -> list[_SetLine]:
    cjk = np.array([font.cjk for font in BUNDLED_FONTS] + [False] * (256 - len(BUNDLED_FONTS)))
    tall = np.concatenate([[0], np.cumsum(cjk[case.face[measured.codes]])])
    lines, gap = [], 0
    for start, ink, end in break_lines(text, measured, profile.column_width, flow=flow):
        if ink == end:
            gap = profile.paragraph_gap
        else:
            height = profile.cjk_line if tall[end] > tall[ink] else profile.latin_line
            lines.append(_SetLine(start, ink, end, height, gap))
            gap = 0
    return lines


class PageSpan(NamedTuple):
    """What stands on a page: blocks [first, last) and, in the document, the characters [start, end)."""

    first: int
    last: int
    start: int
    end: int


class _Filler:
    """Puts lines into the columns of one page, top to bottom and left to right."""

    def __init__(self, columns: int, height: int) -> None:
        self._columns, self.height = columns, height
        self.column, self.used = 0, 0

    @property
    def empty(self) -> bool:
        return not self.column and not self.used

    def put(self, height: int, gap: int) -> tuple[int, int] | None:
        """Column and top of a line with a gap above it (none at the top of a column), or None if the page is full."""
        if self.used and self.used + gap + height > self.height:
            if self.column + 1 == self._columns:
                return None
            self.column, self.used = self.column + 1, 0
        top = self.used + gap if self.used else 0
        self.used = top + height
        return self.column, top

    def takes(self, lines: Sequence[_SetLine], gap: int) -> bool:
        """Whether all these lines fit on what is left of the page, the first with `gap` above it."""
        trial = _Filler(self._columns, self.height)
        trial.column, trial.used = self.column, self.used
        return all(trial.put(line.height, line.gap if at else gap) is not None for at, line in enumerate(lines))


def paginate(blocks: Sequence[tuple[int, str]], profile: RenderProfile, *, flow: bool) -> Iterator[PageSpan]:
    """Fills pages with consecutive blocks of one document.

    A block opens a new page when it does not fit on the current one but would fit on an empty one; a block larger
    than a page is cut between lines, and then belongs to several pages.

    Args:
        blocks: Offset in the document and text of each block, in order.
        profile: Page size and type sizes.
        flow: Whether paragraphs that are broken into lines may be set as one; see `lines.source_lines`.

    Yields:
        The pages, in order. Blocks of nothing but white space stand on none.
    """
    case = typecase(profile.latin_px, profile.cjk_px)
    filler, page = _empty_page(profile), PageSpan(0, 0, 0, 0)
    for number, (offset, text) in enumerate(blocks):
        lines = _set_lines(text, set_text(text, case), case, profile, flow)
        fits = filler.takes(lines, profile.paragraph_gap)
        if not filler.empty and not fits and _empty_page(profile).takes(lines, 0):
            yield page
            filler = _empty_page(profile)
        for at, line in enumerate(lines):
            opens = filler.empty
            if filler.put(line.height, line.gap if at else profile.paragraph_gap) is None:
                yield page
                filler, opens = _empty_page(profile), True
                filler.put(line.height, 0)
            if opens:
                page = PageSpan(number, number, offset + line.start, 0)
            page = page._replace(last=number + 1, end=offset + line.end)
    if not filler.empty:
        yield page


def _empty_page(profile: RenderProfile) -> _Filler:
    return _Filler(profile.columns, profile.column_height)


def place(blocks: Sequence[tuple[int, str]], profile: RenderProfile, *, flow: bool) -> Layout:
    """Places the blocks of one page.

    Args:
        blocks: Offset in the document and text of each block, or of the part of it that stands on this page.
        profile: Page size and type sizes.
        flow: As given to `paginate`.

    Returns:
        The layout, with columns of about equal height, cropped to the patch grid around its lines.
    """
    case = typecase(profile.latin_px, profile.cjk_px)
    texts = [set_text(text, case) for _, text in blocks]
    set_blocks = [
        _set_lines(text, measured, case, profile, flow) for (_, text), measured in zip(blocks, texts, strict=True)
    ]
    height, places = _balance(set_blocks, profile)
    lines: list[Line] = []
    for number, ((offset, _), measured) in enumerate(zip(blocks, texts, strict=True)):
        for line in set_blocks[number]:
            column, top = places[len(lines)]
            x = profile.margin + column * (profile.column_width + profile.gutter)
            lines.append(_place_line(line, measured, case, offset, number, x, profile.margin + top, profile))
    right = max((line.box.x1 for line in lines), default=0) + profile.margin
    width = min(max(1, -(-right // profile.patch)) * profile.patch, profile.width)
    missing = sum(int(np.count_nonzero(case.face[measured.codes] == HEX_BOX)) for measured in texts)
    return Layout(width, height, tuple(lines), missing)


def _balance(blocks: Sequence[Sequence[_SetLine]], profile: RenderProfile) -> tuple[int, list[tuple[int, int]]]:
    """The least page height, in whole patches, that holds all the lines, and the column and top of each of them."""
    lines = [
        (line.height, line.gap if at else profile.paragraph_gap) for block in blocks for at, line in enumerate(block)
    ]
    needed = sum(height for height, _ in lines) // profile.columns + 2 * profile.margin
    for rows in range(max(1, needed // profile.patch), profile.height // profile.patch + 1):
        filler = _Filler(profile.columns, rows * profile.patch - 2 * profile.margin)
        places = [filler.put(height, gap) for height, gap in lines]
        # A column takes its first line however low it is, so the last row counts too.
        fits = all(
            top + height <= filler.height for (_, top), (height, _) in zip(filter(None, places), lines, strict=False)
        )
        if fits and None not in places:
            return rows * profile.patch, [place for place in places if place is not None]
    raise ProfileError(f"{len(lines)} lines do not fit on one page", hint="the blocks of a page come from `paginate`")


def _place_line(
    line: _SetLine,
    measured: SetText,
    case: Typecase,
    offset: int,
    block: int,
    x: int,
    y: int,
    profile: RenderProfile,
) -> Line:
    indent = min(int(measured.pens[line.ink] - measured.pens[line.start]), profile.column_width * PEN // 2)
    pens = measured.pens[line.ink : line.end + 1] - measured.pens[line.ink] + indent + x * PEN
    faces = case.face[measured.codes[line.ink : line.end]]
    inked = np.flatnonzero(faces != NO_INK)
    turns = inked[1:][faces[inked[1:]] != faces[inked[:-1]]].tolist()
    bounds = [0, *turns, line.end - line.ink]
    start = offset + line.ink
    runs = tuple(
        Run(
            Box(int(pens[a]) // PEN, y, -(-int(pens[b]) // PEN), y + line.height),
            start + a,
            start + b,
            pens[a : b + 1],
        )
        for a, b in itertools.pairwise(bounds)
    )
    box = Box(runs[0].box.x0, y, runs[-1].box.x1, y + line.height)
    return Line(box, start, offset + line.end, block, runs)


def draw(layout: Layout, text: str, offset: int, profile: RenderProfile) -> Levels:
    """Draws a placed page.

    Args:
        layout: Where everything stands.
        text: The page's text.
        offset: Offset of the page's text in the document.
        profile: The profile it was placed under.

    Returns:
        uint8 (height, width): ink, 0 for paper to 15 for black.
    """
    if not layout.lines:
        return np.zeros((layout.height, layout.width), np.uint8)
    case, ink = typecase(profile.latin_px, profile.cjk_px), inkwell(profile.latin_px, profile.cjk_px)
    page = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), np.uint32)
    runs = [run for line in layout.lines for run in line.runs]
    codes = np.concatenate([page[run.start - offset : run.end - offset] for run in runs])
    pens = np.concatenate([run.pens[:-1] for run in runs])
    rows = np.repeat([_baseline(run.box, profile) for run in runs], [run.end - run.start for run in runs])
    face = case.face[codes]
    drawn = face != NO_INK
    codes, face, pens, rows = codes[drawn], face[drawn], pens[drawn], rows[drawn]
    whole = np.isin(face, [i for i, font in enumerate(BUNDLED_FONTS) if font.cjk] + [HEX_BOX])
    pens = np.where(whole, (pens + PEN // 2) // PEN * PEN, pens)
    slots = ink.slots(face, case.glyph[codes], (pens % PEN * PHASES // PEN).astype(np.uint8))
    return ink.draw(slots, (pens // PEN).astype(np.int32), rows.astype(np.int32), layout.width, layout.height)


def _baseline(box: Box, profile: RenderProfile) -> int:
    """Row of the baseline: a quarter of the em is left below it for descenders."""
    px = profile.latin_px if box.y1 - box.y0 == profile.latin_line else profile.cjk_px
    return box.y1 - round(px / 4)
