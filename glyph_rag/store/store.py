"""Store: documents, chunks, pages and vectors on disk.

The SQLite database is the truth and is only ever changed in whole transactions; the FAISS file beside it is derived.

    <store>/glyph.db  glyph.db-wal   index-<generation>.faiss   writer.lock
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import filelock
import numpy as np

from glyph_rag.corpus.document import Chunk, Document
from glyph_rag.embed.embedder import EmbedderInfo, FloatArray
from glyph_rag.errors import StoreError, StoreLockedError
from glyph_rag.store import identity, rows, schema
from glyph_rag.store.terms import FTS_WEIGHTS, match_expression
from glyph_rag.store.vectors import VectorIndex
from glyph_rag.typeset.page import Page
from glyph_rag.typeset.profile import RenderProfile

_SMALL_INDEX = 10_000


@dataclass(frozen=True)
class Prepared:
    """One document, ready to be written but for its vectors.

    Attributes:
        document: The document.
        digest: Changes whenever the document would be stored differently.
        chunks: Its chunks, in order.
        pages: Its pages, each with the chunks that stand on it.
        file: Id of the file it came from, if it came from one.
    """

    document: Document
    digest: str
    chunks: Sequence[Chunk]
    pages: Sequence[tuple[Page, Sequence[Chunk]]]
    file: str | None = None


@dataclass(frozen=True)
class IndexedFile:
    """A file of a tree of which every document has been indexed.

    Attributes:
        id: Names the file in the store.
        tree: Name of the tree it belongs to.
        digest: Changes whenever the file would give other documents.
        document_ids: All documents it holds.
    """

    id: str
    tree: str
    digest: str
    document_ids: tuple[str, ...]


@dataclass(frozen=True)
class Stats:
    """How much a store holds."""

    documents: int
    pages: int
    chunks: int
    generation: int


class Store:
    """What is on disk. Safe to use from several threads; other processes may read, and one at a time may write."""

    def __init__(self, folder: Path, connection: sqlite3.Connection, dimension: int, profile: RenderProfile) -> None:
        """Use `Store.open`."""
        self.folder = folder
        self.profile = profile
        self._connection = connection
        self._dimension = dimension
        self._mutex = threading.RLock()
        self._file_lock = filelock.FileLock(folder / "writer.lock", thread_local=False)
        self._index: VectorIndex | None = None
        self._index_generation = -1
        self._drift = 0  # Vectors by which the FAISS file is behind.

    @classmethod
    def open(
        cls, folder: Path, embedder: EmbedderInfo, profile: RenderProfile | None = None, *, create: bool = True
    ) -> Store:
        """Opens the store in a folder.

        Args:
            folder: The store's folder.
            embedder: Where its vectors come from; a store made with another embedder is refused.
            profile: How its pages are set; a store made with another profile is refused. The store's own, or the
                default one for a new store, where None.
            create: Make the store if there is none.

        Raises:
            StoreError: If there is no store and `create` is False, or the folder cannot be used.
            StoreMismatchError: If it was made with another embedder, profile or format.
            StoreDamagedError: If the database cannot be read.
        """
        database = folder / "glyph.db"
        if not create and not database.is_file():
            raise StoreError(f"there is no store in {str(folder)!r}", hint="make one with `glyph-rag index`")
        if folder.exists() and not folder.is_dir():
            raise StoreError(f"{str(folder)!r} is a file", hint="a store is a folder")
        folder.mkdir(parents=True, exist_ok=True)
        with schema.naming_errors(database):
            connection = schema.connect(database)
            try:
                if schema.is_empty(connection):
                    _create(connection, folder, embedder, profile or RenderProfile())
                profile = profile or identity.profile_of(connection, folder)
                identity.check_fit(connection, folder, embedder, profile)
            except BaseException:
                connection.close()
                raise
        return cls(folder, connection, embedder.dimension, profile)

    def close(self) -> None:
        """Closes the files. The store cannot be used afterwards."""
        with self._mutex:
            self._connection.close()

    # ---------------------------------------------------------------- writing

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Holds the store's writer lock. May be nested.

        Raises:
            StoreLockedError: If another process holds it.
        """
        with _writer_lock(self.folder, self._file_lock):
            yield

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        """One write: all of what is done inside, or nothing."""
        with self._mutex, self.writing(), schema.naming_errors(self.folder / "glyph.db"):
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield self._connection
                self._connection.execute("UPDATE meta SET value = value + 1 WHERE key = 'generation'")
                self._connection.execute("COMMIT")
            except BaseException:
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")
                raise

    def write(
        self,
        prepared: Sequence[Prepared],
        vectors: Mapping[bytes, FloatArray],
        files: Sequence[IndexedFile] = (),
    ) -> int:
        """Adds documents in one transaction, replacing those with the same ids.

        Args:
            prepared: The documents.
            vectors: For each chunk's content key, its vector: float32 (dimension,).
            files: Files that are complete with these; documents that a file no longer holds are removed.

        Returns:
            How many documents were removed because their file no longer holds them.
        """
        with self._transaction() as connection:
            rows.delete_documents(connection, [entry.document.id for entry in prepared])
            for entry in prepared:
                row = rows.insert_document(connection, entry.document, entry.digest, entry.file)
                chunk_rows = rows.insert_chunks(connection, row, entry.document, entry.chunks, vectors)
                rows.insert_pages(connection, row, entry.document, entry.pages, chunk_rows)
            removed = 0
            for file in files:
                stale = set(rows.documents_of_file(connection, file.id)) - set(file.document_ids)
                removed += rows.delete_documents(connection, sorted(stale))
                connection.execute("INSERT OR REPLACE INTO files VALUES (?, ?, ?)", (file.id, file.tree, file.digest))
            return removed

    def delete(self, document_ids: Sequence[str]) -> int:
        """Removes documents in one transaction; returns how many there were."""
        with self._transaction() as connection:
            return rows.delete_documents(connection, document_ids)

    def forget_files(self, files: Sequence[str]) -> int:
        """Removes files and their documents in one transaction; returns how many documents went."""
        with self._transaction() as connection:
            gone = [document for file in files for document in rows.documents_of_file(connection, file)]
            connection.executemany("DELETE FROM files WHERE id = ?", [(file,) for file in files])
            return rows.delete_documents(connection, gone)

    def save_index(self) -> None:
        """Writes the FAISS file, if it is small or far behind; a little is caught up with when a store is opened."""
        with self._mutex, self.writing(), self.reading():
            index = self._current_index()
            if self._drift and (len(index) < _SMALL_INDEX or self._drift * 20 > len(index)):
                index.save(self.folder, self._meta("store_id"), self._index_generation)
                self._drift = 0

    # ---------------------------------------------------------------- reading

    @contextmanager
    def reading(self) -> Iterator[None]:
        """Everything read inside comes from one snapshot of the store. May be nested."""
        with self._mutex:
            outermost = not self._connection.in_transaction
            if outermost:
                self._connection.execute("BEGIN")
            try:
                with schema.naming_errors(self.folder / "glyph.db"):
                    yield
            finally:
                if outermost and self._connection.in_transaction:
                    self._connection.execute("COMMIT")

    def stats(self) -> Stats:
        """How much the store holds."""
        with self.reading():
            documents, pages, chunks = (
                int(self._connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0])
                for table in ("documents", "pages", "chunks")
            )
            return Stats(documents, pages, chunks, int(self._meta("generation")))

    def digests(self, document_ids: Sequence[str]) -> dict[str, str]:
        """The digests of those of the documents that the store holds."""
        with self.reading():
            return rows.select_digests(self._connection, document_ids)

    def known_vectors(self, chunks: Sequence[Chunk]) -> dict[bytes, FloatArray]:
        """Vectors of chunks with the same words anywhere in the store, by `rows.content_key`: float32 (dimension,)."""
        with self.reading():
            return rows.select_vectors(self._connection, [rows.content_key(chunk) for chunk in chunks])

    def files_of_tree(self, tree: str) -> dict[str, str]:
        """Id and digest of every file indexed from a tree."""
        with self.reading():
            return dict(self._connection.execute("SELECT id, digest FROM files WHERE tree = ?", (tree,)).fetchall())

    def count_documents_of_file(self, file: str) -> int:
        """How many documents came from a file."""
        with self.reading():
            return len(rows.documents_of_file(self._connection, file))

    def tree_path(self, tree: str) -> Path | None:
        """Where the tree of this name was last indexed from, or None if there is none of this name."""
        with self.reading():
            found = self._connection.execute("SELECT path FROM trees WHERE name = ?", (tree,)).fetchone()
            return Path(found[0]) if found else None

    def set_tree_path(self, tree: str, path: Path) -> None:
        """Records where a tree is indexed from."""
        if self.tree_path(tree) != path:
            with self._transaction() as connection:
                connection.execute("INSERT OR REPLACE INTO trees VALUES (?, ?)", (tree, str(path)))

    def nearest_chunks(self, query: FloatArray, count: int) -> list[tuple[int, float]]:
        """Rows of the chunks nearest to a vector, float32 (dimension,), with their inner products, best first."""
        with self.reading():
            return self._current_index().search(query, count)

    def matching_chunks(self, question: str, count: int) -> list[tuple[int, float]]:
        """Rows of the chunks that share words with a question, with BM25 scores (higher is better), best first."""
        expression = match_expression(question)
        if expression is None:
            return []
        weights = ", ".join(str(weight) for weight in FTS_WEIGHTS)
        with self.reading():
            found = self._connection.execute(
                f"SELECT rowid, -bm25(terms, {weights}) AS score FROM terms WHERE terms MATCH ?"
                " ORDER BY score DESC, rowid LIMIT ?",
                (expression, count),
            )
            return [(int(row), float(score)) for row, score in found]

    def pages_of_chunks(self, chunk_rows: Sequence[int]) -> dict[int, list[int]]:
        """For each chunk row, the rows of the pages it stands on, in order."""
        with self.reading():
            return rows.select_pages_of_chunks(self._connection, chunk_rows)

    def load_page(self, page_row: int) -> Page:
        """The page with this row number."""
        with self.reading():
            return rows.load_page(self._connection, page_row, self.profile)

    def load_chunk(self, chunk_row: int) -> Chunk:
        """The chunk with this row number."""
        with self.reading():
            return rows.load_chunk(self._connection, chunk_row)

    def page_row(self, page_id: str) -> int | None:
        """The row number of a page, or None if the store has no page of this id."""
        with self.reading():
            found = self._connection.execute("SELECT row FROM pages WHERE id = ?", (page_id,)).fetchone()
            return int(found[0]) if found else None

    def document_ids(self) -> list[str]:
        """The ids of all documents, sorted."""
        with self.reading():
            return [row[0] for row in self._connection.execute("SELECT id FROM documents ORDER BY id")]

    # ---------------------------------------------------------------- inside

    def _meta(self, key: str) -> str:
        return identity.meta(self._connection, self.folder, key)

    def _current_index(self) -> VectorIndex:
        """The FAISS index, brought up to the snapshot that is being read."""
        generation = int(self._meta("generation"))
        if self._index is None:
            self._index = VectorIndex.load(self.folder, self._meta("store_id"), self._dimension, generation)
            if self._index is None:
                self._index = VectorIndex(self._dimension)
        if self._index_generation != generation:
            self._catch_up(self._index)
            self._index_generation = generation
        return self._index

    def _catch_up(self, index: VectorIndex) -> None:
        wanted = np.fromiter((row for (row,) in self._connection.execute("SELECT row FROM chunks")), np.int64)
        gone = np.setdiff1d(index.rows, wanted)
        index.remove(gone)
        missing = np.setdiff1d(wanted, index.rows)
        self._drift += len(gone) + len(missing)
        for at in range(0, len(missing), 4096):
            part = missing[at : at + 4096]
            index.add(part, rows.load_vectors(self._connection, part.tolist(), self._dimension))


def _create(connection: sqlite3.Connection, folder: Path, embedder: EmbedderInfo, profile: RenderProfile) -> None:
    """Makes the tables, unless another process has just done so."""
    with _writer_lock(folder):
        if schema.is_empty(connection):
            schema.create(connection, identity.describe(embedder, profile))


@contextmanager
def _writer_lock(folder: Path, lock: filelock.BaseFileLock | None = None) -> Iterator[None]:
    """Holds a store's writer lock.

    Raises:
        StoreLockedError: If another process holds it.
    """
    lock = lock or filelock.FileLock(folder / "writer.lock")
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
