"""Any sentence-transformers model, by hub id or path. The `transformers` extra."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np

from glyph_rag.embed.embedder import EmbedderInfo, FloatArray
from glyph_rag.errors import EmbedderError, MissingExtraError


class SentenceTransformersEmbedder:
    """A model that sentence-transformers can load; on the GPU where there is one."""

    def __init__(self, model: str, *, device: str | None = None, batch_size: int = 32) -> None:
        """Loads the model.

        Args:
            model: Hub id or path of a folder.
            device: Such as "cuda:1" or "cpu"; the best there is where None.
            batch_size: Texts to a forward pass.

        Raises:
            MissingExtraError: If sentence-transformers is not installed.
            EmbedderError: If there is no such model, or it cannot be loaded.
        """
        try:
            from sentence_transformers import SentenceTransformer
        except ImportError as error:
            raise MissingExtraError("sentence-transformers", "transformers") from error
        try:
            self._model = SentenceTransformer(model, device=device)
        except (OSError, ValueError, RuntimeError, KeyError) as error:
            raise EmbedderError(
                f"the embedder {model!r} cannot be loaded: {error}",
                hint='give "minilm", "e5", or the hub id or path of a sentence-transformers model',
            ) from error
        self._batch_size = batch_size
        self._info = EmbedderInfo(
            name=model,
            fingerprint=self._weights_digest(),
            dimension=len(self._encode([""], is_query=False)[0]),
            max_tokens=self._model.max_seq_length or 512,
            languages=None,
        )

    @property
    def info(self) -> EmbedderInfo:
        """What it is."""
        return self._info

    def embed_documents(self, texts: Sequence[str]) -> FloatArray:
        """Vectors of passages: float32 (len(texts), dimension), each row of length 1, in the order given."""
        return self._encode(texts, is_query=False)

    def embed_queries(self, texts: Sequence[str]) -> FloatArray:
        """Vectors of questions: float32 (len(texts), dimension), each row of length 1, in the order given."""
        return self._encode(texts, is_query=True)

    def _encode(self, texts: Sequence[str], *, is_query: bool) -> FloatArray:
        if not texts:
            return np.zeros((0, self._info.dimension), np.float32)
        clean = [text.encode("utf-8", "replace").decode() for text in texts]
        # These two apply the prompts that the model was trained with, where it has any.
        encode = self._model.encode_query if is_query else self._model.encode_document
        vectors = encode(clean, batch_size=self._batch_size, normalize_embeddings=True, show_progress_bar=False)
        return np.asarray(vectors, np.float32)

    def _weights_digest(self) -> str:
        """16 hex digits that tell two sets of weights apart: the names, shapes and first numbers of all of them."""
        digest = hashlib.sha256()
        for name, weights in sorted(self._model.state_dict().items()):
            first = weights.detach().flatten()[:64].float().cpu().numpy()
            digest.update(f"{name} {tuple(weights.shape)}\n".encode() + first.astype("<f4").tobytes())
        return digest.hexdigest()[:16]
