"""Choosing the sentences that answer, without a language model."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from glyph_rag.read.ocr.choose import Choice, choose
from glyph_rag.read.question.cues import names_a_time, section_number, wanted, without_cues
from glyph_rag.read.question.evidence import FloatArray, analyse, matches

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
    [
        *TESLA.split(),
        *TESLA_ZH.split("。"),
        *TESLA_AR.split(),
        "。",
        "\n\n",
        "\n\n- ",
        "\n\n2. ",
        "\n| a | b |\n",
        "| --- |",
        ":",
        "?",
        "# ",
        "...",
        "€ 3,5",
    ]
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


TRIP = """\
## What to bring

For a trip abroad you need:

- a passport
- the company card
- proof of insurance

To book it:

1. Ask your manager.
2. Buy the ticket.

The canteen opens at noon. Parking is free for guests.
"""
NEEDED = ["For a trip abroad you need:", "- a passport", "- the company card", "- proof of insurance"]
RATES = """\
Meal allowances by country are as follows.

| Country | Breakfast | Dinner |
| --- | --- | --- |
| France | 12 EUR | 30 EUR |
| Japan | 15 EUR | 42 EUR |
"""
SECTIONS = """\
# Handbook

## Leave

Every employee has 28 days of leave. Leave is asked for two weeks ahead. The manager answers within three days.

## Travel

Trips are booked by the office. Long trips need the consent of the director. Flights are economy class.

## Security

