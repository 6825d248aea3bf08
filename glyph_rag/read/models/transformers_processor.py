"""The half of a checkpoint that turns prompts into tensors: configuration, processor, chat template.

transformers is reached by name and never imported: nothing of this package needs it before a model is asked for.
"""

from __future__ import annotations

import importlib
import importlib.util
import io
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from threading import Lock
from types import ModuleType
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from glyph_rag.errors import MissingExtraError, ProfileError, ReaderError
from glyph_rag.read.plan import PlanPage
from glyph_rag.read.prompt import PagePart, Part, Prompt, TextPart
from glyph_rag.typeset.imagetokens import ModelFamily, family_from_config

if TYPE_CHECKING:
    from PIL import Image

_Layout = Literal["parts", "string", "merged"]
_LAYOUTS: tuple[_Layout, ...] = ("parts", "string", "merged")
_PROBE = "Look closely."
_HUB_ID = re.compile(r"[\w-][\w.-]*(?:/[\w-][\w.-]*)?")
_STILL = {"smolvlm": "Idefics3Processor"}  # Its own does the same for images, and asks for num2words for videos.


def package(name: str) -> ModuleType:
    """A module of the extra `transformers`.

    Raises:
        MissingExtraError: It is not installed.
    """
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        raise MissingExtraError(name, "transformers") from error


@dataclass(frozen=True)
class Place:
    """Where a checkpoint is.

    Attributes:
        name: Path of a folder, or hub id.
        revision: Branch, tag or commit on the hub; the main branch where None.
        is_path: Whether it can be a folder alone, and no hub id.
    """

    name: str
    revision: str | None = None
    is_path: bool = False

    @property
    def folder(self) -> Path | None:
        """The folder, if it is one."""
        path = Path(self.name).expanduser()
        return path if path.is_dir() else None

    @property
    def arguments(self) -> dict[str, object]:
        """What each `from_pretrained` is told: where, and that code of the checkpoint is not run."""
        revision = {} if self.revision is None else {"revision": self.revision}
        name = self.name if self.folder is None else str(self.folder)
        return {"pretrained_model_name_or_path": name, "trust_remote_code": False, **revision}

    def check(self) -> None:
        """Refuses what is no model folder, before anything is looked for on the hub.

        Raises:
            ReaderError: It is a file, a folder without config.json, or a path at which there is nothing.
        """
        hint = "give a hub id such as Qwen/Qwen3-VL-4B-Instruct, or the folder that save_pretrained wrote"
        if self.folder is not None:
            if not (self.folder / "config.json").is_file():
                raise ReaderError(f"the folder {self.name} is no model: there is no config.json in it", hint=hint)
        elif Path(self.name).expanduser().exists():
            raise ReaderError(f"{self.name} is a file, not the folder of a model", hint=hint)
        elif self.is_path or not _HUB_ID.fullmatch(self.name):
            raise ReaderError(f"there is no folder {self.name}", hint=hint)

    def refused(self, what: str, error: Exception) -> ReaderError:
        """The error for a checkpoint that does not load, with what to do about it."""
        reason = str(error).strip().split("\n")[0]
        return ReaderError(f"{what} of {self.name} cannot be loaded: {reason}", hint=self._hint(str(error)))

    def _hint(self, reason: str) -> str:
        if "trust_remote_code" in reason or "custom code" in reason:
            return "it needs code of its own, which is never run here; serve it and use OpenAIReader"
        if "does not recognize this architecture" in reason or "model type" in reason:
            return "pip install -U transformers, or choose a model that it knows"
        if "torchvision" in reason:
            return "install the torchvision that belongs to this torch, or none at all"
        if self.folder is not None:
            return "the folder is incomplete or damaged: download or save it again"
        if "gated" in reason or "401" in reason or "403" in reason:
            return "accept the terms of the model on the hub and log in with `hf auth login`"
        return "check the name and the connection; there is no folder of that name either"


LOAD_ERRORS = (OSError, ValueError, RuntimeError, KeyError, TypeError, AttributeError, ImportError)


