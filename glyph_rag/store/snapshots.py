"""What a reader sees, a snapshot of its own, and the lock that lets one process write."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import filelock

from glyph_rag.errors import StoreError, StoreLockedError
from glyph_rag.store import files, identity
from glyph_rag.store.connect import naming_errors
from glyph_rag.store.connections import Connections
from glyph_rag.store.derived import DerivedIndex
from glyph_rag.store.vectors import VectorIndex


@dataclass
class Snapshot:
    """One state of a store.

    Attributes:
        connection: In a transaction that reads it.
        generation: Its number.
        before: The newest index that was at hand before the transaction began.
    """

    connection: sqlite3.Connection
    generation: int
    before: VectorIndex | None


class Snapshots:
    """Hands out snapshots, one to a thread at a time. Safe to use from several threads."""

    def __init__(self, database: Path, connections: Connections, derived: DerivedIndex) -> None:
        """Nothing is opened before it is needed."""
        self._database, self._connections, self._derived = database, connections, derived
        self._thread = threading.local()

    @contextmanager
    def reading(self) -> Iterator[Snapshot]:
        """The snapshot that this thread reads; a new one, of the latest commit, unless one is open already.

        Raises:
            StoreError: If the store is closed, or another file is where its database was.
        """
        held: Snapshot | None = getattr(self._thread, "snapshot", None)
        with naming_errors(self._database):
            if held is not None:
                yield held
                return
            with self._connections.reader() as connection:
                before = self._derived.made
                connection.execute("BEGIN")
                generation = identity.number(connection, self._database.parent, "generation")
                self._thread.snapshot = Snapshot(connection, generation, before)
                try:
                    yield self._thread.snapshot
                finally:
                    self._thread.snapshot = None


# A lock that several threads share counts its holders, but takes no care that they come one after another.
_MUTEX = threading.Lock()


@contextmanager
def writer_lock(folder: Path, lock: filelock.BaseFileLock | None = None) -> Iterator[None]:
    """Holds a store's writer lock, which the operating system lets go of if the process dies.

    Args:
        folder: The store's folder.
        lock: The lock itself, if this process may hold it already.

    Raises:
        StoreLockedError: If another process holds it.
        StoreError: If the lock file is a link, or the folder cannot be written to.
    """
    files.check_regular(folder / files.LOCK)
    lock = lock or filelock.FileLock(folder / files.LOCK)
    try:
        with _MUTEX:
            lock.acquire(timeout=0)
    except filelock.Timeout as error:
        raise StoreLockedError(
            f"another process is writing to {str(folder)!r}", hint="wait until it is done; reading goes on"
        ) from error
    except OSError as error:
        raise StoreError(f"{folder / files.LOCK} cannot be used: {error}", hint=files.DISK_HINT) from error
    try:
        yield
    finally:
        with _MUTEX:
            lock.release()
