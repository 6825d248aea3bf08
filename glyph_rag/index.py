"""The way in: documents and files are split, typeset, embedded and stored, in batches that are safe to interrupt."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Sized
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import TypeAlias, TypeVar

import numpy as np

from glyph_rag.corpus.document import Document, MetadataValue
from glyph_rag.corpus.files import SourceFile, count_files, parse, read_path
from glyph_rag.corpus.source import Skipped
from glyph_rag.corpus.split import SPLIT_VERSION, split
from glyph_rag.embed.embedder import AnyEmbedder, Embedder, FloatArray, PageEmbedder
from glyph_rag.embed.language import knows
from glyph_rag.errors import EmbedderError, InputError
from glyph_rag.limits import Limits
from glyph_rag.store.exchange import read_lines
from glyph_rag.store.rows import IndexedFile, Prepared, check_names, content_key, page_content_key
from glyph_rag.store.store import Store
from glyph_rag.typeset.page import Page, make_pages

Progress: TypeAlias = Callable[[int, int], None]
"""Called with how much is done and how much there is (0 if unknown). An exception it raises stops the work; the
batches written so far stay."""

_Item = TypeVar("_Item")

_HINT = "add([Document(id, text)]), or add_path(folder)"

_BATCH_CHUNKS = 128

_BATCH_PAGES = 16
"""Pages that are drawn and embedded at a time, and about so many that are written in one transaction."""


@dataclass(frozen=True)
class IndexReport:
    """What adding documents did.

    Attributes:
        added: New documents.
        updated: Documents that replaced one with the same id.
        unchanged: Documents that were there already, word for word.
        removed: Documents that are no longer in their file, or whose file is gone (only with `sync`).
        embedded: Chunks that had to be embedded; others had the same words as one that was there. With a page
            embedder, pages; others look the same.
        skipped: What could not be indexed, and why.
        foreign: Of the new and updated documents, those in a language that the embedder does not know, as far as can be
            guessed. They are found by their words, not by their meaning.
    """

    added: int = 0
    updated: int = 0
    unchanged: int = 0
    removed: int = 0
    embedded: int = 0
    skipped: tuple[Skipped, ...] = ()
    foreign: int = 0


@dataclass
class _Tally:
    """An `IndexReport` while it is being counted."""

    added: int = 0
    updated: int = 0
    unchanged: int = 0
    removed: int = 0
    embedded: int = 0
    skipped: list[Skipped] = field(default_factory=list)
    foreign: int = 0

    def report(self) -> IndexReport:
        return IndexReport(
            self.added, self.updated, self.unchanged, self.removed, self.embedded, tuple(self.skipped), self.foreign
        )


class Indexer:
    """Adds to one store. Everything added between two batches is either there completely or not at all."""

    def __init__(self, store: Store, embedder: AnyEmbedder, limits: Limits, namespace: str = "") -> None:
        """
        Args:
            store: What to add to.
            embedder: Makes the vectors.
            limits: Bounds on what is taken.
            namespace: Whose the documents are, unless they come from an export, which says so itself.
        """
        if not isinstance(namespace, str):
            raise InputError(f"the namespace is {type(namespace).__name__}", hint="pass a str; '' is the unnamed one")
        limits.check("id_chars", len(namespace), f"namespace {namespace[:40]!r}")
        self._store, self._embedder, self._limits, self._namespace = store, embedder, limits, namespace
        self._tally = _Tally()
        self._waiting: dict[tuple[str, str], Prepared] = {}
        self._finished: list[IndexedFile] = []
        self._given: dict[bytes, FloatArray] = {}

    def add(self, documents: Iterable[Document], progress: Progress | None = None) -> IndexReport:
        """Adds documents, replacing those with the same ids; see `GlyphRAG.add`."""
        total = len(documents) if isinstance(documents, Sized) else 0
        with self._store.writing():
            for done, document in enumerate(documents, 1):
                if not isinstance(document, Document):
                    raise InputError(f"{type(document).__name__} {str(document)[:40]!r} is no Document", hint=_HINT)
                self._take(document, None, self._namespace)
                if progress:
                    progress(done, total)
            self._flush()
            self._store.save_index()
        return self._tally.report()

    def add_exported(self, lines: Iterable[str], progress: Progress | None = None) -> IndexReport:
        """Adds what `store.exchange.export_lines` made, into the namespaces it names.

        Vectors that come along are used if they are of the same embedder; everything else is made anew. What the store
        has already is passed over, so an import that was interrupted goes on where it stopped.

        Args:
            lines: The export, line by line.
            progress: Called after each document.

        Raises:
            InputError: If it is no export or is cut off. The documents before that place stay.
            StoreLockedError: If another process is writing.
        """
        with self._store.writing():
            for entry in read_lines(lines, self._embedder.info):
                self._limits.check("id_chars", len(entry.namespace), f"namespace {entry.namespace[:40]!r}")
                self._given.update(entry.vectors)
                self._take(entry.document, None, entry.namespace)
                if (entry.namespace, entry.document.id) not in self._waiting:
                    # Written by now, or there already: an import that goes on must not gather what it passes over.
                    for key in entry.vectors:
                        self._given.pop(key, None)
                if progress:
                    progress(entry.number, entry.total)
            self._flush()
            self._store.save_index()
        return self._tally.report()

    def add_path(
        self,
        root: Path,
        *,
        sync: bool = False,
        exclude: Sequence[str] = (),
        metadata: Mapping[str, MetadataValue] | None = None,
        progress: Progress | None = None,
    ) -> IndexReport:
        """Adds a tree of files; see `GlyphRAG.add_path`."""
        total = count_files(root, exclude=exclude)
        with self._store.writing():
            tree = self._adopt(root)
            known = self._store.files_of_tree(tree, self._namespace)
            seen: set[str] = set()
            for done, item in enumerate(read_path(root, limits=self._limits, exclude=exclude), 1):
                if isinstance(item, Skipped):
                    self._tally.skipped.append(item)
                else:
                    seen.add(item.id)
                    self._take_file(item, tree, known.get(item.id), metadata or {})
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
        before = self._store.tree_path(folder.name, self._namespace)
        if before is not None and before != folder and before.is_dir():
            raise InputError(
                f"the store already holds another folder called {folder.name!r}: {before}",
                hint="rename one of them, or use a store for each",
            )
        self._store.set_tree_path(folder.name, folder, self._namespace)
        return folder.name

    def _take_file(
        self, file: SourceFile, tree: str, known_state: str | None, metadata: Mapping[str, MetadataValue]
    ) -> None:
        present = self._store.count_documents_of_file(file.id, self._namespace)
        if known_state == _state(file, metadata, present):
            self._tally.unchanged += present
            return
        ids, complete = [], True
        for item in parse(file, limits=self._limits):
            if isinstance(item, Skipped):
                self._tally.skipped.append(item)
                complete = False
            else:
                ids.append(item.id)
                document = replace(item, metadata={**item.metadata, **metadata}) if metadata else item
                self._take(document, file.id, self._namespace)
        if complete:
            state = _state(file, metadata, len(ids))
            self._finished.append(IndexedFile(file.id, tree, state, tuple(ids), self._namespace))

    def _take(self, document: Document, file: str | None, namespace: str) -> None:
        check_names(namespace, document)
        self._check(document)
        if (namespace, document.id) in self._waiting:
            self._flush()
        digest = f"{document.digest}:{SPLIT_VERSION}"
        before = self._store.digests([document.id], namespace).get(document.id)
        if before == digest:
            self._tally.unchanged += 1
            return
        chunks = split(document)
        pages = list(make_pages(document, chunks, self._store.profile))
        self._waiting[namespace, document.id] = Prepared(document, digest, chunks, pages, file, namespace)
        self._tally.added += before is None
        self._tally.updated += before is not None
        self._tally.foreign += not knows(self._embedder.info.languages, document.text)
        if self._is_batch():
            self._flush()

    def _is_batch(self) -> bool:
        if isinstance(self._embedder, PageEmbedder):
            return sum(len(waiting.pages) for waiting in self._waiting.values()) >= _BATCH_PAGES
        return sum(len(waiting.chunks) for waiting in self._waiting.values()) >= _BATCH_CHUNKS

    def _check(self, document: Document) -> None:
        self._limits.check("id_chars", len(document.id), f"id of document {document.id[:40]!r}")
        self._limits.check("id_chars", len(document.source), f"source of document {document.id!r}")
        self._limits.check("document_chars", len(document.text), f"text of document {document.id!r}")
        self._limits.check("metadata_keys", len(document.metadata), f"metadata keys of document {document.id!r}")
        keys = sum(map(len, document.metadata))
        strings = sum(len(value) for value in document.metadata.values() if isinstance(value, str))
        self._limits.check("metadata_chars", keys + strings, f"metadata of document {document.id!r}")
        labels = sum(len(mark.label) for mark in document.marks)
        self._limits.check("document_chars", labels, f"labels of the marks of document {document.id!r}")

    def _flush(self) -> None:
        """Writes what is waiting, in one transaction."""
        if self._waiting or self._finished:
            prepared = list(self._waiting.values())
            vectors = self._vectors(prepared)
            self._tally.removed += self._store.write(prepared, vectors, self._finished)
        self._waiting, self._finished, self._given = {}, [], {}

    def _vectors(self, prepared: Sequence[Prepared]) -> dict[bytes, FloatArray]:
        """The vectors of every chunk, or with a page embedder of every page, by content key."""
        if isinstance(self._embedder, PageEmbedder):
            pages = {page_content_key(page): page for waiting in prepared for page, _ in waiting.pages}
            return self._completed(pages, partial(_embed_pages, self._embedder))
        texts = {content_key(chunk): chunk.indexed_text for waiting in prepared for chunk in waiting.chunks}
        return self._completed(texts, partial(_embed_texts, self._embedder))

    def _completed(
        self, wanted: Mapping[bytes, _Item], embed: Callable[[Sequence[_Item]], Iterable[FloatArray]]
    ) -> dict[bytes, FloatArray]:
        """The vectors of all that is wanted; what the store already knows is not embedded again."""
        vectors = {**self._given, **self._store.known_vectors(list(wanted))}
        missing = {key: item for key, item in wanted.items() if key not in vectors}
        if missing:
            vectors.update(zip(missing, embed(list(missing.values())), strict=True))
            self._tally.embedded += len(missing)
        return vectors

    def _forget(self, files: Sequence[str]) -> None:
        kept = [file for file in files if any(skipped.covers(file) for skipped in self._tally.skipped)]
        gone = [file for file in files if file not in kept]
        if gone:
            self._tally.removed += self._store.forget_files(gone, self._namespace)


def _state(file: SourceFile, metadata: Mapping[str, MetadataValue], documents: int) -> str:
    """What a file has to be for nothing to be done: its bytes, what was added to its metadata, and its documents.

    How many documents there are tells whether one of them was deleted or replaced since.
    """
    added = hashlib.sha256(json.dumps(dict(metadata), sort_keys=True).encode()).hexdigest() if metadata else ""
    return f"{file.digest}:{SPLIT_VERSION}:{documents}:{added}"


def _embed_texts(embedder: Embedder, texts: Sequence[str]) -> FloatArray:
    vectors, info = embedder.embed_documents(texts), embedder.info
    if vectors.shape != (len(texts), info.dimension) or not np.isfinite(vectors).all():
        raise EmbedderError(
            f"{info.name} returned {vectors.dtype} {vectors.shape} for {len(texts)} texts",
            hint=f"an embedder returns finite float32 ({len(texts)}, {info.dimension})",
        )
    return vectors


def _embed_pages(embedder: PageEmbedder, pages: Sequence[Page]) -> Iterator[FloatArray]:
    """Draws and embeds pages, a few at a time: a long document has more than fit into memory."""
    info = embedder.info
    for at in range(0, len(pages), _BATCH_PAGES):
        # Without a label: that is another wherever the page is shown.
        images = [page.image() for page in pages[at : at + _BATCH_PAGES]]
        for vectors in (found := embedder.embed_pages(images)):
            count = len(vectors) if vectors.ndim == 2 and vectors.shape[1] == info.dimension else 0
            if not 1 <= count <= info.vectors_per_page or not np.isfinite(vectors).all():
                raise EmbedderError(
                    f"{info.name} returned {vectors.dtype} {vectors.shape} for a page",
                    hint=f"a page gets 1 to {info.vectors_per_page} finite float32 vectors of {info.dimension}",
                )
        if len(found) != len(images):
            raise EmbedderError(f"{info.name} returned vectors of {len(found)} pages for {len(images)}")
        yield from found
