"""One request to a synthesizer: the passages of some nodes, and what becomes of them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Collection, Generator, Sequence
from dataclasses import dataclass, field, replace

from glyph_rag.passages import Given, hits_of, number_of
from glyph_rag.read.answer import Answer
from glyph_rag.read.answering import Answering
from glyph_rag.read.job import Wishes
from glyph_rag.read.plan import Mode
from glyph_rag.read.planning.material import Material
from llama_index.core.base.response.schema import RESPONSE_TYPE
from llama_index.core.schema import NodeWithScore

from llama_index_glyph_rag.nodes import given_of
from llama_index_glyph_rag.report import report
from llama_index_glyph_rag.settings import PageSettings


@dataclass(frozen=True, eq=False)
class Request:
    """What is to be answered from, and how.

    Attributes:
        passages: The passages.
        ids: The id of each passage's node.
        wishes: How to answer.
        metadata: The response's; as soon as there is an answer, it holds what `report` says of it.
    """

    passages: Sequence[Given]
    ids: Sequence[str]
    wishes: Wishes
    metadata: dict[str, object] = field(default_factory=dict)

    @classmethod
    def of_nodes(cls, nodes: Sequence[NodeWithScore], wishes: Wishes) -> Request:
        """A request about nodes that were retrieved."""
        return cls([given_of(found.node) for found in nodes], [found.node.node_id for found in nodes], wishes)

    @classmethod
    def of_texts(cls, texts: Sequence[str], wishes: Wishes) -> Request:
        """A request about texts of which nothing else is known; their ids are their numbers."""
        return cls([Given(text) for text in texts], [str(number) for number in range(len(texts))], wishes)

    @property
    def blank(self) -> bool:
        """Whether there are no words in any of it."""
        return not any(passage.text.strip() for passage in self.passages)

    def answer(self, answering: Answering, question: str) -> Answer:
        """Answers in one call of whoever reads."""
        material = self._material(question)
        return self._finish(answering.answer(material, self.wishes, {}), material)

    async def aanswer(self, answering: Answering, question: str) -> Answer:
        """As `answer`, without blocking the event loop."""
        material = await asyncio.to_thread(self._material, question)
        return self._finish(await answering.aanswer(material, self.wishes, {}), material)

    def stream(self, answering: Answering, question: str) -> Generator[str, None, None]:
        """Words as they come; at their end the metadata is there."""
        material = self._material(question)
        stream = answering.stream(material, self.wishes, {})
        yield from stream
        self._finish(stream.answer, material)

    async def astream(self, answering: Answering, question: str) -> AsyncGenerator[str, None]:
        """As `stream`, without blocking the event loop."""
        material = await asyncio.to_thread(self._material, question)
        stream = answering.astream(material, self.wishes, {})
        async for words in stream:
            yield words
        self._finish(await stream.answer(), material)

    def attach(self, response: RESPONSE_TYPE) -> RESPONSE_TYPE:
        """Gives a response this request's metadata, and keeps what LlamaIndex has put into its own."""
        for key, value in (response.metadata or {}).items():
            self.metadata.setdefault(key, value)
        response.metadata = self.metadata
        return response

    def _material(self, question: str) -> Material:
        return Material(question, hits_of(self.passages, self.wishes.plan.density or "careful"))

    def _finish(self, answer: Answer, material: Material) -> Answer:
        nodes = {hit.page.id: self.ids[number_of(hit.page.document_id)] for hit in material.hits}
        self.metadata.update(report(answer, nodes))
        unread = [name for passage, name in zip(self.passages, self.ids, strict=True) if not passage.text.strip()]
        self.metadata["notices"] = [*(f"Not read: node {name!r} has no text." for name in unread), *answer.notices]
        return answer


def wishes_of(usual: Wishes, mode: Mode | None, unknown: Collection[str]) -> Wishes:
    """How to answer one request.

    Args:
        usual: How others are answered.
        mode: How it is to be shown; as usual where None.
        unknown: Arguments that nobody knows.

    Raises:
        TypeError: There are some: none is passed over in silence.
        InputError: There is no such mode.
    """
    if unknown:
        raise TypeError(f"unexpected argument {min(unknown)!r}")
    return usual if mode is None else replace(usual, plan=replace(usual.plan, mode=PageSettings(mode).mode))
