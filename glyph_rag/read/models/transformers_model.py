"""The other half of a checkpoint: its weights on a device, and what they reply to a batch of prompts."""

from __future__ import annotations

import gc
import importlib.util
import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pickle import UnpicklingError
from threading import Event
from types import ModuleType
from typing import Any, Literal

from glyph_rag.embed.weights import device_of, dtype_of, ran_out_of_memory, without_progress
from glyph_rag.errors import ReaderError
from glyph_rag.read.models.transformers_processor import LOAD_ERRORS, Place, PromptProcessor, package
from glyph_rag.read.prompt import Prompt

DTYPES = ("auto", "bfloat16", "float16", "float32")


@dataclass(frozen=True)
class Settings:
    """How a model is loaded and how it replies; `TransformersReader` says what each of them means."""

    device: str | None
    dtype: str
    max_new_tokens: int
    attention: str | None
    quantize: Literal["4bit"] | None
    stop: tuple[str, ...]


@dataclass(frozen=True)
class Reply:
    """What a model replied to one prompt.

    Attributes:
        text: Its words, up to the first stop string.
        prompt_tokens: Tokens of the prompt, pages included.
        image_tokens: Those of them that the pages added.
        reply_tokens: Tokens that the model wrote, thoughts and its end included.
        ended: Whether the model came to an end by itself; else it ran into `max_new_tokens`.
    """

    text: str
    prompt_tokens: int
    image_tokens: int
    reply_tokens: int
    ended: bool


class VisionModel:
    """Weights on a device. Not for two threads at once."""

    def __init__(self, place: Place, processor: PromptProcessor, settings: Settings) -> None:
        """Loads the weights.

        Raises:
            MissingExtraError: torch is not installed.
            ReaderError: The weights are missing, damaged or incomplete, do not fit into memory, or cannot be loaded in
                the way that is asked for.
        """
        self._torch = package("torch")
        self._processor = processor
        self._settings = settings
        self._device = device_of(self._torch, settings.device, ReaderError)
        self._dtype = _dtype(self._torch, self._device, settings.dtype)
        self._model: Any = self._load(place)
        self._ends = self._end_tokens()

    def reply(
        self, prompts: Sequence[Prompt], cancel: Event, on_text: Callable[[str], None] | None = None
    ) -> list[Reply] | None:
        """Replies to a batch, greedily: the same prompts get the same words.

        Args:
            prompts: What is asked.
            cancel: Once set, generation stops at the next token and the replies are what there is by then.
            on_text: Called with each new piece of the reply; for a batch of one.

        Returns:
            A reply to each prompt, or None if memory ran out; it has been freed by then.

        Raises:
            ReaderError: The processor refuses a page, or the model fails.
        """
        try:
            return self._generate(prompts, cancel, on_text)
        except (MemoryError, RuntimeError, ValueError, IndexError) as error:
            if not ran_out_of_memory(error):
                reason = str(error).strip().split("\n")[0]
                raise ReaderError(f"the model failed while reading: {type(error).__name__}: {reason}") from error
        # Only here is the traceback gone, which held on to what filled the memory.
        gc.collect()
        if self._device.startswith("cuda"):
            self._torch.cuda.empty_cache()
        return None

    def _generate(self, prompts: Sequence[Prompt], cancel: Event, on_text: Callable[[str], None] | None) -> list[Reply]:
        inputs = self._processor.encode(prompts, self._device, self._dtype)
        ids: Any = inputs["input_ids"]
        mask: Any = inputs["attention_mask"]
        if "token_type_ids" not in inspect.signature(self._model.forward).parameters:
            inputs.pop("token_type_ids", None)  # Some tokenizers make them for every model, and generate refuses them.
        watch = _Watch(self, ids.shape[1], cancel, on_text)
        with self._torch.inference_mode():
            output = self._model.generate(
                **inputs,
                max_new_tokens=self._settings.max_new_tokens,
                do_sample=False,
                num_beams=1,
                # Settings of the checkpoint for sampling, which generate warns of where nothing is sampled.
                temperature=None,
                top_p=None,
                top_k=None,
                eos_token_id=list(self._ends) or None,
                pad_token_id=self._processor.tokenizer.pad_token_id,
                stopping_criteria=[watch],
            )
        lengths = mask.sum(dim=1).tolist()
        rows = output[:, ids.shape[1] :].tolist()
        replies = [self._read_off(*row) for row in zip(prompts, lengths, rows, strict=True)]
        watch.finish(replies[0].text)
        return replies

    def _read_off(self, prompt: Prompt, length: int, row: list[int]) -> Reply:
        text, stopped = self.words(row)
        written = next((at + 1 for at, token in enumerate(row) if token in self._ends), len(row))
        return Reply(
            text=text,
            prompt_tokens=length,
            image_tokens=self._processor.image_tokens(prompt, length),
            reply_tokens=written,
            ended=stopped or len(row) < self._settings.max_new_tokens or any(end in row for end in self._ends),
        )

    def words(self, row: list[int]) -> tuple[str, bool]:
        """The text of new tokens, up to the end or the first stop string, and whether one was there."""
        end = next((at for at, token in enumerate(row) if token in self._ends), len(row))
        text = self._processor.tokenizer.decode(row[:end], skip_special_tokens=True, clean_up_tokenization_spaces=False)
        found = [at for at in map(text.find, self._settings.stop) if at >= 0]
        return text[: min(found, default=len(text))], bool(found)

    @property
    def stop(self) -> tuple[str, ...]:
        """The stop strings."""
        return self._settings.stop

    def flags(self, values: list[bool]) -> object:
        """A tensor of booleans on the device."""
        return self._torch.tensor(values, dtype=self._torch.bool, device=self._device)

    def _load(self, place: Place) -> object:
        transformers = package("transformers")
        arguments: dict[str, object] = {**place.arguments, "dtype": self._dtype, "output_loading_info": True}
        if self._settings.attention is not None:
            arguments["attn_implementation"] = self._settings.attention
        if self._settings.quantize is not None:
            arguments["quantization_config"] = self._four_bits(transformers)
        # With accelerate the weights go straight to the device, without a copy of all of them in the main memory.
        if self._device != "cpu" and importlib.util.find_spec("accelerate") is not None:
            arguments["device_map"] = {"": self._device}
        try:
            with without_progress():
                model, info = transformers.AutoModelForImageTextToText.from_pretrained(**arguments)
                if "device_map" not in arguments:
                    model = model.to(self._device)
        except (*LOAD_ERRORS, EOFError, MemoryError, UnpicklingError, package("safetensors").SafetensorError) as error:
            if ran_out_of_memory(error):
                hint = 'choose a smaller model, or quantize="4bit" on an NVIDIA GPU'
                raise ReaderError(f"{place.name} does not fit into the memory of {self._device}", hint=hint) from error
            raise place.refused("the weights", error) from error
        if missing := sorted(info["missing_keys"]):
            raise ReaderError(
                f"{place.name} lacks {len(missing)} of its weights, such as {missing[0]}",
                hint="it would read with random numbers in their place: download or save it again",
            )
        loaded: object = model.eval()
        return loaded

    def _four_bits(self, transformers: ModuleType) -> object:
        missing = [name for name in ("bitsandbytes", "accelerate") if importlib.util.find_spec(name) is None]
        if missing:
            raise ReaderError(f"4-bit weights need {' and '.join(missing)}", hint=f"pip install {' '.join(missing)}")
        if not self._device.startswith("cuda"):
            raise ReaderError(f"4-bit weights need an NVIDIA GPU, not {self._device}", hint="leave out quantize")
        made: object = transformers.BitsAndBytesConfig(
            load_in_4bit=True, bnb_4bit_quant_type="nf4", bnb_4bit_compute_dtype=self._dtype
        )
        return made

    def _end_tokens(self) -> frozenset[int]:
        ends = self._model.generation_config.eos_token_id
        if ends is None:
            ends = self._processor.tokenizer.eos_token_id
        return frozenset([ends] if isinstance(ends, int) else ends or [])


