"""What the index of words has of a term: how common it is, and in which chunks it stands.

FTS5 does not say what a term costs before it is looked up. Its own tables do: `terms_idx` names the first term of
every page of the index, so the pages between a term and the next one named are how long its list can be at most, and
the record 1 of `terms_data` holds how many chunks there are and how long they are together (the file format in the
comments of SQLite's fts5_index.c; the same in every version). Both are part of the state that a snapshot reads, so
what is made of them is the same in every process.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

import numpy as np

from glyph_rag.store import load
from glyph_rag.store.load import Rows
from glyph_rag.store.rowlists import merged, read_rows
from glyph_rag.store.terms import Term, match_expression

CHUNKS_PER_PAGE: Final = 700
"""Chunks in a page of the list of a common term, about: measured 560 to 930 on English text, 4 KiB to a page."""

_MOST_PER_PAGE: Final = 1_400
"""No page holds more chunks than that: an entry takes three bytes at least."""

_SEGMENT_BITS: Final = 37
_PAGE_BITS: Final = 31

_TOTALS: Final = "SELECT block FROM terms_data WHERE id = 1"

# A segment after the other; in each, the page on which a term begins, and that of the next term with a page of its own
# or the last one of all. The lowest bit of pgno is a flag. Terms in the index begin with '0', as FTS5 writes them.
_PAGES: Final = f"""
WITH RECURSIVE segments (id) AS (
    SELECT min(segid) FROM terms_idx
    UNION ALL SELECT (SELECT min(segid) FROM terms_idx WHERE segid > id) FROM segments WHERE id IS NOT NULL),
ends (id, last) AS MATERIALIZED (
    SELECT id, (SELECT max(id) FROM terms_data
        WHERE id BETWEEN segments.id << {_SEGMENT_BITS} AND (segments.id << {_SEGMENT_BITS}) + (1 << {_PAGE_BITS}) - 1)
        & ((1 << {_PAGE_BITS}) - 1) FROM segments WHERE id IS NOT NULL),
asked (term) AS (SELECT CAST('0' || value AS BLOB) FROM json_each(?))
SELECT CAST(substr(term, 2) AS TEXT), sum(max(0,
    coalesce((SELECT pgno / 2 FROM terms_idx WHERE segid = id AND terms_idx.term > asked.term
        ORDER BY terms_idx.term LIMIT 1), last)
    - (SELECT pgno / 2 FROM terms_idx WHERE segid = id AND terms_idx.term <= asked.term
        ORDER BY terms_idx.term DESC LIMIT 1) - 1))
