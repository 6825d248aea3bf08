"""BM25 as FTS5 works it out (fts5_aux.c), for chunks whose terms have been counted.

Robertson and Zaragoza, "The Probabilistic Relevance Framework: BM25 and Beyond", Foundations and Trends in Information
Retrieval 3 (2009).
"""

from __future__ import annotations

import math
from typing import Final

import numpy as np
import numpy.typing as npt

from glyph_rag.store.terms import FTS_COLUMNS, FTS_WEIGHTS, Term

_K1: Final = 1.2
_B: Final = 0.75
_LEAST_IDF: Final = 1e-6
_WEIGHT: Final = dict(zip(FTS_COLUMNS, FTS_WEIGHTS, strict=True))

Scores = npt.NDArray[np.float64]


def idf(frequency: int, chunks: int) -> float:
    """What a term is worth that stands in `frequency` of so many chunks."""
    frequency = min(frequency, chunks)
    return max(_LEAST_IDF, math.log((chunks - frequency + 0.5) / (frequency + 0.5)))


def weight(term: Term) -> float:
    """For how many occurrences one of a term counts."""
    return _WEIGHT[term.column]


def gains(weighted: Scores, lengths: Scores | float) -> Scores:
    """By what the worth of a term is multiplied in a chunk: float64 (n,).

    Args:
        weighted: How often the term stands there, times its weight: float64 (n,).
        lengths: How many times as long as the mean the chunk is: float64 (n,), or one for all.
    """
    return weighted * (_K1 + 1.0) / (weighted + _K1 * (1.0 - _B + _B * lengths))
