"""The tables of the Unicode bidirectional algorithm: classes, and which brackets fit each other."""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Sequence
from pathlib import Path
from typing import TypedDict, cast

import numpy as np
import numpy.typing as npt

from glyph_rag.typeset.unicode.bidi_nesting import CLASSES, CLOSE, ON, OPEN
from glyph_rag.typeset.unicode.tables import CODE_POINTS, pack

from .sources import ASSETS, UCD_BIDI_CLASS, UCD_BRACKETS, AssetError, locate, write_output

# Classes of unassigned code points: the @missing lines at the head of DerivedBidiClass.txt, L for all others. The
# JSON edition of the file leaves its comments out. Noncharacters and the like, which are BN, are in the data.
UNASSIGNED = (
    (0x0590, 0x05FF, "R"),
    (0x0600, 0x07BF, "AL"),
    (0x07C0, 0x085F, "R"),
    (0x0860, 0x08FF, "AL"),
    (0x20A0, 0x20CF, "ET"),
    (0xFB1D, 0xFB4F, "R"),
    (0xFB50, 0xFDCF, "AL"),
    (0xFDF0, 0xFDFF, "AL"),
    (0xFE70, 0xFEFF, "AL"),
    (0x10800, 0x10CFF, "R"),
    (0x10D00, 0x10D3F, "AL"),
    (0x10D40, 0x10EBF, "R"),
    (0x10EC0, 0x10EFF, "AL"),
    (0x10F00, 0x10F2F, "R"),
    (0x10F30, 0x10F6F, "AL"),
    (0x10F70, 0x10FFF, "R"),
    (0x1E800, 0x1EC6F, "R"),
    (0x1EC70, 0x1ECBF, "AL"),
    (0x1ECC0, 0x1ECFF, "R"),
    (0x1ED00, 0x1ED4F, "AL"),
    (0x1ED50, 0x1EDFF, "R"),
    (0x1EE00, 0x1EEFF, "AL"),
    (0x1EF00, 0x1EFFF, "R"),
)


# A row of DerivedBidiClass.json: one code point or first and last, in hex.
_Row = TypedDict("_Row", {"range": list[str], "class": str})


def build(folders: Sequence[Path], cache: Path, assets: Path = ASSETS) -> None:
    """Write ``unicode/bidi.bin`` and ``unicode/bidi_brackets.bin``.

    Raises:
        AssetError: A source or an output is not the pinned one.
    """
    derived = json.loads(locate(UCD_BIDI_CLASS, folders, cache).read_text("utf-8"))["DerivedBidiClass"]
    classes = _classes(cast(list[_Row], derived))
    rows = json.loads(locate(UCD_BRACKETS, folders, cache).read_text("utf-8"))["BidiBrackets"]
    brackets = {int(row["codepoint"], 16): int(row["bracket"], 16) for row in rows if row["type"] == "o"}
    opens, closes = list(brackets), list(brackets.values())
    if len(rows) != 2 * len(brackets) or (classes[opens + closes] != ON).any():
        raise AssetError("a paired bracket has no partner, or a class other than ON")
    classes[opens] = OPEN
    classes[closes] = CLOSE
    write_output("unicode/bidi.bin", pack(classes), assets)
    write_output("unicode/bidi_brackets.bin", pack(_shapes(brackets)), assets)


def _classes(rows: list[_Row]) -> npt.NDArray[np.uint8]:
    """uint8 (0x110000,): the bidirectional class of every code point."""
    classes = np.full(CODE_POINTS, CLASSES.index("L"), np.uint8)
    for first, last, name in UNASSIGNED:
        classes[first : last + 1] = CLASSES.index(name)
    for row in rows:
        first, last = int(row["range"][0], 16), int(row["range"][-1], 16)
        classes[first : last + 1] = CLASSES.index(row["class"])
    return classes


def _shapes(brackets: dict[int, int]) -> npt.NDArray[np.uint8]:
    """uint8 (0x110000,): 0 for all but brackets; those that fit each other share a number.

    So do canonical equivalents, U+2329 and U+3008 (BD16).
    """
    canonical = {opening: unicodedata.normalize("NFD", chr(opening)) for opening in brackets}
    numbers = {form: index for index, form in enumerate(sorted(set(canonical.values())), 1)}
    shapes = np.zeros(CODE_POINTS, np.uint8)
    for opening, closing in brackets.items():
        shapes[[opening, closing]] = numbers[canonical[opening]]
    return shapes