class _Watch:
    """Looks at the new tokens after each step: passes them on, and stops where a stop string or the caller says so."""

    def __init__(
        self, model: VisionModel, prompt_length: int, cancel: Event, on_text: Callable[[str], None] | None
    ) -> None:
        self._model = model
        self._from = prompt_length
        self._cancel = cancel
        self._on_text = on_text
        self._sent = 0

    def __call__(self, input_ids: Any, scores: object) -> object:  # noqa: ANN401  a tensor
        """Which rows are done: a tensor of booleans (batch,)."""
        rows = len(input_ids)
        if self._cancel.is_set() or (self._on_text is None and not self._model.stop):
            return self._model.flags([self._cancel.is_set()] * rows)
        read = [self._model.words(row) for row in input_ids[:, self._from :].tolist()]
        self._send(read[0][0][: _settled(read[0][0], self._model.stop)])
        return self._model.flags([stopped for _, stopped in read])

    def finish(self, text: str) -> None:
        """Passes on what was held back."""
        self._send(text)

    def _send(self, text: str) -> None:
        if self._on_text is not None and len(text) > self._sent:
            self._on_text(text[self._sent :])
            self._sent = len(text)


def _settled(text: str, stops: Sequence[str]) -> int:
    """Length of the part that no later token can change: no half character and no begin of a stop string at its end."""
    whole = len(text.rstrip("\ufffd"))
    held = (size for stop in stops for size in range(1, len(stop)) if text.endswith(stop[:size]))
    return min(whole, len(text) - max(held, default=0))


def _dtype(torch: ModuleType, device: str, wanted: str) -> object:
    """The `torch.dtype` of a name; for "auto" half the precision on a GPU, and full precision on a CPU."""
    return dtype_of(torch, device) if wanted == "auto" else getattr(torch, wanted)
