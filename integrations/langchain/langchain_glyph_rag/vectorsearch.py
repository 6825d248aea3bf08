"""The searching half of a VectorStore."""

from __future__ import annotations

import asyncio
from abc import ABC
from collections.abc import Mapping, Sequence

import numpy as np
from glyph_rag.search.filters import Filter
from glyph_rag.view import View
from langchain_core.documents import Document
from langchain_core.vectorstores import VectorStore

from langchain_glyph_rag.ranking import Search, distinct, diverse, relevances
from langchain_glyph_rag.records import to_document


class StoreSearch(VectorStore, ABC):
    """All ways in which LangChain searches a VectorStore, over pages. `filter` is as in docs/search.md."""

    def __init__(self, view: View) -> None:
        """
        Args:
            view: What is searched.
        """
        self._view = view

    def similarity_search(self, query: str, k: int = 4, *, filter: Filter | None = None) -> list[Document]:
        """The documents that fit a question best, best first."""
        return [document for document, _ in self.similarity_search_with_score(query, k, filter=filter)]

    def similarity_search_with_score(
        self, query: str, k: int = 4, *, filter: Filter | None = None
    ) -> list[tuple[Document, float]]:
        """As `similarity_search`, each with its score, which compares with those of this question alone."""
        return self._best(self._asked(query, filter), k)

    def similarity_search_by_vector(
        self, embedding: list[float], k: int = 4, *, filter: Filter | None = None
    ) -> list[Document]:
        """The documents nearest to a vector; words do not count.

        Raises:
            InputError: The vector has another dimension than the store's, or is 0.
        """
        return [document for document, _ in self._near(embedding, k, filter)]

    def max_marginal_relevance_search(
        self, query: str, k: int = 4, fetch_k: int = 20, lambda_mult: float = 0.5, *, filter: Filter | None = None
    ) -> list[Document]:
        """Of the `fetch_k` best, `k` that are unlike each other; they are embedded anew for this.

        `lambda_mult` is 1 for by score alone, and the nearer to 0, the more unlike each other they have to be.
        """
        found = self.similarity_search_with_score(query, fetch_k, filter=filter)
        return diverse(found, k, lambda_mult, self._view.embedder)

    def max_marginal_relevance_search_by_vector(
        self,
        embedding: list[float],
        k: int = 4,
        fetch_k: int = 20,
        lambda_mult: float = 0.5,
        *,
        filter: Filter | None = None,
    ) -> list[Document]:
        """As `max_marginal_relevance_search`, for a vector."""
        return diverse(self._near(embedding, fetch_k, filter), k, lambda_mult, self._view.embedder)

    def _similarity_search_with_relevance_scores(
        self, query: str, k: int = 4, *, filter: Filter | None = None
    ) -> list[tuple[Document, float]]:
        # What a threshold is for has to compare between questions, and the scores of a ranking do not.
        pages = distinct(self._asked(query, filter), k, self._view.limits.k)
        scores = dict(zip(pages, relevances(query, [*pages.values()], self._view.embedder), strict=True))
        return sorted(self._scored(scores), key=lambda found: found[1], reverse=True)

    async def _asimilarity_search_with_relevance_scores(
        self, query: str, k: int = 4, *, filter: Filter | None = None
    ) -> list[tuple[Document, float]]:
        return await asyncio.to_thread(self._similarity_search_with_relevance_scores, query, k, filter=filter)

    def _asked(self, query: str, filter: Filter | None) -> Search:
        return lambda count: self._view.search(query, count, where=filter)

    def _near(self, embedding: Sequence[float], k: int, filter: Filter | None) -> list[tuple[Document, float]]:
        vector = np.asarray(embedding, np.float32)
        return self._best(lambda count: self._view.search_by_vector(vector, count, where=filter), k)

    def _best(self, search: Search, k: int) -> list[tuple[Document, float]]:
        pages = distinct(search, k, self._view.limits.k)
        return self._scored({name: hit.score for name, hit in pages.items()})

    def _scored(self, scores: Mapping[str, float]) -> list[tuple[Document, float]]:
        return [(to_document(source), scores[source.id]) for source in self._view.documents(list(scores))]