Passwords are long. Badges are worn at all times. Lost badges are reported. Doors stay shut at night. Visitors sign.
"""


@pytest.mark.parametrize(
    ("question", "items"),
    [
        ("Which things do I need for a trip abroad?", NEEDED),
        ("What do I need for a trip abroad?", NEEDED),
        ("What are the steps to book a trip?", ["To book it:", "1. Ask your manager.", "2. Buy the ticket."]),
    ],
)  # fmt: skip
def test_a_list_is_given_whole(question: str, items: list[str]) -> None:
    choice = choose(question, [TRIP])
    assert [sentence.text for sentence in choice.sentences] == items


def test_a_list_without_marks_off_the_pixels_needs_no_space_behind_them() -> None:
    choice = choose("出差需要哪些东西？", ["出差需要：\n\n-护照\n\n-公司卡\n\n-保险证明\n\n食堂中午开门。"])
    assert [sentence.text for sentence in choice.sentences] == ["出差需要：", "-护照", "-公司卡", "-保险证明"]


def test_a_row_of_a_table_comes_with_its_header() -> None:
    choice = choose("How much is dinner in Japan?", [RATES])
    assert [s.text for s in choice.sentences] == ["| Country | Breakfast | Dinner |", "| Japan | 15 EUR | 42 EUR |"]


def test_what_decides_a_question_may_repeat_it_and_stands_alone() -> None:
    passage = "Dogs are allowed in the office. Cats are not. Is the office open on Sundays? It is not."
    assert texts(choose("Are dogs allowed in the office?", [passage])) == "Dogs are allowed in the office."


def test_a_price_is_preferred_to_another_number() -> None:
    passage = "A ticket for the tram is valid for 90 minutes. A ticket for the tram is sold for 3 euros."
    picked = choose("What is the price of a ticket for the tram?", [passage]).sentences
    assert any("3 euros" in sentence.text for sentence in picked)


def test_what_is_said_in_a_chat_belongs_to_who_says_it() -> None:
    chat = (
        "Ann: Hey Bob! The weather is bad. I would bring an umbrella and boots. "
        "Bob: Hello Ann! The weather is fine. I would bring a hat. What do you think?"
    )
    assert "hat" in texts(choose("What would Bob bring?", [chat]))


def test_a_summary_is_of_the_section_that_is_asked_for() -> None:
    body = SECTIONS.split("## Security\n\n")[1]
    for question in ("Summarise the third section.", "Summarise the last section", "Give me the gist of security"):
        choice = choose(question, [SECTIONS])
        assert choice.answered
        assert 3 <= len(choice.sentences) <= 5
        assert all(sentence.text in body for sentence in choice.sentences)
    assert "28 days" in texts(choose("总结第1节", [SECTIONS]))


def test_there_is_no_summary_of_a_section_that_is_not_there() -> None:
    assert not choose("Summarise section 7", [SECTIONS]).answered
    assert not choose("Summarise section 0", [SECTIONS]).answered
    assert not choose("Summarise the second section", ["One sentence without any heading."]).answered


def test_a_summary_of_everything_has_no_headings_and_nothing_twice() -> None:
    choice = choose("What is this document about?", [SECTIONS, SECTIONS])
    found = [sentence.text for sentence in choice.sentences]
    assert 3 <= len(found) == len(set(found)) <= 5
    assert not any(text.startswith("#") for text in found)


def test_the_topic_alone_is_no_answer() -> None:
    passage = "The ferry to Orrin leaves from the north quay. The ferry has a small café. Tickets are sold on board."
    assert choose("Where does the ferry to Orrin leave from?", [passage]).answered
    assert not choose("Who designed the propeller of the ferry that sank off Skerry in 1911?", [passage]).answered


QUESTIONS = st.sampled_from(
    ["Which {}s are there?", "Summarise {}", "Is {} true?", "总结第二节 {}", "List {}", "How much is {}?", "{}"]
)


@given(
    QUESTIONS, st.one_of(st.text(), st.lists(WORDS).map(" ".join)), st.lists(st.lists(WORDS).map(" ".join), max_size=3)
)
@settings(max_examples=150, deadline=None)
def test_every_choice_quotes_its_passages(form: str, subject: str, passages: list[str]) -> None:
    choice = choose(form.format(subject), passages)
    assert bool(choice.sentences) or not choice.answered
    assert [(s.passage, s.start) for s in choice.sentences] == sorted((s.passage, s.start) for s in choice.sentences)
    for sentence in choice.sentences:
        assert passages[sentence.passage][sentence.start : sentence.end] == sentence.text
        assert 0 < len(sentence.text) <= 600
        assert sentence.text == sentence.text.strip()


def test_question_words() -> None:
    assert wanted("How many bishops?").number
    assert wanted("有多少主教？").number
    assert wanted("In what year?").time
    assert wanted("متى توفي؟").time
    assert wanted("Wer war das?").name
    assert not wanted("Whoever it was").name
    assert "when" not in without_cues("When did Tesla die?").lower()
    assert without_cues("Who?") == "Who?"


@pytest.mark.parametrize(
    ("question", "kind"),
    [
        (question, kind)
        for kind, questions in {
            "several": ["Which telephones do crews get?", "List all fees.", "有哪些假期？", "请列出所有步骤",
                        "ما هي الخطوات؟", "Welche Schritte sind nötig?", "Quels sont les documents ?",
                        "Какие документы нужны?"],
            "decision": ["Can dogs come along?", "可以带狗吗？", "هل يمكن ذلك؟", "Darf ich das?",
                         "犬を連れて来ますか？", "Köpek var mı?", "Можно ли это?"],
            "summary": ["Summarise the third section.", "总结第三节", "What is this document about?", "لخص الفصل 2",
                        "Fasse den Text zusammen.", "要約してください"],
            "number": ["How far is it?", "Wie teuer ist es?", "Сколько их?", "कितने लोग हैं?", "ราคาเท่าไร", "몇 명?",
                       "Yüzde kaç?", "Bao nhiêu người?", "Câți sunt?", "Πόσα είναι;", "¿Cuántos hay?"],
            "time": ["What time is it?", "Wann war das?", "¿Cuándo fue?", "कब हुआ?", "Πότε;", "Când?", "Khi nào?",
                     "Ne zaman?", "เมื่อไหร่", "几点开门？", "Когда?"],
        }.items()
        for question in questions
    ],
)  # fmt: skip
def test_what_kind_of_answer_is_wanted(question: str, kind: str) -> None:
    assert getattr(wanted(question), kind)


@pytest.mark.parametrize(
    "question", ["Which city lies on the Rhine?", "Which process is used?", "Is it red or blue?", "犬は何匹いますか？"]
)
def test_what_only_looks_like_a_list_or_a_decision(question: str) -> None:
    assert not wanted(question).several
    assert not wanted(question).decision


@pytest.mark.parametrize(
    ("question", "number"),
    [
        ("Summarise the third section.", 3), ("总结第二章", 2), ("Summary of chapter 7", 7), ("the last part", -1),
        ("最后一节", -1), ("Fasse den zweiten Abschnitt zusammen", 2), ("Résume la première partie", 1), ("gist", None),
    ],
)  # fmt: skip
def test_sections_are_named_by_number(question: str, number: int | None) -> None:
    assert section_number(question) == number


def test_times_are_found_as_they_are_written() -> None:
    assert names_a_time("On Monday, 7 January 1943, at 5:30") >= {"monday", "january", "1943", "5:30"}
    assert names_a_time("1943年1月7日") == {"1943", "1月", "7日"}
    assert names_a_time("308 points") == frozenset()


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
