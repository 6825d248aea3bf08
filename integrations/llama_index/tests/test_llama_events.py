"""What those hear who listen to LlamaIndex's events and callbacks, and that no image goes where traces are kept."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from glyph_rag import Document, GlyphRAG
from glyph_rag.testing import HashEmbedder
from llama_fakes import CHECKED, LEAVE, QUESTION, SeeingLLM
from llama_index.core.bridge.pydantic import Field
from llama_index.core.callbacks import CallbackManager, CBEventType, LlamaDebugHandler
from llama_index.core.callbacks.schema import EventPayload
from llama_index.core.instrumentation import get_dispatcher
from llama_index.core.instrumentation.event_handlers import BaseEventHandler
from llama_index.core.instrumentation.events import BaseEvent
from llama_index.core.instrumentation.events.synthesis import SynthesizeEndEvent
from llama_index.core.query_engine import RetrieverQueryEngine
from llama_index.core.schema import NodeWithScore, TextNode

from llama_index_glyph_rag import (
    GlyphPagePostprocessor,
    GlyphQueryEngine,
    GlyphRetriever,
    GlyphSynthesizer,
    LLMReader,
    PageNode,
)


@pytest.fixture
def rag(tmp_path: Path) -> Iterator[GlyphRAG]:
    with GlyphRAG.open(tmp_path, embedder=HashEmbedder(), reader=LLMReader(SeeingLLM())) as store:
        store.add(
            [Document("leave", LEAVE, "kb/leave.md"), Document("travel", "Trains are booked ahead.", "kb/travel.md")]
        )
        yield store


class Listener(BaseEventHandler):
    """Remembers events."""

    seen: list[BaseEvent] = Field(default_factory=list)

    def handle(self, event: BaseEvent, **kwargs: object) -> None:
        self.seen.append(event)


@pytest.fixture
def events() -> Iterator[list[BaseEvent]]:
    listener = Listener()
    get_dispatcher().add_event_handler(listener)
    yield listener.seen
    get_dispatcher().event_handlers.remove(listener)


def names_of(events: list[BaseEvent]) -> list[str]:
    return [type(event).__name__ for event in events]


CHAT = ["LLMChatStartEvent", "LLMChatEndEvent"]
FOUND = ["RetrievalStartEvent", "RetrievalEndEvent"]


ANSWERED = ["SynthesizeStartEvent", *CHAT, "SynthesizeEndEvent"]
SYNTHESIZED = [ANSWERED[0], "GetResponseStartEvent", *CHAT, "GetResponseEndEvent", ANSWERED[-1]]


async def test_events_are_those_that_people_know(rag: GlyphRAG, events: list[BaseEvent]) -> None:
    engine = GlyphQueryEngine(rag, similarity_top_k=1)
    synthesized = RetrieverQueryEngine(GlyphRetriever(rag, similarity_top_k=1), GlyphSynthesizer(SeeingLLM()))
    for asked, answered in ((engine, ANSWERED), (synthesized, SYNTHESIZED)):
        asked.query(QUESTION)
        await asked.aquery(QUESTION)
        assert names_of(events) == ["QueryStartEvent", *FOUND, *answered, "QueryEndEvent"] * 2
        events.clear()


class Cited(BaseEventHandler):
    """Looks at a response at the moment that it is told of, as tracing does."""

    quotes: list[str] = Field(default_factory=list)

    def handle(self, event: BaseEvent, **kwargs: object) -> None:
        if isinstance(event, SynthesizeEndEvent):
            self.quotes += [citation["quote"] for citation in event.response.metadata["citations"]]


async def test_a_response_is_told_of_with_its_citations() -> None:
    listener, nodes = Cited(), [NodeWithScore(node=TextNode(text=LEAVE))]
    get_dispatcher().add_event_handler(listener)
    try:
        GlyphSynthesizer(SeeingLLM()).synthesize(QUESTION, nodes)
        await GlyphSynthesizer(SeeingLLM()).asynthesize(QUESTION, nodes)
    finally:
        get_dispatcher().event_handlers.remove(listener)
    assert listener.quotes == [CHECKED] * 2


@pytest.mark.parametrize("streaming", [False, True])
async def test_callback_managers_hear_of_everything_too(rag: GlyphRAG, streaming: bool) -> None:
    debug = LlamaDebugHandler(print_trace_on_end=False)
    manager = CallbackManager([debug])
    engine = GlyphQueryEngine(rag, similarity_top_k=1, streaming=streaming, callback_manager=manager)
    synthesizer = GlyphSynthesizer(SeeingLLM(), streaming=streaming, callback_manager=manager)
    retriever = GlyphRetriever(rag, similarity_top_k=1, callback_manager=manager)
    for asked in (engine, RetrieverQueryEngine(retriever, synthesizer)):
        debug.flush_event_logs()
        asked.query(QUESTION)
        await asked.aquery(QUESTION)
        for kind in (CBEventType.QUERY, CBEventType.RETRIEVE, CBEventType.SYNTHESIZE):
            pairs = debug.get_event_pairs(kind)
            assert len(pairs) == 2
            assert pairs[0][0].payload[EventPayload.QUERY_STR] == QUESTION
            told = pairs[0][1].payload[EventPayload.NODES if kind == CBEventType.RETRIEVE else EventPayload.RESPONSE]
            assert (told if kind == CBEventType.RETRIEVE else told.source_nodes)[0].node.ref_doc_id == "leave"


def test_only_the_llms_own_events_hold_images(rag: GlyphRAG, events: list[BaseEvent]) -> None:
    retriever = GlyphRetriever(rag, similarity_top_k=2)
    RetrieverQueryEngine(retriever, GlyphSynthesizer(SeeingLLM())).query(QUESTION)
    GlyphQueryEngine(rag, similarity_top_k=2).query(QUESTION)
    assert holding_images(events) == set(CHAT)
    native = RetrieverQueryEngine.from_args(
        retriever, llm=SeeingLLM(), multimodal=True, node_postprocessors=[GlyphPagePostprocessor()]
    )
    assert isinstance(native.query(QUESTION).source_nodes[0].node, PageNode)
    assert not holding_images(events) & {*FOUND, "SynthesizeEndEvent", "QueryEndEvent"}


def holding_images(events: list[BaseEvent]) -> set[str]:
    return {type(event).__name__ for event in events if "iVBOR" in str(event.model_dump())}
