"""What GlyphRAGChain takes and gives, for tools that show it and for `get_input_jsonschema`."""

from __future__ import annotations

from langchain_core.documents import Document
from langchain_core.messages import AnyMessage
from pydantic import BaseModel, Field


class ChainInput(BaseModel):
    """A question, and the conversation so far."""

    input: str = Field(description='The question. "question" and "query" will do too.')
    chat_history: list[AnyMessage] = Field(default_factory=list, description="The conversation so far, oldest first.")


class ChainOutput(BaseModel):
    """A checked answer, and where it comes from."""

    context: list[Document] = Field(description="The pages that the reader was shown, as their words.")
    answer: str = Field(description="The answer, with the source's words where the reader misread.")
    citations: list[dict[str, object]] = Field(description="Where the source says it, as LangChain's citations.")
    supported: bool = Field(description="Whether the source says every sentence of the answer.")
    usage: dict[str, object] = Field(description="Tokens of the images, of the same as text, and as reported.")
