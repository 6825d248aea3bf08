"""The chunks that a question finds, each with what it scores."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass

import numpy as np

from glyph_rag.embed.embedder import FloatArray
from glyph_rag.search.fusion import Scale
from glyph_rag.store.scope import Scope
from glyph_rag.store.store import Store


@dataclass(frozen=True)
class Candidates:
    """Chunks by row.

    Attributes:
        scores: The score of each, 0 to 1.
        scale: What they are measured by.
        complete: Whether nothing else is found, however deep one looks.
    """

    scores: Mapping[int, float]
    scale: Scale
    complete: bool


@dataclass(frozen=True)
class Query:
    """A question taken apart, to one part of a store.

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
            depth: How many chunks each of the searches contributes.
            scale: That of the same query to a smaller depth, if there was one.
        """
        near = {} if self.vector is None else dict(store.nearest_chunks(self.vector, depth, self.scope))
        words = dict(self._words(store, depth, near))
        complete = max(len(near), len(words.keys() - near.keys())) < depth
        scale = scale or Scale.of(near, words)
        held = self._held(store, depth, near.keys() | words.keys())
        named = Counter(row for rows in held for row in rows)
        late = named.keys() - near.keys() - words.keys()
        words.update(self._words(store, 0, late) if late else ())
        rows = named.keys() if self.strict and named else near.keys() | words.keys() | late
        if self.strict and named:
            complete = max(map(len, held)) < depth
        similarities = {**near, **self._similarities(store, rows - near.keys())}
        # Each name that stands anywhere counts twice as much as all the rest, so that no score is in between.
        scores = {
            row: (scale.score(similarities.get(row), words.get(row)) + 2 * named[row]) / (1 + 2 * len(held))
            for row in sorted(rows)
        }
        return Candidates(scores, scale, complete)

    def _words(self, store: Store, depth: int, also: Collection[int]) -> list[tuple[int, float]]:
        return store.matching_chunks(self.question, depth, self.scope, also=sorted(also))

    def _held(self, store: Store, depth: int, found: Collection[int]) -> list[set[int]]:
        """For each name that stands anywhere: the chunks found that hold it, and the best others that do."""
        also = sorted(found)
        each = (store.chunks_holding(name, self.question, depth, self.scope, also=also) for name in self.named)
        return [set(rows) for rows in each if rows]

    def _similarities(self, store: Store, rows: Collection[int]) -> dict[int, float]:
        if self.vector is None or not rows:
            return {}
        vectors = store.vectors_of_chunks(sorted(rows))
        return {row: float(np.dot(vector, self.vector)) for row, vector in vectors.items()}
