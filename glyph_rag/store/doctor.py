"""What is wrong with a store, and what to do about it."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final, TypeAlias

import numpy as np

from glyph_rag.errors import GlyphRAGError, InputError, StoreDamagedError
from glyph_rag.store import identity, indexfile, load, rows, termcheck
from glyph_rag.store.checked import parsed
from glyph_rag.store.connect import naming_errors
from glyph_rag.store.files import DATABASE, LOCK, index_files, naming_os_errors
from glyph_rag.store.overview import derived_index, reading, require
from glyph_rag.store.seal import BACKUP_HINT, check_seal
from glyph_rag.store.vectors import DTYPES
from glyph_rag.typeset.profile import RenderProfile

Progress: TypeAlias = Callable[[int, int], object]
"""Called with how much is done and how much there is. An exception it raises stops the work."""

_NAMED: Final = 20
"""So many damages of a table are named; the others are counted."""

_WITH_DATA: Final = {"texts": "document, start", "vectors": "row, document, chunk, page, content"}
"""Tables whose seals are checked row by row; reading a document, a page or a chunk checks that of its row."""


@dataclass(frozen=True)
class Finding:
    """Something that is not as it should be.

    Attributes:
        what: What it is.
        hint: What to do about it.
        harmless: Whether everything that the store serves is right in spite of it.
    """

    what: str
    hint: str
    harmless: bool = False


Check: TypeAlias = Callable[[sqlite3.Connection, Path], Iterator[Finding]]


def examine(folder: Path, *, terms: bool = True, progress: Progress | None = None) -> list[Finding]:
    """Looks at every byte of a store that matters. No embedder is needed, and nothing is written.

    Args:
        folder: The store's folder.
        terms: Whether to hold the term index against the texts, which takes about as long as it took to make it.
        progress: Is told how many checks are done.

    Returns:
        What is wrong; nothing if the store is sound.

    Raises:
        StoreError: If there is no store in the folder.
    """
    database = require(folder)
    checks: list[Check] = [_structure, _meta, *map(_seals, _WITH_DATA), _documents, _pages, _chunks, _links, _metadata]
    checks += [_terms] * terms + [_index, _lost, _strangers]
    found: list[Finding] = []
    try:
        with reading(folder) as connection:
            for done, check in enumerate(checks, 1):
                try:
                    with naming_errors(database), naming_os_errors(folder):
                        found += check(connection, folder)
                except StoreDamagedError as error:
                    found.append(_damage(error))
                if progress is not None:
                    progress(done, len(checks))
    except GlyphRAGError as error:
        found.append(_damage(error))
    return found


def _structure(connection: sqlite3.Connection, folder: Path) -> Iterator[Finding]:
    """SQLite's own checks: the trees, the indexes, the references."""
    for (problem,) in connection.execute("PRAGMA integrity_check"):
        if problem != "ok":
            yield Finding(f"{DATABASE}: {problem}", BACKUP_HINT)
    for table, row, parent, _ in connection.execute("PRAGMA foreign_key_check"):
        yield Finding(f"{DATABASE}: row {row} of {table} belongs to no row of {parent}", BACKUP_HINT)


def _meta(connection: sqlite3.Connection, folder: Path) -> Iterator[Finding]:
    identity.check_meta(connection, folder)
    identity.precision_of(connection, folder)
    return iter(())


def _seals(table: str) -> Check:
    def check(connection: sqlite3.Connection, folder: Path) -> Iterator[Finding]:
        found = connection.execute(f"SELECT {_WITH_DATA[table]}, data, seal FROM {table}")
        checks = (partial(check_seal, f"row {row[0]} of {table}", mark, tuple(row), data) for *row, data, mark in found)
        return _refused(table, checks)

    return check


def _documents(connection: sqlite3.Connection, folder: Path) -> Iterator[Finding]:
    """Every text is whole."""
    found = connection.execute("SELECT row FROM documents")
    return _refused("documents", (partial(load.load_document, connection, row) for (row,) in found))


def _pages(connection: sqlite3.Connection, folder: Path) -> Iterator[Finding]:
    """Every page can be read. How pages are set does not matter here, and may be unknown to this version."""
    found, profile = connection.execute("SELECT row FROM pages"), RenderProfile()
    return _refused("pages", (partial(load.load_page, connection, row, profile) for (row,) in found))


def _chunks(connection: sqlite3.Connection, folder: Path) -> Iterator[Finding]:
    """Every chunk can be read, and stands on pages."""
    found, both = connection.execute("SELECT row FROM chunks"), (load.load_indexed_text, load.pages_of_chunk)
    return _refused("chunks", (partial(read, connection, row) for (row,) in found for read in both))


def _refused(table: str, reads: Iterable[Callable[[], object]]) -> Iterator[Finding]:
    """What reading says is damaged of a table."""
    named: dict[Finding, None] = {}
    more = 0
    for read in reads:
        try:
            read()
        except (StoreDamagedError, ValueError) as error:
            finding = _damage(error)
            if len(named) < _NAMED:
                named[finding] = None
            else:
                more += finding not in named
    yield from named
    if more:
        yield Finding(f"{DATABASE}: {more} more damages of {table}", BACKUP_HINT)


