"""Embedders: LangChain's behind our seam, and ours behind LangChain's."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

import numpy as np
from glyph_rag.embed.embedder import AnyEmbedder, Embedder, EmbedderInfo, FloatArray, PageEmbedder
from glyph_rag.embed.open import DEFAULT_EMBEDDER, open_embedder
from glyph_rag.errors import EmbedderError, InputError
from langchain_core.embeddings import Embeddings

_WINDOW = 8_192


class LangChainEmbedder:
    """Any `Embeddings` of LangChain as an embedder of glyph-rag. Safe to use from several threads if they are."""

    def __init__(
        self,
        embeddings: Embeddings,
        *,
        name: str | None = None,
        dimension: int | None = None,
        max_tokens: int = _WINDOW,
        languages: frozenset[str] | None = None,
    ) -> None:
        """
        Args:
            embeddings: The embeddings.
            name: What a store knows them by, to refuse others later; their class and `model` where None.
            dimension: Length of their vectors; found out by embedding a word where None.
            max_tokens: How much of a text they see.
            languages: ISO 639-1 codes of the languages they were made for, or None for any.
        """
        self.embeddings = embeddings
        model = getattr(embeddings, "model", None) or getattr(embeddings, "model_name", None)
        self._name = name or ":".join(filter(None, (type(embeddings).__name__, model and str(model))))
        self._dimension, self._max_tokens, self._languages = dimension, max_tokens, languages

    @cached_property
    def info(self) -> EmbedderInfo:
        """What it is."""
        dimension = self._dimension or len(self.embeddings.embed_query("dimension"))
        fingerprint = f"langchain:{self._name}:{dimension}"
        return EmbedderInfo(self._name, fingerprint, dimension, self._max_tokens, self._languages)

    def embed_documents(self, texts: Sequence[str]) -> FloatArray:
        """Vectors of passages: float32 (len(texts), dimension), each row of length 1, in the order given.

        Raises:
            EmbedderError: What came back are no such vectors.
        """
        return self._unit(self.embeddings.embed_documents(list(texts)) if texts else [], len(texts))

    def embed_queries(self, texts: Sequence[str]) -> FloatArray:
        """Vectors of questions, likewise.

        Raises:
            EmbedderError: As `embed_documents` does.
        """
        return self._unit([self.embeddings.embed_query(text) for text in texts], len(texts))

    def _unit(self, rows: Sequence[Sequence[float]], count: int) -> FloatArray:
        shape = (count, self.info.dimension)
        try:
            vectors = np.asarray(rows, np.float32).reshape(shape)
        except ValueError as error:
            raise self._refused(f"{len(rows)} vectors, and not all of length {shape[1]},") from error
        lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
        if not np.isfinite(vectors).all() or not lengths.all():
            raise self._refused("vectors without a direction")
        unit: FloatArray = vectors / lengths
        return unit

    def _refused(self, what: str) -> EmbedderError:
        hint = "one finite vector that is not zero for each text, all of one length"
        return EmbedderError(f"{self._name} returned {what}", hint=hint)


class GlyphEmbeddings(Embeddings):
    """An embedder of glyph-rag as `Embeddings` of LangChain: the bundled ones need no network and no key."""

    def __init__(self, embedder: Embedder | str = DEFAULT_EMBEDDER) -> None:
        """
        Args:
            embedder: An embedder, or its name: "minilm", "e5", or the hub id or path of a sentence-transformers model.

        Raises:
            MissingExtraError: It needs an extra that is not installed.
            EmbedderError: There is no such model.
            InputError: It embeds pages and not texts.
        """
        opened = open_embedder(embedder) if isinstance(embedder, str) else embedder
        if isinstance(opened, PageEmbedder):
            raise InputError(f"{opened.info.name} embeds pages", hint="LangChain's embeddings are of texts")
        self.embedder: Embedder = opened

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        """Vectors of passages, each of length 1."""
        return [[float(x) for x in row] for row in self.embedder.embed_documents(texts)] if texts else []

    def embed_query(self, text: str) -> list[float]:
        """The vector of a question, of length 1."""
        return [float(x) for x in self.embedder.embed_queries([text])[0]]


def embedder_of(embedding: Embeddings | AnyEmbedder | str | None) -> AnyEmbedder | str | None:
    """What `GlyphRAG.open` takes for it. Ours in LangChain's clothes are undressed."""
    if isinstance(embedding, GlyphEmbeddings):
        return embedding.embedder
    return LangChainEmbedder(embedding) if isinstance(embedding, Embeddings) else embedding
