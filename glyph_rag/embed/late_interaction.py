"""Late interaction on page images, in transformers' own classes: a vector for each patch that the model sees.

Faysse et al., "ColPali: Efficient Document Retrieval with Vision Language Models", 2024. The `transformers` extra.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence
from threading import Lock
from typing import TYPE_CHECKING, Any, Final, TypeVar

from glyph_rag.embed.embedder import EmbedderInfo, FloatArray
from glyph_rag.embed.pooling import pooled, unit
from glyph_rag.embed.weights import (
    LOAD_ERRORS,
    device_of,
    dtype_of,
    naming,
    package,
    plain,
    ran_out_of_memory,
    special_tokens,
    weights_digest,
    without_progress,
)
from glyph_rag.errors import EmbedderError, InputError

if TYPE_CHECKING:
    from PIL import Image

ARCHITECTURES: Final = frozenset({"ColPaliForRetrieval", "ColQwen2ForRetrieval", "ColModernVBertForRetrieval"})
"""Classes of transformers that do this, as checkpoints name them in their config.json."""

_Item = TypeVar("_Item")

_VERSION: Final = 1  # Raised whenever masks or pooling change the vectors of the same weights.


def is_late_interaction(model: str) -> bool:
    """Whether a checkpoint says of itself that it is one of these. Reads its config.json, and no weights.

    Args:
        model: Hub id or path of a folder.

    Raises:
        MissingExtraError: If transformers is not installed.
    """
    transformers = package("transformers")
    try:
        config, _ = transformers.PretrainedConfig.get_config_dict(model)
    except LOAD_ERRORS:
        return False  # Models of sentence-transformers may have theirs in a folder of its own.
    return not ARCHITECTURES.isdisjoint(config.get("architectures") or ())


class LateInteractionEmbedder:
    """A ColPali, ColQwen2 or ColModernVBERT, on the GPU where there is one. Safe to call from several threads.

    Of a page, only the vectors of its patches are kept; those of the prompt around them are left out, and like ones are
    put together (`pooling`). Of a question, every token has a vector, those that the processor adds too: the
    models were trained so.
    """

    def __init__(
        self, model: str, *, device: str | None = None, batch_size: int = 4, vectors_per_page: int = 64
    ) -> None:
        """Loads the model.

        Args:
            model: Hub id, or path of a folder as `save_pretrained` writes it.
            device: Such as "cuda:1" or "cpu"; the best there is where None.
            batch_size: Pages, or questions, to a forward pass.
            vectors_per_page: How many vectors of a page are kept at most.

        Raises:
            MissingExtraError: If transformers, torch or scipy is not installed.
            EmbedderError: If there is no such model or device, it is of another kind, or it cannot be loaded.
            InputError: If a number is less than 1.
        """
        for name, value in (("batch_size", batch_size), ("vectors_per_page", vectors_per_page)):
            if value < 1:
                raise InputError(f"{name} is {value}", hint=f"{name} is at least 1")
        self._torch = package("torch")
        package("scipy")
        self._device = device_of(self._torch, device)
        self._batch_size, self._lock = batch_size, Lock()
        self._processor, self._model = self._load(model)
        self._patch = self._processor.tokenizer.convert_tokens_to_ids(self._processor.image_token)
        self._special = special_tokens(self._processor.tokenizer)
        digest = weights_digest(self._model.state_dict(), self._torch.bfloat16)
        self._info = EmbedderInfo(
            name=f"visual:{model}",
            fingerprint=f"{digest}:{vectors_per_page}:{_VERSION}",
            dimension=self._model.config.embedding_dim,
            max_tokens=self._processor.tokenizer.model_max_length,
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
        return [pooled(page, self._info.vectors_per_page) for part in self._parts(images) for page in self._look(part)]

    def embed_queries(self, texts: Sequence[str]) -> list[FloatArray]:
        """Vectors of questions: for each float32 (m, dimension), each row of length 1, one for each token.

        Raises:
            EmbedderError: If the model fails, or memory runs out.
        """
        return [query for part in self._parts(texts) for query in self._ask(part)]

    def _parts(self, items: Sequence[_Item]) -> list[Sequence[_Item]]:
        return [items[at : at + self._batch_size] for at in range(0, len(items), self._batch_size)]

    def _look(self, images: Sequence[Image.Image]) -> list[FloatArray]:
        with self._lock, naming(self._info.name, self._device):
            inputs = self._processor.process_images(images=[image.convert("RGB") for image in images])
            patches = inputs["input_ids"] == self._patch
            return self._forward(inputs, patches)

    def _ask(self, texts: Sequence[str]) -> list[FloatArray]:
        with self._lock, naming(self._info.name, self._device):
            inputs = self._processor.process_queries(text=[plain(text, self._special) for text in texts])
            return self._forward(inputs, inputs["attention_mask"] == 1)

    def _forward(self, inputs: Any, kept: Any) -> list[FloatArray]:  # noqa: ANN401 - tensors of an optional package
        """The vectors at the kept places of each row of a batch."""
        inputs.pop("labels", None)  # For training.
        with self._torch.inference_mode():
            output = self._model(**inputs.to(self._device)).embeddings.float().cpu()
        return [unit(row[mask].numpy()) for row, mask in zip(output, kept, strict=True)]

    def _load(self, name: str) -> tuple[Any, Any]:
        transformers = package("transformers")
        where = {"pretrained_model_name_or_path": name, "trust_remote_code": False}
        weights: dict[str, object] = {
            **where,
            "dtype": dtype_of(self._torch, self._device),
            "output_loading_info": True,
        }
        # With accelerate the weights go straight to the device, without a copy of all of them in the main memory.
        if self._device != "cpu" and importlib.util.find_spec("accelerate") is not None:
            weights["device_map"] = {"": self._device}
        try:
            config = transformers.AutoConfig.from_pretrained(**where)
            known = ARCHITECTURES.intersection(config.architectures or ())
            if not known:
                raise EmbedderError(
                    f"{name!r} is no late-interaction model of transformers, but {config.architectures}",
                    hint="choose one such as vidore/colqwen2-v1.0-hf; adapters have to be merged into their model",
                )
            processor = transformers.AutoProcessor.from_pretrained(**where)
            with without_progress():
                model, info = getattr(transformers, min(known)).from_pretrained(**weights)
                model = model.to(self._device).eval()
        except (*LOAD_ERRORS, MemoryError, package("safetensors").SafetensorError) as error:
            reason = str(error).strip().split("\n")[0]
            raise EmbedderError(f"the embedder {name!r} cannot be loaded: {reason}", hint=_hint(error)) from error
        if missing := sorted(info["missing_keys"]):
            raise EmbedderError(
                f"{name!r} lacks {len(missing)} of its weights, such as {missing[0]}",
                hint="it would look with random numbers in their place: download or save it again",
            )
        return processor, model


def _hint(error: Exception) -> str:
    if ran_out_of_memory(error):
        return "choose a smaller model, or another device"
    return "give the hub id or path of a ColPali, ColQwen2 or ColModernVBERT checkpoint in transformers' format"
