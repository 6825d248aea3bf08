"""Any sentence-transformers model, by hub id or path. The `transformers` extra."""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any

import numpy as np

from glyph_rag.embed.embedder import EmbedderInfo, FloatArray
from glyph_rag.embed.pooling import unit
from glyph_rag.embed.weights import (
    LOAD_ERRORS,
    naming,
    package,
    plain,
    special_tokens,
    weights_digest,
    without_progress,
)
from glyph_rag.errors import EmbedderError

if TYPE_CHECKING:
    from PIL import Image


class SentenceTransformersEmbedder:
    """A model of text that sentence-transformers can load; on the GPU where there is one."""

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
        self._model, self._name = load("SentenceTransformer", model, device), model
        self._batch_size = batch_size
        self._info = EmbedderInfo(
            name=model,
            fingerprint=weights_digest(self._model.state_dict()),
            dimension=len(self._encode([""], is_query=False)[0]),
            max_tokens=self._model.max_seq_length or 512,
            languages=None,
        )

    @property
    def info(self) -> EmbedderInfo:
        """What it is."""
        return self._info

    def embed_documents(self, texts: Sequence[str]) -> FloatArray:
        """Vectors of passages: float32 (len(texts), dimension), each row of length 1, in the order given.

        Raises:
            EmbedderError: If the model fails, or memory runs out.
        """
        return self._encode(texts, is_query=False)

    def embed_queries(self, texts: Sequence[str]) -> FloatArray:
        """Vectors of questions: float32 (len(texts), dimension), each row of length 1, in the order given.

        Raises:
            EmbedderError: If the model fails, or memory runs out.
        """
        return self._encode(texts, is_query=True)

    def _encode(self, texts: Sequence[str], *, is_query: bool) -> FloatArray:
        if not texts:
            return np.zeros((0, self._info.dimension), np.float32)
        # These two apply the prompts that the model was trained with, where it has any.
        encode = self._model.encode_query if is_query else self._model.encode_document
        with naming(self._name, self._model.device):
            return _vectors(encode, [_clean(text) for text in texts], self._batch_size)


class SentenceTransformersPageEmbedder:
    """A model of text and images that sentence-transformers can load: one vector for a page.

    On the GPU where there is one. Safe to call from several threads, which wait for each other.
    """

    def __init__(self, model: str, *, device: str | None = None, batch_size: int = 8) -> None:
        """Loads the model, and has it look at an empty image.

        Args:
            model: Hub id or path of a folder.
            device: Such as "cuda:1" or "cpu"; the best there is where None.
            batch_size: Pages, or questions, to a forward pass.

        Raises:
            MissingExtraError: If sentence-transformers is not installed.
            EmbedderError: If there is no such model, it cannot be loaded, or it does not look at images.
        """
        from PIL import Image

        self._model, self._batch_size, self._lock = load("SentenceTransformer", model, device), batch_size, Lock()
        self._special = special_tokens(self._model.tokenizer)
        try:
            seen = self._encode(self._model.encode_document, [Image.new("RGB", (64, 64), "white")])
        except LOAD_ERRORS as error:
            reason = str(error).strip().split("\n")[0]
            raise EmbedderError(
                f"{model!r} does not look at images: {reason}",
                hint=f"name it without 'visual:' to embed text, as {model!r}",
            ) from error
        self._info = EmbedderInfo(
            name=f"visual:{model}",
            fingerprint=f"visual:{weights_digest(self._model.state_dict())}",
            dimension=seen.shape[1],
            max_tokens=self._model.max_seq_length or 512,
            languages=None,
            vectors_per_page=1,
        )

    @property
    def info(self) -> EmbedderInfo:
        """What it is."""
        return self._info

    def embed_pages(self, images: Sequence[Image.Image]) -> list[FloatArray]:
        """Vectors of pages: for each float32 (1, dimension), of length 1.

        Raises:
            EmbedderError: If the model fails, or memory runs out.
        """
        return self._each(self._model.encode_document, [image.convert("RGB") for image in images])

    def embed_queries(self, texts: Sequence[str]) -> list[FloatArray]:
        """Vectors of questions: for each float32 (1, dimension), of length 1.

        Raises:
            EmbedderError: If the model fails, or memory runs out.
        """
        encode = partial(self._model.encode_query, **_padding(self._model))
        return self._each(encode, [plain(text, self._special) for text in texts])

    def _each(self, encode: Any, items: Sequence[object]) -> list[FloatArray]:  # noqa: ANN401 - of an optional package
        with naming(self._info.name, self._model.device):
            return list(self._encode(encode, items)[:, None, :]) if items else []

    def _encode(self, encode: Any, items: Sequence[object]) -> FloatArray:  # noqa: ANN401 - of an optional package
        with self._lock:
            return _vectors(encode, items, self._batch_size)


def saved_kind(model: str) -> str:
    """The class of sentence-transformers that a model was saved by, as its own configuration says. Reads no weights.

    Args:
        model: Hub id or path of a folder.

    Raises:
        MissingExtraError: If sentence-transformers is not installed.
    """
    find = package("sentence_transformers").util.load_file_path
    try:
        found = find(model, "config_sentence_transformers.json")
        settings = json.loads(Path(found).read_text("utf-8")) if found else {}
    except LOAD_ERRORS:
        settings = {}  # Loading it will say what is wrong.
    return str(settings.get("model_type", "SentenceTransformer"))


def load(kind: str, model: str, device: str | None) -> Any:  # noqa: ANN401 - of an optional package
    """A model of sentence-transformers.

    Args:
        kind: The class. One that was saved by another is refused: it would be made over, with no word about what of it
            is left out.
        model: Hub id or path of a folder.
        device: Such as "cuda:1" or "cpu"; the best there is where None.

    Raises:
        MissingExtraError: If sentence-transformers is not installed.
        EmbedderError: If there is no such model, it is of another kind, or it cannot be loaded.
    """
    if (saved := saved_kind(model)) != kind:
        raise EmbedderError(
            f"{model!r} is a {saved} of sentence-transformers, not a {kind}",
            hint="choose a model of one vector for a text; 'visual:' before one that looks at pages may have several",
        )
    sentence_transformers = package("sentence_transformers")
    try:
        with without_progress():
            loaded = getattr(sentence_transformers, kind)(model, device=device)
    except LOAD_ERRORS as error:
        raise EmbedderError(
            f"the embedder {model!r} cannot be loaded: {error}",
            hint='give "minilm", "e5", or the hub id or path of a sentence-transformers model; "visual:" before it '
            "makes it look at page images",
        ) from error
    # A checkpoint of half the precision is slower on a CPU, and less exact for nothing.
    return loaded.float() if loaded.device.type == "cpu" else loaded


def _padding(model: Any) -> dict[str, dict[str, dict[str, object]]]:  # noqa: ANN401 - of an optional package
    """How questions are padded where the model was trained on ones of a single length, as SigLIP was.

    Its processor says so, but sentence-transformers pads to the longest of a batch unless it is told.
    """
    usual = getattr(getattr(model[0], "processor", None), "text_kwargs", {})
    return {"processing_kwargs": {"text": {"padding": "max_length"}}} if usual.get("padding") == "max_length" else {}


def _vectors(encode: Any, items: Sequence[object], batch_size: int) -> FloatArray:  # noqa: ANN401
    """float32 (len(items), dimension), each row of length 1."""
    return unit(np.asarray(encode(items, batch_size=batch_size, show_progress_bar=False), np.float32))


def _clean(text: str) -> str:
    return text.encode("utf-8", "replace").decode()
