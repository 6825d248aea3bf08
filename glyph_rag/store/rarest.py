"""Which chunks share the rarest terms of a question, within a bound on what is read.

What a search costs is how many entries of the terms' lists it reads. Rare terms have short lists, and say most. So
lists are read from the shortest to the longest while the bound allows; those within the first third with how often
a term stands in each chunk, which takes three times as long, the others without. That is enough to choose candidates.
"""

from __future__ import annotations

import math
import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np

from glyph_rag.store import bm25, postings
from glyph_rag.store.bm25 import Scores
from glyph_rag.store.load import Rows
from glyph_rag.store.postings import Totals
from glyph_rag.store.terms import Term, is_word_as_part, match_expression

RARE: Final = 500
"""A term of so few chunks is read whatever was read before."""

_READ: Final = 200.0
"""Entries of lists that one question reads, in a store of one chunk; it grows with the root of their number."""


class _List(NamedTuple):
    """The chunks in which a term stands, ascending, and how often it does, as far as that was counted."""

    rows: Rows
    often: Rows


@dataclass(frozen=True)
class Candidates:
    """Chunks that share terms with a question.

    Attributes:
        rows: Their rows, ascending: int64 (n,).
        scores: What each would score if it were of mean length, about: float64 (n,).
        worth: The IDF of each term of the question: of those read by how many chunks have it, of the others by
            about how many do.
        entries: Row of a chunk, weighted occurrences and worth of a term, for each term that was read in each chunk, by
            row: int64 and float64 (m,).
    """

    rows: Rows
    scores: Scores
    worth: Sequence[float]
    entries: tuple[Rows, Scores, Scores]

    def best_first(self, most: int | None = None) -> Rows:
        """The rows, best first; equal scores by row.

        Args:
            most: So many will do, so that the others need not be put in order; all of them where None.
        """
        if most is None or not 0 < most < len(self.rows):
            return self.rows[np.argsort(-self.scores, kind="stable")]
        last = len(self.rows) - most
        at = np.flatnonzero(self.scores >= np.partition(self.scores, last)[last])
        return self.rows[at[np.argsort(-self.scores[at], kind="stable")]]

    def in_order(self, rows: Rows) -> Rows:
        """Other rows in this order; what shares no term that was read comes last."""
        at = np.searchsorted(self.rows, rows)
        there = np.take(self.rows, at, mode="clip") == rows if len(self.rows) else np.zeros(len(rows), np.bool_)
        best = np.lexsort((rows[there], -self.scores[at[there]]))
        return np.concatenate([rows[there][best], rows[~there]])

    def by_length(self, connection: sqlite3.Connection, rows: Rows, mean_length: float) -> Rows:
        """A few of the rows, in the order of scores that go by how long each chunk is."""
        some = np.sort(rows)
        lengths = postings.lengths_of(connection, some) / mean_length
        chunks, weighted, worth = self.entries
        first = np.searchsorted(chunks, some, "left")
        sizes = np.searchsorted(chunks, some, "right") - first
        of = np.repeat(np.arange(len(some)), sizes)
        at = np.arange(len(of)) + np.repeat(first - np.cumsum(sizes) + sizes, sizes)
        scores = np.bincount(of, worth[at] * bm25.gains(weighted[at], lengths[of]), len(some))
        return some[np.argsort(-scores, kind="stable")]


def candidates(
    connection: sqlite3.Connection, terms: Sequence[Term], totals: Totals, count: int, bound: int | None = None
) -> Candidates:
    """The chunks that share the rarest of some terms.

    Args:
        connection: In a transaction.
        terms: The terms.
        totals: Of the index.
        count: How many chunks are hoped for. Where the rare terms find fewer, the others are looked up too, but in
            the newest part of the store only.
        bound: Entries of lists that may be read; some 60,000 of a store of 100,000 chunks and 200,000 of one of a
            million where None. Terms of at most `RARE` chunks come beyond that.
    """
    if bound is None:
        bound = int(_READ * math.sqrt(totals.chunks))
    pages = postings.pages_of(connection, (term.text for term in terms))
    lists, lengths = _read_rarest(connection, terms, pages, bound)
    frequencies = [len(lists[number].rows) if number in lists else lengths[number] for number in range(len(terms))]
    worth = [bm25.idf(frequency, totals.chunks) for frequency in frequencies]
    found = _summed(terms, lists, worth)
    common = {number: length for number, length in lengths.items() if not is_word_as_part(terms[number])}
    if common and len(found.rows) < count:
        return _summed(terms, lists | _read_newest(connection, terms, common, bound), worth)
    return found


