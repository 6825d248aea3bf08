"""The seams between text or page images and vectors."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, TypeAlias, runtime_checkable

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from PIL import Image

FloatArray: TypeAlias = npt.NDArray[np.float32]


@dataclass(frozen=True)
class EmbedderInfo:
    """How an embedder describes itself.

    Attributes:
        name: What a person calls it.
        fingerprint: Changes whenever the same text or page would get other vectors; a store refuses a different one.
        dimension: Length of every vector.
        max_tokens: How much of a text it sees; the rest is cut off.
        languages: ISO 639-1 codes of the languages it was trained for, or None for any.
        vectors_per_page: Most vectors that a page gets; 0 for an embedder of text.
    """

    name: str
    fingerprint: str
    dimension: int
    max_tokens: int
    languages: frozenset[str] | None
    vectors_per_page: int = 0


class Embedder(Protocol):
    """Turns text into unit vectors. Implementations are safe to call from several threads."""

    @property
    def info(self) -> EmbedderInfo:
        """What it is. Cheap: does not load the model."""
        ...

    def embed_documents(self, texts: Sequence[str]) -> FloatArray:
        """Vectors of passages: float32 (len(texts), dimension), each row of length 1, in the order given."""
        ...

    def embed_queries(self, texts: Sequence[str]) -> FloatArray:
        """Vectors of questions: float32 (len(texts), dimension), each row of length 1, in the order given."""
        ...


@runtime_checkable
class PageEmbedder(Protocol):
    """Turns page images, and questions about them, into unit vectors. Safe to call from several threads.

    A page scores what MaxSim says of its vectors and those of a question; see `glyph_rag.search.maxsim`.
    """

    @property
    def info(self) -> EmbedderInfo:
        """What it is; `vectors_per_page` is at least 1. Cheap."""
        ...

    def embed_pages(self, images: Sequence[Image.Image]) -> list[FloatArray]:
        """Vectors of pages: for each, in the order given, float32 (n, dimension), each row of length 1.

        Args:
            images: Pages as `Page.image` draws them, grey or RGB, of any sizes.

        Returns:
            For each at least one vector, and at most `info.vectors_per_page`.
        """
        ...

    def embed_queries(self, texts: Sequence[str]) -> list[FloatArray]:
        """Vectors of questions: for each, in the order given, float32 (m, dimension), each row of length 1; m >= 1."""
        ...


AnyEmbedder: TypeAlias = Embedder | PageEmbedder
"""What a store can have its vectors from."""
