"""all-MiniLM-L6-v2, English, shipped inside this package: the default embedder. No download, no torch.

The model is 23 MB on disk: int8 weights that the runtime turns back into float32 when it loads them, so
vectors are those of the published model to a cosine of 0.9997. Texts go through it one at a time on several
threads, each run single-threaded. For passages that beats padded batches on a CPU, and a vector cannot
depend on the texts it came with.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from glyph_rag.embed.embedder import EmbedderInfo, FloatArray
from glyph_rag.embed.session import embed_each, open_session, thread_count
from glyph_rag.embed.wordpiece import WordPiece
from glyph_rag.errors import EmbedderError

if TYPE_CHECKING:
    from onnxruntime import InferenceSession

_FOLDER = Path(__file__).parent.parent / "assets" / "minilm"


class MiniLMEmbedder:
    """The bundled English embedder. Safe to call from several threads."""

    def __init__(self, *, threads: int | None = None) -> None:
        """Costs nothing; the model is loaded, in about half a second, at the first text.

        Args:
            threads: Texts to embed at the same time; by default one for each usable core, up to 8.

        Raises:
            ValueError: If threads is less than 1.
        """
        self._threads = thread_count(threads)
        self._loading = threading.Lock()
        self._loaded: _Model | None = None

    @cached_property
    def info(self) -> EmbedderInfo:
        """What it is. Reads a few lines of JSON, not the model.

        Raises:
            EmbedderError: If the package's data files are missing.
        """
        facts = json.loads(_asset("model.json").read_text("utf-8"))
        return EmbedderInfo(
            name="minilm",
            # Written at build time from the very bytes shipped, so that no start has to hash 23 MB.
            fingerprint=f"minilm:{facts['sha256'][:16]}:{facts['tokenizer_sha256'][:16]}",
            dimension=facts["dimension"],
            max_tokens=facts["max_tokens"],
            languages=frozenset({"en"}),
        )

    def embed_documents(self, texts: Sequence[str]) -> FloatArray:
        """Vectors of passages: float32 (len(texts), 384), each row of length 1, in the order given.

        Raises:
            EmbedderError: If the package's data files are missing or damaged.
        """
        vectors = np.zeros((len(texts), self.info.dimension), np.float32)
        if texts:
            embed_each(self._model().embed, texts, vectors, self._threads)
        return vectors

    def embed_queries(self, texts: Sequence[str]) -> FloatArray:
        """Vectors of questions, which this model treats like passages: float32 (len(texts), 384).

        Raises:
            EmbedderError: If the package's data files are missing or damaged.
        """
        return self.embed_documents(texts)

    def _model(self) -> _Model:
        with self._loading:
            if self._loaded is None:
                self._loaded = _load(self.info.max_tokens)
            return self._loaded


@dataclass(frozen=True)
class _Model:
    tokenizer: WordPiece
    session: InferenceSession

    def embed(self, text: str) -> FloatArray:
        """The unit vector of one text: float32 (384,)."""
        ids = np.array([self.tokenizer.encode(text)], np.int64)
        (vectors,) = self.session.run(None, {"input_ids": ids, "attention_mask": np.ones_like(ids)})
        return np.asarray(vectors[0], np.float32)


def _load(max_tokens: int) -> _Model:
    model, vocabulary = _asset("model.onnx"), _asset("tokenizer.json")
    try:
        session = open_session(model)
        tokenizer = WordPiece.load(vocabulary, max_tokens)
    # onnxruntime raises bare subclasses of Exception.
    except Exception as error:
        raise EmbedderError(
            f"the bundled embedding model cannot be loaded: {error}", hint="reinstall glyph-rag"
        ) from error
    return _Model(tokenizer, session)


def _asset(name: str) -> Path:
    path = _FOLDER / name
    if not path.is_file():
        raise EmbedderError(f"the package's data file {name} is missing", hint="reinstall glyph-rag")
    return path