def _links(connection: sqlite3.Connection, folder: Path) -> Iterator[Finding]:
    """Every chunk, or every page, has vectors of the right length, and every vector its owner."""
    size = (
        identity.number(connection, folder, "dimension")
        * np.dtype(DTYPES[identity.precision_of(connection, folder)]).itemsize
    )
    owners, owner = ("pages", "page") if identity.vectors_per_page(connection) else ("chunks", "chunk")
    for what, query in {
        f"{owners} without a vector": f"{owners} o WHERE NOT EXISTS"
        f" (SELECT 1 FROM vectors v WHERE v.document = o.document AND v.{owner} = o.row)",
        "chunks without a page": "chunks c WHERE NOT EXISTS"
        " (SELECT 1 FROM pages p WHERE p.row = c.first_page AND p.document = c.document)",
        f"vectors without a {owner}": "vectors v WHERE NOT EXISTS"
        f" (SELECT 1 FROM {owners} o WHERE o.row = v.{owner} AND o.document = v.document)",
        "vectors of another length": f"vectors v WHERE length(v.data) <> {size}",
        "chunks without terms": "chunks c WHERE NOT EXISTS (SELECT 1 FROM terms_docsize t WHERE t.id = c.row)",
        "terms without a chunk": "terms_docsize t WHERE NOT EXISTS (SELECT 1 FROM chunks c WHERE c.row = t.id)",
    }.items():
        (count,) = connection.execute(f"SELECT count(*) FROM {query}").fetchone()
        if count:
            yield Finding(f"{DATABASE}: {count} {what}", BACKUP_HINT)


def _metadata(connection: sqlite3.Connection, folder: Path) -> Iterator[Finding]:
    """What filters look at is what the documents say."""
    for row, document_id, metadata in connection.execute("SELECT row, id, metadata FROM documents"):
        try:
            values = parsed(f"document {row}", metadata)
            said = {key: rows.metadata_value(document_id, key, value) for key, value in values.items()}
        except (StoreDamagedError, InputError, AttributeError):
            continue  # What the document says is damaged, which its seal has told.
        query = "SELECT key, kind, value FROM metadata WHERE document = ?"
        if said != {key: (kind, value) for key, kind, value in connection.execute(query, (row,))}:
            yield Finding(
                f"{DATABASE}: filters see other metadata of document {document_id!r} than it has",
                "add the document again, or restore the store from a backup",
            )


def _terms(connection: sqlite3.Connection, folder: Path) -> Iterator[Finding]:
    """The term index says what the texts say."""
    if not termcheck.agrees(connection):
        yield Finding(
            f"{DATABASE}: the index of words does not fit the texts; searches by words may miss or misplace pages",
            f"{BACKUP_HINT}, or `glyph-rag export` it and `glyph-rag import` it into a new folder",
        )


def _index(connection: sqlite3.Connection, folder: Path) -> Iterator[Finding]:
    """The index file is whole and shows what the database holds."""
    derived = derived_index(connection, folder)
    behind, header = derived.file_behind(connection)
    hint = "nothing to do: it is made anew when the store is next opened for writing, or by `glyph-rag compact`"
    if header is None:
        if behind:
            yield Finding("there is no index file that can be used", hint, harmless=True)
        return
    path = folder / f"index-{header.generation}.faiss"
    try:
        whole = indexfile.is_whole(path, header)
    except FileNotFoundError:
        return  # A writer has put a newer one in its place.
    if not whole:
        yield Finding(f"{path.name} is damaged", hint, harmless=True)
        return
    index = derived.at(connection, identity.number(connection, folder, "generation"), None)
    query = "SELECT row FROM vectors ORDER BY row"
    held = np.fromiter((row for (row,) in connection.execute(query)), np.int64)
    if not np.array_equal(index.rows(), held):
        yield Finding(f"{path.name} shows other vectors than the database", f"delete {path.name}: it is made anew")


def _lost(connection: sqlite3.Connection, folder: Path) -> Iterator[Finding]:
    """An index file shows a change that the database knows nothing of."""
    ours = identity.meta(connection, folder, "store_id")
    generation = identity.number(connection, folder, "generation")
    for path in index_files(folder):
        try:
            header = indexfile.read_header(path)
        except (OSError, ValueError, TypeError):
            continue
        if header.store == ours and header.generation > generation:
            yield Finding(
                f"{DATABASE} is at change {generation}, but {path.name} was made at change {header.generation}: "
                "the database is an older copy, or its log was damaged",
                f"restore a backup that is newer, or delete {path.name} if the older state is what you want",
            )


def _strangers(connection: sqlite3.Connection, folder: Path) -> Iterator[Finding]:
    """Files that are not the store's, and such as an interrupted write left behind."""
    known = {DATABASE, LOCK, "receipts", *(f"{DATABASE}-{end}" for end in ("wal", "shm", "journal"))}
    for path in sorted(folder.iterdir()):
        if path.name not in known and not (path.name.startswith("index-") and path.suffix == ".faiss"):
            yield Finding(f"{path.name!r} is not a file of the store", "delete it, if nobody needs it", harmless=True)


def _damage(error: Exception) -> Finding:
    if isinstance(error, GlyphRAGError):
        return Finding(error.message, error.hint)
    return Finding(f"{DATABASE}: {error}", BACKUP_HINT)
