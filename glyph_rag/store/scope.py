"""Which documents a search looks at.

A condition is worked out as sets of row numbers: each comparison is one walk along an index, and "and", "or" and "not"
are operations on sorted arrays. A condition on every document of a large store, as SQL would check it, takes ten times
as long.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from glyph_rag.store.load import Rows
from glyph_rag.store.rowlists import merged, read_rows


@dataclass(frozen=True)
class Named:
    """The documents that a query names.

    Attributes:
        query: A SELECT of row numbers of documents, such as one over `metadata` (docs/store-format.md). Made by this
            package; what a user wrote comes in as a parameter.
        parameters: What its question marks stand for.
    """

    query: str
    parameters: tuple[str | int | float | bytes, ...] = ()


@dataclass(frozen=True)
class AllBut:
    """The documents that are not in the part."""

    part: Selection


@dataclass(frozen=True)
class AllOf:
    """The documents that are in each of the parts, of which there is at least one."""

    parts: tuple[Selection, ...]


@dataclass(frozen=True)
class AnyOf:
    """The documents that are in any of the parts; none where there is no part."""

    parts: tuple[Selection, ...]


Selection: TypeAlias = Named | AllBut | AllOf | AnyOf
"""A condition on documents."""


@dataclass(frozen=True)
class Scope:
    """A namespace, and a condition on its documents. Applied before ranking, so it is exact at any selectivity.

    Attributes:
        namespace: Whose documents; everybody's where None. The default is the one that documents have if nobody
            names another, so a search that names no namespace never sees a tenant's documents.
        condition: What holds for all of them; nothing in particular where None.
    """

    namespace: str | None = ""
    condition: Selection | None = None

    def holds_all(self, connection: sqlite3.Connection) -> bool:
        """Whether it leaves out nothing that is in the store. Takes no longer in a large one."""
        return self.condition is None and self._is_everybody(connection)

    def documents(self, connection: sqlite3.Connection) -> Rows:
        """The row numbers of its documents, ascending: int64 (n,)."""
        inside = self._of_namespace(connection)
        if self.condition is None:
            return inside()
        found = _rows(connection, self.condition, inside)
        return found if self._is_everybody(connection) else np.intersect1d(found, inside(), assume_unique=True)

    def _is_everybody(self, connection: sqlite3.Connection) -> bool:
        query = "SELECT (SELECT min(namespace) FROM documents), (SELECT max(namespace) FROM documents)"
        first, last = connection.execute(query).fetchone()
        return self.namespace is None or first is None or first == last == self.namespace

    def _of_namespace(self, connection: sqlite3.Connection) -> Callable[[], Rows]:
        """Reads the documents of the namespace, once, if they are asked for."""
        read: list[Rows] = []

        def rows() -> Rows:
            if not read:
                where, named = (" WHERE namespace = ?", [self.namespace]) if self.namespace is not None else ("", [])
                read.append(merged([read_rows(connection, f"SELECT row FROM documents{where}", named)]))
            return read[0]

        return rows


UNNAMED = Scope()
"""The documents that were added without naming a namespace."""


def _rows(connection: sqlite3.Connection, selection: Selection, everything: Callable[[], Rows]) -> Rows:
    """What a selection holds, ascending; of `everything`, where something is excluded from that."""
    match selection:
        case Named(query, parameters):
            return merged([read_rows(connection, query, parameters)])
        case AllBut(part):
            return np.setdiff1d(everything(), _rows(connection, part, everything), assume_unique=True)
        case AnyOf(parts):
            return merged([_rows(connection, part, everything) for part in parts])
        case AllOf(parts):
            wanted = [_rows(connection, part, everything) for part in parts if not isinstance(part, AllBut)]
            found = min(wanted, key=len) if wanted else everything()
            for rows in wanted:
                found = np.intersect1d(found, rows, assume_unique=True)
            for part in parts:
                if isinstance(part, AllBut):
                    found = np.setdiff1d(found, _rows(connection, part.part, everything), assume_unique=True)
            return found
