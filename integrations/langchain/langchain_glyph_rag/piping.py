"""How a GlyphPrompt stands in chains: `{...} | GlyphPrompt(prompt) | llm`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from langchain_core.prompts import BasePromptTemplate
from langchain_core.prompts.chat import BaseChatPromptTemplate
from langchain_core.runnables import Runnable, RunnableSequence, RunnableSerializable
from langchain_core.runnables.base import RunnableLike, coerce_to_runnable
from pydantic import InstanceOf

from langchain_glyph_rag.models import refuse_the_blind
from langchain_glyph_rag.settings import PageSettings


class PipedPrompt(BaseChatPromptTemplate):
    """A prompt around another, which looks at what comes directly after it: a model known to be blind is refused.

    Attributes:
        prompt: The prompt.
        settings: How its context is shown.
    """

    prompt: BasePromptTemplate  # type: ignore[type-arg]  # Pydantic makes nothing of the parameter.
    settings: InstanceOf[PageSettings]

    def pipe(
        self, *others: Runnable[Any, Any] | Callable[[Any], Any], name: str | None = None
    ) -> RunnableSerializable[dict[str, Any], Any]:
        """A chain from here on. A prompt with a form of its own (`StructuredPrompt`) has the model fill it in.

        Raises:
            ReaderError: What comes next is known to have no eyes.
        """
        self.refuse_behind(*others[:1])
        chain = self.prompt.pipe(*others, name=name)
        assert isinstance(chain, RunnableSequence)
        return RunnableSequence(self, *chain.steps[1:], name=name)

    def __or__(self, other: RunnableLike[Any, Any]) -> RunnableSerializable[dict[str, Any], Any]:
        return self.pipe(coerce_to_runnable(other))

    def __ror__(self, other: RunnableLike[Any, Any]) -> RunnableSerializable[Any, Any]:
        return PromptSequence(first=coerce_to_runnable(other), last=self)

    def refuse_behind(self, *models: object) -> None:
        """Makes sure that what is to be shown pages is not known to have no eyes.

        Raises:
            ReaderError: It is.
        """
        for model in models if self.settings.mode != "text" else ():
            refuse_the_blind(model)


class PromptSequence(RunnableSequence[Any, Any]):
    """`{...} | GlyphPrompt(prompt)`: a sequence that looks at what comes next, as the prompt alone does."""

    def pipe(
        self, *others: Runnable[Any, Any] | Callable[[Any], Any], name: str | None = None
    ) -> RunnableSerializable[Any, Any]:
        """A chain from here on.

        Raises:
            ReaderError: What comes next is known to have no eyes.
        """
        if isinstance(self.last, PipedPrompt):
            self.last.refuse_behind(*others[:1])
        return RunnableSequence(*self.steps, *others, name=name or self.name)

    def __or__(self, other: RunnableLike[Any, Any]) -> RunnableSerializable[Any, Any]:
        return self.pipe(coerce_to_runnable(other))