class PromptProcessor:
    """Prompts to tensors, by the processor and chat template of a checkpoint.

    Not for two threads at once, but for `count`, which others may call meanwhile.
    """

    def __init__(self, place: Place) -> None:
        """Loads the configuration and the processor, not the weights.

        Raises:
            MissingExtraError: transformers is not installed.
            ReaderError: There is no such checkpoint, it is incomplete, it has no eyes, or no chat template.
        """
        self._place = place
        self._tokenizing = Lock()
        place.check()
        transformers = package("transformers")
        try:
            self.config: Any = transformers.AutoConfig.from_pretrained(**place.arguments)
        except LOAD_ERRORS as error:
            raise place.refused("the configuration", error) from error
        if type(self.config) not in transformers.MODEL_FOR_IMAGE_TEXT_TO_TEXT_MAPPING:
            raise ReaderError(
                f"{place.name} has no eyes: {self.config.model_type} models read text alone",
                hint="choose a vision-language model, such as Qwen/Qwen3-VL-4B-Instruct or zai-org/Glyph",
            )
        processor: Any = _load_processor(transformers, place, self.config)
        self._processor = processor
        self.tokenizer = processor.tokenizer
        self.tokenizer.padding_side = "left"
        if self.tokenizer.pad_token is None:
            self.tokenizer.pad_token = self.tokenizer.eos_token
        self._template = getattr(self._processor, "chat_template", None) or self.tokenizer.chat_template
        if not self._template:
            raise ReaderError(
                f"{place.name} has no chat template",
                hint="a base model cannot be asked; take the instruct version, or add its chat_template.jinja",
            )
        self._special = self._special_tokens()
        self._layout = self._find_layout()
        self._adds_start = self._start_is_missing()

    def render(self, prompt: Prompt) -> str:
        """The prompt as the model's chat template writes it, with one placeholder for each page."""
        return self._render(prompt, self._layout)

    def encode(self, prompts: Sequence[Prompt], device: str, dtype: object) -> dict[str, object]:
        """Tensors of a batch, padded on the left.

        Args:
            prompts: What is asked; their pages may differ in number and size, but either all or none have any.
            device: Where the tensors go, in one move.
            dtype: The `torch.dtype` of those that are not whole numbers.

        Returns:
            What the model's `generate` takes: "input_ids" and "attention_mask", int64 (len(prompts), longest prompt),
            and the pixels in the form that this kind of model has for them.

        Raises:
            ReaderError: The processor refuses a page.
        """
        pages = [[_picture(part.page) for part in prompt.parts if isinstance(part, PagePart)] for prompt in prompts]
        texts = [self.render(prompt) for prompt in prompts]
        try:
            # The ids become tensors last: the processor of GLM-4.1V makes arrays of them, and warns if they are not.
            with self._tokenizing:
                batch = self._processor(
                    text=texts,
                    images=pages if any(pages) else None,
                    text_kwargs={"padding": True, "add_special_tokens": self._adds_start},
                    images_kwargs={"return_tensors": "pt"},
                ).convert_to_tensors("pt")
        except (ValueError, TypeError, RuntimeError, IndexError) as error:
            raise ReaderError(
                f"the processor of {self._place.name} refuses the pages: {error}",
                hint="its chat template or its image processor does not take several pages of this shape",
            ) from error
        return dict(batch.to(device, dtype))

    def image_tokens(self, prompt: Prompt, prompt_tokens: int) -> int:
        """Tokens that the pages add to a prompt of so many tokens, marks around them included.

        They are what is left without the same prompt that has one special token in place of each page.
        """
        mark = TextPart(self.tokenizer.eos_token)
        parts = tuple(mark if isinstance(part, PagePart) else part for part in prompt.parts)
        text = self._render(Prompt(prompt.system, parts), self._layout, mark)
        with self._tokenizing:
            rest = self.tokenizer(text, add_special_tokens=self._adds_start)["input_ids"]
        return prompt_tokens - len(rest) + sum(part is mark for part in parts)

    def count(self, text: str) -> int:
        """Tokens of a text within a prompt."""
        # The inner tokenizer, where there is one, as the outer would change settings that a generation still uses.
        inner, quiet = getattr(self.tokenizer, "backend_tokenizer", None), self._quiet(text)
        with self._tokenizing:
            if inner is None:
                return len(self.tokenizer(quiet, add_special_tokens=False)["input_ids"])
            return len(inner.encode(quiet, add_special_tokens=False).ids)

    def length(self, prompt: Prompt) -> int:
        """Tokens of a prompt, pages included.

        Raises:
            ReaderError: The processor refuses a page.
        """
        ids: Any = self.encode([prompt], "cpu", package("torch").float32)["input_ids"]
        return int(ids.shape[1])

    @property
    def context(self) -> int | None:
        """Most tokens that the model was made for, where its configuration says so."""
        limit = getattr(self.config.get_text_config(), "max_position_embeddings", None)
        return limit if isinstance(limit, int) else None

    @cached_property
    def family(self) -> ModelFamily | None:
        """What an image costs by the settings of this checkpoint; None if no rule is known for its kind."""
        try:
            return family_from_config({**self.config.to_dict(), **self._processor.to_dict()})
        except ProfileError:
            return None

    def _render(self, prompt: Prompt, layout: _Layout, mark: TextPart | None = None) -> str:
        system, user = self._quiet(prompt.system), [self._entry(part, mark) for part in prompt.parts]
        turns: list[dict[str, object]] = [{"role": "user", "content": user}]
        if layout == "merged":
            user.insert(0, {"type": "text", "text": f"{system}\n\n"})
        else:
            content = system if layout == "string" else [{"type": "text", "text": system}]
            turns.insert(0, {"role": "system", "content": content})
        rendered = self._processor.apply_chat_template(
            turns, chat_template=self._template, tokenize=False, add_generation_prompt=True
        )
        return str(rendered)

    def _entry(self, part: Part, mark: TextPart | None) -> dict[str, str]:
        if isinstance(part, PagePart):
            return {"type": "image"}
        return {"type": "text", "text": part.text if part is mark else self._quiet(part.text)}

    def _quiet(self, text: str) -> str:
        """The text with special tokens broken up: a question may not end its own turn, nor pose as an image."""
        return self._special.sub(lambda token: f"{token[0][0]} {token[0][1:]}", text)

    def _find_layout(self) -> _Layout:
        """How this template takes instructions: some print the parts of a system turn as code, some refuse the turn.

        Raises:
            ReaderError: It takes no images in any way.
        """
        jinja = package("jinja2")
        page = PagePart(PlanPage(("P1",), ("",), np.zeros((1, 1), np.uint8), "#000000", "#ffffff", (), 0))
        before, after = TextPart("[P1]"), TextPart("Why?")
        shown, blind = Prompt(_PROBE, (before, page, after)), Prompt(_PROBE, (before, after))
        reason = "it leaves out images or words"
        for layout in _LAYOUTS:
            try:
                rendered = self._render(shown, layout)
                places = [rendered.find(text) for text in (_PROBE, before.text, after.text)]
                whole = -1 not in places and places == sorted(places) and "'type'" not in rendered
                if whole and rendered != self._render(blind, layout):
                    return layout
            except (jinja.TemplateError, TypeError, ValueError, KeyError) as error:
                reason = str(error)
        raise ReaderError(
            f"the chat template of {self._place.name} takes no pages: {reason}",
            hint="take the instruct version of a vision-language model",
        )

    def _special_tokens(self) -> re.Pattern[str]:
        """Whatever a text may not contain: the special tokens, and what the processor takes for an image."""
        tokens = {str(token) for token in self.tokenizer.added_tokens_decoder.values() if token.special}
        tokens |= {str(getattr(self._processor, name, "")) for name in ("image_token", "video_token", "boi_token")}
        spelled = sorted((token for token in tokens if len(token.strip()) > 1), key=len, reverse=True)
        return re.compile("|".join(map(re.escape, spelled)) or r"(?!)")

    def _start_is_missing(self) -> bool:
        """Whether the tokenizer has to add the start of the text: not where the chat template has written it."""
        text = self.render(Prompt(_PROBE, (TextPart("Why?"),)))
        bare = self.tokenizer(text, add_special_tokens=False)["input_ids"]
        full = self.tokenizer(text)["input_ids"]
        added = len(full) - len(bare)
        return added > 0 and bare[:added] != full[:added]


