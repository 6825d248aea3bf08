"""What has to happen before a store can be opened: its tables are made, or brought up to date."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from glyph_rag.embed.embedder import EmbedderInfo
from glyph_rag.errors import StoreDamagedError, StoreError
from glyph_rag.store import files, identity, migrate, schema
from glyph_rag.store.connect import connect_any_format, format_of, naming_errors
from glyph_rag.store.snapshots import writer_lock
from glyph_rag.store.vectors import Precision
from glyph_rag.typeset.profile import RenderProfile


def prepare(
    folder: Path, embedder: EmbedderInfo, profile: RenderProfile | None, precision: Precision, *, create: bool
) -> None:
    """Makes the tables of a new store, or brings those of an old one up to date; see `Store.open`."""
    database = folder / files.DATABASE
    connection = connect_any_format(database)
    try:
        with naming_errors(database):
            if format_of(connection) == 0:
                if not create:
                    _check_nothing_lost(folder)
                    raise StoreError(f"there is no store in {str(folder)!r}", hint="make one with `glyph-rag index`")
                with writer_lock(folder):
                    _create(connection, folder, identity.describe(embedder, profile or RenderProfile(), precision))
            elif format_of(connection) < schema.FORMAT_VERSION:
                identity.check_fit(connection, folder, embedder, profile or identity.profile_of(connection, folder))
                with writer_lock(folder):
                    migrate.bring_up_to_date(connection)
    finally:
        connection.close()


def _check_nothing_lost(folder: Path) -> None:
    """Raises `StoreDamagedError` if there was a store where there is none: emptiness is never taken for a new one."""
    left = files.index_files(folder)
    if left:
        raise StoreDamagedError(
            f"{folder / files.DATABASE} holds nothing, but {left[0].name} shows that it did",
            hint=f"restore it from a backup, or delete {left[0].name} to begin anew",
        )


def _create(connection: sqlite3.Connection, folder: Path, meta: dict[str, str]) -> None:
    """Makes the tables, unless another process has just done so."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        if format_of(connection) == 0:
            _check_nothing_lost(folder)
            schema.make_tables(connection)
            identity.write_meta(connection, meta)
        connection.execute("COMMIT")
    except BaseException:
        connection.execute("ROLLBACK")
        raise
