"""Tables, national forms, direction of columns, labels and line numbers."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from glyph_rag.corpus.document import Chunk, Document
from glyph_rag.typeset.page import Page, make_pages
from glyph_rag.typeset.profile import RenderProfile

PROFILE = RenderProfile()
SINGLE = replace(PROFILE, columns=1)
TABLE = """| Region | Product | Price |
|---|:---:|--:|
| North | Widget A | 1,200.50 |
| South-East | 小部件 | 88 |"""
TABBED = "name\tqty\tcolour\napples\t12\tred\nvery long name\t3\tyellow"
SPACED = "PID   USER      COMMAND\n1     root      init\n2345  www-data  nginx: worker"


def page_of(text: str, profile: RenderProfile = PROFILE) -> Page:
    (page,) = [page for page, _ in make_pages(Document("d", text), [Chunk("c", "d", 0, len(text), text)], profile)]
    return page


def left_of(page: Page, offset: int) -> int:
    return page.boxes_of(offset, offset + 1)[0].x0


def cells_of(text: str, mark: str) -> list[list[int]]:
    """Offsets at which the k-th cell of each row starts, for each k."""
    rows, at = [], 0
    for line in text.split("\n"):
        rows.append([at + n for n, c in enumerate(line) if c == mark])
        at += len(line) + 1
    return [list(column) for column in zip(*rows, strict=True)]


def test_bars_of_a_table_stand_below_each_other() -> None:
    page = page_of(TABLE, SINGLE)
    columns = [{left_of(page, offset) for offset in column} for column in cells_of(TABLE, "|")]
    assert all(max(column) - min(column) <= 1 for column in columns)
    assert len({min(column) for column in columns}) == 4


def test_cells_behind_tabs_stand_below_each_other() -> None:
    page = page_of(TABBED, SINGLE)
    for column in cells_of(TABBED, "\t"):
        assert len({left_of(page, offset + 1) for offset in column}) == 1


def test_cells_at_one_column_of_the_source_stand_below_each_other() -> None:
    page = page_of(SPACED, SINGLE)
    for word in (("USER", "root", "www-data"), ("COMMAND", "init", "nginx")):
        assert len({left_of(page, SPACED.index(cell)) for cell in word}) == 1


def test_a_table_too_wide_for_the_column_stays_as_it_is() -> None:
    wide = "| a | " + "word " * 30 + "|\n| " + "x" * 40 + " | b |"
    page = page_of(wide)
    assert page.boxes_of(0, 1)[0].x0 == PROFILE.margin_x
    assert all(line.box.x1 <= PROFILE.width - PROFILE.margin_x + 1 for line in page.layout.lines)


def test_tables_of_neighbouring_chunks_are_not_one() -> None:
    text = "| a | b |\n| c | d |\n| a long cell | e |\n| f | g |"
    cut = text.index("| a long")
    chunks = [Chunk("1", "d", 0, cut - 1, text[: cut - 1]), Chunk("2", "d", cut, len(text), text[cut:])]
    ((page, _),) = make_pages(Document("d", text), chunks, PROFILE)
    assert left_of(page, text.index("b |")) < left_of(page, text.index("e |"))


@pytest.mark.parametrize(
    ("text", "other"),
    [
        ("直刃", "直刃 これは日本語です"),
        ("直骨", "直骨 這是繁體中文，對不起"),
        ("直刃", "直刃 대한민국"),
    ],
)
def test_han_characters_are_drawn_in_the_forms_of_their_language(text: str, other: str) -> None:
    def ink(whole: str) -> list[bytes]:
        page = page_of(whole, replace(PROFILE, label_px=0))
        boxes = [page.boxes_of(at, at + 1)[0] for at in range(len(text))]
        return [np.ascontiguousarray(page.levels()[b.y0 : b.y1, b.x0 : b.x1]).tobytes() for b in boxes]

    assert ink(text) != ink(other)
    assert ink(text) == ink(text + " 这是简体中文，对不起")


def test_who_reads_from_the_right_starts_with_the_column_on_the_right() -> None:
    page = page_of("\n".join(["كلمات عربية في كل سطر من هذه الصفحة"] * 40))
    first, last = page.layout.lines[0].box, page.layout.lines[-1].box
    assert first.x0 > last.x1
    english = page_of("\n".join(["some words on each line of this page"] * 40))
    assert english.layout.lines[0].box.x1 < english.layout.lines[-1].box.x0


def test_a_label_stands_in_the_strip_and_touches_no_line() -> None:
    page = page_of("word " * 200)
    plain, labelled = page.levels(), page.levels("[P1] handbook/people/leave.md:12-80")
    changed = np.flatnonzero((plain != labelled).any(axis=1))
    assert len(changed)
    assert changed.max() < page.layout.lines[0].box.y0
    assert np.array_equal(plain, replace(page).levels(""))


def test_a_long_label_loses_its_middle_and_stays_on_the_page() -> None:
    page = page_of("tiny")
    labelled = page.levels("[P1] a/very/long/path/" + "x/" * 200 + "end.md:3")
    assert labelled.shape == page.levels().shape
    assert (labelled != page.levels()).any()
    unlabelled = page_of("tiny", replace(PROFILE, label_px=0))
    assert np.array_equal(unlabelled.levels("[P1]"), unlabelled.levels())


def test_line_numbers_stand_beside_the_lines_that_begin_in_the_source() -> None:
    text = "first\n\nthird " + "goes on " * 40 + "\nfourth"
    numbered, plain = page_of(text, replace(PROFILE, line_numbers=True)), page_of(text)
    levels = numbered.levels()
    inked = [
        bool(levels[line.box.y0 : line.box.y1, : line.box.x0 - 1].any())
        for line in numbered.layout.lines
        if line.box.x0 < PROFILE.width // 2
    ]
    starts = [numbered.text[: line.start].endswith("\n") or line.start == 0 for line in numbered.layout.lines]
    assert inked == starts[: len(inked)]
    assert numbered.layout.lines[0].box.x0 > plain.layout.lines[0].box.x0


def test_letters_of_an_alphabet_stay_letters() -> None:
    page = page_of("office AVATAR fjord")
    ids = page.layout.word_id.tolist()
    words = page.layout.words
    for number, word in zip(ids, ("office", "AVATAR", "fjord"), strict=True):
        pens = words.pens[words.pen[number] : words.pen[number] + len(word) + 1]
        alone = [words.case.advance[ord(letter)] for letter in word]
        assert np.diff(pens).tolist() == alone


def test_boxes_hold_only_the_letters_asked_for_where_directions_mix() -> None:
    text = "One שלום end"
    page = page_of(text)
    everything = page.boxes_of(0, len(text))
    assert len(everything) == 1
    one, first_letter = page.boxes_of(0, 5)
    assert one.x1 < page.boxes_of(7, 8)[0].x0 <= first_letter.x0
    assert first_letter == page.boxes_of(4, 5)[0]


@pytest.mark.parametrize("text", ["\u200d", "a \u061c", "٠ ٠", "׆0 \u200c", "0\t0\n0\t \u200c"])
def test_words_without_ink_or_width_are_drawn_without_complaint(text: str) -> None:
    page = page_of(text)
    assert page.levels().shape == (page.layout.height, page.layout.width)


def test_cells_of_a_table_keep_their_places_whichever_way_their_words_run() -> None:
    text = "| Fruit | Local |\n|---|---|\n| תמרים | dates |\n| figs | تين |"
    page = page_of(text, SINGLE)
    assert left_of(page, text.index("תמרים")) < left_of(page, text.index("dates"))
    hebrew = "| שם | price |\n|---|---|\n| dates | טרי |"
    mirrored = page_of(hebrew, SINGLE)
    assert left_of(mirrored, hebrew.index("dates")) > left_of(mirrored, hebrew.index("טרי"))


def test_signs_beside_han_characters_are_as_wide_as_they_are() -> None:
    text = "他说“你好”(好)。She’s “here”."
    page = page_of(text)

    def width(offset: int) -> int:
        (box,) = page.boxes_of(offset, offset + 1)
        return box.x1 - box.x0

    assert width(text.index("“")) == width(text.index("”")) == width(0) == PROFILE.cjk_px
    assert width(text.index("’")) < 8
    assert width(text.rindex("“")) < 8


def test_text_that_flows_is_marked_where_a_paragraph_ends_and_not_where_an_editor_broke_it() -> None:
    wrapped = "A paragraph that an editor has broken into lines of about eighty columns, like so,\nand that goes on."
    text = f"{wrapped}\nAnother."
    flowing = replace(PROFILE, newline="flow")
    document = Document("d", text)
    for form, marked in (("text", 1), ("code", 2)):
        page, _ = next(make_pages(replace(document, format=form), [Chunk("c", "d", 0, len(text), text)], flowing))
        shown = [text[run.start : run.end] for line in page.layout.lines for run in line.runs]
        assert sum("\n" in run for run in shown) == marked
