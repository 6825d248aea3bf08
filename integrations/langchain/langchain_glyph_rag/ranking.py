"""Pages to documents: the rankings of a VectorStore."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeAlias

import numpy as np
from glyph_rag.embed.embedder import AnyEmbedder, Embedder, PageEmbedder
from glyph_rag.errors import InputError
from glyph_rag.search.hit import Hit
from glyph_rag.search.mmr import diversified
from langchain_core.documents import Document

Search: TypeAlias = Callable[[int], list[Hit]]
"""Finds this many pages, best first."""


def distinct(search: Search, k: int, most: int) -> dict[str, Hit]:
    """The first `k` documents among the pages that a search finds, best first, by their ids, with their best pages.

    Args:
        search: The search.
        k: How many documents.
        most: How many pages may be asked for.
    """
    count = k
    while True:
        hits = search(count)
        pages: dict[str, Hit] = {}
        for hit in hits:
            pages.setdefault(hit.page.document_id, hit)
        if len(pages) >= k or len(hits) < count or count >= most:
            return {name: pages[name] for name in list(pages)[:k]}
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
    texts = _of_texts(embedder, "use GlyphRetriever with mmr")
    if not found:
        return []
    vectors = texts.embed_documents([document.page_content for document, _ in found])
    order = diversified([score for _, score in found], vectors, relevance)
    return [found[at][0] for at in order[:k]]


def relevances(question: str, hits: Sequence[Hit], embedder: AnyEmbedder) -> list[float]:
    """How near a question is to each hit, whatever else was found: the cosine of its nearest chunk, or 0 if below.

    Raises:
        InputError: The embedder embeds pages and not texts.
    """
    texts = _of_texts(embedder, "use GlyphRetriever with min_score")
    if not hits:
        return []
    asked = texts.embed_queries([question])[0]
    cosines = iter(texts.embed_documents([chunk.indexed_text for hit in hits for chunk in hit.chunks]) @ asked)
    return [float(np.clip(max(next(cosines) for _ in hit.chunks), 0, 1)) for hit in hits]


def _of_texts(embedder: AnyEmbedder, hint: str) -> Embedder:
    if isinstance(embedder, PageEmbedder):
        raise InputError("this store embeds pages and not texts", hint=hint)
    return embedder
