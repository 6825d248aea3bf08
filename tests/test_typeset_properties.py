"""Whatever the text and the profile: nothing is lost, nothing overlaps, and the same text gives the same page."""

from __future__ import annotations

import dataclasses
import itertools
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from glyph_rag.corpus.document import Chunk, Document, Format
from glyph_rag.corpus.split import split
from glyph_rag.typeset.compose.layout import Layout, Line
from glyph_rag.typeset.glyphs import words as word_cases
from glyph_rag.typeset.glyphs.fonts import PEN
from glyph_rag.typeset.page import Page, make_pages
from glyph_rag.typeset.profile import RenderProfile

SMALL = RenderProfile(width=280, height=140)
PROFILES = [
    SMALL,
    dataclasses.replace(SMALL, columns=1, newline="keep", line_numbers=True, align="justify"),
    dataclasses.replace(SMALL, width=420, columns=3, newline="flow", align="right", gutter=6),
    dataclasses.replace(SMALL, columns=2, newline="flow", label_px=0, align="justify", crop_height=False),
    dataclasses.replace(SMALL, columns=1, newline="paragraph", align="center", crop_width=False, crop_height=False),
    dataclasses.replace(SMALL, columns=2, newline="keep", code_font="mono", line_numbers=True, label_px=0),
    dataclasses.replace(
        SMALL, columns=1, align="justify", newline="paragraph", left_indent=12, first_line_indent=-12, right_indent=5,
        space_before=3, space_after=2, horizontal_scale=90, latin_px=8.25, latin_line=9,
    ),
]  # fmt: skip

PIECES = [
    "word", "über-lang", "你好", "世界。", "「引用」", "カタカナー", "한국어", "\n", "\n\n", "\r\n", "\u2028", "\u2029",
    "\x85", "\x0b", "\x0c", "\t", "  ", "\u3000", "\u00a0", "\u2009", "a" * 90, "0123456789" * 30, "漢" * 200,
    "ا" * 70, "ก" * 120, "\u0301", "e" + "\u0301" * 14, "\u200b", "\u200d", "\u200c", "\u2060",
    "\ufeff", "\u00ad", "\x00", "\x1b", "\x7f", "\ud800", "\udfff", "\U000e0041", "\ue000", "\U0010ffff", "\u0378",
    "👩‍👩‍👧‍👦", "👍🏽", "🇩🇪🇫", "❤️", "1️⃣", "שלום", "(עברית)", "אבגabc", "العربية", "بَعْضًا", "١٢٣", "\u202e", "\u2067",
    "\u2069", "\u200f", "می‌خواهم", "หนังสือ", "हिन्दी", "क्ष्म्य", "தமிழ்", "ភាសាខ្មែរ", "မြန်မာ", "བོད་ཡིག", "ᄒ\u1161\u11ab",
    "ᠮᠣᠩᠭᠣᠯ", "def f(x):", "    return x", "```", "| a | b |", "a  b   c", "https://example.org/a-b_c?d=e&f=g#h",
]  # fmt: skip

characters = st.one_of(st.characters(), st.characters(categories=["Cs", "Cc", "Cf", "Mn", "Zs", "Zl", "Zp"]))
texts = st.one_of(
    st.text(characters, max_size=300),
    st.lists(st.sampled_from(PIECES), max_size=40).map(" ".join),
    st.lists(st.one_of(st.sampled_from(PIECES), st.text(characters, max_size=4)), max_size=60).map("".join),
)
profiles = st.sampled_from(PROFILES)
formats: st.SearchStrategy[Format] = st.sampled_from(["text", "code"])


def pages_of(text: str, profile: RenderProfile, kind: Format = "text", *, cut: bool = False) -> list[Page]:
    document = Document("d", text, format=kind)
    chunks = split(document, target=200) if cut else [_whole(text)] * bool(text.strip())
    return [page for page, _ in make_pages(document, chunks, profile)]


def _whole(text: str) -> Chunk:
    start, end = len(text) - len(text.lstrip()), len(text.rstrip())
    return Chunk("c", "d", start, end, text[start:end])


def arrays_of(layout: Layout) -> dict[str, np.ndarray]:
    """Everything that decides how a page looks, but for the numbers that words happen to have."""
    names = ("word_start", "word_end", "word_x", "first_word", "line_box", "line_left", "line_up", "line_block")
    found = {name: getattr(layout, name) for name in names}
    found["rtl"] = np.zeros(len(layout.word_id), bool) if layout.rtl is None else layout.rtl
    found["size"] = np.array([layout.width, layout.height])
    return found


def assert_equal(one: Layout, other: Layout) -> None:
    theirs = arrays_of(other)
    for name, values in arrays_of(one).items():
        assert np.array_equal(values, theirs[name]), name


