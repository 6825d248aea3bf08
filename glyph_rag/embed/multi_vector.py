"""Late interaction on page images, by the `MultiVectorEncoder` of sentence-transformers. The `transformers` extra.

For the families of which transformers has no class of its own: a vision-language model with a projection behind it.
"""

from __future__ import annotations

from collections.abc import Sequence
from threading import Lock
from typing import TYPE_CHECKING, Any

import numpy as np

from glyph_rag.embed.embedder import EmbedderInfo, FloatArray
from glyph_rag.embed.pooling import pooled, unit
from glyph_rag.embed.sentence_transformers import load
from glyph_rag.embed.weights import LOAD_ERRORS, naming, package, plain, special_tokens, weights_digest
from glyph_rag.errors import EmbedderError, InputError

if TYPE_CHECKING:
    from PIL import Image

KIND = "MultiVectorEncoder"

_VERSION = 1  # Raised whenever masks or pooling change the vectors of the same weights.


class MultiVectorPageEmbedder:
    """A `MultiVectorEncoder` that looks at images; on the GPU where there is one. Safe to call from several threads.

    Which tokens have a vector, of a page as of a question, is what the model's own mask says. Like ones of a page are
    put together (`pooling`).
    """

    def __init__(
        self, model: str, *, device: str | None = None, batch_size: int = 4, vectors_per_page: int = 64
    ) -> None:
        """Loads the model, and has it look at an empty image.

        Args:
            model: Hub id or path of a folder.
            device: Such as "cuda:1" or "cpu"; the best there is where None.
            batch_size: Pages, or questions, to a forward pass.
            vectors_per_page: How many vectors of a page are kept at most.

        Raises:
            MissingExtraError: If sentence-transformers or scipy is not installed.
            EmbedderError: If there is no such model, it cannot be loaded, or it does not look at images.
            InputError: If a number is less than 1.
        """
        from PIL import Image

        for name, value in (("batch_size", batch_size), ("vectors_per_page", vectors_per_page)):
            if value < 1:
                raise InputError(f"{name} is {value}", hint=f"{name} is at least 1")
        package("scipy")
        self._model, self._batch_size, self._lock = load(KIND, model, device), batch_size, Lock()
        self._special = special_tokens(self._model.tokenizer)
        try:
            seen = self._encode(self._model.encode_document, [Image.new("RGB", (64, 64), "white")])[0]
        except LOAD_ERRORS as error:
            reason = str(error).strip().split("\n")[0]
            raise EmbedderError(
                f"{model!r} does not look at images: {reason}", hint="choose one that was trained on images of pages"
            ) from error
        self._info = EmbedderInfo(
            name=f"visual:{model}",
            fingerprint=f"visual:{weights_digest(self._model.state_dict())}:{vectors_per_page}:{_VERSION}",
            dimension=seen.shape[1],
            max_tokens=self._model.max_seq_length or 512,
            languages=None,
            vectors_per_page=vectors_per_page,
        )

    @property
    def info(self) -> EmbedderInfo:
        """What it is."""
        return self._info

    def embed_pages(self, images: Sequence[Image.Image]) -> list[FloatArray]:
        """Vectors of pages: for each float32 (n, dimension), each row of length 1, n up to `info.vectors_per_page`.

        Raises:
            EmbedderError: If the model fails, or memory runs out.
        """
        with naming(self._info.name, self._model.device):
            seen = self._encode(self._model.encode_document, [image.convert("RGB") for image in images])
        return [pooled(page, self._info.vectors_per_page) for page in seen]

    def embed_queries(self, texts: Sequence[str]) -> list[FloatArray]:
        """Vectors of questions: for each float32 (m, dimension), each row of length 1, one for each token.

        Raises:
            EmbedderError: If the model fails, or memory runs out.
        """
        with naming(self._info.name, self._model.device):
            return self._encode(self._model.encode_query, [plain(text, self._special) for text in texts])

    def _encode(self, encode: Any, items: Sequence[object]) -> list[FloatArray]:  # noqa: ANN401 - of an optional package
        """The vectors of each item, float32 (n, dimension), each row of length 1."""
        with self._lock:
            found = encode(items, batch_size=self._batch_size, convert_to_numpy=True, show_progress_bar=False)
        return [unit(np.asarray(vectors, np.float32)) for vectors in found]
