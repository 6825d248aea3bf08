"""How large a store is, of what it consists, and how far its index has fallen behind."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from glyph_rag.errors import StoreError
from glyph_rag.store import identity
from glyph_rag.store.connect import connect, format_of, naming_errors
from glyph_rag.store.derived import DerivedIndex
from glyph_rag.store.files import DATABASE, naming_os_errors


@dataclass(frozen=True)
class Overview:
    """What there is to say about a store without looking into its documents.

    Attributes:
        embedder: What made its vectors.
        dimension: Their length.
        precision: How they are kept: "float32" or "float16".
        generation: How many changes it has seen.
        namespaces: How many documents each namespace has.
        documents: How many there are in all.
        pages: Pages of them.
        chunks: Chunks of them.
        database_bytes: Size of the database, with what is not yet folded into it.
        free_bytes: How much of that `compact` would give back at least.
        index_bytes: Size of the index file; 0 if there is none that fits.
        index_kind: How vectors are searched: "exact" looks at every one, "lists" at some, chosen by their nearness.
        index_generation: After which change the index file was made; 0 if there is none that fits.
        index_vectors: How many it holds.
        index_lists: How many lists they are in; 0 if the index is exact.
        index_probed: How many of these a search without a filter looks into.
        index_recall: Share of the true ten nearest that were found when the file was written; None if it is exact.
        index_asked: For how many queries that was measured, made of vectors of the store by moving them a little.
        index_behind: Vectors that came or went since the index file was written.
    """

    embedder: str
    dimension: int
    precision: str
    generation: int
    namespaces: dict[str, int]
    documents: int
    pages: int
    chunks: int
    database_bytes: int
    free_bytes: int
    index_bytes: int
    index_kind: str
    index_generation: int
    index_vectors: int
    index_lists: int
    index_probed: int
    index_recall: float | None
    index_asked: int
    index_behind: int


def overview(folder: Path) -> Overview:
    """Sums up a store. No embedder is needed, and nothing is written.

    Raises:
        StoreError: If there is no store, or it cannot be opened.
        StoreDamagedError: If it cannot be read.
    """
    with reading(folder) as connection:
        identity.check_meta(connection, folder)
        names = dict(connection.execute("SELECT namespace, count(*) FROM documents GROUP BY namespace").fetchall())
        pages, chunks = (_count(connection, f"SELECT count(*) FROM {table}") for table in ("pages", "chunks"))
        free = _count(connection, "SELECT freelist_count * page_size FROM pragma_freelist_count, pragma_page_size")
        behind, header = derived_index(connection, folder).file_behind(connection)
        path = folder / f"index-{header.generation}.faiss" if header else None
        tuning = header.tuning if header else None
        return Overview(
            embedder=identity.meta(connection, folder, "embedder"),
            dimension=identity.number(connection, folder, "dimension"),
            precision=identity.precision_of(connection, folder),
            generation=identity.number(connection, folder, "generation"),
            namespaces=names,
            documents=sum(names.values()),
            pages=pages,
            chunks=chunks,
            database_bytes=sum(_size(folder / name) for name in (DATABASE, f"{DATABASE}-wal")),
            free_bytes=free,
            index_bytes=_size(path) if path else 0,
            index_kind="lists" if tuning else "exact",
            index_generation=header.generation if header else 0,
            index_vectors=header.count if header else 0,
            index_lists=header.lists if header else 0,
            index_probed=tuning.probed if tuning else 0,
            index_recall=tuning.recall if tuning else None,
            index_asked=tuning.asked if tuning else 0,
            index_behind=behind,
        )


@contextmanager
def reading(folder: Path) -> Iterator[sqlite3.Connection]:
    """A connection that reads one snapshot of the store in a folder.

    Raises:
        StoreError: If there is none.
    """
    database = require(folder)
    with closing(connect(database, read_only=True)) as connection, naming_errors(database):
        connection.execute("BEGIN")
        if not format_of(connection):  # Whoever was making it was killed.
            raise no_store(folder)
        yield connection


def require(folder: Path) -> Path:
    """The database of the store in a folder.

    Raises:
        StoreError: If there is none.
    """
    database = folder / DATABASE
    with naming_os_errors(folder):
        if not database.is_file():
            raise no_store(folder)
    return database


def derived_index(connection: sqlite3.Connection, folder: Path) -> DerivedIndex:
    """The index of a store, as the store itself says it should be."""
    return DerivedIndex(
        folder,
        identity.meta(connection, folder, "store_id"),
        identity.number(connection, folder, "dimension"),
        identity.precision_of(connection, folder),
    )


def no_store(folder: Path) -> StoreError:
    """The error for a folder without a store."""
    return StoreError(f"there is no store in {str(folder)!r}", hint="make one with `glyph-rag index`")


def _count(connection: sqlite3.Connection, query: str) -> int:
    return int(connection.execute(query).fetchone()[0])


def _size(path: Path) -> int:
    return path.stat().st_size if path.is_file() else 0
