"""Where a line may start: the Unicode line breaking algorithm (UAX #14, Unicode 16.0), all rules, untailored.

Class CJ is treated as NS and class SA as AL (LB1); breaks inside Thai, Lao, Khmer or Burmese words are for a
dictionary to add, see `is_complex_context`.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from glyph_rag.typeset.unicode import linebreak_rules as rules
from glyph_rag.typeset.unicode.linebreak_context import decide
from glyph_rag.typeset.unicode.linebreak_rules import ALLOWED, CLASSES, INDEX, MANDATORY, NO
from glyph_rag.typeset.unicode.runs import WINDOW, windows
from glyph_rag.typeset.unicode.tables import load

__all__ = ["ALLOWED", "CLASSES", "MANDATORY", "NO", "break_before", "classes", "is_complex_context"]

_CM, _ZWJ, _AL = INDEX["CM"], INDEX["ZWJ"], INDEX["AL"]
# LB9: a mark after one of these has nothing to attach to.
_UNATTACHED = rules.members("BK CR LF NL SP ZW")
# No rule looks across these. Tiled, because the table's values carry two bits above the class.
_CUTS = np.tile(rules.members("AL! HL ID! NU H2 H3 BK LF NL"), 4)


def classes(codes: npt.NDArray[np.uint32]) -> npt.NDArray[np.uint8]:
    """Line breaking class of each character, as an index into `CLASSES`.

    Args:
        codes: Code points below 0x110000, shape (n,); lone surrogates included.

    Returns:
        Shape (n,).
    """
    return load("linebreak")[codes] & np.uint8(rules.CLASS_BITS)


def is_complex_context(codes: npt.NDArray[np.uint32]) -> npt.NDArray[np.bool_]:
    """Whether a character is of class SA, where finding words takes a dictionary.

    Args:
        codes: Code points below 0x110000, shape (n,).

    Returns:
        Shape (n,).
    """
    found: npt.NDArray[np.bool_] = (load("linebreak")[codes] & np.uint8(rules.COMPLEX_BIT)) != 0
    return found


def break_before(codes: npt.NDArray[np.uint32], window: int = WINDOW) -> npt.NDArray[np.uint8]:
    """Whether a line may start with a character, by UAX #14.

    Args:
        codes: Code points of any number of paragraphs, below 0x110000, shape (n,); lone surrogates included.
        window: Characters worked on at a time; does not change the result. A stretch without letters, digits,
            ideographs and line ends is never cut, however long.

    Returns:
        `NO` (0), `ALLOWED` (1) or `MANDATORY` (2), shape (n,). Index 0 is always `NO`.

    Raises:
        IndexError: If a value is not a code point.
    """
    table = load("linebreak")
    if len(codes) <= window:
        return _window(table[codes])
    result = np.zeros(len(codes), dtype=np.uint8)
    for start, stop in windows(codes, table, _CUTS, window):
        result[start + 1 : stop] = _window(table[codes[start:stop]])[1:]
    return result


def _window(raw: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """Decisions for one piece of text, given its table values."""
    if not raw.size:
        return raw
    numbers = raw & np.uint8(rules.CLASS_BITS)
    if numbers.max() < _CM:
        return decide(raw)
    attached = np.zeros(len(raw), dtype=np.bool_)
    np.logical_and(numbers[1:] >= _CM, ~_UNATTACHED[numbers[:-1]], out=attached[1:])
    kept = np.flatnonzero(~attached)
    bases = raw[kept]
    bases[numbers[kept] >= _CM] = _AL  # LB10
    result = np.zeros(len(raw), dtype=np.uint8)
    result[kept] = decide(bases)
    result[1:][numbers[:-1] == _ZWJ] = NO  # LB8a
    return result
