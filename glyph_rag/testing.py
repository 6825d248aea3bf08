"""Fakes for tests of code that uses glyph-rag: deterministic, fast, and without a model."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterator, Sequence

import numpy as np

from glyph_rag.embed.embedder import EmbedderInfo, FloatArray
from glyph_rag.read.plan import ReadingPlan
from glyph_rag.read.reader import Done, Reading, Sight


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
    """Answers as it is told to, in every way that a reader can be asked.

    Attributes:
        plans: Every plan it was shown, in order.
        schemas: The schema of every form it filled in, in order.
    """

    def __init__(
        self,
        answer: str | Reading | Callable[[str], str | Reading] = "",
        *,
        data: str | Callable[[str], str] = "",
        sight: Sight | None = None,
    ) -> None:
        """
        Args:
            answer: What it answers: words, a whole reading, or a function from the question to one of them.
            data: The JSON text with which it fills in forms, or a function from the question to that.
            sight: What it says that it can be shown; the usual where None.
        """
        self._answer, self._data, self._sight = answer, data, sight or Sight()
        self.plans: list[ReadingPlan] = []
        self.schemas: list[str] = []

    @property
    def name(self) -> str:
        """What a person calls it."""
        return "scripted"

    def sight(self) -> Sight:
        """What it can be shown, as it was told."""
        return self._sight

    def read(self, question: str, plan: ReadingPlan) -> Reading:
        """Remembers the plan and answers as scripted."""
        self.plans.append(plan)
        answer = self._answer(question) if callable(self._answer) else self._answer
        return Reading(answer) if isinstance(answer, str) else answer

    def read_structured(self, question: str, plan: ReadingPlan, schema: str) -> Reading:
        """Remembers the plan and the schema, and fills in the form as scripted."""
        self.plans.append(plan)
        self.schemas.append(schema)
        return Reading("", data=self._data(question) if callable(self._data) else self._data)

    def stream(self, question: str, plan: ReadingPlan, done: Done | None = None) -> Iterator[str]:
        """As `read`, word by word."""
        reading = self.read(question, plan)
        yield from re.findall(r"\s*\S+|\s+", reading.text)
        if done is not None:
            done(reading)
