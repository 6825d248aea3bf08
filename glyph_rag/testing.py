"""Fakes for tests of code that uses glyph-rag: deterministic, fast, and without a model."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from glyph_rag.corpus.document import Document
from glyph_rag.corpus.split import split
from glyph_rag.embed.embedder import EmbedderInfo, FloatArray
from glyph_rag.read.plan import ReadingPlan
from glyph_rag.read.reader import Done, Reading, Sight
from glyph_rag.typeset.page import make_pages
from glyph_rag.typeset.profile import RenderProfile

if TYPE_CHECKING:
    from PIL import Image

_GUTTER = 8
_SPACE = 2


class HashEmbedder:
    """Vectors from the words of a text: texts that share words are near to each other.

    Attributes:
        embedded: Every text it has embedded, in order, so that a test can tell what was.
    """

    def __init__(self, dimension: int = 1024, name: str = "hash", languages: frozenset[str] | None = None) -> None:
        """
        Args:
            dimension: Length of the vectors.
            name: Its name; embedders of one name and dimension are the same.
            languages: What it says that it knows: ISO 639-1 codes, or None for any.
        """
        self._info = EmbedderInfo(name, f"{name}-{dimension}", dimension, 1_000_000, languages)
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


class PixelEmbedder:
    """A page embedder that sees shapes: pages on which the same words stand, set alike, are near to each other.

    An image is cut at its white columns and rows into lines and words. A word is the shape of its ink; what it says
    and where it stands is not known. A question is typeset and looked at in the same way, with a vector for each word.

    Attributes:
        embedded: Width and height of every page it has embedded, in order.
    """

    def __init__(self, dimension: int = 256, vectors_per_page: int = 8, profile: RenderProfile | None = None) -> None:
        """
        Args:
            dimension: Length of its vectors.
            vectors_per_page: So many parts of a page have a vector each; a page of fewer lines has as many as lines.
            profile: How questions are set: as the pages, or no shape is found again. The default one where None.
        """
        name = f"pixels-{dimension}-{vectors_per_page}"
        self._info = EmbedderInfo("pixels", name, dimension, 1_000_000, None, vectors_per_page)
        self._profile = profile or RenderProfile()
        self.embedded: list[tuple[int, int]] = []

    @property
    def info(self) -> EmbedderInfo:
        """What it is."""
        return self._info

    def embed_pages(self, images: Sequence[Image.Image]) -> list[FloatArray]:
        """Vectors of pages: for each float32 (n, dimension), each row of length 1, n up to `info.vectors_per_page`."""
        self.embedded.extend(image.size for image in images)
        return [self._look(image) for image in images]

    def embed_queries(self, texts: Sequence[str]) -> list[FloatArray]:
        """Vectors of questions: for each float32 (m, dimension), each row of length 1, one for each word."""
        return [self._ask(text) for text in texts]

    def _look(self, image: Image.Image) -> FloatArray:
        lines = _lines(image) or [[]]
        parts = np.array_split(np.arange(len(lines)), min(len(lines), self._info.vectors_per_page))
        return np.stack([self._vector([word for line in part for word in lines[line]]) for part in parts])

    def _ask(self, text: str) -> FloatArray:
        document = Document("question", text)
        pages = [page for page, _ in make_pages(document, split(document), self._profile)]
        words = [word for page in pages for line in _lines(page.image()) for word in line]
        return np.stack([self._vector([word]) for word in words or [b""]])

    def _vector(self, words: Sequence[bytes]) -> FloatArray:
        vector = np.zeros(self._info.dimension, np.float32)
        for word in words:
            digest = hashlib.sha256(word).digest()
            vector[int.from_bytes(digest[:4], "big") % len(vector)] += 1 if digest[4] & 1 else -1
        if not vector.any():
            vector[0] = 1
        unit: FloatArray = vector / np.linalg.norm(vector)
        return unit


def _lines(image: Image.Image) -> list[list[bytes]]:
    """The shapes of the words on a page, line by line."""
    ink = np.asarray(image.convert("L")) < 250
    columns = _pieces(ink, _GUTTER)
    lines = [line.T for column in columns for line in _pieces(column.T, 1)]
    return [[_shape(word) for word in _pieces(line, _SPACE)] for line in lines]


def _pieces(ink: npt.NDArray[np.bool_], gap: int) -> list[npt.NDArray[np.bool_]]:
    """What stands between empty columns, `gap` or more of them."""
    inked = np.flatnonzero(ink.any(axis=0))
    runs = np.split(inked, np.flatnonzero(np.diff(inked) > gap) + 1)
    return [ink[:, run[0] : run[-1] + 1] for run in runs if len(run)]


def _shape(word: npt.NDArray[np.bool_]) -> bytes:
    rows = np.flatnonzero(word.any(axis=1))
    inner = word[rows[0] : rows[-1] + 1]
    return repr(inner.shape).encode() + np.packbits(inner).tobytes()


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
