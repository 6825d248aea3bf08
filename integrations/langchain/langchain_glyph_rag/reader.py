"""ChatModelReader: a chat model of LangChain as a reader of glyph-rag."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Iterator
from typing import TYPE_CHECKING

from glyph_rag.errors import ReaderError
from glyph_rag.read.plan import ReadingPlan
from glyph_rag.read.prompt import build_prompt
from glyph_rag.read.reader import Done, Reading, Sight, hand_over
from langchain_core.language_models import LanguageModelInput
from langchain_core.messages import BaseMessage, HumanMessage, SystemMessage
from langchain_core.runnables import Runnable

from langchain_glyph_rag.content import blocks_of
from langchain_glyph_rag.models import ChatModel, models_in, refuse_parsers, refuse_the_blind, sight_of
from langchain_glyph_rag.replies import Reply, form_in, reading_of

if TYPE_CHECKING:
    from glyph_rag.read.models.endpoint import Detail

_log = logging.getLogger(__name__)


class ChatModelReader:
    """Shows pages to a chat model: `GlyphRAG.open("./kb", reader=ChatModelReader(llm))`.

    Calls that fail are not made again here: give the model its `max_retries`, or wrap it with `with_retry` or
    `with_fallbacks`. What it raises is passed on as it is. Safe to use from several threads if the model is.
    """

    def __init__(self, llm: ChatModel, *, family: str | None = None, detail: Detail | None = None) -> None:
        """
        Args:
            llm: A chat model that takes images.
            family: What images cost it: as in `PageSettings`.
            detail: How closely to look at images: as in `PageSettings`.

        Raises:
            ProfileError: There is no family of that name.
            ReaderError: It is a model that completes text, or a parser comes after it.
        """
        refuse_parsers(llm)
        self._llm, self._detail = llm, detail
        self._sight = sight_of(llm, family)

    @property
    def name(self) -> str:
        """What a person calls it."""
        return self._sight.model or type(self._llm).__name__

    def sight(self) -> Sight:
        """What the model can be shown, as far as it is known."""
        return self._sight

    def read(self, question: str, plan: ReadingPlan) -> Reading:
        """Shows what the plan holds and returns the answer; its text is empty when the model finds none there.

        Raises:
            ReaderError: There are images and the model is known to have no eyes, or says so; or its reply is empty.
        """
        return Reading("") if plan.empty else reading_of(self._llm.invoke(self._messages(question, plan)))

    async def aread(self, question: str, plan: ReadingPlan) -> Reading:
        """As `read`, without blocking the event loop."""
        if plan.empty:
            return Reading("")
        return reading_of(await self._llm.ainvoke(await asyncio.to_thread(self._messages, question, plan)))

    def stream(self, question: str, plan: ReadingPlan, done: Done | None = None) -> Iterator[str]:
        """The model's words as it writes them; see `glyph_rag.read.reader.StreamingReader`.

        Raises:
            ReaderError: As `read` does.
        """
        if plan.empty:
            return
        reply = Reply()
        for chunk in self._llm.stream(self._messages(question, plan)):
            if words := reply.take(chunk):
                yield words
        hand_over(reading_of(reply.message), done, _log)

    async def astream(self, question: str, plan: ReadingPlan, done: Done | None = None) -> AsyncIterator[str]:
        """As `stream`, without blocking the event loop."""
        if plan.empty:
            return
        reply = Reply()
        async for chunk in self._llm.astream(await asyncio.to_thread(self._messages, question, plan)):
            if words := reply.take(chunk):
                yield words
        hand_over(reading_of(reply.message), done, _log)

    def read_structured(self, question: str, plan: ReadingPlan, schema: str) -> Reading:
        """Shows what the plan holds and has a form filled in, by the model's own `with_structured_output`.

        Args:
            question: The question.
            plan: What to show.
            schema: A JSON schema of an object, as JSON text.

        Raises:
            ReaderError: The model cannot fill in forms, or its reply is none.
        """
        if plan.empty:
            return Reading("")
        return form_in(self._form(schema).invoke(self._messages(question, plan, schema)))

    async def aread_structured(self, question: str, plan: ReadingPlan, schema: str) -> Reading:
        """As `read_structured`, without blocking the event loop."""
        if plan.empty:
            return Reading("")
        messages = await asyncio.to_thread(self._messages, question, plan, schema)
        return form_in(await self._form(schema).ainvoke(messages))

    def _messages(self, question: str, plan: ReadingPlan, schema: str = "") -> list[BaseMessage]:
        if plan.pages:
            refuse_the_blind(self._llm)
        prompt = build_prompt(question, plan, schema)
        return [SystemMessage(prompt.system), HumanMessage(content=[*blocks_of(prompt.parts, self._detail)])]

    def _form(self, schema: str) -> Runnable[LanguageModelInput, object]:
        model = next(models_in(self._llm), None)
        try:
            if model is None:
                raise NotImplementedError
            return model.with_structured_output(json.loads(schema), include_raw=True)
        except NotImplementedError as error:
            raise ReaderError(
                f"the model {self.name!r} cannot fill in a form", hint="its class needs with_structured_output"
            ) from error
