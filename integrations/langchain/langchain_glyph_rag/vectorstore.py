"""GlyphVectorStore: the page store as a VectorStore of LangChain."""

from __future__ import annotations

import tempfile
import uuid
import weakref
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from glyph_rag.embed.embedder import AnyEmbedder
from glyph_rag.errors import InputError
from glyph_rag.rag import GlyphRAG
from langchain_core.documents import Document
from langchain_core.embeddings import Embeddings

from langchain_glyph_rag.embeddings import embedder_of
from langchain_glyph_rag.records import to_document, to_source
from langchain_glyph_rag.vectorsearch import StoreSearch


class GlyphVectorStore(StoreSearch):
    """Documents in a store of glyph-rag, found by meaning and by words, and given back as they were added.

    A document longer than a page is found by its best page. Scores go from 0 to 1, 1 is best, and compare within one
    question; relevance scores, and so thresholds, are cosines and compare between questions. An argument that a method
    does not know is an error, where the methods of `VectorStore` swallow it. `filter` is as in docs/search.md.
    """

    def __init__(self, rag: GlyphRAG, *, namespace: str = "", embedding: Embeddings | None = None) -> None:
        """
        Args:
            rag: The store.
            namespace: Whose the documents are.
            embedding: What `embeddings` says that the store was made with.
        """
        super().__init__(rag.scoped(namespace=namespace) if namespace else rag)
        self._rag, self._namespace, self._embedding = rag, namespace, embedding

    @classmethod
    def open(
        cls, path: str | Path, embedding: Embeddings | AnyEmbedder | str | None = None, *, namespace: str = ""
    ) -> GlyphVectorStore:
        """The store in a folder, which is made if there is none.

        Args:
            path: The folder.
            embedding: Embeddings of LangChain, or an embedder or its name as in `GlyphRAG.open`.
            namespace: Whose the documents are.

        Raises:
            GlyphRAGError: What `GlyphRAG.open` raises.
        """
        embedder = embedder_of(embedding)
        shown = embedding if isinstance(embedding, Embeddings) else None
        return cls(GlyphRAG.open(path, embedder=embedder), namespace=namespace, embedding=shown)

    @classmethod
    def from_texts(
        cls,
        texts: list[str],
        embedding: Embeddings | AnyEmbedder | str | None,
        metadatas: Sequence[Mapping[str, object]] | None = None,
        *,
        ids: list[str] | None = None,
        path: str | Path | None = None,
        namespace: str = "",
    ) -> GlyphVectorStore:
        """A store with some texts, in the folder `path`, or a temporary one that goes with its `rag`.

        `embedding` and `namespace` are as for `open`; there is one of `metadatas` and of `ids` for each text.
        """
        folder = tempfile.TemporaryDirectory(prefix="glyph-rag-") if path is None else None
        store = cls.open(path or Path(folder.name if folder else ""), embedding, namespace=namespace)
        if folder is not None:
            weakref.finalize(store.rag, folder.cleanup)
        store.add_texts(texts, metadatas, ids=ids)
        return store

    @property
    def rag(self) -> GlyphRAG:
        """The store itself, for `GlyphRetriever` and `GlyphRAGChain`."""
        return self._rag

    @property
    def embeddings(self) -> Embeddings | None:
        """What it was opened with, if that were embeddings of LangChain."""
        return self._embedding

    def add_texts(
        self,
        texts: Iterable[str],
        metadatas: Sequence[Mapping[str, object]] | None = None,
        *,
        ids: Sequence[str | None] | None = None,
    ) -> list[str]:
        """Adds texts as documents, as `add_documents` does; there is one of `metadatas` for each.

        Raises:
            InputError: There are not as many ids or metadatas as texts, or metadata that JSON cannot hold.
        """
        # The base class loses texts that can be gone through only once.
        texts = list(texts)
        if metadatas is not None and len(metadatas) != len(texts):
            raise InputError(f"{len(metadatas)} metadatas for {len(texts)} texts", hint="one for each")
        known = metadatas or [{}] * len(texts)
        documents = [Document(page_content=text, metadata=dict(each)) for text, each in zip(texts, known, strict=True)]
        return self.add_documents(documents, ids=ids)

    def add_documents(
        self, documents: list[Document], *, ids: Sequence[str | None] | None = None, batch_size: int | None = None
    ) -> list[str]:
        """Adds documents, replacing those with the same ids, and gives their ids.

        Args:
            documents: The documents.
            ids: Their ids; their own where None, and new ones where they have none.
            batch_size: What `langchain_core.indexing.index` passes on; the store has batches of its own.

        Raises:
            InputError: There are not as many ids as documents, or metadata that JSON cannot hold.
        """
        if ids is not None and len(ids) != len(documents):
            raise InputError(f"{len(ids)} ids for {len(documents)} documents", hint="one for each")
        given = [document.id for document in documents] if ids is None else ids
        named = [name or uuid.uuid4().hex for name in given]
        sources = [to_source(document, name) for document, name in zip(documents, named, strict=True)]
        self._rag.add(sources, namespace=self._namespace)
        return named

    def delete(self, ids: list[str] | None = None) -> bool:
        """Removes documents, or all of them where None. Those that are not there are passed over."""
        names = self._rag.document_ids(namespace=self._namespace) if ids is None else ids
        self._rag.delete(names, namespace=self._namespace)
        return True

    def get_by_ids(self, ids: Sequence[str], /) -> list[Document]:
        """The documents with these ids, in this order; those that are not there are left out."""
        return [to_document(source) for source in self._view.documents(list(ids))]
