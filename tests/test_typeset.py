"""The typesetter loses nothing, invents nothing, and draws the same pixels every time."""

from __future__ import annotations

import hashlib
import io
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from PIL import Image

from glyph_rag.corpus.document import Chunk, Document
from glyph_rag.corpus.split import split
from glyph_rag.errors import ProfileError
from glyph_rag.typeset.highlight import highlight
from glyph_rag.typeset.page import Page, make_pages
from glyph_rag.typeset.profile import RenderProfile
from glyph_rag.typeset.tokens import estimate_text_tokens, image_tokens

PROFILE = RenderProfile()
SMALL = RenderProfile(width=280, height=112)
MIXED = "Übung macht den Meister — 你好，世界。こんにちは 안녕하세요 \ue000 ±½ ERR_42\n\n  def f(x):\n\treturn x\n"

any_text = st.text(st.characters(), max_size=400)
wordy = st.lists(
    st.sampled_from(
        [
            "word",
            "über",
            "你好",
            "世界。",
            "\n",
            "\n\n",
            "  ",
            "\t",
            "「",
            "」",
            "a" * 90,
            "\u0301",
            "\u200b",
            "\x00",
            "\r",
        ]
    )
).map(" ".join)


def whole(text: str) -> list[Chunk]:
    return [Chunk("c", "d", 0, len(text), text)] if text.strip() else []


def pages_of(text: str, profile: RenderProfile = PROFILE) -> list[Page]:
    return [page for page, _ in make_pages(Document("d", text), whole(text), profile)]


@given(st.one_of(any_text, wordy))
@example("\x00\ud800\u200d👩\u200d👩\u200d👧\ufe0f\t\r\n\x85\u2028x")
@example("x" * 3000)
@example("\n" * 500 + "x")
def test_every_character_stands_on_a_page_or_is_white_space(text: str) -> None:
    at = 0
    for page in pages_of(text, SMALL):
        for line in page.layout.lines:
            for run in line.runs:
                assert text[at : run.start].strip() == "", "only white space may be left between runs"
                assert run.start < run.end
                assert len(run.pens) == run.end - run.start + 1
                at = run.end
    assert text[at:].strip() == ""


@given(st.one_of(any_text, wordy))
def test_everything_stays_on_the_page(text: str) -> None:
    for page in pages_of(text, SMALL):
        layout = page.layout
        assert layout.height % SMALL.patch == 0
        assert layout.width % SMALL.patch == 0
        assert layout.height <= SMALL.height
        for above, line in zip([None, *layout.lines], layout.lines, strict=False):
            column = (line.box.x0 - SMALL.margin_x) // (SMALL.column_width + SMALL.gutter)
            assert line.box.y1 <= layout.height - SMALL.margin_y
            assert (
                line.box.x1 <= SMALL.margin_x + column * (SMALL.column_width + SMALL.gutter) + SMALL.column_width + 1
                or line.end - line.start <= 2
            )
            if above is not None:
                below = line.box.y0 >= above.box.y1 and abs(line.box.x0 - above.box.x0) < SMALL.column_width
                assert below or line.box.x0 > above.box.x0, (
                    "each line stands below the one before, or in the next column"
                )
            for run in line.runs:
                assert np.all(np.diff(run.pens) * (-1 if run.rtl else 1) >= 0)
        assert page.levels().shape == (layout.height, layout.width)


@given(st.one_of(any_text, wordy), st.integers(50, 400))
def test_pages_of_split_documents_hold_their_chunks(text: str, target: int) -> None:
    document = Document("d", text)
    chunks = split(document, target=target)
    shown = list(make_pages(document, chunks, SMALL))
    assert {chunk.id for chunk in chunks} == {chunk.id for _, on_page in shown for chunk in on_page}
    for page, on_page in shown:
        assert page.text == text[page.start : page.end]
        assert page.first_line == document.line_of(page.start)
        for chunk, (start, end) in zip(on_page, page.blocks, strict=True):
            assert page.start <= start < end <= page.end
            assert text[chunk.start : chunk.end].strip() != ""
            assert max(start, chunk.start) < min(end, chunk.end)


def test_pages_are_the_same_in_another_process() -> None:
    code = (
        "from tests.test_typeset import pages_of, MIXED\n"
        "import hashlib; print(hashlib.sha256(pages_of(MIXED)[0].levels().tobytes()).hexdigest())"
    )
    digests = {
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip()
        for _ in range(2)
    }
    assert digests == {hashlib.sha256(pages_of(MIXED)[0].levels().tobytes()).hexdigest()}


def test_png_holds_the_levels() -> None:
    for profile in (PROFILE, RenderProfile(width=225, height=225, patch=15, columns=1)):
        page = pages_of(MIXED, profile)[0]
        decoded = np.asarray(Image.open(io.BytesIO(page.png())).convert("L"))
        assert np.array_equal(decoded, 255 - 17 * page.levels())
        assert np.array_equal(np.asarray(page.image()), decoded)


def test_a_character_without_a_glyph_is_drawn_as_a_box_and_counted() -> None:
    plain, missing = pages_of("ab")[0], pages_of("a\ue000b")[0]
    assert (plain.layout.missing, missing.layout.missing) == (0, 1)
    (box,) = missing.boxes_of(1, 2)
    assert missing.levels()[box.y0 : box.y1, box.x0 : box.x1].any()


