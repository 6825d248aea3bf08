"""The vector index of a store, kept up with the database."""

from __future__ import annotations

import contextlib
import logging
import sqlite3
import threading
from pathlib import Path
from typing import Final

import numpy as np

from glyph_rag.store import identity, indexfile, load
from glyph_rag.store.vectors import DTYPES, Precision, VectorIndex

_log = logging.getLogger(__name__)

SMALL: Final = 10_000
"""An index of fewer vectors is written after every change."""

_FAR_BEHIND: Final = 20
"""A larger one is written when more than one in so many of its vectors came or went since it was."""

_TRIES: Final = 3
"""So often the newest file is looked for, should a writer replace it between finding and reading it."""

GONE_KEPT: Final = 10_000
"""So many vectors that have gone are remembered beyond what the index file needs, for processes that hold an index."""


class DerivedIndex:
    """Holds the newest index that was made, and makes newer ones. Safe to use from several threads."""

    def __init__(self, folder: Path, store_id: str, dimension: int, precision: Precision) -> None:
        """Nothing is read before the index is asked for."""
        self._folder, self._store_id = folder, store_id
        self._dimension, self._precision = dimension, precision
        self._lock = threading.Lock()
        self.made: VectorIndex | None = None

    def at(self, connection: sqlite3.Connection, generation: int, before: VectorIndex | None) -> VectorIndex:
        """The index of the snapshot that a connection reads.

        Args:
            connection: In a transaction.
            generation: The generation of its snapshot.
            before: What `made` was before that transaction began, and so no younger than it.

        Raises:
            StoreDamagedError: If a vector that is missing from the index is not what was written.
        """
        if before is not None and before.generation == generation:
            return before
        with self._lock:
            made = self.made
            index = self._caught_up(connection, generation, before if made and made.generation > generation else made)
            if self.made is None or self.made.generation < generation:
                self.made = index
        return index

    def file_behind(self, connection: sqlite3.Connection) -> tuple[int, indexfile.Header | None]:
        """How many vectors came or went since the index file was written, and its header, if there is one."""
        found = indexfile.newest(self._folder, lambda header: self._fits(connection, header))
        header = found[1] if found else None
        last_row, generation = (header.last_row, header.generation) if header else (0, 0)
        (new,) = connection.execute(
            "SELECT count(*) FROM vectors WHERE row > ? AND chunk IS NOT NULL", (last_row,)
        ).fetchone()
        (gone,) = connection.execute("SELECT count(*) FROM gone WHERE generation > ?", (generation,)).fetchone()
        return int(new) + (int(gone) if header else 0), header

    def is_worth_writing(self, behind: int, header: indexfile.Header | None) -> bool:
        """Whether the file is small, or far behind; a little is caught up with whenever a store is opened."""
        return header is None or bool(behind and (header.count < SMALL or behind * _FAR_BEHIND > header.count))

    def save(self, index: VectorIndex) -> None:
        """Writes the file. If the disk refuses, the old one stays: the database has everything."""
        try:
            indexfile.save(index, self._folder, self._store_id)
        except OSError as error:
            _log.warning("the index could not be written: %s; opening the store will take longer", error)

    def _caught_up(self, connection: sqlite3.Connection, generation: int, start: VectorIndex | None) -> VectorIndex:
        floor = int(identity.meta(connection, self._folder, "gone since"))
        if start is None or start.generation < floor:
            start = self._from_file(connection)
        gone = np.zeros(0, np.int64)
        if start is None:
            start = VectorIndex(self._dimension, self._precision)
        else:
            query = "SELECT row FROM gone WHERE generation > ?"
            gone = np.fromiter((row for (row,) in connection.execute(query, (start.generation,))), np.int64)
        new = load.vectors_after(connection, start.last_row, self._dimension, DTYPES[self._precision])
        state = state_of(connection, generation)
        return start.updated(new, gone, generation, state or "")

    def _from_file(self, connection: sqlite3.Connection) -> VectorIndex | None:
        for _ in range(_TRIES):
            found = indexfile.newest(self._folder, lambda header: self._fits(connection, header))
            with contextlib.suppress(FileNotFoundError):
                return indexfile.load(*found) if found else None
        return None

    def _fits(self, connection: sqlite3.Connection, header: indexfile.Header) -> bool:
        floor = int(identity.meta(connection, self._folder, "gone since"))
        ours = (self._store_id, self._dimension, self._precision)
        return (
            (header.store, header.dimension, header.precision) == ours
            and header.generation >= floor
            and state_of(connection, header.generation) == header.state
        )


def state_of(connection: sqlite3.Connection, generation: int) -> str | None:
    """The name of the state after a change, or None if the store had no such generation or forgot it."""
    found = connection.execute("SELECT state FROM history WHERE generation = ?", (generation,)).fetchone()
    return str(found[0]) if found else None
