"""The glyph map of a page as JSON, so that anyone can draw on its image. docs/render.md describes the format."""

from __future__ import annotations

import json
from typing import Final, Literal, TypedDict

import numpy as np
import numpy.typing as npt

from glyph_rag.typeset.compose.layout import Layout
from glyph_rag.typeset.glyphs.fonts import PEN
from glyph_rag.typeset.page import Page

GLYPH_MAP_VERSION: Final = 1
"""Raised whenever a program that reads these maps would have to change."""

Integers = npt.NDArray[np.int64]


class RunMap(TypedDict):
    """Characters that stand side by side and run in one direction: words with the white space between them.

    Attributes:
        box: x0, y0, x1, y1 in pixels, half-open, from the top left corner of the page.
        start: First character, as an offset into the document.
        end: One past the last character.
        direction: Whether it runs from left to right or from right to left.
        x: In 1/64 pixel, the edge at which each character starts and then the edge at which the last one ends: so
            one more than there are characters. Falling from right to left. Characters that share a glyph share its
            width; a combining mark has none; of several blanks, the first has all the width.
    """

    box: list[int]
    start: int
    end: int
    direction: Literal["ltr", "rtl"]
    x: list[int]


class LineMap(TypedDict):
    """One line of a page.

    Attributes:
        box: x0, y0, x1, y1 in pixels, half-open, from the top left corner of the page.
        start: First character, as an offset into the document.
        end: One past the last character.
        source_line: The document's line on which it begins, counted from 1.
        runs: Its runs, in the order of the text. Between them is nothing but white space.
    """

    box: list[int]
    start: int
    end: int
    source_line: int
    runs: list[RunMap]


class PageMap(TypedDict):
    """Which character stands where on a page.

    Attributes:
        version: `GLYPH_MAP_VERSION`.
        page: The page's id.
        document: The document's id.
        source: The document's path or URI.
        profile: Fingerprint of the profile under which the page was set.
        width: Width of the image in pixels.
        height: Its height.
        start: Offset of the page's first character in the document. Offsets count code points.
        end: One past the last character.
        text: The document's text from `start` to `end`.
        lines: Its lines, in the order of the text.
    """

    version: int
    page: str
    document: str
    source: str
    profile: str
    width: int
    height: int
    start: int
    end: int
    text: str
    lines: list[LineMap]


def glyph_map(page: Page) -> PageMap:
    """The glyph map of a page."""
    layout = page.layout
    return {
        "version": GLYPH_MAP_VERSION,
        "page": page.id,
        "document": page.document_id,
        "source": page.source,
        "profile": page.profile.fingerprint,
        "width": layout.width,
        "height": layout.height,
        "start": page.start,
        "end": page.end,
        "text": page.text,
        "lines": _lines(page) if len(layout.line_box) else [],
    }


def to_json(page_map: PageMap) -> str:
    """A glyph map as JSON on one line. Characters are written as they are, but for halves of surrogate pairs."""
    text = json.dumps(page_map, ensure_ascii=False, separators=(",", ":"))
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def _lines(page: Page) -> list[LineMap]:
    layout = page.layout
    runs, first_run = _runs(layout)
    starts = layout.word_start[layout.first_word[:-1]]
    ends = layout.word_end[layout.first_word[1:] - 1].tolist()
    numbers = (_source_lines(page, starts - page.start) + page.first_line).tolist()
    rows = zip(layout.line_box.tolist(), starts.tolist(), ends, numbers, first_run, first_run[1:], strict=False)
    return [
        {"box": box, "start": start, "end": end, "source_line": number, "runs": runs[first:last]}
        for box, start, end, number, first, last in rows
    ]


def _source_lines(page: Page, offsets: Integers) -> Integers:
    """How many newlines the page's text has before each offset: int64 (n,)."""
    codes = np.frombuffer(page.text.encode("utf-32-le", "surrogatepass"), np.uint32)
    return np.searchsorted(np.flatnonzero(codes == ord("\n")), offsets, side="left").astype(np.int64)


def _runs(layout: Layout) -> tuple[list[RunMap], list[int]]:
    """All runs of a page, and for each line the number of its first one, followed by the number of runs."""
    pens, word_pens = _pens(layout)
    opens = _opens(layout)
    first = np.flatnonzero(opens)
    last = np.append(first[1:], len(opens)) - 1
    # Where a run goes on without a blank, the edge at which a word ends is the one at which the next begins. With
    # blanks, it is where the first of them begins, and the others take no room in front of the next word.
    blanks = np.where(opens[1:], 1, layout.word_start[1:] - layout.word_end[:-1])
    times = np.ones(len(pens), np.int64)
    times[word_pens[1:-1] - 1] = blanks > 0
    times[word_pens[1:-1]] = np.maximum(blanks, 1)
    bounds = np.append((np.cumsum(times) - times)[word_pens[first]], times.sum())
    edges = np.repeat(pens, times)
    rtl = np.zeros(len(first), bool) if layout.rtl is None else layout.rtl[first]
    line = np.repeat(layout.line_box[:, [1, 3]], np.diff(layout.first_word), axis=0)[first]
    left = np.minimum.reduceat(edges, bounds[:-1]) // PEN
    right = -(-np.maximum.reduceat(edges, bounds[:-1]) // PEN)
    boxes = np.column_stack([left, line[:, 0], right, line[:, 1]]).tolist()
    starts, ends = layout.word_start[first].tolist(), layout.word_end[last].tolist()
    flat, at = edges.tolist(), bounds.tolist()
    runs: list[RunMap] = [
        {"box": box, "start": start, "end": end, "direction": "rtl" if back else "ltr", "x": flat[low:high]}
        for box, start, end, back, low, high in zip(boxes, starts, ends, rtl.tolist(), at, at[1:], strict=False)
    ]
    return runs, np.append(np.cumsum(opens) - opens, len(first))[layout.first_word].tolist()


def _pens(layout: Layout) -> tuple[Integers, Integers]:
    """The pen positions of all words, one word after the other, and where among them each word begins.

    Returns:
        int64 (n,) in 1/64 pixel from the left edge of the page; int64 (words + 1,).
    """
    count = layout.word_end - layout.word_start + 1
    begin = np.append(0, np.cumsum(count))
    at = np.repeat(layout.words.pen[layout.word_id] - begin[:-1], count) + np.arange(begin[-1])
    return layout.words.pens[at] + np.repeat(layout.word_x * PEN, count), begin


def _opens(layout: Layout) -> npt.NDArray[np.bool_]:
    """Which words begin a run: bool (words,)."""
    opens = np.zeros(len(layout.word_x), bool)
    opens[layout.first_word[:-1]] = True
    if layout.rtl is not None:
        line = np.repeat(np.arange(len(layout.line_box)), np.diff(layout.first_word))
        place = np.empty(len(opens), np.int64)
        place[np.lexsort((layout.word_x, line))] = np.arange(len(opens))
        # The next word of the text stands next to this one only if it runs the same way as the text between them.
        beside = np.diff(place) == np.where(layout.rtl[1:], -1, 1)
        opens[1:] |= (layout.rtl[1:] != layout.rtl[:-1]) | ~beside
    return opens
