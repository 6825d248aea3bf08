"""A filter as queries over the tables of a store. What a user wrote comes in as parameters only."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from glyph_rag.corpus.document import MetadataValue
from glyph_rag.search.filters import OWN_KEYS, Beyond, Condition, Exists, Joined, Not, OneOf, kind_of
from glyph_rag.store.scope import AllBut, AllOf, AnyOf, Named, Selection

Parameter = str | int | float

_ORDERS: Final = {"$gt": ">", "$gte": ">=", "$lt": "<", "$lte": "<="}

# One namespace after the other, so that their index with the ids is of use.
_NAMESPACES: Final = (
    "WITH RECURSIVE namespaces (name) AS (SELECT min(namespace) FROM documents UNION ALL"
    " SELECT (SELECT min(namespace) FROM documents WHERE namespace > name) FROM namespaces WHERE name IS NOT NULL)"
)
_OWN: Final = dict(
    zip(
        OWN_KEYS,
        (
            "SELECT row FROM documents WHERE source",
            f"{_NAMESPACES} SELECT d.row FROM namespaces CROSS JOIN documents d ON d.namespace = name WHERE d.id",
        ),
        strict=True,
    )
)
_ALL: Final = Named("SELECT row FROM documents")


def selection(condition: Condition) -> Selection:
    """The documents for which a condition holds.

    Each comparison is a lookup in the index over (key, kind, value), so its cost follows what it finds. `source` has no
    index: all documents are read.
    """
    match condition:
        case OneOf(key, values):
            return AnyOf(tuple(_equal(key, kind, values) for kind in dict.fromkeys(map(kind_of, values))))
        case Beyond(key, order, value):
            return _compared(key, kind_of(value), f"{_ORDERS[order]} ?", (value,))
        case Exists(key):
            return _ALL if key in _OWN else _has(key)
        case Not(part):
            return AllBut(selection(part))
        case Joined("all", parts):
            return AllOf(tuple(map(selection, parts)))
        case Joined(_, parts):
            return AnyOf(tuple(map(selection, parts)))


def _equal(key: str, kind: str, values: Sequence[MetadataValue]) -> Selection:
    wanted = tuple(value for value in values if value is not None and kind_of(value) == kind)
    if kind == "null":
        return Named("SELECT document FROM metadata WHERE key = ? AND kind = 'null'", (key,))
    return _compared(key, kind, f"IN ({', '.join('?' * len(wanted))})", wanted)


def _compared(key: str, kind: str, comparison: str, values: tuple[Parameter, ...]) -> Selection:
    """A comparison with a value of one kind; for a key of the document's own, with that where metadata lacks it."""
    query = f"SELECT document FROM metadata WHERE key = ? AND kind = '{kind}' AND value {comparison}"
    found = Named(query, (key, *values))
    if key not in _OWN or kind != "text":
        return found
    return AnyOf((found, AllOf((Named(f"{_OWN[key]} {comparison}", values), AllBut(_has(key))))))


def _has(key: str) -> Named:
    return Named("SELECT document FROM metadata WHERE key = ?", (key,))
