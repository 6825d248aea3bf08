"""LLMReader: any LLM of LlamaIndex that takes images, as a reader of glyph-rag."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Iterator
from typing import TYPE_CHECKING

from glyph_rag.read.plan import ReadingPlan
from glyph_rag.read.prompt import build_prompt
from glyph_rag.read.reader import Done, Reading, Sight, hand_over
from glyph_rag.typeset.imagetokens import family as family_named
from glyph_rag.typeset.imagetokens import family_of
from llama_index.core.base.llms.types import ChatMessage, MessageRole
from llama_index.core.prompts.mixin import PromptMixin

from llama_index_glyph_rag.messages import QA_TEMPLATE, fill_template, template_of
from llama_index_glyph_rag.replies import form_of, reading_of, refuse_blind
from llama_index_glyph_rag.settings import PageSettings

if TYPE_CHECKING:
    from llama_index.core.bridge.pydantic import BaseModel
    from llama_index.core.llms import LLM
    from llama_index.core.prompts import BasePromptTemplate
    from llama_index.core.prompts.mixin import PromptDictType, PromptMixinType

_log = logging.getLogger("llama_index_glyph_rag.reader")

_DEFAULT = PageSettings()


class LLMReader(PromptMixin):
    """Shows pages to an LLM of LlamaIndex, as image blocks, in one call. Errors of the LLM come through as they are."""

    def __init__(
        self,
        llm: LLM,
        settings: PageSettings = _DEFAULT,
        *,
        text_qa_template: BasePromptTemplate = QA_TEMPLATE,
        output_cls: type[BaseModel] | None = None,
    ) -> None:
        """
        Args:
            llm: The LLM, one with a chat interface that takes `ImageBlock`.
            settings: Of these, `detail` and `family` count; a plan is made by whoever asks the reader.
            text_qa_template: The prompt, with `context_str` where the pages go, and `query_str`.
            output_cls: What forms are filled in as, by the LLM's own way to structured output. Without it, the prompt
                asks for JSON.
        """
        self._llm, self._detail, self._template, self._output_cls = llm, settings.detail, text_qa_template, output_cls
        name = llm.metadata.model_name
        self._family = family_of(name) if settings.family is None else family_named(settings.family)

    @property
    def name(self) -> str:
        """What a person calls it: the name of the model."""
        return str(self._llm.metadata.model_name)

    def sight(self) -> Sight:
        """What the model can be shown, as far as its name tells; `context_window` is 3900 for all that do not say."""
        known = self._family
        if known is None:
            return Sight(model=self.name)
        return Sight(rule=known.rule, max_images=known.max_images, model=self.name)

    def read(self, question: str, plan: ReadingPlan) -> Reading:
        """Shows what the plan holds and returns the answer; its text is empty when the model finds none there.

        Raises:
            ReaderError: If the LLM takes no images, or answers nothing.
        """
        if plan.empty:
            return Reading("")
        messages = self._messages(question, plan)
        response = self._llm.chat(messages)
        return reading_of(response.message.content or "", response, messages, self.name)

    async def aread(self, question: str, plan: ReadingPlan) -> Reading:
        """As `read`, without blocking the event loop."""
        if plan.empty:
            return Reading("")
        messages = await asyncio.to_thread(self._messages, question, plan)
        response = await self._llm.achat(messages)
        return reading_of(response.message.content or "", response, messages, self.name)

    def stream(self, question: str, plan: ReadingPlan, done: Done | None = None) -> Iterator[str]:
        """The model's words as they come, as it writes them.

        Raises:
            ReaderError: As `read` does; after words have come, they are not an answer.
        """
        if plan.empty:
            return
        messages = self._messages(question, plan)
        words, last = "", None
        for last in self._llm.stream_chat(messages):
            words += last.delta or ""
            yield last.delta or ""
        hand_over(reading_of(words, last, messages, self.name), done, _log)

    async def astream(self, question: str, plan: ReadingPlan, done: Done | None = None) -> AsyncIterator[str]:
        """As `stream`, without blocking the event loop."""
        if plan.empty:
            return
        messages = await asyncio.to_thread(self._messages, question, plan)
        words, last = "", None
        async for last in await self._llm.astream_chat(messages):
            words += last.delta or ""
            yield last.delta or ""
        hand_over(reading_of(words, last, messages, self.name), done, _log)

    def read_structured(self, question: str, plan: ReadingPlan, schema: str) -> Reading:
        """Shows what the plan holds and has a form filled in.

        Raises:
            ReaderError: If the LLM takes no images, or its reply is not a JSON object.
        """
        messages = self._messages(question, plan, schema)
        if self._output_cls is None:
            return form_of(self._llm.chat(messages), self.name)
        return Reading("", data=str(self._llm.as_structured_llm(self._output_cls).chat(messages).message.content))

    async def aread_structured(self, question: str, plan: ReadingPlan, schema: str) -> Reading:
        """As `read_structured`, without blocking the event loop."""
        messages = await asyncio.to_thread(self._messages, question, plan, schema)
        if self._output_cls is None:
            return form_of(await self._llm.achat(messages), self.name)
        reply = await self._llm.as_structured_llm(self._output_cls).achat(messages)
        return Reading("", data=str(reply.message.content))

    def _messages(self, question: str, plan: ReadingPlan, schema: str = "") -> list[ChatMessage]:
        if plan.pages:
            refuse_blind(self._llm)
        # Where LlamaIndex asks for a form, it says so itself.
        prompt = build_prompt(question, plan, "" if self._output_cls else schema)
        messages = fill_template(self._template, self._llm, prompt, self._detail)
        system = self._llm.system_prompt
        return [ChatMessage(role=MessageRole.SYSTEM, content=system), *messages] if system else messages

    def _get_prompts(self) -> PromptDictType:
        return {"text_qa_template": self._template}

    def _get_prompt_modules(self) -> PromptMixinType:
        return {}

    def _update_prompts(self, prompts: PromptDictType) -> None:
        self._template = template_of(prompts, self._template)
