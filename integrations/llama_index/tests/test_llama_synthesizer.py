"""GlyphSynthesizer in the engines that people have: only the promised line changes."""

from __future__ import annotations

import asyncio
import json

import pytest
from glyph_rag.errors import InputError, ProfileError, ReaderError
from glyph_rag.passages import Given
from glyph_rag.read.reader import Reading
from glyph_rag.testing import ScriptedReader
from llama_fakes import CHECKED, ERROR, LEAVE, QUESTION, REPLY, SeeingLLM, found, images_of, make_index, words_of
from llama_index.core import PromptTemplate, Settings
from llama_index.core.base.response.schema import AsyncStreamingResponse, PydanticResponse, StreamingResponse
from llama_index.core.bridge.pydantic import BaseModel
from llama_index.core.schema import NodeWithScore, TextNode
from llama_index.core.tools import QueryEngineTool

from llama_index_glyph_rag import GlyphSynthesizer, PageSettings

INDEX = make_index()


def seeing(**kwargs: object) -> SeeingLLM:
    return SeeingLLM(expected=found(INDEX), **kwargs)


def test_a_query_engine_sends_its_nodes_as_pages() -> None:
    llm = seeing(usage={"prompt_tokens": 700, "completion_tokens": 20})
    engine = INDEX.as_query_engine(similarity_top_k=2, response_synthesizer=GlyphSynthesizer(llm))
    response = engine.query(QUESTION)
    assert str(response) == CHECKED
    assert [type(found.node) for found in response.source_nodes] == [TextNode, TextNode]
    assert len(llm.calls) == 1
    known = response.metadata
    assert known["pages"]["P1"] == [response.source_nodes[0].node_id] == ["leave"]
    citation = known["citations"][0]
    assert (citation["node_id"], citation["source"], citation["quote"]) == ("leave", "kb/leave.md", CHECKED)
    assert citation["label"] == "passage 1"
    assert not {"page_id", "document_id"} & citation.keys()
    assert len(citation["boxes"]) >= 1
    assert known["sentences"][0]["support"] == "corrected"
    assert known["sentences"][0]["read_as"].startswith("Six days")
    assert known["supported"] is True
    usage = known["usage"]
    assert (usage["reported_tokens"], usage["output_tokens"]) == (700, 20)
    assert usage["image_tokens"] > 0 < usage["text_tokens"]
    assert known["leave"] == {"file_path": "kb/leave.md"}
    assert "iVBOR" not in json.dumps(known)


def test_a_stream_gives_words_and_then_the_checked_answer() -> None:
    llm = seeing()
    response = INDEX.as_query_engine(
        similarity_top_k=2, response_synthesizer=GlyphSynthesizer(llm, streaming=True)
    ).query(QUESTION)
    assert isinstance(response, StreamingResponse)
    assert "answer" not in response.metadata
    assert response.source_nodes[0].node_id == "leave"
    pieces = list(response.response_gen)
    assert len(pieces) > 1
    assert "".join(pieces).startswith("Six days can be carried over")
    assert response.metadata["answer"] == CHECKED
    assert response.metadata["pages"]["P1"] == ["leave"]
    assert len(llm.calls) == 1


async def test_the_same_without_blocking() -> None:
    llm = seeing()
    engine = INDEX.as_query_engine(similarity_top_k=2, response_synthesizer=GlyphSynthesizer(llm))
    responses = await asyncio.gather(*(engine.aquery(QUESTION) for _ in range(3)))
    assert [str(response) for response in responses] == [CHECKED] * 3
    assert all(response.metadata["citations"][0]["node_id"] == "leave" for response in responses)
    assert len(llm.calls) == 3


async def test_a_stream_without_blocking() -> None:
    llm = seeing()
    engine = INDEX.as_query_engine(similarity_top_k=2, response_synthesizer=GlyphSynthesizer(llm, streaming=True))
    response = await engine.aquery(QUESTION)
    assert isinstance(response, AsyncStreamingResponse)
    pieces = [piece async for piece in response.async_response_gen()]
    assert len(pieces) > 1
    assert response.metadata["answer"] == CHECKED
    assert len(llm.calls) == 1


