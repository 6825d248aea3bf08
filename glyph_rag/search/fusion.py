"""One score out of two: how near in meaning, and how much of the words.

The two have no common scale, so each is measured by the best that the question found: words from none (0) to the
best (1), meaning from the last candidate (0) to the nearest (1). They are added, as in the convex combination of Bruch,
Gai and Ingber, "An Analysis of Fusion Functions for Hybrid Retrieval", ACM TOIS 42 (2023). Reciprocal rank fusion
throws away by how much the first beats the second, and finds one to two points less at rank 1.

How much each counts depends on the question. Where the words of one chunk stand out from all others, as those of a
sentence that is quoted nearly word by word, they say more than a meaning that is as near to many; and the other way
round. So each share is weighed by how many standard deviations the best is above the mean of the candidates.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np

DENSE_SHARE: Final = 0.45
"""How much meaning counts where its best stands out as much as that of the words."""

ABROAD_SHARE: Final = 0.77
"""The same where the question is in another language than the texts."""

_OUT_OF: Final = 64
"""The best so many candidates are what the best of all stands out from."""


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
    def of(cls, similarities: Mapping[int, float], words: Mapping[int, float], share: float = DENSE_SHARE) -> Scale:
        """The scale of a search.

        Args:
            similarities: Of the candidates nearest in meaning. Empty where the embedder does not know the question's
                language: then the words decide.
            words: BM25 scores of the candidates with the most of the words. Where it is empty, meaning decides.
            share: How much meaning counts where both stand out alike.
        """
        best = max(words.values(), default=0.0)
        if not similarities or best <= 0.0:
            share = 1.0 if similarities else 0.0
        else:
            meant = share * _standing_out(similarities.values())
            said = (1.0 - share) * words_standing_out(words, similarities)
            share = meant / (meant + said) if meant + said > 0.0 else share
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


def words_standing_out(words: Mapping[int, float], candidates: Collection[int]) -> float:
    """By how many standard deviations the most words of a chunk are above the mean; candidates without words count."""
    return _standing_out([*words.values(), *[0.0] * sum(row not in words for row in candidates)])


def _standing_out(found: Iterable[float]) -> float:
    """How many standard deviations the best is above the mean; 0 where all are alike."""
    best = np.sort(np.fromiter(found, np.float64))[-_OUT_OF:]
    spread = float(best.std())
    return float(best[-1] - best.mean()) / spread if spread > 1e-12 else 0.0


def _within(value: float) -> float:
    return min(1.0, max(0.0, value))
