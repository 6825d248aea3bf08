"""The connections of an open store: to the file that was opened and to no other, and never carried through a fork.

SQLite keeps the locks of a file by process, so neither may a connection be used after a fork, nor one be opened beside
it there (https://sqlite.org/howtocorrupt.html, section 2.6). So what is idle is closed before a fork, and opened again
when it is needed.
"""

from __future__ import annotations

import os
import sqlite3
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final
from weakref import WeakSet

import filelock

from glyph_rag.errors import StoreError
from glyph_rag.store import files
from glyph_rag.store.connect import connect

_KEPT_OPEN: Final = 8


class Connections:
    """Opens connections to one database, and keeps those that are idle. Safe to use from several threads.

    Attributes:
        lock: The store's writer lock. A child process has one of its own.
    """

    def __init__(self, folder: Path, writer: sqlite3.Connection) -> None:
        """
        Args:
            folder: The store's folder, absolute.
            writer: A connection to its database that may write, which is closed with the others.
        """
        self._database = folder / files.DATABASE
        self._file = files.identity(self._database)
        self._writer: sqlite3.Connection | None = writer
        self._readers: list[sqlite3.Connection] = []
        self._mutex = threading.RLock()
        self._closed = False
        self.renew_lock()
        _OPEN.add(self)

    @contextmanager
    def reader(self) -> Iterator[sqlite3.Connection]:
        """A connection that only reads.

        Raises:
            StoreError: If the store is closed, or another file is where its database was.
        """
        with self._mutex:
            self.check()
            connection = self._readers.pop() if self._readers else None
        connection = connection or connect(self._database, read_only=True)
        try:
            yield connection
        finally:
            with self._mutex:
                if connection.in_transaction:
                    connection.rollback()
                self._readers.append(connection)
                self._close_idle(0 if self._closed else _KEPT_OPEN)

    @contextmanager
    def writer(self) -> Iterator[sqlite3.Connection]:
        """The connection that may write, for one thread at a time.

        Raises:
            StoreError: As for `reader`.
        """
        with self._mutex:
            self.check()
            connection, self._writer = self._writer, None
        connection = connection or connect(self._database)
        try:
            yield connection
        finally:
            with self._mutex:
                self._writer = connection
                if self._closed:
                    self._close_idle(0)

    def close(self) -> None:
        """Closes the connections that are idle now, and the others when they are given back."""
        with self._mutex:
            self._closed = True
            self._close_idle(0)

    def check(self) -> None:
        """Raises `StoreError` if the store is closed, or another file is where its database was."""
        if self._closed:
            raise StoreError("the store is closed", hint="open it again")
        if not self._is_ours():
            raise StoreError(
                f"{self._database} is no longer the file that was opened",
                hint="the store was moved, deleted or restored meanwhile: close it, and open it again",
            )

    def renew_lock(self) -> None:
        """Makes the writer lock one of this process."""
        self.lock: filelock.BaseFileLock = filelock.FileLock(self._database.parent / files.LOCK, thread_local=False)

    def hold_still(self) -> None:
        """Closes what is idle and lets nothing be opened, until `go_on`."""
        self._mutex.acquire()
        self._close_idle(0)

    def go_on(self) -> None:
        """Ends what `hold_still` began."""
        self._mutex.release()

    def _is_ours(self) -> bool:
        try:
            return files.identity(self._database) == self._file
        except OSError:
            return False

    def _close_idle(self, kept: int) -> None:
        """Closes all that is idle, or so many readers less."""
        idle, self._readers = self._readers[kept:], self._readers[:kept]
        if not kept and self._writer is not None:
            idle.append(self._writer)
            self._writer = None
        if idle and not self._is_ours():
            # Whoever closes a database last removes its log by name, and that name is another store's now.
            for connection in idle:
                if sys.version_info >= (3, 12):
                    connection.setconfig(sqlite3.SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, True)
            _ABANDONED.extend(idle)
            return
        for connection in idle:
            connection.close()


_OPEN: Final[WeakSet[Connections]] = WeakSet()
_HELD: Final[list[Connections]] = []
_FORKING: Final = threading.RLock()
_ABANDONED: Final[list[sqlite3.Connection]] = []


def _before_fork() -> None:
    _FORKING.acquire()
    for connections in list(_OPEN):
        connections.hold_still()
        _HELD.append(connections)


def _after_fork() -> None:
    while _HELD:
        _HELD.pop().go_on()
    _FORKING.release()


def _after_fork_in_child() -> None:
    for connections in _HELD:
        connections.renew_lock()
    _after_fork()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_before_fork, after_in_parent=_after_fork, after_in_child=_after_fork_in_child)
