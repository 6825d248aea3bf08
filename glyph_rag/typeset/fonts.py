"""The fonts a page is set in, and what each character of the text becomes in them.

The bundled faces are asked in order, and the first that has a glyph for the character draws it. A character that
none has is drawn as a box with its code point in hex, so that nothing of the text vanishes from the page.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib.resources import files

import numpy as np
import numpy.typing as npt
import uharfbuzz as hb

from glyph_rag.errors import ProfileError
from glyph_rag.typeset import hexbox

PEN = 64
"""Pen positions are integers in 1/64 pixel."""

HEX_BOX = 254
"""Face number of the hex boxes."""

NO_INK = 255
"""Face number of characters that take part in the text but leave no ink: spaces and format characters."""


@dataclass(frozen=True)
class FontFile:
    """A font that ships with the package.

    Attributes:
        name: File name among the package's assets.
        sha256: Hex digest of the file; part of every profile's fingerprint.
        cjk: Whether the profile's CJK sizes apply to it.
    """

    name: str
    sha256: str
    cjk: bool


BUNDLED_FONTS = (
    FontFile("DejaVuSans.ttf", "abdc775b21b1bc470d50c97e790d276f2054b7504e56e5bd3e64f48d68582322", cjk=False),
    FontFile(
        "NotoSansCJKsc-subset.otf",
        "1e4ec9e14a413db0f8b2c5d9c8e49ff123e55949a7f7e5a3b9d0b81ac97d5436",
        cjk=True,
    ),
)


@cache
def open_font(font: FontFile) -> hb.Font:
    """The font, in its own units, y upwards."""
    data = (files("glyph_rag") / "assets" / "fonts" / font.name).read_bytes()
    return hb.Font(hb.Face(hb.Blob(data)))


class Typecase:
    """What every code point becomes at given sizes: face, glyph and advance, looked up once and kept in tables.

    Attributes:
        face: uint8 (0x110000,): index into `BUNDLED_FONTS`, `HEX_BOX` or `NO_INK`.
        glyph: uint32 (0x110000,): glyph id in that face, or the code point itself for a hex box.
        advance: int32 (0x110000,): how far the pen moves, in 1/64 pixel; -1 until looked up.
    """

    def __init__(self, latin_px: int, cjk_px: int) -> None:
        self._sizes = tuple(cjk_px if font.cjk else latin_px for font in BUNDLED_FONTS)
        self.face = np.full(0x110000, NO_INK, np.uint8)
        self.glyph = np.zeros(0x110000, np.uint32)
        self.advance = np.full(0x110000, -1, np.int32)
        self._lock = threading.Lock()

    def size_of(self, face: int) -> int:
        """Pixels to the em of a face."""
        return self._sizes[face]

    def look_up(self, codes: npt.NDArray[np.uint32]) -> None:
        """Fills the tables for every code point in `codes`, an array of any shape."""
        fresh = np.unique(codes)
        fresh = fresh[self.advance[fresh] < 0]
        if not len(fresh):
            return
        with self._lock:
            for code in fresh.tolist():
                self._add(code)

    def _add(self, code: int) -> None:
        character = chr(code)
        if character.isspace():
            width = 4 if character == "\t" else 1
            self.advance[code] = width * self._measure(0, self._nominal(0, 0x20))
        elif code in _FORMAT_CHARACTERS:
            self.advance[code] = 0
        else:
            self._add_inked(code)

    def _add_inked(self, code: int) -> None:
        for face in range(len(BUNDLED_FONTS)):
            glyph = self._nominal(face, code)
            if glyph:
                self.glyph[code], self.face[code] = glyph, face
                self.advance[code] = self._measure(face, glyph)
                return
        self.glyph[code], self.face[code] = code, HEX_BOX
        self.advance[code] = hexbox.width(code) * PEN

    def _nominal(self, face: int, code: int) -> int:
        return open_font(BUNDLED_FONTS[face]).get_nominal_glyph(code) or 0

    def _measure(self, face: int, glyph: int) -> int:
        font = open_font(BUNDLED_FONTS[face])
        units, upem = int(font.get_glyph_h_advance(glyph)), int(font.face.upem)
        return units * self._sizes[face] * PEN // upem


_FORMAT_CHARACTERS = frozenset(
    code
    for first, last in (
        (0x00AD, 0x00AD),
        (0x061C, 0x061C),
        (0x180E, 0x180E),
        (0x200B, 0x200F),
        (0x202A, 0x202E),
        (0x2060, 0x206F),
        (0xFE00, 0xFE0F),
        (0xFEFF, 0xFEFF),
        (0xE0100, 0xE01EF),
    )
    for code in range(first, last + 1)
)
"""Soft hyphen, zero-width characters, bidirectional controls and variation selectors (Unicode general category Cf
and default ignorables): part of the text, invisible by definition."""


@lru_cache(maxsize=8)
def typecase(latin_px: int, cjk_px: int) -> Typecase:
    """The tables for these sizes, shared by everything in this process that sets text at them."""
    if not 0 < latin_px <= 1000 or not 0 < cjk_px <= 1000:
        raise ProfileError(f"font sizes {latin_px} and {cjk_px}", hint="sizes are in pixels to the em")
    return Typecase(latin_px, cjk_px)
