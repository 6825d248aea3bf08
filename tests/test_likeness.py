"""Likeness is on one scale, however an embedder spreads its cosines."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from glyph_rag.embed.embedder import EmbedderInfo, FloatArray
from glyph_rag.embed.minilm import MiniLMEmbedder
from glyph_rag.read.ocr.likeness import Likeness

QUESTION = "How many days of leave can be carried over?"
TEXTS = ["Up to 8 days of leave can be carried over.", "The canteen opens at noon.", QUESTION]


class Crowded:
    """MiniLM with all its vectors moved towards one point: every cosine c becomes 0.7 + 0.3 c, as with E5 models."""

    def __init__(self, languages: frozenset[str] | None) -> None:
        self._minilm = MiniLMEmbedder()
        self._languages = languages

    @property
    def info(self) -> EmbedderInfo:
        return EmbedderInfo("crowded", "crowded", 385, 256, self._languages)

    def embed_documents(self, texts: Sequence[str]) -> FloatArray:
        vectors = self._minilm.embed_documents(texts)
        shared = np.full((len(texts), 1), 0.7**0.5, np.float32)
        return np.hstack([shared, np.float32(0.3**0.5) * vectors])

    def embed_queries(self, texts: Sequence[str]) -> FloatArray:
        return self.embed_documents(texts)


def test_a_crowded_embedder_gets_the_scale_of_minilm() -> None:
    plain, crowded = Likeness(MiniLMEmbedder()).of(QUESTION), Likeness(Crowded(None)).of(QUESTION)
    assert plain is not None
    assert crowded is not None
    assert np.allclose(plain(TEXTS), crowded(TEXTS), atol=0.02)
    assert plain(TEXTS) == pytest.approx(
        MiniLMEmbedder().embed_documents(TEXTS) @ MiniLMEmbedder().embed_queries([QUESTION])[0], abs=0.01
    )


def test_an_embedder_that_does_not_know_the_language_is_not_asked() -> None:
    assert Likeness(MiniLMEmbedder()).of("病假第几天需要提交诊断证明？") is None
    assert Likeness(Crowded(None)).of("病假第几天需要提交诊断证明？") is not None
