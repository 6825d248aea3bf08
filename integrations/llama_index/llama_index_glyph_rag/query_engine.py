"""GlyphQueryEngine: a store of glyph-rag as a query engine."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Generator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TypedDict

from glyph_rag.errors import InputError
from glyph_rag.rag import GlyphRAG
from glyph_rag.view import View
from llama_index.core.base.base_query_engine import BaseQueryEngine
from llama_index.core.bridge.pydantic import BaseModel
from llama_index.core.llms import LLM
from llama_index.core.settings import Settings

from llama_index_glyph_rag.events import querying, retrieving, synthesizing
from llama_index_glyph_rag.nodes import node_of
from llama_index_glyph_rag.reader import LLMReader
from llama_index_glyph_rag.replies import refuse_blind
from llama_index_glyph_rag.report import report, response_of, said_of
from llama_index_glyph_rag.retriever import GlyphRetriever

if TYPE_CHECKING:
    from glyph_rag.read.plan import Mode
    from glyph_rag.read.reader import Reader
    from glyph_rag.search.filters import Filter
    from glyph_rag.search.hit import Hit
    from glyph_rag.typeset.profile import RenderProfile
    from llama_index.core.base.response.schema import RESPONSE_TYPE
    from llama_index.core.callbacks.base import CallbackManager
    from llama_index.core.prompts.mixin import PromptMixinType
    from llama_index.core.schema import NodeWithScore, QueryBundle
    from llama_index.core.vector_stores import MetadataFilters


class _How(TypedDict):
    mode: Mode
    density: str | RenderProfile | None
    budget: int | None
    strict: bool


class GlyphQueryEngine(BaseQueryEngine):
    """All of glyph-rag behind one engine: search, plan, read, check. `view` is what it asks."""

    def __init__(
        self,
        store: View | str | Path,
        *,
        reader: Reader | LLM | str | None = None,
        similarity_top_k: int = 3,
        mode: Mode = "image",
        density: str | RenderProfile | None = None,
        budget: int | None = None,
        strict: bool = False,
        where: Filter | None = None,
        filters: MetadataFilters | None = None,
        streaming: bool = False,
        output_cls: type[BaseModel] | None = None,
        callback_manager: CallbackManager | None = None,
    ) -> None:
        """
        Args:
            store: A `GlyphRAG`, what `scoped` made of one, or the folder of a store.
            reader: For a folder: who reads; a chat model of LlamaIndex that takes images, a reader of glyph-rag or its
                name; "ocr" where None. A `GlyphRAG` has its own.
            similarity_top_k: How many pages at most.
            mode: As for `GlyphRAG.ask`.
            density: As for `GlyphRAG.ask`.
            budget: As for `GlyphRAG.ask`.
            strict: As for `GlyphRAG.ask`.
            where: A filter on the documents, as glyph-rag has it.
            filters: One as LlamaIndex has it. Both have to hold.
            streaming: Whether responses give words as they come.
            output_cls: A pydantic model to fill in. Such responses do not stream.
            callback_manager: That of `Settings` where None.

        Raises:
            InputError: If a reader is given for a store that is open, or a filter cannot be translated.
            ReaderError: If the LLM is known to take no images.
            StoreError: If there is no store in the folder.
        """
        if isinstance(reader, LLM):
            if mode != "text":
                refuse_blind(reader)
            reader = LLMReader(reader, output_cls=output_cls)
        view = store if isinstance(store, View) else GlyphRAG.open(store, reader=reader, create=False)
        if view is store and reader is not None:
            raise InputError("the store is open and has its reader", hint="GlyphRAG.open(path, reader=LLMReader(llm))")
        super().__init__(callback_manager=callback_manager or Settings.callback_manager)
        self.view = view
        self._retriever = GlyphRetriever(
            view, similarity_top_k=similarity_top_k, where=where, filters=filters, callback_manager=callback_manager
        )
        self._prompts: PromptMixinType = {"reader": reader} if isinstance(reader, LLMReader) else {}
        self._how: _How = {"mode": mode, "density": density, "budget": budget, "strict": strict}
        self._streaming, self._output_cls = streaming and output_cls is None, output_cls

    def _get_prompt_modules(self) -> PromptMixinType:
        return self._prompts

    def retrieve(self, query_bundle: QueryBundle) -> list[NodeWithScore]:
        """The pages that would be read, as nodes."""
        return self._retriever.retrieve(query_bundle)

    def _query(self, query_bundle: QueryBundle) -> RESPONSE_TYPE:
        with querying(self.callback_manager, query_bundle) as answered:
            with retrieving(self.callback_manager, query_bundle) as found:
                hits = self._retriever.hits(query_bundle)
                nodes = found([node_of(hit) for hit in hits])
            with synthesizing(self.callback_manager, query_bundle) as end:
                return answered(end(self._response(query_bundle.query_str, hits, nodes)))

    async def _aquery(self, query_bundle: QueryBundle) -> RESPONSE_TYPE:
        with querying(self.callback_manager, query_bundle) as answered:
            with retrieving(self.callback_manager, query_bundle) as found:
                hits = await asyncio.to_thread(self._retriever.hits, query_bundle)
                nodes = found([node_of(hit) for hit in hits])
            with synthesizing(self.callback_manager, query_bundle) as end:
                return answered(end(await self._aresponse(query_bundle.query_str, hits, nodes)))

    def _response(self, question: str, hits: Sequence[Hit], nodes: Sequence[NodeWithScore]) -> RESPONSE_TYPE:
        if self._streaming:
            metadata: dict[str, object] = {}
            return response_of(self._words(question, hits, metadata), nodes, metadata)
        answer = self.view.ask(question, **self._how, schema=self._output_cls, hits=hits)
        return response_of(said_of(answer), nodes, report(answer))

    async def _aresponse(self, question: str, hits: Sequence[Hit], nodes: Sequence[NodeWithScore]) -> RESPONSE_TYPE:
        if self._streaming:
            metadata: dict[str, object] = {}
            return response_of(self._awords(question, hits, metadata), nodes, metadata)
        answer = await self.view.aask(question, **self._how, schema=self._output_cls, hits=hits)
        return response_of(said_of(answer), nodes, report(answer))

    def _words(self, question: str, hits: Sequence[Hit], metadata: dict[str, object]) -> Generator[str, None, None]:
        stream = self.view.stream(question, **self._how, hits=hits)
        yield from stream
        metadata.update(report(stream.answer))

    async def _awords(
        self, question: str, hits: Sequence[Hit], metadata: dict[str, object]
    ) -> AsyncGenerator[str, None]:
        stream = await self.view.astream(question, **self._how, hits=hits)
        async for words in stream:
            yield words
        metadata.update(report(await stream.answer()))
