"""What the tests put in the place of models: an LLM that looks at its images, and an embedding of words."""

from __future__ import annotations

import base64
import io
import re
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import replace

import numpy as np
from glyph_rag.passages import IMAGES_ALONE, Given, typeset_passages
from glyph_rag.read.prompt import PagePart
from glyph_rag.testing import HashEmbedder
from llama_index.core import Settings, VectorStoreIndex
from llama_index.core.base.llms.types import (
    ChatMessage,
    ChatResponse,
    CompletionResponse,
    ImageBlock,
    LLMMetadata,
    MessageRole,
    TextBlock,
)
from llama_index.core.bridge.pydantic import Field, PrivateAttr
from llama_index.core.embeddings import BaseEmbedding
from llama_index.core.llms import LLM, MockLLM
from llama_index.core.llms.callbacks import llm_chat_callback
from llama_index.core.schema import TextNode
from PIL import Image

LEAVE = "Employees have 28 days of paid leave. Five days can be carried over until the end of March."
ERROR = "ERR_CONN_42 means that the connection was refused. Restart the relay on port 8443."
TRAVEL = "Trips of more than a week are approved by Ines Calloway. Trains are booked two weeks ahead."
QUESTION = "How many days of leave can be carried over?"
REPLY = "Six days can be carried over until the end of March [P1]."
CHECKED = "Five days can be carried over until the end of March."

# as_query_engine looks for one before it looks at its synthesizer. It would repeat its prompt, if it were asked.
Settings.llm = MockLLM()

_BASE64 = re.compile(r"[A-Za-z0-9+/]{120,}")


class WordEmbedding(BaseEmbedding):
    """Texts that share words are near to each other."""

    _words: HashEmbedder = PrivateAttr(default_factory=HashEmbedder)

    def _get_text_embedding(self, text: str) -> list[float]:
        return [float(value) for value in self._words.embed_queries([text])[0]]

    def _get_query_embedding(self, query: str) -> list[float]:
        return self._get_text_embedding(query)

    async def _aget_query_embedding(self, query: str) -> list[float]:
        return self._get_text_embedding(query)


class SeeingLLM(LLM):
    """Looks at every image that it is sent, and refuses what a model with eyes must not be sent.

    An image has to be, pixel by pixel, what the typesetter makes of `expected`; none of their words and no base64 may
    come as text.
    """

    replies: list[str] = Field(default_factory=lambda: [REPLY])
    expected: list[Given] | None = None
    density: str = "careful"
    chat_model: bool = True
    model_name: str = "seeing"
    context_window: int = 3900
    usage: dict[str, int] = Field(default_factory=dict)
    _calls: list[list[ChatMessage]] = PrivateAttr(default_factory=list)

    @property
    def metadata(self) -> LLMMetadata:
        return LLMMetadata(
            is_chat_model=self.chat_model, model_name=self.model_name, context_window=self.context_window, num_output=64
        )

    @property
    def calls(self) -> list[list[ChatMessage]]:
        return self._calls

    def _look(self, messages: Sequence[ChatMessage]) -> str:
        self._calls.append(list(messages))
        if self.expected is not None:
            assert_same(images_of(messages), drawn(self.expected, self.density))
            words = words_of(messages)
            assert not _BASE64.search(words)
            for passage in self.expected:
                assert all(line not in words for line in re.split(r"(?<=\.)\s", passage.text) if line)
        return self.replies[min(len(self._calls), len(self.replies)) - 1]

    def _response(self, words: str, delta: str | None = None) -> ChatResponse:
        message = ChatMessage(role=MessageRole.ASSISTANT, content=words)
        return ChatResponse(message=message, delta=delta, additional_kwargs=dict(self.usage))

    @llm_chat_callback()
    def chat(self, messages: Sequence[ChatMessage], **kwargs: object) -> ChatResponse:
        return self._response(self._look(messages))

    @llm_chat_callback()
    def stream_chat(self, messages: Sequence[ChatMessage], **kwargs: object) -> Iterator[ChatResponse]:
        reply = self._look(messages)

        def pieces() -> Iterator[ChatResponse]:
            for end in re.finditer(r"\S+\s*", reply):
                yield self._response(reply[: end.end()], end.group())

        return pieces()

    @llm_chat_callback()
    async def achat(self, messages: Sequence[ChatMessage], **kwargs: object) -> ChatResponse:
        return self._response(self._look(messages))

    @llm_chat_callback()
    async def astream_chat(self, messages: Sequence[ChatMessage], **kwargs: object) -> AsyncIterator[ChatResponse]:
        reply = self._look(messages)

        async def pieces() -> AsyncIterator[ChatResponse]:
            for end in re.finditer(r"\S+\s*", reply):
                yield self._response(reply[: end.end()], end.group())

        return pieces()

    def complete(self, prompt: str, formatted: bool = False, **kwargs: object) -> CompletionResponse:
        raise AssertionError("a prompt without images")

    stream_complete = complete

    async def acomplete(self, prompt: str, formatted: bool = False, **kwargs: object) -> CompletionResponse:
        raise AssertionError("a prompt without images")

    astream_complete = acomplete


def images_of(messages: Sequence[ChatMessage]) -> list[np.ndarray]:
    """The pixels of every image of some messages."""
    blocks = [block for message in messages for block in message.blocks if isinstance(block, ImageBlock)]
    files = [block.resolve_image(as_base64=False).read() for block in blocks]
    assert all(file.startswith(b"\x89PNG") for file in files)
    return [np.asarray(Image.open(io.BytesIO(file)).convert("L")) for file in files]


def words_of(messages: Sequence[ChatMessage]) -> str:
    """All the text of some messages."""
    return "\n".join(b.text for message in messages for b in message.blocks if isinstance(b, TextBlock))


def drawn(passages: Sequence[Given], density: str = "careful") -> list[np.ndarray]:
    """What the typesetter makes of passages."""
    shown = typeset_passages(passages, settings=replace(IMAGES_ALONE, density=density))
    return [255 - 17 * part.page.levels for part in shown.parts if isinstance(part, PagePart)]


def assert_same(seen: Sequence[np.ndarray], wanted: Sequence[np.ndarray]) -> None:
    """The same images, pixel by pixel, in the same order."""
    assert len(seen) == len(wanted)
    for one, other in zip(seen, wanted, strict=True):
        assert np.array_equal(one, other)


def make_index() -> VectorStoreIndex:
    """An index as people have it: chunks with the path of their file."""
    texts = {"leave": LEAVE, "error": ERROR, "travel": TRAVEL}
    nodes = [TextNode(id_=name, text=text, metadata={"file_path": f"kb/{name}.md"}) for name, text in texts.items()]
    return VectorStoreIndex(nodes, embed_model=WordEmbedding())


def found(index: VectorStoreIndex, question: str = QUESTION, k: int = 2) -> list[Given]:
    """What an index finds, as passages."""
    nodes = index.as_retriever(similarity_top_k=k).retrieve(question)
    return [Given(each.node.get_content(), each.node.metadata["file_path"], place="") for each in nodes]


def b64_of(png: bytes) -> str:
    """A file as base64."""
    return base64.b64encode(png).decode("ascii")
