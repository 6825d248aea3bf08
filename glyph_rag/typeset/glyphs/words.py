"""Words, cast once: shaped, measured and drawn when first seen, and then only looked up.

A word is what stands between two places where the line might break or the white space changes: an English word, a
single Chinese character, a Thai word. It starts on a whole pixel, so its pixels are the same wherever it stands, and a
page is put together from ready words.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from glyph_rag.typeset.glyphs.fonts import HEX_BOX, NO_INK, PEN, SHAPED, Plain, Typecase, typecase
from glyph_rag.typeset.glyphs.han import BESIDE_HAN, LANGUAGES
from glyph_rag.typeset.glyphs.ink import Inkwell
from glyph_rag.typeset.glyphs.shape import Shaped, shape
from glyph_rag.typeset.glyphs.shape_runs import alike, shape_run
from glyph_rag.typeset.profile import RenderProfile

BLANK = 4096
"""The first columns of every word case are empty: the white space between words is taken from there."""

_MAX_BYTES = 64 << 20

_MAX_CROPS = 6
"""Lines of a page are of few different heights; each that is drawn often is worth a copy of its rows."""

Integers = npt.NDArray[np.int64]
_Scalar = TypeVar("_Scalar", bound=np.generic)


class WordCase:
    """All words set so far under one profile. Words are only added, so numbers once given stay good.

    Attributes:
        case: Fonts and sizes.
        above: Rows of each column above the baseline.
        below: Rows of each column below it.
        width: int32 (words,): pixels from the first column to the next word.
        up: int16 (words,): rows that a line with this word needs above the baseline.
        down: int16 (words,): rows that it needs below.
        missing: int32 (words,): how many of its characters no font has.
        column: int64 (words,): its first column in `columns`.
        columns: uint8 (n, above + below): pixel columns of all words, top to bottom, 0 for paper to 15 for full ink.
        pen: int64 (words,): where its pen positions start in `pens`.
        pens: int32 (n,): for each character of a word, and its end, the pen position in 1/64 pixel from its first
            column; falling in words that run from right to left.
    """

    def __init__(self, case: Typecase) -> None:
        self.case = case
        em = max(case.em(size)[1] for size in range(len(case.above))) / PEN
        self.above = max(int(1.7 * em), int(case.above.max()) + 2)
        rows = -(-(self.above + max(int(0.7 * em), int(case.below.max()) + 2)) // 16) * 16
        self.below = rows - self.above
        self._ink = Inkwell(case)
        self._ids: tuple[dict[str, int], dict[str, int]] = ({}, {})
        self._single = np.full(0x110000, -1, np.int32)
        self._crops: dict[tuple[int, int], tuple[npt.NDArray[np.uint8], int]] = {}
        self._forms: dict[int, npt.NDArray[np.int32]] = {}
        self._lock = threading.Lock()
        self.width: npt.NDArray[np.int32] = np.zeros(0, np.int32)
        self.up: npt.NDArray[np.int16] = np.zeros(0, np.int16)
        self.down: npt.NDArray[np.int16] = np.zeros(0, np.int16)
        self.missing: npt.NDArray[np.int32] = np.zeros(0, np.int32)
        self.column: Integers = np.zeros(0, np.int64)
        self.columns: npt.NDArray[np.uint8] = np.zeros((BLANK, rows), np.uint8)
        self.pen: Integers = np.zeros(0, np.int64)
        self.pens: npt.NDArray[np.int32] = np.zeros(0, np.int32)
        self._words, self._used, self._pens_used = 0, BLANK, 0

    @property
    def size(self) -> int:
        """Bytes in use."""
        return self._used * int(self.columns.shape[1]) + 4 * self._pens_used + 120 * self._words

    def rows(self, top: int, height: int) -> npt.NDArray[np.uint8]:
        """Some rows of all columns, side by side in memory: uint8 (n, height), n at least that of all words so far."""
        crop, filled = self._crops.get((top, height), (np.zeros((0, height), np.uint8), 0))
        if filled < self._used:
            filled, fresh = self._used, self.columns[filled : self._used, top : top + height]
            crop = _extend(crop, filled - len(fresh), fresh)
            if len(self._crops) >= _MAX_CROPS:
                self._crops.clear()
            self._crops[top, height] = crop, filled
        return crop

    def singles(self, codes: npt.NDArray[np.uint32]) -> npt.NDArray[np.int32]:
        """Numbers of the words that are a single character, from left to right: int32, as many as `codes`."""
        ids = self._single[codes]
        fresh = np.unique(codes[ids < 0]).tolist()
        if not fresh:
            return ids
        numbers = self.find([chr(code) for code in fresh], rtl=False)
        self._single[fresh] = numbers
        return self._single[codes]

    def in_form(self, codes: npt.NDArray[np.uint32], form: int) -> npt.NDArray[np.int32]:
        """The same for characters in a form that depends on the text around them.

        Args:
            codes: Han characters; or, for `BESIDE_HAN`, signs that Latin and Han writing share.
            form: `BESIDE_HAN`, or a number of `LANGUAGES`.
        """
        table = self._forms.setdefault(form, np.full(0x110000, -1, np.int32))
        if (table[codes] < 0).any():
            with self._lock:
                fresh = np.unique(codes[table[codes] < 0])
                if len(fresh):
                    case = self.case
                    plain = case.beside_han(fresh) if form == BESIDE_HAN else case.in_language(fresh, LANGUAGES[form])
                    batch = _Batch(case, len(fresh))
                    ones = np.ones(len(fresh), np.int64)
                    batch.add_plain(plain, ones, np.arange(len(fresh)))
                    self._draw(batch, np.arange(len(fresh)), ones)
                    table[fresh] = np.arange(self._words - len(fresh), self._words)
        ids: npt.NDArray[np.int32] = table[codes]
        return ids

    def find(self, words: Sequence[str], *, rtl: bool) -> list[int]:
        """Numbers of words, which are cast if they are new.

        Args:
            words: The words; every character has been looked up in the typecase.
            rtl: Whether they run from right to left.
        """
        known = self._ids[rtl]
        try:
            return [known[word] for word in words]
        except KeyError:
            with self._lock:
                fresh = [word for word in dict.fromkeys(words) if word not in known]
                if fresh:
                    self._cast(fresh, rtl)
            return [known[word] for word in words]

    def _cast(self, words: list[str], rtl: bool) -> None:
        codes = np.frombuffer("".join(words).encode("utf-32-le", "surrogatepass"), np.uint32)
        lengths = np.array(list(map(len, words)), np.int64)
        begins = np.cumsum(lengths) - lengths
        shaped = np.bitwise_or.reduceat(self.case.kind[codes], begins) & SHAPED > 0
        shaped |= rtl
        batch = _Batch(self.case, len(words))
        batch.add_plain(self.case.plain(codes[np.repeat(~shaped, lengths)]), lengths[~shaped], np.flatnonzero(~shaped))
        batch.add_shaped(words, np.flatnonzero(shaped).tolist(), rtl)
        self._draw(batch, begins, lengths)
        self._ids[rtl].update(zip(words, range(self._words - len(words), self._words), strict=True))

    def _draw(self, batch: _Batch, begins: Integers, lengths: Integers) -> None:
        """Draws a batch with room to spare around each word, finds the ink, and keeps what is needed."""
        owner, glyphs = batch.glyphs()
        em = max((self.case.em(number)[1] for number in np.unique(glyphs.size).tolist()), default=0)
        pad = max(1, -(-em // PEN))
        advance = (batch.advance + PEN // 2) // PEN
        room = advance + 2 * pad
        left = np.cumsum(room) - room + pad
        inked = glyphs.face != NO_INK
        strip = self._ink.draw(
            glyphs.face[inked],
            glyphs.glyph[inked],
            glyphs.size[inked],
            (glyphs.x + left[owner] * PEN)[inked],
            glyphs.y[inked],
            int(room.sum()),
            self.above,
            self.below,
        )
        inked = strip.any(axis=1)
        at = np.arange(len(strip))
        first = np.minimum.reduceat(np.where(inked, at, len(strip)), left - pad)
        last = np.maximum.reduceat(np.where(inked, at, -1), left - pad) + 1
        first, last = np.minimum(first, left), np.maximum(last, left + advance)
        inside = (at >= np.repeat(first, room)) & (at < np.repeat(last, room))
        kept = strip[inside]
        width = last - first
        rows = np.bitwise_or.reduceat(strip, left - pad, axis=0) > 0
        has_ink = rows.any(axis=1)
        top = np.where(has_ink, self.above - rows.argmax(axis=1), 0)
        bottom = np.where(has_ink, self.below - rows[:, ::-1].argmax(axis=1), 0)
        count = len(width)
        np.maximum.at(top, owner, self.case.above[glyphs.size])
        np.maximum.at(bottom, owner, self.case.below[glyphs.size])
        missing = np.bincount(owner, glyphs.face == HEX_BOX, count)
        self.width = _extend(self.width, self._words, width)
        self.up = _extend(self.up, self._words, top)
        self.down = _extend(self.down, self._words, bottom)
        self.missing = _extend(self.missing, self._words, missing)
        self.column = _extend(self.column, self._words, self._used + np.cumsum(width) - width)
        self.columns = _extend(self.columns, self._used, kept)
        pens = batch.pens(begins, lengths) + np.repeat((left - first) * PEN, lengths + 1)
        self.pen = _extend(self.pen, self._words, self._pens_used + begins + np.arange(count))
        self.pens = _extend(self.pens, self._pens_used, pens)
        self._words, self._used, self._pens_used = (
            self._words + count,
            self._used + len(kept),
            self._pens_used + len(pens),
        )


class _Batch:
    """New words on their way: glyphs with the number of their word, and pen positions."""

    def __init__(self, case: Typecase, count: int) -> None:
        self._case = case
        self._owner: list[Integers] = []
        self._shaped: list[Shaped] = []
        self._pens: list[Integers] = [np.zeros(0, np.int64)] * count
        self._plain: tuple[Integers, Integers] | None = None
        self.advance = np.zeros(count, np.int64)

    def add_plain(self, plain: Plain, lengths: Integers, words: Integers) -> None:
        """Words whose letters simply stand side by side: their letters, lengths and numbers."""
        if not len(words):
            return
        count = len(plain.face)
        begins = np.cumsum(lengths) - lengths
        ends = np.cumsum(plain.advance)
        x = ends - plain.advance - np.repeat((ends - plain.advance)[begins], lengths)
        self.advance[words] = np.add.reduceat(plain.advance, begins)
        pens = np.zeros(count + len(words), np.int64)
        pens[np.arange(count) + np.repeat(np.arange(len(words)), lengths)] = x
        pens[begins + lengths + np.arange(len(words))] = self.advance[words]
        self._plain = words, pens
        self._owner.append(np.repeat(words, lengths))
        self._shaped.append(Shaped(plain.face, plain.glyph, plain.size, x, np.zeros(count, np.int64), pens))

    def add_shaped(self, words: Sequence[str], numbers: Sequence[int], rtl: bool) -> None:
        """Those of the words, by number, that HarfBuzz has to set."""
        if not numbers:
            return
        rest = set(range(len(numbers)))
        for (face, size, _), members in alike([words[number] for number in numbers], self._case).items():
            self._add_run([numbers[at] for at in members], words, face, size, rtl)
            rest.difference_update(members)
        for at in sorted(rest):
            number = numbers[at]
            shaped = shape(words[number], rtl, self._case)
            self._pens[number] = shaped.pens
            self.advance[number] = max(shaped.pens[0], shaped.pens[-1])
            self._owner.append(np.full(len(shaped.face), number, np.int64))
            self._shaped.append(shaped)

    def _add_run(self, numbers: list[int], words: Sequence[str], face: int, size: int, rtl: bool) -> None:
        run = shape_run([words[number] for number in numbers], face, size, rtl, self._case)
        owners = np.array(numbers, np.int64)
        self.advance[owners] = run.advance
        ends = np.cumsum([len(words[number]) + 1 for number in numbers])
        for number, pens in zip(numbers, np.split(run.pens, ends[:-1]), strict=True):
            self._pens[number] = pens
        count = len(run.glyph)
        self._owner.append(owners[run.owner])
        self._shaped.append(
            Shaped(
                np.full(count, face, np.uint8), run.glyph.astype(np.uint32), np.full(count, size, np.uint8),
                run.x, run.y, run.pens,
            )
        )  # fmt: skip

    def glyphs(self) -> tuple[Integers, Shaped]:
        """All glyphs, and the number of the word that each belongs to; the pen positions are not among them."""
        parts = self._shaped
        return np.concatenate(self._owner), Shaped(
            np.concatenate([part.face for part in parts]),
            np.concatenate([part.glyph for part in parts]),
            np.concatenate([part.size for part in parts]),
            np.concatenate([part.x for part in parts]),
            np.concatenate([part.y for part in parts]),
            np.zeros(0, np.int64),
        )

    def pens(self, begins: Integers, lengths: Integers) -> Integers:
        """The pen positions of all words, in their order."""
        pens = np.zeros(int(lengths.sum()) + len(lengths), np.int64)
        if self._plain is not None:
            plain = np.zeros(len(lengths), bool)
            words, values = self._plain
            plain[words] = True
            pens[np.repeat(plain, lengths + 1)] = values
        for number, values in enumerate(self._pens):
            if len(values):
                start = int(begins[number]) + number
                pens[start : start + len(values)] = values
        return pens


def _extend(array: npt.NDArray[_Scalar], used: int, more: npt.NDArray[np.generic]) -> npt.NDArray[_Scalar]:
    """The array with `more` behind its first `used` rows, in a new and larger place where there is no room."""
    if used + len(more) > len(array):
        larger = np.zeros((max(2 * len(array), used + len(more), 1024), *array.shape[1:]), array.dtype)
        larger[:used] = array[:used]
        array = larger
    array[used : used + len(more)] = more
    return array


_cases: dict[tuple[RenderProfile, bool], WordCase] = {}
_guard = threading.Lock()
_MAX_CASES = 8


def word_case(profile: RenderProfile, mono: bool) -> WordCase:
    """The words of a profile, shared by everything in this process that sets text under it.

    A case that has grown past 64 MiB is given up and a new one begun; layouts made from the old one keep it alive.
    """
    with _guard:
        words = _cases.pop((profile, mono), None)
        if words is None or words.size > _MAX_BYTES:
            words = WordCase(typecase(profile, mono))
        _cases[profile, mono] = words
        while len(_cases) > _MAX_CASES:
            del _cases[next(iter(_cases))]
        return words
