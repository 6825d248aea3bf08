"""Where what a reader takes for one character begins: extended grapheme clusters (UAX #29, Unicode 16.0)."""

from __future__ import annotations

from functools import cache

import numpy as np
import numpy.typing as npt

from glyph_rag.typeset.unicode.runs import WINDOW, last_where, ordinals, windows
from glyph_rag.typeset.unicode.tables import load

CLASSES = (
    # A cluster starts before and after each of these, whatever else there is, as long as only these occur.
    *("Other", "Control", "LF", "Consonant", "Pictographic"),
    *("CR", "Prepend", "L", "V", "T", "LV", "LVT", "RI", "Extend", "Linker", "Joiner", "ZWJ", "SpacingMark"),
)
"""Grapheme_Cluster_Break, split by Extended_Pictographic and Indic_Conjunct_Break.

Consonant is Other with InCB Consonant. Extend, Linker and Joiner are the Extend characters whose InCB is Extend,
Linker and None.
"""
INDEX = {name: number for number, name in enumerate(CLASSES)}

_SIZE = 32
_ALONE = INDEX["Pictographic"]
_JOINED, _START, _CONJUNCT, _EMOJI, _FLAG = range(5)

# (before, after, decision): the first that fits counts (GB3 to GB999). "*" is any class.
_RULES: tuple[tuple[str, str, int], ...] = (
    ("CR", "LF", _JOINED),  # GB3
    ("Control CR LF", "*", _START),  # GB4
    ("*", "Control CR LF", _START),  # GB5
    ("L", "L V LV LVT", _JOINED),  # GB6
    ("LV V", "V T", _JOINED),  # GB7
    ("LVT T", "T", _JOINED),  # GB8
    ("*", "Extend Linker Joiner ZWJ SpacingMark", _JOINED),  # GB9, GB9a
    ("Prepend", "*", _JOINED),  # GB9b
    ("Extend Linker ZWJ", "Consonant", _CONJUNCT),  # GB9c
    ("ZWJ", "Pictographic", _EMOJI),  # GB11
    ("RI", "RI", _FLAG),  # GB12, GB13
    ("*", "*", _START),  # GB999
)


def _indices(names: str) -> list[int]:
    return list(range(len(CLASSES))) if names == "*" else [INDEX[name] for name in names.split()]


def _members(names: str) -> npt.NDArray[np.bool_]:
    mask = np.zeros(256, dtype=np.bool_)
    mask[_indices(names)] = True
    return mask


_CUTS = _members("Other Control LF")
_CONJUNCT_EXTEND = _members("Extend Linker ZWJ")
_EXTEND = _members("Extend Linker Joiner")


@cache
def _pair_table() -> npt.NDArray[np.uint8]:
    """Decision or kind for (class before, class after) at ``before * 32 + after``: shape (1024,), shared."""
    table = np.zeros((_SIZE, _SIZE), dtype=np.uint8)
    for before, after, decision in reversed(_RULES):
        table[np.ix_(_indices(before), _indices(after))] = decision
    return table.ravel()


def cluster_starts(codes: npt.NDArray[np.uint32], window: int = WINDOW) -> npt.NDArray[np.bool_]:
    """Whether an extended grapheme cluster starts with a character, by UAX #29.

    Args:
        codes: Code points below 0x110000, shape (n,); lone surrogates included.
        window: Characters worked on at a time; does not change the result.

    Returns:
        Shape (n,). Index 0 is always True.

    Raises:
        IndexError: If a value is not a code point.
    """
    table = load("grapheme")
    if len(codes) <= window:
        return _window(table[codes])
    result = np.ones(len(codes), dtype=np.bool_)
    for start, stop in windows(codes, table, _CUTS, window):
        result[start + 1 : stop] = _window(table[codes[start:stop]])[1:]
    return result


def _window(classes: npt.NDArray[np.uint8]) -> npt.NDArray[np.bool_]:
    """Cluster starts of one piece of text, given its classes."""
    result = np.ones(len(classes), dtype=np.bool_)
    if not classes.size or classes.max() <= _ALONE:
        return result
    pairs = np.multiply(classes[:-1], np.uint16(_SIZE), dtype=np.uint16)
    pairs += classes[1:]
    decisions = _pair_table().take(pairs, mode="clip")
    np.not_equal(decisions, _JOINED, out=result[1:])
    kinds = {_CONJUNCT: _after_linker, _EMOJI: _after_pictograph, _FLAG: _second_indicator}
    if decisions.max(initial=0) > _START:
        for kind, joined in kinds.items():
            positions = np.flatnonzero(decisions == kind) + 1
            if positions.size:
                result[positions] = ~joined(classes, positions)
    return result


def _after_linker(classes: npt.NDArray[np.uint8], positions: npt.NDArray[np.intp]) -> npt.NDArray[np.bool_]:
    """GB9c: a consonant, then marks with a linker among them."""
    base = last_where(~_CONJUNCT_EXTEND[classes])[positions - 1]
    linker = last_where(classes == INDEX["Linker"])[positions - 1]
    # With no base the index is -1, and the class read is that of another character.
    joined: npt.NDArray[np.bool_] = (base >= 0) & (classes[base] == INDEX["Consonant"]) & (linker > base)
    return joined


def _after_pictograph(classes: npt.NDArray[np.uint8], positions: npt.NDArray[np.intp]) -> npt.NDArray[np.bool_]:
    """GB11: a pictograph, then marks, then the joiner before this one."""
    # A text may begin with the joiner, and have nothing before it.
    base = np.where(positions >= 2, last_where(~_EXTEND[classes])[positions - 2], np.int32(-1))
    joined: npt.NDArray[np.bool_] = (base >= 0) & (classes[base] == INDEX["Pictographic"])
    return joined


def _second_indicator(classes: npt.NDArray[np.uint8], positions: npt.NDArray[np.intp]) -> npt.NDArray[np.bool_]:
    """GB12, GB13: of the indicators in a row, the second goes with the first, the fourth with the third."""
    joined: npt.NDArray[np.bool_] = ordinals(positions) % 2 == 0
    return joined
