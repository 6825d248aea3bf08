"""What the embedders that run on onnxruntime have in common: one thread a run, one run a text."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from glyph_rag.embed.embedder import FloatArray

if TYPE_CHECKING:
    from onnxruntime import InferenceSession

_MAX_THREADS = 8


def load_runtime() -> ModuleType:
    """The package onnxruntime, which keeps to itself.

    Its wheels (1.32 does) make an id of the device, keep events in the user's cache folder and send them to Microsoft,
    unless `ORT_DISABLE_TELEMETRY` is set before it is imported. A value that the user has set is kept.
    """
    os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
    runtime = import_module("onnxruntime")
    if os.environ["ORT_DISABLE_TELEMETRY"] == "1":
        # Somebody may have imported it before.
        runtime.disable_telemetry_events()
    return runtime


def open_session(model: Path, weights: Mapping[str, npt.NDArray[np.generic]] | None = None) -> InferenceSession:
    """A session on the CPU that computes one run in one thread.

    Args:
        model: The ONNX file.
        weights: Arrays for the constants that the file names as external data, by name.

    Raises:
        Exception: Bare subclasses of it, by onnxruntime, if the file is damaged or the weights do not fit.
    """
    onnxruntime = load_runtime()
    options = onnxruntime.SessionOptions()
    # One thread a run: no pool that spins while idle, and sums in one order on any number of cores.
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    # Every length would otherwise keep an allocation plan of its own.
    options.enable_mem_pattern = False
    if weights:
        values = [onnxruntime.OrtValue.ortvalue_from_numpy(array) for array in weights.values()]
        options.add_external_initializers(list(weights), values)
    return onnxruntime.InferenceSession(str(model), options, providers=["CPUExecutionProvider"])


def thread_count(asked: int | None) -> int:
    """How many texts to embed at the same time: as asked, or one for each usable core, up to 8.

    Raises:
        ValueError: If less than 1 is asked for.
    """
    if asked is not None and asked < 1:
        raise ValueError(f"threads must be at least 1, not {asked}")
    return asked or min(_usable_cores(), _MAX_THREADS)


def embed_each(embed: Callable[[str], FloatArray], texts: Sequence[str], vectors: FloatArray, threads: int) -> None:
    """Fills the rows of `vectors`, float32 (len(texts), dimension), with the vectors of the texts."""
    if len(texts) <= 1 or threads == 1:
        for index, text in enumerate(texts):
            vectors[index] = embed(text)
        return
    # A pool for each call: starting one costs microseconds, and a kept one would not survive a fork.
    with ThreadPoolExecutor(min(threads, len(texts)), "embed") as pool:
        for index, vector in enumerate(pool.map(embed, texts)):
            vectors[index] = vector


def _usable_cores() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
