"""create_glyph_documents_chain: documents and a question to a checked answer, in the place of the chain that stuffs."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator

from glyph_rag.errors import InputError
from glyph_rag.passages import Passages
from langchain_core.documents import Document
from langchain_core.prompts import BasePromptTemplate
from langchain_core.runnables import Runnable
from pydantic import BaseModel

from langchain_glyph_rag.answering import AnsweringChain, Inputs
from langchain_glyph_rag.answers import CheckedText, citations_of
from langchain_glyph_rag.models import ChatModel, refuse_parsers, refuse_the_blind
from langchain_glyph_rag.prompt import GlyphPrompt
from langchain_glyph_rag.replies import Reply, reading_of
from langchain_glyph_rag.settings import PageSettings

_DEFAULT = PageSettings()


def create_glyph_documents_chain(
    llm: ChatModel,
    prompt: BasePromptTemplate[str],
    settings: PageSettings = _DEFAULT,
    *,
    document_variable_name: str = "context",
    strict: bool = False,
) -> Runnable[Inputs, str]:
    """A chain from documents to an answer, as `create_stuff_documents_chain` makes one, with eyes and checked.

    The answer is a `CheckedText`: a string with citations, whether the documents say every sentence, and what it cost.
    Where the model misread a figure or a name, the words of the document are put in. Streamed, words come as the model
    writes them, and an empty `CheckedText` at the end holds the checked answer.

    Args:
        llm: A chat model that takes images.
        prompt: A prompt with the variable of the documents, for which pages are shown.
        settings: How documents are shown.
        document_variable_name: The variable, both of the prompt and of what the chain is given.
        strict: Leave out every sentence that the documents do not support.

    Raises:
        InputError: The prompt has no such variable.
        ReaderError: The model is known to have no eyes, or a parser comes after it.
    """
    refuse_parsers(llm)
    shown = GlyphPrompt(prompt, settings, llm=llm, context_key=document_variable_name)
    return GlyphDocumentsChain(name="glyph_documents_chain", llm=llm, prompt=shown, strict=strict)


class GlyphDocumentsChain(AnsweringChain[str]):
    """What `create_glyph_documents_chain` makes.

    Attributes:
        llm: The model.
        prompt: What it is shown.
        strict: Whether sentences that the documents do not support are left out.
    """

    llm: Runnable  # type: ignore[type-arg]  # As in LangChain's own chains, for Pydantic's sake.
    prompt: GlyphPrompt
    strict: bool = False

    @property
    def OutputType(self) -> type[str]:  # noqa: N802  # LangChain's name.
        """A string."""
        return str

    def get_input_schema(self, config: object = None) -> type[BaseModel]:
        """What it is given: the variables of the prompt."""
        return self.prompt.get_input_schema()

    def answered(self, inputs: Inputs) -> str:
        """The checked answer."""
        passages = self._typeset(inputs)
        return self._checked(inputs, passages, self.llm.invoke(self.prompt.messages_with(passages, inputs)))

    async def aanswered(self, inputs: Inputs) -> str:
        """As `answered`, without blocking the event loop."""
        passages = await asyncio.to_thread(self._typeset, inputs)
        reply = await self.llm.ainvoke(await self.prompt.amessages_with(passages, inputs))
        return await asyncio.to_thread(self._checked, inputs, passages, reply)

    def pieces(self, inputs: Inputs) -> Iterator[str]:
        """The model's words, then the checked answer."""
        passages, reply = self._typeset(inputs), Reply()
        for chunk in self.llm.stream(self.prompt.messages_with(passages, inputs)):
            if words := reply.take(chunk):
                yield words
        yield self._checked(inputs, passages, reply.message, told=reply.told)

    async def apieces(self, inputs: Inputs) -> AsyncIterator[str]:
        """As `pieces`, without blocking the event loop."""
        passages, reply = await asyncio.to_thread(self._typeset, inputs), Reply()
        async for chunk in self.llm.astream(await self.prompt.amessages_with(passages, inputs)):
            if words := reply.take(chunk):
                yield words
        yield await asyncio.to_thread(self._checked, inputs, passages, reply.message, told=reply.told)

    def _typeset(self, inputs: Inputs) -> Passages:
        if self.prompt.context_key not in inputs:
            raise InputError(f"there is nothing under {self.prompt.context_key!r}", hint="give a list of Documents")
        documents = inputs[self.prompt.context_key]
        if not isinstance(documents, list | tuple) or not all(isinstance(each, Document) for each in documents):
            raise InputError(
                f"{self.prompt.context_key!r} is not a list of Documents", hint="a text has no sources: use GlyphPrompt"
            )
        passages = self.prompt.typeset(inputs)
        if passages.plan.pages:
            refuse_the_blind(self.llm)
        return passages

    def _checked(self, inputs: Inputs, passages: Passages, reply: object, *, told: bool = False) -> CheckedText:
        """The answer in a reply.

        Args:
            inputs: What the chain was given.
            passages: What the model was shown.
            reply: Its reply.
            told: Whether its words have been passed on already.
        """
        reading = reading_of(reply)
        answer = passages.check(reading.text, strict=self.strict, reading=reading)
        citations = citations_of(answer, inputs[self.prompt.context_key])
        return CheckedText(answer, citations, "" if told else None)
