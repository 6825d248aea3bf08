"""LangChain's values to ours, and ours to LangChain's."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, TypeAlias

from glyph_rag.errors import InputError
from glyph_rag.passages import Given
from glyph_rag.read.plan import PlanPage, Turn
from glyph_rag.read.prompt import Part, TextPart
from langchain_core.documents import Document
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, convert_to_messages
from pydantic import TypeAdapter, ValidationError

if TYPE_CHECKING:
    from glyph_rag.read.models.endpoint import Detail

Block: TypeAlias = dict[str, str | dict[str, str]]
"""A content block of a message."""

_DOCUMENTS = TypeAdapter(list[Document])

QUESTION_KEYS = ("input", "question", "query")
"""What chains call the question, the first that is there."""


def blocks_of(parts: Iterable[Part], detail: Detail | None) -> list[Block]:
    """The parts of a prompt as content blocks: text, and images in LangChain's standard form.

    Args:
        parts: The parts.
        detail: Where given, images are `image_url` blocks, the only form in which providers keep it.
    """
    return [
        {"type": "text", "text": part.text} if isinstance(part, TextPart) else image_block(part.page, detail)
        for part in parts
    ]


def image_block(page: PlanPage, detail: Detail | None, *, in_tool: bool = False) -> Block:
    """A page image as a content block.

    Args:
        page: The page.
        detail: As in `blocks_of`.
        in_tool: Whether it goes into the result of a tool. Some integrations (Mistral's, Groq's) pass on what stands
            there as it is, so it is an `image_url` block, which all know.
    """
    data = base64.b64encode(page.png()).decode("ascii")
    if detail is None and not in_tool:
        return {"type": "image", "base64": data, "mime_type": "image/png"}
    url = f"data:image/png;base64,{data}"
    return {"type": "image_url", "image_url": {"url": url} if detail is None else {"url": url, "detail": detail}}


def given_of(context: object) -> list[Given]:
    """The passages of a prompt's context: documents, texts, or all of it as one text.

    Raises:
        InputError: It is something else.
    """
    if isinstance(context, str | Document):
        context = [context]
    if not isinstance(context, Sequence) or isinstance(context, bytes):
        raise InputError(f"the context is {type(context).__name__}", hint="a text, or a list of Documents")
    return [_given(part) for part in context]


def documents_in(artifact: object) -> list[Document]:
    """The documents that came with a tool's result, also as they come back from a checkpoint: as dictionaries."""
    try:
        return _DOCUMENTS.validate_python(artifact)
    except ValidationError:
        return []


def question_of(inputs: Mapping[str, object]) -> str:
    """What a chain is asked, or an empty string: passages are set without it too."""
    found = (inputs.get(key) for key in QUESTION_KEYS)
    return next((value for value in found if isinstance(value, str)), "")


def turns_of(history: object) -> tuple[Turn, ...]:
    """A conversation as questions and answers; what else was said in it is passed over.

    Args:
        history: Messages in any form that LangChain takes.

    Raises:
        InputError: It is not a list.
    """
    if not isinstance(history, Sequence) or isinstance(history, str | bytes):
        raise InputError(f"chat_history is {type(history).__name__}", hint="a list of messages")
    turns: list[Turn] = []
    asked: BaseMessage | None = None
    for message in convert_to_messages(list(history)):
        if isinstance(message, HumanMessage):
            asked = message
        elif isinstance(message, AIMessage) and asked is not None and str(message.text):
            turns.append(Turn(str(asked.text), str(message.text)))
            asked = None
    return tuple(turns)


def _given(part: object) -> Given:
    if isinstance(part, Document):
        return Given.of(part.page_content, part.metadata)
    if isinstance(part, str):
        return Given(part)
    raise InputError(f"a passage is {type(part).__name__}", hint="a Document, or its text")
