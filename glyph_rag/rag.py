"""GlyphRAG: the whole way, from files to a checked answer."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self, get_args

from glyph_rag.corpus.document import Document, MetadataValue
from glyph_rag.embed.embedder import AnyEmbedder
from glyph_rag.embed.open import DEFAULT_EMBEDDER, is_bundled, open_embedder, text_embedder
from glyph_rag.errors import InputError, LimitError, StoreMismatchError
from glyph_rag.index import Indexer, IndexReport, Progress
from glyph_rag.limits import Limits
from glyph_rag.read.answering import Answering
from glyph_rag.read.conclude import NOT_FOUND
from glyph_rag.read.open import open_reader
from glyph_rag.read.planning.receipt import ReceiptBook, Receipts
from glyph_rag.read.reader import Reader
from glyph_rag.store.identity import embedder_of
from glyph_rag.store.overview import Overview, overview
from glyph_rag.store.store import Store
from glyph_rag.store.vectors import Precision
from glyph_rag.typeset.cache import PageCache
from glyph_rag.typeset.profile import RenderProfile
from glyph_rag.view import View

__all__ = ["NOT_FOUND", "GlyphRAG"]


class GlyphRAG(View):
    """A store of pages, and everything one asks of it. Safe to use from several threads."""

    @classmethod
    def open(
        cls,
        path: str | Path,
        *,
        embedder: AnyEmbedder | str | None = None,
        reader: Reader | str | None = None,
        profile: RenderProfile | None = None,
        limits: Limits | None = None,
        cache: PageCache | None = None,
        receipts: Receipts | None = None,
        precision: Precision = "float32",
        create: bool = True,
    ) -> Self:
        """Opens the store in a folder, or makes one.

        Args:
            path: The store's folder.
            embedder: An embedder, or its name: "minilm" (the default; English), "e5" (100 languages; needs the
                `multilingual` extra), or the hub id or path of a sentence-transformers model (needs the
                `transformers` extra); "visual:" before that makes a model look at page images (docs/embedders.md). An
                existing store remembers which of the first two it was made with.
            reader: Answers from page images: a reader, or "ocr" (the embedded one, the default), "openai:<model>",
                "openai:<model>@<address>" or "transformers:<hub id or path>".
            profile: How pages are set. A new store keeps it; an existing one refuses another than its own.
            limits: Bounds on what one call may take.
            cache: Where images of pages are kept; in 64 MiB of memory where None. `PageCache(folder=...)` keeps them
                on disk too.
            receipts: What was measured of readers; by default, what `glyph-rag calibrate` left in the store.
            precision: How a new store keeps vectors: "float16" takes half the room.
            create: Make the store if there is none.

        Raises:
            StoreError: If there is no store and `create` is False.
            StoreMismatchError: If the store was made with another embedder or profile.
            StoreDamagedError: If the database cannot be read.
            MissingExtraError: If the embedder or the reader needs an extra that is not installed.
            InputError: If no reader goes by that name, or an argument is none of what it may be.
        """
        folder = Path(path)
        if precision not in get_args(Precision):
            raise InputError(f"there is no precision {precision!r}", hint=f"one of {', '.join(get_args(Precision))}")
        if embedder is None:
            embedder = _remembered_embedder(folder)
        if isinstance(embedder, str):
            embedder = open_embedder(embedder)
        if not hasattr(embedder, "info"):
            raise InputError(f"the embedder is {type(embedder).__name__}", hint="pass an Embedder, or the name of one")
        if not (reader is None or isinstance(reader, str) or hasattr(reader, "read")):
            raise InputError(f"the reader is {type(reader).__name__}", hint="pass a Reader, or the name of one")
        store = Store.open(folder, embedder.info, profile, create=create, precision=precision)
        if reader is None or isinstance(reader, str):
            reader = open_reader(reader or "ocr", text_embedder(embedder))
        pages = cache or PageCache()
        book = _receipts_in(folder / "receipts") if receipts is None else receipts
        return cls(store, embedder, Answering(reader, book, pages), limits or Limits(), pages)

    def __repr__(self) -> str:
        return f"<GlyphRAG in {str(self._store.folder)!r}>"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Closes the store. What was added is already safe on disk."""
        self._store.close()

    def add(
        self, documents: Document | Iterable[Document], *, namespace: str = "", progress: Progress | None = None
    ) -> IndexReport:
        """Adds documents, replacing those with the same ids. Words that the store already holds are not embedded again.

        Args:
            documents: One document, or several; they are read one after the other, so a generator is fine.
            namespace: Whose they are. Questions are asked of one namespace: `rag.scoped(namespace=...)`, or that of
                documents without one.
            progress: Called after each document.

        Raises:
            StoreLockedError: If another process is writing.
            LimitError: If a document is too long. The documents before it stay.
        """
        documents = [documents] if isinstance(documents, Document) else documents
        return Indexer(self._store, self._embedder, self.limits, namespace).add(documents, progress)

    def add_path(
        self,
        path: str | Path,
        *,
        sync: bool = False,
        exclude: str | Sequence[str] = (),
        namespace: str = "",
        metadata: Mapping[str, MetadataValue] | None = None,
        progress: Progress | None = None,
    ) -> IndexReport:
        """Adds a file or a tree of files. Files that have not changed since they were last added are left alone.

        Args:
            path: The file or folder.
            sync: Remove documents whose file is no longer in the folder.
            exclude: Patterns of names or paths below the folder to pass over, such as "*.log"; one or several.
            namespace: As for `add`.
            metadata: Values that every document gets besides its own, to filter by: `{"team": "hr"}`. They replace
                values of the same name that a file gives itself.
            progress: Called after each file.

        Returns:
            What was done, and which files were skipped for what reason.

        Raises:
            LoadError: If there is nothing at `path`.
            InputError: If another folder of the same name is in the store, or metadata is not of a type it may have.
            StoreLockedError: If another process is writing.
        """
        exclude = [exclude] if isinstance(exclude, str) else exclude
        indexer = Indexer(self._store, self._embedder, self.limits, namespace)
        return indexer.add_path(Path(path), sync=sync, exclude=exclude, metadata=metadata, progress=progress)

    def delete(self, document_ids: str | Iterable[str], *, namespace: str = "") -> int:
        """Removes documents of a namespace, by one id or several; returns how many there were.

        Those that come from a file are back when the file is added again.
        """
        removed = self._store.delete([document_ids] if isinstance(document_ids, str) else list(document_ids), namespace)
        self._store.save_index()
        return removed

    def document_ids(self, *, namespace: str = "") -> list[str]:
        """The ids of all documents of a namespace, sorted."""
        return self._store.document_ids(namespace)

    def stats(self) -> Overview:
        """How much the store holds, by namespace too; how large it is; how it is searched, with the measured recall."""
        return overview(self._store.folder)


def _remembered_embedder(folder: Path) -> str:
    name = embedder_of(folder)
    if name is None:
        return DEFAULT_EMBEDDER
    if not is_bundled(name):
        raise StoreMismatchError(
            f"the store in {str(folder)!r} was made with the embedder {name!r}",
            hint="name it: embedder=..., or --embedder on the command line",
        )
    return name


def _receipts_in(folder: Path) -> ReceiptBook:
    """The receipts of a store. Without them plans are careful, so a damaged one is no reason not to open it."""
    try:
        return ReceiptBook.load(folder)
    except (InputError, LimitError) as error:
        warnings.warn(f"plans go by no receipt: {error}", stacklevel=3)
        return ReceiptBook()
