"""The fonts a page is set in, and what each character of the text becomes in them.

The user's faces are asked first, then the first choice for the character's script, then all others in order. A
character that none has is drawn as a box with its code point in hex, so that nothing vanishes from the page.
"""

from __future__ import annotations

import math
import threading
import unicodedata
from functools import cache, lru_cache
from importlib.resources import files
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import uharfbuzz as hb

from glyph_rag.typeset.glyphs import hexbox
from glyph_rag.typeset.glyphs.faces import FACES, Face
from glyph_rag.typeset.profile import RenderProfile, UserFont
from glyph_rag.typeset.unicode import scripts

PEN = 64
"""Pen positions are integers in 1/64 pixel."""

HEX_BOX = 254
"""Face number of the hex boxes."""

NO_INK = 255
"""Face number of characters that take part in the text but leave no ink: spaces and format characters."""

LATIN, CJK, COMPLEX, EMOJI = range(4)
"""Sizes of type: which of the profile's sizes a character is set in."""

SPACE, SOLO, SHAPED = 1, 2, 4
"""What a character is to the compositor: white space, one that stands for itself (Han, kana, Hangul), or one that only
HarfBuzz can place."""


@cache
def _open_bundled(face: Face) -> hb.Font:
    data = (files("glyph_rag") / "assets" / "fonts" / face.name).read_bytes()
    return hb.Font(hb.Face(hb.Blob(data)))


@lru_cache(maxsize=16)
def _open_own(font: UserFont) -> hb.Font:
    return hb.Font(hb.Face(hb.Blob(font.read())))


class Plain(NamedTuple):
    """Characters as glyphs, one for one: face, glyph, size of type, and advance in 1/64 pixel, each (n,)."""

    face: npt.NDArray[np.uint8]
    glyph: npt.NDArray[np.uint32]
    size: npt.NDArray[np.uint8]
    advance: npt.NDArray[np.int64]


