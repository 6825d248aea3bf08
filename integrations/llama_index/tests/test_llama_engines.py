"""GlyphSynthesizer in the engines, retrievers and agents that LlamaIndex has: one call, the nodes' pages, checked."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest
from glyph_rag.errors import InputError
from llama_fakes import (
    CHECKED,
    ERROR,
    LEAVE,
    QUESTION,
    REPLY,
    TRAVEL,
    SeeingLLM,
    WordEmbedding,
    found,
    images_of,
    make_index,
    words_of,
)
from llama_index.core import Document, SimpleKeywordTableIndex, StorageContext, SummaryIndex, VectorStoreIndex
from llama_index.core.agent.workflow import ReActAgent, ToolCallResult
from llama_index.core.base.base_query_engine import BaseQueryEngine
from llama_index.core.base.base_selector import BaseSelector, SelectorResult, SingleSelection
from llama_index.core.evaluation import RelevancyEvaluator
from llama_index.core.indices.query.query_transform.base import BaseQueryTransform
from llama_index.core.node_parser import HierarchicalNodeParser, SentenceWindowNodeParser, get_leaf_nodes
from llama_index.core.postprocessor import LongContextReorder, MetadataReplacementPostProcessor
from llama_index.core.prompts import PromptTemplate
from llama_index.core.query_engine import (
    CitationQueryEngine,
    RetrieverQueryEngine,
    RetryQueryEngine,
    RouterQueryEngine,
    SubQuestionQueryEngine,
    TransformQueryEngine,
)
from llama_index.core.question_gen.types import BaseQuestionGenerator, SubQuestion
from llama_index.core.retrievers import AutoMergingRetriever, QueryFusionRetriever
from llama_index.core.schema import ImageNode, IndexNode, MediaResource, Node, NodeWithScore, QueryBundle, TextNode
from llama_index.core.tools import QueryEngineTool

from llama_index_glyph_rag import GlyphSynthesizer

INDEX = make_index()
Build = Callable[[SeeingLLM], BaseQueryEngine]


def usual(llm: SeeingLLM, **settings: object) -> BaseQueryEngine:
    return INDEX.as_query_engine(similarity_top_k=2, response_synthesizer=GlyphSynthesizer(llm, **settings))


def tool_of(llm: SeeingLLM, **settings: object) -> QueryEngineTool:
    return QueryEngineTool.from_defaults(usual(llm, **settings), name="handbook", description="What it says.")


class First(BaseSelector):
    """Chooses the first tool."""

    def _select(self, choices: object, query: QueryBundle) -> SelectorResult:
        return SelectorResult(selections=[SingleSelection(index=0, reason="the only one")])

    async def _aselect(self, choices: object, query: QueryBundle) -> SelectorResult:
        return self._select(choices, query)

    def _get_prompts(self) -> dict[str, object]:
        return {}

    def _update_prompts(self, prompts: object) -> None:
        pass


class Hypothesis(BaseQueryTransform):
    """Searches for an answer and asks the question, as HyDEQueryTransform does."""

    def _run(self, query_bundle: QueryBundle, metadata: object) -> QueryBundle:
        return QueryBundle(query_bundle.query_str, custom_embedding_strs=[QUESTION])

    def _get_prompts(self) -> dict[str, object]:
        return {}

    def _update_prompts(self, prompts: object) -> None:
        pass


class Halves(BaseQuestionGenerator):
    """Asks twice."""

    def generate(self, tools: object, query: QueryBundle) -> list[SubQuestion]:
        return [SubQuestion(sub_question=QUESTION, tool_name="handbook")] * 2

    async def agenerate(self, tools: object, query: QueryBundle) -> list[SubQuestion]:
        return self.generate(tools, query)

    def _get_prompts(self) -> dict[str, object]:
        return {}

    def _update_prompts(self, prompts: object) -> None:
        pass


def routed(llm: SeeingLLM) -> BaseQueryEngine:
    return RouterQueryEngine(selector=First(), query_engine_tools=[tool_of(llm)], llm=llm)


def retried(llm: SeeingLLM) -> BaseQueryEngine:
    return RetryQueryEngine(usual(llm), RelevancyEvaluator(llm=SeeingLLM(replies=["YES"])))


def fused(llm: SeeingLLM) -> BaseQueryEngine:
    both = [INDEX.as_retriever(similarity_top_k=2)] * 2
    retriever = QueryFusionRetriever(both, llm=llm, num_queries=1, similarity_top_k=2, use_async=False)
    return RetrieverQueryEngine(retriever, GlyphSynthesizer(llm))


def from_args(llm: SeeingLLM) -> BaseQueryEngine:
    retriever = INDEX.as_retriever(similarity_top_k=2)
    return RetrieverQueryEngine.from_args(retriever, llm=llm, response_synthesizer=GlyphSynthesizer(llm))


def transformed(llm: SeeingLLM) -> BaseQueryEngine:
    return TransformQueryEngine(usual(llm), Hypothesis())


@pytest.mark.parametrize("build", [from_args, routed, retried, fused, transformed])
async def test_engines_around_a_synthesizer(build: Build) -> None:
    llm = SeeingLLM(expected=found(INDEX))
    engine = build(llm)
    for response in (engine.query(QUESTION), await engine.aquery(QUESTION)):
        assert str(response) == CHECKED
        assert [each.node_id for each in response.source_nodes] == ["leave", "travel"]
        assert response.metadata["citations"][0]["node_id"] == "leave"
    assert len(llm.calls) == 2


@pytest.mark.parametrize("index", [SummaryIndex, SimpleKeywordTableIndex])
def test_indices_without_vectors(index: type[SummaryIndex]) -> None:
    llm = SeeingLLM()
    engine = index([TextNode(text=LEAVE), TextNode(text=ERROR)]).as_query_engine(
        response_synthesizer=GlyphSynthesizer(llm)
    )
    assert str(engine.query(QUESTION)) == CHECKED
    assert len(llm.calls) == 1
    assert LEAVE[:20] not in words_of(llm.calls[0])


def test_citation_nodes_are_pages_too() -> None:
    llm = SeeingLLM()
    engine = CitationQueryEngine.from_args(
        INDEX, llm=llm, similarity_top_k=2, response_synthesizer=GlyphSynthesizer(llm)
    )
    response = engine.query(QUESTION)
    assert str(response) == CHECKED
    assert response.source_nodes[0].node.get_content().startswith("Source 1:")
    assert LEAVE[:20] not in words_of(llm.calls[0])


@pytest.mark.parametrize("use_async", [False, True])
def test_questions_in_parts(use_async: bool) -> None:
    parts, whole = SeeingLLM(), SeeingLLM()
    engine = SubQuestionQueryEngine.from_defaults(
        [tool_of(parts)],
        question_gen=Halves(),
        response_synthesizer=GlyphSynthesizer(whole),
        use_async=use_async,
        verbose=False,
    )
    response = engine.query(QUESTION)
    assert (len(parts.calls), len(whole.calls)) == (2, 1)
    assert len(response.source_nodes) == 2 + 2 * 2
    assert set(response.metadata["pages"]) == {"P1", "P2"}
    assert CHECKED not in words_of(whole.calls[0])


def test_parents_that_were_merged() -> None:
    text = f"{LEAVE} {TRAVEL} {ERROR}\n" * 12
    parser = HierarchicalNodeParser.from_defaults(chunk_sizes=[512, 128], chunk_overlap=0)
    nodes = parser.get_nodes_from_documents([Document(text=text, metadata={"file_name": "a.md"})])
    storage = StorageContext.from_defaults()
    storage.docstore.add_documents(nodes)
    leaves = VectorStoreIndex(get_leaf_nodes(nodes), storage_context=storage, embed_model=WordEmbedding())
    llm = SeeingLLM()
    retriever = AutoMergingRetriever(leaves.as_retriever(similarity_top_k=6), storage)
    response = RetrieverQueryEngine(retriever, GlyphSynthesizer(llm)).query(QUESTION)
    assert str(response) == CHECKED
    assert response.metadata["citations"][0]["source"] == "a.md"
    assert len(llm.calls) == 1


def test_what_postprocessors_make_of_nodes_is_shown() -> None:
    parser = SentenceWindowNodeParser.from_defaults(window_size=1)
    nodes = parser.get_nodes_from_documents([Document(text=f"{LEAVE} {TRAVEL}")])
    index = VectorStoreIndex(nodes, embed_model=WordEmbedding())
    llm = SeeingLLM()
    engine = index.as_query_engine(
        similarity_top_k=1,
        node_postprocessors=[MetadataReplacementPostProcessor("window")],
        response_synthesizer=GlyphSynthesizer(llm),
    )
    response = engine.query(QUESTION)
    assert response.source_nodes[0].node.get_content().startswith("Employees have 28 days")
    assert response.metadata["citations"][0]["quote"] == CHECKED
    ordered = INDEX.as_query_engine(
        similarity_top_k=3,
        node_postprocessors=[LongContextReorder()],
        response_synthesizer=GlyphSynthesizer(SeeingLLM()),
    ).query(QUESTION)
    names = [each.node_id for each in ordered.source_nodes]
    assert sorted(names) == ["error", "leave", "travel"]
    assert list(ordered.metadata["pages"].values()) == [[name] for name in names]


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.usefixtures("conversation")
async def test_an_agent_reads_the_checked_words() -> None:
    agent_llm = SeeingLLM(
        replies=[
            f'Thought: I need a tool.\nAction: handbook\nAction Input: {{"input": "{QUESTION}"}}',
            "Thought: I can answer without using any more tools.\nAnswer: Five.",
        ]
    )
    llm = SeeingLLM(expected=found(INDEX))
    handler = ReActAgent(tools=[tool_of(llm)], llm=agent_llm).run(QUESTION)
    results = [event async for event in handler.stream_events() if isinstance(event, ToolCallResult)]
    assert str(await handler) == "Five."
    assert [event.tool_output.content for event in results] == [CHECKED]
    assert len(llm.calls) == 1
    assert not any(images_of(call) for call in agent_llm.calls)


async def test_in_a_notebook_where_a_loop_runs_already() -> None:
    engine = usual(SeeingLLM(expected=found(INDEX)))
    assert str(engine.query(QUESTION)) == CHECKED
    assert str(await asyncio.to_thread(engine.query, QUESTION)) == CHECKED
    assert "".join(usual(SeeingLLM(), streaming=True).query(QUESTION).response_gen).startswith("Six days")


def test_a_templates_own_variables() -> None:
    template = PromptTemplate("Be {tone}. {context_str}\n{query_str}", template_var_mappings={"manner": "tone"})
    nodes = INDEX.as_retriever(similarity_top_k=2).retrieve(QUESTION)
    llm = SeeingLLM(expected=found(INDEX))
    synthesizer = GlyphSynthesizer(llm, text_qa_template=template)
    assert str(synthesizer.synthesize(QUESTION, nodes, tone="brief")) == CHECKED
    assert str(asyncio.run(synthesizer.asynthesize(QUESTION, nodes, manner="kind"))) == CHECKED
    assert [words_of(call).split(".")[0] for call in llm.calls] == ["Be brief", "Be kind"]
    for name in ("mood", "query_str", "context_str"):
        with pytest.raises(TypeError, match=name):
            synthesizer.synthesize(QUESTION, nodes, **{name: "x"})


@pytest.mark.parametrize("streaming", [False, True])
async def test_nothing_found_has_the_same_metadata(streaming: bool) -> None:
    llm = SeeingLLM()
    synthesizer = GlyphSynthesizer(llm, streaming=streaming)
    picture = NodeWithScore(node=ImageNode(id_="picture", image="iVBORw0KGgo="))
    full = GlyphSynthesizer(SeeingLLM()).synthesize(QUESTION, [NodeWithScore(node=TextNode(id_="a", text=LEAVE))])
    for nodes in ([], [picture]):
        for response in (synthesizer.synthesize(QUESTION, nodes), await synthesizer.asynthesize(QUESTION, nodes)):
            assert response.metadata["found"] is response.metadata["supported"] is False
            assert (response.metadata["citations"], response.metadata["pages"]) == ([], {})
            assert response.metadata.keys() - {"picture"} == full.metadata.keys() - {"a"}
            assert response.source_nodes == nodes
            assert response.metadata["notices"] == ["Not read: node 'picture' has no text."] * len(nodes)
    assert llm.calls == []


@pytest.mark.parametrize(
    "node",
    [
        IndexNode(text=LEAVE, index_id="elsewhere"),
        Node(text_resource=MediaResource(text=LEAVE)),
        Document(text=LEAVE),
        ImageNode(text=LEAVE, image="iVBORw0KGgo="),
        TextNode(text=LEAVE, metadata={"words": "metadata " * 20_000}, text_template="META {metadata_str} {content}"),
        TextNode(text=LEAVE, metadata={"source": {"a": 1}, "page": 3.5, "line_start": "7", "place": ["x"]}),
        TextNode(text=f"{LEAVE} 🎉 休暇は五日まで繰り越せます。\x00"),
    ],
)
def test_nodes_of_all_kinds(node: TextNode) -> None:
    llm = SeeingLLM()
    response = GlyphSynthesizer(llm).synthesize(QUESTION, [NodeWithScore(node=node)])
    assert str(response) == CHECKED
    assert response.source_nodes[0].node is node
    assert len(images_of(llm.calls[0])) == 1
    assert "metadata" not in words_of(llm.calls[0])


@pytest.mark.parametrize("wrong", ["gpt-4o", SeeingLLM, INDEX, 7])
def test_what_is_no_llm_is_refused_at_once(wrong: object) -> None:
    with pytest.raises(InputError, match="no LLM and no reader"):
        GlyphSynthesizer(wrong)


def test_a_reply_is_the_models_own_where_pages_say_nothing_of_it() -> None:
    response = usual(SeeingLLM(replies=["The moon is made of cheese [P1]."])).query(QUESTION)
    assert str(response) == "The moon is made of cheese."
    assert (response.metadata["found"], response.metadata["supported"]) == (True, False)
    assert REPLY not in str(response)
