"""Nearest vectors. An index is a value: bringing it up to date makes a new one, and whoever searches the old goes on.

It is a list of blocks, the oldest and largest first, each over vectors that came one after the other. What is new
becomes a block of its own that is searched exactly; such blocks of like size are joined, so that there are few and
joining costs a logarithm. What has gone is masked until its block is joined or written anew. The first block of a large
index is approximate (`lists.py`); it is made when the index file is written, and stays as it is until then. All that is
asked of either kind is to number vectors by position, to be searched for some of them, and to give vectors back.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Final, Literal, Protocol, TypeAlias

import faiss
import numpy as np

from glyph_rag.embed.embedder import FloatArray
from glyph_rag.store.lists import Choice, Mask
from glyph_rag.store.load import Rows, Vectors

Precision: TypeAlias = Literal["float32", "float16"]
"""How vectors are stored. float16 takes half the room and, on processors with F16C, half the time to search."""

DTYPES: Final[dict[Precision, str]] = {"float32": "<f4", "float16": "<f2"}

_NONE: Final = np.zeros(0, np.int64)
_CHOICES_KEPT: Final = 8


class Searched(Protocol):
    """Vectors by position."""

    @property
    def dimension(self) -> int:
        """Their length."""

    def search(self, query: FloatArray, count: int, choice: Choice | None) -> tuple[FloatArray, Rows]:
        """Inner products of the nearest that may be found, best first, and their positions.

        Args:
            query: float32 (dimension,).
            count: At most this many, and no more than there are.
            choice: What may be found. Everything where None.
        """

    def take(self, positions: Rows) -> FloatArray:
        """The vectors at these positions, in any order: float32 (n, dimension)."""


@dataclass(frozen=True, eq=False)
class Exact:
    """Vectors of which every one is looked at.

    Attributes:
        index: FAISS's index over them.
    """

    index: faiss.Index

    @property
    def dimension(self) -> int:
        """Length of the vectors."""
        return int(self.index.d)

    def search(self, query: FloatArray, count: int, choice: Choice | None) -> tuple[FloatArray, Rows]:
        """See `Searched`."""
        bits = None if choice is None else np.packbits(choice.mask, bitorder="little")
        chosen = None if bits is None else faiss.SearchParameters(sel=faiss.IDSelectorBitmap(bits))
        threads = faiss.omp_get_max_threads()
        # Over float16 FAISS wakes all threads for one query, to let all but one of them wait.
        faiss.omp_set_num_threads(1)
        try:
            scores, at = self.index.search(query[None, :], count, params=chosen)
        finally:
            faiss.omp_set_num_threads(threads)
        found = at[0] >= 0
        return scores[0][found], at[0][found]

    def take(self, positions: Rows) -> FloatArray:
        """See `Searched`."""
        found: FloatArray = self.index.reconstruct_batch(positions)
        return found


@dataclass(frozen=True, eq=False)
class Block:
    """Vectors by position.

    Attributes:
        rows: Row number of the vector at each position: int64 (n,), ascending.
        owners: Row of what it belongs to, a chunk, or in a store of a page embedder a page: int64 (n,), ascending. An
            owner may have several vectors.
        documents: Row number of its document: int64 (n,), ascending.
        index: The vectors.
        alive: bool (n,): False where a vector has gone. None where none has.
    """

    rows: Rows
    owners: Rows
    documents: Rows
    index: Searched
    alive: Mask | None = None
    _chosen: deque[tuple[Rows, Choice]] = field(default_factory=lambda: deque(maxlen=_CHOICES_KEPT), repr=False)

    def __len__(self) -> int:
        return len(self.rows)

    def without(self, gone: Rows) -> Block:
        """The same, but for these vector rows (ascending)."""
        at = _places(self.rows, gone)
        if not len(at):
            return self
        alive = np.ones(len(self), np.bool_) if self.alive is None else self.alive.copy()
        alive[at] = False
        return Block(self.rows, self.owners, self.documents, self.index, alive)

    def vectors(self, after: int = 0) -> Vectors:
        """What is alive of it after a row."""
        first = int(np.searchsorted(self.rows, after, "right"))
        at = np.arange(first, len(self)) if self.alive is None else first + np.flatnonzero(self.alive[first:])
        return Vectors(self.rows[at], self.owners[at], self.documents[at], self._take(at))

    def search(self, query: FloatArray, count: int, documents: Rows | None) -> list[tuple[float, int, int]]:
        """Score, vector row and owner row of the nearest, best first."""
        choice = self._alive if documents is None else self._of(documents)
        count = min(count, len(self) if choice is None else choice.count)
        if not count:
            return []
        scores, at = self.index.search(query, count, choice)
        return list(zip(scores.tolist(), self.rows[at].tolist(), self.owners[at].tolist(), strict=True))

    def all_vectors_of(self, owners: Rows) -> dict[int, FloatArray]:
        """The vectors of those of these owners that are alive in it, by owner row."""
        first, last = (np.searchsorted(self.owners, owners, side) for side in ("left", "right"))
        at = np.concatenate([_NONE, *map(np.arange, first, last)])
        at = at if self.alive is None else at[self.alive[at]]
        if not len(at):
            return {}
        names, starts = np.unique(self.owners[at], return_index=True)
        parts = np.split(self.index.take(at), starts[1:])
        return dict(zip(names.tolist(), parts, strict=True))

    def _take(self, at: Rows) -> FloatArray:
        return self.index.take(at) if len(at) else np.zeros((0, self.index.dimension), np.float32)

    @cached_property
    def _alive(self) -> Choice | None:
        return None if self.alive is None else Choice(self.alive, int(np.count_nonzero(self.alive)))

    def _of(self, documents: Rows) -> Choice:
        """What is alive and of these documents (ascending). Who asks again with the same array need not wait again."""
        for known, choice in tuple(self._chosen):
            if known is documents:
                return choice
        mask = _members(self.documents, documents)
        if self.alive is not None:
            mask &= self.alive
        choice = Choice(mask, int(np.count_nonzero(mask)))
        self._chosen.appendleft((documents, choice))
        return choice


@dataclass(frozen=True, eq=False)
class VectorIndex:
    """Inner-product search over the vectors of chunks or pages.

    Attributes:
        dimension: Length of the vectors.
        precision: How they are stored.
        blocks: The vectors; every row of a block is larger than every row of the one before.
        generation: The generation of the store that it shows.
        state: The name of that state.
        last_row: The largest vector row it has ever held.
    """

    dimension: int
    precision: Precision = "float32"
    blocks: tuple[Block, ...] = ()
    generation: int = 0
    state: str = ""
    last_row: int = 0

    def __len__(self) -> int:
        return sum(len(block) if block.alive is None else int(block.alive.sum()) for block in self.blocks)

    def updated(self, new: Iterable[Vectors], gone: Rows, generation: int, state: str) -> VectorIndex:
        """The index of a later generation.

        Args:
            new: Vectors that have come since, by ascending row.
            gone: Rows of vectors that have gone since, in any order, including ones it never held.
            generation: What it shows then.
            state: The name of that.
        """
        gone = np.sort(gone)
        blocks = [block.without(gone) for block in self.blocks] if len(gone) else list(self.blocks)
        added = self._block(new)
        last_row = int(added.rows[-1]) if len(added) else self.last_row
        blocks += [added] if len(added) else []
        while len(blocks) > 1 and 2 * len(blocks[-1]) >= len(blocks[-2]) and isinstance(blocks[-2].index, Exact):
            blocks[-2:] = [self._block(block.vectors() for block in blocks[-2:])]
        return replace(self, blocks=tuple(blocks), generation=generation, state=state, last_row=last_row)

    def followed(self, later: VectorIndex) -> VectorIndex:
        """The same blocks, with what has come and gone up to a later index of the same store."""
        gone = np.setdiff1d(self.rows(), later.rows(), assume_unique=True)
        new = [block.vectors(self.last_row) for block in later.blocks if len(block) and block.rows[-1] > self.last_row]
        return self.updated([part for part in new if len(part.rows)], gone, later.generation, later.state)

    def listed(self) -> int:
        """How many of its vectors are in a block that is not exact."""
        return sum(len(block) for block in self.blocks if not isinstance(block.index, Exact))

    def compacted(self) -> VectorIndex:
        """The same in one block, without what has gone; exact, unless it is so already."""
        if len(self.blocks) == 1 and self.blocks[0].alive is None:
            return self
        return replace(self, blocks=(self._block(block.vectors() for block in self.blocks),))

    def search(self, query: FloatArray, count: int, documents: Rows | None = None) -> list[tuple[int, float]]:
        """The owners whose vectors are nearest to one vector.

        Args:
            query: float32 (dimension,).
            count: At most this many.
            documents: Rows of the documents to look in, ascending: int64 (m,). All where None.

        Returns:
            Owner rows with their inner products, best first; equal scores in ascending order of vector row. An owner
            comes once for each of its vectors that is among the nearest.
        """
        query = np.ascontiguousarray(query, np.float32)
        found = [hit for block in self.blocks for hit in block.search(query, count, documents)]
        found.sort(key=lambda hit: (-hit[0], hit[1]))
        return [(owner, score) for score, _, owner in found[:count]]

    def vectors_of(self, owners: Rows) -> dict[int, FloatArray]:
        """The first vector of each of these owners (ascending) that it holds, by owner row: float32 (dimension,)."""
        return {owner: vectors[0] for owner, vectors in self.all_vectors_of(owners).items()}

    def all_vectors_of(self, owners: Rows) -> dict[int, FloatArray]:
        """All vectors of each of these owners (ascending) that it holds, by owner row: float32 (n, dimension)."""
        found: dict[int, FloatArray] = {}
        for block in self.blocks:
            for owner, vectors in block.all_vectors_of(owners).items():
                found[owner] = np.concatenate([found[owner], vectors]) if owner in found else vectors
        return found

    def rows(self) -> Rows:
        """The vector rows that are alive, ascending: int64 (n,)."""
        alive = [block.rows if block.alive is None else block.rows[block.alive] for block in self.blocks]
        return np.concatenate([_NONE, *alive])

    def _block(self, parts: Iterable[Vectors]) -> Block:
        index = make_index(self.dimension, self.precision)
        numbers: list[tuple[Rows, Rows, Rows]] = [(_NONE, _NONE, _NONE)]
        for rows, owners, documents, data in parts:
            index.add(data)
            numbers.append((rows, owners, documents))
        rows, owners, documents = (np.concatenate(column) for column in zip(*numbers, strict=True))
        return Block(rows, owners, documents, Exact(index))


def make_index(dimension: int, precision: Precision) -> faiss.Index:
    """An empty FAISS index for vectors of this length that looks at every one."""
    if precision == "float16":
        return faiss.IndexScalarQuantizer(dimension, faiss.ScalarQuantizer.QT_fp16, faiss.METRIC_INNER_PRODUCT)
    return faiss.IndexFlatIP(dimension)


def _members(documents: Rows, wanted: Rows) -> Mask:
    """Which of the documents are among those that are wanted; both are ascending: bool (n,)."""
    mask = np.zeros(len(documents), np.bool_)
    if not len(documents) or not len(wanted):
        return mask
    if 8 * len(wanted) > len(documents):
        table = np.zeros(int(documents[-1]) + 1, np.bool_)
        table[wanted[(wanted >= 0) & (wanted < len(table))]] = True
        return table[documents]
    first = np.searchsorted(documents, wanted, "left")
    sizes = np.searchsorted(documents, wanted, "right") - first
    ends = np.cumsum(sizes)
    mask[np.repeat(first - ends + sizes, sizes) + np.arange(ends[-1])] = True
    return mask


def _places(rows: Rows, wanted: Rows) -> Rows:
    """Where those of the wanted rows stand that are there; both are ascending."""
    at = np.searchsorted(rows, wanted)
    inside = at < len(rows)
    places: Rows = at[inside][rows[at[inside]] == wanted[inside]]
    return places
