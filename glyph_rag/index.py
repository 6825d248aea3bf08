"""The way in: documents and files are split, typeset, embedded and stored, in batches that are safe to interrupt."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence, Sized
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeAlias

import numpy as np

from glyph_rag.corpus.document import Chunk, Document
from glyph_rag.corpus.files import SourceFile, count_files, parse, read_path
from glyph_rag.corpus.source import Skipped
from glyph_rag.corpus.split import SPLIT_VERSION, split
from glyph_rag.embed.embedder import Embedder, FloatArray
from glyph_rag.errors import EmbedderError, InputError
from glyph_rag.limits import Limits
from glyph_rag.store.rows import content_key
from glyph_rag.store.store import IndexedFile, Prepared, Store
from glyph_rag.typeset.page import make_pages

Progress: TypeAlias = Callable[[int, int], None]
"""Called with how much is done and how much there is (0 if unknown). An exception it raises stops the work; the
batches written so far stay."""

_BATCH_CHUNKS = 128


@dataclass(frozen=True)
class IndexReport:
    """What adding documents did.

    Attributes:
        added: New documents.
        updated: Documents that replaced one with the same id.
        unchanged: Documents that were there already, word for word.
        removed: Documents that are no longer in their file, or whose file is gone (only with `sync`).
        embedded: Chunks that had to be embedded; others had the same words as one that was there.
        skipped: What could not be indexed, and why.
    """

    added: int = 0
    updated: int = 0
    unchanged: int = 0
    removed: int = 0
    embedded: int = 0
    skipped: tuple[Skipped, ...] = ()


@dataclass
class _Tally:
    """An `IndexReport` while it is being counted."""

    added: int = 0
    updated: int = 0
    unchanged: int = 0
    removed: int = 0
    embedded: int = 0
    skipped: list[Skipped] = field(default_factory=list)

    def report(self) -> IndexReport:
        return IndexReport(self.added, self.updated, self.unchanged, self.removed, self.embedded, tuple(self.skipped))


class Indexer:
    """Adds to one store. Everything added between two batches is either there completely or not at all."""

    def __init__(self, store: Store, embedder: Embedder, limits: Limits) -> None:
        self._store, self._embedder, self._limits = store, embedder, limits
        self._tally = _Tally()
        self._waiting: dict[str, Prepared] = {}
        self._finished: list[IndexedFile] = []

    def add(self, documents: Iterable[Document], progress: Progress | None = None) -> IndexReport:
        """Adds documents, replacing those with the same ids; see `GlyphRAG.add`."""
        total = len(documents) if isinstance(documents, Sized) else 0
        with self._store.writing():
            for done, document in enumerate(documents, 1):
                self._take(document, None)
                if progress:
                    progress(done, total)
            self._flush()
            self._store.save_index()
        return self._tally.report()

    def add_path(
        self, root: Path, *, sync: bool = False, exclude: Sequence[str] = (), progress: Progress | None = None
    ) -> IndexReport:
        """Adds a tree of files; see `GlyphRAG.add_path`."""
        total = count_files(root, exclude=exclude)
        with self._store.writing():
            tree = self._adopt(root)
            known = self._store.files_of_tree(tree)
            seen: set[str] = set()
            for done, item in enumerate(read_path(root, limits=self._limits, exclude=exclude), 1):
                if isinstance(item, Skipped):
                    self._tally.skipped.append(item)
                else:
                    seen.add(item.id)
                    self._take_file(item, tree, known.get(item.id))
                if progress:
                    progress(done, total)
            self._flush()
            if sync and root.is_dir():
                self._forget([file for file in known if file not in seen])
            self._store.save_index()
        return self._tally.report()

    def _adopt(self, root: Path) -> str:
        """The name of the tree, having made sure that no other tree goes by it."""
        folder = (root if root.is_dir() else root.parent).resolve()
        before = self._store.tree_path(folder.name)
        if before is not None and before != folder and before.is_dir():
            raise InputError(
                f"the store already holds another folder called {folder.name!r}: {before}",
                hint="rename one of them, or use a store for each",
            )
        self._store.set_tree_path(folder.name, folder)
        return folder.name

    def _take_file(self, file: SourceFile, tree: str, known_digest: str | None) -> None:
        digest = f"{file.digest}:{SPLIT_VERSION}"
        if digest == known_digest:
            self._tally.unchanged += self._store.count_documents_of_file(file.id)
            return
        ids, complete = [], True
        for item in parse(file, limits=self._limits):
            if isinstance(item, Skipped):
                self._tally.skipped.append(item)
                complete = False
            else:
                ids.append(item.id)
                self._take(item, file.id)
        if complete:
            self._finished.append(IndexedFile(file.id, tree, digest, tuple(ids)))

    def _take(self, document: Document, file: str | None) -> None:
        self._limits.check("document_chars", len(document.text), f"text of document {document.id!r}")
        if document.id in self._waiting:
            self._flush()
        digest = f"{document.digest}:{SPLIT_VERSION}"
        before = self._store.digests([document.id]).get(document.id)
        if before == digest:
            self._tally.unchanged += 1
            return
        chunks = split(document)
        pages = list(make_pages(document, chunks, self._store.profile))
        self._waiting[document.id] = Prepared(document, digest, chunks, pages, file)
        self._tally.added += before is None
        self._tally.updated += before is not None
        if sum(len(waiting.chunks) for waiting in self._waiting.values()) >= _BATCH_CHUNKS:
            self._flush()

    def _flush(self) -> None:
        """Writes what is waiting, in one transaction."""
        if self._waiting or self._finished:
            prepared = list(self._waiting.values())
            vectors = self._vectors([chunk for waiting in prepared for chunk in waiting.chunks])
            self._tally.removed += self._store.write(prepared, vectors, self._finished)
        self._waiting, self._finished = {}, []

    def _vectors(self, chunks: Sequence[Chunk]) -> dict[bytes, FloatArray]:
        """The vector of every chunk by its content key; what the store already knows is not embedded again."""
        vectors = self._store.known_vectors(chunks)
        missing = {content_key(chunk): chunk.indexed_text for chunk in chunks}
        missing = {key: text for key, text in missing.items() if key not in vectors}
        if missing:
            vectors.update(zip(missing, self._embed(list(missing.values())), strict=True))
            self._tally.embedded += len(missing)
        return vectors

    def _embed(self, texts: Sequence[str]) -> FloatArray:
        vectors, info = self._embedder.embed_documents(texts), self._embedder.info
        if vectors.shape != (len(texts), info.dimension) or not np.isfinite(vectors).all():
            raise EmbedderError(
                f"{info.name} returned {vectors.dtype} {vectors.shape} for {len(texts)} texts",
                hint=f"an embedder returns finite float32 ({len(texts)}, {info.dimension})",
            )
        return vectors

    def _forget(self, files: Sequence[str]) -> None:
        kept = [file for file in files if any(skipped.covers(file) for skipped in self._tally.skipped)]
        gone = [file for file in files if file not in kept]
        if gone:
            self._tally.removed += self._store.forget_files(gone)