def _read_rarest(
    connection: sqlite3.Connection, terms: Sequence[Term], pages: Mapping[str, int], bound: int
) -> tuple[dict[int, _List], dict[int, int]]:
    """The lists of rare terms, and about how long those of common ones are, by number."""
    lists: dict[int, _List] = {}
    common: dict[int, int] = {}
    as_words = {term.text: number for number, term in enumerate(terms) if term.column == "words"}
    left = bound
    for number in sorted(range(len(terms)), key=lambda number: (pages[terms[number].text], number)):
        term = terms[number]
        length = (pages[term.text] + 1) * postings.CHUNKS_PER_PAGE
        word = as_words.get(term.text) if is_word_as_part(term) else None
        if word is not None and (word in common or len(lists[word].rows) > RARE):
            # Few entries of a common word are of accented ones, and to find these the whole list would be read.
            common[number] = max(length, RARE + 1)
            continue
        found = _read(connection, term, length, left, bound)
        if found is not None:
            lists[number] = found
            left = max(0, left - len(found.rows))
            continue
        common[number] = max(length, RARE + 1)
        if length <= left:
            # Longer than it seemed, and so are those that come after it.
            left = 0
    return lists, common


def _read(connection: sqlite3.Connection, term: Term, length: int, left: int, bound: int) -> _List | None:
    """A term's list, of about this length, if there is so much left or it is short after all."""
    if length <= left - bound * 2 // 3:
        occurrences = postings.occurrences_of(connection, term, bound)
        if len(occurrences) < bound:
            starts = np.flatnonzero(np.diff(occurrences, prepend=-1))
            return _List(occurrences[starts], np.diff(starts, append=len(occurrences)))
    # Another term's list may stand between a rare term and the next page, so each is tried.
    most = max(RARE, left) if length <= left else RARE
    rows = postings.rows_of(connection, match_expression([term]), most + 1)
    return _List(rows, np.ones(len(rows), np.int64)) if len(rows) <= most else None


def _read_newest(
    connection: sqlite3.Connection, terms: Sequence[Term], common: Mapping[int, int], bound: int
) -> dict[int, _List]:
    """The newest part of some lists, each from the same chunk on, so many entries in all."""
    share = min(1.0, bound / sum(common.values()))
    after = int(postings.last_row(connection) * (1.0 - share))
    most = 4 * max(1, bound // len(common))
    newest = {n: postings.rows_of(connection, match_expression([terms[n]]), most, after) for n in common}
    return {number: _List(rows, np.ones(len(rows), np.int64)) for number, rows in newest.items()}


def _summed(terms: Sequence[Term], lists: Mapping[int, _List], worth: Sequence[float]) -> Candidates:
    numbers = sorted(lists)
    chunks = np.concatenate([np.empty(0, np.int64), *(lists[number].rows for number in numbers)])
    weighted = np.concatenate([np.empty(0), *(lists[number].often * bm25.weight(terms[number]) for number in numbers)])
    each = np.repeat([worth[number] for number in numbers], [len(lists[number].rows) for number in numbers])
    order = np.argsort(chunks, kind="stable")
    chunks, weighted, each = chunks[order], weighted[order], each[order]
    starts = np.flatnonzero(np.diff(chunks, prepend=-1))
    scores = each * bm25.gains(weighted, 1.0)
    summed = np.add.reduceat(scores, starts) if len(starts) else scores
    return Candidates(chunks[starts], summed, worth, (chunks, weighted, each))
