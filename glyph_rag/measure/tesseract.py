"""Line recognition by the program Tesseract, for the scripts that the embedded recogniser does not know.

Tesseract (Apache-2.0) is run as a program of its own where it is installed; this package does not bring it. It is slow,
and weaker than the embedded recogniser, but tells whether a page in Arabic, Devanagari or Thai can be read.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path

import numpy as np
from PIL import Image

from glyph_rag.errors import ReaderError
from glyph_rag.typeset.compose.layout import Box
from glyph_rag.typeset.glyphs.ink import Levels

_SCALE = 4  # Tesseract was trained on scans of 300 dpi: capital letters about 30 pixels high.
_BORDER = 10
_BLEED = 2
_HINT = "install Tesseract 5 with that language; on Debian, apt-get install tesseract-ocr-{pack}"


class TesseractRecogniser:
    """Reads lines with Tesseract's LSTM models. Safe to call from several threads."""

    def __init__(self, languages: Sequence[str], program: str = "tesseract") -> None:
        """Costs nothing; the program is looked for at the first line.

        Args:
            languages: The codes of Tesseract's language packs to read with, such as "ara" or "chi_sim".
            program: The name of the program, or the path to it.
        """
        self._languages, self._program = tuple(languages), program

    def read(self, levels: Levels, lines: Sequence[Box]) -> list[str]:
        """Reads the given lines of a page; see `LineRecogniser.read`.

        Raises:
            ReaderError: If the program or a language pack is not installed, or it fails.
        """
        if not lines:
            return []
        program = self._checked_program
        with tempfile.TemporaryDirectory() as folder:
            names = [Path(folder) / f"{number}.png" for number in range(len(lines))]
            for name, box in zip(names, lines, strict=True):
                _picture(levels[box.y0 : box.y1, max(box.x0 - _BLEED, 0) : box.x1 + _BLEED]).save(name)
            listing = Path(folder) / "lines.txt"
            listing.write_text("".join(f"{name}\n" for name in names), "utf-8")
            # Page segmentation mode 7: each picture is one line.
            options = ["-l", "+".join(self._languages), "--psm", "7", "--oem", "1", "--dpi", "300"]
            output = _run([program, str(listing), "stdout", *options])
        # A form feed ends each picture with older versions, and stands between pictures with newer ones.
        readings = output.split("\f")
        if len(readings) == len(lines) + 1 and not readings[-1].strip():
            readings.pop()
        if len(readings) != len(lines):
            raise ReaderError(f"Tesseract read {len(readings)} of {len(lines)} lines", hint="use Tesseract 5")
        return [reading.strip() for reading in readings]

    @cached_property
    def _checked_program(self) -> str:
        """Where the program is."""
        program = shutil.which(self._program)
        if program is None:
            raise ReaderError(
                f"there is no program {self._program!r}", hint=_HINT.format(pack=self._languages[0].replace("_", "-"))
            )
        installed = _run([program, "--list-langs"]).split()
        for language in self._languages:
            if language not in installed:
                raise ReaderError(
                    f"Tesseract has no language pack {language!r}", hint=_HINT.format(pack=language.replace("_", "-"))
                )
        return program


def _picture(strip: Levels) -> Image.Image:
    """A line as Tesseract likes it: dark on white, large, with paper around it."""
    grey = np.pad(255 - 17 * strip, _BORDER // 2, constant_values=255)
    size = grey.shape[1] * _SCALE, grey.shape[0] * _SCALE
    return Image.fromarray(grey).resize(size, Image.Resampling.BICUBIC)


def _run(command: Sequence[str]) -> str:
    # Its threads gain nothing on a line and take the cores from others.
    environment = {**os.environ, "OMP_THREAD_LIMIT": "1"}
    try:
        done = subprocess.run(command, capture_output=True, check=True, env=environment)
    except subprocess.CalledProcessError as error:
        said = error.stderr.decode("utf-8", "replace").strip().splitlines()
        raise ReaderError(
            f"Tesseract failed: {said[-1] if said else error.returncode}", hint="run it by hand"
        ) from error
    except OSError as error:
        raise ReaderError(f"Tesseract cannot be run: {error}", hint=_HINT.format(pack="eng")) from error
    return done.stdout.decode("utf-8", "replace")