async def test_the_loop_runs_on_while_pages_are_set() -> None:
    many = [NodeWithScore(node=TextNode(text=f"{LEAVE} {number}. " * 40), score=1.0) for number in range(12)]
    beats = 0

    async def beat() -> None:
        nonlocal beats
        while True:
            beats += 1
            await asyncio.sleep(0)

    clock = asyncio.create_task(beat())
    await GlyphSynthesizer(SeeingLLM()).asynthesize(QUESTION, many)
    clock.cancel()
    assert beats > 10


class Leave(BaseModel):
    days: int
    until: str


@pytest.mark.parametrize("wrapped", [False, True])
async def test_a_form_is_filled_in_and_checked(wrapped: bool) -> None:
    llm = seeing(replies=['{"days": 5, "until": "the end of March"}'])
    synthesizer = GlyphSynthesizer(llm.as_structured_llm(Leave)) if wrapped else GlyphSynthesizer(llm, output_cls=Leave)
    engine = INDEX.as_query_engine(similarity_top_k=2, response_synthesizer=synthesizer)
    for response in (engine.query(QUESTION), await engine.aquery(QUESTION)):
        assert isinstance(response, PydanticResponse)
        assert response.response == Leave(days=5, until="the end of March")
        assert response.metadata["citations"][0]["node_id"] == "leave"
        assert response.metadata["found"] is True
    assert len(llm.calls) == 2


@pytest.mark.usefixtures("conversation")
def test_a_conversation_that_condenses_questions() -> None:
    llm = SeeingLLM(replies=[REPLY, QUESTION, REPLY])
    chat = INDEX.as_chat_engine(
        chat_mode="condense_question", llm=llm, similarity_top_k=2, response_synthesizer=GlyphSynthesizer(llm)
    )
    assert chat.chat(QUESTION).response == CHECKED
    later = chat.chat("And how many of them?")
    assert later.response == CHECKED
    assert later.sources[0].raw_output.metadata["pages"]["P1"] == ["leave"]
    assert [bool(images_of(call)) for call in llm.calls] == [True, False, True]
    streamed = SeeingLLM(expected=found(INDEX))
    chat = INDEX.as_chat_engine(
        chat_mode="condense_question", llm=streamed, similarity_top_k=2, response_synthesizer=GlyphSynthesizer(streamed)
    )
    response = chat.stream_chat(QUESTION)
    assert "".join(response.response_gen).startswith("Six days")
    assert response.sources[0].raw_output.metadata["answer"] == CHECKED


def test_an_agents_tool_gets_the_checked_words() -> None:
    engine = INDEX.as_query_engine(similarity_top_k=2, response_synthesizer=GlyphSynthesizer(seeing()))
    tool = QueryEngineTool.from_defaults(engine, name="kb", description="The handbook.")
    output = tool.call(QUESTION)
    assert output.content == CHECKED
    assert output.raw_output.metadata["supported"] is True


def test_prompts_can_be_read_and_replaced() -> None:
    llm = seeing()
    engine = INDEX.as_query_engine(similarity_top_k=2, response_synthesizer=GlyphSynthesizer(llm))
    name = "response_synthesizer:text_qa_template"
    assert "{context_str}" in engine.get_prompts()[name].get_template()
    engine.update_prompts({name: PromptTemplate("Like a pirate.\n{context_str}\nQ: {query_str}")})
    assert str(engine.query(QUESTION)) == CHECKED
    words = words_of(llm.calls[0])
    assert words.startswith("Like a pirate.")
    assert words.endswith(f"Q: {QUESTION}")


def test_a_prompt_that_nobody_would_use_is_refused() -> None:
    engine = INDEX.as_query_engine(response_synthesizer=GlyphSynthesizer(seeing()))
    template = PromptTemplate("{context_str} {query_str}")
    engine.update_prompts({"response_synthesizer:refine_template": template})
    with pytest.raises(InputError, match="no prompt 'summary_template'"):
        engine.update_prompts({"response_synthesizer:summary_template": template})


def test_nothing_found_is_an_empty_response() -> None:
    llm = seeing()
    blank = [NodeWithScore(node=TextNode(text=" \n"), score=1.0)]
    for streaming in (False, True):
        synthesizer = GlyphSynthesizer(llm, streaming=streaming, empty_response="Nothing there.")
        assert str(synthesizer.synthesize(QUESTION, [])) == "Nothing there."
        assert str(synthesizer.synthesize(QUESTION, blank)) == "Nothing there."
    assert llm.calls == []


