"""Asking: budgets, modes, checks, streams, conversations and whole documents, through the façade."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections.abc import AsyncIterator, Iterator
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from glyph_rag import Document, GlyphRAG
from glyph_rag.errors import InputError, LimitError, LoadError, ReaderError
from glyph_rag.limits import Limits
from glyph_rag.rag import NOT_FOUND
from glyph_rag.read.chat import Chat
from glyph_rag.read.models.openai import OpenAIReader
from glyph_rag.read.plan import ReadingPlan, Turn
from glyph_rag.read.prompt import NOT_IN_PAGES, clean_answer
from glyph_rag.read.question.followup import is_follow_up, standalone
from glyph_rag.read.reader import Done, Reading, Sight
from glyph_rag.read.streaming import Words
from glyph_rag.testing import HashEmbedder, ScriptedReader
from glyph_rag.typeset.profile import PRESETS
from tests.openai_server import MODEL, OpenAIServer

HANDBOOK = {
    "leave": "Up to eight days of leave can be carried over to the next year.\n\nLeave is asked for two weeks before.",
    "gate": "The gate opens at 6:45 on working days.\n\nThe gate closes at 22:10 on working days.",
    "ticket": "Ticket ERR_CONN_42 was closed by Amara Okonkwo.\n\nIt had been open for 31 days.",
}


def documents() -> list[Document]:
    return [Document(name, text, source=f"handbook/{name}.md") for name, text in HANDBOOK.items()]


def open_rag(tmp_path: Path, reader: object) -> GlyphRAG:
    rag = GlyphRAG.open(tmp_path / "kb", embedder=HashEmbedder(), reader=reader)  # type: ignore[arg-type]
    rag.add(documents())
    return rag


class Streamer:
    """Gives its answer in pieces."""

    name = "streamer"

    def __init__(self, *pieces: str) -> None:
        self.pieces = pieces
        self.closed = False

    def read(self, question: str, plan: ReadingPlan) -> Reading:
        return Reading(clean_answer("".join(self.pieces)))

    def stream(self, question: str, plan: ReadingPlan, done: Done | None = None) -> Iterator[str]:
        try:
            yield from self.pieces
            if done:
                done(self.read(question, plan))
        finally:
            self.closed = True

    async def aread(self, question: str, plan: ReadingPlan) -> Reading:
        await asyncio.sleep(0)
        return self.read(question, plan)

    async def astream(self, question: str, plan: ReadingPlan, done: Done | None = None) -> AsyncIterator[str]:
        for piece in self.pieces:
            await asyncio.sleep(0)
            yield piece
        if done:
            done(self.read(question, plan))


class Narrow(ScriptedReader):
    """A reader that takes few images, or little."""

    def __init__(self, answer: str, sight: Sight) -> None:
        super().__init__(answer)
        self._sight = sight

    def sight(self) -> Sight:
        return self._sight


# --- strictness and what is not supported


def test_strict_leaves_out_what_the_source_does_not_say(tmp_path: Path) -> None:
    reader = ScriptedReader("The gate opens at 6:45 on working days. The gate is painted green.")
    with open_rag(tmp_path, reader) as rag:
        loose, strict = rag.ask("When does the gate open?"), rag.ask("When does the gate open?", strict=True)
    assert "painted green" in loose.text
    assert strict.text == "The gate opens at 6:45 on working days."
    assert [sentence.support for sentence in strict.sentences] == ["exact", "unsupported"]
    assert strict.found
    assert not strict.supported
    assert any("1 sentence was left out" in notice for notice in strict.notices)


def test_an_answer_of_which_nothing_is_supported_is_no_answer(tmp_path: Path) -> None:
    with open_rag(tmp_path, ScriptedReader("The moon is made of cheese.")) as rag:
        answer = rag.ask("When does the gate open?")
    assert answer.text == NOT_FOUND
    assert not answer.found
    assert not answer.citations
    assert answer.sentences[0].read_as == "The moon is made of cheese."


def test_an_answer_from_a_page_that_was_not_shown_is_not_supported(tmp_path: Path) -> None:
    reader = ScriptedReader("Ticket ERR_CONN_42 was closed by Amara Okonkwo.")
    with open_rag(tmp_path, reader) as rag:
        shown = rag.ask("Who closed the ticket ERR_CONN_42?", k=1)
        hidden = rag.ask("When does the gate open on working days?", k=1)
    assert shown.supported
    assert not hidden.found


def test_after_a_reader_saw_fewer_pages_only_these_count(tmp_path: Path) -> None:
    class Sees(ScriptedReader):
        def read(self, question: str, plan: ReadingPlan) -> Reading:
            return Reading("Ticket ERR_CONN_42 was closed by Amara Okonkwo.", shown=plan.labels[:1])

    with open_rag(tmp_path, Sees("")) as rag:
        answer = rag.ask("When does the gate open on working days, and the ticket?", k=3)
        assert len(answer.plan.pages) > 1
        first = rag.page(answer.plan.pages[0].page_ids[0])
    assert answer.found == ("Okonkwo" in first.text)


# --- budget, density, mode


def test_citations_of_another_density_point_at_the_page_of_the_store(tmp_path: Path) -> None:
    with open_rag(tmp_path, ScriptedReader("Up to eight days of leave can be carried over to the next year.")) as rag:
        answers = [rag.ask("How many days of leave?", density=density, k=1) for density in (None, "balanced", "dense")]
        answers.append(rag.ask("How many days of leave?", budget=260, k=1))
        answers.append(rag.ask("How many days of leave?", mode="text", k=1))
        for answer in answers:
            (citation,) = answer.citations
            page = rag.page(citation.page_id)
            assert citation.boxes == page.boxes_of(citation.start, citation.end)
            assert page.profile == PRESETS["careful"]
            assert citation == answers[0].citations[0]


def test_a_budget_is_kept_and_printed(tmp_path: Path) -> None:
    with open_rag(tmp_path, ScriptedReader("x")) as rag:
        plan = rag.plan("When does the gate open?", budget=400)
        assert plan.tokens <= 400
        assert "of 400 tokens" in str(plan)
        with pytest.raises(InputError, match="no room"):
            rag.plan("When does the gate open?", budget=170)


def test_the_embedded_reader_answers_in_every_mode_and_density(tmp_path: Path) -> None:
    with GlyphRAG.open(tmp_path / "kb") as rag:
        rag.add(documents())
        for wanted in ({}, {"density": "dense"}, {"mode": "text"}, {"mode": "auto"}, {"budget": 400}):
            answer = rag.ask("How many days of leave can be carried over?", **wanted)  # type: ignore[arg-type]
            assert "eight days" in answer.text, wanted
            assert answer.supported, wanted


def test_what_is_left_out_for_want_of_room_is_said(tmp_path: Path) -> None:
    with open_rag(tmp_path, Narrow("x", Sight(max_images=1))) as rag:
        answer = rag.ask("gate leave ticket days", k=3)
        assert len(answer.plan.pages) == 1
        shown = sum(len(page.labels) for page in answer.plan.pages)
        assert shown + len(answer.plan.omitted) == 3


def test_a_filter_holds_for_every_way_to_ask(tmp_path: Path) -> None:
    gates = [Document(f"gate{n}", f"Gate {n} opens at {n}:15.", metadata={"number": n}) for n in (6, 7)]

    async def run(rag: GlyphRAG) -> list[str]:
        stream = await rag.astream("When does the gate open?", where={"number": 7})
        asked = await rag.aask("When does the gate open?", where={"number": 7})
        return [page_id for plan in ((await stream.answer()).plan, asked.plan) for page_id in plan.pages[0].page_ids]

    with open_rag(tmp_path, ScriptedReader("Gate 7 opens at 7:15.")) as rag:
        rag.add(gates)
        answer = rag.ask("When does the gate open?", where={"number": 7})
        assert [excerpt.document_id for excerpt in answer.citations] == ["gate7"]
        shown = [answer.plan, rag.plan("When does the gate open?", where={"number": 7})]
        shown += [rag.stream("When does the gate open?", where={"number": 7}).answer.plan]
        shown += [rag.chat(where={"number": 7}).ask("When does the gate open?").plan]
        assert {plan.pages[0].page_ids for plan in shown} == {answer.plan.pages[0].page_ids}
        assert set(asyncio.run(run(rag))) == set(answer.plan.pages[0].page_ids)
        assert all(len(plan.pages) == 1 for plan in shown)


# --- the other channel


def test_a_cross_check_agrees_with_itself(tmp_path: Path) -> None:
    with GlyphRAG.open(tmp_path / "kb") as rag:
        rag.add(documents())
        answer = rag.ask("How many days of leave can be carried over?", cross_check=True)
    assert answer.cross_check is not None
    assert answer.cross_check.agrees
    assert answer.cross_check.other.plan.mode == "text"
    assert answer.plan.mode == "image"
    assert json.dumps(answer.to_dict()).count('"agrees": true') == 1


@pytest.mark.parametrize(
    ("as_text", "agrees"),
    [
        ("The gate closes at 22:10 on working days.", True),
        ("The gate closes at 6:45 on working days.", False),
        ("Up to eight days of leave can be carried over to the next year.", False),
        (NOT_IN_PAGES, False),
    ],
)
def test_a_cross_check_tells_what_differs(tmp_path: Path, as_text: str, agrees: bool) -> None:
    class TwoFaced(ScriptedReader):
        def read(self, question: str, plan: ReadingPlan) -> Reading:
            return Reading(
                clean_answer(as_text if plan.mode == "text" else "The gate closes at 22:10 on working days.")
            )

    with open_rag(tmp_path, TwoFaced("")) as rag:
        check = rag.ask("When does the gate close?", cross_check=True).cross_check
    assert check is not None
    assert check.agrees is agrees
    assert check.why


# --- streams


def test_words_come_as_they_are_written_and_the_answer_at_the_end(tmp_path: Path) -> None:
    reader = Streamer("<think>Hm [P1].</think>", "The gate ope", "ns at 6:45 on wor", "king days. [P", "1]")
    with open_rag(tmp_path, reader) as rag:
        stream = rag.stream("When does the gate open?")
        pieces = list(stream)
        assert "".join(pieces) == "The gate opens at 6:45 on working days."
        assert len(pieces) > 1
        assert stream.answer.supported
        assert stream.answer.citations[0].source == "handbook/gate.md"


def test_a_stream_that_is_left_ends_the_reading(tmp_path: Path) -> None:
    reader = Streamer("The gate opens at 6:45 on working days. ", "The gate closes at 22:10 on working days.")
    with open_rag(tmp_path, reader) as rag:
        stream = rag.stream("When does the gate open?")
        assert next(iter(stream))
        stream.close()
        assert reader.closed
        with pytest.raises(InputError, match="not read to its end"):
            _ = stream.answer


def test_a_reader_that_cannot_stream_gives_its_answer_at_once(tmp_path: Path) -> None:
    class Whole:
        name = "whole"

        def read(self, question: str, plan: ReadingPlan) -> Reading:
            return Reading("The gate opens at 6:45 on working days.")

    with open_rag(tmp_path, Whole()) as rag:
        stream = rag.stream("When does the gate open?")
        assert list(stream) == ["The gate opens at 6:45 on working days."]
        assert stream.answer.supported


def test_a_strict_stream_gives_nothing_that_was_not_checked(tmp_path: Path) -> None:
    with open_rag(tmp_path, Streamer("The gate is green. ", "The gate opens at 6:45 on working days.")) as rag:
        assert "".join(rag.stream("When does the gate open?", strict=True)) == "The gate opens at 6:45 on working days."


def test_async_ways_give_what_the_others_give(tmp_path: Path) -> None:
    reader = Streamer("The gate opens ", "at 6:45 on working days.")

    async def run(rag: GlyphRAG) -> list[str]:
        answer = await rag.aask("When does the gate open?")
        stream = await rag.astream("When does the gate open?")
        words = "".join([piece async for piece in stream])
        said = await rag.chat().aask("When does the gate open?")
        read = await rag.aread(HANDBOOK["gate"], "When does the gate open?")
        return [answer.text, words, (await stream.answer()).text, said.text, read.text]

    with open_rag(tmp_path, reader) as rag:
        assert asyncio.run(run(rag)) == ["The gate opens at 6:45 on working days."] * 5


def test_an_async_stream_that_is_closed_ends_the_reading(tmp_path: Path) -> None:
    async def run(rag: GlyphRAG) -> None:
        stream = await rag.astream("When does the gate open?")
        async for _ in stream:
            break
        await stream.close()
        with pytest.raises(InputError, match="not read to its end"):
            await stream.answer()

    with open_rag(tmp_path, Streamer("The gate opens at 6:45 on working days. ", "It is a gate.", "x")) as rag:
        asyncio.run(run(rag))


def test_async_asking_with_a_reader_that_blocks_leaves_the_loop_free(tmp_path: Path) -> None:
    entered, leave = threading.Event(), threading.Event()

    class Slow(ScriptedReader):
        def read(self, question: str, plan: ReadingPlan) -> Reading:
            entered.set()
            assert leave.wait(20)
            return Reading("The gate opens at 6:45 on working days.")

    async def run(rag: GlyphRAG) -> bool:
        task = asyncio.create_task(rag.aask("When does the gate open?"))
        while not entered.is_set():
            await asyncio.sleep(0.005)
        leave.set()
        return (await task).supported

    with open_rag(tmp_path, Slow("")) as rag:
        assert asyncio.run(run(rag))


replies = st.lists(
    st.sampled_from(
        [
            "The gate ",
            "opens [P1]",
            ". ",
            "[P2, P3]",
            "<think>no</think>",
            "Answer: ",
            "\n",
            "12 [x",
            "] (a) ",
            "世界。",
        ]
    ),
    max_size=12,
).map("".join)


@given(reply=replies, cuts=st.lists(st.integers(0, 80), max_size=8))
def test_streamed_words_are_those_of_the_whole_reply(reply: str, cuts: list[int]) -> None:
    bounds = sorted({0, len(reply), *(cut for cut in cuts if cut < len(reply))})
    words, told = Words(), ""
    for start, end in pairwise(bounds):
        told += words.take(reply[start:end])
    told += words.rest()
    if reply.count("<think>") == 0:
        assert told == clean_answer(reply)


def test_an_abstention_is_never_streamed() -> None:
    words = Words()
    assert [words.take(piece) for piece in ("NOT IN", " THE DOCU", "MENTS")] == ["", "", ""]
    assert words.rest() == ""


def test_a_stream_without_words_says_that_nothing_answers(tmp_path: Path) -> None:
    with open_rag(tmp_path, Streamer("NOT IN", " THE DOCUMENTS")) as rag:
        stream = rag.stream("When does the gate open?")
        words = list(stream)
        assert words == [stream.answer.text]
        assert not stream.answer.found

        async def asked() -> list[str]:
            return [piece async for piece in await rag.astream("When does the gate open?")]

        assert asyncio.run(asked()) == words


# --- conversations


def test_a_follow_up_is_searched_with_what_it_follows() -> None:
    turns = (Turn("How many days of leave can be carried over?", "Eight."),)
    assert is_follow_up("And for part-time staff?")
    assert is_follow_up("那兼职员工呢？")
    assert not is_follow_up("Which documents does the finance department need for a refund?")
    assert standalone("And for part-time staff?", turns).startswith(turns[0].question)
    assert standalone("Which documents does the finance department need for a refund?", turns).count("\n") == 0


def test_a_conversation_goes_on_from_what_was_said(tmp_path: Path) -> None:
    reader = ScriptedReader("The gate closes at 22:10 on working days.")
    with open_rag(tmp_path, reader) as rag:
        chat = rag.chat(k=1)
        chat.ask("When does the gate open?")
        answer = chat.ask("And when does it close?")
    assert answer.citations[0].source == "handbook/gate.md"
    assert reader.plans[1].turns == (Turn("When does the gate open?", "The gate closes at 22:10 on working days."),)
    assert len(chat.turns) == 2


def test_the_embedded_reader_understands_a_follow_up(tmp_path: Path) -> None:
    with GlyphRAG.open(tmp_path / "kb") as rag:
        rag.add(documents())
        chat = rag.chat()
        assert "6:45" in chat.ask("When does the gate open on working days?").text
        assert "22:10" in chat.ask("And when does it close?").text


def test_a_failed_question_is_not_part_of_the_conversation(tmp_path: Path) -> None:
    class Fails(ScriptedReader):
        def read(self, question: str, plan: ReadingPlan) -> Reading:
            raise ReaderError("no power")

    with open_rag(tmp_path, Fails("")) as rag:
        chat = rag.chat()
        with pytest.raises(ReaderError):
            chat.ask("When does the gate open?")
        assert chat.turns == ()


def test_memory_is_bounded_and_can_be_emptied(tmp_path: Path) -> None:
    with open_rag(tmp_path, ScriptedReader("The gate opens at 6:45 on working days.")) as rag:
        chat = Chat(lambda question, history: rag.ask(question, history=history), most_turns=3)
        for n in range(5):
            chat.ask(f"When does gate {n} open?")
        assert [turn.question for turn in chat.turns] == [f"When does gate {n} open?" for n in (2, 3, 4)]
        chat.forget()
        assert chat.turns == ()
        with pytest.raises(InputError):
            Chat(lambda question, history: rag.ask(question), most_turns=0)


def test_a_session_is_saved_and_restored(tmp_path: Path) -> None:
    with open_rag(tmp_path, ScriptedReader("The gate opens at 6:45 on working days.")) as rag:
        chat = rag.chat()
        chat.ask("When does the gate open? \ud800 门几点开？")
        chat.save(tmp_path / "session.json")
        assert rag.chat(tmp_path / "session.json").turns == chat.turns
        assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []
        with pytest.raises(InputError, match="cannot write"):
            chat.save(tmp_path / "nowhere" / "session.json")


@pytest.mark.parametrize(
    "text",
    ["", "[]", "{}", "nonsense", '{"glyph_rag_chat": 1, "turns": [1]}', '{"glyph_rag_chat": 2, "turns": []}',
     "[" * 9999, '{"glyph_rag_chat": 1, "turns": [{"question": 1, "answer": "x"}]}'],
)  # fmt: skip
def test_a_file_that_holds_no_session_is_named(tmp_path: Path, text: str) -> None:
    (tmp_path / "bad.json").write_text(text)
    with open_rag(tmp_path, ScriptedReader("x")) as rag:
        with pytest.raises(LoadError, match=r"bad\.json"):
            rag.chat(tmp_path / "bad.json")
        with pytest.raises(LoadError, match=r"missing\.json"):
            rag.chat(tmp_path / "missing.json")


# --- whole documents


def manual(sections: int) -> str:
    names = ("pump", "valve", "boiler", "filter", "mixer", "dryer", "press", "crane")
    return "\n\n".join(
        f"## Section {n + 1}\n\nThe {names[n % 8]} of line {n} runs at {100 + n} rpm and was built in {1950 + n}. "
        + "It is greased every week by the crew of the early shift. " * 6
        for n in range(sections)
    )


def test_a_whole_document_is_shown_in_order_and_nothing_of_it_is_missing(tmp_path: Path) -> None:
    reader = ScriptedReader("The valve of line 9 runs at 109 rpm and was built in 1959.")
    text = manual(40)
    with open_rag(tmp_path, reader) as rag:
        answer = rag.read(Document("manual", text, source="manual.md"), "How fast is line 9?", budget=None)
        assert len(reader.plans) == 1
        homes = [rag.page(page_id) for page in answer.plan.pages for page_id in page.page_ids]
        assert "".join("".join(home.text.split()) for home in homes) == "".join(text.split())
        assert answer.supported
        citation = answer.citations[0]
        assert text[citation.start : citation.end] == citation.quote
        assert citation.boxes == rag.page(citation.page_id).boxes_of(citation.start, citation.end)


def test_a_document_past_the_limits_is_read_in_parts_and_the_findings_are_joined(tmp_path: Path) -> None:
    told: list[tuple[int, int]] = []

    class Finds(ScriptedReader):
        def read(self, question: str, plan: ReadingPlan) -> Reading:
            self.plans.append(plan)
            if plan.mode == "text":
                return Reading(" ".join(text.text for text in plan.texts))
            said = {0: "The pump of line 0 runs at 100 rpm and was built in 1950.",
                    2: "The crane of line 39 runs at 139 rpm and was built in 1989."}  # fmt: skip
            return Reading(said.get(len(self.plans) - 1, ""), tokens=7)

    reader = Finds("")
    reader.sight = lambda: Sight(max_images=2)  # type: ignore[attr-defined]
    with open_rag(tmp_path, reader) as rag:
        pages = rag.read(manual(80), "Which lines?", progress=lambda *at: told.append(at))
    *parts, join = reader.plans
    assert all(len(plan.pages) <= 2 for plan in parts)
    assert join.mode == "text"
    assert [text.text[:13] for text in join.texts] == ["The pump of l", "The crane of "]
    assert pages.found
    assert {citation.quote[-5:] for citation in pages.citations} <= {"1950.", "1989."}
    assert told[-1][0] == told[-1][1]
    assert pages.usage.image_tokens == sum(plan.image_tokens for plan in parts)


def test_pages_that_a_reader_refused_are_read_after_all(tmp_path: Path) -> None:
    class OneAtATime(ScriptedReader):
        def read(self, question: str, plan: ReadingPlan) -> Reading:
            self.plans.append(plan)
            return Reading("", shown=plan.pages[0].labels if plan.pages else None)

    reader = OneAtATime("")
    with open_rag(tmp_path, reader) as rag:
        answer = rag.read(manual(40), "Which lines?")
    seen = [plan.pages[0].page_ids for plan in reader.plans]
    assert len(seen) == len(set(seen)) == len(reader.plans[0].pages)
    assert answer.text == NOT_FOUND


def test_a_budget_for_whole_documents_holds_for_each_prompt(tmp_path: Path) -> None:
    reader = ScriptedReader("")
    with open_rag(tmp_path, reader) as rag:
        rag.read(manual(40), "Which lines?", budget=1_500)
        assert len(reader.plans) > 1
        assert all(plan.tokens <= 1_500 for plan in reader.plans)
        assert not any(plan.omitted for plan in reader.plans)
        with pytest.raises(InputError, match="budget"):
            rag.read(manual(40), "Which lines?", budget=200)


def test_words_of_its_own_are_marked_and_kept_in_a_summary(tmp_path: Path) -> None:
    with open_rag(tmp_path, ScriptedReader("All machines are cared for well.")) as rag:
        answer = rag.read(manual(3), "Summarise the document.")
        assert answer.text == "All machines are cared for well."
        assert not answer.supported
        assert rag.read(manual(3), "Summarise the document.", strict=True).text == NOT_FOUND


def test_the_embedded_reader_reads_a_whole_document(tmp_path: Path) -> None:
    with GlyphRAG.open(tmp_path / "kb") as rag:
        answer = rag.read(manual(12), "When was the filter of line 11 built?")
        assert "1961" in answer.text
        assert answer.supported


def test_documents_that_cannot_be_read_are_named(tmp_path: Path) -> None:
    with open_rag(tmp_path, ScriptedReader("x")) as rag:
        with pytest.raises(InputError, match="no words"):
            rag.read("  \n ", "What?")
        with pytest.raises(InputError, match="question is empty"):
            rag.read("Words.", "  ")
    limits = Limits(document_chars=10)
    small = GlyphRAG.open(tmp_path / "small", embedder=HashEmbedder(), reader=ScriptedReader("x"), limits=limits)
    with small as rag, pytest.raises(LimitError):
        rag.read("More than ten characters.", "What?")


# --- forms


def test_a_reader_that_cannot_fill_in_forms_says_so(tmp_path: Path) -> None:
    class Form:
        @classmethod
        def model_json_schema(cls) -> dict[str, object]:
            return {"type": "object"}

        @classmethod
        def model_validate_json(cls, data: str) -> Form:
            return cls()

    with GlyphRAG.open(tmp_path / "kb") as rag:
        rag.add(documents())
        with pytest.raises(ReaderError, match="cannot fill in a form") as caught:
            rag.ask("When does the gate open?", schema=Form)
    assert "openai" in caught.value.hint


def test_a_form_is_filled_in_and_each_value_is_checked(tmp_path: Path) -> None:
    pydantic = pytest.importorskip("pydantic")
    form = pydantic.create_model("Hours", opens=(str, ...), closes=(str, ...))

    async def run(rag: GlyphRAG) -> object:
        return (await rag.aask("When is the gate open?", schema=form)).data

    reader = ScriptedReader(data='{"opens": "6:45", "closes": "23:59"}')
    with open_rag(tmp_path, reader) as rag:
        answer = rag.ask("When is the gate open?", schema=form)
        assert asyncio.run(run(rag)) == answer.data
        page = rag.page(answer.citations[0].page_id)
    assert answer.data == form(opens="6:45", closes="23:59")
    assert [(field.path, field.support) for field in answer.fields] == [("opens", "exact"), ("closes", "unsupported")]
    assert answer.citations[0].quote == "6:45"
    assert answer.citations[0].boxes == page.boxes_of(answer.citations[0].start, answer.citations[0].end)
    assert not answer.supported
    assert "opens" in reader.schemas[0]


def test_a_stream_after_a_smaller_second_try_is_checked_against_what_was_shown(tmp_path: Path) -> None:
    server = OpenAIServer("Ticket ERR_CONN_42 was closed by Amara Okonkwo.", max_images=1)
    with server.running() as running:
        reader = OpenAIReader(MODEL, base_url=running.base_url)
        with open_rag(tmp_path, reader) as rag:
            stream = rag.stream("When does the gate open on working days, and the ticket?", k=3)
            assert "Okonkwo" in "".join(stream)
            answer = stream.answer
            first = rag.page(answer.plan.pages[0].page_ids[0])
    assert len(running.requests[-1].images) == 1
    assert answer.found == ("Okonkwo" in first.text)
    assert any(notice.startswith("Not read") for notice in answer.notices)


def test_usage_tells_tokens_and_time(tmp_path: Path) -> None:
    with open_rag(tmp_path, ScriptedReader("The gate opens at 6:45 on working days.")) as rag:
        started = time.perf_counter()
        usage = rag.ask("When does the gate open?").usage
        took = time.perf_counter() - started
    assert usage.expected_tokens > usage.image_tokens > 0
    assert set(usage.seconds) == {"search", "typeset", "read", "verify"}
    assert 0 < sum(usage.seconds.values()) <= took
    assert usage.usd is None


def test_images_that_are_shown_are_the_pages(tmp_path: Path) -> None:
    reader = ScriptedReader("x")
    with open_rag(tmp_path, reader) as rag:
        rag.ask("When does the gate open?", k=1)
        (page,) = reader.plans[0].pages
        home = rag.page(page.page_ids[0])
    assert np.array_equal(page.levels, home.levels(f"[P1] {home.source}:1-{home.line_of(home.end - 1)}"))


def test_the_pages_of_an_answer_are_shown_with_its_words_marked(tmp_path: Path) -> None:
    with open_rag(tmp_path, ScriptedReader("The gate opens at 6:45 on working days.")) as rag:
        answer = rag.ask("When does the gate open?", k=2)
        shown = rag.highlighted(answer)
        assert list(shown) == [page_id for image in answer.plan.pages for page_id in image.page_ids]
        cited = answer.citations[0].page_id
        for page_id, image in shown.items():
            plain = np.asarray(rag.page(page_id).image().convert("RGB"))
            changed = (np.asarray(image) != plain).any(axis=2)
            boxes = answer.boxes_on(page_id)
            assert bool(boxes) == (page_id == cited) == bool(changed.any())
            for box in boxes:
                changed[box.y0 : box.y1, box.x0 - 1 : box.x1 + 1] = False
            assert not changed.any()
        assert answer.plan.pages[0]._repr_png_() == answer.plan.pages[0].png()
        assert rag.page(cited)._repr_png_() == rag.page(cited).png()
