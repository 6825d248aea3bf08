"""GlyphRetriever: the store's pages for a question, as Documents."""

from __future__ import annotations

from glyph_rag.search.filters import Filter
from glyph_rag.search.hit import Hit
from glyph_rag.view import View
from langchain_core.callbacks import CallbackManagerForRetrieverRun
from langchain_core.documents import Document
from langchain_core.retrievers import BaseRetriever, LangSmithRetrieverParams
from pydantic import ConfigDict, Field, InstanceOf

from langchain_glyph_rag.records import hit_document


class GlyphRetriever(BaseRetriever):
    """Finds pages. Each comes as a Document of its words, with page_id, document_id, source, lines and score.

    Every field may also be given with a call: `retriever.invoke("...", k=2, filter={"team": "north"})`.

    Attributes:
        rag: What is searched: a `GlyphRAG`, or a view of a part of it.
        k: How many pages at most.
        filter: A filter on the documents' metadata (docs/search.md).
        min_score: Leave out pages that score less, 0 to 1.
        mmr: Order by maximal marginal relevance with this lambda, 0 to 1; by score where None.
    """

    model_config = ConfigDict(arbitrary_types_allowed=True)

    rag: InstanceOf[View] = Field(exclude=True, repr=False)
    k: int = 4
    filter: Filter | None = None
    min_score: float = 0.0
    mmr: float | None = None

    def _get_relevant_documents(
        self,
        query: str,
        *,
        run_manager: CallbackManagerForRetrieverRun,
        k: int | None = None,
        filter: Filter | None = None,
        min_score: float | None = None,
        mmr: float | None = None,
    ) -> list[Document]:
        found = self.hits(
            query,
            self.k if k is None else k,
            self.filter if filter is None else filter,
            self.min_score if min_score is None else min_score,
            self.mmr if mmr is None else mmr,
        )
        return [hit_document(hit) for hit in found]

    def hits(self, query: str, k: int, filter: Filter | None, min_score: float, mmr: float | None) -> list[Hit]:
        """What is found; see `View.search`.

        Raises:
            InputError: The question is empty, or a number or the filter is wrong.
        """
        return self.rag.search(query, k, where=filter, min_score=min_score, mmr=mmr)

    def _get_ls_params(self, **kwargs: object) -> LangSmithRetrieverParams:
        return LangSmithRetrieverParams(
            ls_retriever_name="glyph",
            ls_vector_store_provider="glyph_rag",
            ls_embedding_model=self.rag.embedder.info.name,
        )
