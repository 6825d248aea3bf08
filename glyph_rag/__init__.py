"""glyph-rag: answers from your documents, read off page images and checked against the source.

from glyph_rag import GlyphRAG

with GlyphRAG.open("./kb") as rag:
    rag.add_path("handbook/")
    print(rag.ask("How many days of leave can be carried over?").text)
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from glyph_rag.corpus.document import Chunk, Document, Mark
    from glyph_rag.embed.embedder import Embedder, EmbedderInfo
    from glyph_rag.errors import GlyphRAGError
    from glyph_rag.index import IndexReport
    from glyph_rag.limits import Limits
    from glyph_rag.rag import GlyphRAG
    from glyph_rag.read.answer import Answer, Citation
    from glyph_rag.read.chat import Chat
    from glyph_rag.read.models.openai import OpenAIReader
    from glyph_rag.read.models.transformers import TransformersReader
    from glyph_rag.read.plan import ReadingPlan, Turn
    from glyph_rag.read.planning.receipt import Receipt, ReceiptBook
    from glyph_rag.read.reader import Reader, Reading
    from glyph_rag.search.hit import Hit
    from glyph_rag.typeset.cache import PageCache
    from glyph_rag.typeset.page import Page
    from glyph_rag.typeset.profile import RenderProfile
    from glyph_rag.view import View

__version__ = "0.1.0"

_HOMES = {
    "Answer": "read.answer", "Chat": "read.chat", "Chunk": "corpus.document", "Citation": "read.answer",
    "Document": "corpus.document", "Embedder": "embed.embedder", "EmbedderInfo": "embed.embedder", "GlyphRAG": "rag",
    "GlyphRAGError": "errors", "Hit": "search.hit", "IndexReport": "index", "Limits": "limits",
    "Mark": "corpus.document", "OpenAIReader": "read.models.openai", "Page": "typeset.page",
    "PageCache": "typeset.cache", "Reader": "read.reader", "Reading": "read.reader", "ReadingPlan": "read.plan",
    "Receipt": "read.planning.receipt", "ReceiptBook": "read.planning.receipt", "RenderProfile": "typeset.profile",
    "TransformersReader": "read.models.transformers", "Turn": "read.plan", "View": "view",
}  # fmt: skip

__all__ = [
    "Answer", "Chat", "Chunk", "Citation", "Document", "Embedder", "EmbedderInfo", "GlyphRAG", "GlyphRAGError", "Hit",
    "IndexReport", "Limits", "Mark", "OpenAIReader", "Page", "PageCache", "Reader", "Reading", "ReadingPlan",
    "Receipt", "ReceiptBook", "RenderProfile", "TransformersReader", "Turn", "View",
]  # fmt: skip


def __getattr__(name: str) -> object:
    """Imports a public name when it is first asked for, so that `import glyph_rag` costs nothing."""
    if name not in _HOMES:
        raise AttributeError(f"module 'glyph_rag' has no attribute {name!r}")
    value: object = getattr(import_module(f"glyph_rag.{_HOMES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
