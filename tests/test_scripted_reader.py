"""The public fake of a reader: it can be asked in every way, and remembers what it was shown."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from glyph_rag.read.plan import PlanPage, ReadingPlan
from glyph_rag.read.reader import Reading, Sight
from glyph_rag.testing import ScriptedReader

PLAN = ReadingPlan((PlanPage(("P1",), ("a",), np.zeros((28, 28), np.uint8), "#000000", "#ffffff", (), 1),), 9)


def test_it_answers_with_words_a_reading_or_what_a_function_says() -> None:
    assert ScriptedReader("Eight.").read("q", PLAN) == Reading("Eight.")
    reading = Reading("Eight.", ("a notice",), 70, 5, ("P1",))
    assert ScriptedReader(reading).read("q", PLAN) is reading
    assert ScriptedReader(lambda question: question * 2).read("q", PLAN).text == "qq"
    assert ScriptedReader(lambda _: reading).read("q", PLAN) is reading


def test_it_remembers_plans_and_schemas() -> None:
    reader = ScriptedReader("Eight.", data=lambda question: f'{{"asked": "{question}"}}')
    assert reader.read_structured("q", PLAN, "{}").data == '{"asked": "q"}'
    assert ScriptedReader(data='{"a": 1}').read_structured("q", PLAN, "{}") == Reading("", data='{"a": 1}')
    list(reader.stream("q", PLAN))
    assert reader.plans == [PLAN, PLAN]
    assert reader.schemas == ["{}"]


def test_it_sees_what_it_is_told() -> None:
    assert ScriptedReader().sight() == Sight()
    assert ScriptedReader(sight=Sight(max_images=2, context=900)).sight().max_images == 2


@given(st.text())
def test_a_stream_adds_up_to_the_answer(text: str) -> None:
    pieces = list(ScriptedReader(text).stream("q", PLAN))
    assert "".join(pieces) == text
    assert "" not in pieces
