"""Maximal marginal relevance: hits that are good, and unlike those before them.

Carbonell and Goldstein, "The Use of MMR, Diversity-Based Reranking for Reordering Documents and Producing Summaries",
SIGIR 1998.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from glyph_rag.embed.embedder import FloatArray


def diversified(scores: Sequence[float], vectors: FloatArray, relevance: float) -> list[int]:
    """An order in which each next one is the best trade between its score and its likeness to those before.

    Likeness is the cosine, stretched so that the least alike of all pairs count as 0: embedders differ in how near
    they put texts that have nothing to do with each other.

    Args:
        scores: How good each is, 0 to 1.
        vectors: float32 (n, dimension), unit length.
        relevance: Lambda: with 1 only scores count, with 0 only unlikeness.

    Returns:
        Every place from 0 to n - 1 once; the beginning of the list does not depend on how much of it is used.
    """
    alike: npt.NDArray[np.float64] = (vectors @ vectors.T).astype(np.float64)
    low = alike.min(initial=1.0)
    alike = (alike - low) / (1.0 - low) if low < 1.0 else np.ones_like(alike)
    worth = relevance * np.asarray(scores, np.float64)
    nearest = np.zeros(len(worth))
    left = list(range(len(worth)))
    order: list[int] = []
    while left:
        trade = worth[left] - (1.0 - relevance) * nearest[left]
        order.append(left.pop(int(trade.argmax())))
        nearest = np.maximum(nearest, alike[order[-1]])
    return order
