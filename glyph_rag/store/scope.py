"""Which documents a search looks at."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass

import numpy as np

from glyph_rag.store.load import Rows


@dataclass(frozen=True)
class Scope:
    """A namespace, and a condition on its documents. Applied before ranking, so it is exact at any selectivity.

    Attributes:
        namespace: Whose documents; everybody's where None. The default is the one that documents have if nobody
            names another, so a search that names no namespace never sees a tenant's documents.
        condition: An SQL condition on `d`, a row of `documents`, such as one over `metadata` (docs/store-format.md).
            Made by this package; what a user wrote comes in as a parameter.
        parameters: What its question marks stand for.
    """

    namespace: str | None = ""
    condition: str = ""
    parameters: tuple[str | int | float | bytes, ...] = ()

    def sql(self) -> tuple[str, list[str | int | float | bytes]]:
        """A query for the row numbers of its documents, in ascending order, and its parameters."""
        conditions = ["d.namespace = ?"] * (self.namespace is not None) + [f"({self.condition})"] * bool(self.condition)
        named = [] if self.namespace is None else [self.namespace]
        where = f" WHERE {' AND '.join(conditions)}" if conditions else ""
        return f"SELECT d.row FROM documents d{where} ORDER BY d.row", [*named, *self.parameters]

    def holds_all(self, connection: sqlite3.Connection) -> bool:
        """Whether it leaves out nothing that is in the store."""
        if self.condition:
            return False
        query = "SELECT (SELECT min(namespace) FROM documents), (SELECT max(namespace) FROM documents)"
        first, last = connection.execute(query).fetchone()
        return self.namespace is None or first is None or first == last == self.namespace

    def documents(self, connection: sqlite3.Connection) -> Rows:
        """The row numbers of its documents, ascending: int64 (n,)."""
        query, parameters = self.sql()
        return np.fromiter((row for (row,) in connection.execute(query, parameters)), np.int64)


UNNAMED = Scope()
"""The documents that were added without naming a namespace."""