FROM asked, ends GROUP BY term"""


class Totals(NamedTuple):
    """What BM25 measures by.

    Attributes:
        chunks: How many chunks the index holds.
        mean_length: Terms in a chunk, on average, both columns together.
    """

    chunks: int
    mean_length: float


def totals(connection: sqlite3.Connection) -> Totals:
    """How many chunks there are and how long they are.

    Raises:
        StoreDamagedError: If the index does not say.
    """
    found = connection.execute(_TOTALS).fetchone()
    if found is None or not isinstance(found[0], bytes):
        raise load.missing("part of the index of words")
    chunks, *lengths = _varints(found[0]) or [0]
    if chunks and not sum(lengths):
        raise load.missing("part of the index of words")
    return Totals(chunks, sum(lengths) / chunks if chunks else 0.0)


def pages_of(connection: sqlite3.Connection, terms: Iterable[str]) -> dict[str, int]:
    """At most how many whole pages of the index the list of each term fills, whatever column it stands in."""
    pages = dict.fromkeys(terms, 0)
    return pages | dict(connection.execute(_PAGES, (json.dumps(list(pages)),)).fetchall())


def without_common(connection: sqlite3.Connection, terms: Sequence[Term], most: int) -> list[Term]:
    """Some terms without those that more than so many chunks have; one whose list fills no page is let through."""
    pages = pages_of(connection, (term.text for term in terms))
    query = "SELECT 1 FROM terms WHERE terms MATCH ? LIMIT 1 OFFSET ?"

    def is_common(term: Term) -> bool:
        # The list of such a term is read up to there; of others, their pages tell that they cannot be so long.
        long = pages[term.text] and (pages[term.text] + 2) * _MOST_PER_PAGE > most
        return bool(long) and connection.execute(query, (match_expression([term]), most)).fetchone() is not None

    return [term for term in terms if not is_common(term)]


def rows_of(connection: sqlite3.Connection, expression: str, at_most: int = -1, after: int = 0) -> Rows:
    """The rows of the chunks that match an FTS5 expression, ascending: int64 (n,).

    Args:
        connection: In a transaction.
        expression: What has to match.
        at_most: The first so many; all where negative.
        after: Only rows greater than this.
    """
    query = "SELECT rowid FROM terms WHERE terms MATCH ? AND rowid > ? ORDER BY rowid LIMIT ?"
    return read_rows(connection, query, (expression, after, at_most))


def occurrences_of(connection: sqlite3.Connection, term: Term, at_most: int) -> Rows:
    """For each time that a term stands in its column, the row of the chunk, ascending: int64 (n,).

    Args:
        connection: In a transaction.
        term: The term.
        at_most: The first so many.
    """
    if not connection.execute("SELECT 1 FROM temp.sqlite_schema WHERE name = 'occurrences'").fetchone():
        # A temporary table counts as writing for a connection that only reads. It goes with the transaction.
        (read_only,) = connection.execute("PRAGMA query_only").fetchone()
        connection.execute("PRAGMA query_only = OFF")
        connection.execute("CREATE VIRTUAL TABLE temp.occurrences USING fts5vocab ('main', 'terms', 'instance')")
        connection.execute(f"PRAGMA query_only = {read_only}")
    query = "SELECT doc FROM temp.occurrences WHERE term = ? AND col = ? LIMIT ?"
    return read_rows(connection, query, (term.text, term.column, at_most))


def lengths_of(connection: sqlite3.Connection, chunks: Rows) -> Rows:
    """How many terms each of some chunks (ascending) has, both columns together: int64 (n,)."""
    query = "SELECT t.id, t.sz FROM json_each(?) j CROSS JOIN terms_docsize t ON t.id = j.value"
    found = connection.execute(query, (json.dumps(chunks.tolist()),))
    lengths = {row: sum(_varints(sizes)) for row, sizes in found if isinstance(sizes, bytes)}
    if len(lengths) < len(chunks):
        raise load.missing("part of the index of words")
    return np.array([lengths[row] for row in chunks.tolist()], np.int64)


def last_row(connection: sqlite3.Connection) -> int:
    """The greatest row of a chunk in the index; 0 if it is empty."""
    (row,) = connection.execute("SELECT max(id) FROM terms_docsize").fetchone()
    return int(row or 0)


def chunks_of(connection: sqlite3.Connection, documents: Rows) -> Rows:
    """The rows of all chunks of some documents, ascending: int64 (n,)."""
    query = "SELECT row FROM chunks WHERE document IN (SELECT value FROM json_each(?))"
    return merged([read_rows(connection, query, [json.dumps(documents.tolist())])])


def within(connection: sqlite3.Connection, chunks: Rows, documents: Rows) -> Rows:
    """Those of some chunks that belong to some documents (ascending), in the order given: int64 (n,)."""
    query = "SELECT c.row, c.document FROM json_each(?) j CROSS JOIN chunks c ON c.row = j.value"
    found = connection.execute(query, (json.dumps(chunks.tolist()),)).fetchall()
    pairs = np.array(found, np.int64).reshape(-1, 2)
    return chunks[np.isin(chunks, pairs[np.isin(pairs[:, 1], documents), 0])]


def _varints(block: bytes) -> list[int]:
    """SQLite's variable-length integers: seven bits to a byte, the greatest first."""
    found, value = [], 0
    for byte in block:
        value = value << 7 | byte & 0x7F
        if byte < 0x80:
            found.append(value)
            value = 0
    return found
