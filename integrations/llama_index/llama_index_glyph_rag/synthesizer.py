"""GlyphSynthesizer: the one line that gives a query engine of LlamaIndex eyes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from glyph_rag.read.answering import Answering
from glyph_rag.read.job import Wishes
from llama_index.core.bridge.pydantic import BaseModel
from llama_index.core.indices.prompt_helper import ChatPromptHelper, PromptHelper
from llama_index.core.llms import LLM, MockLLM
from llama_index.core.llms.structured_llm import StructuredLLM
from llama_index.core.response_synthesizers import BaseSynthesizer
from llama_index.core.settings import Settings

from llama_index_glyph_rag.events import synthesizing
from llama_index_glyph_rag.messages import QA_TEMPLATE, template_of
from llama_index_glyph_rag.reader import LLMReader
from llama_index_glyph_rag.replies import reader_of, refuse_blind
from llama_index_glyph_rag.report import response_of
from llama_index_glyph_rag.request import Request, asked
from llama_index_glyph_rag.settings import PageSettings

if TYPE_CHECKING:
    from glyph_rag.read.plan import Mode
    from glyph_rag.read.reader import Reader
    from glyph_rag.typeset.cache import PageCache
    from llama_index.core.base.response.schema import RESPONSE_TYPE
    from llama_index.core.callbacks.base import CallbackManager
    from llama_index.core.prompts import BasePromptTemplate
    from llama_index.core.prompts.mixin import PromptDictType
    from llama_index.core.schema import NodeWithScore, QueryType
    from llama_index.core.types import RESPONSE_TEXT_TYPE

_DEFAULT = PageSettings()


class GlyphSynthesizer(BaseSynthesizer):
    """Shows the nodes that were retrieved as page images, in one call of the LLM, and checks its answer against them.

    The response's `metadata` holds what `report` says, beside the metadata of the nodes; that of a stream at its end.
    """

    def __init__(
        self,
        llm: LLM | Reader | None = None,
        settings: PageSettings = _DEFAULT,
        *,
        text_qa_template: BasePromptTemplate | None = None,
        strict: bool = False,
        streaming: bool = False,
        output_cls: type[BaseModel] | None = None,
        empty_response: str | None = None,
        callback_manager: CallbackManager | None = None,
        cache: PageCache | None = None,
    ) -> None:
        """
        Args:
            llm: A chat model that takes images, or a reader of glyph-rag; `Settings.llm` where None.
            settings: How nodes are shown.
            text_qa_template: The prompt, with `context_str` where the pages go. A reader has its own.
            strict: Leave out every sentence that the nodes do not support.
            streaming: Whether responses give words as they come.
            output_cls: A pydantic model to fill in. Such responses do not stream.
            empty_response: What to say where nothing was retrieved.
            callback_manager: As for every synthesizer.
            cache: Where image files are kept.

        Raises:
            InputError: If `llm` is neither an LLM nor a reader.
            ReaderError: If the LLM is known to take no images.
        """
        chosen = Settings.llm if llm is None else llm
        if isinstance(chosen, StructuredLLM):
            output_cls, chosen = chosen.output_cls, chosen.llm
        self._reader = None if isinstance(chosen, LLM) else reader_of(chosen)
        super().__init__(
            llm=chosen if isinstance(chosen, LLM) else MockLLM(),
            callback_manager=callback_manager,
            # Nothing is split here; without them, LlamaIndex 0.14.23 makes them for the LLM of the settings.
            prompt_helper=PromptHelper(),
            chat_prompt_helper=ChatPromptHelper(),
            streaming=streaming,
            output_cls=output_cls,
            empty_response=empty_response,
        )
        self._settings, self._cache, self._template = settings, cache, text_qa_template or QA_TEMPLATE
        self._wishes = Wishes(settings.plan, strict, free=True, form=output_cls)
        if self._reader is None and settings.mode != "text":
            refuse_blind(self._llm)

    def synthesize(
        self,
        query: QueryType,
        nodes: list[NodeWithScore],
        additional_source_nodes: Sequence[NodeWithScore] | None = None,
        mode: Mode | None = None,
        **response_kwargs: object,
    ) -> RESPONSE_TYPE:
        """Answers from nodes. `mode="text"` shows these as text; other arguments fill in the template."""
        request = Request.of_nodes(query, nodes, *asked(self._wishes, self._template, mode, response_kwargs))
        with synthesizing(self.callback_manager, query) as end:
            said = request.said(self._answering(request), self._streaming, self._empty_response)
            return end(response_of(said, [*nodes, *(additional_source_nodes or ())], request.metadata))

    async def asynthesize(
        self,
        query: QueryType,
        nodes: list[NodeWithScore],
        additional_source_nodes: Sequence[NodeWithScore] | None = None,
        mode: Mode | None = None,
        **response_kwargs: object,
    ) -> RESPONSE_TYPE:
        """As `synthesize`, without blocking the event loop."""
        request = Request.of_nodes(query, nodes, *asked(self._wishes, self._template, mode, response_kwargs))
        with synthesizing(self.callback_manager, query) as end:
            said = await request.asaid(self._answering(request), self._streaming, self._empty_response)
            return end(response_of(said, [*nodes, *(additional_source_nodes or ())], request.metadata))

    def get_response(self, query_str: str, text_chunks: Sequence[str], **response_kwargs: object) -> RESPONSE_TEXT_TYPE:
        """Answers from texts."""
        request = Request.of_texts(query_str, text_chunks, *asked(self._wishes, self._template, None, response_kwargs))
        return request.said(self._answering(request), self._streaming, self._empty_response)

    async def aget_response(
        self, query_str: str, text_chunks: Sequence[str], **response_kwargs: object
    ) -> RESPONSE_TEXT_TYPE:
        """As `get_response`, without blocking the event loop."""
        request = Request.of_texts(query_str, text_chunks, *asked(self._wishes, self._template, None, response_kwargs))
        return await request.asaid(self._answering(request), self._streaming, self._empty_response)

    def _answering(self, request: Request) -> Answering:
        if self._reader is not None:
            return Answering(self._reader, None, self._cache)
        template = self._template.partial_format(**request.variables) if request.variables else self._template
        reader = LLMReader(self._llm, self._settings, text_qa_template=template, output_cls=self._output_cls)
        return Answering(reader, None, self._cache)

    def _get_prompts(self) -> PromptDictType:
        return {"text_qa_template": self._template}

    def _update_prompts(self, prompts: PromptDictType) -> None:
        self._template = template_of(prompts, self._template)