def _load_processor(transformers: ModuleType, place: Place, config: object) -> object:
    """The processor; without its video half where that cannot be loaded."""
    try:
        processor = transformers.AutoProcessor.from_pretrained(**place.arguments)
    except LOAD_ERRORS as error:
        missing = [name for name in ("torchvision", "num2words") if importlib.util.find_spec(name) is None]
        if not missing or type(config) not in transformers.PROCESSOR_MAPPING:
            raise place.refused("the processor", error) from error
        processor = _load_still_processor(transformers, place, config)
    if not (hasattr(processor, "image_processor") and hasattr(processor, "tokenizer")):
        raise ReaderError(
            f"{place.name} has no image processor: preprocessor_config.json is missing",
            hint="copy it, and processor_config.json, from the model that this one was made of",
        )
    return processor


class _NoVideo(dict[str, object]):
    """Stands where a processor wants one for videos: those need torchvision, and a page does not move.

    A dict, as a processor writes its parts to JSON when it is made.
    """

    model_input_names: tuple[str, ...] = ()


def _load_still_processor(transformers: ModuleType, place: Place, config: object) -> object:
    """A processor of the same kind that takes images alone.

    Raises:
        ReaderError: It cannot be loaded either.
    """
    name = _STILL.get(getattr(config, "model_type", ""))
    try:
        base: Any = getattr(transformers, name) if name else transformers.PROCESSOR_MAPPING[type(config)]
    except LOAD_ERRORS as error:
        raise place.refused("the processor", error) from error

    def check(self: object, name: str, argument: object) -> None:
        """Takes any part: they are the checkpoint's own, but for the one that is missing."""

    still: Any = type(base.__name__, (base,), {"check_argument_for_proper_class": check})
    try:
        parts = {
            "image_processor": transformers.AutoImageProcessor.from_pretrained(**place.arguments),
            "tokenizer": transformers.AutoTokenizer.from_pretrained(**place.arguments),
            "video_processor": _NoVideo(),
        }
        settings, _ = base.get_processor_dict(**place.arguments)
        # transformers 4 has a list where 5 has a method.
        names: list[str] = still.get_attributes() if hasattr(still, "get_attributes") else still.attributes
        loaded: object = still.from_args_and_dict([parts[name] for name in names], settings)
        return loaded
    except LOAD_ERRORS as error:
        raise place.refused("the processor", error) from error


def _picture(page: PlanPage) -> Image.Image:
    """The page in RGB, in its own colours."""
    from PIL import Image

    if (page.ink, page.paper) == ("#000000", "#ffffff"):
        return Image.fromarray(255 - 17 * np.ascontiguousarray(page.levels)).convert("RGB")
    return Image.open(io.BytesIO(page.png())).convert("RGB")
