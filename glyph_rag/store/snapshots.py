"""Connections that read, each on a snapshot of its own, and the lock that lets one process write."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import filelock

from glyph_rag.errors import StoreError, StoreLockedError
from glyph_rag.store import files
from glyph_rag.store.connect import connect, naming_errors
from glyph_rag.store.derived import DerivedIndex
from glyph_rag.store.vectors import VectorIndex

_KEPT_OPEN: Final = 8


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

    def __init__(self, database: Path, derived: DerivedIndex) -> None:
        """Nothing is opened before it is needed."""
        self._database, self._derived = database, derived
        self._idle: list[sqlite3.Connection] = []
        self._mutex = threading.Lock()
        self._closed = False
        self._thread = threading.local()

    @contextmanager
    def reading(self) -> Iterator[Snapshot]:
        """The snapshot that this thread reads; a new one, of the latest commit, unless one is open already.

        Raises:
            StoreError: If the store is closed.
        """
        held: Snapshot | None = getattr(self._thread, "snapshot", None)
        if held is not None:
            with naming_errors(self._database):
                yield held
            return
        connection = self._borrow()
        try:
            with naming_errors(self._database):
                before = self._derived.made
                connection.execute("BEGIN")
                (generation,) = connection.execute("SELECT value FROM meta WHERE key = 'generation'").fetchone()
                self._thread.snapshot = Snapshot(connection, int(generation), before)
                yield self._thread.snapshot
        finally:
            self._thread.snapshot = None
            self._give_back(connection)

    def close(self) -> None:
        """Closes the connections that are idle now, and the others when they are given back."""
        with self._mutex:
            self._closed = True
            while self._idle:
                self._idle.pop().close()

    def _borrow(self) -> sqlite3.Connection:
        with self._mutex:
            if self._closed:
                raise StoreError("the store is closed", hint="open it again")
            if self._idle:
                return self._idle.pop()
        return connect(self._database, read_only=True)

    def _give_back(self, connection: sqlite3.Connection) -> None:
        with self._mutex:
            if connection.in_transaction:
                connection.rollback()
            if self._closed or len(self._idle) >= _KEPT_OPEN:
                connection.close()
            else:
                self._idle.append(connection)


@contextmanager
def writer_lock(folder: Path, lock: filelock.BaseFileLock | None = None) -> Iterator[None]:
    """Holds a store's writer lock, which the operating system lets go of if the process dies.

    Args:
        folder: The store's folder.
        lock: The lock itself, if this process may hold it already.

    Raises:
        StoreLockedError: If another process holds it.
        StoreError: If the lock file is a link.
    """
    files.check_regular(folder / files.LOCK)
    lock = lock or filelock.FileLock(folder / files.LOCK)
    try:
        lock.acquire(timeout=0)
    except filelock.Timeout as error:
        raise StoreLockedError(
            f"another process is writing to {str(folder)!r}", hint="wait until it is done; reading goes on"
        ) from error
    try:
        yield
    finally:
        lock.release()
