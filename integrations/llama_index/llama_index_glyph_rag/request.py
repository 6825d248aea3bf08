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

from llama_index_glyph_rag.events import getting_response
from llama_index_glyph_rag.messages import variables_of
from llama_index_glyph_rag.nodes import given_of
from llama_index_glyph_rag.report import report, said_of
from llama_index_glyph_rag.settings import PageSettings

if TYPE_CHECKING:
    from llama_index.core.prompts import BasePromptTemplate
    from llama_index.core.schema import NodeWithScore, QueryType
    from llama_index.core.types import RESPONSE_TEXT_TYPE


@dataclass(frozen=True, eq=False)
class Request:
    """What is to be answered, from what, and how.

    Attributes:
        question: The question.
        passages: The passages.
        ids: The id of each passage's node.
        wishes: How to answer.
        variables: What else a template is filled in with.
        metadata: The response's; as soon as there is an answer, it holds what `report` says of it.
    """

    question: str
    passages: Sequence[Given]
    ids: Sequence[str]
    wishes: Wishes
    variables: Mapping[str, object] = field(default_factory=dict)
    metadata: dict[str, object] = field(default_factory=dict)

    @classmethod
    def of_nodes(
        cls, query: QueryType, nodes: Sequence[NodeWithScore], wishes: Wishes, variables: Mapping[str, object]
    ) -> Request:
        """A request about nodes that were retrieved."""
        question = query if isinstance(query, str) else query.query_str
        ids = [found.node.node_id for found in nodes]
        return cls(question, [given_of(found.node) for found in nodes], ids, wishes, variables)

    @classmethod
    def of_texts(cls, question: str, texts: Sequence[str], wishes: Wishes, variables: Mapping[str, object]) -> Request:
        """A request about texts of which nothing else is known; their ids are their numbers."""
        return cls(question, [Given(text) for text in texts], [str(at) for at in range(len(texts))], wishes, variables)

    @property
    def texts(self) -> list[str]:
        """The words of each passage."""
        return [passage.text for passage in self.passages]

    def said(self, answering: Answering, streaming: bool, empty: str) -> RESPONSE_TEXT_TYPE:
        """What one call of whoever reads comes to.

        Args:
            answering: Who reads.
            streaming: Whether to give words as they come. A form comes whole.
            empty: What to say where no words are in any of the passages.
        """
        streaming = streaming and self.wishes.form is None
        with getting_response(self.question, self.texts):
            if self._is_empty(answering):
                return (words for words in (empty,)) if streaming else empty
            return self._stream(answering) if streaming else said_of(self._answer(answering))

    async def asaid(self, answering: Answering, streaming: bool, empty: str) -> RESPONSE_TEXT_TYPE:
        """As `said`, without blocking the event loop."""
        streaming = streaming and self.wishes.form is None
        with getting_response(self.question, self.texts):
            if self._is_empty(answering):
                return _astreamed(empty) if streaming else empty
            return self._astream(answering) if streaming else said_of(await self._aanswer(answering))

    def _answer(self, answering: Answering) -> Answer:
        material = self._material()
        return self._finish(answering.answer(material, self.wishes, {}), material)

    async def _aanswer(self, answering: Answering) -> Answer:
        material = await asyncio.to_thread(self._material)
        return self._finish(await answering.aanswer(material, self.wishes, {}), material)

    def _stream(self, answering: Answering) -> Generator[str, None, None]:
        material = self._material()
        yield from (stream := answering.stream(material, self.wishes, {}))
        self._finish(stream.answer, material)

    async def _astream(self, answering: Answering) -> AsyncGenerator[str, None]:
        material = await asyncio.to_thread(self._material)
        async for words in (stream := answering.astream(material, self.wishes, {})):
            yield words
        self._finish(await stream.answer(), material)

    def _is_empty(self, answering: Answering) -> bool:
        """Whether there are no words to read; the metadata then says so, without anybody being asked."""
        if any(words.strip() for words in self.texts):
            return False
        material = Material(self.question, [])
        self._finish(answering.answer(material, replace(self.wishes, form=None), {}), material)
        return True

    def _material(self) -> Material:
        return Material(self.question, hits_of(self.passages, self.wishes.plan.density or "careful"))

    def _finish(self, answer: Answer, material: Material) -> Answer:
        nodes = {hit.page.id: self.ids[number_of(hit.page.document_id)] for hit in material.hits}
        self.metadata.update(report(answer, nodes))
        unread = [name for passage, name in zip(self.passages, self.ids, strict=True) if not passage.text.strip()]
        self.metadata["notices"] = [*(f"Not read: node {name!r} has no text." for name in unread), *answer.notices]
        return answer


async def _astreamed(words: str) -> AsyncGenerator[str, None]:
    yield words


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
