"""GlyphRAGChain: the whole way from a question to a checked answer, as one Runnable."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Sequence
from pathlib import Path

from glyph_rag.embed.embedder import AnyEmbedder
from glyph_rag.rag import GlyphRAG
from glyph_rag.read.plan import Mode, Turn
from glyph_rag.read.question.followup import standalone
from glyph_rag.read.reader import Reader
from glyph_rag.search.filters import Filter
from glyph_rag.typeset.profile import RenderProfile
from glyph_rag.view import View
from langchain_core.embeddings import Embeddings
from langchain_core.runnables import Runnable
from langchain_core.runnables.utils import AddableDict
from pydantic import BaseModel, Field, InstanceOf

from langchain_glyph_rag.answering import AnsweringChain, Inputs
from langchain_glyph_rag.chain_steps import Search, asked, result
from langchain_glyph_rag.embeddings import embedder_of
from langchain_glyph_rag.models import ChatModel
from langchain_glyph_rag.reader import ChatModelReader
from langchain_glyph_rag.schemas import ChainInput, ChainOutput
from langchain_glyph_rag.settings import mode_of_request


class GlyphRAGChain(AnsweringChain[AddableDict]):
    """{"input", "chat_history"} to {"context", "answer", "citations", "supported", "usage"}.

    "question" and "query" will do for "input". The answer is a `CheckedText`. Streamed, the context comes first, then
    the reader's words, then the checked answer and the rest; the pieces add up to what `invoke` gives.

    Attributes:
        rag: What is asked: a `GlyphRAG`, or a view of a part of it.
        k: How many pages the reader is shown at most.
        mode: As for `GlyphRAG.ask`. A request may say otherwise, as for `PageSettings`.
        density: As for `GlyphRAG.ask`.
        budget: As for `GlyphRAG.ask`.
        strict: As for `GlyphRAG.ask`.
        where: As for `GlyphRAG.ask`.
    """

    rag: InstanceOf[View] = Field(exclude=True, repr=False)
    k: int = 3
    mode: Mode = "image"
    density: InstanceOf[RenderProfile] | str | None = None
    budget: int | None = None
    strict: bool = False
    where: Filter | None = None

    @classmethod
    def open(
        cls,
        path: str | Path,
        *,
        reader: ChatModel | Reader | str | None = None,
        embedding: Embeddings | AnyEmbedder | str | None = None,
        k: int = 3,
    ) -> GlyphRAGChain:
        """A chain over the store in a folder, which is made if there is none.

        Args:
            path: The store's folder.
            reader: A chat model that takes images, also behind `with_retry` and the like, or what `GlyphRAG.open`
                takes; the embedded reader where None.
            embedding: Embeddings of LangChain, or what `GlyphRAG.open` takes as its embedder.
            k: How many pages the reader is shown at most.

        Raises:
            GlyphRAGError: What `GlyphRAG.open` raises.
        """
        reads = ChatModelReader(reader) if isinstance(reader, Runnable) else reader
        return cls(rag=GlyphRAG.open(path, reader=reads, embedder=embedder_of(embedding)), k=k)

    def get_input_schema(self, config: object = None) -> type[BaseModel]:
        """What it is given."""
        return ChainInput

    def get_output_schema(self, config: object = None) -> type[BaseModel]:
        """What it gives."""
        return ChainOutput

    def answered(self, inputs: Inputs) -> AddableDict:
        """The checked answer, and where it comes from."""
        question, turns = asked(inputs)
        search = self._search()
        context = search.invoke(self._words(question, turns))
        answer = self.rag.ask(
            question, mode=mode_of_request(self.mode), density=self.density, budget=self.budget, strict=self.strict,
            history=turns, hits=search.found,
        )  # fmt: skip
        return AddableDict(context=context, **result(answer))

    async def aanswered(self, inputs: Inputs) -> AddableDict:
        """As `answered`, without blocking the event loop."""
        question, turns = asked(inputs)
        search = self._search()
        context = await search.ainvoke(self._words(question, turns))
        answer = await self.rag.aask(
            question, mode=mode_of_request(self.mode), density=self.density, budget=self.budget, strict=self.strict,
            history=turns, hits=search.found,
        )  # fmt: skip
        return AddableDict(context=context, **result(answer))

    def pieces(self, inputs: Inputs) -> Iterator[AddableDict]:
        """The context, the reader's words, and the rest."""
        question, turns = asked(inputs)
        search = self._search()
        yield AddableDict(context=search.invoke(self._words(question, turns)))
        stream = self.rag.stream(
            question, mode=mode_of_request(self.mode), density=self.density, budget=self.budget, strict=self.strict,
            history=turns, hits=search.found,
        )  # fmt: skip
        told = False
        for words in stream:
            told = True
            yield AddableDict(answer=words)
        yield AddableDict(**result(stream.answer, told=told))

    async def apieces(self, inputs: Inputs) -> AsyncIterator[AddableDict]:
        """As `pieces`, without blocking the event loop."""
        question, turns = asked(inputs)
        search = self._search()
        yield AddableDict(context=await search.ainvoke(self._words(question, turns)))
        stream = await self.rag.astream(
            question, mode=mode_of_request(self.mode), density=self.density, budget=self.budget, strict=self.strict,
            history=turns, hits=search.found,
        )  # fmt: skip
        told = False
        async for words in stream:
            told = True
            yield AddableDict(answer=words)
        yield AddableDict(**result(await stream.answer(), told=told))

    def _search(self) -> Search:
        return Search(name="GlyphRetriever", rag=self.rag, k=self.k, filter=self.where)

    def _words(self, question: str, turns: Sequence[Turn]) -> str:
        """What to search for: a question that goes on from others, together with them."""
        self.rag.check_question(question)
        return standalone(question, turns)[-self.rag.limits.question_chars :]