def test_a_node_without_words_is_named() -> None:
    nodes = [NodeWithScore(node=TextNode(id_=str(number), text=text)) for number, text in enumerate(["", LEAVE])]
    response = GlyphSynthesizer(SeeingLLM()).synthesize(QUESTION, nodes)
    assert response.metadata["notices"] == ["Not read: node '0' has no text."]
    assert response.metadata["pages"] == {"P1": ["1"]}


def test_a_budget_leaves_out_and_says_so() -> None:
    nodes = [NodeWithScore(node=TextNode(text=f"{LEAVE} Rule {number}. " * 30)) for number in range(8)]
    llm = SeeingLLM(context_window=3900)
    everything = GlyphSynthesizer(llm).synthesize(QUESTION, nodes)
    assert len(llm.calls) == 1
    assert len(everything.metadata["pages"]) == 8
    cost = everything.metadata["usage"]["expected_tokens"]
    less = GlyphSynthesizer(llm, PageSettings(budget=cost // 2)).synthesize(QUESTION, nodes)
    assert 0 < len(less.metadata["pages"]) < 8
    assert less.metadata["usage"]["expected_tokens"] <= cost // 2
    assert any("no room" in notice for notice in less.metadata["notices"])
    with pytest.raises(InputError, match="budget is -1"):
        PageSettings(budget=-1)
    with pytest.raises(InputError, match="no detail 'hihg'"):
        PageSettings(detail="hihg")  # type: ignore[arg-type]
    with pytest.raises(InputError, match="budget"):
        GlyphSynthesizer(llm, PageSettings(budget=1)).synthesize(QUESTION, nodes)


def test_text_only_where_it_is_asked_for() -> None:
    llm = SeeingLLM(chat_model=True)
    nodes = [NodeWithScore(node=TextNode(text=LEAVE))]
    synthesizer = GlyphSynthesizer(llm)
    assert str(synthesizer.synthesize(QUESTION, nodes, mode="text")) == CHECKED
    assert LEAVE in words_of(llm.calls[0])
    assert images_of(llm.calls[0]) == []
    assert str(synthesizer.synthesize(QUESTION, nodes)) == CHECKED
    assert LEAVE not in words_of(llm.calls[1])
    assert len(images_of(llm.calls[1])) == 1


def test_exact_strings_beside_the_image_only_where_asked_for() -> None:
    nodes = [NodeWithScore(node=TextNode(text=ERROR))]
    plain, exact = SeeingLLM(replies=["It was refused."]), SeeingLLM(replies=["It was refused."])
    GlyphSynthesizer(plain).synthesize("What does ERR_CONN_42 mean on 8443?", nodes)
    GlyphSynthesizer(exact, PageSettings(exact=True)).synthesize("What does ERR_CONN_4 mean?", nodes)
    assert "8443" not in words_of(plain.calls[0]).replace("mean on 8443?", "")
    assert "ERR_CONN_42" in words_of(exact.calls[0])


def test_strict_leaves_out_what_nobody_says() -> None:
    llm = SeeingLLM(replies=["Five days can be carried over. The moon is made of cheese."])
    nodes = [NodeWithScore(node=TextNode(text=LEAVE))]
    loose = GlyphSynthesizer(llm).synthesize(QUESTION, nodes)
    assert "cheese" in str(loose)
    assert loose.metadata["supported"] is False
    assert "cheese" not in str(GlyphSynthesizer(llm, strict=True).synthesize(QUESTION, nodes))


def test_an_llm_without_eyes_is_refused_before_it_is_asked() -> None:
    blind = SeeingLLM(chat_model=False)
    with pytest.raises(ReaderError, match="is_chat_model=True"):
        GlyphSynthesizer(blind)
    reply = "I'm sorry, I cannot see any images here."
    with pytest.raises(ReaderError, match="sees no images"):
        GlyphSynthesizer(SeeingLLM(replies=[reply])).synthesize(QUESTION, [NodeWithScore(node=TextNode(text=LEAVE))])


@pytest.mark.parametrize(("counted", "dropped"), [(120, True), (700, False)])
async def test_images_that_a_server_dropped_are_noticed(counted: int, dropped: bool) -> None:
    nodes = [NodeWithScore(node=TextNode(text=LEAVE))]
    for streaming in (False, True):
        synthesizer = GlyphSynthesizer(SeeingLLM(usage={"prompt_tokens": counted}), streaming=streaming)
        for response in (synthesizer.synthesize(QUESTION, nodes), await synthesizer.asynthesize(QUESTION, nodes)):
            if isinstance(response, AsyncStreamingResponse):
                await response.get_response()
            elif isinstance(response, StreamingResponse):
                response.get_response()
            assert any("not have been shown" in notice for notice in response.metadata["notices"]) is dropped
    text = GlyphSynthesizer(SeeingLLM(usage={"prompt_tokens": 9}), PageSettings(mode="text"))
    assert text.synthesize(QUESTION, nodes).metadata["notices"] == []


async def test_a_stream_says_that_nothing_was_found() -> None:
    nodes = [NodeWithScore(node=TextNode(text=LEAVE))]
    llm = SeeingLLM(replies=["NOT IN THE DOCUMENTS"])
    told = str(GlyphSynthesizer(llm).synthesize(QUESTION, nodes))
    assert told
    synthesizer = GlyphSynthesizer(llm, streaming=True)
    assert list(synthesizer.synthesize(QUESTION, nodes).response_gen) == [told]
    response = await synthesizer.asynthesize(QUESTION, nodes)
    assert [words async for words in response.async_response_gen()] == [told]
    assert response.metadata["answer"] == told


def test_no_argument_is_swallowed() -> None:
    synthesizer = GlyphSynthesizer(SeeingLLM())
    with pytest.raises(TypeError, match="densty"):
        synthesizer.synthesize(QUESTION, [NodeWithScore(node=TextNode(text=LEAVE))], densty="dense")
    with pytest.raises(TypeError, match="chat_prompt_helper"):
        GlyphSynthesizer(SeeingLLM(), chat_prompt_helper=None)  # type: ignore[call-arg]
    with pytest.raises(InputError, match="there is no mode 'picture'"):
        PageSettings(mode="picture")  # type: ignore[arg-type]
    with pytest.raises(ProfileError):
        PageSettings(density="densest")


def test_the_llm_of_the_settings_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    llm = seeing()
    monkeypatch.setattr(Settings, "_llm", llm)
    engine = INDEX.as_query_engine(similarity_top_k=2, response_synthesizer=GlyphSynthesizer())
    assert str(engine.query(QUESTION)) == CHECKED
    assert len(llm.calls) == 1


def test_no_llm_of_the_settings_is_looked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    def nobody(settings: object) -> None:
        raise AssertionError("asked for")

    monkeypatch.setattr(type(Settings), "llm", property(nobody))
    synthesizer = GlyphSynthesizer(SeeingLLM(expected=[Given(LEAVE)]))
    assert str(synthesizer.synthesize(QUESTION, [NodeWithScore(node=TextNode(text=LEAVE))])) == CHECKED


def test_a_reader_of_glyph_rag_in_the_place_of_the_llm() -> None:
    reader = ScriptedReader(lambda question: Reading("Five days can be carried over.", ("A notice.",)))
    engine = INDEX.as_query_engine(similarity_top_k=2, response_synthesizer=GlyphSynthesizer(reader))
    response = engine.query(QUESTION)
    assert str(response) == "Five days can be carried over."
    assert response.metadata["notices"] == ["A notice."]
    assert len(reader.plans) == 1


def test_an_llms_own_system_prompt_comes_first() -> None:
    llm = SeeingLLM(system_prompt="Speak French.", expected=[Given(LEAVE)])
    assert GlyphSynthesizer(llm).get_response(QUESTION, [LEAVE]) == CHECKED
    assert llm.calls[0][0].content == "Speak French."


def test_detail_reaches_the_image() -> None:
    llm = SeeingLLM()
    GlyphSynthesizer(llm, PageSettings(detail="high")).get_response(QUESTION, [LEAVE])
    blocks = [block for block in llm.calls[0][-1].blocks if block.block_type == "image"]
    assert [block.detail for block in blocks] == ["high"]
