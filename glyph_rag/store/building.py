"""Makes the lists of an approximate index: finds centres, files every vector under one, and measures how hard to look.

Nothing here is fitted to a kind of data. How many lists a search has to look into is read off the vectors themselves:
some of them, moved a little, are asked, their true nearest are found by looking at everything, and the number is the
smallest that would have reached nearly all of these.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Final, TypeAlias

import faiss
import numpy as np

from glyph_rag.embed.embedder import FloatArray
from glyph_rag.store.lists import Codes, Lists, Scale, Tuning
from glyph_rag.store.load import Rows
from glyph_rag.store.vectors import Block, VectorIndex

LISTED_FROM: Final = 50_000
"""From so many vectors on an index is approximate: below, exact search takes no more than 4 ms (docs/scale.md)."""

_SAMPLED: Final = 30
_ROUNDS: Final = 5
"""Vectors for each list that centres are found from, and how often. With more, as many lists have to be looked into."""

_PORTION: Final = 16_384
_TUNED: Final = 256
_MEASURED: Final = 128
"""Queries by which it is decided how many lists to look into, and others by which the recall of that is measured."""

_NEAREST: Final = 10
_AIM: Final = 0.99
_FEWEST_PROBED: Final = 8
_MOVED: Final = 0.6
"""Length of what is added to a vector to make a query of it. It is then as near to its source, 0.86, as a question is
at best to a passage that answers it."""

Look: TypeAlias = Callable[[], None]
"""Called now and then; what it raises ends the work."""


@dataclass(frozen=True, eq=False)
class _Pile:
    """All that is alive of an index, numbered by position from 0 on."""

    blocks: tuple[Block, ...]
    places: tuple[Rows, ...]
    edges: Rows

    def __len__(self) -> int:
        return int(self.edges[-1])

    def take(self, numbers: Rows) -> FloatArray:
        """The vectors of these numbers, in any order: float32 (n, dimension)."""
        found = np.empty((len(numbers), self.blocks[0].index.dimension), np.float32)
        of = np.searchsorted(self.edges, numbers, "right") - 1
        for number, (block, places) in enumerate(zip(self.blocks, self.places, strict=True)):
            mine = np.flatnonzero(of == number)
            if len(mine):
                found[mine] = block.index.take(places[numbers[mine] - self.edges[number]])
        return found


@dataclass(frozen=True, eq=False)
class _Ordered:
    """The vectors of a pile in the order of the lists."""

    pile: _Pile
    order: Rows

    def take(self, slots: Rows) -> FloatArray:
        return self.pile.take(self.order[slots])


def listed(index: VectorIndex, look: Look) -> VectorIndex:
    """The same vectors in lists. Most of the work is done without holding up other threads.

    Centres are found anew where there are none, or twice as many vectors as when they were found; until then, only what
    is new is filed.

    Args:
        index: Any index of at least two vectors.
        look: Called every second or so. What it raises is passed on.
    """
    pile = _pile(index)
    before = _lists_of(index)
    if before is not None and len(pile) >= 2 * before.tuning.trained:
        before = None
    centres = _centres(pile, look) if before is None else before.centres
    filed, scale, asked, truth = _filed(pile, centres, before, look)
    order = np.argsort(filed, kind="stable")
    starts = np.concatenate([[0], np.cumsum(np.bincount(filed, minlength=len(centres)))]).astype(np.int64)
    codes, slack = _codes(pile, order, scale, look)
    tuned = len(asked) * _TUNED // (_TUNED + _MEASURED)
    probed = _probed(centres, asked[:tuned], filed[truth[:tuned]])
    rows, owners, documents = (np.concatenate(column) for column in zip(*_numbers(pile), strict=True))
    tuning = Tuning(probed, before.tuning.trained if before else len(pile), slack, 0.0, len(asked) - tuned)
    lists = Lists(centres, starts, order, scale, codes, _Ordered(pile, order), tuning)
    recall = _recall(lists, asked[tuned:], truth[tuned:])
    lists = replace(lists, tuning=replace(tuning, recall=recall))
    return replace(index, blocks=(Block(rows, owners, documents, lists),))


def lists_for(count: int) -> int:
    """How many lists so many vectors get."""
    return max(1, min(count, round(4 * math.sqrt(count))))


def _lists_of(index: VectorIndex) -> Lists | None:
    first = index.blocks[0].index
    return first if isinstance(first, Lists) else None


def _pile(index: VectorIndex) -> _Pile:
    places = tuple(np.arange(len(b)) if b.alive is None else np.flatnonzero(b.alive) for b in index.blocks)
    return _Pile(index.blocks, places, np.concatenate([[0], np.cumsum([len(place) for place in places])]))


def _numbers(pile: _Pile) -> Iterator[tuple[Rows, Rows, Rows]]:
    for block, places in zip(pile.blocks, pile.places, strict=True):
        yield block.rows[places], block.owners[places], block.documents[places]


def _centres(pile: _Pile, look: Look) -> FloatArray:
    """Spherical k-means (Dhillon and Modha, 2001) over a sample, the same whenever it is run."""
    chance = np.random.default_rng(0)
    lists = lists_for(len(pile))
    chosen = chance.choice(len(pile), min(len(pile), _SAMPLED * lists), replace=False)
    sample = pile.take(np.sort(chosen))
    centres = sample[chance.choice(len(sample), lists, replace=False)]
    for _ in range(_ROUNDS):
        nearest = np.concatenate([_nearest(part, centres, look) for _, part in _portions(sample)])
        order = np.argsort(nearest, kind="stable")
        names, first = np.unique(nearest[order], return_index=True)
        sums = np.add.reduceat(sample[order], first, axis=0)
        # A list that nobody is nearest to begins again somewhere.
        centres = sample[chance.choice(len(sample), lists, replace=False)]
        centres[names] = sums
        centres /= np.maximum(np.linalg.norm(centres, axis=1, keepdims=True), np.float32(1e-12))
    return np.ascontiguousarray(centres, np.float32)


def _portions(vectors: FloatArray) -> Iterator[tuple[int, FloatArray]]:
    for at in range(0, len(vectors), _PORTION):
        yield at, vectors[at : at + _PORTION]


def _nearest(vectors: FloatArray, centres: FloatArray, look: Look) -> Rows:
    look()
    found: Rows = faiss.knn(vectors, centres, 1, faiss.METRIC_INNER_PRODUCT)[1][:, 0]
    return found


def _filed(pile: _Pile, centres: FloatArray, before: Lists | None, look: Look) -> tuple[Rows, Scale, FloatArray, Rows]:
    """Looks at every vector once.

    Returns:
        The list of each, int64 (n,); the scale of their components; queries, float32 (asked, dimension); and the
        numbers of what is truly nearest to each, int64 (asked, 10).
    """
    asked, sources = _queries(pile)
    best = np.full((len(asked), 0), -np.inf, np.float32)
    truth = np.zeros((len(asked), 0), np.int64)
    filed = np.empty(len(pile), np.int64)
    low, high = np.inf, -np.inf
    for at in range(0, len(pile), _PORTION):
        numbers = np.arange(at, min(len(pile), at + _PORTION))
        part = pile.take(numbers)
        filed[numbers] = _refiled(pile, numbers, part, centres, before, look)
        low, high = np.minimum(low, part.min(axis=0)), np.maximum(high, part.max(axis=0))
        wanted = min(_NEAREST + 1, len(part))
        scores, found = faiss.knn(asked, part, wanted, faiss.METRIC_INNER_PRODUCT)
        best, truth = np.hstack([best, scores]), np.hstack([truth, found + at])
        order = np.argsort(-best, axis=1, kind="stable")[:, : _NEAREST + 1]
        best, truth = np.take_along_axis(best, order, 1), np.take_along_axis(truth, order, 1)
    spread = np.maximum(high - low, np.float32(1e-9)).astype(np.float32)
    return filed, Scale(np.asarray(low, np.float32), spread), asked, _without(truth, sources)


def _refiled(
    pile: _Pile, numbers: Rows, vectors: FloatArray, centres: FloatArray, before: Lists | None, look: Look
) -> Rows:
    """The lists of these vectors: where they are already, if the centres are still the same."""
    known = 0 if before is None else max(0, min(len(numbers), int(pile.edges[1]) - int(numbers[0])))
    old = np.zeros(0, np.int64) if before is None else before.list_of(pile.places[0][numbers[:known]])
    new = _nearest(vectors[known:], centres, look) if known < len(numbers) else np.zeros(0, np.int64)
    return np.concatenate([old, new])


def _queries(pile: _Pile) -> tuple[FloatArray, Rows]:
    """Some of the vectors, each moved in a direction of its own, and which they were."""
    chance = np.random.default_rng(1)
    sources = chance.choice(len(pile), min(len(pile), _TUNED + _MEASURED), replace=False)
    moved = chance.standard_normal((len(sources), pile.blocks[0].index.dimension), np.float32)
    moved *= np.float32(_MOVED) / np.linalg.norm(moved, axis=1, keepdims=True)
    found = pile.take(sources) + moved
    return found / np.maximum(np.linalg.norm(found, axis=1, keepdims=True), np.float32(1e-12)), sources


def _without(truth: Rows, sources: Rows) -> Rows:
    """The true nearest but for what the query was made of: int64 (asked, at most 10)."""
    last = np.argsort(truth == sources[:, None], axis=1, kind="stable")
    return np.take_along_axis(truth, last, 1)[:, : max(1, min(_NEAREST, truth.shape[1] - 1))]


def _probed(centres: FloatArray, asked: FloatArray, lists: Rows) -> int:
    """The fewest lists that would have held the share aimed at of what is nearest: int64 (asked, n) lists of that."""
    order = faiss.knn(asked, centres, len(centres), faiss.METRIC_INNER_PRODUCT)[1]
    ranks = np.argsort(order, axis=1)
    needed = np.take_along_axis(ranks, lists, 1) + 1
    return max(min(_FEWEST_PROBED, len(centres)), int(np.quantile(needed, _AIM, method="higher")))


def _codes(pile: _Pile, order: Rows, scale: Scale, look: Look) -> tuple[Codes, float]:
    """The bytes of all in the order of the lists: uint8 (n, dimension), and how far off the worst of them is."""
    codes = np.empty((len(order), len(scale.low)), np.uint8)
    slack = 0.0
    for at in range(0, len(order), _PORTION):
        look()
        part = pile.take(order[at : at + _PORTION])
        codes[at : at + _PORTION] = scale.codes(part)
        off = np.linalg.norm(scale.vectors(codes[at : at + _PORTION]) - part, axis=1)
        slack = max(slack, float(off.max()))
    # The scanner adds in another order.
    return codes, slack * 1.001 + 1e-6


def _recall(lists: Lists, asked: FloatArray, truth: Rows) -> float:
    """The share of what is truly nearest that its own search finds; what is as near is as good."""
    shares = []
    for query, true in zip(asked, truth, strict=True):
        last = float((lists.take(true) @ query).min())
        scores, _ = lists.search(query, len(true), None)
        shares.append(np.count_nonzero(scores >= last - 1e-5) / len(true))
    return float(np.mean(shares))
