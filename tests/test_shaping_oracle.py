"""Words, lines and their order are those of a layout engine that knows the whole paragraph.

The typesetter shapes word by word and keeps the words. Here each paragraph is shaped in one go, as a text layout engine
would do it, and the glyphs are compared; the order of the characters on a line is compared with UAX #9 on all its
characters, and the ends of lines with UAX #14. One sentence in each language is always checked, and whole texts where
the public evaluation data is at hand (in the folder GLYPH_RAG_EVALDATA, or beside the repository).
"""

from __future__ import annotations

import html
import itertools
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import uharfbuzz as hb

from glyph_rag.corpus.document import Chunk, Document
from glyph_rag.typeset.compose.lines import text_width
from glyph_rag.typeset.glyphs import hexbox
from glyph_rag.typeset.glyphs import shape as shaping
from glyph_rag.typeset.glyphs.fonts import CJK, COMPLEX, EMOJI, HEX_BOX, NO_INK, PEN, SHAPED, Typecase
from glyph_rag.typeset.glyphs.han import LANGUAGES, is_han, languages_of
from glyph_rag.typeset.glyphs.ink import Inkwell
from glyph_rag.typeset.glyphs.words import WordCase
from glyph_rag.typeset.page import Page, make_pages
from glyph_rag.typeset.profile import RenderProfile
from glyph_rag.typeset.unicode import bidi, linebreak, segment
from glyph_rag.typeset.unicode.graphemes import cluster_starts

DATA = Path(__file__).parent / "data"
BESIDE = Path(__file__).parent.parent.parent / "shared" / "evaldata"
TEXTS = Path(os.environ.get("GLYPH_RAG_EVALDATA", BESIDE)) / "udhr"
PROFILE = RenderProfile(newline="keep")
NARROW = RenderProfile(newline="keep", width=196, columns=1)
PLAIN = {"kern": False, "liga": False, "clig": False, "calt": False}
MIXED = {
    "mixed-ar": "يستعمل المكتبة numpy 2.4 مع (Python 3.11) و\u200fAPI‏، ثم 12,5% من 1,000 ريال — see §4(b)، انتهى.",
    "mixed-he": "הגרסה 3.2.1 של glyph-rag (Apache-2.0) עולה 12.50 ₪ בלבד; ראו עמ' 14–17 ב־README.",
    "mixed-en": "The word שלום means “peace” and العربية is Arabic: (עברית, عربي) 1,234 – ۱۲۳۴, then on in English.",
    "isolates": "user \u2067שלום: 12\u2069 wrote; \u202eforced\u202c and back, a \u2068אב\u2069 b \u2066c ד\u2069.",
    "emoji": "Family 👩‍👩‍👧‍👦, flag 🇩🇪🇫🇷, skin 👍🏽, heart ❤️ and text 😀😀 with ½ ± → ∑ signs.",
    "fonts": "x∈ℝ, αβγ ไทย और हिन्दी 漢字かな交じり文 한국어 שלום \ue000 ꧋ 𝔘𝔫𝔦 e\u0301\u0323\u0308 q̃̄.",
    "vowels": "بِسْمِ ٱللَّهِ ٱلرَّحْمَٰنِ ٱلرَّحِيمِ؛ بَعْضُهُمْ بَعْضًا. בְּרֵאשִׁית בָּרָא אֱלֹהִים אֵת הַשָּׁמַיִם.",
    "zwj": "می‌خواهم کتاب‌ها را؛ क्‍ष क्‌ष ශ්‍රී ක්‍ය র‍্যাব",
}


def sentences() -> dict[str, str]:
    lines = (DATA / "languages.txt").read_text("utf-8").splitlines()
    return dict(line.split("\t", 1) for line in lines if line and not line.startswith("#")) | MIXED


