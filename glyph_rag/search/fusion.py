"""One score out of two: how near in meaning, and how much of the words.

The two have no common scale, so each is measured by the best that the question found: words from none (0) to the
best (1), meaning from the last candidate (0) to the nearest (1). They are added, as in the convex combination of Bruch,
Gai and Ingber, "An Analysis of Fusion Functions for Hybrid Retrieval", ACM TOIS 42 (2023). Reciprocal rank fusion
throws away by how much the first beats the second, and finds one to two points less at rank 1.

How much each counts depends on the question. Where a chunk has all of its words, they count for more than meaning
does. The fewer of them the best chunk has, the less they say: a question in other words than the texts, or in another
language, meets them by accident.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

DENSE_SHARE: Final = 0.37
"""How much meaning counts where a chunk has all that the question says."""


@dataclass(frozen=True)
class Scale:
    """What the scores of one search are measured by.

    Attributes:
        far: The similarity of the last candidate: what counts as unlike.
        near: The similarity of the nearest.
        words: The best score of the words; 0 where none is found.
        dense_share: How much meaning counts, 0 to 1.
    """

    far: float
    near: float
    words: float
    dense_share: float

    @classmethod
    def of(cls, similarities: Mapping[int, float], words: Mapping[int, float], covered: float = 1.0) -> Scale:
        """The scale of a search.

        Args:
            similarities: Of the candidates nearest in meaning. Empty where the embedder does not know the question's
                language: then the words decide.
            words: BM25 scores of the candidates with the most of the words. Where it is empty, meaning decides.
            covered: What part of the question the chunk with the most of the words has, 0 to 1.
        """
        best = max(words.values(), default=0.0)
        if not similarities or best <= 0.0:
            share = 1.0 if similarities else 0.0
        else:
            share = DENSE_SHARE / (DENSE_SHARE + (1.0 - DENSE_SHARE) * covered)
        found = similarities.values()
        return cls(min(found, default=0.0), max(found, default=0.0), best, share)

    def score(self, similarity: float | None, words: float | None) -> float:
        """The joint score, 0 to 1.

        Args:
            similarity: The inner product with the question; None where it was not asked for.
            words: The BM25 score; None where no word is shared.
        """
        meaning = 0.0
        if similarity is not None:
            # One candidate, or all alike: they are as near as anything is.
            meaning = (similarity - self.far) / (self.near - self.far) if self.near > self.far else 1.0
        said = (words or 0.0) / self.words if self.words > 0.0 else 0.0
        return self.dense_share * _within(meaning) + (1.0 - self.dense_share) * _within(said)


def _within(value: float) -> float:
    return min(1.0, max(0.0, value))
