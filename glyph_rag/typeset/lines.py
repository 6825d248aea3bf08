"""Where lines of text break.

Text is broken greedily at the last opportunity that fits. Opportunities are the common subset of UAX #14: after
spaces and hyphens, and between CJK characters except before closing and after opening punctuation (kinsoku). A word
wider than the page is cut between characters, never before a combining mark.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from glyph_rag.typeset.fonts import PEN, Typecase

_SPACE, _HYPHEN, _CJK, _OPEN, _CLOSE, _MARK, _OTHER = range(1, 8)

_CLOSING = frozenset(
    "、。，．：；？！）］｝」』】〕〉》〗〙〛ーぁぃぅぇぉっゃゅょゎァィゥェォッャュョヮヵヶ々…‥·’”%‰℃,.:;?!)]}%"
)
_OPENING = frozenset("（［｛「『【〔〈《〖〘〚‘“([{$£¥￥＄")


def is_cjk(code: int) -> bool:
    """Whether lines may break on either side of this character: Han, kana, Hangul and fullwidth forms."""
    return (
        0x2E80 <= code <= 0x9FFF or 0xAC00 <= code <= 0xD7A3 or 0xF900 <= code <= 0xFAFF
        or 0xFE30 <= code <= 0xFE4F or 0xFF00 <= code <= 0xFFEF or 0x20000 <= code <= 0x3FFFF
    )  # fmt: skip


def _class_of(code: int) -> int:
    character = chr(code)
    if character.isspace() and code not in (0xA0, 0x202F):
        return _SPACE
    if character in "-‐–—/":
        return _HYPHEN
    if character in _CLOSING:
        return _CLOSE
    if character in _OPENING:
        return _OPEN
    if unicodedata.category(character) in ("Mn", "Me", "Mc", "Cf"):
        return _MARK
    return _CJK if is_cjk(code) else _OTHER


class _ClassTable:
    """The break class of every code point, looked up once."""

    def __init__(self) -> None:
        self._known = np.zeros(0x110000, np.uint8)

    def __call__(self, codes: npt.NDArray[np.uint32]) -> npt.NDArray[np.uint8]:
        fresh = np.unique(codes)
        for code in fresh[self._known[fresh] == 0].tolist():
            self._known[code] = _class_of(code)
        return self._known[codes]


_classes = _ClassTable()


@dataclass(frozen=True)
class SetText:
    """A stretch of text with everything that breaking and placing it needs.

    Attributes:
        codes: uint32 (n,): code points.
        pens: int64 (n + 1,): pen positions as if on one endless line, in 1/64 pixel.
        may_break: bool (n,): whether a line may start with this character.
        may_cut: bool (n,): whether a line may start with it when nothing else fits.
        space: bool (n,): white space, which may hang over the end of a line.
    """

    codes: npt.NDArray[np.uint32]
    pens: npt.NDArray[np.int64]
    may_break: npt.NDArray[np.bool_]
    may_cut: npt.NDArray[np.bool_]
    space: npt.NDArray[np.bool_]


def set_text(text: str, case: Typecase) -> SetText:
    """Measures a stretch of text and finds where it may break."""
    codes = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), np.uint32)
    case.look_up(codes)
    kinds = _classes(codes)
    before = np.concatenate([np.zeros(1, np.uint8), kinds[:-1]])
    glued = np.isin(kinds, (_SPACE, _MARK, _CLOSE)) | (before == _OPEN)
    between = (before == _SPACE) | (before == _HYPHEN) & (kinds == _OTHER)
    between |= ((before == _CJK) | (kinds == _CJK) | (before == _CLOSE) & (kinds == _OPEN)) & (before != 0)
    opens_after_space = (before == _SPACE) & ~np.isin(kinds, (_SPACE, _MARK))
    return SetText(
        codes,
        np.concatenate([np.zeros(1, np.int64), np.cumsum(case.advance[codes], dtype=np.int64)]),
        between & ~glued | opens_after_space,
        kinds != _MARK,
        kinds == _SPACE,
    )


def source_lines(text: str, *, flow: bool) -> Iterator[tuple[int, int]]:
    """Yields the half-open spans of the lines of a source.

    Args:
        text: The text.
        flow: Take lines that were only broken because an editor's window ended for one: a long line, and one that
            follows without indentation and starts with a letter. Lists, tables, headings and code do not look so.
    """
    start = 0
    fenced = False
    while start <= len(text):
        end = _line_end(text, start)
        fenced ^= text.startswith(_FENCES, start)
        while flow and not fenced and end < len(text) and _continues(text, start, end):
            end = _line_end(text, end + 1)
        yield start, end
        start = end + 1


_FENCES = ("```", "~~~")
_WRAPPED = 60  # Editors wrap at 72 columns and more; the last word that fits may end a little earlier.
_PROSE = re.compile(r"[^\W\d]|[(\[“‘\"'「『（]|[*`](?![*`\s])|\*\*\w")
_NOT_PROSE = ("#", "|", ">", "-", "*", "+", "=", ":", "`", "~", "<", " ", "\t")


def _line_end(text: str, start: int) -> int:
    end = text.find("\n", start)
    return len(text) if end < 0 else end


def _continues(text: str, first: int, end: int) -> bool:
    """Whether the line that ends at `end`, of a paragraph that starts at `first`, goes on in the next one."""
    last = text[text.rfind("\n", first, end) + 1 or first : end].rstrip()
    wide = len(last) + sum(map(is_cjk, map(ord, last))) >= _WRAPPED
    return wide and not last.startswith(_NOT_PROSE) and _PROSE.match(text, end + 1) is not None


def break_lines(text: str, measured: SetText, width: int, *, flow: bool) -> Iterator[tuple[int, int, int]]:
    """Yields the lines that `text` is set in, as (start, ink, end).

    `ink` to `end` are the characters that stand on the line, without the white space around them; `start` is where
    the source line starts, for the first line of one, and else the same as `ink`. An empty line of the source has
    `ink == end`.

    Args:
        text: The text that was measured.
        measured: What `set_text` found.
        width: Room for a line, in pixels. Indentation takes at most half of it.
        flow: See `source_lines`.
    """
    wrap = _Wrap(measured, width * PEN)
    for start, end in source_lines(text, flow=flow):
        yield from wrap.source_line(start, end)


class _Wrap:
    """Finds the lines of one text; holds the places where lines may end."""

    def __init__(self, measured: SetText, room: int) -> None:
        self._pens, self._room = measured.pens, room
        self._breaks = np.flatnonzero(measured.may_break)
        self._cuts = np.flatnonzero(measured.may_cut)
        self._inked = np.flatnonzero(~measured.space)

    def source_line(self, start: int, end: int) -> Iterator[tuple[int, int, int]]:
        first, last = np.searchsorted(self._inked, [start, end])
        if first == last:
            yield start, start, start
            return
        ink, end = int(self._inked[first]), int(self._inked[last - 1]) + 1
        room = self._room - min(int(self._pens[ink] - self._pens[start]), self._room // 2)
        while ink < end:
            stop = self._stop(ink, end, room)
            yield start, ink, int(self._inked[np.searchsorted(self._inked, stop) - 1]) + 1
            after = int(np.searchsorted(self._inked, stop))
            start = ink = int(self._inked[after]) if after < len(self._inked) else end
            room = self._room

    def _stop(self, ink: int, end: int, room: int) -> int:
        """Where a line ends that starts with the character at `ink` and has `room` for it."""
        fits = int(np.searchsorted(self._pens, self._pens[ink] + room, side="right")) - 1
        if fits >= end:
            return end
        hanging = int(np.searchsorted(self._inked, fits))
        beyond = int(self._inked[hanging]) if hanging < len(self._inked) else end
        for places, limit in ((self._breaks, beyond), (self._cuts, fits)):
            at = int(np.searchsorted(places, limit, side="right")) - 1
            if at >= 0 and places[at] > ink:
                return min(int(places[at]), end)
        after = int(np.searchsorted(self._cuts, ink, side="right"))
        return min(int(self._cuts[after]), end) if after < len(self._cuts) else end