def udhr(path: Path) -> str:
    parts = re.findall(r"<(?:p|li|h\d)\b[^>]*>(.*?)</(?:p|li|h\d)>", path.read_text("utf-8"), re.S)
    plain = (" ".join(html.unescape(re.sub(r"<[^>]+>", "", part)).split()) for part in parts)
    return "\n\n".join(part for part in plain if part)


SHORT = [pytest.param(text, id=name) for name, text in sentences().items()]
LONG = [pytest.param(path, id=path.stem) for path in sorted(TEXTS.glob("*.html"))]
needs_texts = pytest.mark.skipif(not LONG, reason="the public evaluation data is not at hand")


def pages_of(text: str, profile: RenderProfile) -> list[Page]:
    chunks = [Chunk("c", "d", 0, len(text), text)]
    return [page for page, _ in make_pages(Document("d", text), chunks, profile)]


def paragraphs(text: str) -> Iterator[tuple[int, int]]:
    for line in re.finditer(r"[^\n]+", text):
        yield line.span()


def code_points(text: str) -> np.ndarray:
    return np.frombuffer(text.encode("utf-32-le", "surrogatepass"), np.uint32)


# -- glyphs ----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Glyph:
    """One glyph of a paragraph that was shaped whole; lengths in 1/64 pixel."""

    at: int
    face: int
    size: int
    number: int
    advance: int
    right: int
    up: int


LOCAL = 1 << 16
"""Added to what tells a face and size, for Han characters that are drawn in the form of a language."""


class Pixels:
    """Draws words from the glyphs of their paragraph and holds them against those on the page."""

    def __init__(self, words: WordCase) -> None:
        self._words, self._ink = words, Inkwell(words.case)
        self._seen: dict[tuple[int, tuple[tuple[int, ...], ...]], str] = {}

    def compare(self, word: int, glyphs: list[Glyph], length: int) -> str:
        """What is different about a word, given by number; an empty string if nothing is."""
        # What a font puts between two words to keep them apart (Burmese, up to 0.1 em) is part of neither.
        while glyphs and not self._has_ink(glyphs[0]):
            glyphs = glyphs[1:]
        pens = list(itertools.accumulate((glyph.advance for glyph in glyphs), initial=0))
        table = tuple((g.face, g.number, g.size, pen + g.right, g.up) for g, pen in zip(glyphs, pens, strict=False))
        key = word, table
        if key not in self._seen:
            self._seen[key] = self._difference(word, table, pens[-1], length)
        return self._seen[key]

    def _has_ink(self, glyph: Glyph) -> bool:
        return glyph.face == HEX_BOX or self._words.case.font(glyph.face).get_glyph_extents(glyph.number).width != 0

    def _difference(self, word: int, table: tuple[tuple[int, ...], ...], advance: int, length: int) -> str:
        words = self._words
        pens = words.pens[words.pen[word] :][: length + 1]
        width = abs(int(pens[-1]) - int(pens[0]))
        if abs(width - advance) > PEN:
            return f"{width / PEN:.2f} pixels wide instead of {advance / PEN:.2f}"
        left, size = int(pens.min()) // PEN, int(words.width[word])
        pad = 64
        face, glyph, kind, x, y = (list(column) for column in zip(*table, strict=True)) if table else ([],) * 5
        strip = self._ink.draw(
            np.array(face, np.uint8), np.array(glyph, np.uint32), np.array(kind, np.uint8),
            np.array(x, np.int64) + (pad + left) * PEN, np.array(y, np.int64), size + 2 * pad, words.above, words.below,
        )  # fmt: skip
        mine = np.zeros_like(strip)
        mine[pad : pad + size] = words.columns[words.column[word] :][:size]
        return "" if np.array_equal(strip, mine) else f"other pixels than glyphs {list(glyph)} of faces {list(face)}"


