"""View: what one caller sees of a store."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING

from glyph_rag.asking import Asking
from glyph_rag.corpus.document import Document
from glyph_rag.embed.embedder import AnyEmbedder, FloatArray
from glyph_rag.errors import InputError
from glyph_rag.limits import Limits
from glyph_rag.read.answer import Answer
from glyph_rag.read.answering import Answering
from glyph_rag.search.access import UNNAMED, Access
from glyph_rag.search.filters import Filter
from glyph_rag.search.hit import Hit
from glyph_rag.search.retriever import Retriever
from glyph_rag.store.store import Store
from glyph_rag.typeset.cache import PageCache
from glyph_rag.typeset.highlight import highlight
from glyph_rag.typeset.page import Page
from glyph_rag.typeset.render import cached_png, page_label

if TYPE_CHECKING:
    from PIL import Image


class View(Asking):
    """Searches, asks and shows pages, all of it within one access. Safe to use from several threads.

    Made by `GlyphRAG.scoped`. It has nothing to write with, and what it makes of itself sees no more than it does.
    """

    def __init__(
        self,
        store: Store,
        embedder: AnyEmbedder,
        answering: Answering,
        limits: Limits,
        cache: PageCache,
        access: Access = UNNAMED,
    ) -> None:
        """Use `GlyphRAG.scoped`."""
        super().__init__(answering, limits)
        self._store, self._embedder, self._cache, self._access = store, embedder, cache, access
        self._retriever = Retriever(store, embedder, limits)

    @property
    def embedder(self) -> AnyEmbedder:
        """What makes its vectors."""
        return self._embedder

    def scoped(self, *, namespace: str | None = None, where: Filter | None = None) -> View:
        """A view of fewer documents. Whoever gets it cannot widen it: not by a filter, a cursor or the id of a page.

        Args:
            namespace: Whose documents. A view that `scoped` has made keeps its own.
            where: A filter (docs/search.md), held against every document besides all filters that came before.

        Raises:
            InputError: If the view is of another namespace, or the filter is wrong.
            LimitError: If the filter is too large.
        """
        access = self._access.narrowed(self.limits, namespace=namespace, where=where)
        return View(self._store, self._embedder, self._answering, self.limits, self._cache, access)

    def search(
        self,
        question: str,
        k: int = 5,
        *,
        where: Filter | None = None,
        min_score: float = 0.0,
        mmr: float | None = None,
        after: str | None = None,
    ) -> list[Hit]:
        """Finds the pages that fit a question best, best first.

        Args:
            question: A question or keywords, in any language. Pages with what it names come first, word by word: what
                stands in quotation marks, and identifiers. Where it is nothing but quotation, they come alone.
            k: At most this many.
            where: A filter on the documents, as `{"team": "north", "year": {"$gte": 2024}}` (docs/search.md).
            min_score: Leave out pages that score less; scores go from 0 to 1.
            mmr: Order by maximal marginal relevance with this lambda: 1 is by score alone, and the nearer to 0, the
                more a page has to be unlike those before it. The score where None.
            after: The `cursor` of a hit of the same search: go on after it.

        Raises:
            InputError: If the question is empty, the filter or a number is wrong, or the cursor belongs to another
                search or the store has changed since.
            LimitError: If the question is too long or `k` too large.
        """
        self.check_question(question)
        self._check_k(k)
        access = self._within(where)
        return self._retriever.search(question, k, access=access, min_score=min_score, mmr=mmr, after=after)

    async def asearch(
        self,
        question: str,
        k: int = 5,
        *,
        where: Filter | None = None,
        min_score: float = 0.0,
        mmr: float | None = None,
        after: str | None = None,
    ) -> list[Hit]:
        """As `search`, in a thread, so that the event loop is not blocked."""
        return await asyncio.to_thread(self.search, question, k, where=where, min_score=min_score, mmr=mmr, after=after)

    def search_by_vector(self, vector: FloatArray, k: int = 5, *, where: Filter | None = None) -> list[Hit]:
        """The pages nearest to a vector that the caller has already, best first; words play no part.

        Args:
            vector: float32 (dimension,), as the store's embedder gives it for a question.
            k: At most this many.
            where: A filter on the documents.

        Raises:
            InputError: If it is no vector of that embedder, or the filter is wrong.
            LimitError: If `k` is too large.
        """
        self._check_k(k)
        return self._retriever.nearest(vector, k, access=self._within(where))

    def documents(self, ids: str | Sequence[str]) -> list[Document]:
        """The documents with these ids, or this one, in this order; those not here, or not to be seen, are left out."""
        ids = [ids] if isinstance(ids, str) else ids
        found = self._store.documents(ids, self._access.scope.namespace or "")
        present = [found[name] for name in dict.fromkeys(ids) if name in found]
        return [document for document in present if self._access.admits_document(document)]

    def page(self, page_id: str) -> Page:
        """The page with this id, as found in a hit or a citation.

        Raises:
            InputError: If there is no such page here, and it was not read lately.
        """
        if (read := self.page_read(page_id)) is not None:
            return read
        with self._store.reading():
            row = self._store.page_row(page_id, self._access.scope.namespace or "")
            page = None if row is None else self._store.load_page(row)
        # One that may not be seen is not told from one that is not there.
        if page is None or not self._access.admits(page):
            raise InputError(
                f"there is no page {page_id!r}", hint="pages change when their document changes; search again"
            )
        return page

    def page_png(self, page_id: str) -> bytes:
        """The page with this id as a PNG file, labelled with its source and lines.

        Raises:
            InputError: If there is no such page here.
        """
        page = self.page(page_id)
        return cached_png(page, page_label(page), self._cache)

    def highlighted(self, answer: Answer) -> dict[str, Image.Image]:
        """The pages that an answer was read from, by id, with the words that it cites marked: RGB Pillow images.

        Raises:
            InputError: If one of them has changed since, or may not be seen here.
        """
        shown = dict.fromkeys(page_id for image in answer.plan.pages for page_id in image.page_ids)
        cited = dict.fromkeys(citation.page_id for citation in answer.citations)
        return {page_id: highlight(self.page(page_id), answer.boxes_on(page_id)) for page_id in {**shown, **cited}}

    def _check_k(self, k: int) -> None:
        if not isinstance(k, int) or k < 1:
            raise InputError(f"k is {k!r}", hint="k is the number of hits wanted, at least 1")
        self.limits.check("k", k, "k")

    def _within(self, where: Filter | None) -> Access:
        return self._access if where is None else self._access.narrowed(self.limits, where=where)
