"""The way out: a question, all that may be wished of its answer, and the answer."""

from __future__ import annotations

import asyncio
import threading
import time
from abc import ABC, abstractmethod
from collections import OrderedDict
from collections.abc import Iterable, Sequence
from pathlib import Path

from glyph_rag.corpus.document import Document
from glyph_rag.corpus.split import split
from glyph_rag.errors import InputError
from glyph_rag.limits import Limits
from glyph_rag.read.answer import Answer
from glyph_rag.read.answering import Answering
from glyph_rag.read.chat import Chat
from glyph_rag.read.job import Wishes
from glyph_rag.read.plan import Mode, ReadingPlan, Turn
from glyph_rag.read.planning.material import Material, PlanSettings
from glyph_rag.read.question.followup import standalone
from glyph_rag.read.streaming import AnswerStream, AsyncAnswerStream
from glyph_rag.read.structured import Form
from glyph_rag.read.whole import Progress, read_whole
from glyph_rag.search.filters import Filter
from glyph_rag.search.hit import Hit
from glyph_rag.typeset.page import Page, make_pages
from glyph_rag.typeset.profile import RenderProfile

_PAGES_READ = 2_000
"""Pages of whole documents that are remembered, so that their citations can be looked up."""


class Asking(ABC):
    """The questions one can ask of anything that can be searched. Safe to use from several threads."""

    def __init__(self, answering: Answering, limits: Limits) -> None:
        """
        Args:
            answering: Plans, reads and checks.
            limits: Bounds on what one call may take.
        """
        self.limits = limits
        self._answering = answering
        self._pages_read: OrderedDict[str, Page] = OrderedDict()
        self._lock = threading.Lock()

    @abstractmethod
    def search(self, question: str, k: int = 5, *, where: Filter | None = None) -> list[Hit]:
        """The pages that fit a question best, best first."""

    def ask(
        self,
        question: str,
        k: int = 3,
        *,
        mode: Mode = "image",
        density: str | RenderProfile | None = None,
        budget: int | None = None,
        strict: bool = False,
        cross_check: bool = False,
        schema: type[Form] | None = None,
        history: Sequence[Turn] = (),
        where: Filter | None = None,
        hits: Sequence[Hit] | None = None,
    ) -> Answer:
        """Finds the best pages, lets the reader look at them, and checks what it says against the source.

        Args:
            question: The question.
            k: How many pages the reader is shown at most.
            mode: Show pages as images, as text, or ("auto") as whatever costs least of what the reader was measured
                to read.
            density: How pages are set: "careful", "balanced", "dense" or a profile; as in the store where None.
            budget: Tokens that the prompt may have.
            strict: Leave out every sentence that the source does not support.
            cross_check: Ask again through the other channel, text or images, and say whether both agree.
            schema: A pydantic model to fill in; the answer's `data` is an instance of it, each value checked.
            history: The conversation so far, oldest first; a question that goes on from it is understood so.
            where: A filter on the documents, as `{"team": "north", "year": {"$gte": 2024}}` (docs/search.md).
            hits: What `search` has found: answer from these, whatever `k` and `where` say, and search no more.

        Raises:
            InputError: If the question is empty, `k` is less than 1, or the budget has no room for any passage.
            ReaderError: If the pages cannot be read at all, or the reader cannot fill in a form.
        """
        material, spent = self._find(question, k, history, where, hits)
        wishes = Wishes(PlanSettings(mode, density, budget), strict, False, cross_check, schema)
        return self._answering.answer(material, wishes, spent)

    async def aask(
        self,
        question: str,
        k: int = 3,
        *,
        mode: Mode = "image",
        density: str | RenderProfile | None = None,
        budget: int | None = None,
        strict: bool = False,
        cross_check: bool = False,
        schema: type[Form] | None = None,
        history: Sequence[Turn] = (),
        where: Filter | None = None,
        hits: Sequence[Hit] | None = None,
    ) -> Answer:
        """As `ask`, without blocking the event loop."""
        material, spent = await asyncio.to_thread(self._find, question, k, history, where, hits)
        wishes = Wishes(PlanSettings(mode, density, budget), strict, False, cross_check, schema)
        return await self._answering.aanswer(material, wishes, spent)

    def stream(
        self,
        question: str,
        k: int = 3,
        *,
        mode: Mode = "image",
        density: str | RenderProfile | None = None,
        budget: int | None = None,
        strict: bool = False,
        history: Sequence[Turn] = (),
        where: Filter | None = None,
        hits: Sequence[Hit] | None = None,
    ) -> AnswerStream:
        """As `ask`, giving the reader's words as they come; the checked answer is the stream's `answer`.

        With `strict`, words come only when they have been checked.
        """
        material, spent = self._find(question, k, history, where, hits)
        return self._answering.stream(material, Wishes(PlanSettings(mode, density, budget), strict), spent)

    async def astream(
        self,
        question: str,
        k: int = 3,
        *,
        mode: Mode = "image",
        density: str | RenderProfile | None = None,
        budget: int | None = None,
        strict: bool = False,
        history: Sequence[Turn] = (),
        where: Filter | None = None,
        hits: Sequence[Hit] | None = None,
    ) -> AsyncAnswerStream:
        """As `stream`, without blocking the event loop: `async for words in await rag.astream(...)`."""
        material, spent = await asyncio.to_thread(self._find, question, k, history, where, hits)
        return self._answering.astream(material, Wishes(PlanSettings(mode, density, budget), strict), spent)

    def plan(
        self,
        question: str,
        k: int = 3,
        *,
        mode: Mode = "image",
        density: str | RenderProfile | None = None,
        budget: int | None = None,
        history: Sequence[Turn] = (),
        where: Filter | None = None,
    ) -> ReadingPlan:
        """What `ask` would show the reader, and what that would cost; print it. Nothing is read.

        Raises:
            InputError: As `ask`.
        """
        material, _ = self._find(question, k, history, where)
        return self._answering.plan(material, PlanSettings(mode, density, budget))[0]

    def read(
        self,
        document: Document | str,
        question: str,
        *,
        mode: Mode = "image",
        density: str | RenderProfile | None = None,
        budget: int | None = None,
        strict: bool = False,
        progress: Progress | None = None,
    ) -> Answer:
        """Answers a question about one document, all of which the reader is shown. It need not be in the store.

        Args:
            document: The document, or its text.
            question: The question, which may be a task: "Summarise the third section."
            mode: As for `ask`.
            density: As for `ask`; "careful" where None.
            budget: Tokens that one prompt may have. A document that takes more is read in parts.
            strict: As for `ask`. Without it, sentences in words of their own are marked and not left out.
            progress: Called after each part.

        Raises:
            InputError: If the question or the document is empty, or the budget has no room for a page.
            LimitError: If the document is too long.
            ReaderError: If the pages cannot be read at all.
        """
        self.check_question(question)
        if isinstance(document, str):
            document = Document("document", document)
        if not isinstance(document, Document):
            raise InputError(f"the document is {type(document).__name__}", hint="pass a Document, or its text")
        self.limits.check("document_chars", len(document.text), f"text of document {document.id!r}")
        profile = density if isinstance(density, RenderProfile) else RenderProfile.preset(density or "careful")
        hits = [Hit(1.0, page, tuple(chunks)) for page, chunks in make_pages(document, split(document), profile)]
        if not hits:
            raise InputError(f"the document {document.id!r} has no words", hint="give it a text")
        self._remember(hit.page for hit in hits)
        wishes = Wishes(PlanSettings(mode, profile, budget, focus=False), strict, free=True)
        return read_whole(self._answering, question, hits, wishes, progress)

    async def aread(
        self,
        document: Document | str,
        question: str,
        *,
        mode: Mode = "image",
        density: str | RenderProfile | None = None,
        budget: int | None = None,
        strict: bool = False,
        progress: Progress | None = None,
    ) -> Answer:
        """As `read`, in a thread, so that the event loop is not blocked."""
        return await asyncio.to_thread(
            self.read, document, question, mode=mode, density=density, budget=budget, strict=strict, progress=progress
        )

    def chat(
        self,
        session: str | Path | None = None,
        *,
        k: int = 3,
        mode: Mode = "image",
        density: str | RenderProfile | None = None,
        budget: int | None = None,
        strict: bool = False,
        where: Filter | None = None,
    ) -> Chat:
        """Begins a conversation, or goes on with one that `Chat.save` wrote.

        Args:
            session: The file of a conversation to go on with.
            k: Pages for each question at most.
            mode: As for `ask`.
            density: As for `ask`.
            budget: As for `ask`.
            strict: As for `ask`.
            where: As for `ask`.

        Raises:
            LoadError: If the file holds no conversation.
        """

        def asks(question: str, history: Sequence[Turn]) -> Answer:
            return self.ask(
                question, k, mode=mode, density=density, budget=budget, strict=strict, history=history, where=where
            )

        return Chat(asks) if session is None else Chat.restore(asks, session)

    def _find(
        self,
        question: str,
        k: int,
        history: Sequence[Turn],
        where: Filter | None,
        hits: Sequence[Hit] | None = None,
    ) -> tuple[Material, dict[str, float]]:
        started = time.perf_counter()
        self.check_question(question)
        if not all(isinstance(turn, Turn) for turn in history):
            raise InputError("the history holds what is no Turn", hint="Turn(question, answer) each, oldest first")
        if hits is not None:
            return Material(question, hits, tuple(history)), {}
        # A conversation's question may be longer than one may ask, together with what it follows.
        words = standalone(question, history)[-self.limits.question_chars :]
        found = self.search(words, k, where=where)
        return Material(question, found, tuple(history)), {"search": time.perf_counter() - started}

    def check_question(self, question: str) -> None:
        """Raises what `ask` raises for a question that is empty or too long."""
        if not isinstance(question, str):
            raise InputError(f"the question is {type(question).__name__}", hint="pass a str")
        if not question.strip():
            raise InputError("the question is empty", hint="ask in words")
        self.limits.check("question_chars", len(question), "characters in the question")

    def page_read(self, page_id: str) -> Page | None:
        """A page of a document that `read` has shown lately, or None."""
        with self._lock:
            return self._pages_read.get(page_id)

    def _remember(self, pages: Iterable[Page]) -> None:
        with self._lock:
            self._pages_read.update((page.id, page) for page in pages)
            while len(self._pages_read) > _PAGES_READ:
                self._pages_read.popitem(last=False)
