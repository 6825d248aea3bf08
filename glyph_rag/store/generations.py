"""One change of a store after the other, each with a number and a name."""

from __future__ import annotations

import sqlite3
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from glyph_rag.store import identity


@contextmanager
def change(connection: sqlite3.Connection, folder: Path) -> Iterator[None]:
    """One transaction, after which the store has a new generation. The caller holds the writer lock."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        generation = identity.number(connection, folder, "generation") + 1
        identity.write_meta(connection, {"generation": str(generation)})
        connection.execute("INSERT INTO history VALUES (?, ?)", (generation, uuid.uuid4().hex))
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def forget_history(connection: sqlite3.Connection, generation: int) -> None:
    """Forgets which vectors went up to a generation; an index older than that is made anew."""
    connection.execute("DELETE FROM gone WHERE generation <= ?", (generation,))
    connection.execute("DELETE FROM history WHERE generation < ?", (generation,))
    identity.write_meta(connection, {"gone since": str(generation)})
