"""The seam between text and vectors."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, TypeAlias

import numpy as np
import numpy.typing as npt

FloatArray: TypeAlias = npt.NDArray[np.float32]


@dataclass(frozen=True)
class EmbedderInfo:
    """How an embedder describes itself.

    Attributes:
        name: What a person calls it.
        fingerprint: Changes whenever the same text would get another vector; a store refuses a different one.
        dimension: Length of every vector.
        max_tokens: How much of a text it sees; the rest is cut off.
        languages: ISO 639-1 codes of the languages it was trained for, or None for any.
    """

    name: str
    fingerprint: str
    dimension: int
    max_tokens: int
    languages: frozenset[str] | None


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
