"""Search in the index of words: BM25, by FTS5 itself in a small store, and in two steps in a large one.

FTS5 works out a score for every chunk that has any of the terms, and nearly every chunk has some 4-gram of a question,
so its time grows with the store. In a store of more than `SMALL` chunks, candidates are therefore found by the rarest
terms (`rarest`), and the best of them scored by all, common ones too, as FTS5 would: from their texts, which say how
often each term stands there. So a chunk that shares only common terms with a question may be passed over where others
share rare ones. What that costs is measured in docs/search.md.

In a smaller store, FTS5 is not asked for terms that most chunks have. BM25 gives them the least worth there is, and
they are what takes most of its time.

Candidates by the terms that say most, then scores by all: Turtle and Flood, "Query Evaluation: Strategies and
Optimizations", Information Processing and Management 31 (1995).
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from glyph_rag.store import bm25, load, postings
from glyph_rag.store.load import Rows
from glyph_rag.store.postings import Totals
from glyph_rag.store.rarest import candidates
from glyph_rag.store.rowlists import merged
from glyph_rag.store.terms import (
    FTS_WEIGHTS,
    Term,
    TermCounter,
    holds_inside,
    inner_expression,
    match_expression,
    own_terms,
    phrase_expression,
    question_terms,
)

SMALL: Final = 20_000
"""Chunks up to which FTS5 scores everything."""

_SCORED: Final = 64
"""Candidates that are scored by all terms; as many as are wanted where that is more."""

_ALSO_SCORED: Final = 256
"""Of more chunks that are wanted anyway, those that share most rare terms are scored; more where more are wanted."""

_LOOKED_THROUGH: Final = 4
"""For each chunk that is wanted, so many with the words of an identifier are read to see whether it stands there."""

_ALL_SCORED: Final = 512
"""Of documents with so few chunks, all are scored."""

Scored = list[tuple[int, float]]
"""Rows of chunks with their scores, best first; equal scores by row."""


@dataclass(frozen=True)
class WordSearch:
    """Where words are looked for, and how many chunks are wanted.

    Attributes:
        connection: In a transaction.
        count: At most this many chunks.
        documents: Rows of the documents that are looked at, ascending; all where None.
        also: Rows of chunks that are wanted beyond that, if they match.
    """

    connection: sqlite3.Connection
    count: int
    documents: Rows | None = None
    also: Sequence[int] = ()

    def matching(self, question: str) -> Scored:
        """The chunks that share terms with a question, with their BM25 scores.

        Raises:
            StoreDamagedError: If the index, or the text of a chunk, is damaged.
        """
        terms = question_terms(question)
        if not terms:
            return []
        totals = postings.totals(self.connection)
        if totals.chunks <= SMALL:
            return self._by_telling(terms, totals)
        found = candidates(self.connection, terms, totals, self.count)
        rows = self._few()
        if rows is None:
            most = max(_SCORED, self.count) if self.count else 0
            near = self._best_inside(found.best_first(4 * most if self.documents is None else None), totals, 4 * most)
            best = found.by_length(self.connection, near, totals.mean_length)[:most]
            also = found.in_order(self._wanted())[: max(_ALSO_SCORED, self.count)]
            rows = merged([best, self._inside(also)])
        return self._cut_off([entry for entry in self._scored(rows, terms, found.worth, totals) if entry[1] > 0.0])

    def holding(self, phrase: str, question: str) -> list[int]:
        """The rows of the chunks in which a phrase stands word by word, ascending.

        An identifier that stands nowhere by itself may be part of a longer one: ``st_mode`` in ``os.st_mode``. Of more
        than are wanted, those that share most with a question; in a large store, most of its rare terms.

        Raises:
            StoreDamagedError: If the index, or the text of a chunk, is damaged.
        """
        held, inner = phrase_expression(phrase), inner_expression(phrase)
        if held is None:
            return []
        found = self._matching_all(held, question)
        if found or inner is None:
            return found
        perhaps = replace(self, count=_LOOKED_THROUGH * self.count)._matching_all(inner, question)
        inside = [row for row in perhaps if holds_inside(phrase, load.load_indexed_text(self.connection, row))]
        others = [row for row in inside if row not in set(self.also)][: self.count]
        return sorted({*others, *self.also}.intersection(inside))

    def _matching_all(self, held: str, question: str) -> list[int]:
        """The rows of the chunks that match an expression of a phrase, ascending."""
        terms = question_terms(question)
        totals = postings.totals(self.connection)
        if totals.chunks <= SMALL:
            expression = f"{held} AND ({match_expression(terms)} OR {held})" if terms else held
            return sorted(row for row, _ in self._by_fts5(expression))
        there = postings.rows_of(self.connection, held)
        wanted = self._wanted()[np.isin(self._wanted(), there)]
        rows = there[np.isin(there, wanted, invert=True)]
        if len(rows) > self.count:
            rows = candidates(self.connection, terms, totals, self.count).in_order(rows)
        found: list[int] = merged([self._best_inside(rows, totals, self.count), self._inside(wanted)]).tolist()
        return found

    def _by_telling(self, terms: Sequence[Term], totals: Totals) -> Scored:
        """What FTS5 finds by the terms that tell chunks apart; by all of them where that is less than is wanted."""
        telling = postings.without_common(self.connection, terms, totals.chunks // 2)
        found = self._by_fts5(match_expression(telling)) if telling else []
        if len(telling) < len(terms) and len(found) < self.count:
            return self._by_fts5(match_expression(terms))
        return found

    def _by_fts5(self, expression: str) -> Scored:
        """What matches an expression, with scores by FTS5."""
        weights = ", ".join(map(str, FTS_WEIGHTS))
        inside, documents = "", []
        if self.documents is not None:
            inside = " AND (SELECT document FROM chunks WHERE row = terms.rowid) IN (SELECT value FROM json_each(?))"
            documents = [json.dumps(self.documents.tolist())]
        # One pass: what is wanted comes before the best of the others.
        wanted, also = "", []
        if self.also:
            wanted, also = "rowid IN (SELECT value FROM json_each(?)) DESC, ", [json.dumps(list(self.also))]
        found = self.connection.execute(
            f"SELECT rowid, -bm25(terms, {weights}) AS score FROM terms WHERE terms MATCH ?{inside}"
            f" ORDER BY {wanted}score DESC, rowid LIMIT ?",
            (expression, *documents, *also, self.count + len(self.also)),
        ).fetchall()
        if any(score is None for _, score in found):
            raise load.missing("part of the index of words")
        return self._cut_off(found)

    def _few(self) -> Rows | None:
        """All chunks that are looked at, if there are few; None otherwise."""
        if self.documents is None or len(self.documents) > _ALL_SCORED:
            return None
        rows = postings.chunks_of(self.connection, self.documents)
        return rows if len(rows) <= _ALL_SCORED else None

    def _best_inside(self, rows: Rows, totals: Totals, most: int) -> Rows:
        """The first so many of some rows that belong to the documents that are looked at."""
        if self.documents is None:
            return rows[:most]
        # Either all chunks of the documents are looked up, or rows until enough belong to them: what takes fewer.
        if len(self.documents) ** 2 <= most * totals.chunks:
            return rows[np.isin(rows, postings.chunks_of(self.connection, self.documents))][:most]
        found = np.empty(0, np.int64)
        at, portion = 0, 2 * most
        while len(found) < most and at < len(rows):
            found = np.append(found, self._inside(rows[at : at + portion]))
            at, portion = at + portion, 2 * portion
        return found[:most]

    def _wanted(self) -> Rows:
        return np.array(self.also, np.int64)

    def _inside(self, rows: Rows) -> Rows:
        """Those of some rows that belong to the documents that are looked at, in the order given."""
        return rows if self.documents is None else postings.within(self.connection, rows, self.documents)

    def _scored(self, rows: Rows, terms: Sequence[Term], worth: Sequence[float], totals: Totals) -> Scored:
        """Chunks with their scores, from their texts."""
        counter, chunks = TermCounter(terms), rows.tolist()
        texts = (load.load_indexed_text(self.connection, row) for row in chunks)
        counts = [np.array(counter.count(text), np.int64).reshape(-1, 2) for text in texts]
        numbers, often = np.concatenate([np.empty((0, 2), np.int64), *counts]).T
        of = np.repeat(np.arange(len(chunks)), np.array([len(pairs) for pairs in counts], np.int64))
        weights, worths = np.array([bm25.weight(term) for term in terms]), np.array(worth)
        lengths = postings.lengths_of(self.connection, rows) / totals.mean_length
        gains = bm25.gains(often * weights[numbers], lengths[of])
        scores = np.bincount(of, worths[numbers] * gains, len(chunks))
        return list(zip(chunks, scores.tolist(), strict=True))

    def _cut_off(self, found: Scored) -> Scored:
        """In order, the best so many besides those that are wanted anyway."""
        asked = set(self.also)
        ranked = sorted(found, key=lambda entry: (-entry[1], entry[0]))
        last = [entry for entry in ranked if entry[0] not in asked][: self.count]
        kept = {row for row, _ in last}
        return [entry for entry in ranked if entry[0] in asked or entry[0] in kept]


def coverage(question: str, text: str) -> float:
    """What part of a question stands in a text, 0 to 1: its words and word parts, each once and at its weight."""
    terms = question_terms(question)
    there = sum(bm25.weight(terms[number]) for number, _ in TermCounter(terms).count(text))
    # Another spelling stands in for one that is missing.
    return min(1.0, there / max(1.0, sum(map(bm25.weight, own_terms(question)))))