@given(texts, profiles, formats, st.booleans())
@example("\x00\ud800\u200d👩\u200d👩\u200d👧\ufe0f\t\r\n\x85\u2028x", SMALL, "text", False)
@example("٠ ٠", SMALL, "text", False)
@example("x" * 3000, SMALL, "code", False)
@example("\n" * 300 + "x", PROFILES[1], "text", True)
@settings(max_examples=150)
def test_nothing_is_lost_and_nothing_is_invented(text: str, profile: RenderProfile, kind: Format, cut: bool) -> None:
    at = 0
    for page in pages_of(text, profile, kind, cut=cut):
        assert page.text == text[page.start : page.end]
        for line in page.layout.lines:
            assert (line.start, line.end) == (line.runs[0].start, line.runs[-1].end)
            for run in line.runs:
                between = text[at : run.start]
                assert not between.strip(), "only white space may be left between runs"
                assert at <= run.start < run.end
                assert page.start <= run.start
                assert run.end <= page.end
                at = run.end
    assert not text[at:].strip()


flowing = st.lists(st.sampled_from(["one two", "你好", "שלום", "\n", "\n\n", "  ", "\r\n", "x"]), max_size=30)


@given(flowing.map("".join))
def test_flowing_text_shows_a_mark_for_each_break_between_words(text: str) -> None:
    shown = {
        at
        for page in pages_of(text, PROFILES[3])
        for line in page.layout.lines
        for run in line.runs
        for at in range(run.start, run.end)
    }
    solid = [at for at, character in enumerate(text) if not character.isspace()]
    for before, after in itertools.pairwise(solid):
        breaks = [at for at in range(before + 1, after) if text[at] == "\n"]
        assert [at in shown for at in breaks] == [True, *[False] * (len(breaks) - 1)][: len(breaks)]
    assert not solid or max(shown) == solid[-1]


@given(texts, profiles, formats)
@settings(max_examples=150)
def test_everything_stands_in_its_place(text: str, profile: RenderProfile, kind: Format) -> None:
    for page in pages_of(text, profile, kind):
        layout = page.layout
        assert layout.width % profile.patch == 0
        assert layout.height % profile.patch == 0
        assert layout.width <= profile.width
        assert layout.height <= profile.height or min(len(layout.line_box), profile.columns) == len(layout.line_box)
        assert profile.crop_width or layout.width == profile.width
        assert profile.crop_height or layout.height >= profile.height
        for line in layout.lines:
            assert line.box.y0 >= profile.margin_y + profile.label_px
            assert line.box.y1 <= layout.height - profile.margin_y
            assert_words_do_not_overlap(layout, line)
            for run in line.runs:
                assert len(run.pens) == run.end - run.start + 1
                assert np.all(np.diff(run.pens) * (-1 if run.rtl else 1) >= 0)
                assert line.box.x0 <= run.box.x0 <= run.box.x1 <= line.box.x1 + 1
                assert run.box.x0 >= 0
                assert run.box.x1 <= layout.width
        assert_lines_do_not_overlap(layout)


def assert_words_do_not_overlap(layout: Layout, line: Line) -> None:
    first = int(np.searchsorted(layout.word_start, line.start))
    words = range(first, first + len(line.runs))
    spans = sorted(
        (int(layout.word_x[word]), int(layout.word_x[word]) + int(layout.words.width[layout.word_id[word]]))
        for word in words
    )
    for (_, right), (left, _) in itertools.pairwise(spans):
        assert right <= left


def assert_lines_do_not_overlap(layout: Layout) -> None:
    for above, below in itertools.pairwise(zip(layout.line_left.tolist(), layout.line_box.tolist(), strict=True)):
        if above[0] == below[0]:
            assert above[1][3] <= below[1][1], "each line stands below the one before"


@given(texts, profiles, formats)
@settings(max_examples=80)
def test_ink_stays_on_the_lines_and_within_the_page(text: str, profile: RenderProfile, kind: Format) -> None:
    bare = dataclasses.replace(profile, line_numbers=False)
    for page in pages_of(text, bare, kind):
        levels = page.levels()
        assert levels.dtype == np.uint8
        assert levels.shape == (page.layout.height, page.layout.width)
        assert levels.max(initial=0) <= 15
        rest = levels.copy()
        for x0, y0, x1, y1 in page.layout.line_box.tolist():
            assert 0 <= x0 <= x1
            rest[y0:y1, x0:x1] = 0
        assert not rest.any()
        labelled = page.levels("label")
        assert np.array_equal(labelled[page.profile.margin_y + page.profile.label_px :],
                              levels[page.profile.margin_y + page.profile.label_px :])  # fmt: skip


