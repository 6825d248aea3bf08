"""Question to hits: dense and lexical search over chunks, joined over pages."""

from __future__ import annotations

from collections.abc import Sequence

from glyph_rag.embed.embedder import Embedder
from glyph_rag.embed.language import knows
from glyph_rag.search.fusion import fuse
from glyph_rag.search.hit import Hit
from glyph_rag.store.store import Store

_CANDIDATES = 50
"""Chunks that each of the two searches contributes at least; more when more hits are wanted."""

_CHUNKS_PER_HIT = 3

Ranking = list[tuple[int, float]]


class Retriever:
    """Searches one store."""

    def __init__(self, store: Store, embedder: Embedder) -> None:
        self._store, self._embedder = store, embedder

    def search(self, question: str, k: int) -> list[Hit]:
        """The `k` best pages for a question, best first, all from one snapshot of the store.

        Where the embedder does not know the question's language, only the words count.
        """
        count = max(_CANDIDATES, 4 * k)
        vector = self._embedder.embed_queries([question])[0] if knows(self._embedder.info.languages, question) else None
        with self._store.reading():
            dense = [] if vector is None else self._store.nearest_chunks(vector, count)
            lexical = self._store.matching_chunks(question, count)
            pages_of = self._store.pages_of_chunks(sorted({row for row, _ in [*dense, *lexical]}))
            chunks = fuse(dense, lexical)
            pages = fuse(_best_of_page(dense, pages_of), _best_of_page(lexical, pages_of))
            return [self._hit(page, score, chunks, pages_of) for page, score in pages[:k]]

    def _hit(self, page: int, score: float, chunks: Ranking, pages_of: dict[int, list[int]]) -> Hit:
        earned = [row for row, _ in chunks if page in pages_of[row]][:_CHUNKS_PER_HIT]
        return Hit(score, self._store.load_page(page), tuple(self._store.load_chunk(row) for row in earned))


def _best_of_page(chunks: Sequence[tuple[int, float]], pages_of: dict[int, list[int]]) -> Ranking:
    """Pages in the order of their best chunk, with its score."""
    best: dict[int, float] = {}
    for row, score in chunks:
        for page in pages_of[row]:
            best.setdefault(page, score)
    return list(best.items())
