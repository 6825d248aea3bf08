"""GlyphMiddleware: an agent whose model sees what tools found as page images. Needs the package langchain."""

from __future__ import annotations

import asyncio
import threading
import warnings
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from typing import TypeAlias

from glyph_rag.errors import MissingExtraError
from glyph_rag.passages import Given, Passages
from glyph_rag.read.planning.material import Viewer
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage
from langchain_core.tools import BaseTool

from langchain_glyph_rag.content import Block, image_block
from langchain_glyph_rag.models import refuse_the_blind, viewer_of
from langchain_glyph_rag.replies import checked_message
from langchain_glyph_rag.settings import PageSettings
from langchain_glyph_rag.tool_pages import Place, Result, ToolPages, on_pages, results_of, shown

try:
    from langchain.agents.middleware.types import AgentMiddleware, ModelRequest, ModelResponse
except ImportError as error:
    raise MissingExtraError("langchain", "agents", distribution="langchain-glyph-rag") from error

_DEFAULT = PageSettings()
_REMEMBERED = 8

_Drawn: TypeAlias = tuple[Passages, tuple[Block, ...]]


class GlyphMiddleware(AgentMiddleware):
    """Shows a model pages where tools have found text: `create_agent(..., middleware=[GlyphMiddleware(["search"])])`.

    The state, and so every checkpoint, keeps the text; only the request to the model has pages. The model's answer is
    checked against them: what it misread is put right, and its `response_metadata["glyph_rag"]` has the citations,
    whether every sentence is supported, and what it cost.
    """

    def __init__(
        self, tools: Sequence[str | BaseTool], settings: PageSettings = _DEFAULT, *, place: Place = "human"
    ) -> None:
        """
        Args:
            tools: The tools whose results are shown as pages, or their names. Those with `content_and_artifact` give
                their Documents, and so better citations.
            settings: How they are shown.
            place: Where pages go. Many providers take images from users only.
        """
        super().__init__()
        # Not `tools`: by that name, middleware gives tools to the agent.
        self._names = tuple(tool if isinstance(tool, str) else tool.name for tool in tools)
        self._settings, self._place = settings, place
        self._lock = threading.Lock()
        self._remembered: OrderedDict[object, _Drawn] = OrderedDict()

    def wrap_model_call(
        self, request: ModelRequest[None], handler: Callable[[ModelRequest[None]], ModelResponse[object]]
    ) -> ModelResponse[object]:
        """Shows pages, and checks the answer.

        Raises:
            ReaderError: The model is known to have no eyes.
            InputError: The budget has no room for any passage.
        """
        found = self._found(request)
        if not found:
            return handler(request)
        pages = self._on_pages(request, found)
        return _checked(handler(self._shown(request, found, pages)), pages)

    async def awrap_model_call(
        self,
        request: ModelRequest[None],
        handler: Callable[[ModelRequest[None]], Awaitable[ModelResponse[object]]],
    ) -> ModelResponse[object]:
        """As `wrap_model_call`, without blocking the event loop."""
        found = self._found(request)
        if not found:
            return await handler(request)
        pages = await asyncio.to_thread(self._on_pages, request, found)
        response = await handler(self._shown(request, found, pages))
        return await asyncio.to_thread(_checked, response, pages)

    def _found(self, request: ModelRequest[None]) -> tuple[Result, ...]:
        known = {_name(tool) for tool in request.tools}
        for name in self._names:
            if name not in known:
                message = f"GlyphMiddleware: the agent has no tool {name!r}, so nothing of it is shown as pages"
                warnings.warn(message, stacklevel=3)
        return results_of(request.messages, self._names)

    def _on_pages(self, request: ModelRequest[None], found: tuple[Result, ...]) -> ToolPages:
        settings = self._settings.of_request()
        viewer = viewer_of(request.model, settings.family)
        asked = [str(message.text) for message in request.messages if isinstance(message, HumanMessage)]
        question = asked[-1] if asked else ""
        return on_pages(found, lambda given: self._typeset(given, question, settings, viewer))

    def _typeset(self, given: tuple[Given, ...], question: str, settings: PageSettings, viewer: Viewer) -> _Drawn:
        """Passages on pages, remembered: an agent asks its model many times with the same results."""
        key = given, question, settings, viewer.sight
        with self._lock:
            if key in self._remembered:
                self._remembered.move_to_end(key)
                return self._remembered[key]
        passages = settings.typeset(given, question, viewer)
        in_tool = self._place == "tool"
        made = passages, tuple(image_block(page, settings.detail, in_tool=in_tool) for page in passages.plan.pages)
        with self._lock:
            self._remembered[key] = made
            while len(self._remembered) > _REMEMBERED:
                self._remembered.popitem(last=False)
        return made

    def _shown(self, request: ModelRequest[None], found: tuple[Result, ...], pages: ToolPages) -> ModelRequest[None]:
        if not pages.passages.plan.pages:
            return request
        refuse_the_blind(request.model, in_tool=self._place == "tool")
        return request.override(messages=shown(request.messages, found, pages, self._place))


def _checked(response: ModelResponse[object], pages: ToolPages) -> ModelResponse[object]:
    """A response whose answer has been held against the pages; calls of tools and filled-in forms are no answers."""
    if response.structured_response is not None:
        return response
    result: list[BaseMessage] = [
        checked_message(message, pages.passages, pages.documents)
        if isinstance(message, AIMessage) and not message.tool_calls and str(message.text).strip()
        else message
        for message in response.result
    ]
    return replace(response, result=result)


def _name(tool: BaseTool | dict[str, object]) -> object:
    if isinstance(tool, BaseTool):
        return tool.name
    function = tool.get("function")
    return tool.get("name") or (function.get("name") if isinstance(function, dict) else None)