@given(texts, profiles, formats, st.booleans())
@settings(max_examples=60)
def test_the_same_text_gives_the_same_page(text: str, profile: RenderProfile, kind: Format, cut: bool) -> None:
    pages = pages_of(text, profile, kind, cut=cut)
    drawn = [page.levels("a label") for page in pages]
    word_cases._cases.clear()
    again = pages_of(text, profile, kind, cut=cut)
    assert [page.id for page in pages] == [page.id for page in again]
    for page, other, levels in zip(pages, again, drawn, strict=True):
        alone = dataclasses.replace(page)
        assert "layout" not in alone.__dict__
        assert_equal(page.layout, alone.layout)
        assert_equal(page.layout, other.layout)
        for same in (page, other, alone):
            assert np.array_equal(same.levels("a label"), levels)


@given(texts, texts, profiles)
@example("بٗ abc ظ", "ٗ0 \u0657ب \u0301x", SMALL)
@settings(max_examples=60)
def test_a_page_does_not_depend_on_what_was_set_before(before: str, text: str, profile: RenderProfile) -> None:
    word_cases._cases.clear()
    pages_of(before, profile)
    pages = pages_of(text, profile)
    drawn = [page.levels() for page in pages]
    word_cases._cases.clear()
    for page, other, levels in zip(pages, pages_of(text, profile), drawn, strict=True):
        assert_equal(page.layout, other.layout)
        assert np.array_equal(other.levels(), levels)


@given(texts, profiles, st.data())
@settings(max_examples=80)
def test_boxes_cover_the_characters_asked_for_and_no_others(
    text: str, profile: RenderProfile, data: st.DataObject
) -> None:
    for page in pages_of(text, profile)[:2]:
        start = data.draw(st.integers(page.start, page.end))
        end = data.draw(st.integers(start, page.end))
        boxes = page.boxes_of(start, end)
        for line in page.layout.lines:
            on_line = [box for box in boxes if (box.y0, box.y1) == (line.box.y0, line.box.y1)]
            on_line = [box for box in on_line if line.box.x0 <= box.x0 <= box.x1 <= line.box.x1 + 1]
            for run in line.runs:
                for at, edges in enumerate(itertools.pairwise(run.pens.tolist()), run.start):
                    left, right = min(edges), max(edges)
                    if start <= at < end:
                        covered = any(box.x0 * PEN <= left and right <= box.x1 * PEN for box in on_line)
                        assert covered, f"{text[at]!r} at {at} is not covered"
                    elif right - left > 2 * PEN:
                        # A box may touch the neighbours, as it ends on whole pixels.
                        inside = (left + PEN, right - PEN)
                        assert not any(box.x0 * PEN < inside[1] and inside[0] < box.x1 * PEN for box in on_line), (
                            f"{text[at]!r} at {at} is covered"
                        )


FLOODS = ["\u0301" * 700, "e" + "\u0309" * 300, "👩\u200d" * 100, "क\u094d" * 150, "\u1100" * 150, "ก" + "ำ" * 80]


@pytest.mark.parametrize("text", FLOODS, ids=lambda text: f"{ord(text[1]):04X}")
def test_a_flood_of_marks_stays_on_the_page(text: str) -> None:
    for profile in (SMALL, PROFILES[1]):
        for page in pages_of(text, profile):
            assert page.layout.line_box[:, 2].max() <= profile.width - profile.margin_x + 1


LARGE = """
import re, sys
sys.path.insert(0, ".")
from glyph_rag.typeset.page import make_pages
from glyph_rag.corpus.document import Chunk, Document
from glyph_rag.typeset.profile import RenderProfile
text = eval(sys.argv[1])
at = shown = 0
for page, _ in make_pages(Document("d", text), [Chunk("c", "d", 0, len(text), text)], RenderProfile()):
    layout = page.layout
    assert not text[at : page.start].strip()
    assert layout.height <= 896
    shown += int((layout.word_end - layout.word_start).sum())
    at = page.end
assert not text[at:].strip()
assert shown == sum(1 for c in text if not c.isspace())
# Not getrusage, which counts what the process was forked from.
print(int(re.search(r"VmHWM:\\s+(\\d+) kB", open("/proc/self/status").read())[1]) // 1024)
"""


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("'loooooong' * 120_000", id="a line without a space"),
        pytest.param("'\\n'.join(f'line {n} of many, and {n * n:x}' for n in range(12_000))", id="many lines"),
        pytest.param("'漢字かな交じり文' * 40_000", id="a line of Japanese"),
    ],
)
@pytest.mark.skipif(not Path("/proc/self/status").is_file(), reason="only Linux tells how much memory was used")
def test_large_texts_take_bounded_memory(text: str) -> None:
    done = subprocess.run([sys.executable, "-c", LARGE, text], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) < 500, "megabytes"
