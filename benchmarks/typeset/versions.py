"""What took part in a run: versions, processor, load."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import zlib
from importlib import metadata
from pathlib import Path

from PIL import features

_PACKAGES = ("glyph-rag", "numpy", "uharfbuzz", "isal", "pillow", "deocr", "playwright", "pymupdf", "pixelprompt")
_REPORTLAB = ("reportlab", "pdf2image")


def versions() -> list[str]:
    """One line for each, ready for a list."""
    found = [f"Python {platform.python_version()}", f"zlib {zlib.ZLIB_RUNTIME_VERSION}"]
    for name in (*_PACKAGES, *_REPORTLAB):
        try:
            found.append(f"{name} {metadata.version(name)}")
        except metadata.PackageNotFoundError:
            found.append(f"{name} not installed")
    found += [f"Pillow's {name} {features.version(name)}" for name in ("freetype2", "raqm", "harfbuzz", "fribidi")]
    found += [_program("chromium", "--version"), _program("pdftoppm", "-v")]
    return found


def machine() -> str:
    """The processor, how many of them, and the load at the moment."""
    facts = Path("/proc/cpuinfo").read_text().splitlines() if Path("/proc/cpuinfo").exists() else []
    names = [line.partition(":")[2].strip() for line in facts if line.startswith("model name")]
    load = ", ".join(f"{average:.1f}" for average in os.getloadavg())
    return f"{names[0] if names else platform.processor()}, {os.cpu_count()} processors, load {load}"


def _program(name: str, option: str) -> str:
    if shutil.which(name) is None:
        return f"{name} not installed"
    shown = subprocess.run([name, option], capture_output=True, text=True, check=False)
    lines = (shown.stdout or shown.stderr).strip().splitlines()
    return lines[0] if lines else name
