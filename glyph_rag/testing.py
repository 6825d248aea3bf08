"""Fakes for tests of code that uses glyph-rag: deterministic, fast, and without a model."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Sequence

import numpy as np

from glyph_rag.embed.embedder import EmbedderInfo, FloatArray
from glyph_rag.read.plan import ReadingPlan
from glyph_rag.read.reader import Reading


class HashEmbedder:
    """Vectors from the words of a text: texts that share words are near to each other.

    Attributes:
        embedded: Every text it has embedded, in order, so that a test can tell what was.
    """

    def __init__(self, dimension: int = 1024, name: str = "hash") -> None:
        self._info = EmbedderInfo(name, f"{name}-{dimension}", dimension, 1_000_000, None)
        self.embedded: list[str] = []

    @property
    def info(self) -> EmbedderInfo:
        """What it is."""
        return self._info

    def embed_documents(self, texts: Sequence[str]) -> FloatArray:
        """Vectors of passages: float32 (len(texts), dimension), each row of length 1, in the order given."""
        self.embedded.extend(texts)
        return self.embed_queries(texts)

    def embed_queries(self, texts: Sequence[str]) -> FloatArray:
        """Vectors of questions: float32 (len(texts), dimension), each row of length 1, in the order given."""
        vectors = np.zeros((len(texts), self._info.dimension), np.float32)
        for row, text in enumerate(texts):
            for word in ["", *re.findall(r"\w+", text.casefold())]:
                digest = hashlib.sha256(word.encode("utf-8", "surrogatepass")).digest()
                place = int.from_bytes(digest[:4], "big") % self._info.dimension
                vectors[row, place] += 1 if digest[4] & 1 or not word else -1
            if not vectors[row].any():
                vectors[row, 0] = 1
        unit: FloatArray = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
        return unit


class ScriptedReader:
    """Answers as it is told to.

    Attributes:
        plans: Every plan it was shown, in order.
    """

    def __init__(self, answer: str | Callable[[str], str]) -> None:
        """
        Args:
            answer: What it answers, or a function from the question to that.
        """
        self._answer = answer
        self.plans: list[ReadingPlan] = []

    @property
    def name(self) -> str:
        """What a person calls it."""
        return "scripted"

    def read(self, question: str, plan: ReadingPlan) -> Reading:
        """Remembers the plan and answers as scripted."""
        self.plans.append(plan)
        return Reading(self._answer if isinstance(self._answer, str) else self._answer(question))
