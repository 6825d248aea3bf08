"""The vector index of a store, kept up with the database.

The lists of a large index take a while to make. That is done by a thread of its own, from one state of the store, while
others search the index at hand and write on; when the file is there, it takes that index's place. Killed meanwhile,
nothing is lost: the next write begins again.
"""

from __future__ import annotations

import contextlib
import logging
import sqlite3
import threading
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Final

from glyph_rag.embed.embedder import FloatArray
from glyph_rag.errors import GlyphRAGError
from glyph_rag.store import building, identity, indexfile, load
from glyph_rag.store.connect import connect
from glyph_rag.store.files import DATABASE
from glyph_rag.store.load import Rows
from glyph_rag.store.rowlists import read_rows
from glyph_rag.store.vectors import DTYPES, Precision, VectorIndex

_log = logging.getLogger(__name__)

_FAR_BEHIND: Final = 20
"""The index is written when more than one in so many of its vectors came or went since it was. At every change, each
would cost as much as the store is large."""

_MANY: Final = 10_000
"""With fewer vectors in exact blocks, it is not worth a look whether there is a file with more in lists."""

_TRIES: Final = 3
"""So often the newest file is looked for, should a writer replace it between finding and reading it."""

GONE_KEPT: Final = 10_000
"""So many vectors that have gone are remembered beyond what the index file needs, for processes that hold an index."""


class _AbandonedError(Exception):
    """Nobody waits for the index that is being made."""