def faces_of(codes: np.ndarray, words: list[tuple[int, int]], case: Typecase) -> list[int]:
    """For each character of a paragraph face << 8 | size, and LOCAL; invisible ones go with what precedes them."""
    found = [-1] * len(codes)
    for start, end in words:
        word = codes[start:end]
        if (case.kind[word] & SHAPED).any():
            bounds = [*np.flatnonzero(cluster_starts(word)).tolist(), len(word)]
            for piece in shaping._pieces(word.tolist(), bounds, case):
                if piece.face != NO_INK:
                    key = piece.face << 8 | piece.size
                    found[start + piece.start : start + piece.end] = [key] * (piece.end - piece.start)
        else:
            known = np.where(case.face[word] == NO_INK, -1, case.face[word].astype(int) << 8 | case.size[word])
            # Han characters by themselves take the forms of the language of the text.
            found[start:end] = (known + (LOCAL if len(word) == 1 and is_han(word).all() else 0)).tolist()
    previous = next((key for key in found if key >= 0), -1)
    for at, key in enumerate(found):
        found[at] = previous = key if key >= 0 else previous
    return found


def shaped_whole(codes: np.ndarray, keys: list[int], language: str, case: Typecase) -> Iterator[list[Glyph]]:
    """The glyphs of a paragraph, shaped in as few runs as there are faces and levels; each run from left to right."""
    level = bidi.levels(codes).tolist()
    for (key, depth), group in itertools.groupby(range(len(codes)), key=lambda at: (keys[at], level[at])):
        run = list(group)
        face, size = key >> 8 & 0xFF, key & 0xFF
        if face == HEX_BOX:
            yield [Glyph(at, face, size, int(codes[at]), hexbox.width(int(codes[at])) * PEN, 0, 0) for at in run]
            continue
        buffer = hb.Buffer()
        buffer.add_codepoints(codes.tolist(), run[0], len(run))
        buffer.flags = hb.BufferFlags.DO_NOT_INSERT_DOTTED_CIRCLE
        buffer.guess_segment_properties()
        buffer.language = language if key >= LOCAL else "und"
        buffer.direction = "rtl" if depth % 2 else "ltr"
        font = case.font(face)
        hb.shape(font, buffer, {} if size in (COMPLEX, EMOJI) else PLAIN)
        wide, high = case.em(size)
        upem = font.face.upem
        glyphs = []
        for info, position in zip(buffer.glyph_infos, buffer.glyph_positions, strict=True):
            advance = position.x_advance * wide // upem
            advance = (advance + PEN // 2) // PEN * PEN if size == CJK else advance
            right, up = position.x_offset * wide // upem, position.y_offset * high // upem
            glyphs.append(Glyph(info.cluster, face, size, info.codepoint, advance, right, up))
        yield glyphs


def differences(text: str, profile: RenderProfile = PROFILE) -> list[str]:
    """Words whose pixels are not those of the whole paragraph."""
    layouts = [page.layout for page in pages_of(text, profile)]
    words = [
        (start, end, word, layout.rtl is not None and bool(layout.rtl[at]))
        for layout in layouts
        for at, (start, end, word) in enumerate(
            zip(layout.word_start.tolist(), layout.word_end.tolist(), layout.word_id.tolist(), strict=True)
        )
    ]
    case, pixels = layouts[0].words.case, Pixels(layouts[0].words)
    languages = languages_of(code_points(text), np.zeros(1, np.int64))
    language = LANGUAGES[0 if languages is None else int(languages[0])]
    found = []
    for first, last in paragraphs(text):
        inside = [(start - first, end - first, word, rtl) for start, end, word, rtl in words if first <= start < last]
        codes = code_points(text[first:last])
        keys = faces_of(codes, [(start, end) for start, end, _, _ in inside], case)
        owner = {at: number for number, (start, end, _, _) in enumerate(inside) for at in range(start, end)}
        reference: list[list[Glyph]] = [[] for _ in inside]
        for run in shaped_whole(codes, keys, language, case):
            for number, part in itertools.groupby(run, key=lambda glyph: owner.get(glyph.at)):
                if number is not None:
                    at = 0 if inside[number][3] else len(reference[number])
                    reference[number][at:at] = part
        for (start, end, word, _), glyphs in zip(inside, reference, strict=True):
            difference = pixels.compare(word, glyphs, end - start)
            if difference:
                found.append(f"{text[first + start : first + end]!r} at {first + start}: {difference}")
    return found


@pytest.mark.parametrize("text", SHORT)
def test_words_are_shaped_as_in_their_paragraph(text: str) -> None:
    assert differences(text) == []


# -- the order on the line -------------------------------------------------------------------------------


def misplaced(text: str, profile: RenderProfile) -> list[str]:
    """Characters that do not stand to the right of what UAX #9 puts on their left."""
    found = []
    bounds = list(paragraphs(text))
    for page in pages_of(text, profile):
        for line in page.layout.lines:
            first, last = next((a, b) for a, b in bounds if a <= line.start < b)
            codes = code_points(text[first:last])
            span = slice(line.start - first, line.end - first)
            base = int(bidi.paragraph_levels(codes)[0])
            levels = bidi.line_levels(bidi.levels(codes)[span], codes[span], base)
            edges = {
                run.start + at: sorted(pair)
                for run in line.runs
                for at, pair in enumerate(itertools.pairwise(run.pens.tolist()))
            }
            right = 0
            for at in (bidi.visual_order(levels) + line.start).tolist():
                a, b = edges.get(at, (0, 0))
                if a < b:
                    # Words begin on whole pixels, so the last letter of one may be half a pixel over.
                    if a < right - PEN // 2:
                        found.append(f"{text[at]!r} at {at} in line {text[line.start : line.end]!r}")
                    right = b
    return found


@pytest.mark.parametrize("text", SHORT)
def test_characters_stand_in_the_order_of_the_bidirectional_algorithm(text: str) -> None:
    assert misplaced(text, PROFILE) == []
    assert misplaced(text, NARROW) == []


# -- where lines end -------------------------------------------------------------------------------------


def bad_breaks(text: str, profile: RenderProfile) -> list[str]:
    """Lines that begin where none may begin, or that end although what follows had room."""
    found = []
    room = text_width(profile)
    lines = [(line, page.layout) for page in pages_of(text, profile) for line in page.layout.lines]
    codes = code_points(text)
    may_open = (linebreak.break_before(codes) > 0) | segment.word_start_mask(codes)
    for (line, layout), (following, _) in itertools.pairwise(lines):
        at = following.start
        if "\n" in text[line.end : at]:
            continue
        name = f"{text[line.start : line.end]!r} | {text[at : following.end]!r}"
        if not may_open[at] and may_open[line.start + 1 : line.end].any():
            found.append(f"no line may begin here: {name}")
        advance = layout.words.case.advance
        # What the line would have had to take as well: all up to the next place where it may end.
        openings = np.flatnonzero(may_open[at + 1 : following.end]) + at + 1
        stop = int(openings[0]) if len(openings) else following.end
        unit = [run for run in following.runs if run.start < stop]
        white = int((advance[codes[line.end : at]] // PEN).sum())
        width = max(run.box.x1 for run in unit) - min(run.box.x0 for run in unit)
        # Two pixels for ink that stands out on either side of the unit's pens.
        if line.box.x1 - line.box.x0 + white + width + 2 <= room:
            found.append(f"there was room for more: {name}")
    return found


@pytest.mark.parametrize("text", SHORT)
def test_lines_end_where_they_may_and_no_sooner_than_they_must(text: str) -> None:
    assert bad_breaks(text, PROFILE) == []
    assert bad_breaks(text, NARROW) == []


@needs_texts
@pytest.mark.parametrize("path", LONG)
def test_whole_texts(path: Path) -> None:
    text = udhr(path)
    assert differences(text) == []
    assert misplaced(text, PROFILE) == []
    assert bad_breaks(text, PROFILE) == []
