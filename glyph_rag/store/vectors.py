"""Nearest vectors. An index is a value: bringing it up to date makes a new one, and whoever searches the old goes on.

It is a list of blocks, the oldest and largest first, each a FAISS index over vectors that came one after the other.
What is new becomes a block of its own; blocks of like size are joined, so that there are few and joining costs a
logarithm. What has gone is masked until its block is joined or written anew. `make_index` is the one place that
decides what kind of FAISS index a block is: all that is asked of it is to number vectors by position, to be searched
through a bitmap, and to give a vector back.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Final, Literal, TypeAlias

import faiss
import numpy as np
import numpy.typing as npt

from glyph_rag.embed.embedder import FloatArray
from glyph_rag.store.load import Rows, Vectors

Precision: TypeAlias = Literal["float32", "float16"]
"""How vectors are stored. float16 takes half the room and, on processors with F16C, half the time to search."""

DTYPES: Final[dict[Precision, str]] = {"float32": "<f4", "float16": "<f2"}

_NONE: Final = np.zeros(0, np.int64)


@dataclass(frozen=True, eq=False)
class Block:
    """Vectors by position.

    Attributes:
        rows: Row number of the vector at each position: int64 (n,), ascending.
        chunks: Row number of its chunk: int64 (n,), ascending.
        documents: Row number of its document: int64 (n,), ascending.
        index: FAISS's index over them, numbered by position.
        alive: bool (n,): False where a vector has gone. None where none has.
    """

    rows: Rows
    chunks: Rows
    documents: Rows
    index: faiss.Index
    alive: npt.NDArray[np.bool_] | None = None

    def __len__(self) -> int:
        return len(self.rows)

    def without(self, gone: Rows) -> Block:
        """The same, but for these vector rows (ascending)."""
        at = _places(self.rows, gone)
        if not len(at):
            return self
        alive = np.ones(len(self), np.bool_) if self.alive is None else self.alive.copy()
        alive[at] = False
        return Block(self.rows, self.chunks, self.documents, self.index, alive)

    def vectors(self) -> Vectors:
        """What is alive of it."""
        at = np.arange(len(self)) if self.alive is None else np.flatnonzero(self.alive)
        data = self.index.reconstruct_n(0, len(self)) if len(self) else np.zeros((0, self.index.d), np.float32)
        return Vectors(self.rows[at], self.chunks[at], self.documents[at], data[at])

    def search(self, query: FloatArray, count: int, documents: Rows | None) -> list[tuple[float, int, int]]:
        """Score, vector row and chunk row of the nearest, best first."""
        mask = self.alive if documents is None else self._of(documents)
        count = min(count, len(self) if mask is None else int(mask.sum()))
        if not count:
            return []
        if mask is None:
            scores, at = self.index.search(query[None, :], count)
        else:
            bits = np.packbits(mask, bitorder="little")
            chosen = faiss.SearchParameters(sel=faiss.IDSelectorBitmap(bits))
            scores, at = self.index.search(query[None, :], count, params=chosen)
        found = at[0] >= 0
        places = at[0][found]
        return list(
            zip(scores[0][found].tolist(), self.rows[places].tolist(), self.chunks[places].tolist(), strict=True)
        )

    def vectors_of(self, chunks: Rows) -> dict[int, FloatArray]:
        """The vectors of those of these chunks that are alive in it, by chunk row."""
        at = _places(self.chunks, chunks)
        at = at if self.alive is None else at[self.alive[at]]
        data = self.index.reconstruct_batch(at) if len(at) else np.zeros((0, self.index.d), np.float32)
        return dict(zip(self.chunks[at].tolist(), data, strict=True))

    def _of(self, documents: Rows) -> npt.NDArray[np.bool_]:
        """Which vectors are alive and of these documents (ascending)."""
        edges = np.zeros(len(self) + 1, np.int32)
        np.add.at(edges, np.searchsorted(self.documents, documents, "left"), 1)
        np.add.at(edges, np.searchsorted(self.documents, documents, "right"), -1)
        mask: npt.NDArray[np.bool_] = np.cumsum(edges[:-1]) > 0
        return mask if self.alive is None else mask & self.alive


@dataclass(frozen=True, eq=False)
class VectorIndex:
    """Exact inner-product search over the vectors of chunks.

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
        while len(blocks) > 1 and 2 * len(blocks[-1]) >= len(blocks[-2]):
            blocks[-2:] = [self._block(block.vectors() for block in blocks[-2:])]
        return replace(self, blocks=tuple(blocks), generation=generation, state=state, last_row=last_row)

    def compacted(self) -> VectorIndex:
        """The same in one block, without what has gone."""
        if len(self.blocks) == 1 and self.blocks[0].alive is None:
            return self
        return replace(self, blocks=(self._block(block.vectors() for block in self.blocks),))

    def search(self, query: FloatArray, count: int, documents: Rows | None = None) -> list[tuple[int, float]]:
        """The chunks whose vectors are nearest to one vector.

        Args:
            query: float32 (dimension,).
            count: At most this many.
            documents: Rows of the documents to look in, ascending: int64 (m,). All where None.

        Returns:
            Chunk rows with their inner products, best first; equal scores in ascending order of vector row.
        """
        found = [hit for block in self.blocks for hit in block.search(query, count, documents)]
        found.sort(key=lambda hit: (-hit[0], hit[1]))
        return [(chunk, score) for score, _, chunk in found[:count]]

    def vectors_of(self, chunks: Rows) -> dict[int, FloatArray]:
        """The vectors of those of these chunks (ascending) that it holds, by chunk row: float32 (dimension,)."""
        found: dict[int, FloatArray] = {}
        for block in self.blocks:
            found.update(block.vectors_of(chunks))
        return found

    def rows(self) -> Rows:
        """The vector rows that are alive, ascending: int64 (n,)."""
        alive = [block.rows if block.alive is None else block.rows[block.alive] for block in self.blocks]
        return np.concatenate([_NONE, *alive])

    def _block(self, parts: Iterable[Vectors]) -> Block:
        index = make_index(self.dimension, self.precision)
        numbers: list[tuple[Rows, Rows, Rows]] = [(_NONE, _NONE, _NONE)]
        for rows, chunks, documents, data in parts:
            index.add(data)
            numbers.append((rows, chunks, documents))
        rows, chunks, documents = (np.concatenate(column) for column in zip(*numbers, strict=True))
        return Block(rows, chunks, documents, index)


def make_index(dimension: int, precision: Precision) -> faiss.Index:
    """An empty FAISS index for vectors of this length."""
    if precision == "float16":
        return faiss.IndexScalarQuantizer(dimension, faiss.ScalarQuantizer.QT_fp16, faiss.METRIC_INNER_PRODUCT)
    return faiss.IndexFlatIP(dimension)


def _places(rows: Rows, wanted: Rows) -> Rows:
    """Where those of the wanted rows stand that are there; both are ascending."""
    at = np.searchsorted(rows, wanted)
    inside = at < len(rows)
    places: Rows = at[inside][rows[at[inside]] == wanted[inside]]
    return places
