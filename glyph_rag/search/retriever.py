"""Question to hits: what a question finds, page by page, as far down as one wants to go."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from glyph_rag.embed.embedder import AnyEmbedder, FloatArray, PageEmbedder
from glyph_rag.embed.language import knows
from glyph_rag.errors import InputError
from glyph_rag.limits import Limits
from glyph_rag.search.access import UNNAMED, Access
from glyph_rag.search.candidates import Candidates, PageQuery, Query
from glyph_rag.search.cursor import Place
from glyph_rag.search.hit import Hit
from glyph_rag.search.mmr import diversified
from glyph_rag.search.question import is_quoted, named
from glyph_rag.store.load import missing
from glyph_rag.store.store import Store

_DEPTH: Final = 64
"""Chunks that each of the two searches contributes at first."""

_DEEPER: Final = 4
"""How many times as many when that was not enough."""

_CHUNKS_PER_HIT: Final = 3


@dataclass(frozen=True)
class _Ranked:
    """A page by row, its score, and the rows of the chunks that earned it, best first."""

    page: int
    score: float
    chunks: tuple[int, ...]


class Retriever:
    """Searches one store. Safe to use from several threads."""

    def __init__(self, store: Store, embedder: AnyEmbedder, limits: Limits) -> None:
        self._store, self._embedder, self._limits = store, embedder, limits

    def search(
        self,
        question: str,
        k: int,
        *,
        access: Access = UNNAMED,
        min_score: float = 0.0,
        mmr: float | None = None,
        after: str | None = None,
    ) -> list[Hit]:
        """The `k` best pages for a question, best first, all from one snapshot of the store.

        Where the embedder does not know the question's language, only the words count.

        Args:
            question: The question.
            k: At most this many.
            access: Which documents are looked at.
            min_score: Leave out pages that score less, 0 to 1.
            mmr: Order by maximal marginal relevance with this lambda, 0 to 1; by score where None.
            after: The cursor of a hit of the same search: go on after it.

        Raises:
            InputError: If a number is out of its range, or the cursor belongs to another search.
            LimitError: If there were too many hits before.
        """
        for name, value in (("min_score", min_score), ("mmr", 0.0 if mmr is None else mmr)):
            if not isinstance(value, int | float) or not 0.0 <= value <= 1.0:
                raise InputError(f"{name} is {value!r}", hint=f"{name} is between 0 and 1")
        known = knows(self._embedder.info.languages, question)
        vector = self._embedder.embed_queries([question])[0] if known else None
        kind = PageQuery if isinstance(self._embedder, PageEmbedder) else Query
        query = kind(question, vector, named(question), is_quoted(question), access.scope)
        with self._store.reading():
            place = Place(repr((question, access, min_score, mmr)), self._store.state())
            first = place.after(after) if after is not None else 0
            self._limits.check("hits", first + k, "hits of one question")
            ranked = self._ranked(query, first + k, min_score, mmr)[first : first + k]
            return [self._hit(entry, access, place.cursor(first + n)) for n, entry in enumerate(ranked, 1)]

    def nearest(self, vector: FloatArray, k: int, *, access: Access = UNNAMED) -> list[Hit]:
        """The `k` pages nearest to a vector, best first; words play no part.

        Args:
            vector: float32 (dimension,), of any length but 0; with a page embedder also (m, dimension).
            k: At most this many.
            access: Which documents are looked at.

        Raises:
            InputError: If it is no such vector.
        """
        info = self._embedder.info
        rows = np.atleast_2d(np.asarray(vector, np.float32))
        lengths = np.linalg.norm(rows, axis=-1, keepdims=True)
        if rows.ndim != 2 or rows.shape[1] != info.dimension or not np.isfinite(lengths).all() or not lengths.all():
            raise InputError(
                f"a query vector of shape {np.shape(vector)} with lengths {lengths.ravel()[:3].tolist()}",
                hint=f"{info.name} gives {info.dimension} finite numbers, not all of them 0",
            )
        unit = rows / lengths
        if isinstance(self._embedder, PageEmbedder):
            query: Query = PageQuery("", unit, (), False, access.scope)
        elif len(unit) == 1:
            query = Query("", unit[0], (), False, access.scope)
        else:
            raise InputError(f"{len(unit)} query vectors", hint=f"{info.name} gives one for a question")
        with self._store.reading():
            return [self._hit(entry, access, "") for entry in self._ranked(query, k, 0.0, None)[:k]]

    def _ranked(self, query: Query, count: int, min_score: float, mmr: float | None) -> list[_Ranked]:
        """At least `count` pages, if there are so many, in an order that does not depend on `count`.

        What is found deeper down comes after what was found before, so a longer list begins with the shorter one.
        """
        done: list[_Ranked] = []
        depth, found, most = _DEPTH, query.candidates(self._store, _DEPTH), 1.0
        while True:
            pages = self._pages(query, found, {entry.page for entry in done}, most)
            good = [entry for entry in pages if entry.score >= min_score]
            done += good if mmr is None else self._diversified(query, good, mmr)
            if len(done) >= count or found.complete or len(good) < len(pages):
                return done
            depth, most = depth * _DEEPER, pages[-1].score if pages else most
            found = query.candidates(self._store, depth, found.scale)

    def _pages(self, query: Query, found: Candidates, done: set[int], most: float) -> list[_Ranked]:
        """The pages on which the candidates stand, but for those done, best first; none scores more than `most`."""
        pages_of = query.pages_of(self._store, found.scores)
        best: dict[int, float] = {}
        chunks: dict[int, list[int]] = {}
        for owner in sorted(found.scores, key=lambda row: (-found.scores[row], row)):
            for page in pages_of[owner]:
                if page not in done:
                    best.setdefault(page, found.scores[owner])
                    chunks.setdefault(page, []).extend(found.chunks[owner])
        return [_Ranked(page, min(most, score), tuple(chunks[page][:_CHUNKS_PER_HIT])) for page, score in best.items()]

    def _diversified(self, query: Query, ranked: Sequence[_Ranked], mmr: float) -> list[_Ranked]:
        if not ranked:
            return []
        pages, chunks = [entry.page for entry in ranked], [entry.chunks[0] for entry in ranked]
        order = diversified([entry.score for entry in ranked], query.directions(self._store, pages, chunks), mmr)
        return [ranked[at] for at in order]

    def _hit(self, ranked: _Ranked, access: Access, cursor: str) -> Hit:
        page = self._store.load_page(ranked.page)
        if not access.admits(page):
            # The table that filters look into has no seals; what the page says of itself has one.
            raise missing("part of the metadata that filters go by")
        return Hit(ranked.score, page, tuple(self._store.load_chunk(row) for row in ranked.chunks), cursor)
