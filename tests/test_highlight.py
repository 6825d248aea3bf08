"""Words are marked where they stand, whichever way they run and on whatever paper."""

from __future__ import annotations

import re
from xml.etree import ElementTree

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from glyph_rag.corpus.document import Document
from glyph_rag.corpus.split import split
from glyph_rag.errors import ProfileError
from glyph_rag.typeset.compose.layout import Box
from glyph_rag.typeset.fields import contrast
from glyph_rag.typeset.glyphmap import glyph_map
from glyph_rag.typeset.highlight import MARKER, highlight, highlight_spans, overlay, overlay_svg
from glyph_rag.typeset.page import Page, make_pages
from glyph_rag.typeset.profile import RenderProfile

WIDE = RenderProfile(columns=1, label_px=0)
MIXED = "One שלום (two) עולם 123 three. مرحبا بالعالم end 你好世界。"
WORDS = [match.span() for match in re.finditer(r"\S+", MIXED)]
YELLOW = tuple(bytes.fromhex(MARKER[1:]))


def page_of(text: str, profile: RenderProfile = WIDE) -> Page:
    document = Document("d", text)
    ((page, _),) = make_pages(document, split(document), profile)
    return page


def columns_of(page: Page, start: int, end: int) -> list[tuple[int, int]]:
    """Left and right edge of each character in [start, end), in pixels, by the glyph map."""
    found = []
    for line in glyph_map(page)["lines"]:
        for run in line["runs"]:
            for at in range(max(start, run["start"]), min(end, run["end"])):
                edges = sorted(run["x"][at - run["start"] : at - run["start"] + 2])
                found.append((edges[0] // 64, -(-edges[1] // 64)))
    return found


@given(st.integers(0, len(WORDS) - 1), st.integers(0, len(WORDS) - 1))
@settings(max_examples=60)
def test_words_are_marked_and_no_others(one: int, other: int) -> None:
    first, last = sorted((one, other))
    start, end = WORDS[first][0], WORDS[last][1]
    page = page_of(MIXED)
    marked = np.zeros(page.layout.width, bool)
    for box in overlay(page, [(start, end)]):
        assert box.y0 < box.y1
        marked[box.x0 : box.x1] = True
    for x0, x1 in columns_of(page, start, end):
        assert marked[x0:x1].all(), "what was asked for is marked"
    for x0, x1 in columns_of(page, 0, start) + columns_of(page, end, len(MIXED)):
        assert marked[x0 + 1 : x1 - 1].sum() <= 1, "what was not is not, but for a pixel at the edge"


def test_a_word_in_the_other_direction_is_found_where_it_stands() -> None:
    page = page_of("first שלום עולם last")
    (first,), (second,) = overlay(page, [(6, 10)]), overlay(page, [(11, 15)])
    assert second.x1 < first.x0, "the second Hebrew word stands on the left of the first"
    (both,) = overlay(page, [(6, 15)])
    assert (both.x0, both.x1) == (second.x0, first.x1)
    parts = overlay(page, [(0, 10)])
    assert len(parts) == 2, "what is together in the text is apart on the line"


def test_spans_may_overlap_and_come_in_any_order() -> None:
    page = page_of("one two three four")
    assert overlay(page, [(4, 13), (0, 7), (5, 6), (9, 9)]) == overlay(page, [(0, 13)])
    assert overlay(page, []) == overlay(page, [(400, 500)]) == overlay(page, [(7, 4)]) == ()


def test_marks_show_and_the_rest_stays() -> None:
    page = page_of("one two three")
    plain = np.asarray(page.image().convert("RGB"))
    shown = np.asarray(highlight_spans(page, [(4, 7)]))
    (box,) = overlay(page, [(4, 7)])
    inside = np.zeros(plain.shape[:2], bool)
    inside[box.y0 : box.y1, box.x0 - 1 : box.x1 + 1] = True
    assert np.array_equal(shown[~inside], plain[~inside])
    paper = inside & (plain == 255).all(axis=2)
    assert (shown[paper] == YELLOW).all()
    ink = inside & (plain == 0).all(axis=2)
    assert ink.any()
    assert (shown[ink] == 0).all()


@pytest.mark.parametrize(
    ("ink", "paper", "text"),
    [("#102040", "#f4ecd8", "#102040"), ("#ffffff", "#101010", "#101010"), ("#00ff80", "#000000", "#000000")],
)
def test_marked_words_can_be_read_on_every_paper(ink: str, paper: str, text: str) -> None:
    page = page_of("one two three", RenderProfile(columns=1, label_px=0, ink=ink, paper=paper))
    shown = highlight_spans(page, [(4, 7)])
    assert shown.mode == "RGB"
    (box,) = overlay(page, [(4, 7)])
    pixels = np.asarray(shown)
    levels = page.levels()
    inside = np.zeros(levels.shape, bool)
    inside[box.y0 : box.y1, box.x0 : box.x1] = True
    assert (pixels[inside & (levels == 0)] == YELLOW).all()
    darkest = inside & (levels == levels[inside].max())
    assert np.abs(pixels[darkest].astype(int) - list(bytes.fromhex(text[1:]))).max() < 60
    assert contrast(text, MARKER) > 4.5
    assert (pixels[~inside & (levels == 0)] == list(bytes.fromhex(paper[1:]))).any()


def test_the_label_and_another_colour() -> None:
    page = page_of("one two three", RenderProfile(columns=1))
    shown = np.asarray(highlight_spans(page, [(4, 7)], "#8cf", "P1"))
    assert (shown == (0x88, 0xCC, 0xFF)).all(axis=2).any()
    (box,) = overlay(page, [(4, 7)])
    assert np.array_equal(shown[: box.y0], np.asarray(page.image("P1").convert("RGB"))[: box.y0])
    with pytest.raises(ProfileError, match="colour"):
        highlight_spans(page, [(4, 7)], "yellow")


def test_boxes_that_reach_over_the_edge_are_cut_off() -> None:
    page = page_of("one")
    shown = np.asarray(highlight(page, [Box(-5, -5, 1, 1), Box(-9, -9, -3, -3), Box(0, 5000, 10, 6000)]))
    assert (shown == YELLOW).all(axis=2).sum() == 2


def test_an_svg_shows_the_image_and_the_boxes() -> None:
    page = page_of(MIXED)
    svg = ElementTree.fromstring(overlay_svg(page, [(0, 8)], 'a"&<b.png'))
    image, *marks = list(svg)
    assert image.get("href") == 'a"&<b.png'
    assert (int(svg.get("width")), int(svg.get("height"))) == (page.layout.width, page.layout.height)
    rows = [[int(mark.get(key)) for key in ("x", "y", "width", "height")] for mark in marks]
    assert [Box(x, y, x + w, y + h) for x, y, w, h in rows] == list(overlay(page, [(0, 8)]))
    assert all(re.search("multiply", mark.get("style")) for mark in marks)