@pytest.mark.parametrize("word", ["Hello", "你好世界", "Straße", "Привет", "αβγ"])
def test_every_letter_leaves_ink_in_its_box(word: str) -> None:
    page = pages_of(f"x {word} x")[0]
    for at in range(2, 2 + len(word)):
        (box,) = page.boxes_of(at, at + 1)
        assert page.levels()[box.y0 : box.y1, box.x0 : box.x1].any(), word[at - 2]


def test_boxes_follow_a_span_over_lines() -> None:
    text = "one two three " * 40
    page = pages_of(text)[0]
    boxes = page.boxes_of(0, len(text.rstrip()))
    assert len(boxes) == len(page.layout.lines) > 1
    assert page.boxes_of(0, 3)[0].x1 < boxes[0].x1
    assert page.boxes_of(10**6, 10**6 + 1) == ()


def test_highlight_marks_the_boxes_and_nothing_else() -> None:
    page = pages_of("alpha beta gamma")[0]
    (box,) = page.boxes_of(6, 10)
    marked = np.asarray(highlight(page, [box]))
    plain = np.asarray(page.image().convert("RGB"))
    changed = (marked != plain).any(axis=2)
    assert changed[box.y0 : box.y1, box.x0 : box.x1].mean() > 0.5
    changed[box.y0 : box.y1, box.x0 - 1 : box.x1 + 1] = False
    assert not changed.any()


def test_paragraphs_flow_and_code_keeps_its_lines() -> None:
    wrapped = (
        "A paragraph that an editor has broken into lines of about eighty columns, like so,\nand that goes on here."
    )
    document, code = Document("d", wrapped), Document("d", wrapped, format="code")
    starts = {
        d.format: [line.start for p, _ in make_pages(d, whole(wrapped), PROFILE) for line in p.layout.lines]
        for d in (document, code)
    }
    after = wrapped.index("and that")
    assert after in starts["code"]
    assert after not in starts["text"]
    listed = "* an item that is longer than sixty characters in all, so that it would count\nAnother thing"
    for kept in (listed, "```\n" + wrapped + "\n```", "short\nlines", wrapped.replace("\nand", "\n- and")):
        (page,) = pages_of(kept)
        assert {line.start for line in page.layout.lines} >= {at + 1 for at, c in enumerate(kept) if c == "\n"}


def test_columns_are_balanced_and_the_page_is_cropped() -> None:
    page = pages_of("word " * 400)[0]
    left = [line for line in page.layout.lines if line.box.x0 < 300]
    right = [line for line in page.layout.lines if line.box.x0 > 300]
    assert 0 <= len(left) - len(right) <= 5  # Pages grow by whole patches, and a patch holds more than two lines.
    assert page.layout.height < 400
    assert pages_of("tiny", replace(PROFILE, label_px=0))[0].levels().shape == (28, 56)


def test_chinese_lines_do_not_start_with_closing_punctuation() -> None:
    page = pages_of("你好世界，我们今天去公园。" * 60)[0]
    starts = {page.text[line.start - page.start] for line in page.layout.lines}
    assert len(page.layout.lines) > 5
    assert not starts & set("，。")


def test_a_chunk_that_does_not_fit_opens_the_next_page() -> None:
    paragraph = "A paragraph of a few words that takes some lines. " * 3
    text = "\n\n".join([paragraph.strip()] * 6)
    document = Document("d", text)
    for page, on_page in make_pages(document, split(document, target=160), SMALL):
        assert all((a, b) == (c.start, c.end) for (a, b), c in zip(page.blocks, on_page, strict=True))


def test_indentation_of_the_first_line_is_kept() -> None:
    page = pages_of("a\n")[0]
    indented = next(p for p, _ in make_pages(Document("d", "    a\n"), [Chunk("c", "d", 4, 5, "a")], PROFILE))
    assert indented.layout.lines[0].box.x0 > page.layout.lines[0].box.x0


def test_lines_and_labels_of_offsets() -> None:
    document = Document("d", "one\ntwo\n\nthree")
    ((page, _),) = make_pages(document, [Chunk("c", "d", 4, 14, "two\n\nthree")], PROFILE)
    assert (page.first_line, page.line_of(4), page.line_of(9)) == (2, 2, 4)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"width": 600}, "not a multiple"),
        ({"latin_px": 2}, "latin_px is 2"),
        ({"cjk_line": 5}, "cjk_line is 5"),
        ({"height": 28}, "height is 28"),
    ],
)
def test_a_profile_that_cannot_be_drawn_is_refused(change: dict[str, int], message: str) -> None:
    with pytest.raises(ProfileError, match=message):
        RenderProfile(**change)


def test_fingerprint_tells_profiles_apart() -> None:
    assert RenderProfile().fingerprint == PROFILE.fingerprint != RenderProfile(latin_px=11).fingerprint


def test_the_default_profile_halves_the_tokens_of_prose() -> None:
    prose = "The quick brown fox jumps over the lazy dog while seven wizards quietly judge its form. " * 60
    page = pages_of(prose)[0]
    ratio = estimate_text_tokens(page.text) / image_tokens(page.layout.width, page.layout.height)
    assert 1.9 < ratio < 2.6
