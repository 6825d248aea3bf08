"""Rebuild the shipped assets: ``python -m scripts.build_assets [STEP ...]`` (default: all steps; see ``STEPS``).

Needs ``numpy``, ``onnx``, ``fonttools`` and ``cffsubr``. Sources are searched for in every ``--source FOLDER`` (an
unpacked wheel, a font folder) and downloaded otherwise, with ``pip``, ``npm`` and, for the fonts, ``apt-get`` and
``dpkg-deb``. Every source and every output is checked against the sha256 recorded in ``sources.py``, ``noto.py`` and
``typeset/glyphs/faces.py``; outputs are the same bytes on each run.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from importlib import import_module
from pathlib import Path

from .sources import ASSETS, AssetError

PROGRAM = "python -m scripts.build_assets"
STEPS = ("fonts", "minilm", "e5", "ppocr", "unicode", "bidi", "dictionaries")


def main() -> int:
    """Build what the command line names; returns the exit status."""
    parser = argparse.ArgumentParser(prog=PROGRAM, description="Rebuild the shipped assets.")
    parser.add_argument("steps", nargs="*", metavar="STEP", help=f"one or more of: {', '.join(STEPS)}")
    parser.add_argument("--source", action="append", type=Path, default=[], metavar="FOLDER", help="look here first")
    parser.add_argument("--cache", type=Path, metavar="FOLDER", help="keep downloaded packages here")
    parser.add_argument("--assets", type=Path, default=ASSETS, metavar="FOLDER", help="write here")
    arguments = parser.parse_args()
    unknown = set(arguments.steps) - set(STEPS)
    if unknown:
        parser.error(f"unknown step: {', '.join(sorted(unknown))}")
    with tempfile.TemporaryDirectory() as scratch:
        cache = arguments.cache or Path(scratch)
        try:
            for step in arguments.steps or STEPS:
                # Imported one by one, so that building fonts does not need onnx, nor models fonttools.
                module = import_module(f".{step}", __package__)
                module.build(arguments.source, cache.resolve(), arguments.assets)
        except AssetError as error:
            print(f"error: {error}", file=sys.stderr)
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
