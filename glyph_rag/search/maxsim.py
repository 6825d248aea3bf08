"""MaxSim: how well a page fits a question, where both have several vectors.

Each vector of the question is held against that of the page which is nearest to it, and the inner products are
averaged. Khattab and Zaharia, "ColBERT", SIGIR 2020; for patches of pages, Faysse et al., "ColPali", 2024. They add
where we average: the order is the same, and scores do not grow with the question's length.

The pages are found in two steps. The vectors nearest to each of the question's say which pages are promising, where
one that is not among them counts as the last that is (as in XTR: Lee et al., "Rethinking the Role of Token Retrieval
in Multi-Vector Retrieval", NeurIPS 2023); and these get their exact score. Where there are few pages, all get it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping
from typing import Final

import numpy as np

from glyph_rag.embed.embedder import FloatArray
from glyph_rag.store.load import Rows, pages_in
from glyph_rag.store.scope import Scope
from glyph_rag.store.store import Store
from glyph_rag.store.vectors import VectorIndex

_PROMISING: Final = 4
"""For each page that is wanted, so many get their exact score, and so many vectors are looked up for each of the
question's."""

_LOOKED_UP: Final = 64
"""Of a question with more vectors than that, only so many look for pages; all of them score what is found."""


def maxsim(query: FloatArray, pages: Mapping[int, FloatArray]) -> dict[int, float]:
    """The score of each page, -1 to 1.

    Args:
        query: Vectors of a question: float32 (m, dimension), unit length, m >= 1.
        pages: By page row, vectors of pages: float32 (n, dimension), unit length, n >= 1.
    """
    if not pages:
        return {}
    sizes = [len(vectors) for vectors in pages.values()]
    products = np.concatenate(list(pages.values())) @ query.T
    nearest = np.maximum.reduceat(products, np.cumsum([0, *sizes[:-1]]), axis=0)
    return dict(zip(pages, nearest.mean(axis=1).tolist(), strict=True))


def nearest_pages(store: Store, query: FloatArray, count: int, scope: Scope) -> dict[int, float]:
    """The pages that fit a question best, by row with their scores, best first; equal scores in ascending order.

    Args:
        store: A store of a page embedder, in a snapshot.
        query: float32 (m, dimension).
        count: At most this many.
        scope: Where to look.
    """
    with store.reading() as snapshot:
        index, documents = store.searchable(scope)
        found = pages_in(snapshot.connection, documents, count * _PROMISING)
        if found is None:
            found = _promising(index, query, count, documents)
        scores = maxsim(query, index.all_vectors_of(_ascending(found)))
    best = sorted(scores, key=lambda page: (-scores[page], page))[:count]
    return {page: scores[page] for page in best}


def page_scores(store: Store, query: FloatArray, pages: Collection[int]) -> dict[int, float]:
    """The scores of certain pages, by row.

    Args:
        store: In a snapshot.
        query: float32 (m, dimension).
        pages: Rows of pages.
    """
    return maxsim(query, store.searchable()[0].all_vectors_of(_ascending(pages)))


def mean_vectors(store: Store, pages: Collection[int]) -> dict[int, FloatArray]:
    """One vector for each page: the direction of the mean of its own, float32 (dimension,)."""
    found = store.searchable()[0].all_vectors_of(_ascending(pages))
    sums = {page: vectors.sum(axis=0) for page, vectors in found.items()}
    return {page: total / max(float(np.linalg.norm(total)), 1e-12) for page, total in sums.items()}


def _promising(index: VectorIndex, query: FloatArray, count: int, documents: Rows | None) -> list[int]:
    """The pages that may be among the best: `count` or more, if there are so many, and some times that at most."""
    wanted = count * _PROMISING
    spread = query[:: -(-len(query) // _LOOKED_UP)]
    while True:
        hits = [index.search(vector, wanted, documents) for vector in spread]
        gains: defaultdict[int, float] = defaultdict(float)
        for found in hits:
            for page, score in dict(reversed(found)).items():  # The first of a page is its best.
                gains[page] += score - found[-1][1]
        if len(gains) >= count or all(len(found) < wanted for found in hits):
            return sorted(gains, key=lambda page: (-gains[page], page))[: count * _PROMISING]
        wanted *= _PROMISING


def _ascending(pages: Collection[int]) -> Rows:
    return np.unique(np.fromiter(pages, np.int64, len(pages)))