class DerivedIndex:
    """Holds the newest index that was made, and makes newer ones. Safe to use from several threads."""

    def __init__(self, folder: Path, store_id: str, dimension: int, precision: Precision) -> None:
        """Nothing is read before the index is asked for."""
        self._folder, self._store_id = folder, store_id
        self._dimension, self._precision = dimension, precision
        self._lock = threading.Lock()
        self._making: threading.Thread | None = None
        self._abandoned = threading.Event()
        self._damaged: set[str] = set()
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
        # Without a condition SQLite counts along an index, which is a hundredth of the table.
        later = " WHERE row > ?" if header else ""
        (new,) = connection.execute(f"SELECT count(*) FROM vectors{later}", (last_row,) * bool(header)).fetchone()
        (gone,) = connection.execute("SELECT count(*) FROM gone WHERE generation > ?", (generation,)).fetchone()
        return int(new) + (int(gone) if header else 0), header

    def is_worth_writing(self, behind: int, header: indexfile.Header | None) -> bool:
        """Whether the file is far behind; a little is caught up with whenever a store is opened."""
        return header is None or behind * _FAR_BEHIND > header.count

    def is_for_later(self, behind: int, header: indexfile.Header | None) -> bool:
        """Whether the file takes long to make, or one is being made: then `save_later` is for it."""
        making = self._making is not None and self._making.is_alive()
        return making or behind + (header.count if header else 0) >= building.LISTED_FROM

    def save(self, index: VectorIndex) -> bool:
        """Writes the file, and goes on with what is in it. If the disk refuses, the old one stays: the database has
        everything.

        Returns:
            Whether it is written.
        """
        large = len(index) >= building.LISTED_FROM
        try:
            indexfile.save(building.listed(index, self._look) if large else index, self._folder, self._store_id)
            path = self._folder / f"index-{index.generation}.faiss"
            self._damaged.discard(path.name)
            if large:
                self._take_over(path)
        except FileNotFoundError:
            _log.info("the index of change %d is not needed: another process writes a newer one", index.generation)
            return False
        except (OSError, ValueError) as error:
            _log.warning("the index could not be written: %s; opening the store will take longer", error)
            return False
        return True

    def save_later(self, make: Callable[[], VectorIndex | None]) -> None:
        """Does what `save` does in a thread of its own, again and again, until there is nothing worth writing.

        Args:
            make: Gives the index to be written, or None if the file is good enough; called in that thread.
        """
        if self._making is None or not self._making.is_alive():
            self._making = threading.Thread(target=self._save_made, args=(make,), name="glyph-rag index")
            self._making.start()

    def finish(self) -> None:
        """Waits until no file is being made. Whoever interrupts that gives the file up."""
        if self._making is None:
            return
        if self._making.is_alive():
            _log.info("the index is being made; waiting for it")
        try:
            self._making.join()
        except BaseException:
            self._abandoned.set()
            self._making.join()
            raise

    def _save_made(self, make: Callable[[], VectorIndex | None]) -> None:
        try:
            while (index := make()) is not None and self.save(index):
                self._look()
        except _AbandonedError:
            _log.info("the index was not made; the next write begins again")
        except (GlyphRAGError, MemoryError) as error:
            _log.warning("the index could not be made: %s", error)

    def _look(self) -> None:
        if self._abandoned.is_set():
            raise _AbandonedError

    def _take_over(self, path: Path) -> None:
        """Searches go on in a file that has just been written, with what has come and gone meanwhile."""
        index = indexfile.load(path, indexfile.read_header(path), self._fetcher(path))
        with self._lock:
            made = self.made
            if index is not None and made is not None and made.generation >= index.generation:
                self.made = index.followed(made)

    def _fetcher(self, path: Path) -> Callable[[Rows], FloatArray]:
        """Reads from the database what is damaged in a file, which is then not used again."""

        def fetch(rows: Rows) -> FloatArray:
            self._damaged.add(path.name)
            with closing(connect(self._folder / DATABASE, read_only=True)) as connection:
                return load.vectors_in_rows(connection, rows.tolist(), DTYPES[self._precision])

        return fetch

    def _caught_up(self, connection: sqlite3.Connection, generation: int, start: VectorIndex | None) -> VectorIndex:
        floor = identity.number(connection, self._folder, "gone since")
        if start is None or start.generation < floor or self._is_surpassed(connection, start):
            start = self._from_file(connection) or (start if start and start.generation >= floor else None)
        start = start or VectorIndex(self._dimension, self._precision)
        gone = read_rows(connection, "SELECT row FROM gone WHERE generation > ?", (start.generation,))
        new = load.vectors_after(connection, start.last_row, self._dimension, DTYPES[self._precision])
        state = state_of(connection, generation)
        return start.updated(new, gone, generation, state or "")

    def _from_file(self, connection: sqlite3.Connection) -> VectorIndex | None:
        for _ in range(_TRIES):
            found = indexfile.newest(self._folder, lambda header: self._fits(connection, header))
            if found is None:
                return None
            with contextlib.suppress(FileNotFoundError):
                index = indexfile.load(*found, self._fetcher(found[0]))
                if index is None:
                    self._damaged.add(found[0].name)
                return index
        return None

    def _is_surpassed(self, connection: sqlite3.Connection, index: VectorIndex) -> bool:
        """Whether much of an index is not in lists, and there is a file in which more is."""
        listed = index.listed()
        if len(index) - listed < max(_MANY, len(index) // _FAR_BEHIND):
            return False
        found = indexfile.newest(self._folder, lambda header: self._fits(connection, header))
        return found is not None and found[1].lists > 0 and found[1].count > listed

    def _fits(self, connection: sqlite3.Connection, header: indexfile.Header) -> bool:
        floor = identity.number(connection, self._folder, "gone since")
        ours = (self._store_id, self._dimension, self._precision)
        return (
            (header.store, header.dimension, header.precision) == ours
            and f"index-{header.generation}.faiss" not in self._damaged
            and header.generation >= floor
            and state_of(connection, header.generation) == header.state
        )


def state_of(connection: sqlite3.Connection, generation: int) -> str | None:
    """The name of the state after a change, or None if the store had no such generation or forgot it."""
    found = connection.execute("SELECT state FROM history WHERE generation = ?", (generation,)).fetchone()
    return str(found[0]) if found else None
