"""What a model is asked, and what remains of its reply."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from glyph_rag.read.plan import PlanPage, PlanText, ReadingPlan, Turn
from glyph_rag.read.prompt import (
    NOT_IN_PAGES,
    PagePart,
    TextPart,
    abstains,
    build_prompt,
    clean_answer,
    prompt_texts,
    without_thoughts,
)


def plan_of(count: int) -> ReadingPlan:
    pages = tuple(
        PlanPage((f"P{n}",), (f"id{n}",), np.full((28, 56), n, np.uint8), "#000000", "#ffffff", (), 2)
        for n in range(1, count + 1)
    )
    return ReadingPlan(pages, 9 * count)


def test_each_page_follows_its_label_and_the_question_comes_last() -> None:
    plan = plan_of(3)
    prompt = build_prompt("Why?", plan)
    texts, images = prompt.parts[:-1:2], prompt.parts[1::2]
    assert [part.text for part in texts if isinstance(part, TextPart)] == ["[P1]", "[P2]", "[P3]"]
    assert [part.page for part in images if isinstance(part, PagePart)] == list(plan.pages)
    assert prompt.parts[-1] == TextPart("Why?")
    assert NOT_IN_PAGES in prompt.system


def test_texts_and_turns_stand_between_the_pages_and_the_question() -> None:
    passage = PlanText("passage", "P2", "leave.md:3-4", "Eight\ud800 days.", 9)
    plan = replace(
        plan_of(1), texts=(passage, PlanText("exact", "", "", "[P1] ERR_77", 9)),
        turns=(Turn("Who?", "Ines."), Turn("When?", "In May.")),
    )  # fmt: skip
    prompt = build_prompt("Why?", plan)
    label, page, text, exact, said, question = prompt.parts
    assert (label, question) == (TextPart("[P1]"), TextPart("Why?"))
    assert isinstance(page, PagePart)
    assert text == TextPart("[P2] leave.md:3-4\nEight? days.")
    assert isinstance(exact, TextPart)
    assert exact.text.endswith(":\n[P1] ERR_77")
    assert isinstance(said, TextPart)
    assert said.text.endswith("\nQ: Who?\nA: Ines.\nQ: When?\nA: In May.")
    always = prompt_texts("Why?", plan.turns)
    assert always == (prompt.system, said.text, "Why?")


def test_several_pages_on_one_image_share_a_heading() -> None:
    (page,) = plan_of(1).pages
    stacked = ReadingPlan((replace(page, labels=("P1", "P2", "H1")),), 9)
    assert build_prompt("Why?", stacked).parts[0] == TextPart("[P1, P2, H1]")


def test_a_schema_is_part_of_the_instructions() -> None:
    schema = '{"type": "object"}'
    prompt = build_prompt("Why?", plan_of(1), schema)
    assert prompt.system.startswith(build_prompt("Why?", plan_of(1)).system)
    assert prompt.system.endswith(schema)
    assert "JSON" in prompt.system  # without that word OpenAI refuses json_object
    assert prompt_texts("Why?", (), schema)[0] == prompt.system


def test_a_question_without_bytes_still_has_a_prompt() -> None:
    (part,) = build_prompt("a\ud800b", plan_of(0)).parts
    assert part == TextPart("a?b")


@pytest.mark.parametrize(
    ("reply", "answer"),
    [
        ("Eight days [P1].", "Eight days."),
        ("Eight days. [P1] Ask Ines (P3).", "Eight days. Ask Ines."),
        ("Eight days.[P1]Ask Ines.[P1, P2]", "Eight days. Ask Ines."),
        ("Eight days [P1][P2].", "Eight days."),
        ("Eight days **[P1]**", "Eight days"),
        ("**Eight days [p1; P2]**", "**Eight days**"),
        ("[P1] Eight days", "Eight days"),
        ("[P1 and P2] [P1-P3] Eight", "Eight"),
        ("第三天【P1】。", "第三天。"),
        ("第三天（P1、P2）。第四天[P1]。", "第三天。第四天。"),
        ("Answer: Paris", "Paris"),
        ("**Answer:** Paris", "Paris"),
        ("### Answer\nParis", "Paris"),
        ("答案：第三天", "第三天"),
        ("<think>It may be [P1]\nor not.</think>\n\nParis [P1]", "Paris"),
        ("The label says so.</think>Paris", "Paris"),
        ("<think>The label says", ""),
        ("<think>Hm.</think><answer><|begin_of_box|>Paris<|end_of_box|></answer>", "Paris"),
        ("Paris<|im_end|>\n<|endoftext|>", "Paris"),
        ("As said before [H1].[P1, H2] So it is【H1、P2】.", "As said before. So it is."),
        ("Hydrogen (H2) and pages (P1)", "Hydrogen (H2) and pages"),
        ("Set a[0] = P1 (see P4-B) [PDF].", "Set a[0] = P1 (see P4-B) [PDF]."),
        ("Answering: no", "Answering: no"),
        ("Open the tag <think> first.", "Open the tag <think> first."),
        ("  two\n\n lines ", "two\n\n lines"),
        ("", ""),
    ],
)
def test_only_what_is_no_part_of_the_answer_goes(reply: str, answer: str) -> None:
    assert clean_answer(reply) == answer
    assert not abstains(reply)


@pytest.mark.parametrize(
    "reply",
    [
        NOT_IN_PAGES, "not in the documents.", '"Not in the documents"', "**NOT IN THE DOCUMENTS**",
        "[NOT IN THE DOCUMENTS]", "NOT_IN_THE_DOCUMENTS", "Answer: NOT IN THE DOCUMENTS [P1]", "`NOT IN THE DOCUMENTS`",
        "<think>Nothing here.</think> NOT IN THE DOCUMENTS", "The pages are about leave.\n\nNOT IN THE DOCUMENTS",
        "NOT IN THE DOCUMENTS. The pages are about leave.", "Not in the documents!\nThey are about leave.",
        "<answer>Not in the documents</answer>", "NOT IN THE DOCUMENTS NOT IN THE DOCUMENTS",
    ],
)  # fmt: skip
def test_a_model_that_finds_no_answer_gives_none(reply: str) -> None:
    assert clean_answer(reply) == ""
    assert abstains(reply)


@pytest.mark.parametrize(
    "reply", ["Not in the documents room but in the safe.", "The key is not in the documents.", "Not in the safe."]
)
def test_an_answer_that_resembles_the_phrase_is_an_answer(reply: str) -> None:
    assert clean_answer(reply) == reply


@given(st.text(alphabet="aB .\n[(P1,2)]*:Answer<think/>（）", max_size=60) | st.text())
def test_cleaning_twice_changes_nothing_more(reply: str) -> None:
    assert clean_answer(clean_answer(reply)) == clean_answer(reply)


@given(st.text(alphabet=st.characters(exclude_characters="[(（［【〔<", exclude_categories=["C", "Z"]), min_size=1))
def test_words_without_brackets_stay(word: str) -> None:
    if ":" not in word and "：" not in word and not abstains(word):
        assert clean_answer(word) == word


def test_a_reply_without_thoughts_keeps_its_labels() -> None:
    assert without_thoughts('<think>Hm.</think><answer>{"a": "[P1] (P2)"}</answer><|im_end|>') == '{"a": "[P1] (P2)"}'
