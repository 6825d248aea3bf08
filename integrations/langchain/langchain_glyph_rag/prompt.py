"""GlyphPrompt: any prompt, with page images in the place of its context."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from glyph_rag.errors import InputError
from glyph_rag.passages import Passages
from glyph_rag.read.planning.material import Viewer
from langchain_core.documents import Document
from langchain_core.messages import BaseMessage
from langchain_core.prompts import BasePromptTemplate
from langchain_core.prompts.chat import BaseChatPromptTemplate
from pydantic import PrivateAttr

from langchain_glyph_rag.content import given_of, question_of
from langchain_glyph_rag.models import ChatModel, viewer_of
from langchain_glyph_rag.piping import PipedPrompt
from langchain_glyph_rag.settings import PageSettings
from langchain_glyph_rag.splice import check_slot, new_mark, splice

_DEFAULT = PageSettings()


class GlyphPrompt(PipedPrompt):
    """A prompt whose context reaches the model as page images: `GlyphPrompt(prompt)` where `prompt` stood.

    The context is a list of Documents, or a text that a chain has joined already. Everything else of the prompt stays
    as it is: its words, placeholders, partial variables, and the images it has of its own.

    Attributes:
        prompt: The prompt.
        settings: How its context is shown.
        context_key: The variable that is its context.
    """

    context_key: str
    _viewer: Viewer = PrivateAttr()

    def __init__(
        self,
        prompt: BasePromptTemplate[str],
        settings: PageSettings = _DEFAULT,
        *,
        llm: ChatModel | None = None,
        context_key: str = "context",
    ) -> None:
        """
        Args:
            prompt: The prompt.
            settings: How its context is shown.
            llm: The model that the prompt is for: then it is known what images cost it, and one without eyes is
                refused wherever it stands. Without it, one is refused where it comes directly after the prompt.
            context_key: The variable that is its context.

        Raises:
            InputError: It is no prompt, has its context on pages already, or no such variable for words.
            ProfileError: There is no family of models of the name in `settings`.
            ReaderError: The model is known to have no eyes, and is not to be shown text.
        """
        if isinstance(prompt, GlyphPrompt):
            raise InputError("the prompt shows pages already", hint="put all Documents into one variable")
        check_slot(prompt, context_key)
        fields: dict[str, Any] = {
            "prompt": prompt,
            "settings": settings,
            "context_key": context_key,
            "input_variables": prompt.input_variables,
            "optional_variables": prompt.optional_variables,
            "input_types": {**prompt.input_types, context_key: str | list[Document]},
            "output_parser": prompt.output_parser,
            "metadata": prompt.metadata,
            "tags": prompt.tags,
        }
        super().__init__(**fields)
        self.refuse_behind(llm)
        self._viewer = viewer_of(llm, settings.family)

    @classmethod
    def is_lc_serializable(cls) -> bool:
        """No: what it holds beside the prompt has no serial form."""
        return False

    def partial(self, **kwargs: str | Callable[[], str]) -> GlyphPrompt:
        """The same prompt with some of its variables given."""
        return self._around(self.prompt.partial(**kwargs))

    def typeset(self, inputs: dict[str, object]) -> Passages:
        """The context of some inputs on pages.

        Raises:
            InputError: It is no context, or the budget has no room for any of it.
        """
        context = inputs[self.context_key] if self.context_key in inputs else self._given_partially()
        return self.settings.of_request().typeset(given_of(context), question_of(inputs), self._viewer)

    def messages_with(self, passages: Passages, inputs: dict[str, object]) -> list[BaseMessage]:
        """The prompt's messages with passages in the place of its context.

        Raises:
            InputError: The prompt does not show its context.
        """
        mark = "" if passages.plan.empty else new_mark()
        value = self.prompt.format_prompt(**{**inputs, self.context_key: mark})
        return self._spliced(value.to_messages(), mark, passages)

    async def amessages_with(self, passages: Passages, inputs: dict[str, object]) -> list[BaseMessage]:
        """As `messages_with`, without blocking the event loop."""
        mark = "" if passages.plan.empty else new_mark()
        value = await self.prompt.aformat_prompt(**{**inputs, self.context_key: mark})
        return await asyncio.to_thread(self._spliced, value.to_messages(), mark, passages)

    def format_messages(self, **kwargs: object) -> list[BaseMessage]:
        """The prompt's messages; see `messages_with`."""
        return self.messages_with(self.typeset(kwargs), kwargs)

    async def aformat_messages(self, **kwargs: object) -> list[BaseMessage]:
        """As `format_messages`, without blocking the event loop."""
        return await self.amessages_with(await asyncio.to_thread(self.typeset, kwargs), kwargs)

    def pretty_repr(self, html: bool = False) -> str:
        """The prompt as a person reads it; the context is marked by its variable."""
        return self.prompt.pretty_repr(html) if isinstance(self.prompt, BaseChatPromptTemplate) else repr(self.prompt)

    def _spliced(self, messages: list[BaseMessage], mark: str, passages: Passages) -> list[BaseMessage]:
        return splice(messages, mark, passages, self.settings) if mark else messages

    def _given_partially(self) -> object:
        given = self.prompt.partial_variables.get(self.context_key, "")
        return given() if callable(given) else given

    def _around(self, prompt: BasePromptTemplate[str]) -> GlyphPrompt:
        return self.model_copy(update={"prompt": prompt, "input_variables": prompt.input_variables})
