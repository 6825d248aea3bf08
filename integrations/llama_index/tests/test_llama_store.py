"""A store of glyph-rag behind LlamaIndex: engine, retriever, filters, readers."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
from glyph_rag import Document, GlyphRAG, Mark, PageCache
from glyph_rag.errors import InputError, ReaderError, StoreError
from glyph_rag.read.plan import ReadingPlan
from glyph_rag.testing import HashEmbedder, ScriptedReader
from llama_fakes import CHECKED, ERROR, LEAVE, QUESTION, REPLY, TRAVEL, SeeingLLM, assert_same, images_of, words_of
from llama_index.core.base.llms.types import ChatMessage, ChatResponse
from llama_index.core.base.response.schema import AsyncStreamingResponse, PydanticResponse, StreamingResponse
from llama_index.core.bridge.pydantic import BaseModel
from llama_index.core.prompts import PromptTemplate
from llama_index.core.query_engine import RetrieverQueryEngine
from llama_index.core.schema import MetadataMode, QueryBundle
from llama_index.core.vector_stores import FilterCondition, FilterOperator, MetadataFilter, MetadataFilters

from llama_index_glyph_rag import (
    GlyphQueryEngine,
    GlyphRetriever,
    GlyphSynthesizer,
    LLMReader,
    PageSettings,
)
from llama_index_glyph_rag.replies import reading_of

DOCUMENTS = [
    Document("leave", LEAVE, "kb/leave.md", {"team": "people", "year": 2023}),
    Document("error", f"# Errors\n\n{ERROR}", "kb/error.md", {"team": "ops", "year": 2024, "note": ""}),
    Document("travel", TRAVEL, "kb/travel.md", {"team": "people", "year": 2024}),
]


class Leave(BaseModel):
    days: int
    until: str


def opened(folder: Path, llm: SeeingLLM, **settings: str) -> GlyphRAG:
    rag = GlyphRAG.open(folder, embedder=HashEmbedder(), reader=LLMReader(llm, PageSettings(**settings)))
    rag.add(DOCUMENTS)
    return rag


@pytest.fixture
def llm() -> SeeingLLM:
    return SeeingLLM(usage={"prompt_tokens": 321, "completion_tokens": 12})


@pytest.fixture
def rag(tmp_path: Path, llm: SeeingLLM) -> Iterator[GlyphRAG]:
    with opened(tmp_path, llm) as store:
        yield store


async def test_an_engine_asks_the_store(rag: GlyphRAG, llm: SeeingLLM) -> None:
    engine = GlyphQueryEngine(rag, similarity_top_k=2)
    for response in (engine.query(QUESTION), await engine.aquery(QUESTION)):
        assert str(response) == CHECKED
        best = response.source_nodes[0]
        assert best.node.metadata["document_id"] == "leave"
        assert best.score == pytest.approx(1.0)
        known = response.metadata
        assert known["pages"]["P1"] == [best.node.node_id]
        assert known["citations"][0]["node_id"] == best.node.node_id
        assert known["citations"][0]["where"] == "kb/leave.md:1-1"
        assert known["usage"]["reported_tokens"] == 321
        assert "iVBOR" not in json.dumps(known)
    assert len(llm.calls) == 2
    plan = rag.plan(QUESTION, 2)
    assert_same(images_of(llm.calls[0]), [255 - 17 * page.levels for page in plan.pages])
    assert LEAVE[:30] not in words_of(llm.calls[0])


async def test_an_engine_streams(rag: GlyphRAG, llm: SeeingLLM) -> None:
    engine = GlyphQueryEngine(rag, similarity_top_k=2, streaming=True)
    response = engine.query(QUESTION)
    assert isinstance(response, StreamingResponse)
    assert response.source_nodes[0].node.metadata["document_id"] == "leave"
    assert len(list(response.response_gen)) > 1
    assert response.metadata["answer"] == CHECKED
    later = await engine.aquery(QUESTION)
    assert isinstance(later, AsyncStreamingResponse)
    assert len([words async for words in later.async_response_gen()]) > 1
    assert later.metadata["answer"] == CHECKED
    assert len(llm.calls) == 2


@pytest.mark.parametrize(
    "reply", ['{"days": 5, "until": "the end of March"}', '```json\n{"days":5,"until":"March"}\n```']
)
async def test_an_engine_fills_in_a_form(rag: GlyphRAG, llm: SeeingLLM, reply: str) -> None:
    llm.replies = [reply]
    engine = GlyphQueryEngine(rag, similarity_top_k=2, output_cls=Leave)
    for response in (engine.query(QUESTION), await engine.aquery(QUESTION)):
        assert isinstance(response, PydanticResponse)
        assert response.days == 5
        assert response.metadata["citations"]
    assert '"days"' in words_of(llm.calls[0])
    llm.replies = ["No idea."]
    with pytest.raises(ReaderError, match="no JSON object"):
        engine.query(QUESTION)


def test_the_embedded_reader_answers(tmp_path: Path) -> None:
    with GlyphRAG.open(tmp_path) as rag:
        rag.add(DOCUMENTS)
    for question, answer in ((QUESTION, "Five days"), ("What does ERR_CONN_42 mean?", "connection was refused")):
        engine = GlyphQueryEngine(tmp_path)
        response = engine.query(question)
        assert answer in str(response)
        assert response.metadata["supported"] is True
        assert response.metadata["citations"][0]["where"].startswith("kb/")
        engine.view.close()


def test_the_embedded_reader_behind_a_synthesizer(tmp_path: Path) -> None:
    from glyph_rag.embed.minilm import MiniLMEmbedder
    from glyph_rag.read.ocr.reader import OcrReader

    with GlyphRAG.open(tmp_path, embedder=HashEmbedder()) as rag:
        rag.add(DOCUMENTS)
        reader = OcrReader(MiniLMEmbedder())
        engine = RetrieverQueryEngine(GlyphRetriever(rag, similarity_top_k=2), GlyphSynthesizer(reader))
        response = engine.query("Who approves trips of more than a week?")
    assert "Ines Calloway" in str(response)
    assert response.metadata["citations"][0]["where"] == "kb/travel.md:1-1"


async def test_nodes_are_pages(rag: GlyphRAG) -> None:
    retriever = GlyphRetriever(rag, similarity_top_k=2)
    nodes = retriever.retrieve(QUESTION)
    assert [each.node_id for each in nodes] == [each.node_id for each in await retriever.aretrieve(QUESTION)]
    node = nodes[0].node
    assert (node.get_content(metadata_mode=MetadataMode.NONE), node.ref_doc_id) == (LEAVE, "leave")
    assert node.metadata == {
        "team": "people", "year": 2023, "source": "kb/leave.md", "page_id": node.node_id, "document_id": "leave",
        "line_start": 1, "line_end": 1,
    }  # fmt: skip
    assert "line_start" not in node.get_content(metadata_mode=MetadataMode.LLM)
    assert rag.page(node.node_id).text == LEAVE
    assert json.loads(node.to_json())["metadata"] == node.metadata


def test_lines_of_the_retriever_reach_the_citation(rag: GlyphRAG) -> None:
    synthesizer = GlyphSynthesizer(SeeingLLM(replies=["The connection was refused."]))
    response = RetrieverQueryEngine(GlyphRetriever(rag, similarity_top_k=1), synthesizer).query(
        "What does ERR_CONN_42 mean?"
    )
    assert response.metadata["citations"][0]["where"] == "kb/error.md:3-3"


def test_a_page_of_a_pdf_is_cited_as_such(tmp_path: Path) -> None:
    with GlyphRAG.open(tmp_path, embedder=HashEmbedder()) as rag:
        rag.add([Document("error", ERROR, "kb/error.pdf", format="pdf", marks=(Mark(0, "page 3"),))])
        node = GlyphRetriever(rag, similarity_top_k=1).retrieve("ERR_CONN_42")[0].node
        assert node.metadata["place"] == "page 3"
        synthesizer = GlyphSynthesizer(SeeingLLM(replies=["The connection was refused."]))
        response = RetrieverQueryEngine(GlyphRetriever(rag, similarity_top_k=1), synthesizer).query(
            "What does ERR_CONN_42 mean?"
        )
    assert response.metadata["citations"][0]["where"] == "kb/error.pdf, page 3"


async def test_a_folder_is_opened_with_an_llm(tmp_path: Path) -> None:
    with GlyphRAG.open(tmp_path) as rag:
        rag.add(DOCUMENTS)
    llm = SeeingLLM(replies=['{"days": 5, "until": "the end of March"}'])
    engine = GlyphQueryEngine(tmp_path, reader=llm, similarity_top_k=2, output_cls=Leave)
    response = engine.query(QUESTION)
    assert response.response == Leave(days=5, until="the end of March")
    assert len(llm.calls) == 1
    assert engine.get_prompts().keys() == {"reader:text_qa_template"}
    nodes = engine.retrieve(QueryBundle(QUESTION))
    assert [each.node_id for each in nodes] == [each.node_id for each in response.source_nodes]
    engine.view.close()


@pytest.mark.parametrize(
    ("raw", "counted"),
    [
        ({"usage": {"input_tokens": 70, "output_tokens": 8}}, (70, 8)),
        ({"usage_metadata": {"prompt_token_count": 60, "candidates_token_count": 7}}, (60, 7)),
        ({"id": "x"}, (None, None)),
        ({"usage": None}, (None, None)),
        ({"usage": "unknown", "data": {"usage": {"prompt_tokens": 50, "completion_tokens": 0}}}, (50, None)),
        (SimpleNamespace(usage=SimpleNamespace(input_tokens=40, output_tokens=6)), (40, 6)),
        (object(), (None, None)),
        (None, (None, None)),
    ],
)
def test_tokens_are_those_of_the_provider(raw: object, counted: tuple[int | None, int | None]) -> None:
    response = ChatResponse(message=ChatMessage(content="Five."), raw=raw)
    reading = reading_of("Five.", response, [], "seeing")
    assert (reading.text, reading.tokens, reading.output_tokens) == ("Five.", *counted)


def test_tokens_beside_the_raw_answer_count_too() -> None:
    extra = {"usage": SimpleNamespace(input_tokens=30, output_tokens=5)}
    response = ChatResponse(message=ChatMessage(content="Five."), additional_kwargs=extra)
    reading = reading_of("Five.", response, [], "seeing")
    assert (reading.tokens, reading.output_tokens) == (30, 5)


def test_a_hypothetical_document_is_searched_for_and_the_question_asked(rag: GlyphRAG, llm: SeeingLLM) -> None:
    bundle = QueryBundle(QUESTION, custom_embedding_strs=["connection refused relay port"])
    response = GlyphQueryEngine(rag, similarity_top_k=1).query(bundle)
    assert response.source_nodes[0].node.metadata["document_id"] == "error"
    assert QUESTION in words_of(llm.calls[0])


def test_a_query_may_bring_its_embedding(rag: GlyphRAG) -> None:
    vector = [float(value) for value in HashEmbedder().embed_queries([ERROR])[0]]
    bundle = QueryBundle("", embedding=vector)
    assert GlyphRetriever(rag, similarity_top_k=1).retrieve(bundle)[0].node.metadata["document_id"] == "error"
    people = GlyphRetriever(rag, similarity_top_k=3, where={"team": "people"}).retrieve(bundle)
    assert {each.node.metadata["document_id"] for each in people} == {"leave", "travel"}
    with pytest.raises(InputError, match="min_score"):
        GlyphRetriever(rag, min_score=0.5).retrieve(bundle)


def test_filters_narrow_and_what_cannot_be_filtered_is_refused(rag: GlyphRAG) -> None:
    def names(*filters: MetadataFilter | MetadataFilters, condition: str = "and", **more: object) -> set[str]:
        wanted = MetadataFilters(filters=list(filters), condition=FilterCondition(condition))
        nodes = GlyphRetriever(rag, filters=wanted, **more).retrieve("leave connection trips")  # type: ignore[arg-type]
        return {each.node.metadata["document_id"] for each in nodes}

    def of(key: str, value: object, operator: str = "==") -> MetadataFilter:
        return MetadataFilter(key=key, value=value, operator=FilterOperator(operator))

    people, new = of("team", "people"), of("year", 2024, ">=")
    assert names(people) == {"leave", "travel"}
    assert names(people, new) == {"travel"}
    assert names(people, new, condition="or") == {"leave", "error", "travel"}
    assert names(people, new, condition="not") == set()
    assert names(people, condition="not") == {"error"}
    assert names(of("team", ["ops", "sales"], "in")) == {"error"}
    assert names(of("team", ["ops"], "nin")) == {"leave", "travel"}
    assert names(of("note", "x", "!=")) == {"leave", "error", "travel"}
    assert names(of("note", None, "is_empty")) == {"leave", "error", "travel"}
    assert names(of("year", 2024, "<")) == {"leave"}
    nested = MetadataFilters(filters=[new, of("team", "ops")], condition=FilterCondition.AND)
    assert names(nested, of("year", 2023), condition="or") == {"error", "leave"}
    assert names(new, where={"team": "people"}) == {"travel"}


def test_a_scoped_view_stays_scoped(rag: GlyphRAG, llm: SeeingLLM) -> None:
    engine = GlyphQueryEngine(rag.scoped(where={"team": "ops"}), similarity_top_k=3)
    response = engine.query(QUESTION)
    assert {each.node.metadata["document_id"] for each in response.source_nodes} == {"error"}
    assert len(images_of(llm.calls[0])) == 1


def test_a_filter_that_lets_nothing_through_asks_nobody(rag: GlyphRAG, llm: SeeingLLM) -> None:
    response = GlyphQueryEngine(rag, where={"team": "nobody"}).query(QUESTION)
    assert (response.source_nodes, response.metadata["found"], llm.calls) == ([], False, [])


async def test_a_stream_says_that_nothing_was_found(rag: GlyphRAG) -> None:
    engine = GlyphQueryEngine(rag, where={"team": "nobody"}, streaming=True)
    told = [str(GlyphQueryEngine(rag, where={"team": "nobody"}).query(QUESTION))]
    assert list(engine.query(QUESTION).response_gen) == told
    later = await engine.aquery(QUESTION)
    assert [words async for words in later.async_response_gen()] == told


def test_what_cannot_be_is_said_at_once(rag: GlyphRAG, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="has its reader"):
        GlyphQueryEngine(rag, reader="ocr")
    with pytest.raises(StoreError):
        GlyphQueryEngine(tmp_path / "nothing")
    with pytest.raises(ReaderError, match="no chat model"):
        GlyphQueryEngine(tmp_path, reader=SeeingLLM(chat_model=False))
    with pytest.raises(InputError, match="empty"):
        GlyphQueryEngine(rag).query(" ")
    with pytest.raises(InputError, match="k is 0"):
        GlyphRetriever(rag, similarity_top_k=0).retrieve(QUESTION)


def test_a_reader_knows_what_its_model_pays(rag: GlyphRAG) -> None:
    from glyph_rag.typeset.imagetokens import family

    assert LLMReader(SeeingLLM(model_name="gpt-4o")).sight().rule == family("gpt-4o").rule
    assert LLMReader(SeeingLLM(), PageSettings(family="gpt-4o")).sight().rule == family("gpt-4o").rule
    assert LLMReader(SeeingLLM(model_name="my-gpt-4o")).sight().max_images is None
    assert LLMReader(SeeingLLM()).name == "seeing"


async def test_a_reader_says_when_there_is_no_answer() -> None:
    from glyph_rag.passages import Given, typeset_passages

    plan = typeset_passages([Given(LEAVE)]).plan
    reader = LLMReader(SeeingLLM(replies=["NOT IN THE DOCUMENTS"]))
    assert reader.read("Why?", plan).text == (await reader.aread("Why?", plan)).text == ""
    assert reader.read_structured("Why?", plan, "{}").data == ""
    empty = ReadingPlan((), 0)
    silent = SeeingLLM(replies=[""])
    assert LLMReader(silent).read("Why?", empty).text == ""
    assert list(LLMReader(silent).stream("Why?", empty)) == [
        words async for words in LLMReader(silent).astream("", empty)
    ]
    assert silent.calls == []
    for read in (LLMReader(silent).read, lambda *asked: list(LLMReader(silent).stream(*asked))):
        with pytest.raises(ReaderError, match="answered nothing"):
            read("Why?", plan)


def test_an_engines_prompt_can_be_read_and_replaced(tmp_path: Path) -> None:
    with GlyphRAG.open(tmp_path) as rag:
        rag.add(DOCUMENTS)
    llm = SeeingLLM()
    engine = GlyphQueryEngine(tmp_path, reader=llm, similarity_top_k=1)
    assert "{context_str}" in engine.get_prompts()["reader:text_qa_template"].get_template()
    engine.update_prompts({"reader:text_qa_template": PromptTemplate("Like a pirate.\n{context_str}\nQ: {query_str}")})
    assert str(engine.query(QUESTION)) == CHECKED
    assert words_of(llm.calls[0]).startswith("Like a pirate.")
    engine.view.close()


def test_a_form_is_asked_for_whatever_the_prompt(tmp_path: Path) -> None:
    llm = SeeingLLM(replies=['{"days": 5, "until": "the end of March"}'])
    reader = LLMReader(llm, text_qa_template=PromptTemplate("Like a pirate.\n{context_str}\nQ: {query_str}"))
    with GlyphRAG.open(tmp_path, embedder=HashEmbedder(), reader=reader) as rag:
        rag.add(DOCUMENTS)
        assert rag.ask(QUESTION, schema=Leave).data == Leave(days=5, until="the end of March")
    assert words_of(llm.calls[0]).startswith("Like a pirate.")
    assert '"until"' in words_of(llm.calls[0])


async def test_many_at_once(tmp_path: Path) -> None:
    with GlyphRAG.open(tmp_path, embedder=HashEmbedder(), reader=ScriptedReader(REPLY), cache=PageCache()) as rag:
        rag.add(DOCUMENTS)
        engine = GlyphQueryEngine(rag, similarity_top_k=2)
        responses = await asyncio.gather(*(engine.aquery(QUESTION) for _ in range(8)))
    assert {str(response) for response in responses} == {CHECKED}
