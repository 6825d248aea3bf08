"""Search in the index of words, by expressions that `terms` makes."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence

from glyph_rag.store import load
from glyph_rag.store.scope import Scope
from glyph_rag.store.terms import FTS_WEIGHTS


def matching(
    connection: sqlite3.Connection, expression: str, count: int, scope: Scope, also: Sequence[int] = ()
) -> list[tuple[int, float]]:
    """Rows of the chunks that match, with BM25 scores (higher is better), best first; equal scores by row.

    Args:
        connection: In a transaction.
        expression: An FTS5 MATCH expression.
        count: At most this many.
        scope: Where to look.
        also: Rows that are wanted beyond that, if they match.

    Raises:
        StoreDamagedError: If SQLite cannot work out a score: the sizes it keeps for that are damaged.
    """
    weights = ", ".join(map(str, FTS_WEIGHTS))
    documents, parameters = scope.sql()
    inside = f" AND (SELECT document FROM chunks WHERE row = terms.rowid) IN ({documents})"
    if scope.holds_all(connection):
        inside, parameters = "", []
    # One pass: what is wanted comes before the best of the others.
    wanted, rows = ("rowid IN (SELECT value FROM json_each(?)) DESC, ", [json.dumps(list(also))]) if also else ("", [])
    found = connection.execute(
        f"SELECT rowid, -bm25(terms, {weights}) AS score FROM terms WHERE terms MATCH ?{inside}"
        f" ORDER BY {wanted}score DESC, rowid LIMIT ?",
        (expression, *parameters, *rows, count + len(also)),
    ).fetchall()
    if any(score is None for _, score in found):
        raise load.missing("part of the index of words")
    asked = set(also)
    others = [entry for entry in found if entry[0] not in asked][:count]
    return sorted([*others, *(entry for entry in found if entry[0] in asked)], key=lambda entry: (-entry[1], entry[0]))
