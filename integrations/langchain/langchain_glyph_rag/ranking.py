"""Pages to documents: the rankings of a VectorStore."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeAlias

from glyph_rag.embed.embedder import AnyEmbedder, PageEmbedder
from glyph_rag.errors import InputError
from glyph_rag.search.hit import Hit
from glyph_rag.search.mmr import diversified
from langchain_core.documents import Document

Search: TypeAlias = Callable[[int], list[Hit]]
"""Finds this many pages, best first."""


def distinct(search: Search, k: int, most: int) -> dict[str, float]:
    """The first `k` documents among the pages that a search finds, best first, with the scores of their best pages.

    Args:
        search: The search.
        k: How many documents.
        most: How many pages may be asked for.
    """
    count = k
    while True:
        hits = search(count)
        scores: dict[str, float] = {}
        for hit in hits:
            scores.setdefault(hit.page.document_id, hit.score)
        if len(scores) >= k or len(hits) < count or count >= most:
            return {name: scores[name] for name in list(scores)[:k]}
        count = min(4 * count, most)


def diverse(found: Sequence[tuple[Document, float]], k: int, relevance: float, embedder: AnyEmbedder) -> list[Document]:
    """The `k` documents that are best and unlike each other, by maximal marginal relevance.

    Args:
        found: Documents and their scores.
        k: How many.
        relevance: Lambda: 1 is by score alone.
        embedder: Says what is alike.

    Raises:
        InputError: It embeds pages and not texts, or lambda is not between 0 and 1.
    """
    if not 0.0 <= relevance <= 1.0:
        raise InputError(f"lambda_mult is {relevance}", hint="it is between 0 and 1")
    if isinstance(embedder, PageEmbedder):
        raise InputError("this store embeds pages and not texts", hint="use GlyphRetriever with mmr")
    if not found:
        return []
    vectors = embedder.embed_documents([document.page_content for document, _ in found])
    order = diversified([score for _, score in found], vectors, relevance)
    return [found[at][0] for at in order[:k]]
