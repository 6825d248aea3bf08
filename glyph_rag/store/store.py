"""Store: documents, chunks, pages and vectors on disk.

The SQLite database is the truth and is only ever changed in whole transactions; the index file beside it is derived.

    <store>/glyph.db  glyph.db-wal  glyph.db-shm  index-<generation>.faiss  writer.lock
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from glyph_rag.corpus.document import Chunk, Document
from glyph_rag.embed.embedder import EmbedderInfo, FloatArray
from glyph_rag.errors import StoreError
from glyph_rag.store import files, identity, load, rows
from glyph_rag.store.beginning import prepare
from glyph_rag.store.checked import text_of
from glyph_rag.store.connect import connect, naming_errors, one_state
from glyph_rag.store.connections import Connections
from glyph_rag.store.derived import GONE_KEPT, DerivedIndex, state_of
from glyph_rag.store.generations import change, forget_history
from glyph_rag.store.rows import IndexedFile, Prepared
from glyph_rag.store.scope import UNNAMED, Scope
from glyph_rag.store.snapshots import Snapshot, Snapshots, writer_lock
from glyph_rag.store.vectors import DTYPES, Precision, VectorIndex
from glyph_rag.store.wordsearch import WordSearch
from glyph_rag.typeset.page import Page
from glyph_rag.typeset.profile import RenderProfile

_SCOPES_KEPT = 16


@dataclass(frozen=True)
class Stats:
    """How much a store holds, in all namespaces."""

    documents: int
    pages: int
    chunks: int
    generation: int


class Store:
    """What is on disk. Safe to use from several threads; other processes may read, and one at a time may write."""

    def __init__(self, folder: Path, connection: sqlite3.Connection, profile: RenderProfile) -> None:
        """Use `Store.open`."""
        self.folder = folder
        self.profile = profile
        self._connections = Connections(folder, connection)
        self._mutex = threading.RLock()
        precision = identity.precision_of(connection, folder)
        self._dtype = DTYPES[precision]
        self._of_pages = identity.vectors_per_page(connection) > 0
        dimension = identity.number(connection, folder, "dimension")
        self._derived = DerivedIndex(folder, identity.meta(connection, folder, "store_id"), dimension, precision)
        self._snapshots = Snapshots(folder / files.DATABASE, self._connections, self._derived)
        self._scopes_mutex = threading.Lock()
        self._scopes: dict[tuple[int, Scope], load.Rows | None] = {}

    @classmethod
    def open(
        cls,
        folder: Path,
        embedder: EmbedderInfo,
        profile: RenderProfile | None = None,
        *,
        create: bool = True,
        precision: Precision = "float32",
    ) -> Store:
        """Opens the store in a folder. One of an earlier format is brought up to date, in one transaction.

        Args:
            folder: The store's folder.
            embedder: Where its vectors come from; a store made with another embedder is refused.
            profile: How its pages are set; a store made with another profile is refused. The store's own, or the
                default one for a new store, where None.
            create: Make the store if there is none.
            precision: How a new store keeps its vectors. An existing one keeps them as it does.

        Raises:
            StoreError: If there is no store and `create` is False, or the folder cannot be used.
            StoreMismatchError: If it was made with another embedder, profile or format.
            StoreDamagedError: If the database cannot be read.
            StoreLockedError: If it is of an earlier format and another process is writing to it.
        """
        with files.naming_os_errors(folder):
            if not create and not (folder / files.DATABASE).is_file():
                raise StoreError(f"there is no store in {str(folder)!r}", hint="make one with `glyph-rag index`")
            if folder.exists() and not folder.is_dir():
                raise StoreError(f"{str(folder)!r} is a file", hint="a store is a folder")
            folder.mkdir(parents=True, exist_ok=True)
        folder = folder.absolute()  # It stays this one if the process goes to another folder.
        database = folder / files.DATABASE
        prepare(folder, embedder, profile, precision, create=create)
        connection = connect(database)
        try:
            with naming_errors(database), one_state(connection):
                identity.check_meta(connection, folder)
                profile = profile or identity.profile_of(connection, folder)
                identity.check_fit(connection, folder, embedder, profile)
                return cls(folder, connection, profile)
        except BaseException:
            connection.close()
            raise

    def close(self) -> None:
        """Closes the files, when an index that is being made is there. The store cannot be used afterwards."""
        self._derived.finish()
        with self._mutex:
            self._connections.close()

    # ---------------------------------------------------------------- writing

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Holds the store's writer lock. May be nested.

        Raises:
            StoreLockedError: If another process holds it.
            StoreError: If the store is closed, or another one is in its place.
        """
        self._connections.check()
        with writer_lock(self.folder, self._connections.lock):
            yield

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        """One write: all of what is done inside, or nothing."""
        with (
            self._mutex,
            naming_errors(self.folder / files.DATABASE),
            self._connections.writer() as connection,
            self.writing(),
            change(connection, self.folder),
        ):
            yield connection

    def write(
        self,
        prepared: Sequence[Prepared],
        vectors: Mapping[bytes, FloatArray],
        files: Sequence[IndexedFile] = (),
    ) -> int:
        """Adds documents in one transaction, replacing those with the same namespaces and ids.

        Args:
            prepared: The documents.
            vectors: For the content key of each chunk, or in a store of a page embedder of each page, its vectors:
                float32 (dimension,) or (n, dimension).
            files: Files that are complete with these; documents that a file no longer holds are removed.

        Returns:
            How many documents were removed because their file no longer holds them.

        Raises:
            InputError: If an id or metadata cannot be stored.
        """
        with self._transaction() as connection:
            for namespace in {entry.namespace for entry in prepared}:
                same = [entry.document.id for entry in prepared if entry.namespace == namespace]
                rows.delete_documents(connection, namespace, same)
            counters = rows.RowCounters(connection)
            for entry in prepared:
                rows.insert_document(connection, counters, entry, vectors, self._dtype, of_pages=self._of_pages)
            return sum(rows.complete_file(connection, file) for file in files)

    def delete(self, document_ids: Sequence[str], namespace: str = "") -> int:
        """Removes documents in one transaction; returns how many there were."""
        with self._transaction() as connection:
            return rows.delete_documents(connection, namespace, document_ids)

    def forget_files(self, files: Sequence[str], namespace: str = "") -> int:
        """Removes files and their documents in one transaction; returns how many documents went."""
        with self._transaction() as connection:
            gone = [document for file in files for document in rows.documents_of_file(connection, namespace, file)]
            connection.executemany(
                "DELETE FROM files WHERE namespace = ? AND id = ?", [(namespace, file) for file in files]
            )
            return rows.delete_documents(connection, namespace, gone)

    def set_tree_path(self, tree: str, path: Path, namespace: str = "") -> None:
        """Records where a tree is indexed from."""
        if self.tree_path(tree, namespace) != path:
            with self._transaction() as connection:
                connection.execute("INSERT OR REPLACE INTO trees VALUES (?, ?, ?)", (namespace, tree, str(path)))

    def save_index(self) -> None:
        """Writes the index file, if it is far behind; a little is caught up with when a store is opened.

        A large one is made in a thread of its own, while the store is used. `close` waits for it.
        """
        with self._mutex, self.writing():
            with self.reading() as snapshot:
                behind, header = self._derived.file_behind(snapshot.connection)
                if not self._derived.is_worth_writing(behind, header):
                    return
                query = "SELECT count(*) FROM gone WHERE generation <= ?"
                (old,) = snapshot.connection.execute(query, (header.generation if header else 0,)).fetchone()
            if header is not None and old > GONE_KEPT:
                with self._transaction() as connection:
                    forget_history(connection, header.generation)
            if self._derived.is_for_later(behind, header):
                self._derived.save_later(self._index_worth_writing)
            else:
                self._derived.save(self.searchable()[0])

    def _index_worth_writing(self) -> VectorIndex | None:
        with self.reading() as snapshot:
            behind = self._derived.file_behind(snapshot.connection)
            return self.searchable()[0] if self._derived.is_worth_writing(*behind) else None

    # ---------------------------------------------------------------- reading

    @contextmanager
    def reading(self) -> Iterator[Snapshot]:
        """Everything this thread reads inside comes from one snapshot of the store. May be nested.

        Nobody who writes waits for it, nor it for them.
        """
        with self._snapshots.reading() as snapshot:
            yield snapshot

    def stats(self) -> Stats:
        """How much the store holds."""
        with self.reading() as snapshot:
            documents, pages, chunks = (
                int(snapshot.connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0])
                for table in ("documents", "pages", "chunks")
            )
            return Stats(documents, pages, chunks, snapshot.generation)

    def digests(self, document_ids: Sequence[str], namespace: str = "") -> dict[str, str]:
        """The digests of those of the documents that the store holds."""
        found: dict[str, str] = {}
        with self.reading() as snapshot:
            for part, places in rows.portions(document_ids):
                query = f"SELECT id, digest FROM documents WHERE namespace = ? AND id IN ({places})"
                found.update(snapshot.connection.execute(query, (namespace, *part)).fetchall())
        return found

    def known_vectors(self, contents: Sequence[bytes]) -> dict[bytes, FloatArray]:
        """Vectors by content key, of those that are anywhere in the store: float32 (n, dimension)."""
        with self.reading() as snapshot:
            return load.vectors_of(snapshot.connection, contents, self._dtype)

    def files_of_tree(self, tree: str, namespace: str = "") -> dict[str, str]:
        """Id and digest of every file indexed from a tree."""
        with self.reading() as snapshot:
            query = "SELECT id, digest FROM files WHERE namespace = ? AND tree = ?"
            found = snapshot.connection.execute(query, (namespace, tree))
            return {text_of("a file", name): text_of("a file", digest) for name, digest in found}

    def count_documents_of_file(self, file: str, namespace: str = "") -> int:
        """How many documents came from a file."""
        with self.reading() as snapshot:
            return len(rows.documents_of_file(snapshot.connection, namespace, file))

    def tree_path(self, tree: str, namespace: str = "") -> Path | None:
        """Where the tree of this name was last indexed from, or None if there is none of this name."""
        with self.reading() as snapshot:
            query = "SELECT path FROM trees WHERE namespace = ? AND name = ?"
            found = snapshot.connection.execute(query, (namespace, tree)).fetchone()
            return Path(text_of("a tree", found[0])) if found else None

    def searchable(self, scope: Scope = UNNAMED) -> tuple[VectorIndex, load.Rows | None]:
        """The vectors of the snapshot that is read, and the documents of a scope as `VectorIndex.search` takes them."""
        with self.reading() as snapshot:
            index = self._derived.at(snapshot.connection, snapshot.generation, snapshot.before)
            return index, self._documents_in(scope, snapshot)

    def nearest_chunks(self, query: FloatArray, count: int, scope: Scope = UNNAMED) -> list[tuple[int, float]]:
        """Rows of the chunks nearest to a vector, float32 (dimension,), with their inner products, best first."""
        index, documents = self.searchable(scope)
        return index.search(query, count, documents)

    def matching_chunks(
        self, question: str, count: int, scope: Scope = UNNAMED, *, also: Sequence[int] = ()
    ) -> list[tuple[int, float]]:
        """Rows of the chunks that share words with a question, with BM25 scores (higher is better), best first.

        Args:
            question: What is asked.
            count: At most this many.
            scope: Where to look.
            also: Rows of chunks that are wanted beyond that, if they share words with it.
        """
        with self.reading() as snapshot:
            documents = self._documents_in(scope, snapshot)
            return WordSearch(snapshot.connection, count, documents, also).matching(question)

    def chunks_holding(
        self, phrase: str, question: str, count: int, scope: Scope = UNNAMED, *, also: Sequence[int] = ()
    ) -> list[int]:
        """Rows of the chunks in which a phrase stands word by word, ascending.

        Args:
            phrase: What has to stand there.
            question: Where more hold the phrase than are wanted, those that share most with this are taken.
            count: At most this many.
            scope: Where to look.
            also: Rows of chunks that are wanted beyond that, if the phrase stands there.
        """
        with self.reading() as snapshot:
            documents = self._documents_in(scope, snapshot)
            return WordSearch(snapshot.connection, count, documents, also).holding(phrase, question)

    def vectors_of_chunks(self, chunk_rows: Sequence[int]) -> dict[int, FloatArray]:
        """The vectors of chunks by row, as they are searched: float32 (dimension,)."""
        with self.reading() as snapshot:
            index = self._derived.at(snapshot.connection, snapshot.generation, snapshot.before)
            return index.vectors_of(np.unique(np.array(chunk_rows, np.int64)))

    def state(self) -> str:
        """A name for what the store holds now; it never has the same name again after a change."""
        with self.reading() as snapshot:
            name = state_of(snapshot.connection, snapshot.generation)
            return name or identity.meta(snapshot.connection, self.folder, "store_id")

    def pages_of_chunks(self, chunk_rows: Sequence[int]) -> dict[int, list[int]]:
        """For each chunk row, the rows of the pages it stands on, in order."""
        with self.reading() as snapshot:
            return {row: load.pages_of_chunk(snapshot.connection, row) for row in chunk_rows}

    def load_page(self, page_row: int) -> Page:
        """The page with this row number.

        Raises:
            StoreDamagedError: If there is none, or it is not what was written.
        """
        with self.reading() as snapshot:
            return load.load_page(snapshot.connection, page_row, self.profile)

    def load_chunk(self, chunk_row: int) -> Chunk:
        """The chunk with this row number.

        Raises:
            StoreDamagedError: If there is none, or it is not what was written.
        """
        with self.reading() as snapshot:
            return load.load_chunk(snapshot.connection, chunk_row)

    def page_row(self, page_id: str, namespace: str = "") -> int | None:
        """The row number of a page, or None if the namespace has no page of this id."""
        with self.reading() as snapshot:
            found = snapshot.connection.execute(
                "SELECT p.row FROM pages p JOIN documents d ON d.row = p.document WHERE p.id = ? AND d.namespace = ?",
                (page_id, namespace),
            ).fetchone()
            return int(found[0]) if found else None

    def documents(self, document_ids: Sequence[str], namespace: str = "") -> dict[str, Document]:
        """Those of the documents that a namespace holds, by id."""
        found: dict[str, int] = {}
        with self.reading() as snapshot:
            for part, places in rows.portions(document_ids):
                query = f"SELECT id, row FROM documents WHERE namespace = ? AND id IN ({places})"
                found.update(snapshot.connection.execute(query, (namespace, *part)).fetchall())
            return {name: load.load_document(snapshot.connection, row).document for name, row in found.items()}

    def document_ids(self, namespace: str = "") -> list[str]:
        """The ids of all documents of a namespace, sorted."""
        with self.reading() as snapshot:
            return load.document_ids(snapshot.connection, namespace)

    def _documents_in(self, scope: Scope, snapshot: Snapshot) -> load.Rows | None:
        """The documents of a scope, or None for all; remembered until the store changes."""
        key = (snapshot.generation, scope)
        with self._scopes_mutex:
            if key in self._scopes:
                return self._scopes[key]
        found = None if scope.holds_all(snapshot.connection) else scope.documents(snapshot.connection)
        with self._scopes_mutex:
            kept = [(other, rows) for other, rows in self._scopes.items() if other[0] >= snapshot.generation]
            self._scopes = dict([*kept[-_SCOPES_KEPT:], (key, found)])
        return found
