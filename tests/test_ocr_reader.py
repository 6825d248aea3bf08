"""The embedded reader: it answers from what a plan shows, as pixels or as text, and from nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from glyph_rag.corpus.document import Document
from glyph_rag.corpus.split import split
from glyph_rag.embed.minilm import MiniLMEmbedder
from glyph_rag.read.ocr.reader import OcrReader, _join
from glyph_rag.read.ocr.recognise import PaddleRecogniser
from glyph_rag.read.ocr.tables import restore_tables
from glyph_rag.read.plan import Passage, PlanPage, PlanText, ReadingPlan
from glyph_rag.read.verify import verify
from glyph_rag.testing import HashEmbedder
from glyph_rag.typeset.compose.layout import Box
from glyph_rag.typeset.glyphs.ink import Levels
from glyph_rag.typeset.page import Page, make_pages
from glyph_rag.typeset.profile import RenderProfile
from glyph_rag.typeset.scripts import scripts_of

HARBOUR = "The harbour of Velmora was closed in 1987. Captain Talbrook signed the order. Ships went to Orrin instead."
MUSEUM = "The museum of Skerry has 412 rooms. Its director is Ms Adeyemi. Guided tours start at noon."
RATES = """\
Meal allowances by country are as follows.

| Country | Breakfast | Dinner |
| --- | --- | --- |
| France | 12 EUR | 30 EUR |
| Japan | 15 EUR | 42 EUR |
"""


def page_of(text: str, profile: RenderProfile | None = None) -> Page:
    document = Document("d", text, format="markdown")
    ((page, _),) = make_pages(document, split(document), profile or RenderProfile())
    return page


def image_of(*labelled: tuple[str, str]) -> PlanPage:
    """Pages below each other on one image, each with all of its text as one passage."""
    pages = [(label, page_of(text)) for label, text in labelled]
    width = max(page.layout.width for _, page in pages)
    rows: list[Levels] = []
    passages: list[Passage] = []
    down = 0
    for label, page in pages:
        levels = page.levels(f"[{label}]")
        rows.append(np.pad(levels, ((0, 0), (0, width - levels.shape[1]))))
        boxes = tuple(Box(b.x0, b.y0 + down, b.x1, b.y1 + down) for b in page.boxes_of(page.start, page.end))
        passages.append(Passage(label, boxes, scripts_of(page.text, share=0.2), page.profile.column_width))
        down += levels.shape[0]
    labels = tuple(label for label, _ in labelled)
    ids = tuple(page.id for _, page in pages)
    return PlanPage(labels, ids, np.vstack(rows), "#000000", "#ffffff", tuple(passages), 100)


def text_of(label: str, text: str) -> PlanText:
    return PlanText("passage", label, "d.md:1-2", text, 10)


@pytest.fixture(scope="module")
def reader() -> OcrReader:
    return OcrReader(HashEmbedder())


class Counting:
    """A recogniser that reads as it is told, and counts."""

    def __init__(self, *words: str) -> None:
        self.words, self.asked = iter(words), 0

    def read(self, levels: Levels, lines: Sequence[Box]) -> list[str]:
        self.asked += len(lines)
        return [next(self.words) for _ in lines]


@pytest.mark.parametrize(("question", "answer"), [
    ("When was the harbour of Velmora closed?", "The harbour of Velmora was closed in 1987."),
    ("How many rooms has the museum of Skerry?", "The museum of Skerry has 412 rooms."),
])  # fmt: skip
def test_pages_that_share_an_image_are_all_read(reader: OcrReader, question: str, answer: str) -> None:
    plan = ReadingPlan((image_of(("P1", HARBOUR), ("P2", MUSEUM)),), 60)
    assert answer in reader.read(question, plan).text


def test_a_plan_in_text_mode_is_answered_by_the_same_rules(reader: OcrReader) -> None:
    pixels = ReadingPlan((image_of(("P1", HARBOUR)), image_of(("P2", MUSEUM))), 60)
    words = ReadingPlan((), 60, texts=(text_of("P1", HARBOUR), text_of("P2", MUSEUM)), mode="text")
    for question in ("When was the harbour of Velmora closed?", "Who is the director of the museum of Skerry?"):
        shown, told = reader.read(question, pixels), reader.read(question, words)
        assert " ".join(shown.text.split()) == " ".join(told.text.split()) != ""
        assert shown.shown is told.shown is None


def test_exact_strings_and_earlier_turns_are_not_quoted(reader: OcrReader) -> None:
    exact = PlanText("exact", "", "", "[P1] The harbour of Velmora was closed in 1999.", 10)
    earlier = replace(image_of(("H1", "Q: When was the harbour of Velmora closed?\n\nA: In 1999.")), passages=())
    plan = ReadingPlan((earlier, image_of(("P1", HARBOUR))), 60, texts=(exact,))
    text = reader.read("When was the harbour of Velmora closed?", plan).text
    assert "1987" in text
    assert "1999" not in text


@pytest.mark.parametrize(
    "plan",
    [
        ReadingPlan((), 0),
        ReadingPlan((replace(image_of(("P1", HARBOUR)), passages=()),), 10),
        ReadingPlan((replace(image_of(("P1", HARBOUR)), levels=np.zeros((400, 900), np.uint8)),), 10),
        ReadingPlan((), 0, texts=(text_of("P1", ""), text_of("P2", " \n"))),
    ],
)
def test_where_nothing_is_shown_nothing_is_said(reader: OcrReader, plan: ReadingPlan) -> None:
    assert reader.read("When was the harbour of Velmora closed?", plan).text == ""
    assert reader.read("Summarise the first section.", plan).text == ""


def test_passages_of_one_page_stand_in_the_order_of_the_plan() -> None:
    image = image_of(("P1", HARBOUR), ("P2", MUSEUM))
    one, two = image.passages
    split_up = replace(
        image,
        passages=(
            replace(one, lines=one.lines[:1]),
            replace(two, lines=two.lines[:1]),
            replace(one, lines=one.lines[:1]),
        ),
    )
    recogniser = Counting("## Leave", "Tours start at noon.", "Leave is asked for ahead. It is granted. It lapses.")
    text = OcrReader(HashEmbedder(), recogniser).read("Summarise leave", ReadingPlan((split_up,), 10)).text
    assert text.split("\n\n") == ["Leave is asked for ahead.", "It is granted.", "It lapses."]
    assert recogniser.asked == 3


def test_a_script_that_cannot_be_read_is_named_and_left_out() -> None:
    image = image_of(("P1", "يمكن ترحيل ثمانية أيام من الإجازة."))
    recogniser = Counting()
    reading = OcrReader(HashEmbedder(), recogniser).read("كم عدد الأيام؟", ReadingPlan((image,), 10))
    assert (reading.text, recogniser.asked) == ("", 0)
    assert "Arabic" in reading.notices[0]


def test_a_row_of_a_table_off_the_pixels_is_found_in_its_source() -> None:
    text = (
        OcrReader(MiniLMEmbedder())
        .read("How much is dinner in Japan?", ReadingPlan((image_of(("P1", RATES)),), 60))
        .text
    )
    sentences, citations = verify(text, [page_of(RATES)])
    assert [sentence.support for sentence in sentences] == ["exact", "exact"]
    assert [citation.line_start for citation in citations] == [3, 6]
    assert "42 EUR" in citations[1].quote


def test_strokes_between_cells_are_told_from_letters_by_the_rule_below_the_header() -> None:
    read = [
        "I Country I Breakfast | Dinner |",
        "I-I---I-1",
        "IFrance |12 EUR |30 EUR |",
        "1Japan |15 EUR |42 EURI",
        "I left.",
    ]
    assert restore_tables(read) == [
        "| Country | Breakfast | Dinner |",
        "| --- |",
        "| France | 12 EUR | 30 EUR |",
        "| Japan | 15 EUR | 42 EUR |",
        "I left.",
    ]
    assert restore_tables(["|a | b |", "|…一一", "|c|dI"]) == ["| a | b |", "| --- |", "| c | d |"]
    prose = ["Il pleut - il pleut -", "I am l", "---", "1 - 1", ""]
    assert restore_tables(prose) == prose


@pytest.mark.parametrize("preset", ["careful", "dense"])
def test_what_is_read_of_a_line_does_not_depend_on_the_lines_beside_it(preset: str) -> None:
    page = page_of(f"{HARBOUR}\n\n{MUSEUM}\n\nERR_SYNC_77\n\n8\n\n年假最多可结转八天。", RenderProfile.preset(preset))
    levels, boxes = page.levels(), page.boxes_of(page.start, page.end)
    together = PaddleRecogniser().read(levels, boxes)
    alone = [PaddleRecogniser().read(levels, [box])[0] for box in reversed(boxes)]
    assert together == alone[::-1]
    assert any("ERR_SYNC_77" in line for line in together)


def test_lines_that_flow_are_told_apart_by_their_mark() -> None:
    image = image_of(("P1", HARBOUR))
    (passage,) = image.passages
    image = replace(image, passages=(replace(passage, lines=passage.lines[:2]),))
    recogniser = Counting("These things are needed:→ - a red lamp→- the", "company card → the blue one→Ask Ann.")
    text = OcrReader(MiniLMEmbedder(), recogniser).read("Which things are needed?", ReadingPlan((image,), 10)).text
    assert [" ".join(part.split()) for part in text.split("\n\n")] == [
        "These things are needed:",
        "- a red lamp",
        "- the company card → the blue one",
    ]


def test_blank_lines_do_not_reach_the_network(monkeypatch: pytest.MonkeyPatch) -> None:
    recogniser = PaddleRecogniser()
    monkeypatch.setattr("glyph_rag.read.ocr.recognise._prepare", pytest.fail)
    assert recogniser.read(np.zeros((40, 200), np.uint8), [Box(0, 0, 100, 16), Box(0, 16, 50, 32)]) == ["", ""]


def test_a_line_that_ends_within_an_identifier_goes_on() -> None:
    lines = [Box(0, 0, 100, 12), Box(0, 12, 240, 24), Box(0, 24, 60, 36), Box(0, 36, 240, 48)]
    words = ["The id is 5606e1d0-", "f00e-4f5b-9302-055a4b253e39 and no other", "Rates", "are listed below."]
    assert _join(lines, words, 250) == "\n".join(words[:2]) + "\n" + words[2] + "\n\n" + words[3]