class Typecase:
    """What every code point becomes under a profile, looked up once and kept in tables.

    Attributes:
        face: uint8 (0x110000,): number of the face, `HEX_BOX` or `NO_INK`.
        glyph: uint32 (0x110000,): glyph id in that face, or the code point itself for a hex box.
        size: uint8 (0x110000,): `LATIN`, `CJK`, `COMPLEX` or `EMOJI`.
        kind: uint8 (0x110000,): `SPACE`, `SOLO` and `SHAPED`, added up.
        advance: int32 (0x110000,): how far the pen moves, in 1/64 pixel; -1 until looked up.
    """

    def __init__(self, profile: RenderProfile, mono: bool) -> None:
        own = len(profile.fonts)
        # The monospaced face goes first for code and last for prose.
        bundled = sorted(FACES, key=lambda face: (face.kind == "mono") != mono)
        self._faces: list[UserFont | Face] = [*profile.fonts, *bundled]
        self._general = list(range(len(self._faces)))
        self._choice = {script: own + i for i, face in reversed(list(enumerate(bundled))) for script in face.scripts}
        for face in profile.fonts:
            _open_own(face)
        self._cjk = [own + i for i, face in enumerate(bundled) if face.kind == "cjk"]
        self._own, self.emoji = own, {own + i for i, face in enumerate(bundled) if face.kind == "emoji"}
        self._mono = mono
        self._order: dict[int, list[int]] = {}
        latin = (profile.mono_px, profile.mono_line) if mono else (profile.latin_px, profile.latin_line)
        emoji = (latin[1], latin[1])
        sizes = (latin, (profile.cjk_px, profile.cjk_line), (profile.complex_px, profile.complex_line), emoji)
        self._em = [round(px * PEN) for px, _ in sizes]
        self.scale = profile.horizontal_scale
        # DejaVu's letters reach 0.21 em below the baseline, Han characters less.
        below = [math.ceil(0.21 * px) for px, _ in sizes]
        below[EMOJI] = below[LATIN]
        self.above = np.array([line - low for (_, line), low in zip(sizes, below, strict=True)], np.int16)
        self.below = np.array(below, np.int16)
        self.face = np.full(0x110000, NO_INK, np.uint8)
        self.glyph = np.zeros(0x110000, np.uint32)
        self.size = np.zeros(0x110000, np.uint8)
        self.kind = np.zeros(0x110000, np.uint8)
        self.advance = np.full(0x110000, -1, np.int32)
        self._lock = threading.Lock()

    def font(self, face: int) -> hb.Font:
        """The face of a number, opened when first asked for."""
        wanted = self._faces[face]
        return _open_own(wanted) if isinstance(wanted, UserFont) else _open_bundled(wanted)

    def em(self, size: int) -> tuple[int, int]:
        """Width and height of the em in 1/64 pixel, for a size of type."""
        return self._em[size] * self.scale // 100, self._em[size]

    def look_up(self, codes: npt.NDArray[np.uint32]) -> None:
        """Fills the tables for every code point in `codes`, an array of any shape."""
        fresh = codes[self.advance[codes] < 0]
        if not len(fresh):
            return
        with self._lock:
            for code in np.unique(fresh).tolist():
                self._add(code)

    def covers(self, face: int, code: int) -> bool:
        """Whether a face has a glyph for a code point."""
        return bool(self.font(face).get_nominal_glyph(code))

    def beside_han(self, codes: npt.NDArray[np.uint32]) -> Plain:
        """Signs that Latin and Han writing share, as they are drawn in the square of Han characters."""
        plain = self.plain(codes)
        for at, code in enumerate(codes.tolist()):
            face = next((face for face in self._cjk if self.covers(face, code)), None)
            if face is not None:
                plain.face[at], plain.glyph[at] = face, self.font(face).get_nominal_glyph(code)
                plain.size[at], plain.advance[at] = CJK, _round(self._measure(face, code, CJK))
        return plain

    def in_language(self, codes: npt.NDArray[np.uint32], language: str) -> Plain:
        """Han characters in the forms of a language, a BCP 47 tag."""
        plain = self.plain(codes)
        for face in np.unique(plain.face).tolist():
            chosen = plain.face == face
            if face not in (NO_INK, HEX_BOX):
                buffer = hb.Buffer()
                buffer.add_codepoints(codes[chosen].tolist())
                buffer.direction, buffer.script, buffer.language = "ltr", "Hani", language
                hb.shape(self.font(face), buffer, {"kern": False, "liga": False})
                plain.glyph[chosen] = [info.codepoint for info in buffer.glyph_infos]
        return plain

    def plain(self, codes: npt.NDArray[np.uint32]) -> Plain:
        """What characters become that simply stand side by side."""
        return Plain(self.face[codes], self.glyph[codes], self.size[codes], self.advance[codes].astype(np.int64))

    def candidates(self, code: int) -> list[int]:
        """The faces, in the order in which they are asked for a code point."""
        script = _script_of(code)
        if script not in self._order:
            self._order[script] = self._order_for(scripts.NAMES[script])
        return self._order[script]

    def _order_for(self, script: str) -> list[int]:
        first = self._choice.get(script)
        if first is None or (self._mono and script in _LETTERS_OF_CODE):
            return self._general
        own, others = self._general[: self._own], self._general[self._own :]
        return [*own, first, *(face for face in others if face != first)]

    def _add(self, code: int) -> None:
        character = chr(code)
        if character.isspace():
            self._add_space(code, character)
        elif is_format(code):
            self.kind[code] = SHAPED if code in _JOINERS or code in _VARIATIONS else 0
            self.advance[code] = 0
        else:
            self._add_inked(code, character)

    def _add_space(self, code: int, character: str) -> None:
        """Spaces are whole pixels wide, so that words start on whole pixels and are drawn alike everywhere."""
        if character == "\u3000":
            advance = self.em(CJK)[0]
        else:
            advance = (4 if character == "\t" else 1) * _round(self._measure(self._general[0], 0x20, LATIN))
        self.kind[code] = 0 if character in _NO_BREAK else SPACE
        self.advance[code] = max(PEN, _round(advance))

    def _add_inked(self, code: int, character: str) -> None:
        size = self._size_of(code)
        for face in self.candidates(code):
            glyph = self.font(face).get_nominal_glyph(code)
            if glyph:
                size = EMOJI if face in self.emoji else size
                self.glyph[code], self.face[code] = glyph, face
                advance = self._measure(face, code, size)
                break
        else:
            self.glyph[code], self.face[code] = code, HEX_BOX
            advance = hexbox.width(code) * PEN
        shaped = size in (COMPLEX, EMOJI) or unicodedata.category(character)[0] == "M" or is_conjoining(code)
        self.size[code] = size
        self.kind[code] = SHAPED if shaped else SOLO if size == CJK else 0
        self.advance[code] = _round(advance) if size == CJK else advance

    def _size_of(self, code: int) -> int:
        if is_cjk(code):
            return CJK
        return LATIN if scripts.NAMES[_script_of(code)] in _ALPHABETS else COMPLEX

    def _measure(self, face: int, code: int, size: int) -> int:
        font = self.font(face)
        glyph = font.get_nominal_glyph(code) or 0
        return int(font.get_glyph_h_advance(glyph)) * self.em(size)[0] // int(font.face.upem)


