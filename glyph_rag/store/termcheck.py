"""Whether the term index of a store says what its texts say.

SQLite's integrity check of a full-text index without a copy of the terms looks at its structure only. So the index is
made once more in a temporary database, and the two are compared term by term: how often each stands where.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from itertools import zip_longest
from typing import Final

from glyph_rag.store import load, rows
from glyph_rag.store.terms import FTS_COLUMNS, FTS_TOKENIZER

# The last sum changes if a term is given to another chunk or moved to another place.
_SUMS: Final = (
    "SELECT term, count(*), sum(doc), sum((doc % 65521) * (offset + 1) + (col = 'words')) FROM temp.places"
    " GROUP BY term ORDER BY term"
)

_TABLES: Final = {"places": "instance", "terms_found": "row"}
_LOOKED_UP: Final = "SELECT term, doc, cnt FROM temp.terms_found WHERE term = ?"

# What BM25 divides by: how long each chunk is, and how long they are on average (record 1, by FTS5's file format). Once
# the last chunk is deleted, that record is written otherwise than where there never was one, and divides nothing.
_SIZES: Final = "SELECT id, sz FROM terms_docsize ORDER BY id"
_AVERAGES: Final = "SELECT block FROM terms_data WHERE id = 1 AND EXISTS (SELECT 1 FROM terms_docsize)"


def agrees(connection: sqlite3.Connection) -> bool:
    """Holds the terms of every chunk against the index. Takes about as long as making the index did.

    Args:
        connection: In a transaction that reads the store.
    """
    with closing(sqlite3.connect("", isolation_level=None)) as again:
        again.execute(
            f"CREATE VIRTUAL TABLE terms USING fts5 ({', '.join(FTS_COLUMNS)}, content = '',"
            f' tokenize = "{FTS_TOKENIZER}")'
        )
        again.execute("BEGIN")
        for (document,) in connection.execute("SELECT row FROM documents"):
            for row, chunk in load.chunks_of_document(connection, document):
                rows.index_terms_of(again, row, chunk.indexed_text)
        again.execute("COMMIT")
        if any(_differ(connection.execute(query), again.execute(query)) for query in (_SIZES, _AVERAGES)):
            return False
        with _vocabulary(connection), _vocabulary(again):
            if _differ(connection.execute(_SUMS), again.execute(_SUMS)):
                return False
            # A walk from term to term does not need what a search for one of them goes by.
            with closing(again.execute("SELECT term, doc, cnt FROM temp.terms_found")) as terms:
                return all(connection.execute(_LOOKED_UP, found[:1]).fetchall() == [found] for found in terms)


def _differ(ours: sqlite3.Cursor, theirs: sqlite3.Cursor) -> bool:
    return any(one != other for one, other in zip_longest(ours, theirs))


@contextmanager
def _vocabulary(connection: sqlite3.Connection) -> Iterator[None]:
    """Makes tables of what there is of each term in an index: where it stands, and in how many chunks how often."""
    # A temporary table counts as writing for a connection that only reads.
    (read_only,) = connection.execute("PRAGMA query_only").fetchone()
    connection.execute("PRAGMA query_only = OFF")
    for name, kind in _TABLES.items():
        connection.execute(f"CREATE VIRTUAL TABLE temp.{name} USING fts5vocab ('main', 'terms', '{kind}')")
    yield
    for name in _TABLES:
        connection.execute(f"DROP TABLE temp.{name}")
    connection.execute(f"PRAGMA query_only = {read_only}")
