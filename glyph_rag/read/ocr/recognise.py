"""Line recognition: pixels of known line boxes to characters, by PP-OCRv6 on onnxruntime.

PP-OCRv6 (PaddleOCR, Apache-2.0) is a convolutional network with a CTC head: it takes a strip of pixels 48 high and
returns, for each step along it, the probability of every character of its alphabet and of a blank. What it expects
exactly is written down in `assets/README.md`.
"""

from __future__ import annotations

import math
import os
import threading
from collections import OrderedDict
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from hashlib import blake2b
from importlib.resources import files
from typing import TYPE_CHECKING, Protocol

import numpy as np
import numpy.typing as npt

from glyph_rag.embed.session import load_runtime
from glyph_rag.errors import ReaderError
from glyph_rag.typeset.compose.layout import Box
from glyph_rag.typeset.glyphs.ink import Levels

if TYPE_CHECKING:
    from onnxruntime import InferenceSession

SCRIPTS = frozenset({"LATIN", "CJK"})
"""Scripts that the alphabet holds, Vietnamese letters aside. It has some of Greek, and none of kana, Cyrillic,
Hangul or Arabic."""

_HEIGHT = 48
_LEAST_WIDTH = 320
_WIDTH_STEP = 64
_BLEED = 2  # Paper left and right of the ink; the network was trained on loose boxes.
_SQUEEZE = 0.75  # Of 1,217 lines in five languages and two densities, 224 were misread this way, 233 at full width.
_REMEMBERED_LINES = 20_000
_MAX_THREADS = 8


class LineRecogniser(Protocol):
    """Reads single lines of a page."""

    def read(self, levels: Levels, lines: Sequence[Box]) -> list[str]:
        """Reads the given lines of a page.

        Args:
            levels: The page: uint8 (height, width), ink from 0 for paper to 15 for black.
            lines: The boxes of the lines, in pixels.

        Returns:
            What stands on each line, in the order given.
        """
        ...


class PaddleRecogniser:
    """PP-OCRv6 tiny. Safe to call from several threads; a line with the same pixels is read once, a blank one never.

    Lines go through the network one by one on several threads, each padded to a width that follows from the line
    alone, so what is read of a line never depends on the lines beside it. Batches of one width would read the same,
    but take as long: 17.7 ms of processor time for an English line alone, 18.9 in twos, 19.2 in eights.
    """

    def __init__(self) -> None:
        """Costs nothing; the model is loaded at the first line."""
        self._known: OrderedDict[bytes, str] = OrderedDict()
        self._lock = threading.Lock()

    def read(self, levels: Levels, lines: Sequence[Box]) -> list[str]:
        """Reads the given lines of a page; see `LineRecogniser.read`.

        Raises:
            ReaderError: If the package's data files are missing or damaged.
        """
        strips = [levels[box.y0 : box.y1, max(box.x0 - _BLEED, 0) : box.x1 + _BLEED] for box in lines]
        keys = [blake2b(strip.tobytes() + b"%d" % strip.shape[1], digest_size=16).digest() for strip in strips]
        with self._lock:
            fresh = {key: strip for key, strip in zip(keys, strips, strict=True) if key not in self._known}
            self._known.update(zip(fresh, self._recognise(list(fresh.values())), strict=True))
            texts = [self._known[key] for key in keys]
            for key in keys:
                self._known.move_to_end(key)
            while len(self._known) > _REMEMBERED_LINES:
                self._known.popitem(last=False)
        return texts

    @cached_property
    def _session(self) -> InferenceSession:
        onnxruntime = load_runtime()
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        options.inter_op_num_threads = 1
        options.log_severity_level = 3
        model = files("glyph_rag") / "assets" / "ppocr" / "tiny.onnx"
        try:
            return onnxruntime.InferenceSession(model.read_bytes(), options, providers=["CPUExecutionProvider"])
        # onnxruntime raises bare subclasses of Exception.
        except Exception as error:
            raise ReaderError(
                f"the bundled recognition model cannot be loaded: {error}", hint="reinstall glyph-rag"
            ) from error

    @cached_property
    def _characters(self) -> list[str]:
        """By class number: the blank, the alphabet, and the space."""
        alphabet = (files("glyph_rag") / "assets" / "ppocr" / "tiny.txt").read_text("utf-8")
        return ["", *alphabet.removesuffix("\n").split("\n"), " "]

    def _recognise(self, strips: Sequence[Levels]) -> list[str]:
        if not strips:
            return []
        session, characters = self._session, self._characters

        def recognise(strip: Levels) -> str:
            if not strip.any():
                return ""
            (scores,) = session.run(None, {"x": _prepare(strip)})
            return _spell(scores[0].argmax(axis=1), characters)

        with ThreadPoolExecutor(min(os.cpu_count() or 1, _MAX_THREADS, len(strips)), "ocr") as pool:
            return list(pool.map(recognise, strips))


def _prepare(strip: Levels) -> npt.NDArray[np.float32]:
    """The strip as the network expects it: float32 (1, 3, 48, width), white 1, black -1, padding 0.

    It is made a quarter narrower than its height asks for, which saves a quarter of the time.
    """
    from PIL import Image

    width = max(8, math.ceil(strip.shape[1] * _SQUEEZE * _HEIGHT / strip.shape[0]))
    grey = Image.fromarray(255 - 17 * strip).resize((width, _HEIGHT), Image.Resampling.BILINEAR)
    padded = np.zeros((1, 3, _HEIGHT, max(_LEAST_WIDTH, -(-width // _WIDTH_STEP) * _WIDTH_STEP)), np.float32)
    padded[..., :width] = np.asarray(grey, np.float32) / 127.5 - 1
    return padded


def _spell(classes: npt.NDArray[np.int64], characters: Sequence[str]) -> str:
    """CTC: equal neighbours are one character, blanks are none."""
    kept = classes[np.concatenate([[True], classes[1:] != classes[:-1]])]
    return "".join(characters[number] for number in kept.tolist())
