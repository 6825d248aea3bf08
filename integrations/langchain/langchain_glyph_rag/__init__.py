"""glyph-rag for LangChain: a chain that you have gets eyes, and its answers are checked.

prompt | llm  ->  GlyphPrompt(prompt) | llm
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from langchain_glyph_rag.answers import CheckedText
    from langchain_glyph_rag.chain import GlyphRAGChain
    from langchain_glyph_rag.documents_chain import create_glyph_documents_chain
    from langchain_glyph_rag.embeddings import GlyphEmbeddings, LangChainEmbedder
    from langchain_glyph_rag.middleware import GlyphMiddleware
    from langchain_glyph_rag.prompt import GlyphPrompt
    from langchain_glyph_rag.reader import ChatModelReader
    from langchain_glyph_rag.retriever import GlyphRetriever
    from langchain_glyph_rag.settings import PageSettings
    from langchain_glyph_rag.vectorstore import GlyphVectorStore

__version__ = "0.1.0"

_HOMES = {
    "ChatModelReader": "reader", "CheckedText": "answers", "GlyphEmbeddings": "embeddings",
    "GlyphMiddleware": "middleware", "GlyphPrompt": "prompt", "GlyphRAGChain": "chain", "GlyphRetriever": "retriever",
    "GlyphVectorStore": "vectorstore", "LangChainEmbedder": "embeddings", "PageSettings": "settings",
    "create_glyph_documents_chain": "documents_chain",
}  # fmt: skip

__all__ = [
    "ChatModelReader", "CheckedText", "GlyphEmbeddings", "GlyphMiddleware", "GlyphPrompt", "GlyphRAGChain",
    "GlyphRetriever", "GlyphVectorStore", "LangChainEmbedder", "PageSettings", "create_glyph_documents_chain",
]  # fmt: skip


def __getattr__(name: str) -> object:
    """Imports a public name when it is first asked for: the middleware alone needs the package langchain."""
    if name not in _HOMES:
        raise AttributeError(f"module 'langchain_glyph_rag' has no attribute {name!r}")
    value: object = getattr(import_module(f"langchain_glyph_rag.{_HOMES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
