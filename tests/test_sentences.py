"""The sentence splitter: exact spans in any script."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from glyph_rag.corpus.sentences import sentence_spans


def sentences(text: str) -> list[str]:
    return [text[start:end] for start, end in sentence_spans(text)]


PIECES = st.sampled_from(
    [
        *".!?。！？…؟۔।։።;:\"'”」)]*_#|>-+` \n\r\t\u2028\u00a0",
        *["```", "\n\n", "1. ", "Mr", "e.g", "U.S", "3.5", "[12]", "word", "Word"],
        *["特斯拉", "سنة", "वह", "ꦗ", "\U0001f600", "\u0301", "\ud7ff"],
    ]
)


@given(st.one_of(st.text(), st.lists(PIECES).map("".join)))
@settings(max_examples=300, deadline=None)
def test_spans_are_ordered_trimmed_and_cover_all_text(text: str) -> None:
    spans = sentence_spans(text)
    at = 0
    for start, end in spans:
        assert at <= start < end <= len(text)
        assert not text[at:start].strip()
        assert text[start:end] == text[start:end].strip()
        at = end
    assert not text[at:].strip()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Mr. Smith met Dr. Wu. They spoke.", ["Mr. Smith met Dr. Wu.", "They spoke."]),
        ("It joined the U.S. Army. Then it left.", ["It joined the U.S. Army.", "Then it left."]),
        ("They live in the U.S. The rest left.", ["They live in the U.S.", "The rest left."]),
        ("J. R. R. Tolkien wrote it, e.g. Rings. Yes.", ["J. R. R. Tolkien wrote it, e.g. Rings.", "Yes."]),
        ("It cost 3.5 dollars in v1.2 of a.txt. Done!", ["It cost 3.5 dollars in v1.2 of a.txt.", "Done!"]),
        ("See https://a.example/b.c?d=e. Then go.", ["See https://a.example/b.c?d=e.", "Then go."]),
        ('"Really?" he asked. (It was.) "Good."', ['"Really?" he asked.', "(It was.)", '"Good."']),
        ("Wait... what? No... Then yes.", ["Wait... what?", "No...", "Then yes."]),
        ("A success.[12] He left.:12,15 She stayed.", ["A success.[12]", "He left.:12,15", "She stayed."]),
        ("no capitals here. none at all. fine", ["no capitals here.", "none at all.", "fine"]),
        ("Am 7. Januar 1943 starb er. Das war im 20. Jahrhundert.",
         ["Am 7. Januar 1943 starb er.", "Das war im 20. Jahrhundert."]),
        ("It has 7. The rest is lost.", ["It has 7.", "The rest is lost."]),
    ],
)  # fmt: skip
def test_latin(text: str, expected: list[str]) -> None:
    assert sentences(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("他说：“你好。”然后走了。真的吗？是的！", ["他说：“你好。”", "然后走了。", "真的吗？", "是的！"]),
        ("「はい。」と言った。終わり。", ["「はい。」", "と言った。", "終わり。"]),
        ("他走了……她也走了。", ["他走了……", "她也走了。"]),
        ("“走吧！”的声音。", ["“走吧！”的声音。"]),
        ("真的吗?是的!好.完", ["真的吗?", "是的!", "好.", "完"]),
        ("هل هذا صحيح؟ نعم. لا شك۔", ["هل هذا صحيح؟", "نعم.", "لا شك۔"]),
        ("यह है। वह है।", ["यह है।", "वह है।"]),
        ("ខ្ញុំទៅ។ គាត់ទៅ។", ["ខ្ញុំទៅ។", "គាត់ទៅ។"]),
        ("Սա է։ Նա է։", ["Սա է։", "Նա է։"]),
        ("ይህ ነው። ያ ነው።", ["ይህ ነው።", "ያ ነው።"]),
        ("Τι είναι; Είναι αυτό.", ["Τι είναι;", "Είναι αυτό."]),
        ("ฉันไป เขามา", ["ฉันไป เขามา"]),
    ],
)
def test_other_scripts(text: str, expected: list[str]) -> None:
    assert sentences(text) == expected


def test_markdown_structure_parts_sentences() -> None:
    text = (
        "# A title\nProse that\nwraps. More.\n\n- item one\n  goes on\n* item two. Its end\n1. first\n"
        "| a | b |\n|---|---|\n> quoted\n```py\nx = 1. Y\n\nz\n```\nAfter"
    )
    assert sentences(text) == [
        "# A title", "Prose that\nwraps.", "More.", "- item one\n  goes on", "* item two.", "Its "
        "end", "1. first",
        "| a | b |", "|---|---|", "> quoted", "```py", "x = 1. Y", "z", "```", "After",
    ]  # fmt: skip


def test_nothing_in_nothing_out() -> None:
    assert sentence_spans("") == []
    assert sentence_spans(" \n\t\u2028 ") == []


@pytest.mark.parametrize("seed", [".", ". ", '"', "\n", " ", "a. ", ".[", "- ", ">\n", "(.", ".\u0301", "。", "1. "])
def test_hostile_text(seed: str) -> None:
    """Of a size at which anything but linear time would take very long."""
    text = seed * (40_000 // len(seed))
    spans = sentence_spans(text)
    assert "".join("".join(text[start:end].split()) for start, end in spans) == "".join(text.split())
