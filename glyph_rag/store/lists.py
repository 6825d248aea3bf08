"""Approximate search: vectors in lists, each list around a centre; a search looks into the lists nearest to the query.

Every vector is there twice: as one byte a component, which is what is scanned, and in full, from which the best are
scored once more, so that scores are those of exact search. How many lists are looked into was measured on the vectors
themselves (`building.py`). With a filter, as many vectors that pass are scanned as without one; if few pass, they are
scored one by one, and the answer is exact: the bytes are off by a known length at most (`slack`), so whatever may be
among the best is scored in full.

The idea of an inverted file is that of Sivic and Zisserman (2003) and Jégou et al. (2011); the scanning is FAISS's.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from typing import Final, Protocol, TypeAlias
from weakref import WeakKeyDictionary

import faiss
import numpy as np
import numpy.typing as npt

from glyph_rag.embed.embedder import FloatArray
from glyph_rag.store.load import Rows

Mask: TypeAlias = npt.NDArray[np.bool_]
Codes: TypeAlias = npt.NDArray[np.uint8]

EXACT_BELOW: Final = 20_000
"""Where a filter lets no more through than this, each that passes is scored: 2 ms, and exact."""

_SPARE: Final = 64
"""So many more than twice what is wanted are scored in full; the error of a byte moves nothing further down."""

_MARGINAL: Final = 256
"""Under a narrow filter, so many more than twice what is wanted are looked at first for whether they may be wanted."""

_GATHERED: Final = 1_024


@dataclass(frozen=True, eq=False)
class Choice:
    """Which vectors may be found.

    Attributes:
        mask: bool (n,), by position.
        count: How many that are.
    """

    mask: Mask
    count: int


@dataclass(frozen=True, eq=False)
class _Passing:
    """A choice by slot: the bits that the scanner looks at, and how many there are in each list."""

    bits: Codes
    counts: Rows


class Slots(Protocol):
    """Vectors in full, in the order of the lists."""

    def take(self, slots: Rows) -> FloatArray:
        """The vectors in these slots, in any order: float32 (n, dimension)."""


@dataclass(frozen=True, eq=False)
class Scale:
    """How a component becomes a byte: evenly between the lowest and the highest value that it has.

    Attributes:
        low: The lowest values: float32 (dimension,).
        spread: How far the highest are from these, more than 0: float32 (dimension,).
    """

    low: FloatArray
    spread: FloatArray

    def codes(self, vectors: FloatArray) -> Codes:
        """A byte for each component: uint8 (n, dimension)."""
        return np.clip((vectors - self.low) * (255 / self.spread), 0, 255).astype(np.uint8)

    def vectors(self, codes: Codes) -> FloatArray:
        """What stands for the bytes: the middle of the step of each. float32 (n, dimension)."""
        found: FloatArray = (codes + np.float32(0.5)) * (self.spread / np.float32(255)) + self.low
        return found

    @contextmanager
    def scanner(self, chosen: faiss.IDSelector | None) -> Iterator[faiss.InvertedListScanner]:
        """What scans such bytes for FAISS, for one thread at a time. Its query is still to be set."""
        free = self._with_choice if chosen else self._without
        try:
            found = free.pop()
        except IndexError:
            metric, kernel = faiss.METRIC_INNER_PRODUCT, self._kernel
            found = kernel.sq.select_InvertedListScanner(metric, kernel.quantizer, False, chosen, False)
        if chosen is not None:
            found.sel = chosen
        yield found
        free.append(found)

    # FAISS's wrapper never frees a scanner, so they are kept for others.
    @cached_property
    def _without(self) -> list[faiss.InvertedListScanner]:
        return []

    @cached_property
    def _with_choice(self) -> list[faiss.InvertedListScanner]:
        return []

    @cached_property
    def _kernel(self) -> faiss.IndexIVFScalarQuantizer:
        """An index that holds nothing and knows the scale."""
        dimension, metric = len(self.low), faiss.METRIC_INNER_PRODUCT
        kind = faiss.ScalarQuantizer.QT_8bit
        kernel = faiss.IndexIVFScalarQuantizer(faiss.IndexFlatIP(dimension), dimension, 1, kind, metric, False)
        faiss.copy_array_to_vector(np.concatenate([self.low, self.spread]), kernel.sq.trained)
        return kernel


@dataclass(frozen=True)
class Tuning:
    """What was measured when the lists were made.

    Attributes:
        probed: How many lists a search looks into.
        trained: How many vectors there were when the centres were last found.
        slack: No vector is farther from what its bytes stand for.
        recall: Share of the true ten nearest that were found for `asked` queries that had no part in choosing `probed`.
        asked: How many these were.
    """

    probed: int
    trained: int
    slack: float
    recall: float
    asked: int


@dataclass(frozen=True, eq=False)
class Lists:
    """Vectors by position, kept by the list they are in. What is neither position nor list is a slot: the place in
    the order of the lists.

    Attributes:
        centres: float32 (lists, dimension).
        starts: The slot where each list begins, and where the last one ends: int64 (lists + 1,).
        positions: The position of the vector in each slot: int64 (n,).
        scale: How the bytes are to be read.
        codes: uint8 (n, dimension), by slot.
        full: The vectors themselves.
        tuning: How to search.
    """

    centres: FloatArray
    starts: Rows
    positions: Rows
    scale: Scale
    codes: Codes
    full: Slots
    tuning: Tuning
    _known: WeakKeyDictionary[Choice, _Passing] = field(init=False, repr=False, default_factory=WeakKeyDictionary)

    def __len__(self) -> int:
        return len(self.positions)

    @property
    def dimension(self) -> int:
        """Length of the vectors."""
        return len(self.scale.low)

    @cached_property
    def _numbers(self) -> Rows:
        return np.arange(len(self), dtype=np.int64)

    @cached_property
    def slots(self) -> Rows:
        """The slot of the vector at each position: int64 (n,)."""
        found = np.empty(len(self), np.int64)
        found[self.positions] = self._numbers
        return found

    def take(self, positions: Rows) -> FloatArray:
        """The vectors at these positions, in any order: float32 (n, dimension)."""
        return self.full.take(self.slots[positions])

    def list_of(self, positions: Rows) -> Rows:
        """The list that each of these is in: int64 (n,)."""
        return np.searchsorted(self.starts, self.slots[positions], "right") - 1

    def search(self, query: FloatArray, count: int, choice: Choice | None) -> tuple[FloatArray, Rows]:
        """The nearest of those that are chosen.

        Args:
            query: float32 (dimension,).
            count: At most this many.
            choice: What may be found. Everything where None.

        Returns:
            Inner products, best first, and positions: float32 (m,) and int64 (m,).
        """
        if choice is None:
            slots = self._probe(query, count, None, self._nearest(query, self.tuning.probed))
        elif choice.count <= EXACT_BELOW:
            slots = self._all_of(query, count, np.sort(self.slots[np.flatnonzero(choice.mask)]))
        else:
            passing = self._passing(choice)
            slots = self._probe(query, count, passing.bits, self._nearest_with(query, passing.counts))
        return self._scored(query, count, slots)

    def _passing(self, choice: Choice) -> _Passing:
        found = self._known.get(choice)
        if found is None:
            by_slot = choice.mask[self.positions]
            before = np.concatenate([[0], np.cumsum(by_slot, dtype=np.int64)])
            found = _Passing(np.packbits(by_slot, bitorder="little"), np.diff(before[self.starts]))
            self._known[choice] = found
        return found

    def _nearest(self, query: FloatArray, count: int) -> Rows:
        """The lists whose centres are nearest, best first."""
        found: Rows = faiss.knn(query[None], self.centres, count, faiss.METRIC_INNER_PRODUCT)[1][0]
        return found

    def _nearest_with(self, query: FloatArray, counts: Rows) -> Rows:
        """The nearest lists that hold as many of the chosen as are usually looked at; at least as many as usual.

        Where fewer of what is near are chosen than of all there is, the answer lies farther off, and there lists tell
        less of what is in them. So as many times more are looked at; where none of it is chosen, nearly all.
        """
        usual, lists = self.tuning.probed, len(self.centres)
        around = self._nearest(query, usual)
        near = int((self.starts[around + 1] - self.starts[around]).sum())
        rarer = near * int(counts.sum()) / len(self) / max(1, int(counts[around].sum()))
        wanted, looked = int(max(1.0, rarer**2) * usual * len(self) / lists), min(2 * usual, lists)
        while True:
            nearest = self._nearest(query, looked)
            nearest = nearest[counts[nearest] > 0]
            reached = np.cumsum(counts[nearest])
            enough = int(np.searchsorted(reached, wanted)) + 1
            if looked == lists or max(enough, usual) <= len(nearest):
                return nearest[: max(enough, usual)]
            looked = min(8 * looked, lists)

    def _probe(self, query: FloatArray, count: int, bits: Codes | None, lists: Rows) -> Rows:
        """The slots in these lists whose bytes are nearest, some more than are wanted."""
        edges = zip(self.starts[lists].tolist(), self.starts[lists + 1].tolist(), strict=True)
        parts = ((self.codes[start:stop], self._numbers[start:stop]) for start, stop in edges)
        return self._scan(query, 2 * count + _SPARE, parts, bits)[1]

    def _all_of(self, query: FloatArray, count: int, slots: Rows) -> Rows:
        """Those of these slots that may be among the nearest: no other can, however its bytes deceive."""
        numbers = self._numbers[: len(slots)]
        # Either of two bytes may be off by the slack, one up and one down.
        margin = 2 * self.tuning.slack * float(np.linalg.norm(query))
        kept = min(len(slots), 2 * count + _MARGINAL)
        while True:
            # A little at a time: what has just been gathered is still in the processor's cache when it is scanned.
            starts = range(0, len(slots), _GATHERED)
            parts = ((self.codes[slots[a : a + _GATHERED]], numbers[a : a + _GATHERED]) for a in starts)
            scores, at = self._scan(query, kept, parts, None)
            if len(scores) < kept:  # The query is no number.
                return slots[at]
            least = float(scores[count - 1]) - margin
            if kept == len(slots) or scores[-1] < least:
                wanted: Rows = slots[at[scores >= least]]
                return wanted
            kept = min(len(slots), 8 * kept)

    def _scan(
        self, query: FloatArray, kept: int, parts: Iterable[tuple[Codes, Rows]], bits: Codes | None
    ) -> tuple[FloatArray, Rows]:
        """What is nearest by its bytes, best first: scores, and the numbers that came with the codes."""
        chosen = None if bits is None else faiss.IDSelectorBitmap(bits)
        scores, numbers = np.full(kept, -np.inf, np.float32), np.full(kept, -1, np.int64)
        heap = faiss.swig_ptr(scores), faiss.swig_ptr(numbers), kept
        with self.scale.scanner(chosen) as scanner:
            scanner.set_query(faiss.swig_ptr(query))
            scanner.set_list(0, 0.0)
            for codes, names in parts:
                if len(names):
                    scanner.scan_codes(len(names), faiss.swig_ptr(codes), faiss.swig_ptr(names), *heap)
        order = np.argsort(-scores, kind="stable")
        order = order[numbers[order] >= 0]
        return scores[order], numbers[order]

    def _scored(self, query: FloatArray, count: int, slots: Rows) -> tuple[FloatArray, Rows]:
        """The best of these by what they are in full: scores and positions; of equal ones, those that came first."""
        if not len(slots):
            return np.zeros(0, np.float32), slots
        positions = np.sort(self.positions[slots])
        scores, at = faiss.knn(query[None], self.take(positions), len(positions), faiss.METRIC_INNER_PRODUCT)
        best = np.lexsort((at[0], -scores[0]))[:count]
        return scores[0][best], positions[at[0][best]]
