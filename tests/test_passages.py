"""Passages that somebody else found: what is shown of them, and what an answer to them is held against."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from glyph_rag.errors import InputError, ProfileError
from glyph_rag.passages import Given, number_of, typeset_passages
from glyph_rag.read.planning.material import PlanSettings, Viewer
from glyph_rag.read.prompt import PagePart, TextPart
from glyph_rag.read.reader import Reading, Sight
from glyph_rag.typeset.page import Page
from glyph_rag.typeset.render import page_label

LEAVE = Given("Leave is asked for two weeks before.\nFive days can be carried over.", "hr/leave.md", first_line=12)
ERROR = Given("ERR_CONN_42 means that the connection was refused.", "ops.pdf", place="page 3")
CLAIMS = Given("报销上限为每月 2000 元。")


def as_drawn(page: Page) -> np.ndarray:
    return np.asarray(page.image(page_label(page)).convert("L"))


def test_each_passage_stands_on_an_image_of_its_label_and_words() -> None:
    shown = typeset_passages([LEAVE, ERROR, CLAIMS], "How many days?")
    assert shown.labels == {0: ("P1",), 1: ("P2",), 2: ("P3",)}
    headings = [part.text for part in shown.parts if isinstance(part, TextPart)]
    images = [part.page for part in shown.parts if isinstance(part, PagePart)]
    assert headings == [f"[{page.label}]" for page in shown.plan.pages]
    assert images == list(shown.plan.pages)
    homes = [excerpt.home for excerpt in shown.job.excerpts]
    assert [page_label(home) for home in homes] == ["hr/leave.md:12-13", "ops.pdf:page 3", "context:passage 3"]
    assert [home.text for home in homes] == [LEAVE.text, ERROR.text, CLAIMS.text]


def test_the_words_of_a_passage_are_its_pixels() -> None:
    page = typeset_passages([ERROR]).plan.pages[0]
    other = typeset_passages([Given(ERROR.text.replace("42", "43"), ERROR.source, place=ERROR.place)]).plan.pages[0]
    assert page.levels.shape == other.levels.shape
    assert (page.levels != other.levels).any()
    assert Image.open(__import__("io").BytesIO(page.png())).size == page.size


def test_an_answer_is_cited_by_line_or_place_and_corrected() -> None:
    shown = typeset_passages([LEAVE, ERROR, CLAIMS])
    answer = shown.check("Six days can be carried over [P1]. ERR_CONN_42 means that the connection was refused [P2].")
    assert answer.text == "Five days can be carried over. ERR_CONN_42 means that the connection was refused."
    assert [sentence.support for sentence in answer.sentences] == ["corrected", "exact"]
    assert [citation.where for citation in answer.citations] == ["hr/leave.md:13-13", "ops.pdf, page 3"]
    assert [number_of(citation.document_id) for citation in answer.citations] == [0, 1]
    assert answer.supported


def test_an_answer_is_set_out_as_it_was_written() -> None:
    shown = typeset_passages([Given("Leave is asked for two weeks before.\nFive days can be carried over.\n  x = 1")])
    items = "- Leave is asked for two weeks before. [P1]\n- Six days can be carried over. [P1]"
    reply = f"In short:\n\n{items}\n\n```\n  x = 1\n```"
    corrected = reply.replace(" [P1]", "").replace("Six", "Five")
    assert shown.check(reply).text == corrected
    kept = shown.check(reply, strict=True).text
    assert kept == "- Leave is asked for two weeks before.\n- Five days can be carried over.\n\nx = 1"


def test_words_of_ones_own_stay_unless_only_what_is_supported_is_wanted() -> None:
    shown = typeset_passages([LEAVE])
    reply = "Five days can be carried over. The moon is made of cheese."
    loose, strict = shown.check(reply), shown.check(reply, strict=True)
    assert (loose.text, loose.supported) == (reply, False)
    assert strict.text == "Five days can be carried over."


def test_what_the_provider_counted_is_in_the_usage() -> None:
    answer = typeset_passages([LEAVE]).check("Five days.", reading=Reading("", tokens=321, output_tokens=4))
    assert (answer.usage.reported_tokens, answer.usage.output_tokens) == (321, 4)
    assert answer.usage.image_tokens == answer.plan.image_tokens


def test_nothing_stands_as_text_unless_it_is_asked_for() -> None:
    assert not typeset_passages([ERROR], "ERR_CONN_42?").plan.texts
    exact = typeset_passages([ERROR], "ERR_CONN_42?", settings=PlanSettings(focus=False)).plan
    assert [text.kind for text in exact.texts] == ["exact"]
    assert "ERR_CONN_42" in exact.texts[0].text
    text = typeset_passages([LEAVE, ERROR], settings=PlanSettings("text", exact=False, focus=False)).plan
    assert not text.pages
    assert [LEAVE.text in text.texts[0].text, ERROR.text in text.texts[1].text] == [True, True]


def test_a_budget_leaves_out_the_last_passages_and_names_them() -> None:
    passages = [Given(f"Passage number {number}. " + "Many words of it. " * 120, f"{number}.md") for number in range(8)]
    whole = typeset_passages(passages)
    shown = typeset_passages(passages, settings=PlanSettings(budget=whole.plan.tokens // 2, exact=False, focus=False))
    assert shown.plan.tokens <= whole.plan.tokens // 2
    assert sorted(shown.labels) == list(range(len(shown.labels)))
    assert shown.plan.omitted
    assert {omission.place.split(":")[0] for omission in shown.plan.omitted} >= {"7.md"}


def test_bad_input_is_named() -> None:
    with pytest.raises(InputError, match="budget"):
        typeset_passages([LEAVE], settings=PlanSettings(budget=0))
    with pytest.raises(ProfileError, match="carefull"):
        typeset_passages([LEAVE], settings=PlanSettings(density="carefull"))


def test_passages_without_words_are_left_out() -> None:
    assert typeset_passages([]).plan.empty
    shown = typeset_passages([Given(" \n"), LEAVE])
    assert shown.labels == {1: ("P1",)}
    assert typeset_passages([]).check("Anything at all.").supported is False


@given(st.lists(st.text(max_size=300), max_size=6), st.sampled_from([None, 1, 2]))
def test_all_words_of_all_passages_are_shown(texts: list[str], most: int | None) -> None:
    viewer = Viewer("some", Sight(max_images=most))
    shown = typeset_passages([Given(text) for text in texts], viewer=viewer)
    words: dict[int, str] = {}
    for excerpt in shown.job.excerpts:
        at = number_of(excerpt.home.document_id)
        words[at] = words.get(at, "") + excerpt.shown.text
    if not shown.plan.omitted:
        assert {at: "".join(text.split()) for at, text in words.items()} == {
            at: "".join(text.split()) for at, text in enumerate(texts) if text.strip()
        }
    assert most is None or len(shown.plan.pages) <= most
