"""A filter as SQL over the tables of a store. What a user wrote comes in as parameters only."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from glyph_rag.corpus.document import MetadataValue
from glyph_rag.search.filters import OWN_KEYS, Beyond, Condition, Exists, Joined, Not, OneOf, kind_of

Parameter = str | int | float
Sql = tuple[str, list[Parameter]]

_ORDERS: Final = {"$gt": ">", "$gte": ">=", "$lt": "<", "$lte": "<="}
_OWN_COLUMNS: Final = dict(zip(OWN_KEYS, ("d.source", "d.id"), strict=True))
_HAS_KEY: Final = "d.row IN (SELECT document FROM metadata WHERE key = ?)"
_NEVER: Final = "0"


def to_sql(condition: Condition) -> Sql:
    """A condition on `d`, a row of `documents`, and what its question marks stand for; never NULL.

    Each comparison is a lookup in the index over (key, kind, value), so its cost follows what it finds.
    """
    match condition:
        case OneOf(key, values):
            return _any_of([_equal(key, kind, values) for kind in dict.fromkeys(map(kind_of, values))])
        case Beyond(key, order, value):
            return _compared(key, kind_of(value), f"{_ORDERS[order]} ?", [value])
        case Exists(key):
            return ("1", []) if key in _OWN_COLUMNS else (_HAS_KEY, [key])
        case Not(part):
            sql, parameters = to_sql(part)
            return f"NOT {sql}", parameters
        case Joined(how, parts):
            return _balanced(" AND " if how == "all" else " OR ", [to_sql(part) for part in parts])


def _equal(key: str, kind: str, values: Sequence[MetadataValue]) -> Sql:
    wanted = [value for value in values if value is not None and kind_of(value) == kind]
    if kind == "null":
        return "d.row IN (SELECT document FROM metadata WHERE key = ? AND kind = 'null')", [key]
    return _compared(key, kind, f"IN ({', '.join('?' * len(wanted))})", wanted)


def _compared(key: str, kind: str, comparison: str, values: Sequence[Parameter]) -> Sql:
    """A comparison with a value of one kind; for a key of the document's own, with that where metadata lacks it."""
    found = f"d.row IN (SELECT document FROM metadata WHERE key = ? AND kind = '{kind}' AND value {comparison})"
    if key not in _OWN_COLUMNS or kind != "text":
        return found, [key, *values]
    own = f"(NOT {_HAS_KEY} AND {_OWN_COLUMNS[key]} {comparison})"
    return f"({found} OR {own})", [key, *values, key, *values]


def _any_of(parts: list[Sql]) -> Sql:
    return _balanced(" OR ", parts) if parts else (_NEVER, [])


def _balanced(word: str, parts: list[Sql]) -> Sql:
    """Parts joined pairwise: SQLite bounds the depth of an expression, and a chain is as deep as it is long."""
    while len(parts) > 1:
        pairs = [parts[at : at + 2] for at in range(0, len(parts), 2)]
        parts = [
            (f"({word.join(sql for sql, _ in pair)})", [value for _, values in pair for value in values])
            for pair in pairs
        ]
    return parts[0]
