"""One request to a synthesizer: the passages of some nodes, and what becomes of them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Generator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from glyph_rag.passages import Given, hits_of, number_of
from glyph_rag.read.answer import Answer
from glyph_rag.read.answering import Answering
from glyph_rag.read.job import Wishes
from glyph_rag.read.plan import Mode
from glyph_rag.read.planning.material import Material
from llama_index.core.base.response.schema import RESPONSE_TYPE
from llama_index.core.schema import NodeWithScore

from llama_index_glyph_rag.messages import variables_of
from llama_index_glyph_rag.nodes import given_of
from llama_index_glyph_rag.report import report
from llama_index_glyph_rag.settings import PageSettings

if TYPE_CHECKING:
    from llama_index.core.prompts import BasePromptTemplate
    from llama_index.core.schema import QueryType


@dataclass(frozen=True, eq=False)
class Request:
    """What is to be answered from, and how.

    Attributes:
        passages: The passages.
        ids: The id of each passage's node.
        wishes: How to answer.
        variables: What else a template is filled in with.
        metadata: The response's; as soon as there is an answer, it holds what `report` says of it.
    """

    passages: Sequence[Given]
    ids: Sequence[str]
    wishes: Wishes
    variables: Mapping[str, object] = field(default_factory=dict)
    metadata: dict[str, object] = field(default_factory=dict)

    @classmethod
    def of_nodes(cls, nodes: Sequence[NodeWithScore], wishes: Wishes, variables: Mapping[str, object]) -> Request:
        """A request about nodes that were retrieved."""
        return cls(
            [given_of(found.node) for found in nodes], [found.node.node_id for found in nodes], wishes, variables
        )

    @classmethod
    def of_texts(cls, texts: Sequence[str], wishes: Wishes, variables: Mapping[str, object]) -> Request:
        """A request about texts of which nothing else is known; their ids are their numbers."""
        return cls([Given(text) for text in texts], [str(number) for number in range(len(texts))], wishes, variables)

    def shown(self, nodes: list[NodeWithScore], answering: Answering, query: QueryType) -> list[NodeWithScore]:
        """The nodes; none where no words are in any of them, and the metadata then says so without asking anybody."""
        if any(passage.text.strip() for passage in self.passages):
            return nodes
        material = Material(query if isinstance(query, str) else query.query_str, [])
        self._finish(answering.answer(material, replace(self.wishes, form=None), {}), material)
        return []

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


def asked(
    usual: Wishes, template: BasePromptTemplate, mode: Mode | None, given: Mapping[str, object]
) -> tuple[Wishes, dict[str, object]]:
    """How to answer one request, and what else to fill its template in with.

    Args:
        usual: How others are answered.
        template: The prompt.
        mode: How it is to be shown; as usual where None.
        given: Arguments by name.

    Raises:
        TypeError: One of them is no variable of the template: none is passed over in silence.
        InputError: There is no such mode.
    """
    variables = variables_of(template, given)
    if unknown := given.keys() - variables.keys():
        raise TypeError(f"unexpected argument {min(unknown)!r}")
    return usual if mode is None else replace(usual, plan=replace(usual.plan, mode=PageSettings(mode).mode)), variables
