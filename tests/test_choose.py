"""Choosing the sentences that answer, without a language model."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from glyph_rag.read.choose import Choice, choose
from glyph_rag.read.cues import asks_for_name, asks_for_number, asks_for_time, without_cues
from glyph_rag.read.evidence import FloatArray, analyse, matches

TESLA = (
    "Nikola Tesla was an inventor and engineer. He was born in the village of Smiljan in 1856. "
    "He earned money with his patents and spent it on his own projects. "
    "He lived most of his life in a series of New York hotels. Tesla died on 7 January 1943."
)
NORMANS = (
    "The Normans gave their name to Normandy, a region in France. They came from Denmark, Iceland "
    "and Norway. "
    "Their leader Rollo swore fealty to King Charles III. The duchy had 24 bishops."
)
TESLA_ZH = "特斯拉是一位发明家。他的专利为他赚了很多钱。他大部分时间都住在一系列纽约酒店里。特斯拉于1943年1月7日去世。"
TESLA_AR = "كان تسلا مخترعا مشهورا. عاش تسلا معظم حياته في فنادق نيويورك. توفي تسلا في السابع من يناير عام 1943."
WORDS = st.sampled_from(
    [*TESLA.split(), *TESLA_ZH.split("。"), *TESLA_AR.split(), "。", "\n\n", "?", "# ", "...", "€ 3,5"]
)


def texts(choice: Choice) -> str:
    return " ".join(sentence.text for sentence in choice.sentences)


@pytest.mark.parametrize(
    ("question", "answer"),
    [
        ("When did Tesla die?", "1943"),
        ("Where did Tesla live for most of his life?", "New York hotels"),
        ("Who was the leader of the Normans?", "Rollo"),
        ("How many bishops were there in the duchy?", "24"),
        ("What did Tesla do with the money of his patents?", "projects"),
    ],
)
def test_answers_in_english(question: str, answer: str) -> None:
    choice = choose(question, [TESLA, NORMANS])
    assert choice.answered
    assert answer in texts(choice)


@pytest.mark.parametrize(
    ("question", "passage", "answer"),
    [
        ("特斯拉是哪一年去世的？", TESLA_ZH, "1943年"),
        ("特斯拉大部分时间住在哪里？", TESLA_ZH, "纽约酒店"),
        ("في أي سنة توفي تسلا؟", TESLA_AR, "1943"),
        ("أين عاش تسلا معظم حياته؟", TESLA_AR, "فنادق نيويورك"),
    ],
)
def test_answers_in_other_scripts(question: str, passage: str, answer: str) -> None:
    choice = choose(question, [passage])
    assert choice.answered
    assert answer in texts(choice)


@pytest.mark.parametrize(
    ("question", "passages"),
    [
        ("What is the airspeed of an unladen swallow?", [TESLA, NORMANS]),
        ("Which protein carries oxygen in blood?", [TESLA, NORMANS]),
        ("空载燕子的飞行速度是多少？", [TESLA_ZH]),
        ("ما هي عاصمة اليابان القديمة؟", [TESLA_AR]),
        ("When did Tesla die?", []),
        ("When did Tesla die?", ["", " \n"]),
        ("", [TESLA]),
        ("?!", [TESLA]),
    ],
)
def test_says_so_when_nothing_answers(question: str, passages: list[str]) -> None:
    assert not choose(question, passages).answered


def test_a_sentence_that_repeats_the_question_is_no_answer() -> None:
    faq = "What is the deposit for a rented bicycle?\n\nThe deposit is 40 euros.\n\nShops close on Sundays."
    choice = choose("What is the deposit for a rented bicycle?", [faq])
    assert "The deposit is 40 euros." in texts(choice)


def test_the_same_sentence_is_never_given_twice() -> None:
    choice = choose("When did Tesla die?", [TESLA, TESLA])
    assert len({sentence.text for sentence in choice.sentences}) == len(choice.sentences)


def test_similarity_finds_what_shares_no_word() -> None:
    passage = "The shop opens at nine. Its proprietor is Ms Adeyemi. Parking costs nothing."

    def similarity(texts: Sequence[str]) -> FloatArray:
        return np.array([0.8 if "proprietor" in text else 0.1 for text in texts], dtype=np.float32)

    assert "Adeyemi" in texts(choose("Who owns it?", [passage], similarity))


def test_few_texts_are_embedded_and_each_once() -> None:
    asked: list[str] = []

    def similarity(texts: Sequence[str]) -> FloatArray:
        asked.extend(texts)
        return np.zeros(len(texts), dtype=np.float32)

    choose("When did Tesla die?", [TESLA, NORMANS] * 10, similarity)
    assert len(asked) == len(set(asked)) <= 20


def test_a_heading_is_no_answer() -> None:
    for heading in ("## Telephones for field crews", "Telephones"):
        passage = f"{heading}\n\nField crews get a waterproof one with a red case."
        assert texts(choose("Which telephones do field crews get?", [passage])) == (
            "Field crews get a waterproof one with a red case."
        )


def test_a_sentence_too_long_to_quote_is_cut_at_a_comma() -> None:
    passage = ", ".join(f"item {i} of the inventory" for i in range(100)) + ", and the crown jewels of Ruritania"
    choice = choose("Which crown jewels are in the inventory of Ruritania?", [passage])
    assert all(len(sentence.text) <= 600 for sentence in choice.sentences)
    assert "crown jewels of Ruritania" in texts(choice)


@given(st.one_of(st.text(), st.lists(WORDS).map(" ".join)), st.lists(st.lists(WORDS).map(" ".join), max_size=3))
@settings(max_examples=100, deadline=None)
def test_every_choice_quotes_its_passages(question: str, passages: list[str]) -> None:
    choice = choose(question, passages)
    assert len(choice.sentences) <= 2
    assert bool(choice.sentences) or not choice.answered
    assert [(s.passage, s.start) for s in choice.sentences] == sorted((s.passage, s.start) for s in choice.sentences)
    for sentence in choice.sentences:
        assert passages[sentence.passage][sentence.start : sentence.end] == sentence.text
        assert 0 < len(sentence.text) <= 600
        assert sentence.text == sentence.text.strip()


def test_question_words() -> None:
    assert asks_for_number("How many bishops?")
    assert asks_for_number("有多少主教？")
    assert asks_for_time("In what year?")
    assert asks_for_time("متى توفي؟")
    assert asks_for_name("Wer war das?")
    assert not asks_for_name("Whoever it was")
    assert "when" not in without_cues("When did Tesla die?").lower()
    assert without_cues("Who?") == "Who?"


def test_words_match_in_spite_of_inflection() -> None:
    table = matches(["inventions", "1943", "cat", "пароходами"], ["invention", "1944", "cats", "пароход"])
    assert table[0, 0] >= 0.7
    assert table[1, 1] == 0
    assert table[2, 2] == 0
    assert table[3, 3] >= 0.7


def test_analysis_sees_names_and_numbers() -> None:
    seen = analyse("In 1856 he met Rollo in Smiljan, twelve miles off.")
    assert seen.names >= {"rollo", "smiljan"}
    assert seen.numbers == {"1856", "twelve"}
    assert analyse("特斯拉").words == ("特斯", "斯拉")
    assert analyse("والكتاب").words == analyse("كتاب").words
    assert "वह" in analyse("वह किताब").words
