"""The guess at a question's language."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from glyph_rag.embed.language import guess_language, knows

ENGLISH = frozenset({"en"})


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("How many Grammys has Lady Gaga won?", "en"),
        ("What did Beyoncé sing?", "en"),
        ("what is the α decay of 铀", "en"),
        ("Wie viele Grammys gewann Lady Gaga?", "de"),
        ("¿Qué cantó Lady Gaga?", "es"),
        ("Combien de prix a-t-elle gagnés ?", "fr"),
        ("Quanti premi ha vinto e quando?", "it"),
        ("Quantos prêmios ela ganhou e quando?", "pt"),
        ("Câte premii Grammy a câștigat Lady Gaga?", "ro"),
        ("Lady Gaga kaç Grammy kazanmıştır?", "tr"),
        ("Lady Gaga đã hát bài gì?", "vi"),
        ("Τι τραγούδησε η Lady Gaga;", "el"),
        ("Что пела Леди Гага?", "ru"),
        ("Що співала Леді Ґаґа?", "uk"),
        ("ماذا غنت ليدي غاغا؟", "ar"),
        ("پایتخت ایران چیست؟", "fa"),
        ("یہ کہاں ہے؟", "ur"),
        ("लेडी गागा ने क्या गाया?", "hi"),
        ("เลดีกากา ร้องเพลงอะไร", "th"),
        ("女神卡卡唱了什么歌？", "zh"),
        ("iPhone 15 Pro Max 怎么样", "zh"),
        ("東京の人口は何人ですか", "ja"),
        ("서울의 인구는 얼마입니까?", "ko"),
        ("מהי בירת ישראל?", "he"),
    ],
)
def test_questions(text: str, language: str) -> None:
    assert guess_language(text) == language


@pytest.mark.parametrize(
    "text",
    [
        "",
        "   ",
        "42",
        "???",
        "Norman conquest Sicily",
        "ERR_CONN_42",
        "cat",
        "war",
        "chat",
        "die",
        "year Tesla die",
        "Ludwig Mies building",
        "\ud800",
    ],
)
def test_what_says_nothing_counts_as_known(text: str) -> None:
    assert guess_language(text) is None
    assert knows(ENGLISH, text)


def test_knows() -> None:
    assert knows(ENGLISH, "Where is the office?")
    assert not knows(ENGLISH, "办公室在哪里？")
    assert not knows(ENGLISH, "Wo ist das Büro?")
    assert knows(frozenset({"zh", "en"}), "办公室在哪里？")
    assert knows(None, "办公室在哪里？")


@given(st.text())
def test_any_text_gets_an_answer_and_always_the_same(text: str) -> None:
    language = guess_language(text)
    assert language is None or 2 <= len(language) <= 3
    assert guess_language(text) == language
