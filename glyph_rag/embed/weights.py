"""What models of the `transformers` extra have in common: where they run, how precisely, what tells them apart, and
what becomes of questions and errors on the way.

torch is reached by name and never imported: nothing of this package needs it before a model is asked for.
"""

from __future__ import annotations

import hashlib
import importlib
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pickle import UnpicklingError
from types import ModuleType
from typing import Any, Final

from glyph_rag.errors import EmbedderError, GlyphRAGError, MissingExtraError

LOAD_ERRORS: Final = (
    *(OSError, ValueError, RuntimeError, KeyError, TypeError, AttributeError, ImportError, EOFError, UnpicklingError),
)
"""What loading a checkpoint raises that is missing, damaged or of an unknown kind."""

_OUT_OF_MEMORY: Final = ("out of memory", "can't allocate memory", "not enough memory")


def package(name: str) -> ModuleType:
    """A module of the extra `transformers`.

    Raises:
        MissingExtraError: If it is not installed.
    """
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        raise MissingExtraError(name, "transformers") from error


def device_of(torch: ModuleType, wanted: str | None, error: type[GlyphRAGError] = EmbedderError) -> str:
    """The device asked for, or the best there is.

    Args:
        torch: The module.
        wanted: Its name, or None.
        error: What is raised if it is not there.
    """
    there = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available(), "cpu": True}
    if wanted is None:
        return next(name for name, available in there.items() if available)
    kind, _, number = wanted.partition(":")
    last = torch.cuda.device_count() if kind == "cuda" else 1
    if not there.get(kind) or (number and not (number.isdecimal() and int(number) < last)):
        found = ", ".join(name for name, available in there.items() if available)
        raise error(f"there is no device {wanted!r} for torch", hint=f"there is {found}")
    return wanted


def dtype_of(torch: ModuleType, device: str) -> object:
    """The `torch.dtype` that a model runs in: half the precision on a GPU, full precision on a CPU."""
    if device == "cpu":
        return torch.float32
    if device == "mps":
        return torch.bfloat16 if torch.backends.mps.is_macos_or_newer(14, 0) else torch.float16
    return torch.bfloat16 if torch.cuda.is_bf16_supported(including_emulation=False) else torch.float16


def weights_digest(weights: Mapping[str, Any], rounded_to: object = None) -> str:
    """16 hex digits that tell two sets of weights apart: the names, shapes and first numbers of all of them.

    Args:
        weights: Tensors by name.
        rounded_to: A `torch.dtype` that the numbers are rounded to first, so that weights loaded at several
            precisions have one digest; as they are where None.
    """
    digest = hashlib.sha256()
    for name, tensor in sorted(weights.items()):
        first = tensor.detach().flatten()[:64]
        first = first if rounded_to is None else first.to(rounded_to)
        digest.update(f"{name} {tuple(tensor.shape)}\n".encode() + first.float().cpu().numpy().astype("<f4").tobytes())
    return digest.hexdigest()[:16]


@contextmanager
def without_progress() -> Iterator[None]:
    """No bar on the terminal while weights are loaded: what is printed is the application's business."""
    logging = package("transformers").utils.logging
    shown = logging.is_progress_bar_enabled()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        if shown:
            logging.enable_progress_bar()


def special_tokens(tokenizer: Any) -> re.Pattern[str]:  # noqa: ANN401 - of an optional package
    """What finds the special tokens of a tokenizer in a text, such as the one that stands for an image."""
    added = getattr(tokenizer, "added_tokens_decoder", {}).values()
    tokens = {str(token) for token in added if token.special}
    spelled = sorted((token for token in tokens if len(token.strip()) > 1), key=len, reverse=True)
    return re.compile("|".join(map(re.escape, spelled)) or r"(?!)")


def plain(text: str, special: re.Pattern[str]) -> str:
    """The text in valid Unicode, with special tokens broken up: a question may not pose as an image."""
    text = text.encode("utf-8", "replace").decode()
    return special.sub(lambda token: f"{token[0][0]} {token[0][1:]}", text)


@contextmanager
def naming(model: str, device: object) -> Iterator[None]:
    """Turns what a model raises while it runs into an error that names it.

    Raises:
        EmbedderError: If the model fails, or memory runs out.
    """
    try:
        yield
    except (RuntimeError, ValueError, MemoryError) as error:
        hint = "choose a smaller batch_size or device='cpu'" if ran_out_of_memory(error) else ""
        reason = str(error).strip().split("\n")[0]
        raise EmbedderError(f"{model} failed on {device}: {reason}", hint=hint) from error


def ran_out_of_memory(error: BaseException) -> bool:
    """Whether an error says so: torch has a class of its own for CUDA alone."""
    if isinstance(error, MemoryError):
        return True
    return isinstance(error, RuntimeError) and any(words in str(error).lower() for words in _OUT_OF_MEMORY)
