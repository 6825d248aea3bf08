"""GlyphRetriever: pages of a store as LlamaIndex's nodes."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from glyph_rag.errors import InputError
from glyph_rag.rag import GlyphRAG
from glyph_rag.search.hit import Hit
from glyph_rag.view import View
from llama_index.core.base.base_retriever import BaseRetriever
from llama_index.core.schema import NodeWithScore, QueryBundle
from llama_index.core.settings import Settings

from llama_index_glyph_rag.filters import filter_of
from llama_index_glyph_rag.nodes import node_of

if TYPE_CHECKING:
    from glyph_rag.search.filters import Filter
    from llama_index.core.callbacks.base import CallbackManager
    from llama_index.core.vector_stores import MetadataFilters


class GlyphRetriever(BaseRetriever):
    """Finds pages by meaning and words. Nodes carry the page's text; to show them, use `GlyphSynthesizer`."""

    def __init__(
        self,
        store: View | str | Path,
        *,
        similarity_top_k: int = 5,
        where: Filter | None = None,
        filters: MetadataFilters | None = None,
        min_score: float = 0.0,
        mmr: float | None = None,
        callback_manager: CallbackManager | None = None,
    ) -> None:
        """
        Args:
            store: A `GlyphRAG`, what `scoped` made of one, or the folder of a store.
            similarity_top_k: How many pages at most.
            where: A filter on the documents, as glyph-rag has it.
            filters: One as LlamaIndex has it. Both have to hold.
            min_score: Leave out pages that score less; scores go from 0 to 1.
            mmr: Order by maximal marginal relevance, as for `View.search`.
            callback_manager: That of `Settings` where None.

        Raises:
            StoreError: If there is no store in the folder.
            InputError: If a filter cannot be translated.
        """
        self.view = store if isinstance(store, View) else GlyphRAG.open(store, create=False)
        self._k, self._min_score, self._mmr = similarity_top_k, min_score, mmr
        self._where = joined(where, filters)
        super().__init__(callback_manager=callback_manager or Settings.callback_manager)

    def hits(self, query: QueryBundle) -> list[Hit]:
        """What a query finds, best first: by its embedding where it brings one, else by its embedding strings.

        Raises:
            InputError: As `View.search`, or a query with an embedding is to be ordered or cut by score.
        """
        if query.embedding is None:
            words = "\n".join(query.embedding_strs)
            return self.view.search(words, self._k, where=self._where, min_score=self._min_score, mmr=self._mmr)
        if self._mmr is not None or self._min_score:
            raise InputError("a query with an embedding knows no min_score and mmr", hint="ask in words")
        return self.view.search_by_vector(np.asarray(query.embedding, np.float32), self._k, where=self._where)

    def _retrieve(self, query_bundle: QueryBundle) -> list[NodeWithScore]:
        return [node_of(hit) for hit in self.hits(query_bundle)]

    async def _aretrieve(self, query_bundle: QueryBundle) -> list[NodeWithScore]:
        return await asyncio.to_thread(self._retrieve, query_bundle)


def joined(where: Filter | None, filters: MetadataFilters | None) -> Filter | None:
    """A filter of glyph-rag and one of LlamaIndex as one: both have to hold.

    Raises:
        InputError: The second cannot be translated.
    """
    if filters is None:
        return where
    return filter_of(filters) if where is None else {"$and": [where, filter_of(filters)]}
