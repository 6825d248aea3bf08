"""Gives back the room of what was deleted, and writes the index anew."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeAlias

from glyph_rag.store import identity, migrate, schema
from glyph_rag.store.connect import connect, connect_any_format, format_of, naming_errors
from glyph_rag.store.files import naming_os_errors
from glyph_rag.store.generations import change, forget_history
from glyph_rag.store.overview import derived_index, no_store, require
from glyph_rag.store.snapshots import writer_lock

Progress: TypeAlias = Callable[[int, int], object]
"""Called with how many steps are done and how many there are. An exception it raises stops the work."""

_MERGED_AT_A_TIME: Final = 500
_STEPS_BETWEEN_LOOKS: Final = 10_000


@dataclass(frozen=True)
class Compacted:
    """What compacting did.

    Attributes:
        bytes_before: Size of the store's files before.
        bytes_after: And now.
    """

    bytes_before: int
    bytes_after: int


def compact(folder: Path, progress: Progress | None = None) -> Compacted:
    """Joins the pieces of the term index, gives back unused room, and writes the index file anew.

    A store of an earlier format is brought up to date. Every step is a transaction of its own and changes nothing that
    the store holds: interrupted anywhere, the store is whole, and compacting again goes on. Needs as much free room as
    the database takes. Others may read meanwhile.

    Raises:
        StoreError: If there is no store in the folder, or no room.
        StoreLockedError: If another process is writing.
        StoreDamagedError: If the database cannot be read.
    """
    database = require(folder)
    before = _size(folder)
    with writer_lock(folder), naming_errors(database):
        with closing(connect_any_format(database)) as connection:
            if not format_of(connection):
                raise no_store(folder)
            if format_of(connection) != schema.FORMAT_VERSION:
                migrate.bring_up_to_date(connection)
        with closing(connect(database)) as connection:
            connection.set_progress_handler(lambda: 0, _STEPS_BETWEEN_LOOKS)  # Where Ctrl-C is noticed.
            for done, step in enumerate((_forget, _merge_terms, _vacuum, _write_index), 1):
                step(connection, folder)
                if progress is not None:
                    progress(done, 4)
    return Compacted(before, _size(folder))


def _forget(connection: sqlite3.Connection, folder: Path) -> None:
    with change(connection, folder):
        forget_history(connection, identity.number(connection, folder, "generation"))


def _merge_terms(connection: sqlite3.Connection, folder: Path) -> None:
    """As https://sqlite.org/fts5.html#the_merge_command advises: a little at a time."""
    pages = -_MERGED_AT_A_TIME
    while True:
        changes = connection.total_changes
        connection.execute("INSERT INTO terms (terms, rank) VALUES ('merge', ?)", (pages,))
        if connection.total_changes - changes < 2:
            return
        pages = _MERGED_AT_A_TIME


def _vacuum(connection: sqlite3.Connection, folder: Path) -> None:
    connection.execute("VACUUM")
    # Not while somebody reads: then the log is folded in when the last of them is done.
    connection.execute("PRAGMA busy_timeout = 0")
    connection.execute("PRAGMA wal_checkpoint (TRUNCATE)")


def _write_index(connection: sqlite3.Connection, folder: Path) -> None:
    connection.execute("BEGIN")
    derived = derived_index(connection, folder)
    derived.save(derived.at(connection, identity.number(connection, folder, "generation"), None))
    connection.execute("COMMIT")


def _size(folder: Path) -> int:
    with naming_os_errors(folder):
        return sum(path.stat().st_size for path in folder.iterdir() if path.is_file())
