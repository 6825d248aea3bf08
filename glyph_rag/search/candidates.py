"""What a question finds, each with what it scores: chunks, or pages where the embedder looks at pages."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from glyph_rag.embed.embedder import FloatArray
from glyph_rag.search.fusion import Scale
from glyph_rag.search.maxsim import mean_vectors, nearest_pages, page_scores
from glyph_rag.store.load import chunks_of_pages
from glyph_rag.store.scope import Scope
from glyph_rag.store.store import Store
from glyph_rag.store.wordsearch import coverage


@dataclass(frozen=True)
class Candidates:
    """What was found, by row of its owner: of a chunk for `Query`, of a page for `PageQuery`.

    Attributes:
        scores: The score of each, 0 to 1.
        chunks: For each, the rows of the chunks that it is or that stand on it, best first; all that share words with
            the question are among them.
        scale: What they are measured by.
        complete: Whether nothing else is found, however deep one looks.
    """

    scores: Mapping[int, float]
    chunks: Mapping[int, Sequence[int]]
    scale: Scale
    complete: bool


@dataclass(frozen=True)
class Query:
    """A question taken apart, to one part of a store of which every chunk has a vector.

    Attributes:
        question: The question.
        vector: Its vector, float32 (dimension,), or None where the embedder does not know its language.
        named: What the question names word by word; chunks that hold it come first.
        strict: Whether nothing else is wanted, if it stands anywhere.
        scope: Where to look.
    """

    question: str
    vector: FloatArray | None
    named: tuple[str, ...]
    strict: bool
    scope: Scope

    def candidates(self, store: Store, depth: int, scale: Scale | None = None) -> Candidates:
        """The candidates to a depth. Each gets both scores, also if only one of the two searches came upon it.

        Args:
            store: In a snapshot.
            depth: How many owners or chunks each of the searches contributes.
            scale: That of the same query to a smaller depth, if there was one.
        """
        near = {} if self.vector is None else self._near(store, self.vector, depth)
        standing = {owner: set(chunks) for owner, chunks in self._chunks_of(store, near.keys()).items()}
        also: set[int] = set().union(*standing.values())
        words = dict(self._words(store, depth, also))
        complete = max(len(near), len(words.keys() - also)) < depth
        scale = scale or Scale.of(near, words, self._covered(store, words))
        held = self._held(store, depth, also | words.keys())
        all_held: set[int] = set().union(*held)
        late = all_held - also - words.keys()
        words.update(self._words(store, 0, late) if late else ())
        owners_of = self._owners_of(store, words.keys() | all_held)
        for chunk, its_owners in owners_of.items():
            for owner in its_owners:
                standing.setdefault(owner, set()).add(chunk)
        named = Counter(owner for chunks in held for owner in {owner for chunk in chunks for owner in owners_of[chunk]})
        owners = named.keys() if self.strict and named else standing.keys()
        if self.strict and named:
            complete = max(map(len, held)) < depth
        similarities = {**near, **self._similarities(store, owners - near.keys())}
        # Each name that stands anywhere counts twice as much as all the rest, so that no score is in between.
        scores = {
            owner: (scale.score(similarities.get(owner), _best(words, standing[owner])) + 2 * named[owner])
            / (1 + 2 * len(held))
            for owner in sorted(owners)
        }
        chunks = {owner: sorted(standing[owner], key=lambda row: (-words.get(row, 0.0), row)) for owner in scores}
        return Candidates(scores, chunks, scale, complete)

    def pages_of(self, store: Store, owners: Collection[int]) -> Mapping[int, Sequence[int]]:
        """For each owner, the rows of the pages on which it stands."""
        return store.pages_of_chunks(list(owners))

    def directions(self, store: Store, pages: Sequence[int], chunks: Sequence[int]) -> FloatArray:
        """A vector for each of some pages, to tell how alike they are: float32 (len(pages), dimension), unit length.

        Args:
            store: In a snapshot.
            pages: Rows of pages.
            chunks: For each, the row of its best chunk.
        """
        vectors = store.vectors_of_chunks(chunks)
        return np.stack([vectors[chunk] for chunk in chunks])

    def _covered(self, store: Store, words: Mapping[int, float]) -> float:
        """What part of the question the chunk with the most of the words has."""
        if not words:
            return 0.0
        best = min(words, key=lambda row: (-words[row], row))
        return coverage(self.question, store.load_chunk(best).indexed_text)

    def _near(self, store: Store, vector: FloatArray, depth: int) -> dict[int, float]:
        return dict(store.nearest_chunks(vector, depth, self.scope))

    def _similarities(self, store: Store, owners: Collection[int]) -> dict[int, float]:
        if self.vector is None or not owners:
            return {}
        vectors = store.vectors_of_chunks(sorted(owners))
        return {row: float(np.dot(vector, self.vector)) for row, vector in vectors.items()}

    def _chunks_of(self, store: Store, owners: Collection[int]) -> Mapping[int, Sequence[int]]:
        return {owner: (owner,) for owner in owners}

    def _owners_of(self, store: Store, chunks: Collection[int]) -> Mapping[int, Sequence[int]]:
        return {chunk: (chunk,) for chunk in chunks}

    def _words(self, store: Store, depth: int, also: Collection[int]) -> list[tuple[int, float]]:
        return store.matching_chunks(self.question, depth, self.scope, also=sorted(also))

    def _held(self, store: Store, depth: int, found: Collection[int]) -> list[set[int]]:
        """For each name that stands anywhere: the chunks found that hold it, and the best others that do."""
        also = sorted(found)
        each = (store.chunks_holding(name, self.question, depth, self.scope, also=also) for name in self.named)
        return [set(rows) for rows in each if rows]


@dataclass(frozen=True)
class PageQuery(Query):
    """The same to a store of which every page has vectors: words are looked for in chunks, but what scores is the page.

    Attributes:
        vector: Its vectors, float32 (m, dimension), or None where the embedder does not know its language.
    """

    def pages_of(self, store: Store, owners: Collection[int]) -> Mapping[int, Sequence[int]]:
        """For each page, itself."""
        return {page: (page,) for page in owners}

    def directions(self, store: Store, pages: Sequence[int], chunks: Sequence[int]) -> FloatArray:
        """For each page, the direction of the mean of its vectors: float32 (len(pages), dimension), unit length."""
        vectors = mean_vectors(store, pages)
        return np.stack([vectors[page] for page in pages])

    def _near(self, store: Store, vector: FloatArray, depth: int) -> dict[int, float]:
        return nearest_pages(store, vector, depth, self.scope)

    def _similarities(self, store: Store, owners: Collection[int]) -> dict[int, float]:
        return {} if self.vector is None else page_scores(store, self.vector, owners)

    def _chunks_of(self, store: Store, owners: Collection[int]) -> Mapping[int, Sequence[int]]:
        with store.reading() as snapshot:
            return chunks_of_pages(snapshot.connection, list(owners))

    def _owners_of(self, store: Store, chunks: Collection[int]) -> Mapping[int, Sequence[int]]:
        return store.pages_of_chunks(list(chunks))


def _best(words: Mapping[int, float], chunks: Collection[int]) -> float | None:
    """The best score of words among chunks; None where none of them shares a word."""
    return max((words[chunk] for chunk in chunks if chunk in words), default=None)