@cache
def _scripts() -> npt.NDArray[np.uint8]:
    """The script of every code point, as an index into `scripts.NAMES`."""
    return scripts.script_of(np.arange(0x110000, dtype=np.uint32))


def _script_of(code: int) -> int:
    """The script that a character is set with: digits, signs and marks that many share go with those of their block."""
    script = int(_scripts()[code])
    if scripts.NAMES[script] in ("Zyyy", "Zinh"):
        return next((scripts.INDEX[name] for first, last, name in _BLOCKS if first <= code <= last), script)
    return script


_BLOCKS = (
    (0x0600, 0x06FF, "Arab"), (0x0750, 0x077F, "Arab"), (0x08A0, 0x08FF, "Arab"), (0xFD3E, 0xFD3F, "Arab"),
    (0x0951, 0x0965, "Deva"), (0x1CD0, 0x1CFF, "Deva"), (0xA830, 0xA839, "Deva"), (0x10FB, 0x10FB, "Geor"),
)  # fmt: skip


def is_cjk(code: int) -> bool:
    """Whether a character is set in a square: Han, kana, Hangul and full-width forms."""
    return (
        0x2E80 <= code <= 0xA4CF or 0xAC00 <= code <= 0xD7FF or 0xF900 <= code <= 0xFAFF
        or 0x1100 <= code <= 0x11FF or 0xA960 <= code <= 0xA97F or 0xFE10 <= code <= 0xFE1F
        or 0xFE30 <= code <= 0xFE6F or 0xFF00 <= code <= 0xFFEF or 0x1B000 <= code <= 0x1B16F
        or 0x20000 <= code <= 0x3FFFF
    )  # fmt: skip


def is_conjoining(code: int) -> bool:
    """Whether a character is a Hangul letter that joins its neighbours to a syllable."""
    return 0x1100 <= code <= 0x11FF or 0xA960 <= code <= 0xA97F or 0xD7B0 <= code <= 0xD7FF


def is_format(code: int) -> bool:
    """Whether a character is invisible by definition (Unicode: default ignorable)."""
    return code in _FORMAT


_FORMAT_RANGES = (
    (0x00AD, 0x00AD), (0x034F, 0x034F), (0x061C, 0x061C), (0x115F, 0x1160), (0x17B4, 0x17B5), (0x180B, 0x180F),
    (0x200B, 0x200F), (0x202A, 0x202E), (0x2060, 0x206F), (0x3164, 0x3164), (0xFE00, 0xFE0F), (0xFEFF, 0xFEFF),
    (0xFFA0, 0xFFA0), (0xFFF0, 0xFFF8), (0x1BCA0, 0x1BCA3), (0x1D173, 0x1D17A), (0xE0000, 0xE0FFF),
)  # fmt: skip
_FORMAT = frozenset(code for first, last in _FORMAT_RANGES for code in range(first, last + 1))
_JOINERS = frozenset((0x034F, 0x115F, 0x1160, 0x180E, 0x200D))
_VARIATIONS = frozenset((*range(0x180B, 0x1810), *range(0xFE00, 0xFE10), *range(0xE0000, 0xE1000)))
_LETTERS_OF_CODE = ("Zyyy", "Latn", "Grek", "Cyrl")
_NO_BREAK = ("\u00a0", "\u202f", "\u2007")
_ALPHABETS = {
    "Latn", "Grek", "Cyrl", "Armn", "Geor", "Copt", "Cher", "Goth", "Runr", "Ogam", "Glag",
    "Brai", "Zyyy", "Zinh", "Zzzz", "Hani", "Hira", "Kana", "Hang", "Bopo", "Yiii",
}  # fmt: skip


def _round(pens: int) -> int:
    return (pens + PEN // 2) // PEN * PEN


@lru_cache(maxsize=8)
def typecase(profile: RenderProfile, mono: bool) -> Typecase:
    """The tables for a profile, shared by everything in this process that sets text under it.

    Args:
        profile: Sizes and fonts.
        mono: Whether the monospaced face is asked first, at its own size.

    Raises:
        ProfileError: If a font of the user's cannot be read.
    """
    return Typecase(profile, mono)
