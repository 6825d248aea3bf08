"""A model that looks: it compares every image it is sent with what the typesetter draws, and lets no words through."""

from __future__ import annotations

import base64
import io
import re
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from glyph_rag.passages import Given, typeset_passages
from glyph_rag.read.plan import PlanPage
from glyph_rag.read.planning.material import PlanSettings
from langchain_core.callbacks import CallbackManagerForLLMRun
from langchain_core.documents import Document
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult
from PIL import Image
from pydantic import Field

LEAVE = "Every employee has 30 days of leave.\nFive days can be carried over until 31 March 2027.\nAsk Ms. Brandt."
TRAVEL = "Train tickets in second class are reimbursed in full.\nHotels are paid up to 140 euros for a night."
DOCUMENTS = [
    Document(page_content=LEAVE, metadata={"source": "hr/leave.md", "line_start": 12}, id="leave"),
    Document(page_content=TRAVEL, metadata={"source": "hr/travel.pdf", "page_label": "3"}, id="travel"),
]
GIVEN = [Given(LEAVE, "hr/leave.md", 12), Given(TRAVEL, "hr/travel.pdf", place="page 3")]
QUESTION = "Until when can days of leave be carried over?"
SAID = "Five days can be carried over until 31 March 2026 [P1]."
"""What the model says: one figure is misread."""
CHECKED = "Five days can be carried over until 31 March 2027."

_BASE64 = re.compile(r"[A-Za-z0-9+/]{120,}")


def drawn(given: Sequence[Given], density: str = "careful") -> list[np.ndarray]:
    """What the typesetter draws for passages: uint8 (height, width), grey."""
    plan = typeset_passages(given, settings=PlanSettings(density=density, exact=False, focus=False)).plan
    return [grey(page) for page in plan.pages]


def grey(page: PlanPage) -> np.ndarray:
    return 255 - 17 * page.levels


class SeeingModel(BaseChatModel):
    """Replies as it is told, having looked at what it was sent."""

    replies: list[Any] = Field(default_factory=lambda: [SAID])
    expected: list[Any] | None = None
    secrets: list[str] = Field(default_factory=lambda: [*LEAVE.split("\n"), *TRAVEL.split("\n")])
    seen: list[list[BaseMessage]] = Field(default_factory=list)
    model: str = "Qwen/Qwen2-VL-7B-Instruct"

    @property
    def _llm_type(self) -> str:
        return "seeing"

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        return ChatResult(generations=[ChatGeneration(message=self._reply(messages))])

    def _stream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> Iterator[ChatGenerationChunk]:
        reply = self._reply(messages)
        for number, word in enumerate(re.findall(r"\s*\S+", str(reply.text)) or [""]):
            chunk = AIMessageChunk(
                content=word,
                tool_calls=[] if number else reply.tool_calls,
                usage_metadata=None if number else reply.usage_metadata,
            )
            if run_manager:
                run_manager.on_llm_new_token(word)
            yield ChatGenerationChunk(message=chunk)

    def bind_tools(self, tools: Sequence[Any], **kwargs: Any) -> BaseChatModel:
        return self

    def _reply(self, messages: list[BaseMessage]) -> AIMessage:
        self.seen.append(messages)
        text = words(messages)
        assert not _BASE64.search(text), "an image arrived as text"
        for secret in self.secrets:
            assert secret not in text, "the words of a page arrived as text"
        if self.expected is not None:
            found = images(messages)
            assert len(found) == len(self.expected)
            for image, page in zip(found, self.expected, strict=True):
                assert np.array_equal(image, page)
        reply = self.replies[min(len(self.seen), len(self.replies)) - 1]
        usage = {"input_tokens": 321, "output_tokens": 12, "total_tokens": 333}
        return AIMessage(reply, usage_metadata=usage) if isinstance(reply, str) else reply


def blocks(messages: Sequence[BaseMessage]) -> Iterator[dict[str, Any]]:
    for message in messages:
        content = [message.content] if isinstance(message.content, str) else message.content
        for block in content:
            yield {"type": "text", "text": block} if isinstance(block, str) else block


def words(messages: Sequence[BaseMessage]) -> str:
    return "\n".join(block["text"] for block in blocks(messages) if block["type"] == "text")


def images(messages: Sequence[BaseMessage]) -> list[np.ndarray]:
    found = []
    for block in blocks(messages):
        if block["type"] == "image":
            assert block["mime_type"] == "image/png"
            data = block["base64"]
        elif block["type"] == "image_url":
            data = block["image_url"]["url"].removeprefix("data:image/png;base64,")
        else:
            assert block["type"] == "text"
            continue
        found.append(np.asarray(Image.open(io.BytesIO(base64.b64decode(data))).convert("L")))
    return found
