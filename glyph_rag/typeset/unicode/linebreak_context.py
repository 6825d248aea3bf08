"""The rules of UAX #14 (Unicode 16.0) that look further than two neighbouring characters.

They are asked only where the pair table says so, for all such places of a text at once.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from glyph_rag.typeset.unicode import linebreak_rules as rules
from glyph_rag.typeset.unicode.linebreak_rules import ALLOWED, INDEX, MANDATORY, NO, members
from glyph_rag.typeset.unicode.runs import last_where, ordinals

Positions = npt.NDArray[np.intp]
Mask = npt.NDArray[np.bool_]

_PAD = 2
_STEPS = 4
_BK, _SP, _HL, _NU, _IS, _VF = (INDEX[name] for name in ("BK", "SP", "HL", "NU", "IS", "VF"))
_OPENS_QUOTE = members("BK CR LF NL OP QU GL SP ZW")
_CLOSES_QUOTE = members("SP GL WJ CL QU CP EX IS SY BK CR LF NL ZW")
_BEFORE_HYPHEN = members("BK CR LF NL SP ZW CB GL")
_HYPHENS = members("HY HH")
_LETTERS = members("AL")
_SEPARATORS = members("SY IS")
_AKSARAS = members("AK DC AS")
_ZW, _QI, _B2, _NS = (INDEX[name] for name in ("ZW", "QI", "B2", "NS"))
_OPENERS = members("OP")
_CLOSERS = members("CL CP")
_LINE_ENDS_OR_ZW = members("BK CR LF NL ZW")


@dataclass(frozen=True)
class _Text:
    """A text without attached marks, with two sentinels of class BK at both ends.

    BK stands for the start and the end of the text, which the rules here treat alike. Positions count the sentinels.

    Attributes:
        raw: Table values with their bits, shape (n + 4,).
        classes: Class numbers, shape (n + 4,).
    """

    raw: npt.NDArray[np.uint8]
    classes: npt.NDArray[np.uint8]

    def wide(self, positions: Positions) -> Mask:
        """Whether the characters there are East Asian, as LB19a and LB21a mean it."""
        wide: Mask = (self.raw[positions] & np.uint8(rules.WIDE_BIT)) != 0
        return wide


def decide(raw: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """Whether a line may start with each character of a text that has no marks.

    Args:
        raw: Values of the line break table, with their bits; classes CM and ZWJ do not occur. Shape (n,).

    Returns:
        `NO`, `ALLOWED` or `MANDATORY`; shape (n,).
    """
    padded = np.full(len(raw) + 2 * _PAD, _BK, dtype=np.uint8)
    padded[_PAD:-_PAD] = raw
    text = _Text(padded, padded & np.uint8(rules.CLASS_BITS))
    pairs = np.multiply(text.classes[:-1], np.uint16(rules.CLASS_BITS + 1), dtype=np.uint16)
    pairs += text.classes[1:]
    decisions = np.empty(len(padded), dtype=np.uint8)
    rules.pair_table().take(pairs, out=decisions[1:], mode="clip")
    # LB2, and whatever the sentinels made of the ends.
    decisions[: _PAD + 1] = decisions[-_PAD:] = NO
    positions = np.flatnonzero(decisions > MANDATORY)
    if positions.size:
        _answer(text, decisions, positions)
        decisions[-_PAD:] = NO
    return decisions[_PAD:-_PAD]


def _answer(text: _Text, decisions: npt.NDArray[np.uint8], positions: Positions) -> None:
    """Replace the kinds at ``positions`` by decisions, in place."""
    kinds = decisions[positions]
    for kind in np.flatnonzero(np.bincount(kinds)).tolist():
        chosen = positions[kinds == kind]
        decisions[chosen] = NO if kind == rules.SPACES else ~_FORBIDS[kind](text, chosen)
    # Last, for these rules come before those that the end of the spaces was asked about.
    _answer_spaces(text, decisions, positions[kinds == rules.SPACES])


def _answer_spaces(text: _Text, decisions: npt.NDArray[np.uint8], first: Positions) -> None:
    """The rules that look through spaces: LB8, LB14, LB15a, LB16, LB17.

    Args:
        text: The text.
        decisions: Changed in place, where the spaces end.
        first: The first space of each run that follows a class with such a rule.
    """
    if not first.size:
        return
    after = first + 1
    longer = text.classes[after] == _SP
    if longer.any():
        ends = np.flatnonzero(text.classes != _SP)
        after[longer] = ends[np.searchsorted(ends, after[longer])]
    base, then = text.classes[first - 1], text.classes[after]
    decisions[after[(base == _ZW) & ~_LINE_ENDS_OR_ZW[then]]] = ALLOWED
    forbidden = _OPENERS[base] | ((base == _QI) & _OPENS_QUOTE[text.classes[first - 2]])
    forbidden |= (_CLOSERS[base] & (then == _NS)) | ((base == _B2) & (then == _B2))
    decisions[after[forbidden]] = NO


def _close_quote(text: _Text, at: Positions) -> Mask:
    """LB15b, after a space."""
    return _CLOSES_QUOTE[text.classes[at + 1]]


def _point(text: _Text, at: Positions) -> Mask:
    """LB15c, LB15d, after a space."""
    forbidden: Mask = text.classes[at + 1] != _NU
    return forbidden


def _before_quote(text: _Text, at: Positions) -> Mask:
    """LB19a, before an initial quotation mark."""
    return ~(text.wide(at - 1) & text.wide(at + 1))


def _after_quote(text: _Text, at: Positions) -> Mask:
    """LB19a, after a final quotation mark."""
    return ~(text.wide(at) & text.wide(at - 2))


def _between_quotes(text: _Text, at: Positions) -> Mask:
    """LB19a, after a final and before an initial quotation mark."""
    return _before_quote(text, at) | _after_quote(text, at)


def _hyphen(text: _Text, at: Positions) -> Mask:
    """LB20a, LB21a."""
    before, after = text.classes[at - 2], text.classes[at]
    forbidden: Mask = _BEFORE_HYPHEN[before] & _HYPHENS[text.classes[at - 1]] & _LETTERS[after]
    hebrew = before == _HL
    if hebrew.any():
        forbidden |= hebrew & (after != _HL) & ~text.wide(at - 1)
    return forbidden


def _number(text: _Text, at: Positions) -> Mask:
    """LB25, after a number that separators or a closing bracket follow."""
    end = at - 1 - _CLOSERS[text.classes[at - 1]]
    # Separators seldom come in long rows, and walking back is cheaper than looking at the whole text.
    for _ in range(_STEPS):
        separators = _SEPARATORS[text.classes[end]]
        if not separators.any():
            break
        end = end - separators
    else:
        end = last_where(~_SEPARATORS[text.classes])[end].astype(np.intp)
    forbidden: Mask = text.classes[end] == _NU
    return forbidden


def _opened(text: _Text, at: Positions) -> Mask:
    """LB25, before a bracket that a number follows."""
    then = text.classes[at + 1]
    forbidden: Mask = then == _NU
    point = np.flatnonzero(then == _IS)
    forbidden[point] = text.classes[at[point] + 2] == _NU
    return forbidden


def _virama(text: _Text, at: Positions) -> Mask:
    """LB28a, third line."""
    return _AKSARAS[text.classes[at - 2]]


def _stack(text: _Text, at: Positions) -> Mask:
    """LB28a, fourth line."""
    forbidden: Mask = text.classes[at + 1] == _VF
    return forbidden


def _flag(text: _Text, at: Positions) -> Mask:
    """LB30a: of the indicators in a row, the second goes with the first, the fourth with the third."""
    forbidden: Mask = ordinals(at) % 2 == 0
    return forbidden


_FORBIDS: dict[int, Callable[[_Text, Positions], Mask]] = {
    rules.CLOSE_QUOTE: _close_quote,
    rules.POINT: _point,
    rules.BEFORE_QUOTE: _before_quote,
    rules.AFTER_QUOTE: _after_quote,
    rules.BETWEEN_QUOTES: _between_quotes,
    rules.HYPHEN: _hyphen,
    rules.NUMBER: _number,
    rules.OPENED: _opened,
    rules.VIRAMA: _virama,
    rules.STACK: _stack,
    rules.FLAG: _flag,
}
"""For each kind, whether a rule forbids a break before the characters at some positions."""
